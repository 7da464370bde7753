"""What cannot be used is kept without a readable personal value, found by an erasure, and sent in again."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precision.shop import dead_letters, intake, pii, platforms, sources, tokens
from precision.shop.dead_letters import Letter
from precision.shop.intake import orders
from precision.shop.models import DeadLetter, Event, Order, Platform, Product, Source

CALL = {
    "type": "track", "event": "Order Completed", "userId": "anna-1", "anonymousId": "a-77", "messageId": "m-1",
    "properties": {
        "email": "Jane.Canary@shop.org", "order_id": 5, "note": "write to jane.canary@shop.org",
        "products": [{"name": "Green tea", "product_id": "tea"}],
    },
    "context": {"traits": {"name": "Jane Canary", "phone": "+49 170 1234567", "plan": "gold"}, "ip": "10.1.2.3"},
}  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["token", "raw", "plain", "email", "name", "a\x00b", "\ud800", "traits"]) | st.text(),
        inner,
        max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


def kept(platform: Platform, payload: Any, **values: Any) -> DeadLetter:
    letter = Letter(kind="event", code="missing", payload=payload, **values)
    return dead_letters.keep(platform, [letter], source=None)[0]


def stored(letter: DeadLetter) -> str:
    """The whole row as the database has it, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(d)::text FROM precision_shop_deadletter d WHERE id = %s", [letter.pk]
        )
        return str(cursor.fetchone()[0])


def test_personal_values_are_tokens_and_the_rest_is_as_it_came(platform: Platform) -> None:
    letter = kept(platform, CALL, detail="“Jane Canary” is no name")
    text = stored(letter).lower()
    for personal in ("canary", "1234567", "10.1.2.3"):
        assert personal not in text
    for plain in ("green tea", "anna-1", "gold"):
        assert plain in text
    letter.refresh_from_db()
    assert tokens.unseal(letter.payload) == CALL
    assert letter.detail == "“(personal)” is no name"
    shown = tokens.masked(letter.payload)
    assert shown["context"]["traits"] == {"name": "(personal)", "phone": "(personal)", "plan": "gold"}


def test_an_erasure_finds_it_by_any_identity(platform: Platform) -> None:
    letter = kept(platform, CALL)
    key = pii.match_key(platform.organisation_id)

    def subject(kind: str, value: str, *, personal: bool = False) -> int:
        return pii.subject(key, kind, pii.match(key, kind, value) if personal else value)

    wanted = {
        subject("customer_id", "anna-1"),
        subject("anonymous_id", "a-77"),
        subject("email", "jane.canary@shop.org", personal=True),
        subject("phone", "+491701234567", personal=True),
    }
    assert set(letter.subjects) == wanted
    for one in wanted:
        assert DeadLetter.objects.filter(subjects__contains=[one]).get() == letter
    assert not DeadLetter.objects.filter(subjects__contains=[subject("customer_id", "anna-2")]).exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=VALUES)
def test_any_content_comes_back_as_it_was(platform: Platform, payload: Any) -> None:
    letter = kept(platform, payload)
    letter.refresh_from_db()
    assert json.dumps(tokens.unseal(letter.payload), sort_keys=True) == json.dumps(payload, sort_keys=True)


def test_hostile_content_is_kept_within_bounds(platform: Platform) -> None:
    nested: Any = "end"
    for _ in range(5_000):
        nested = [nested]
    for payload in (
        {"userId": "u", "properties": nested},
        {"userId": "u", "text": "x" * 1_000_000},
        {"userId": "u", "price": float("nan")},
        ["not", "an", "object"],
        "text",
        None,
    ):
        letter = kept(platform, payload)
        assert len(stored(letter)) < 2 * dead_letters.MOST_BYTES
    # What was not kept whole is not sent in as if it were.
    large = DeadLetter.objects.filter(payload__has_key=dead_letters.LEFT_OUT).earliest("id")
    assert dead_letters.replay([large]).refused == 1
    large.refresh_from_db()
    assert (large.status, large.code) == ("waiting", "too_large")


