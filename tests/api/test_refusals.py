"""Bad input: refused by name, in one shape."""

from typing import Any

import pytest

from tests.api.conftest import Shop


@pytest.mark.parametrize(
    ("address", "query", "parameter"),
    [
        ("slots/home/", {"count": "many"}, "count"),
        ("slots/home/", {"count": "0"}, "count"),
        ("slots/home/", {"customer": "x" * 201}, "customer"),
        ("slots/home/", {"customer": "a\0b"}, "customer"),
        ("slots/home/", {"colour": "red"}, "colour"),
        ("slots/home/", {"filter.price_min": "cheap"}, "filter.price_min"),
        ("slots/home/", {"filter.price_min": "NaN"}, "filter.price_min"),
        ("slots/home/", {"filter.price_min": "-1"}, "filter.price_min"),
        ("slots/home/", {"filter.price_min": "9", "filter.price_max": "8"}, "filter.price_max"),
        ("recommendations/for-you/", {}, "customer"),
        ("recommendations/for-you/", {"customer": "ann", "count": "1000"}, "count"),
        ("recommendations/similar/", {}, "product"),
        ("recommendations/bought-together/", {}, "product"),
        ("recommendations/guess-what-you-like/", {}, "order"),
        ("recommendations/buy-again/", {}, "customer"),
        ("recommendations/popular/", {"days": "8"}, "days"),
        ("recommendations/popular/", {"class": "D"}, "class"),
        ("recommendations/trending/", {"customer": "ann"}, "customer"),
        ("rules/", {"sort": "beauty"}, "sort"),
        ("rules/", {"min_confidence": "2"}, "min_confidence"),
        ("rules/", {"min_lift": "inf"}, "min_lift"),
        ("rules/", {"cursor": "nonsense"}, "cursor"),
        ("rules/", {"cursor": "WzFd"}, "cursor"),  # [1]: the place of a list in another order
        ("rules/", {"cursor": "WzEsIk5hTiJd"}, "cursor"),  # [1,"NaN"]
        ("rules/matrix/", {"products": ",".join(map(str, range(51)))}, "products"),
        ("segments/", {"cursor": "WzEsMV0"}, "cursor"),  # [1,1]
        ("segments/", {"cursor": "W3RydWVd"}, "cursor"),  # [true]
        ("customers/ann/portrait/", {"count": "1"}, "count"),
    ],
)
def test_a_malformed_parameter_is_named(
    shop: Shop, address: str, query: dict[str, Any], parameter: str
) -> None:
    shop.person("ann")
    response = shop.client().get(f"/api/v1/{address}", query)
    assert response.status_code == 400, response.content
    answer = response.json()
    assert answer["type"] == "validation_error"
    # The member of a list is named by its place: products.3.
    assert {error["attr"].rsplit(".", 1)[0] if error["attr"][-1].isdigit() else error["attr"]
            for error in answer["errors"]} == {parameter}  # fmt: skip
    assert all(error["detail"] for error in answer["errors"])


def test_parameters_of_the_context_may_bear_any_name(shop: Shop) -> None:
    response = shop.client().get(
        "/api/v1/slots/home/", {"context.weather": "rain", "context.x.y": "1", "q": "tea"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "recommendations/similar/?product=nothing",
        "recommendations/bought-together/?products=known,nothing",
        "recommendations/guess-what-you-like/?order=none",
        "recommendations/guess-what-you-like/?products=nothing",
        "rules/?product=nothing",
        "rules/matrix/?products=nothing",
        "customers/nobody/portrait/",
        "customers/no%00body/portrait/",
        "segments/none/members/",
        "segments/no%00ne/members/",
        "slots/nowhere/",
        "slots/no%00where/",
    ],
)
def test_what_is_unknown_is_404_in_the_shape_of_errors(shop: Shop, address: str) -> None:
    shop.product("known")
    answer = shop.get(address, status=404)
    assert answer["type"] == "client_error"
    assert answer["errors"][0]["code"] == "not_found"
    assert answer["errors"][0]["detail"]


def test_a_wrong_method_is_405(shop: Shop) -> None:
    assert shop.client().post("/api/v1/rules/", {}, format="json").status_code == 405


def test_a_body_that_is_no_json_is_400(shop: Shop) -> None:
    response = shop.client().post("/api/v1/segments/", b"{", content_type="application/json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "parse_error"


def test_a_customer_id_may_contain_slashes(shop: Shop) -> None:
    shop.person("a/b/portrait/c")
    assert shop.get("customers/a/b/portrait/c/portrait/")["customer_id"] == "a/b/portrait/c"
