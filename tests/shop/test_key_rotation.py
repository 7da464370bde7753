"""PII_KEYS are rotated: everything stays readable, and the older key can go."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from precision.shop import dead_letters, identities, key_rotation, pii, profiles, tokens
from precision.shop.dead_letters import Letter
from precision.shop.models import DeadLetter, Identity, Organisation, Platform, Profile
from tests.shop.town import NOW

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def filled(settings: Any, db: None) -> Platform:
    """A shop whose every kind of ciphertext is under the old key."""
    settings.PII_KEYS = [OLD]
    call_command("create_platform", "corner", "--name", "Corner", "--json", stdout=StringIO())
    platform = Platform.objects.get()
    names = [("email", f"p{number}@firm.de") for number in range(5)]
    identities.resolve(platform, [*names, ("customer_id", "ann")], now=NOW)
    ann = Identity.objects.get(kind="customer_id")
    told = profiles.Told(identity=ann.pk, personal={"name": "Ann Bell"}, trusted=True)
    profiles.tell([told], organisation_id=platform.organisation_id, now=NOW)
    letter = Letter(
        kind="customer", code="missing", payload={"email": "p1@firm.de", "x": [{"phone": "+49170"}]}
    )
    dead_letters.keep(platform, [letter], source=None)
    return platform


def content(platform: Platform) -> list[Any]:
    pii._match_keys.clear()
    return [
        pii.decrypt(Platform.objects.get().user_hash_secret),
        pii.decrypt(Organisation.objects.get().match_key or b""),
        sorted(pii.decrypt(one.ciphertext or b"") for one in Identity.objects.filter(kind="email")),
        pii.decrypt(Profile.objects.get().personal or b""),
        tokens.unseal(DeadLetter.objects.get().payload),
        identities.find(platform, [("email", "p3@firm.de")]),
    ]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_pii_keys", *arguments, stdout=out)
    return out.getvalue()


def test_everything_is_readable_without_the_old_key(
    filled: Platform, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    before = content(filled)
    settings.PII_KEYS = [NEW, OLD]
    assert "precision_shop_identity.ciphertext: 5 of 5 under an older key" in run("--check")
    assert content(filled) == before
    assert "precision_shop_identity.ciphertext: 5 of 5 encrypted anew" in run()
    assert "0 of 5 encrypted anew" in run()
    settings.PII_KEYS = [NEW]
    assert content(filled) == before
    assert "0 of 1" in run("--check")


def test_a_run_that_was_cut_short_goes_on(filled: Platform, settings: Any) -> None:
    settings.PII_KEYS = [NEW, OLD]
    first = Identity.objects.filter(kind="email").earliest("pk")
    Identity.objects.filter(pk=first.pk).update(ciphertext=pii.rotated(first.ciphertext or b""))
    assert "precision_shop_identity.ciphertext: 4 of 5 encrypted anew" in run()


def test_a_value_of_an_unknown_key_is_named(filled: Platform, settings: Any) -> None:
    settings.PII_KEYS = [NEW]
    with pytest.raises(ImproperlyConfigured, match="None of the PII_KEYS opens a stored value"):
        run()
