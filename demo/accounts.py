"""The administrator of the demo."""

import secrets

from django.contrib.auth import get_user_model

ADMIN = "admin"


def ensure_admin() -> str | None:
    """Create the user `admin` and return its random password; None when the user exists already.

    The password is kept nowhere: it is printed once.
    """
    users = get_user_model()
    if users.objects.filter(username=ADMIN).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.objects.create_superuser(ADMIN, password=password)
    return password