def test_a_mended_call_is_taken_in_once(platform: Platform) -> None:
    source = sources.default(platform, Source.Kind.SDK)
    now = timezone.now()
    call = {**CALL, "messageId": "m-9", "event": "", "properties": {}}
    (verdict,) = intake.receive(platform, [call], source=source, trusted=True, received_at=now)
    assert verdict.status is intake.Status.REJECTED
    letter = DeadLetter.objects.get()
    assert dead_letters.replay([letter]) == dead_letters.Replayed(used=0, refused=1)
    assert DeadLetter.objects.count() == 1, "a refusal makes no second letter"
    letter.refresh_from_db()
    assert letter.status == "waiting"
    assert letter.replayed_at is not None
    letter.payload = {
        **letter.payload,
        "event": "Product Viewed",
    }  # the fix, as a later version might read it
    letter.save()
    assert dead_letters.replay([letter]) == dead_letters.Replayed(used=1, refused=0)
    assert dead_letters.replay([letter]) == dead_letters.Replayed(used=0, refused=0)
    assert Event.objects.get().name == "Product Viewed"
    letter.refresh_from_db()
    assert letter.status == "replayed"


def test_a_change_waits_for_its_order_and_no_longer(platform: Platform) -> None:
    source = sources.default(platform, Source.Kind.REST)
    now = timezone.now()
    options: dict[str, Any] = {"source": source, "trusted": True, "received_at": now}
    cancel = {"change": "cancel", "order_id": 5, "at": now.isoformat()}
    other = {"change": "cancel", "order_id": 6, "at": now.isoformat()}
    told = orders.apply_changes(platform, [cancel, other], **options)
    assert [(one.status.value, one.code) for one in told] == [("accepted", "unknown_order")] * 2
    placed = (now - timedelta(hours=1)).isoformat()
    line = {"product_id": "tea", "quantity": 1, "unit_price": 1}
    orders.apply_orders(
        platform, [{"order_id": "5", "placed_at": placed, "updated_at": placed, "lines": [line]}], **options
    )
    assert Order.objects.get().status == "cancelled"
    assert {(one.waits_for, one.status) for one in DeadLetter.objects.all()} == {
        ("5", "replayed"),
        ("6", "waiting"),
    }


def test_a_mended_order_lets_go_what_waits_for_it(platform: Platform) -> None:
    source = sources.default(platform, Source.Kind.REST)
    options: dict[str, Any] = {"source": source, "trusted": True, "received_at": timezone.now()}
    order = {
        "order_id": "5",
        "placed_at": "2026-05-01T00:00Z",
        "lines": [{"product_id": "tea", "quantity": 1}],
    }
    assert orders.apply_orders(platform, [order], **options)[0].code == "missing"
    orders.apply_changes(platform, [{"change": "cancel", "order_id": "5"}], **options)
    Product.objects.filter(external_id="tea").update(price=3)
    dead_letters.replay(DeadLetter.objects.filter(kind="order"))
    assert Order.objects.get().status == "cancelled"
    assert {one.status for one in DeadLetter.objects.all()} == {"replayed"}


@pytest.mark.django_db(transaction=True)
def test_a_letter_that_was_written_while_its_order_came_is_found(platform: Platform) -> None:
    """The order commits after the change has looked for it, and before the change is kept: each looks again."""
    source = sources.default(platform, Source.Kind.REST)
    options: dict[str, Any] = {"source": source, "trusted": True, "received_at": timezone.now()}
    line = {"product_id": "tea", "quantity": 1, "unit_price": 1}
    orders.apply_orders(
        platform, [{"order_id": "5", "placed_at": "2026-05-01T00:00Z", "lines": [line]}], **options
    )
    payload = {"change": "cancel", "order_id": "5", "at": timezone.now().isoformat()}
    letter = Letter(kind="change", code="unknown_order", payload=payload, trusted=True, waits_for="5")
    dead_letters.keep(platform, [letter], source=source)
    dead_letters.recheck(platform, ["5"])
    assert Order.objects.get().status == "cancelled"


