"""Readers of environment variables that fail loudly: name, value and remedy."""

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def database(url: str) -> dict[str, object]:
    """Return the Django database settings of `postgresql://user:password@host:port/name?host=/socket/folder`.

    Raises ImproperlyConfigured for another scheme or a missing database name.
    """
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        raise ImproperlyConfigured(
            f"DATABASE_URL is {_without_password(url)!r}, but must look like "
            "postgresql://user:password@host:5432/name; "
            "correct it, or unset it to use the embedded PostgreSQL."
        )
    try:
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL {_without_password(url)!r} has a port that is no number; write host:5432."
        ) from error
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": query.pop("port", "") or str(port or ""),
        "OPTIONS": {**query, "pool": {"min_size": 1, "max_size": 8, "timeout": 30}},
        "CONN_HEALTH_CHECKS": True,
    }


def broker(url: str) -> str:
    """Return the broker's address; raise ImproperlyConfigured for what is no Redis or Valkey address."""
    if urlsplit(url).scheme not in {"redis", "rediss", "redis+socket"}:
        raise ImproperlyConfigured(
            f"BROKER_URL is {_without_password(url)!r}, but must look like redis://host:6379/0; "
            "correct it, or unset it to use the embedded Valkey."
        )
    return url


def whole_number(name: str, default: int, *, environ: Mapping[str, str] = os.environ) -> int:
    """Return the whole number in the variable `name`, or `default` when it is unset."""
    text = environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ImproperlyConfigured(
            f"{name} is {text!r}, but must be a whole number like {default}; correct it."
        )
    return int(text)


def pii_keys(text: str) -> list[str]:
    """Return the keys of PII_KEYS, newest first; raise ImproperlyConfigured when one is no Fernet key."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"PII_KEYS: key {position} of {len(keys)} is no Fernet key (32 bytes in URL-safe base64); make one "
                "with python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
            ) from error
    if not keys:
        raise ImproperlyConfigured(
            "PII_KEYS holds no key; give one or more Fernet keys, separated by commas, newest first."
        )
    return keys


def secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret kept in the file `path`, made once by calling `make` and readable by the owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)  # readable by the owner only
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(make())
        # The file appears whole or not at all, and the first of several processes wins.
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text(encoding="ascii").strip()


def _without_password(url: str) -> str:
    """Return the address with its password left out, fit for an error message."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    return parts._replace(netloc=f"{user}:…@{parts.netloc.rpartition('@')[2]}").geturl()
