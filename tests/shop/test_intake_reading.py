"""Reading calls of the SDK dialect: pure, so any input may be thrown at it."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.shop import segment_spec
from precision.shop.intake import reading, surroundings, traits
from precision.shop.intake.verdicts import RefusedError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(alphabet=st.characters(), max_size=30)
    | st.sampled_from(
        ["\ud800", "a\0b", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "12.5", "-1", "nan"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.just("email"), inner, max_size=4)
    ),
    max_leaves=12,
)
CALLS = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]) | VALUES},
    optional=dict.fromkeys(
        (
            "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "sentAt",
            "originalTimestamp", "properties", "traits", "context", "name", "channel",
        ),
        VALUES,
    ),
)  # fmt: skip
PROPERTIES = st.dictionaries(
    st.sampled_from(
        [
            "product_id",
            "sku",
            "products",
            "query",
            "session_id",
            "duration_s",
            "price",
            "email",
            "url",
            "referrer",
            "x",
        ]
    ),
    VALUES,
)


def read(call: Any, **more: Any) -> reading.Reading:
    return reading.read(call, **{"received": NOW, "lag": timedelta(), **more})


def attempt(work: Any) -> tuple[Any, RefusedError | None]:
    """Return what the work gives, or its refusal; any other error fails the test."""
    try:
        return work(), None
    except RefusedError as refusal:
        return None, refusal


@settings(max_examples=400, deadline=None)
@given(call=CALLS, lag=st.timedeltas())
def test_whatever_comes_is_read_or_refused(call: Any, lag: timedelta) -> None:
    found, refusal = attempt(lambda: read(call, lag=lag))
    if refusal is not None:
        assert refusal.verdict.code
        orjson.dumps(refusal.verdict._asdict())
        return
    assert datetime(1900, 1, 1, tzinfo=UTC) <= found.at <= NOW
    assert isinstance(orjson.loads(found.properties), dict)
    assert b"\\u0000" not in found.properties
    assert "\0" not in found.name + found.user + found.anonymous + found.query + found.session + found.channel
    assert found.duration is None or (math.isfinite(found.duration) and found.duration >= 0)


@settings(max_examples=300, deadline=None)
@given(properties=PROPERTIES)
def test_whatever_properties_are_read_or_refused(properties: Any) -> None:
    call = {"type": "track", "event": "x", "userId": "u", "properties": properties}
    found, refusal = attempt(lambda: read(call))
    if refusal is not None:
        assert refusal.field.startswith("properties")
        return
    assert "email" not in orjson.loads(found.properties)


@settings(max_examples=300, deadline=None)
@given(given_traits=st.dictionaries(st.sampled_from([*traits._USED, "plan"]), VALUES))
def test_whatever_traits_are_read_or_refused(given_traits: Any) -> None:
    call = {"type": "identify", "userId": "u", "traits": given_traits}
    found, refusal = attempt(lambda: (read(call), traits.read(given_traits))[1])
    if refusal is not None:
        assert refusal.field.startswith("traits")
        return
    assert all(found.texts.values())
    json.dumps(found.traits)


@pytest.mark.parametrize("name", segment_spec.EVENTS)
def test_names_whatever_their_case_and_signs(name: str) -> None:
    for told in (
        name,
        name.lower(),
        name.upper(),
        f"  {name} ",
        name.replace(" ", "_").lower(),
        name.replace(" ", "-"),
    ):
        assert segment_spec.canonical(told) == name


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Viewed Product", "Product Viewed"),
        ("Viewed Product Category", "Product List Viewed"),
        ("Added Product", "Product Added"),
        ("Removed Product", "Product Removed"),
        ("Completed Order", "Order Completed"),
        ("completed order", "Order Completed"),
        ("Viewed Checkout Step", "Checkout Step Viewed"),
        ("Order Canceled", "Order Cancelled"),
        ("Viewed Promotion", "Promotion Viewed"),
        ("Clicked Promotion", "Promotion Clicked"),
        ("Started Checkout", "Checkout Started"),
        ("Entered Coupon", "Coupon Entered"),
        ("Shared Product", "Product Shared"),
        ("Our Own  Event", "Our Own  Event"),
    ],
)
def test_older_names(told: str, kept: str) -> None:
    assert segment_spec.canonical(told) == kept


def test_the_list_in_the_documentation_is_whole() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    table = text.partition("| of | events |")[2].partition("\n\n")[0]
    listed = [name.strip() for row in table.splitlines()[2:] for name in row.split("|")[2].split(",")]
    assert sorted(listed) == sorted(segment_spec.EVENTS)


def test_no_alias_hides_another_event() -> None:
    for alias, kept in segment_spec.ALIASES.items():
        assert kept in segment_spec.EVENTS
        assert alias not in segment_spec.EVENTS


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("12.50", 12.5), ("3", 3), ("-4.0", -4.0), (" 7 ", 7), ("1e3", 1000), ("nan", "nan"), ("inf", "inf"),
        ("1_000", "1_000"), ("12,50", "12,50"), ("", ""), ("90071992547409931", 90071992547409931.0),
    ],
)  # fmt: skip
def test_texts_that_are_numbers(told: str, number: Any) -> None:
    assert reading.number(told) == number


def test_the_same_content_without_an_id_is_the_same_message() -> None:
    call = {
        "type": "track",
        "event": "x",
        "userId": "u",
        "properties": {"a": 1, "b": 2},
        "sentAt": "2026-11-20",
    }
    again = {
        "userId": "u",
        "properties": {"b": 2, "a": 1},
        "event": "x",
        "type": "track",
        "sentAt": "2026-11-19",
    }
    other = {**call, "properties": {"a": 1, "b": 3}}
    assert read(call).message == read(again).message != read(other).message
    assert len(read(call).message) == 16


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.de/a?token=1&q=tea&utm_source=x#part", "https://shop.de/a?q=tea&utm_source=x"),
        ("https://ann:secret@shop.de/a", "https://shop.de/a"),
        ("/a/b?password=1", "/a/b"),
        ("http://[broken", ""),
    ],
)
def test_addresses_keep_no_secrets(url: str, kept: str) -> None:
    found = surroundings.address(url) if url != "http://[broken" else surroundings.address(url + "?")
    assert found == kept


def test_nothing_personal_stays_in_an_event() -> None:
    found = read(
        {
            "type": "page", "userId": "u", "name": "Home",
            "properties": {
                "url": "https://shop.de/?email=ann@shop.de", "referrer": "https://mail.de/inbox?ann", "title": "T",
                "path": "/", "search": "?email=ann@shop.de&q=tea", "phone": "+49 1", "customer": {"firstName": "Ann"},
            },
            "context": {
                "ip": "10.1.2.3", "userAgent": "Mozilla", "traits": {"email": "ann@shop.de"},
                "device": {"type": "mobile", "id": "idfa-1", "advertisingId": "ad-1"},
                "campaign": {"name": "mail", "source": 5}, "location": {"city": "Bonn"},
            },
        }
    )  # fmt: skip
    assert orjson.loads(found.properties) == {
        "url": "https://shop.de/", "referrer": "mail.de", "title": "T", "path": "/", "search": "q=tea",
        "customer": {}, "name": "Home",
        "context": {"device": {"type": "mobile"}, "campaign": {"name": "mail"}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "bot"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120", False),
        ("curl/8.0", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1", False),
        ("Mozilla/5.0 (Linux; Android 8.1; CUBOT X18) Chrome/90", False),
        ("", False),
    ],
)
def test_programs_are_told_by_their_user_agent(agent: str, bot: bool) -> None:
    assert surroundings.is_bot(agent) is bot
