"""What a person may ask for, by the API: their data, their consents, and to be forgotten."""

import json
from typing import Any

import pytest

from precision.shop import erasure, tasks
from precision.shop.models import ApiKey, Consent, Erasure, Identity, Platform, Profile
from tests.api.conftest import Shop
from tests.api.test_records import ZEROS, errors, send

ANN = {"customer_id": "a/nn", "name": "Ann Boleyn", "email": "ann@tower-mail.org"}
YES = {
    "channel": "email",
    "purpose": "marketing",
    "granted": True,
    "basis": "consent",
    "at": "2026-01-01T00:00:00Z",
}
NO = {**YES, "granted": False, "at": "2026-02-01T00:00:00Z"}


@pytest.fixture
def ann(shop: Shop) -> Shop:
    """A shop that knows Ann, and Bob."""
    assert send(shop, "customers/", [ANN, {"customer_id": "bob"}])[1]["accepted"] == 2
    return shop


def restrict(shop: Shop, *scopes: str) -> None:
    ApiKey.objects.filter(platform=shop.platform, kind="server").update(scopes=list(scopes))


def test_consents_are_told_and_answered_with_their_history(ann: Shop) -> None:
    here = "customers/a/nn/consents/"
    assert send(ann, here, [NO, YES]) == (200, {**ZEROS, "accepted": 2})
    assert send(ann, here, YES) == (200, {**ZEROS, "duplicate": 1})
    found = ann.get(here)
    assert found["current"] == [NO]
    assert found["history"] == [NO, YES]
    assert ann.get("customers/bob/consents/") == {"customer_id": "bob", "current": [], "history": []}
    assert Consent.objects.first().source.kind == "rest"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("word", "code", "field"),
    [
        ({**YES, "granted": "perhaps"}, "not_a_boolean", "granted"),
        ({**YES, "channel": None}, "missing", "channel"),
        ({**YES, "at": "2999-01-01T00:00:00Z"}, "in_future", "at"),
        ({**YES, "mood": "good"}, "unknown_field", "mood"),
        ("yes", "not_an_object", ""),
        ({**YES, "purpose": "a\0b"}, "nul_character", "purpose"),
    ],
)
def test_words_that_cannot_be_used_are_refused_beside_the_others(
    ann: Shop, word: Any, code: str, field: str
) -> None:
    status, answer = send(ann, "customers/a/nn/consents/", [word, YES])
    assert status == 200
    assert answer["accepted"] == 1
    assert [(one["index"], one["code"], one["field"]) for one in answer["rejected"]] == [(0, code, field)]
    assert Consent.objects.count() == 1


def test_a_consent_needs_a_customer_and_a_key_that_may_write(ann: Shop) -> None:
    assert send(ann, "customers/nobody/consents/", YES)[0] == 404
    restrict(ann, "read")
    assert send(ann, "customers/a/nn/consents/", YES)[0] == 403
    assert send(ann, "customers/a/nn/consents/", YES, key=ann.credentials.write_key)[0] == 403
    assert not Consent.objects.exists()


def test_the_export_opens_personal_values_to_a_key_that_may(ann: Shop) -> None:
    found = ann.get("customers/a/nn/export/")
    assert (found["customer_id"], found["platform"], found["scope"]) == ("a/nn", "corner", "platform")
    assert found["profiles"][0]["name"] == "Ann Boleyn"
    assert {"kind": "email", "value": "ann@tower-mail.org"}.items() <= found["identities"][1].items()
    ann.get("customers/nobody/export/", status=404)
    restrict(ann, "read", "write", "erase")
    assert errors(ann.get("customers/a/nn/export/", status=403)) == [("permission_denied", None)]


def test_a_customer_is_erased_once(ann: Shop) -> None:
    status, answer = send(ann, "customers/a/nn/", {}, method="delete")
    assert (status, answer["state"], answer["scope"]) == (200, "erased", "corner")
    assert answer["counts"]["precision_shop_profile"] == 1
    assert errors(send(ann, "customers/a/nn/", {}, method="delete")[1]) == [("not_found", None)]
    assert [one["customer_id"] for one in ann.get("customers/")["results"]] == ["bob"]
    assert Erasure.objects.get().by == ann.credentials.server_key[:10]
    assert send(ann, "customers/", ANN)[1]["accepted"] == 1, "who comes again is a new person"


def test_only_a_key_with_the_right_may_erase(ann: Shop) -> None:
    restrict(ann, "read", "write", "export")
    assert send(ann, "customers/a/nn/", {}, method="delete")[0] == 403
    assert send(ann, "customers/a/nn/", {}, method="delete", key=ann.credentials.write_key)[0] == 403
    assert Profile.objects.count() == 2
    assert not Erasure.objects.exists()


def test_another_platform_is_reached_only_with_the_scope_of_the_organisation(
    make_shop: Any, django_capture_on_commit_callbacks: Any
) -> None:
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    for shop in (ours, theirs):
        with django_capture_on_commit_callbacks(execute=True):  # joins follow the commit
            send(shop, "customers/", [ANN])
    assert Identity.objects.filter(kind="customer_id").values("customer").distinct().count() == 1
    assert [one["platform"] for one in ours.get("customers/a/nn/export/")["profiles"]] == ["ours"]
    restrict(ours, "read", "export", "erase", "organisation")
    assert [one["platform"] for one in ours.get("customers/a/nn/export/")["profiles"]] == ["ours", "theirs"]
    status, answer = send(ours, "customers/a/nn/", {}, method="delete")
    assert (status, answer["scope"]) == (200, "*")
    theirs.get("customers/a/nn/", status=404)


def test_an_erasure_that_has_to_wait_is_taken_on(ann: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure.erasing, "advance", lambda *_, **__: False)
    status, answer = send(ann, "customers/a/nn/", {}, method="delete")
    assert (status, answer["state"]) == (202, "requested")
    monkeypatch.undo()
    assert Profile.objects.count() == 2
    tasks.erasures()
    assert Profile.objects.count() == 1
    assert Platform.objects.get().identities.filter(value="a/nn").count() == 0


def test_the_queue_is_told_only_after_the_commit(
    ann: Shop, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(tasks.erasures, "apply_async", lambda arguments, retry: sent.append(arguments))
    with django_capture_on_commit_callbacks() as callbacks:
        send(ann, "customers/a/nn/", {}, method="delete")
    assert sent == []
    for callback in callbacks:
        callback()
    assert json.dumps(sent) == "[[]]", "nothing of a person goes through the queue"
