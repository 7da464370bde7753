"""Calls of the SDK dialect into the tables."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precision.shop import intake, partitions, pii, sources
from precision.shop.intake import Status
from precision.shop.models import (
    DeadLetter,
    Event,
    Identity,
    IdentityLink,
    Order,
    Platform,
    Product,
    Profile,
    Source,
    Tally,
)  # fmt: skip
from tests.shop.test_intake_reading import CALLS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def tell(platform: Platform) -> Any:
    """Hands calls to intake; gives their verdicts."""

    def run(*calls: Any, trusted: bool = True, at: datetime = NOW, **given: Any) -> list[intake.Verdict]:
        source = sources.default(platform, Source.Kind.SDK)
        return intake.receive(platform, calls, source=source, trusted=trusted, received_at=at, **given)

    return run


def track(number: int = 1, **given: Any) -> dict[str, Any]:
    return {
        "type": "track", "event": "Product Viewed", "anonymousId": "visitor-1", "messageId": f"m-{number}",
        "timestamp": "2026-11-20T11:00:00Z", **given,
    }  # fmt: skip


def tallies() -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in Tally.objects.filter(kind="event"):
        found[row.outcome, row.reason] = found.get((row.outcome, row.reason), 0) + row.count
    return found


def test_an_event_is_kept_with_its_columns(platform: Platform, tell: Any) -> None:
    tea = Product.objects.create(platform=platform, external_id="tea", title="Tea", price="3", currency="EUR")
    verdicts = tell(
        track(
            event="viewed product",
            properties={
                "product_id": "tea", "price": "3.50", "quantity": "2", "session_id": "s1", "channel": "web",
                "duration_s": "12.5", "query": "green tea", "recommendation_id": "r-1", "colour": "green",
                "email": "ann@shop.de",
            },
            context={
                "ip": "10.0.0.1", "locale": "de-DE", "userAgent": "Mozilla/5.0",
                "page": {"url": "https://shop.de/tea?token=secret&q=tea", "referrer": "https://www.web.de/?x=1"},
            },
        )
    )  # fmt: skip
    assert verdicts == [intake.Verdict(Status.ACCEPTED)]
    event = Event.objects.get()
    assert (event.name, event.product_id, event.session, event.channel) == (
        "Product Viewed",
        tea.pk,
        "s1",
        "web",
    )
    assert (event.duration_s, event.query, event.recommendation) == (12.5, "green tea", "r-1")
    assert event.at == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert event.received_at == NOW
    assert event.source is not None
    assert event.source.kind == "sdk"
    assert event.identity is not None
    assert (event.identity.kind, event.identity.value) == ("anonymous_id", "visitor-1")
    assert event.properties == {
        "product_id": "tea", "price": 3.5, "quantity": 2, "colour": "green",
        "context": {
            "locale": "de-DE",
            "page": {"url": "https://shop.de/tea?q=tea", "referrer": "www.web.de"},
        },
    }  # fmt: skip
    assert tallies() == {("accepted", ""): 1}


def test_a_message_is_kept_once(tell: Any) -> None:
    first, second = tell(track(1), track(1))
    assert (first.status, second.status) == (Status.ACCEPTED, Status.DUPLICATE)
    assert [one.status for one in tell(track(1), track(2))] == [Status.DUPLICATE, Status.ACCEPTED]
    assert Event.objects.count() == 2
    assert tallies() == {("accepted", ""): 2, ("duplicate", ""): 2}


def test_a_message_of_last_month_is_known(tell: Any) -> None:
    october = datetime(2026, 10, 20, 12, tzinfo=UTC)
    call = track(1, timestamp="2026-10-19T08:00:00Z")
    untimed = track(2)
    del untimed["timestamp"]
    tell(call, untimed, at=october)
    later = tell(call, untimed, track(3))
    assert [one.status for one in later] == [Status.DUPLICATE, Status.DUPLICATE, Status.ACCEPTED]
    assert Event.objects.count() == 3


def test_a_message_beyond_the_horizon_is_new(tell: Any) -> None:
    call = track(1, timestamp="2026-07-01T08:00:00Z")
    tell(call, at=datetime(2026, 7, 1, 9, tzinfo=UTC))
    assert tell(call)[0].status == Status.ACCEPTED


def test_partitions_come_in_time(tell: Any) -> None:
    tell(track(1), at=datetime(2027, 5, 27, tzinfo=UTC))
    assert partitions.name_of(datetime(2027, 6, 1, tzinfo=UTC)) in partitions.months()


def test_known_beats_anonymous_and_both_are_one_person(tell: Any) -> None:
    tell(track(1), track(2, userId="u1"))
    user = Identity.objects.get(kind="customer_id", value="u1")
    visitor = Identity.objects.get(kind="anonymous_id", value="visitor-1")
    assert user.customer_id == visitor.customer_id
    assert set(Event.objects.values_list("identity_id", flat=True)) == {user.pk, visitor.pk}


def test_identify_tells_the_profile(tell: Any) -> None:
    call = {
        "type": "identify", "userId": "u1", "anonymousId": "visitor-1", "messageId": "i1",
        "traits": {
            "email": "Ann@Shop.de", "firstName": "Ann", "lastName": "Lee", "birthday": "1990-05-01", "gender": "f",
            "createdAt": "2026-01-02T03:04:05Z", "address": {"city": "Bonn"}, "plan": "gold",
        },
    }  # fmt: skip
    assert tell(call)[0].status == Status.ACCEPTED
    profile = Profile.objects.get()
    assert profile.identity.value == "u1"
    assert (profile.gender, profile.city, str(profile.birth_date)) == ("f", "Bonn", "1990-05-01")
    assert profile.registered_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert profile.traits == {"plan": "gold"}
    assert profile.personal is not None
    assert pii.decrypt(profile.personal) == {
        "email": "Ann@Shop.de", "name": "Ann Lee", "address": {"city": "Bonn"},
    }  # fmt: skip
    assert Event.objects.get().properties == {}
    email = Identity.objects.get(kind="email")
    assert email.customer_id == profile.identity.customer_id


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"type": "dance"}, "not_a_choice", "type"),
        ({"type": None}, "missing", "type"),
        ({"event": ""}, "missing", "event"),
        ({"event": {"a": 1}}, "not_a_text", "event"),
        ({"event": "x" * 101}, "too_long", "event"),
        ({"anonymousId": None}, "missing", "userId"),
        ({"anonymousId": ["a"]}, "not_a_text", "anonymousId"),
        ({"userId": "u" * 201}, "too_long", "userId"),
        ({"messageId": "m" * 101}, "too_long", "messageId"),
        ({"timestamp": "yesterday"}, "not_a_time", "timestamp"),
        ({"timestamp": 12}, "not_a_time", "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "too_early", "timestamp"),
        ({"properties": []}, "not_an_object", "properties"),
        ({"context": "x"}, "not_an_object", "context"),
        ({"properties": {"duration_s": "long"}}, "not_a_number", "properties.duration_s"),
        ({"properties": {"duration_s": -1}}, "negative", "properties.duration_s"),
        ({"properties": {"duration_s": float("nan")}}, "not_a_number", "properties"),
        ({"properties": {"price": float("inf")}}, "not_a_number", "properties"),
        ({"properties": {"a": "nul\0"}}, "nul_character", "properties"),
        ({"properties": {"a\0": 1}}, "nul_character", "properties"),
        ({"properties": {"a": "\ud800"}}, "not_unicode", "properties"),
        ({"event": "\ud800"}, "not_unicode", "event"),
        ({"properties": {"a": 2**70}}, "out_of_range", "properties"),
        ({"properties": {"product_id": {"id": 1}}}, "not_a_text", "properties.product_id"),
        ({"context": {"userAgent": "Googlebot/2.1"}}, "bot", "context.userAgent"),
    ],
)
def test_refusals_name_the_field(tell: Any, change: dict[str, Any], code: str, field: str) -> None:
    good, bad, other = tell(track(1), track(2, **change), track(3))
    assert (good.status, other.status) == (Status.ACCEPTED, Status.ACCEPTED)
    assert (bad.status, bad.code, bad.field) == (Status.REJECTED, code, field)
    assert Event.objects.count() == 2


def test_nesting_has_an_end(tell: Any) -> None:
    deep: Any = 1
    for _ in range(33):
        deep = [deep]
    assert tell(track(1, properties={"a": deep}))[0].code == "too_deep"
    for _ in range(5000):
        deep = [deep]
    assert tell(track(1, properties={"a": deep}))[0].code == "too_deep"
    assert tell(track(1, properties={"a": deep}), checked=True)[0].code == "too_deep"


def test_clocks_are_set_right(tell: Any) -> None:
    hour = timedelta(hours=1)
    tell(
        track(1, timestamp="2026-11-20T13:00:00Z", sentAt="2026-11-20T13:30:00Z"),
        track(2, timestamp="9999-12-31T23:59:59Z"),
        track(3, timestamp="2026-11-18T12:00:00"),
        track(4, timestamp="2026-11-20T09:00:00+02:00"),
        track(5, timestamp="2026-11-20T11:00:00Z"),
        lag=hour / 2,
    )
    assert list(Event.objects.order_by("id").values_list("message", "at")) is not None
    found = {row.at for row in Event.objects.all()}
    assert found == {
        NOW - hour / 2,
        NOW,
        datetime(2026, 11, 18, 12, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 7, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 11, 30, tzinfo=UTC),
    }
    assert tallies() == {("accepted", ""): 5, ("clock_skewed", ""): 1, ("late", ""): 1}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, max_size=8))
def test_whatever_comes_is_kept_or_refused(platform: Platform, calls: list[Any]) -> None:
    """Nothing that can be read is more than the database takes; what cannot is a dead letter; all of it is counted."""
    source = sources.default(platform, Source.Kind.SDK)
    letters, counted = DeadLetter.objects.count(), sum(tallies().values())
    told = intake.receive(platform, calls, source=source, trusted=False, received_at=NOW)
    refused = [one for one in told if one.status == Status.REJECTED]
    assert DeadLetter.objects.count() - letters == len([one for one in refused if one.code != "bot"])
    assert len(told) == len(calls)
    beside = ("late", "clock_skewed", "unknown_product")
    assert sum(n for (outcome, _), n in tallies().items() if outcome not in beside) - counted <= len(calls)
    assert "unusable" not in {one.code for one in told}


def test_a_forged_word_changes_nothing_that_is_told(platform: Platform, tell: Any) -> None:
    """Anybody can read a write key: what comes with it fills what is empty, and joins no two known people."""
    mail = {
        "type": "identify",
        "userId": "u1",
        "messageId": "i1",
        "traits": {"email": "ann@shop-one.de", "gender": "f"},
    }
    tell(mail)
    forged = {
        "type": "identify", "userId": "u1", "anonymousId": "thief", "messageId": "i2",
        "traits": {"email": "thief@shop-one.de", "gender": "m", "city": "Bonn"},
    }  # fmt: skip
    tell(forged, trusted=False)
    profile = Profile.objects.get()
    assert profile.personal is not None
    assert pii.decrypt(profile.personal)["email"] == "ann@shop-one.de"
    assert (profile.gender, profile.city) == ("f", "Bonn")
    user, stranger = Identity.objects.get(value="u1"), Identity.objects.filter(kind="email").latest("id")
    assert stranger.customer_id != user.customer_id


@pytest.mark.parametrize("place", ["context", "properties", "call"])
def test_a_valid_user_hash_makes_a_link_verified(platform: Platform, tell: Any, place: str) -> None:
    secret = pii.decrypt(platform.user_hash_secret)
    told = hmac.new(secret.encode(), b"u1", hashlib.sha256).hexdigest()
    part = {"user_hash": told}
    call = track(1, userId="u1", **(part if place == "call" else {place: part}))
    tell(call, track(2, userId="u2", anonymousId="w", context={"user_hash": told}), trusted=False)
    verified = {
        row.first.value if row.first.kind == "customer_id" else row.second.value: row.verified
        for row in IdentityLink.objects.select_related("first", "second")
    }
    assert verified == {"u1": True, "u2": False}
    assert told not in str(list(Event.objects.values_list("properties", flat=True)))


def test_an_alias_joins_what_was_before(tell: Any) -> None:
    tell(track(1), {"type": "alias", "userId": "u1", "previousId": "visitor-1", "messageId": "a1"})
    user, visitor = Identity.objects.get(value="u1"), Identity.objects.get(value="visitor-1")
    assert user.customer_id == visitor.customer_id


def test_an_order_event_is_an_order(platform: Platform, tell: Any) -> None:
    Product.objects.create(platform=platform, external_id="tea", title="Tea", price="3", currency="EUR")
    bought = track(
        1, event="Completed Order", userId="u1",
        properties={
            "order_id": "o1", "currency": "EUR", "products": [{"product_id": "tea", "quantity": "2", "price": "3.50"}],
        },
    )  # fmt: skip
    useless = track(2, event="Order Completed", userId="u1", properties={"order_id": "o2"})
    first, again, second = tell(bought, bought, useless)
    assert (first.status, again.status) == (Status.ACCEPTED, Status.DUPLICATE)
    order = Order.objects.get()
    assert (order.external_id, order.confirmed, order.lines.get().quantity) == ("o1", True, 2)
    assert order.identity is not None
    assert order.identity.value == "u1"
    assert (second.status, second.code) == (Status.ACCEPTED, "no_lines")
    assert Event.objects.count() == 2
