"""Files of every kind of record: events, months of stores, names, consents, and what became of orders afterwards."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from precision.shop import mapping
from precision.shop.importing import ImportRefusedError, import_files
from precision.shop.models import (
    Consent,
    DeadLetter,
    Event,
    Identity,
    IdentityLink,
    ImportBatch,
    Order,
    Platform,
    Referral,
    Source,
    StoreMonth,
    Tally,
)
from tests.shop.imports import LINES, ROWS, counts, rejects

pytestmark = pytest.mark.django_db

HEAD = "version = 1\n[files.rows]\n"
EVENTS = """
[event]
from = "rows"
event_id = "id"
event = "what"
anonymous_id = "visitor"
customer_id = "who"
at = "when"
product_id = "product"
[event.properties]
price = "price"
email = "mail"
page = "page"
"""


def test_events(load: Any, platform: Platform) -> None:
    text = HEAD + '[files.rows.source]\nkey = "web"\nkind = "partner"\nlicence = "CC0"\n' + EVENTS
    rows = (
        "id,what,visitor,who,when,product,price,mail,page\n"
        "1,product viewed,v1,,2024-03-01 10:00,tea,3.50,a@b.de,home\n"
        "2,Page Viewed,v1,anna,2024-03-01 10:01,,,,\n"
        "2,Page Viewed,v1,anna,2024-03-01 10:01,,,,\n"
        "3,Page Viewed,,,2024-03-01 10:01,,,,\n"
        "4,,v1,,2024-03-01 10:01,,,,\n"
        "5,Page Viewed,v1,,yesterday,,,,\n"
    )
    told = load(text, rows=rows)
    assert counts(told) == (2, 0, 1, 3)
    assert rejects(told) == [
        ("rows.csv", "4", "who", "", "missing"), ("rows.csv", "5", "what", "", "missing"),
        ("rows.csv", "6", "when", "yesterday", "not_a_time"),
    ]  # fmt: skip
    event = Event.objects.get(name="Product Viewed")
    assert event.properties == {"price": 3.5, "page": "home", "product_id": "tea"}
    source = Source.objects.get(key="web")
    assert (event.source, source.kind, source.licence) == (source, "partner", "CC0")
    assert IdentityLink.objects.count() == 1
    tallies = Tally.objects.filter(source=source).order_by("outcome", "reason")
    assert list(tallies.values_list("kind", "outcome", "reason", "count")) == [
        ("event", "accepted", "", 2), ("event", "duplicate", "", 1), ("event", "rejected", "missing", 2),
        ("event", "rejected", "not_a_time", 1), ("event", "unknown_product", "", 1),
    ]  # fmt: skip
    batch = ImportBatch.objects.get()
    assert (batch.source, batch.status) == (source, "done")
    assert batch.finished_at is not None
    assert batch.started_at <= batch.finished_at
    again = load(text, rows=rows)
    assert counts(again) == (0, 0, 3, 3)
    assert Event.objects.count() == 2


def test_months_of_stores(load: Any, platform: Platform) -> None:
    text = HEAD + (
        '[store-month]\nfrom = "rows"\nstore_id = "store"\nmonth = "month"\nproduct_id = "product"\n'
        'displays = "displays"\nsales_value = "value"\n[store-month.traits]\nweather = "weather"\n'
    )
    rows = (
        "store,month,product,displays,value,weather\n"
        "s1,2024-03-15,,2,100.50,dry\n"
        "s1,2024-03-01,tea,1,20,\n"
        "s1,2024-03-31,,3,,\n"
        "s2,March,,1,1,\n"
    )
    told = load(text, rows=rows)
    assert counts(told) == (2, 0, 1, 1)
    found = StoreMonth.objects.order_by("product__external_id").values_list(
        "store__external_id", "month", "product__external_id", "displays", "sales_value", "traits"
    )
    assert [tuple(map(str, row)) for row in found] == [
        ("s1", "2024-03-01", "tea", "1.0", "20", "{}"),
        ("s1", "2024-03-01", "None", "3.0", "100.5", "{'weather': 'dry'}"),
    ]
    assert told["unknown_products"] == 1
    assert counts(load(text, rows=rows)) == (0, 0, 3, 1)


PEOPLE = (
    '[customer]\nfrom = "rows"\ncustomer_id = "id"\n'
    '[identity]\nfrom = "rows"\ncustomer_id = "id"\nkind = { value = "card" }\nvalue = "card"\n'
    '[consent]\nfrom = "rows"\ncustomer_id = "id"\nchannel = { value = "Email" }\n'
    'purpose = { value = "marketing" }\ngranted = "news"\nat = "since"\n'
)


def test_names_and_consents_beside_their_customers(
    load: Any, platform: Platform, django_capture_on_commit_callbacks: Any
) -> None:
    rows = "id,card,news,since\nanna,C-1,yes,2024-01-01\nbert,,no,2024-01-02\nnull,C-3,yes,\n"
    with django_capture_on_commit_callbacks(execute=True):
        told = load(HEAD + PEOPLE, rows=rows)
    assert counts(told) == (2, 0, 0, 1), "a row counts as its customer"
    assert told["kinds"]["identity"]["accepted"] == 1
    assert told["kinds"]["consent"] == {"accepted": 2, "updated": 0, "duplicate": 0, "rejected": 1}
    card = Identity.objects.get(kind="card")
    assert card.customer == Identity.objects.get(value="anna").customer
    said = Consent.objects.order_by("at").values_list("identity__value", "channel", "granted")
    assert list(said) == [("anna", "email", True), ("bert", "email", False)]
    assert "C-3" not in Path(told["rejects_file"]).read_text()
    again = load(HEAD + PEOPLE, rows=rows)
    assert again["kinds"]["identity"]["duplicate"] == 1
    assert again["kinds"]["consent"]["duplicate"] == 2


REFUND = (
    '[refund]\nfrom = "rows"\nrefund_id = "refund"\norder_id = "order"\nat = "at"\n'
    '[refund.lines]\nproduct_id = "product"\nquantity = "pieces"\n'
)


def test_refunds_with_lines(load: Any, platform: Platform) -> None:
    load(LINES, lines=ROWS)
    rows = (
        "refund,order,at,product,pieces\n"
        "r1,1,2024-03-05,tea,1\n"
        "r1,1,2024-03-05,cup,1\n"
        "r2,99,2024-03-05,tea,1\n"
        "r3,2,2024-03-05,tea,-1\n"
        ",2,2024-03-05,tea,1\n"
    )
    told = load(HEAD + REFUND, rows=rows)
    assert counts(told) == (3, 0, 0, 2)
    note = Order.objects.get(status="returned")
    assert note.refers_to == Order.objects.get(external_id="1")
    assert sorted(note.lines.values_list("product__external_id", "quantity")) == [("cup", -1), ("tea", -1)]
    assert DeadLetter.objects.get().waits_for == "99"
    assert {code for *_, code in rejects(told)} == {"missing", "negative"}
    before = Order.objects.count()
    assert counts(load(HEAD + REFUND, rows=rows))[:2] == (1, 0), "only the one that waits is taken again"
    assert Order.objects.count() == before


def test_shipments_and_tickets(load: Any, platform: Platform) -> None:
    load(LINES, lines=ROWS)
    text = HEAD + (
        '[shipment]\nfrom = "rows"\nshipment_id = "id"\norder_id = "order"\nat = "at"\nstatus = "state"\n'
        'carrier = "by"\n'
    )
    rows = (
        "id,order,at,state,by\nS1,1,2024-03-03,shipped,Post\nS1,1,2024-03-04,delivered,Post\n"
        "S2,1,2024-03-04,eaten,\n"
    )
    assert counts(load(text, rows=rows)) == (2, 0, 0, 1)
    assert counts(load(text, rows=rows)) == (0, 0, 2, 1)
    event = Event.objects.get(name="Shipment Delivered")
    assert event.identity == Identity.objects.get(value="anna")
    assert event.properties["carrier"] == "Post"
    ticket = '[ticket]\nfrom = "rows"\nticket_id = "id"\ncustomer_id = "who"\nat = "at"\ntext = "text"\n'
    assert counts(load(HEAD + ticket, rows="id,who,at,text\nT1,anna,2024-03-06,Broken cup\n")) == (1, 0, 0, 0)
    assert Event.objects.get(name="Ticket Opened").properties["text"] == "Broken cup"


NESTED = """
version = 1
[files.orders]
explode = "items"
[order]
from = "orders"
order_id = "id"
customer_id = "customer.id"
placed_at = "at"
[order.lines]
product_id = "items.sku"
quantity = "items.n"
unit_price = "items.price.amount"
"""


def nested(tmp_path: Path, rows: list[Any], *, name: str = "orders.jsonl") -> Path:
    path = tmp_path / name
    text = "".join(
        json.dumps(row) + "\n" if not isinstance(row, str) else row + "\n" for row in rows
    ).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def test_nested_json_lines(tmp_path: Path, platform: Platform) -> None:
    def item(sku: str, n: Any = 1) -> dict[str, Any]:
        return {"sku": sku, "n": n, "price": {"amount": "2.5"}}

    rows = [
        {"id": "1", "customer": {"id": "anna"}, "at": "2024-01-01", "items": [item("tea"), item("cup", 2)]},
        {"id": "2", "customer": None, "at": "2024-01-02", "items": []},
        {"id": "3", "customer": {"id": "bert"}, "at": "2024-01-03", "items": [item("tea", 0), item("pot")]},
    ]
    told = import_files(platform, mapping.parse(NESTED), {"orders": nested(tmp_path, rows)})
    assert (told.rows.total, told.rows.accepted, told.rows.rejected) == (5, 3, 2)
    assert rejects(told.as_json()) == [
        ("orders.jsonl", "2", "items.sku", "", "missing"), ("orders.jsonl", "3", "items.n", "0", "zero"),
    ]  # fmt: skip
    lines = Order.objects.order_by("external_id").values_list(
        "external_id", "identity__value", "lines__product__external_id"
    )
    assert sorted(lines) == [("1", "anna", "cup"), ("1", "anna", "tea"), ("3", "bert", "pot")]


@pytest.mark.parametrize(
    ("explode", "words"),
    [("goods", "no column 'goods' to explode; it has id"), ("id", "holds String, not lists")],
)
def test_what_cannot_be_exploded(explode: str, words: str, tmp_path: Path, platform: Platform) -> None:
    path = nested(tmp_path, [{"id": "1", "customer": {"id": "a"}, "at": "2024-01-01", "items": []}])
    text = NESTED.replace('"items"', f'"{explode}"', 1)
    with pytest.raises(ImportRefusedError, match=words):
        import_files(platform, mapping.parse(text), {"orders": path})


@pytest.mark.parametrize("name", ["orders.jsonl.gz", "orders.jsonl.zst"])
@pytest.mark.parametrize(
    ("setting", "words"), [("RATIO", "more than 3 times its size"), ("BYTES", "more than 3 bytes once")]
)
def test_bombs_are_refused_by_name(
    name: str, setting: str, words: str, tmp_path: Path, platform: Platform, settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    setattr(settings, f"PRECISION_IMPORT_MOST_{setting}", 3)
    monkeypatch.setattr("precision.shop.importing.decompressing.HARMLESS", 1_000)
    text = b'{"id":"1"}\n' * 10_000
    path = tmp_path / name
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(text))
    else:
        pa = pytest.importorskip("pyarrow")
        path.write_bytes(pa.compress(text, codec="zstd", asbytes=True))
    with pytest.raises(ImportRefusedError) as caught:
        import_files(platform, mapping.parse(NESTED), {"orders": path})
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert not ImportBatch.objects.exists()


def test_a_source_of_another_kind(load: Any, platform: Platform, tmp_path: Path) -> None:
    Source.objects.create(platform=platform, key="till", kind="store", basis="contract")
    text = '[files.lines]\n[files.lines.source]\nkey = "till"\nlicence = "ours"\nbasis = "consent"\n'
    told = load(LINES.replace("[files.lines]", text), lines=ROWS)
    assert counts(told) == (3, 0, 0, 0)
    source = Source.objects.get(key="till")
    assert (source.kind, source.licence, source.basis) == ("store", "ours", "contract")
    assert set(Order.objects.values_list("source", flat=True)) == {source.pk}
    path = tmp_path / "again.csv"
    path.write_text(ROWS)
    other = mapping.parse(LINES.replace("[files.lines]", text + 'kind = "partner"\n'))
    with pytest.raises(ImportRefusedError, match="of the kind store, not partner"):
        import_files(platform, other, {"lines": path})


def test_who_brought_whom(load: Any, platform: Platform) -> None:
    text = HEAD + '[customer]\nfrom = "rows"\ncustomer_id = "id"\nreferred_by = "by"\ngender = "sex"\n'
    rows = "id,by,sex\nanna,,f\nbert,anna,\ncleo,cleo,\ndora,null,\n"
    told = load(text, rows=rows)
    assert counts(told) == (2, 0, 0, 2)
    assert {row[1:] for row in rejects(told)} == {
        ("3", "by", "cleo", "unusable_identity"), ("4", "by", "null", "unusable_identity"),
    }  # fmt: skip
    pairs = Referral.objects.values_list("referrer__value", "referred__value")
    assert list(pairs) == [("anna", "bert")]
    assert counts(load(text, rows=rows)) == (0, 0, 2, 2)
    load(text, rows="id,by,sex\ndora,,\nbert,dora,\n")
    assert list(pairs.all()) == [("dora", "bert")]
