"""System checks of what a project that embeds us must configure: keys, apps and their order."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

MAKE_A_KEY = (
    "Make a key with: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())' and keep it: personal data cannot be read without it."
)
NEEDED_APPS = {
    "django.contrib.postgres": "models use arrays",
    "precision.charts": "staff pages draw with it",
    "precision.engine": "results belong to its runs",
    "rest_framework": "the API is built on it",
    "drf_spectacular": "it writes the API's schema",
    "drf_standardized_errors": "it gives errors their one shape",
}
"""Apps without which ours fail, and what for; unfold too, where there is an admin to dress."""


def check_pii_keys(**kwargs: Any) -> list[CheckMessage]:
    """Return an error when PII_KEYS is missing, no list, or holds something that is no Fernet key."""
    keys = getattr(settings, "PII_KEYS", None)
    if not keys:
        message = "The setting PII_KEYS is missing or empty: personal data could not be stored."
        return [
            Error(message, hint=f"Give a list of keys, newest first. {MAKE_A_KEY}", id="precision_shop.E001")
        ]
    if isinstance(keys, str) or not isinstance(keys, Sequence):
        message = (
            f"The setting PII_KEYS is a {type(keys).__name__}, but must be a list of keys, newest first."
        )
        return [Error(message, hint='Write PII_KEYS = ["…"].', id="precision_shop.E002")]
    wrong = [position for position, key in enumerate(keys, start=1) if not _is_fernet_key(key)]
    return [
        Error(
            f"PII_KEYS: key {position} of {len(keys)} is no Fernet key (32 bytes in URL-safe base64).",
            hint=MAKE_A_KEY,
            id="precision_shop.E003",
        )
        for position in wrong
    ]


def check_needed_apps(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each app that ours need and INSTALLED_APPS lacks."""
    needed = dict(NEEDED_APPS)
    if apps.is_installed("django.contrib.admin"):
        needed["unfold"] = "it dresses the staff pages"
    return [
        Error(
            f"INSTALLED_APPS lacks {name!r}: {reason}.",
            hint=f"Add {name!r} to INSTALLED_APPS"
            + (" before 'django.contrib.admin'." if name == "unfold" else "."),
            id="precision_shop.E004",
        )
        for name, reason in needed.items()
        if not apps.is_installed(name)
    ]


def check_app_order(**kwargs: Any) -> list[CheckMessage]:
    """Return an error when unfold comes after the admin, whose templates would then hide unfold's."""
    order = [config.name for config in apps.get_app_configs()]
    if not {"unfold", "django.contrib.admin"} <= set(order):
        return []
    if order.index("unfold") < order.index("django.contrib.admin"):
        return []
    return [
        Error(
            "'unfold' comes after 'django.contrib.admin' in INSTALLED_APPS: its templates would be hidden.",
            hint="Move 'unfold' before 'django.contrib.admin'.",
            id="precision_shop.E005",
        )
    ]


def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    """Return a warning without USE_TZ: the times of orders would lose their zone."""
    if settings.USE_TZ:
        return []
    return [
        Warning(
            "USE_TZ is False: times of orders and events would be stored without their zone.",
            hint="Set USE_TZ = True.",
            id="precision_shop.W001",
        )
    ]


def _is_fernet_key(key: object) -> bool:
    if not isinstance(key, str | bytes):
        return False
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