def test_letters_go_after_thirty_days_and_the_waiting_are_looked_at_once_more(platform: Platform) -> None:
    now = timezone.now()
    old, young = kept(platform, CALL), kept(platform, CALL)
    DeadLetter.objects.filter(pk=old.pk).update(received_at=now - timedelta(days=30, minutes=1))
    DeadLetter.objects.filter(pk=young.pk).update(received_at=now - timedelta(days=29))
    assert dead_letters.expire(now) == 1
    assert DeadLetter.objects.get() == young
    platform.retention = {"dead_letters": 7}
    platform.save()
    assert dead_letters.expire(now) == 1
    assert not DeadLetter.objects.exists()


def test_a_platform_sees_and_replays_its_own_letters_only(platform: Platform, client: Client) -> None:
    mine = platforms.create_platform("mine", name="Mine", organisation="corner")
    own = kept(Platform.objects.get(key="mine"), CALL)
    foreign = kept(platform, CALL)
    headers = {"Authorization": f"Bearer {mine.server_key}"}
    answer = client.get("/api/v1/dead-letters/?code=missing&kind=event", headers=headers).json()
    assert [letter["id"] for letter in answer["results"]] == [own.pk]
    assert "anary" not in json.dumps(answer)
    assert client.get("/api/v1/dead-letters/?code=other", headers=headers).json()["results"] == []
    assert client.post(f"/api/v1/dead-letters/{foreign.pk}/replay/", headers=headers).status_code == 404
    done = client.post(f"/api/v1/dead-letters/{own.pk}/replay/", headers=headers)
    assert done.status_code == 200
    assert done.json()["status"] == "replayed"
    browser = {"Authorization": f"Bearer {mine.write_key}"}
    assert client.get("/api/v1/dead-letters/", headers=browser).status_code == 403
    assert client.post(f"/api/v1/dead-letters/{own.pk}/replay/", headers=browser).status_code == 403
    foreign.refresh_from_db()
    assert foreign.status == "waiting"


def test_pages_of_letters_are_complete_and_newest_first(platform: Platform, client: Client) -> None:
    mine = platforms.create_platform("mine", name="Mine")
    letters = [kept(Platform.objects.get(key="mine"), {"n": number}).pk for number in range(5)]
    address, seen = "/api/v1/dead-letters/?count=2", []
    while address:
        answer = client.get(address, headers={"Authorization": f"Bearer {mine.server_key}"}).json()
        seen += [letter["id"] for letter in answer["results"]]
        address = answer["next"]
    assert seen == letters[::-1]


def test_staff_look_replay_and_discard(platform: Platform, client: Client) -> None:
    letter, other = kept(platform, {**CALL, "event": "Product Viewed"}), kept(platform, {"type": "track"})
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_deadletter"))
    writer = User.objects.create_user("writer", is_staff=True)
    writer.user_permissions.set(
        Permission.objects.filter(codename__in=["view_deadletter", "change_deadletter"])
    )
    address = reverse("admin:precision_shop_deadletter_changelist")

    def press(action: str) -> None:
        client.post(address, {"action": action, "_selected_action": [letter.pk, other.pk]}, follow=True)
        letter.refresh_from_db()
        other.refresh_from_db()

    client.force_login(reader)
    page = client.get(reverse("admin:precision_shop_deadletter_change", args=[letter.pk])).content.decode()
    assert "(personal)" in page
    assert "anary" not in page
    press("replay")
    assert {letter.status, other.status} == {"waiting"}
    client.force_login(writer)
    assert client.get(address, {"q": "missing"}).status_code == 200
    press("replay")
    assert (letter.status, other.status) == ("replayed", "waiting")
    press("discard")
    assert (letter.status, other.status) == ("replayed", "discarded")
