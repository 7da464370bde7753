"""Whom an answer is for, and how much of them the caller may use."""

import hashlib
import hmac
from dataclasses import replace

from precision.shop import pii
from precision.shop.api.authentication import Principal
from precision.shop.models import Identity, Platform
from recommender.serving.customers import STRANGER, Person, known, seen_lately

Warned = dict[str, str]


def user_hash(platform: Platform, customer_id: str) -> str:
    """Return the HMAC-SHA256 (hex) of a customer id under the platform's secret."""
    secret: str = pii.decrypt(platform.user_hash_secret)
    return hmac.new(secret.encode("utf-8"), customer_id.encode("utf-8"), hashlib.sha256).hexdigest()


def meet(
    principal: Principal,
    *,
    customer_id: str,
    anonymous_id: str,
    given_hash: str = "",
    run_ids: dict[str, int],
) -> tuple[Person, list[Warned]]:
    """Return the person an answer is for, with warnings on whatever stays unused. At most three queries.

    A browser's key (`wk_…`) opens a customer's own answer only with the right hash, and of a visitor it uses
    only what they looked at: an anonymous id may be linked to a person who did not log in here. The shop's server
    gets the person behind an anonymous id where a verified link joins the two, else a visitor as well.
    """
    platform = principal.platform
    warnings: list[Warned] = []
    person: Person | None = None
    if customer_id:
        if principal.is_trusted or _is_right(platform, customer_id, given_hash):
            person = known(platform, kind=Identity.Kind.CUSTOMER_ID, value=customer_id, run_ids=run_ids)
            if person is None:
                warnings.append(
                    warn("unknown_customer", "This customer is unknown; the answer is for a stranger.")
                )
        else:
            warnings.append(
                warn(
                    "user_hash_wrong" if given_hash else "user_hash_missing",
                    "With a write key a customer's own answer needs user_hash, the HMAC-SHA256 (hex) of the "
                    "customer id under the platform's secret; the answer is for a visitor.",
                )
            )
    if not anonymous_id:
        return person or STRANGER, warnings
    seen = seen_lately(platform, anonymous_id)
    if person is None and principal.is_trusted:
        person = known(platform, kind=Identity.Kind.ANONYMOUS_ID, value=anonymous_id, run_ids=run_ids)
    if person is None and not seen and not _exists(platform, anonymous_id):
        warnings.append(warn("unknown_visitor", "This visitor is unknown; the answer is for a stranger."))
    return replace(person or STRANGER, seen=seen), warnings


def warn(code: str, detail: str) -> Warned:
    """Return a warning as the API writes it."""
    return {"code": code, "detail": detail}


def _is_right(platform: Platform, customer_id: str, given_hash: str) -> bool:
    """Return whether a hash is the one that the shop's server makes for a customer."""
    return hmac.compare_digest(user_hash(platform, customer_id).encode(), given_hash.lower().encode("utf-8"))


def _exists(platform: Platform, anonymous_id: str) -> bool:
    """Return whether the platform has seen an anonymous id. One query."""
    return Identity.objects.filter(
        platform=platform, kind=Identity.Kind.ANONYMOUS_ID, value=anonymous_id
    ).exists()
