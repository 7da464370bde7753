"""Opening a platform: its row, its keys and its secret."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from precision.shop import pii
from precision.shop.models import ApiKey, Order, Organisation, Platform

SCOPES = {
    ApiKey.Kind.SERVER: ["read", "write", "export", "erase"],
    ApiKey.Kind.WRITE: ["events", "slots"],
}
ORGANISATION = "organisation"
"""Scope of a key that speaks for the joined person, on all platforms; staff give it, no key is made with it."""
SENSITIVE = "sensitive"
"""Scope of a key that is told income, marriage and age; staff give it, others see these values masked."""
PREFIXES = {ApiKey.Kind.SERVER: "sk_", ApiKey.Kind.WRITE: "wk_"}


class PlatformExistsError(ValueError):
    """A platform of this key is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a shop needs to speak to us; shown once, never stored in the clear."""

    platform: str
    server_key: str
    write_key: str
    user_hash_secret: str


@transaction.atomic
def create_platform(
    key: str,
    *,
    name: str,
    organisation: str | None = None,
    currency: str = "EUR",
    timezone: str = "UTC",
    historical: bool = False,
) -> Credentials:
    """Create a platform (and its organisation, when new) and return its credentials.

    Raises PlatformExistsError when the key is taken and django's ValidationError for a value that is not allowed.
    """
    if Platform.objects.filter(key=key).exists():
        raise PlatformExistsError(
            f"There is a platform {key!r} already; choose another key, or make new keys in the admin."
        )
    owner_key = organisation or key
    owner = Organisation.objects.filter(key=owner_key).first()
    if owner is None:
        owner = Organisation(key=owner_key, name=organisation or name)
        owner.full_clean()
        owner.save()
    secret = secrets.token_urlsafe(32)
    platform = Platform(
        organisation=owner,
        key=key,
        name=name,
        currency=currency,
        timezone=timezone,
        historical=historical,
        user_hash_secret=pii.encrypt(secret),
    )
    platform.full_clean()
    platform.save()
    return Credentials(
        platform=key,
        server_key=issue_key(platform, ApiKey.Kind.SERVER),
        write_key=issue_key(platform, ApiKey.Kind.WRITE),
        user_hash_secret=secret,
    )


def issue_key(platform: Platform, kind: ApiKey.Kind, *, name: str = "") -> str:
    """Create a key of the platform and return it; only its digest is stored."""
    key = PREFIXES[kind] + secrets.token_urlsafe(32)
    ApiKey.objects.create(
        platform=platform, kind=kind, name=name, prefix=key[:10], digest=pii.digest(key), scopes=SCOPES[kind]
    )
    return key


def active_keys() -> list[str]:
    """Return the keys of the platforms that are recomputed every night."""
    return list(Platform.objects.filter(active=True).values_list("key", flat=True))


def as_of(platform: Platform) -> date:
    """Return the date to compute a platform as of: everything before it is seen.

    The local day that begins next, so that today's orders count; of a historical platform the day after its last
    order, because measured from today all its customers would be lost ones.
    """
    zone = ZoneInfo(platform.timezone)
    last = None
    if platform.historical:
        last = (
            Order.objects.filter(platform=platform)
            .order_by("-placed_at")
            .values_list("placed_at", flat=True)
            .first()
        )
    return (last or timezone.now()).astimezone(zone).date() + timedelta(days=1)


def this_minute() -> str:
    """Return the beginning of this minute (ISO, UTC): two schedulers that fire together name the same night."""
    return timezone.now().replace(second=0, microsecond=0).isoformat()
