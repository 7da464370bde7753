"""Whom an answer is for, and how much of them the caller may use."""

import hashlib
import hmac
from functools import lru_cache

from precision.shop import pii
from precision.shop.api.authentication import Principal
from precision.shop.models import Platform
from recommender.serving import state as states
from recommender.serving.customers import STRANGER, Person, look
from recommender.serving.state import State

Warned = dict[str, str]


def user_hash(platform: Platform, customer_id: str) -> str:
    """Return the HMAC-SHA256 (hex) of a customer id under the platform's secret."""
    secret = _secret(bytes(platform.user_hash_secret))
    return hmac.new(secret, customer_id.encode("utf-8"), hashlib.sha256).hexdigest()


@lru_cache(maxsize=1_000)
def _secret(encrypted: bytes) -> bytes:
    """Return a secret as it is used: to open it takes longer than all the rest of a hash."""
    secret: str = pii.decrypt(encrypted)
    return secret.encode("utf-8")


def meet(
    principal: Principal, *, customer_id: str, anonymous_id: str, given_hash: str = ""
) -> tuple[Person, State, list[Warned]]:
    """Return the person an answer is for, the platform's state, and warnings on whatever stays unused. One query.

    A browser's key (`wk_…`) opens a customer's own answer only with the right hash, and of a visitor it uses
    only what they looked at: an anonymous id may be linked to a person who did not log in here. The shop's server
    gets the person behind an anonymous id where a verified link joins the two, else a visitor as well.
    """
    platform = principal.platform
    warnings: list[Warned] = []
    proved = bool(customer_id)
    if customer_id and not principal.is_trusted and not _is_right(platform, customer_id, given_hash):
        proved = False
        warnings.append(
            warn(
                "user_hash_wrong" if given_hash else "user_hash_missing",
                "With a write key a customer's own answer needs user_hash, the HMAC-SHA256 (hex) of the "
                "customer id under the platform's secret; the answer is for a visitor.",
            )
        )
    if not proved and not anonymous_id:
        return STRANGER, states.of(platform), warnings
    found = look(
        platform,
        customer=customer_id if proved else None,
        anonymous=anonymous_id or None,
        trusted=principal.is_trusted,
    )
    if proved and not found.customer_known:
        warnings.append(
            warn(
                "unknown_customer",
                f"There is no customer {customer_id!r} on platform {platform.key!r} yet; the answer knows none of "
                "their purchases. Check the id, or send the customer or their first order.",
            )
        )
    if anonymous_id and not found.visitor_known and not (proved and found.customer_known):
        warnings.append(warn("unknown_visitor", "This visitor is unknown; the answer is for a stranger."))
    return found.person, found.state, warnings


def by_identity(platform: Platform, identity: int | None) -> tuple[Person, State]:
    """Return the person behind an identity by our id, and the state; a guest (None) is a stranger. One query."""
    if identity is None:
        return STRANGER, states.of(platform)
    found = look(platform, customer=identity)
    return found.person, found.state


def warn(code: str, detail: str) -> Warned:
    """Return a warning as the API writes it."""
    return {"code": code, "detail": detail}


def _is_right(platform: Platform, customer_id: str, given_hash: str) -> bool:
    """Return whether a hash is the one that the shop's server makes for a customer."""
    return hmac.compare_digest(user_hash(platform, customer_id).encode(), given_hash.lower().encode("utf-8"))
