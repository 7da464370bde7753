"""Whatever a record holds: never a crash, never half a write, and each refusal says where."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precision.shop.api.records.addresses import RESOURCES
from precision.shop.api.records.examples import EXAMPLES
from precision.shop.models import DeadLetter, Source
from precision.shop.recording import record
from precision.shop.records import KINDS, Code, Field, Kind, Type
from precision.shop.sources import default
from tests.api.conftest import NOON, Shop

NASTY = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff x", "\x1b[31m", "\u202etfel", "\ufeff", "\u0000\u0001", "=1+1", "@cmd",
    "-2+3", "+1", "\t=1", "null", "NaN", "Infinity", "-0", "1e308", "1e999", "0x10", "1_000", "１２", "٣", "²", "½",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31", "0000-00-00", "2024-02-30", "2024-01-01T25:00:00Z",
    "2024-01-01T00:00:00+99:99", "-1-01-01", "2024-01-01 00:00:00 Z", "x" * 201, "ß" * 6_000, "💥" * 60, "a" * 70_000,
    "%s %(a)s {} \\ ' \" ; --", "\\N", "\\x00", "{}", "[]", "true", "http://", "http:// ", "https://a b", "\r\n",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 10**40, 10**4000, 0.1, -0.0, 1e-300, 1e15, 1e16, 1e308, -1e308,
    float("nan"), float("inf"), float("-inf"), 999_999_999_999.9999, 10**12 + 1, 10**18,
)  # fmt: skip
ALWAYS = {"index", "code", "detail", "field"}
CODES = {*map(str, Code)} | {"unknown_product", "other_currency"}
"""Codes of refusals; the last two only orders have."""

scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NASTY), st.sampled_from(NUMBERS), st.text(max_size=20),
    st.floats(), st.integers(),
)  # fmt: skip
names = st.one_of(
    st.sampled_from(("a", "", "\0", "\ud800", "email", "password", "__row", "__index")), st.text(max_size=8)
)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


def deep(levels: int) -> Any:
    """A value nested so many levels."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


odd = st.one_of(junk, st.sampled_from((10, 40, 400)).map(deep))


def mutated(kind: Kind) -> st.SearchStrategy[Any]:
    """Rows of a kind: the example with one to three fields turned into anything, or anything at all."""
    fields = [one.name for one in kind.fields] + ["surprise"]
    nested = [one for one in kind.fields if one.type is Type.RECORDS]
    changes = st.dictionaries(st.sampled_from(fields), odd, min_size=1, max_size=3)
    rows = changes.map(lambda change: {**EXAMPLES[kind.name], **change})
    inner = [inside(kind, one) for one in nested]
    return st.one_of(rows, *inner, rows, st.dictionaries(names, odd, max_size=3), odd)


def inside(kind: Kind, one: Field) -> st.SearchStrategy[Any]:
    """Rows of a kind in which one record of a list field has fields turned into anything."""
    fields = [each.name for each in KINDS[one.of].fields] + ["surprise"]
    example = (EXAMPLES[kind.name].get(one.name) or [{}])[0]
    changes = st.lists(st.dictionaries(st.sampled_from(fields), odd, max_size=2), min_size=1, max_size=3)
    return changes.map(
        lambda many: {**EXAMPLES[kind.name], one.name: [{**example, **change} for change in many]}
    )


