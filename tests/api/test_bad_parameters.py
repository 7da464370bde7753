"""Nonsense on every path of recommendations: a plain refusal or a plain answer, never a crash."""

import json
from typing import Any

import pytest

from tests.api.conftest import Shop

PATHS: dict[str, dict[str, str]] = {
    "slots/home/": {"customer": "ann"},
    "recommendations/for-you/": {"customer": "ann"},
    "recommendations/similar/": {"product": "tea-1"},
    "recommendations/bought-together/": {"products": "tea-1,tea-0"},
    "recommendations/guess-what-you-like/": {"products": "tea-1"},
    "recommendations/buy-again/": {"customer": "ann"},
    "recommendations/popular/": {},
    "recommendations/trending/": {},
    "recommendations/trace/": {"customer": "ann"},
    "rules/": {},
    "rules/matrix/": {},
}
LISTS = [path for path in PATHS if not path.startswith("rules")]
PAGED = [path for path in LISTS if path.split("/")[1] not in ("guess-what-you-like", "trace", "home")]
ABOUT = {
    "recommendations/similar/": ["product"],
    "recommendations/bought-together/": ["product", "products"],
    "recommendations/guess-what-you-like/": ["products", "order"],
    "recommendations/trace/": ["products", "explain"],
    "rules/": ["product"],
    "rules/matrix/": ["products"],
}
UNKNOWN = [(path, name) for path, names in ABOUT.items() for name in names]


def ask(shop: Shop, path: str, key: str | None = None, **more: str) -> tuple[int, Any]:
    given = {**PATHS[path], **{name.replace("__", "."): value for name, value in more.items()}}
    response = shop.client(key).get(f"/api/v1/{path}", given)
    return response.status_code, json.loads(response.getvalue())


def refused(answer: Any, attr: str | None) -> None:
    """One error at least, about this parameter, in words."""
    assert {(error["attr"] or "").split(".", 1)[0] for error in answer["errors"]} == {
        (attr or "").split(".", 1)[0]
    }
    assert all(len(error["detail"]) > 10 for error in answer["errors"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["sk_nonsense", "wk_nonsense", "nonsense", "sk_" + "a" * 5_000, "sk_\x7f"])
def test_a_wrong_key_is_401(stocked: Shop, path: str, key: str) -> None:
    status, answer = ask(stocked, path, key)
    assert status == 401
    refused(answer, None)


@pytest.mark.parametrize("path", PATHS)
def test_a_key_of_another_platform_reads_its_own_shop_alone(make_shop: Any, stocked: Shop, path: str) -> None:
    other = make_shop("elsewhere")
    status, answer = ask(stocked, path, other.credentials.server_key)
    assert status in (200, 404)  # what the answer is about is unknown there
    assert "The tea-" not in json.dumps(answer), "no title of the first shop"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("count", ["0", "-1", "1000000000", "1" * 400, "1.5", "NaN", "ten", "\x00", "1e3"])
def test_a_count_that_is_none_is_named(stocked: Shop, path: str, count: str) -> None:
    status, answer = ask(stocked, path, count=count)
    assert status == 400
    refused(answer, "count")


@pytest.mark.parametrize("path", PATHS)
def test_a_parameter_that_does_not_exist_is_named(stocked: Shop, path: str) -> None:
    status, answer = ask(stocked, path, limit="5")
    assert status == 400
    refused(answer, "limit")


@pytest.mark.parametrize(("path", "name"), UNKNOWN)
@pytest.mark.parametrize("value", ["nothing", "-1", "999999999999999999999", "%", "ü" * 200, "' OR 1=1 --"])
def test_an_unknown_product_or_order_is_404_and_named(
    stocked: Shop, path: str, name: str, value: str
) -> None:
    kind = {"kind": "similar"} if (path, name) == ("recommendations/trace/", "products") else {}
    status, answer = ask(stocked, path, **{name: value}, **kind)
    assert status == 404
    assert answer["errors"][0]["code"] == "not_found"
    assert value in answer["errors"][0]["detail"]


@pytest.mark.parametrize(("path", "name"), UNKNOWN)
@pytest.mark.parametrize("value", ["x" * 10_000, "a\x00b"])
def test_an_id_that_can_be_none_is_refused(stocked: Shop, path: str, name: str, value: str) -> None:
    status, answer = ask(stocked, path, **{name: value})
    assert status in (400, 404)
    if status == 400:
        refused(answer, name)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "filters",
    [
        {"filter__category": "Nothing"},
        {"filter__brand": "Nobody"},
        {"filter__price_min": "1000000"},
        {"filter__price_max": "0"},
        {"filter__category": "Tea", "filter__brand": "Nobody", "filter__price_max": "0.01"},
    ],
)
def test_filters_that_match_nothing_give_a_plain_answer(
    stocked: Shop, path: str, filters: dict[str, str]
) -> None:
    status, answer = ask(stocked, path, **filters)
    assert status == 200
    lists = [
        *(answer[name] for name in ("items", "for_you", "cross", "up") if name in answer),
        *(slot["items"] for slot in answer.get("slots", [])),
    ]
    assert lists
    assert not any(lists)
    if "candidates" not in answer:
        assert any(warning["code"].startswith("nothing") for warning in answer["warnings"])


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filter__category", "x" * 10_000),
        ("filter__category", "a\x00b"),
        ("filter__brand", "\x00"),
        ("filter__price_min", "1e400"),
        ("filter__price_min", "9" * 500),
        ("filter__price_max", "-0.01"),
        ("filter__price_max", "Infinity"),
        ("filter__colour", "red"),
        ("exclude", "x" * 100_000),
        ("exclude", ",".join(map(str, range(5_000)))),
        ("exclude", "a\x00b"),
        ("filter__category", "\ud83d\ude00\u202e\x1b[31m"),
        ("filter__brand", "a\r\nb"),
    ],
)
def test_nasty_filters_and_exclusions(stocked: Shop, path: str, name: str, value: str) -> None:
    value = value.encode("utf-16", "surrogatepass").decode("utf-16")
    status, answer = ask(stocked, path, **{name: value})
    assert status in (200, 400), answer
    if status == 400:
        refused(answer, name.replace("__", "."))


@pytest.mark.parametrize("path", [path for path in LISTS if PATHS[path].get("customer")])
@pytest.mark.parametrize("value", ["x" * 201, "a\x00b", "\x00"])
def test_a_customer_id_that_can_be_none_is_named(stocked: Shop, path: str, value: str) -> None:
    status, answer = ask(stocked, path, customer=value)
    assert status == 400
    refused(answer, "customer")


@pytest.mark.parametrize("path", [path for path in LISTS if PATHS[path].get("customer")])
@pytest.mark.parametrize("value", ["\x01\x02", "a\r\nb", "\u202eann", "😀" * 50, "Ann", "' OR 1=1 --", "%00"])
def test_a_strange_customer_id_is_a_stranger(stocked: Shop, path: str, value: str) -> None:
    status, answer = ask(stocked, path, customer=value)
    assert status in (200, 400), answer
    if status == 200:
        found = answer.get("items") or [item for slot in answer["slots"] for item in slot["items"]]
        assert found
        assert "personal" not in {item["source"] for item in found}


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize(
    "value", ["nonsense", "x" * 41, "\x00", "0" * 32, "019abf3c5f0e6f0e8a1d2c3b4a596877"]
)
def test_a_page_of_a_list_that_never_was(stocked: Shop, path: str, value: str) -> None:
    status, answer = ask(stocked, path, recommendation_id=value)
    assert status in (400, 404), answer
    assert all(len(error["detail"]) > 10 for error in answer["errors"])
