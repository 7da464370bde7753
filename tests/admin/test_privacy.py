"""Staff export and erase people, where their rights allow it, and see what was agreed to."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from precision.shop import erasure, tasks
from precision.shop.models import ApiKey, Erasure, Identity, Profile

CONFIRMED = {"_form_submitted": "on"}


@pytest.fixture
def ada(world: SimpleNamespace) -> Identity:
    return Identity.objects.get(platform=world.corner, value="Ada")


def page(ada: Identity, name: str = "change") -> str:
    return reverse(f"admin:precision_shop_customer_{name}", args=[ada.customer_id])


def test_the_page_of_a_customer_shows_their_consents(staff: Client, ada: Identity) -> None:
    text = staff.get(page(ada)).content.decode()
    text = text[text.index("said at") :].split("</table>")[0]
    assert "marketing" in text
    assert text.count("<td>no</td>") == 1
    assert text.count("<td>yes</td>") == 1


def test_an_export_is_a_file_and_is_noted(staff: Client, ada: Identity) -> None:
    response: Any = staff.get(page(ada, "export_person"))
    assert response["Content-Disposition"] == f'attachment; filename="customer-{ada.customer_id}.json"'
    found = json.loads(response.getvalue())
    assert found["profiles"][0]["email"] == "Ada@example.org"
    assert LogEntry.objects.get().get_change_message() == "Exported."


def test_nobody_is_erased_without_a_yes(staff: Client, ada: Identity) -> None:
    text = staff.get(page(ada, "erase_person")).content.decode()
    assert "nothing brings them back" in text.replace("\n", " ")
    assert Profile.objects.filter(identity=ada).exists()
    assert Erasure.objects.filter(scope="*").count() == 0


def test_a_person_is_erased_once_confirmed(
    staff: Client, ada: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.erasures, "apply_async", lambda *_, **__: None)
    done: Any = staff.post(page(ada, "erase_person"), CONFIRMED)
    made = Erasure.objects.get(scope="*")
    assert (done.status_code, done.url) == (
        302,
        reverse("admin:precision_shop_erasure_change", args=[made.pk]),
    )
    assert made.by.startswith("user ")
    assert not Profile.objects.filter(identity=ada).exists()
    assert not Identity.objects.filter(platform=ada.platform, value="Ada").exists()
    shown = staff.get(done.url).content.decode()
    assert "precision shop profile" in shown
    assert "The person is erased." in shown
    assert "Ada" not in "".join(LogEntry.objects.values_list("object_repr", flat=True))


def test_an_erasure_that_waits_says_so(staff: Client, ada: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.erasures, "apply_async", lambda *_, **__: None)
    monkeypatch.setattr(erasure, "advance", lambda *_, **__: False)
    done: Any = staff.post(page(ada, "erase_person"), CONFIRMED)
    assert "when it has ended" in staff.get(done.url).content.decode()
    assert Profile.objects.filter(identity=ada).exists()


def test_rights_decide_who_may(browser_of: Callable[..., Client], ada: Identity) -> None:
    looker = browser_of("view_customer")
    text = looker.get(page(ada)).content.decode()
    assert "Erase" not in text
    assert "Export" not in text
    assert looker.get(page(ada, "export_person")).status_code == 403
    assert looker.post(page(ada, "erase_person"), CONFIRMED).status_code == 403
    assert Profile.objects.filter(identity=ada).exists()
    assert "Export" in browser_of("view_customer", "change_profile").get(page(ada)).content.decode()


def test_retention_of_a_shop_must_mean_something(staff: Client, world: SimpleNamespace) -> None:
    here = reverse("admin:precision_shop_platform_change", args=[world.corner.pk])
    form = staff.get(here).context["adminform"].form
    given = {name: form.initial.get(name) or "" for name in form.fields}
    refused = staff.post(here, {**given, "retention": '{"letters": 3}'})
    assert "There is no kind “letters”" in refused.content.decode()
    taken: Any = staff.post(here, {**given, "retention": '{"dead_letters": 3}'})
    assert taken.status_code == 302
    world.corner.refresh_from_db()
    assert world.corner.retention == {"dead_letters": 3}


def test_only_staff_let_a_key_speak_for_the_organisation(staff: Client, world: SimpleNamespace) -> None:
    server, browser = (ApiKey.objects.get(platform=world.corner, kind=kind) for kind in ("server", "write"))
    address = reverse("admin:precision_shop_apikey_widen", args=[server.pk])
    assert "what the other shops" in staff.get(address).content.decode()
    server.refresh_from_db()
    assert "organisation" not in server.scopes
    staff.post(address, CONFIRMED)
    server.refresh_from_db()
    assert server.scopes == ["read", "write", "export", "erase", "organisation"]
    assert staff.post(address, CONFIRMED).status_code == 403
    assert (
        staff.post(reverse("admin:precision_shop_apikey_widen", args=[browser.pk]), CONFIRMED).status_code
        == 403
    )
