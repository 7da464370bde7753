"""Encryption of personal values under the rotatable PII_KEYS."""

import hashlib
import hmac
import json
import secrets
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from precision.shop.models import Organisation

_UNOPENED = (
    "None of the PII_KEYS opens a stored value; add the key it was written with to the end of PII_KEYS."
)
_match_keys: dict[int, bytes] = {}
_uncommitted_keys: dict[int, bytes] = {}


def encrypt(value: Any) -> bytes:
    """Return the JSON value encrypted under the newest key."""
    return _keys().encrypt(json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8"))


def decrypt(token: bytes | memoryview) -> Any:
    """Return the JSON value; raise ImproperlyConfigured when none of the keys opens it."""
    try:
        return json.loads(_keys().decrypt(bytes(token)))
    except InvalidToken as error:
        raise ImproperlyConfigured(_UNOPENED) from error


def rotated(token: bytes | memoryview) -> bytes | None:
    """Return the ciphertext of the same value under the newest key, or None where it is under that already.

    Raises ImproperlyConfigured when none of the keys opens it.
    """
    keys, written = _keys(), bytes(token)
    try:
        Fernet(settings.PII_KEYS[0]).decrypt(written)
    except InvalidToken:
        try:
            return keys.rotate(written)
        except InvalidToken as error:
            raise ImproperlyConfigured(_UNOPENED) from error
    return None


def digest(text: str) -> str:
    """Return the SHA-256 of a random secret (an API key), in hex; not fit for guessable values."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def match_key(organisation_id: int) -> bytes:
    """Return the key under which an organisation's personal values are matched, made at the first call.

    It is random and kept encrypted, so that rotating PII_KEYS changes no digest; kept in memory once read. One query
    before that.
    """
    known = _match_keys.get(organisation_id)
    if known is not None:
        return known
    token = Organisation.objects.values_list("match_key", flat=True).get(pk=organisation_id)
    if token is None:
        return _make_match_key(organisation_id)
    key = bytes.fromhex(decrypt(token))
    if key != _uncommitted_keys.get(organisation_id):
        _match_keys[organisation_id] = key
    return key


def _make_match_key(organisation_id: int) -> bytes:
    """Make the key, unless somebody else is quicker, and keep it in memory once it is committed."""
    with transaction.atomic():
        owner = Organisation.objects.select_for_update().get(pk=organisation_id)
        if owner.match_key is None:
            owner.match_key = encrypt(secrets.token_hex(32))
            owner.save(update_fields=["match_key"])
        key = bytes.fromhex(decrypt(owner.match_key))
        _uncommitted_keys[organisation_id] = key  # it may yet be rolled back, and then another one is made
        transaction.on_commit(lambda: _match_keys.__setitem__(organisation_id, key))
    return key


def match(key: bytes, kind: str, value: str) -> str:
    """Return the digest, in hex, by which equal personal values of one organisation are found (HMAC-SHA256).

    `key` is that of `match_key`; the value must be normalised (see `identity.normalise`).
    """
    return hmac.new(key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()


def subject(key: bytes, kind: str, value: str) -> int:
    """Return a 64-bit digest of an identity, by which an erasure finds what names it in free content.

    `value` is what `Identity.value` holds: of a personal kind its digest, of any other the id itself.
    """
    code = hmac.new(key, f"subject\0{kind}\0{value}".encode(), hashlib.sha256).digest()
    return int.from_bytes(code[:8], "big", signed=True)


def _keys() -> MultiFernet:
    """Return the keys of the setting PII_KEYS, newest first."""
    keys = getattr(settings, "PII_KEYS", None)
    if not keys:
        raise ImproperlyConfigured(
            "The setting PII_KEYS is missing; give a list of Fernet keys, newest first "
            "(cryptography.fernet.Fernet.generate_key() makes one)."
        )
    return MultiFernet([Fernet(key) for key in keys])
