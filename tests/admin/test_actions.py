"""What staff can do: roll back, issue and revoke keys, open shops, decide on aliases, define segments."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from precision.engine import runs
from precision.engine.models import Run
from precision.shop import pii
from precision.shop.models import ApiKey, Organisation, Platform, Product, ProductAlias
from segments.models import Segment, SegmentMember

CONFIRMED = {"_form_submitted": "on"}


def change_page(label: str, row: Any) -> str:
    return reverse(f"admin:precision_{label}_change", args=[row.pk])


def roll_back(browser: Client, run: Run, data: dict[str, str] | None = None) -> Any:
    address = reverse("admin:precision_engine_run_roll_back", args=[run.pk])
    return browser.get(address) if data is None else browser.post(address, data)


def in_force(world: SimpleNamespace) -> Run | None:
    return runs.published("rules", world.corner.key)


def test_roll_back_points_readers_to_the_older_run_once_confirmed(
    staff: Client, world: SimpleNamespace
) -> None:
    older = world.old["rules"]
    assert "Roll back to this run" in staff.get(change_page("engine_run", older)).content.decode()
    asked = roll_back(staff, older)
    assert "The other runs stay" in asked.content.decode()
    assert in_force(world) == world.new["rules"]

    done = roll_back(staff, older, CONFIRMED)
    assert (done.status_code, done.url) == (302, change_page("engine_run", older))
    assert in_force(world) == older
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username, entry.get_change_message()) == (
        str(older.pk), "root", "Rolled back to this run.",
    )  # fmt: skip
    # The newer run can be gone forward to; the older one is in force now.
    assert (
        "Roll back to this run" in staff.get(change_page("engine_run", world.new["rules"])).content.decode()
    )
    assert "Roll back to this run" not in staff.get(change_page("engine_run", older)).content.decode()


def test_a_dialog_sends_the_browser_on_by_itself(staff: Client, world: SimpleNamespace) -> None:
    address = reverse("admin:precision_engine_run_roll_back", args=[world.old["rules"].pk])
    answer = staff.post(address, CONFIRMED, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (
        200, change_page("engine_run", world.old["rules"]),
    )  # fmt: skip


@pytest.mark.parametrize("status", [Run.Status.FAILED, Run.Status.RUNNING])
def test_only_published_runs_can_be_rolled_back_to(
    status: str, staff: Client, world: SimpleNamespace
) -> None:
    run = world.old["rules"]
    Run.objects.filter(pk=run.pk).update(status=status)
    assert "Roll back to this run" not in staff.get(change_page("engine_run", run)).content.decode()
    assert roll_back(staff, run, CONFIRMED).status_code == 403
    assert in_force(world) == world.new["rules"]


@pytest.mark.parametrize("rights", [["view_run"], ["view_run", "change_run"], ["change_publication"]])
def test_roll_back_needs_the_right_to_change_the_pointer(
    rights: list[str], browser_of: Any, world: SimpleNamespace
) -> None:
    run = world.old["rules"]
    allowed = "change_publication" in rights
    assert roll_back(browser_of(*rights), run, CONFIRMED).status_code == (302 if allowed else 403)
    assert in_force(world) == (run if allowed else world.new["rules"])


def test_a_new_key_is_shown_once_and_kept_nowhere(staff: Client, world: SimpleNamespace) -> None:
    data = {"platform": world.corner.pk, "kind": "server", "name": "backend"}
    answer = staff.post(reverse("admin:precision_shop_apikey_add"), data)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    (key,) = re.findall(r"sk_[\w-]{43}", answer.content.decode())
    kept = ApiKey.objects.get(digest=pii.digest(key))
    assert (kept.platform, kept.name, kept.prefix) == (world.corner, "backend", key[:10])
    assert kept.scopes == ["read", "write", "export", "erase"]
    page = change_page("shop_apikey", kept)
    assert page in answer.content.decode()
    assert key not in staff.get(page).content.decode()
    assert all(key not in cookie.value for cookie in staff.cookies.values())
    assert key not in str(dict(staff.session))


def test_a_key_is_revoked_for_good(staff: Client, browser_of: Any, world: SimpleNamespace) -> None:
    key = ApiKey.objects.filter(platform=world.corner).earliest("id")
    address = reverse("admin:precision_shop_apikey_revoke", args=[key.pk])
    assert browser_of("view_apikey").post(address, CONFIRMED).status_code == 403
    assert staff.get(address).status_code == 200
    key.refresh_from_db()
    assert key.revoked_at is None

    assert staff.post(address, CONFIRMED).status_code == 302
    key.refresh_from_db()
    first = key.revoked_at
    assert first is not None
    assert staff.post(address, CONFIRMED).status_code == 403
    staff.post(change_page("shop_apikey", key), {"name": "new name", "revoked_at_0": "", "revoked_at_1": ""})
    key.refresh_from_db()
    assert (key.name, key.revoked_at) == ("new name", first)


def test_a_new_shop_comes_with_keys_that_open_it(staff: Client, world: SimpleNamespace) -> None:
    owner = Organisation.objects.get(key="corner")
    data = {
        "name": "Third", "key": "third", "organisation": owner.pk, "currency": "GBP", "timezone": "Europe/London",
        "active": "on",
    }  # fmt: skip
    answer = staff.post(reverse("admin:precision_shop_platform_add"), data)
    text = answer.content.decode()
    made = Platform.objects.get(key="third")
    assert (made.organisation, made.currency, made.timezone, made.active) == (
        owner,
        "GBP",
        "Europe/London",
        True,
    )
    for prefix in ("sk_", "wk_"):
        (key,) = re.findall(prefix + r"[\w-]{43}", text)
        assert ApiKey.objects.get(digest=pii.digest(key)).platform == made
    assert pii.decrypt(made.user_hash_secret) in text


def test_a_shop_with_a_wrong_zone_is_refused_in_place(staff: Client, world: SimpleNamespace) -> None:
    owner = Organisation.objects.get(key="corner")
    data = {
        "name": "Third",
        "key": "third",
        "organisation": owner.pk,
        "currency": "pounds",
        "timezone": "London",
    }
    text = staff.post(reverse("admin:precision_shop_platform_add"), data).content.decode()
    assert "is no time zone" in text
    assert "three capital letters" in text or "at most 3 characters" in text
    assert not Platform.objects.filter(key="third").exists()


def decide(browser: Client, action: str, *aliases: ProductAlias) -> Any:
    data = {"action": action, "_selected_action": [alias.pk for alias in aliases]}
    return browser.post(reverse("admin:precision_shop_productalias_changelist"), data, follow=True)


def test_aliases_are_accepted_and_refused_again(staff: Client, world: SimpleNamespace) -> None:
    alias = ProductAlias.objects.filter(product__platform=world.corner).earliest("id")
    untouched = ProductAlias.objects.filter(product__platform=world.corner).latest("id")
    assert "1 pair accepted." in decide(staff, "accept", alias).content.decode()
    alias.refresh_from_db()
    assert (alias.status, alias.decided_by.username) == (ProductAlias.Status.ACCEPTED, "root")
    assert Product.objects.filter(platform=world.corner, same_as__isnull=False).count() == 1

    assert "1 pair refused." in decide(staff, "refuse", alias).content.decode()
    alias.refresh_from_db()
    assert alias.status == ProductAlias.Status.REFUSED
    assert not Product.objects.filter(platform=world.corner, same_as__isnull=False).exists()
    untouched.refresh_from_db()
    assert (untouched.status, untouched.decided_by) == (ProductAlias.Status.SUGGESTED, None)
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("id")] == [
        "Accepted.",
        "Refused.",
    ]


def test_who_may_only_look_decides_on_no_alias(browser_of: Any, world: SimpleNamespace) -> None:
    alias = ProductAlias.objects.filter(product__platform=world.corner).earliest("id")
    browser = browser_of("view_productalias")
    decide(browser, "accept", alias)
    alias.refresh_from_db()
    assert alias.status == ProductAlias.Status.SUGGESTED


def test_products_of_two_organisations_are_no_pair(staff: Client, world: SimpleNamespace) -> None:
    mine, theirs = (
        Product.objects.get(platform=each, external_id="P1") for each in (world.corner, world.other)
    )
    before = ProductAlias.objects.count()
    add = reverse("admin:precision_shop_productalias_add")
    text = staff.post(add, {"product": mine.pk, "other": theirs.pk}).content.decode()
    assert "two organisations" in text
    assert ProductAlias.objects.count() == before

    other = Product.objects.get(platform=world.corner, external_id="P3")
    assert staff.post(add, {"product": mine.pk, "other": other.pk}).status_code == 302
    made = ProductAlias.objects.latest("id")
    assert (made.product, made.other, made.method, made.status) == (mine, other, "staff", "suggested")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('{"label": "recency_dayz", "op": "<", "value": 30}', "recency_dayz"),
        ('{"all": [{"label": "recency_days", "op": "~", "value": 30}]}', "At all[0].op"),
        ('{"did": "Product Vued", "at_least": 1}', "At did"),
        ("{", "Enter a valid JSON"),
    ],
)
def test_a_wrong_condition_is_refused_in_place(
    condition: str, message: str, staff: Client, world: SimpleNamespace
) -> None:
    data = {
        "scope": world.corner.key,
        "name": "New",
        "key": "new",
        "description": "",
        "condition": condition,
    }
    answer = staff.post(reverse("admin:precision_segments_segment_add"), data)
    assert message in answer.content.decode()
    assert not Segment.objects.filter(key="new").exists()


def test_a_condition_is_kept_in_its_normal_form(staff: Client, world: SimpleNamespace) -> None:
    condition = '{"op": ">=", "value": 3, "label": "frequency"}'
    data = {
        "scope": world.corner.key,
        "name": "New",
        "key": "new",
        "description": "",
        "condition": condition,
    }
    assert staff.post(reverse("admin:precision_segments_segment_add"), data).status_code == 302
    made = Segment.objects.get(key="new")
    assert made.condition == {"label": "frequency", "op": ">=", "value": 3}
    assert made.builtin is False
    assert "not computed yet" in staff.get(change_page("segments_segment", made)).content.decode()


def test_the_size_of_a_segment_is_that_of_the_run_that_saw_it(staff: Client, world: SimpleNamespace) -> None:
    seen = Segment.objects.get(platform=world.corner, key="one")
    assert "not computed yet" not in staff.get(change_page("segments_segment", seen)).content.decode()
    seen.save()  # changed after the run began
    assert "not computed yet" in staff.get(change_page("segments_segment", seen)).content.decode()


def test_a_segment_goes_with_its_members_and_without_loading_them(
    staff: Client, world: SimpleNamespace
) -> None:
    segment = Segment.objects.get(platform=world.corner, key="one")
    address = reverse("admin:precision_segments_segment_delete", args=[segment.pk])
    with CaptureQueriesContext(connection) as captured:
        assert "and its members" in staff.get(address).content.decode()
    assert not [each for each in captured.captured_queries if "segmentmember" in each["sql"]]
    assert staff.post(address, {"post": "yes"}).status_code == 302
    assert not Segment.objects.filter(pk=segment.pk).exists()
    assert not SegmentMember.objects.exists()


def test_a_builtin_segment_stays(staff: Client, world: SimpleNamespace) -> None:
    segment = Segment.objects.get(platform=world.corner, key="one")
    Segment.objects.filter(pk=segment.pk).update(builtin=True)
    address = reverse("admin:precision_segments_segment_delete", args=[segment.pk])
    assert staff.post(address, {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [segment.pk], "post": "yes"}
    staff.post(reverse("admin:precision_segments_segment_changelist"), data)
    assert Segment.objects.filter(pk=segment.pk).exists()
