"""GET recommendations/quality/: the models side by side, chosen by name, and refusals."""

from collections.abc import Callable

from tests.api.conftest import Shop
from tests.api.judged import judged


def test_all_rows_the_best_first(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop("corner")
    judged(shop)
    answer = shop.get("recommendations/quality/")
    assert (answer["as_of"], answer["computed_as_of"]) == ("2026-07-01", "2026-06-28")
    assert answer["verdicts"] == [
        {"which": "new", "model": "blend", "promoted": True, "decidable": True, "reason": "Promoted."}
    ]
    assert [(row["which"], row["group"], row["model"], row["recall"]) for row in answer["rows"]] == [
        ("all", "all", "blend", 0.3),
        ("new", "all", "blend", 0.2),
        ("new", "all", "popular-7", 0.1),
        ("new", "class:A", "blend", None),
    ]


def test_rows_can_be_chosen(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop("corner")
    judged(shop)
    rows = shop.get("recommendations/quality/?which=new&group=all&model=popular-7")["rows"]
    assert [row["model"] for row in rows] == ["popular-7"]
    assert shop.get("recommendations/quality/?model=nothing")["rows"] == []


def test_before_the_first_night_and_bad_input(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop("corner")
    assert shop.get("recommendations/quality/") == {
        "as_of": None,
        "computed_as_of": None,
        "verdicts": [],
        "rows": [],
    }
    refused = shop.get("recommendations/quality/?which=some", status=400)
    assert refused["errors"][0]["attr"] == "which"
