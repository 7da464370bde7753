"""Encryption of personal values under the rotatable PII_KEYS."""

import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def encrypt(value: Any) -> bytes:
    """Return the JSON value encrypted under the newest key."""
    return _keys().encrypt(json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8"))


def decrypt(token: bytes | memoryview) -> Any:
    """Return the JSON value; raise ImproperlyConfigured when none of the keys opens it."""
    try:
        return json.loads(_keys().decrypt(bytes(token)))
    except InvalidToken as error:
        raise ImproperlyConfigured(
            "None of the PII_KEYS opens a stored value; add the key it was written with to the end of PII_KEYS."
        ) from error


def digest(text: str) -> str:
    """Return the SHA-256 of a random secret (an API key), in hex; not fit for guessable values."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _keys() -> MultiFernet:
    """Return the keys of the setting PII_KEYS, newest first."""
    keys = getattr(settings, "PII_KEYS", None)
    if not keys:
        raise ImproperlyConfigured(
            "The setting PII_KEYS is missing; give a list of Fernet keys, newest first "
            "(cryptography.fernet.Fernet.generate_key() makes one)."
        )
    return MultiFernet([Fernet(key) for key in keys])