def rows_of() -> dict[str, int]:
    """How many rows each table of facts has, but those that tell what came in."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_app_config("precision_shop").get_models():
            if model.__name__ not in {"DeadLetter", "Tally", "Source"}:
                cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
                found[model.__name__] = cursor.fetchone()[0]
    return found


@pytest.fixture
def ready(shop: Shop) -> Shop:
    """A shop with the order that other records are about."""
    for kind in ("product", "order"):
        source = default(shop.platform, Source.Kind.REST)
        record(shop.platform, kind, [EXAMPLES[kind]], replace=False, source=source, now=NOON)
    return shop


@pytest.mark.parametrize("name", [resource.name for resource, _ in RESOURCES])
def test_no_row_breaks_anything(ready: Shop, name: str) -> None:
    source = default(ready.platform, Source.Kind.REST)

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(rows=st.lists(mutated(KINDS[name]), min_size=1, max_size=4), replace=st.booleans())
    def send(rows: list[Any], replace: bool) -> None:
        before, letters = rows_of(), DeadLetter.objects.count()
        answer = record(ready.platform, name, rows, replace=replace, source=source, now=NOON).as_json()
        assert answer["accepted"] + answer["updated"] + answer["duplicate"] + len(answer["rejected"]) == len(
            rows
        )
        for refusal in answer["rejected"]:
            assert {*refusal} == ALWAYS
            assert 0 <= refusal["index"] < len(rows)
            assert refusal["code"] in CODES, refusal
            assert refusal["detail"]
            # A row as a whole has no field, nor has one whose name is nothing but what cannot be shown.
            row = rows[refusal["index"]]
            assert refusal["field"] or not isinstance(row, dict) or {"", "\0"} & row.keys(), refusal
            assert json.dumps(refusal, ensure_ascii=False).encode()
        # What is refused is kept as it came; nothing else is written of it.
        assert DeadLetter.objects.count() - letters >= len(answer["rejected"])
        if not answer["accepted"] + answer["updated"]:
            assert rows_of() == before

    send()


@pytest.mark.parametrize("name", [resource.name for resource, _ in RESOURCES])
def test_each_value_in_each_field_is_kept_or_refused_there(ready: Shop, name: str) -> None:
    source = default(ready.platform, Source.Kind.REST)
    kind, example = KINDS[name], EXAMPLES[name]
    values = [*NASTY, *NUMBERS, deep(40), [], {}, [None], [[]], [{}], [{"a": 1}]]
    for field in kind.fields:
        rows = [{**example, field.name: value} for value in values]
        if kind.key and kind.key != field.name:
            rows = [{**row, kind.key: f"{place}"} for place, row in enumerate(rows)]
        before = rows_of()
        answer = record(ready.platform, name, rows, replace=False, source=source, now=NOON)
        if len(answer.rejected) == len(rows):
            assert rows_of() == before
        for refusal in answer.rejected:
            place = re.split(r"[.\[]", refusal.field)[0]
            # Without a person another field of the same question is asked for.
            assert place in {field.name, "customer_id"}, (refusal, ascii(values[refusal.index])[:80])


@pytest.fixture
def post(ready: Shop) -> Callable[..., Any]:
    def call(address: str, body: bytes, method: str = "post") -> Any:
        return getattr(ready.client(), method)(f"/api/v1/{address}", body, content_type="application/json")

    return call


@pytest.mark.parametrize("plural", [resource.plural for resource, _ in RESOURCES])
def test_no_body_breaks_anything(post: Callable[..., Any], plural: str) -> None:
    escaped = [json.dumps(text) for text in NASTY]
    bodies = [
        b"", b"null", b"1", b'"a"', b"[]", b"[null]", b"[[]]", b"{}", b"[1,{}]", b"\xef\xbb\xbf{}", b"{}{}", b"\0",
        b"[" * 3_000, b'{"a":' * 3_000, b"[1e999]", b'[{"\\ud800":1}]', b'[{"\\u0000":1}]', b"[{}]" + b" " * 1_000,
        '[{"ä":1}]'.encode("latin-1"), "[]".encode("utf-16"), *(f"[{text}]".encode() for text in escaped),
    ]  # fmt: skip
    for body in bodies:
        for method in ("post", "put"):
            response = post(f"{plural}/", body, method)
            assert response.status_code in {200, 400}, (body, response.content)
            if response.status_code == 400:
                assert all(error["code"] and error["detail"] for error in response.json()["errors"])


@pytest.mark.parametrize(("resource", "methods"), [one for one in RESOURCES if "patch" in one[1]])
def test_no_change_of_one_record_breaks_anything(
    post: Callable[..., Any], resource: Any, methods: tuple[str, ...]
) -> None:
    example = EXAMPLES[resource.name]
    address = f"{resource.plural}/{example[resource.kind.key]}/"

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        change=st.dictionaries(st.sampled_from([one.name for one in resource.kind.fields]), odd, max_size=3)
    )
    def send(change: dict[str, Any]) -> None:
        post(f"{resource.plural}/", json.dumps(example).encode(), "put")
        response = post(address, json.dumps(change).encode(), "patch")
        assert response.status_code in {200, 400}, response.content
        if response.status_code == 400:
            assert all(error["code"] and error["detail"] for error in response.json()["errors"])
            shown = post(address, b"", "get").json()
            assert shown[resource.kind.key] == example[resource.kind.key]

    send()
