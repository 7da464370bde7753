"""The page that sets the models of recommendations side by side."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from precision.engine.models import Publication, Run
from recommender.models import RecommendationQuality

COMPARE = "admin:precision_recommender_recommendationquality_compare"


@pytest.fixture
def judged(world: SimpleNamespace) -> Run:
    run = Run.objects.create(
        job="recommendation-quality", scope="corner", as_of="2026-07-01", status="published",
        measures={
            "computed_as_of": "2026-06-28",
            "gate": [
                {
                    "which": "new", "model": "blend", "promoted": False, "decidable": True,
                    "reason": "Refused: 0.1800 against 0.2000.",
                }
            ],
        },
    )  # fmt: skip
    Publication.objects.update_or_create(job="recommendation-quality", scope="corner", defaults={"run": run})

    def add(model: str, recall: float | None, *, fold: int = 0, group: str = "all", **more: Any) -> None:
        RecommendationQuality.objects.create(**{
            "run": run, "model": model, "fold": fold, "cut_day": date(2026, 6 - fold, 1), "days": 30, "which": "new",
            "group": group, "k": 20, "customers": 1500, "undefined": 20, "recall": recall, "ndcg": 0.1, "map": 0.05,
            "hit_rate": 0.4, "coverage": 0.3, "novelty": 7.25, "new_share": 1.0, "baseline": "popular-7", **more,
        })  # fmt: skip

    add("blend", 0.18, gain=-0.02, gain_low=-0.03, gain_high=-0.01)
    add("popular-7", 0.2)
    add("blend", 0.31, fold=1)
    for group, recall in (("history:10+", 0.11), ("history:2-4", 0.22), ("class:A", 0.15)):
        add("blend", recall, group=group, gain=0.01)
    add("blend", 0.42, which="weighted", baseline="", parts={"clicks": 0.2, "carts": None, "orders": 0.5})
    return run


def test_models_stand_side_by_side_with_verdict_charts_and_files(staff: Client, judged: Run) -> None:
    text = staff.get(
        reverse(COMPARE), {"scope": "corner", "which": "new", "group": "all", "fold": "0"}
    ).content.decode()
    assert "Blend: Refused: 0.1800 against 0.2000." in text
    assert "Computed as of 2026-06-28, 1,500 customers." in text
    assert "-0.0200 (-0.0300 to -0.0100)" in text
    assert "the best baseline" in text
    for chart in ("above-baseline", "by-fold", "by-history", "by-class", "breadth"):
        assert f'id="chart-{chart}"' in text
    side = text[text.index("Side by side") :]
    assert side.index("popular-7") < side.index("blend"), "the highest recall comes first"
    assert "0.4200" in text[text.index("Weighted recall") :]


@pytest.mark.parametrize(("day", "same"), [(date(2026, 6, 1), True), (date(2026, 6, 2), False)])
def test_a_ranker_is_drawn_beside_the_others_only_on_the_same_days(
    staff: Client, judged: Run, day: date, same: bool
) -> None:
    RecommendationQuality.objects.create(
        run=judged, model="ranker", fold=0, cut_day=day, days=30, which="new", group="all", k=20, customers=1400,
        undefined=0, recall=0.25, baseline="popular-7", gain=0.05, gain_low=0.04, gain_high=0.06,
    )  # fmt: skip
    asked = {"scope": "corner", "which": "new", "group": "all", "fold": "0"}
    text = staff.get(reverse(COMPARE), asked).content.decode()
    side = text[text.index("Side by side") :]
    assert side.index("ranker") < side.index("popular-7"), "it stands in the table in any case"
    assert (
        "Ranker: judged on 30 days from 2026-06-02, not on those of the other models." in text
    ) is not same
    folds = staff.get(reverse(COMPARE), {**asked, "file": "by-fold"}).content.decode("utf-8-sig").splitlines()
    assert folds[0] == "model,from 2026-06-01,from 2026-05-01"
    assert ("ranker,0.25," in folds) is same


def test_charts_can_be_had_as_files(staff: Client, judged: Run) -> None:
    asked = {"scope": "corner", "which": "new", "group": "all", "fold": "0"}
    folds = staff.get(reverse(COMPARE), {**asked, "file": "by-fold"}).content.decode("utf-8-sig").splitlines()
    assert folds[0] == "model,from 2026-06-01,from 2026-05-01"
    assert folds[1:] == ["popular-7,0.2,", "blend,0.18,0.31"]
    lengths = (
        staff.get(reverse(COMPARE), {**asked, "file": "by-history"}).content.decode("utf-8-sig").splitlines()
    )
    assert [row.split(",")[0] for row in lengths[1:]] == ["2-4", "10+"], "in order of their length"


def test_another_group_and_what_nobody_bought(staff: Client, judged: Run) -> None:
    asked = {"scope": "corner", "which": "new", "group": "class:A", "fold": "0"}
    side = staff.get(reverse(COMPARE), asked).content.decode()
    assert "popular-7</td>" not in side, "only the blend was judged on this class"
    empty = staff.get(reverse(COMPARE), {**asked, "which": "all"})
    assert empty.status_code == 200
    assert "No model was judged." in empty.content.decode()


def test_without_an_address_and_with_a_wrong_one(staff: Client, judged: Run) -> None:
    assert "Side by side" in staff.get(reverse(COMPARE)).content.decode()
    for wrong in ({"fold": "7"}, {"which": "none"}, {"group": "x"}, {"scope": "nowhere"}):
        page = staff.get(reverse(COMPARE), wrong)
        assert page.status_code == 200
        assert "Select a valid choice" in page.content.decode()


def test_before_the_first_night_the_page_says_so(staff: Client, world: SimpleNamespace) -> None:
    assert "Nothing was computed for this shop yet." in staff.get(reverse(COMPARE)).content.decode()


def test_who_may_not_see_it_is_sent_away(client: Client, world: SimpleNamespace) -> None:
    assert client.get(reverse(COMPARE)).status_code == 302
