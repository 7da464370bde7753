"""Records by the API: lists in, pages out, one by its id; who may, and what is refused as a whole."""

import gzip
import json
from typing import Any

import pytest

from precision.shop.api.records.addresses import RESOURCES
from precision.shop.api.records.examples import EXAMPLES
from precision.shop.api.records.parser import LARGEST_BODY
from precision.shop.models import ApiKey, DeadLetter, Order, Product, Profile, Removal, Source, Tally
from tests.api.conftest import Shop

ZEROS = {"accepted": 0, "updated": 0, "duplicate": 0, "rejected": []}


def send(
    shop: Shop, address: str, body: Any, *, method: str = "post", key: str | None = None, **extra: Any
) -> Any:
    """Return status and answer of a body, sent as JSON unless it is bytes already."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = getattr(shop.client(key), method)
    response = call(f"/api/v1/{address}", content, content_type="application/json", **extra)
    return response.status_code, response.json() if response.content else None


def errors(answer: Any) -> list[tuple[str, str | None]]:
    return [(error["code"], error["attr"]) for error in answer["errors"]]


@pytest.mark.parametrize("resource", [resource for resource, _ in RESOURCES], ids=lambda one: one.name)
def test_the_example_of_each_kind_is_taken_once_and_given_back(shop: Shop, resource: Any) -> None:
    example = EXAMPLES[resource.name]
    if resource.name in {"refund", "shipment", "ticket"}:
        send(shop, "orders/", EXAMPLES["order"])
    assert send(shop, f"{resource.plural}/", example) == (200, {**ZEROS, "accepted": 1})
    assert send(shop, f"{resource.plural}/", [example]) == (200, {**ZEROS, "duplicate": 1})
    assert send(shop, f"{resource.plural}/", example, method="put") == (200, {**ZEROS, "duplicate": 1})
    results = shop.get(f"{resource.plural}/")["results"]
    assert len(results) == 1
    # What is answered can be sent again, and is the same record.
    if resource.kind.key and resource.kind.key in results[0]:
        assert send(shop, f"{resource.plural}/", results) == (200, {**ZEROS, "duplicate": 1})


def test_what_is_about_an_order_waits_for_it(shop: Shop) -> None:
    for kind in ("refund", "shipment", "ticket"):
        assert send(shop, f"{kind}s/", EXAMPLES[kind])[1] == {**ZEROS, "accepted": 1}
        assert shop.get(f"{kind}s/")["results"] == []
    assert send(shop, "orders/", EXAMPLES["order"])[1] == {**ZEROS, "accepted": 1}
    for kind in ("refund", "shipment", "ticket"):
        (found,) = shop.get(f"{kind}s/")["results"]
        assert found["order_id"] == "o-5001"
    assert shop.get("tickets/")["results"][0]["customer_id"] == "c-1001"
    (note,) = shop.get("refunds/")["results"]
    assert note["lines"] == [
        {"product_id": "sku-1", "quantity": "1", "unit_price": "3.50", "list_price": "3.90"}
    ]
    # Of the three rows nothing waits any more.
    assert {*DeadLetter.objects.values_list("status", flat=True)} == {DeadLetter.Status.REPLAYED}


def test_one_order_is_read_changed_and_taken_away(shop: Shop) -> None:
    send(shop, "orders/", EXAMPLES["order"])
    send(shop, "refunds/", EXAMPLES["refund"])
    (line,) = EXAMPLES["order"]["lines"]
    shown = {
        **EXAMPLES["order"], "placed_at": "2026-05-31T12:30:00Z", "lines": [{**line, "quantity": "2"}],
    }  # fmt: skip
    assert shop.get("orders/o-5001/") == shown
    status, answer = send(shop, "orders/o-5001/", {"status": "shipped", "channel": None}, method="patch")
    assert status == 200, answer
    assert answer == {
        name: value for name, value in {**shown, "status": "shipped"}.items() if name != "channel"
    }
    status, answer = send(shop, "orders/o-5001/", {"lines": [{**line, "quantity": 0}]}, method="patch")
    assert (status, errors(answer)) == (400, [("zero", "lines[0].quantity")])
    assert send(shop, "orders/o-5001/", b"", method="delete") == (204, None)
    assert shop.get("orders/")["results"] == shop.get("refunds/")["results"] == []
    assert {*Removal.objects.values_list("table", flat=True)} == {"order"}
    assert send(shop, "orders/", EXAMPLES["order"])[1]["accepted"] == 1


def test_one_event_is_read_and_taken_away(shop: Shop) -> None:
    send(shop, "events/", EXAMPLES["event"])
    shown = shop.get("events/e-1/")
    assert shown["event"] == "Product Viewed"
    assert (shown["anonymous_id"], shown["duration_s"], shown["session_id"]) == (
        "visitor-1",
        12.5,
        "session-1",
    )
    assert shop.get("events/?event=Product%20Viewed&since=2026-05-31T00:00:00Z")["results"] == [shown]
    assert shop.get("events/?until=2026-05-31T00:00:00Z")["results"] == []
    assert shop.get("events/?customer=nobody")["results"] == []
    assert send(shop, "events/e-1/", b"", method="delete") == (204, None)
    assert shop.get("events/e-1/", status=404)["errors"][0]["code"] == "not_found"
    assert list(Removal.objects.values_list("table", flat=True)) == ["event"]


def test_a_write_key_sends_events_only(shop: Shop) -> None:
    key = shop.credentials.write_key
    assert send(shop, "events/", [EXAMPLES["event"]], key=key)[1] == {**ZEROS, "accepted": 1}
    assert shop.client(key).get("/api/v1/events/").status_code == 403
    send(shop, "products/", EXAMPLES["product"])
    goods = {"order_id": "o-1", "products": [{"product_id": "sku-1", "quantity": 1, "price": 3}]}
    bought = {
        "event": "Order Completed",
        "anonymous_id": "v-1",
        "at": "2026-05-31T12:30:00Z",
        "properties": goods,
    }
    assert send(shop, "events/", bought, key=key)[0] == 200
    assert not Order.objects.get(external_id="o-1").confirmed


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"event": None}, "missing", "event"),
        ({"anonymous_id": None}, "missing", "customer_id"),
        ({"at": "soon"}, "not_a_time", "at"),
        ({"duration_s": -1}, "negative", "duration_s"),
        ({"event_id": "x" * 101}, "too_long", "event_id"),
        ({"properties": {"a": 2**90}}, "out_of_range", "properties"),
        ({"properties": []}, "not_an_object", "properties"),
    ],
)
def test_a_refused_event_names_its_field(shop: Shop, change: dict[str, Any], code: str, field: str) -> None:
    status, answer = send(shop, "events/", {**EXAMPLES["event"], **change})
    assert (status, errors(answer)) == (400, [(code, field)])
    assert DeadLetter.objects.count() == 1
    assert shop.get("events/")["results"] == []


def test_a_list_names_each_refused_row(shop: Shop) -> None:
    status, answer = send(
        shop,
        "products/",
        [
            {"product_id": "tea", "title": "Tea"},
            {"product_id": "cup", "title": "Cup", "price": -1},
            5,
            {"title": "=HYPERLINK()"},
        ],
    )
    assert status == 200
    assert (answer["accepted"], answer["updated"], answer["duplicate"]) == (1, 0, 0)
    assert [(one["index"], one["code"], one["field"]) for one in answer["rejected"]] == [
        (1, "negative", "price"),
        (2, "not_an_object", ""),
        (3, "missing", "product_id"),
    ]
    assert [*DeadLetter.objects.order_by("pk").values_list("kind", "code", "field")] == [
        ("product", "negative", "price"),
        ("product", "not_an_object", ""),
        ("product", "missing", "product_id"),
    ]
    assert Source.objects.get().key == "rest"
    assert sum(Tally.objects.values_list("count", flat=True)) == 4


def test_one_object_that_is_refused_is_400(shop: Shop) -> None:
    status, answer = send(shop, "products/", {"product_id": "cup", "title": "Cup", "price": "cheap"})
    assert status == 400
    assert answer["type"] == "validation_error"
    assert errors(answer) == [("not_a_number", "price")]
    status, answer = send(shop, "exposures/", {**EXAMPLES["exposure"], "items": [{"rank": 1}]})
    assert (status, errors(answer)) == (400, [("missing", "items[0].product_id")])
    assert not Product.objects.exists()


def test_one_product_is_read_changed_and_taken_away(shop: Shop) -> None:
    send(shop, "products/", {**EXAMPLES["product"], "product_id": "a/b c"})
    assert shop.get("products/a/b%20c/") == {**EXAMPLES["product"], "product_id": "a/b c", "active": True}
    change = {"price": 4, "brand": None, "labels": {"taste": None, "size": "L"}}
    status, answer = send(shop, "products/a/b%20c/", change, method="patch")
    assert status == 200
    assert (answer["price"], answer["labels"], answer["title"]) == ("4.00", {"size": "L"}, "Green tea, 250 g")
    assert "brand" not in answer
    status, answer = send(shop, "products/a/b%20c/", {"price": -4}, method="patch")
    assert (status, errors(answer)) == (400, [("negative", "price")])
    status, answer = send(shop, "products/a/b%20c/", {"title": None}, method="patch")
    assert (status, errors(answer)) == (400, [("missing", "title")])
    status, answer = send(shop, "products/a/b%20c/", {"product_id": "c"}, method="patch")
    assert (status, errors(answer)) == (400, [("fixed", "product_id")])
    assert send(shop, "products/a/b%20c/", [], method="patch")[0] == 400
    assert send(shop, "products/a/b%20c/", b"", method="delete") == (204, None)
    assert shop.get("products/a/b%20c/", status=404)["errors"][0]["code"] == "not_found"
    assert shop.get("products/")["results"] == []
    # The row stays, because orders name it; told again it is for sale again.
    assert send(shop, "products/", {**EXAMPLES["product"], "product_id": "a/b c"})[1]["updated"] == 1
    assert Product.objects.count() == 1


def test_personal_values_are_for_keys_that_may_export(shop: Shop) -> None:
    send(shop, "customers/", EXAMPLES["customer"])
    assert shop.get("customers/c-1001/")["email"] == "ann@shop.de"
    ApiKey.objects.filter(kind=ApiKey.Kind.SERVER).update(scopes=["read", "write"])
    shown = shop.get("customers/c-1001/")
    assert shown["city"] == "Berlin"
    assert not {"email", "phone", "name", "address"} & set(shown)
    # A change by such a key loses nothing that it does not see.
    assert send(shop, "customers/c-1001/", {"city": "Ulm"}, method="patch")[1]["city"] == "Ulm"
    ApiKey.objects.filter(kind=ApiKey.Kind.SERVER).update(scopes=["read", "export"])
    assert shop.get("customers/c-1001/")["email"] == "ann@shop.de"
    assert Profile.objects.count() == 1


def test_pages_lead_through_all_records_once(shop: Shop) -> None:
    names = [f"p{number:02}" for number in range(7)]
    send(shop, "products/", [{"product_id": name, "title": name} for name in reversed(names)])
    found: list[str] = []
    address = "products/?count=3"
    while address:
        page = shop.get(address)
        found += [one["product_id"] for one in page["results"]]
        address = (page["next"] or "").partition("/api/v1/")[2]
    assert found == names
    assert [one["product_id"] for one in shop.get("products/?ids=p03,p01,none")["results"]] == ["p01", "p03"]


def test_pages_of_contacts(shop: Shop) -> None:
    rows = [
        {"campaign_id": campaign, "customer_id": f"c{number}", "arm": "a", "at": "2026-05-01T00:00:00Z"}
        for campaign in ("x", "y")
        for number in range(3)
    ]
    send(shop, "assignments/", rows)
    found: list[Any] = []
    address = "assignments/?count=2"
    while address:
        page = shop.get(address)
        found += page["results"]
        address = (page["next"] or "").partition("/api/v1/")[2]
    key = lambda one: (one["campaign_id"], one["customer_id"])  # noqa: E731
    assert sorted(found, key=key) == sorted(rows, key=key)
    assert len(shop.get("assignments/?campaign=y")["results"]) == 3


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("products/?cursor=nonsense", "cursor"),
        ("products/?cursor=WzFd", "cursor"),  # [1]
        ("products/?cursor=WyJhXHUwMDAwIl0", "cursor"),  # ["a\\u0000"]
        ("products/?cursor=WyJhIiwiYiJd", "cursor"),  # ["a","b"]
        ("exposures/?cursor=WyIyMDI2IiwxXQ", "cursor"),  # ["2026",1]
        ("exposures/?since=yesterday", "since"),
        ("assignments/?count=0", "count"),
        ("store-months/?since=1", "since"),
        ("customers/c/?count=1", "count"),
    ],
)
def test_a_malformed_parameter_is_named(shop: Shop, address: str, parameter: str) -> None:
    assert errors(shop.get(address, status=400))[0][1] == parameter


@pytest.mark.parametrize(
    "address", ["products/none/", "customers/none/", "exposures/none/", "stores/no%00ne/"]
)
def test_what_is_unknown_is_404(shop: Shop, address: str) -> None:
    assert errors(shop.get(address, status=404)) == [("not_found", None)]


def test_write_keys_and_keys_without_scope_write_nothing(shop: Shop) -> None:
    for method in ("post", "put"):
        status, answer = send(
            shop, "products/", EXAMPLES["product"], method=method, key=shop.credentials.write_key
        )
        assert (status, errors(answer)) == (403, [("permission_denied", None)])
    ApiKey.objects.filter(kind=ApiKey.Kind.SERVER).update(scopes=["read"])
    assert send(shop, "products/", EXAMPLES["product"])[0] == 403
    assert send(shop, "products/x/", {}, method="patch")[0] == 403
    assert send(shop, "products/x/", b"", method="delete")[0] == 403
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "parse_error"),
        (b'{"product_id": NaN}', "not_a_number"),
        (b'[{"product_id": -Infinity}]', "not_a_number"),
        (b'{"product_id": "a", "product_id": "b"}', "duplicate_key"),
        (b'{"product_id": "\xff"}', "not_unicode"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"9" * 5_000, "out_of_range"),
        (b"[" + b",".join([b"{}"] * 5_001) + b"]", "too_many_rows"),
    ],
)
def test_a_body_that_cannot_be_read_is_400(shop: Shop, body: bytes, code: str) -> None:
    status, answer = send(shop, "products/", body)
    assert (status, errors(answer)) == (400, [(code, None)])
    assert not DeadLetter.objects.exists()


def test_a_compressed_body_is_read_and_a_bomb_refused(shop: Shop) -> None:
    body = json.dumps([EXAMPLES["product"]]).encode()
    halves = gzip.compress(body[:20]) + gzip.compress(body[20:])
    for sent in (gzip.compress(body), halves):
        assert send(shop, "products/", sent, HTTP_CONTENT_ENCODING="gzip")[0] == 200
    bomb = gzip.compress(b" " * 300_000_000)
    assert len(bomb) < LARGEST_BODY
    status, answer = send(shop, "products/", bomb, HTTP_CONTENT_ENCODING="gzip")
    assert (status, errors(answer)) == (413, [("too_large", None)])
    for broken in (b"no gzip", gzip.compress(body)[:-9], b""):
        status, answer = send(shop, "products/", broken, HTTP_CONTENT_ENCODING="gzip")
        assert status == 400, answer
    status, answer = send(shop, "products/", body, HTTP_CONTENT_ENCODING="br")
    assert (status, errors(answer)) == (415, [("unsupported_encoding", None)])


def test_a_large_body_is_413(shop: Shop) -> None:
    status, answer = send(shop, "products/", b" " * (LARGEST_BODY + 1))
    assert (status, errors(answer)) == (413, [("too_large", None)])
    # Four megabytes of nesting within bounds of the parser are one refused row.
    deep = b'{"product_id":"a","title":"a","traits":{"a":' + b"[" * 500 + b"]" * 500 + b"}}"
    assert errors(send(shop, "products/", deep)[1]) == [("too_deep", "traits")]
    wide = b'{"product_id":"a","title":"a","traits":{"a":[' + b"[]," * 1_300_000 + b"[]]}}"
    assert errors(send(shop, "products/", wide)[1]) == [("too_large", "traits")]
