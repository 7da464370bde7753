"""Who brought whom: the tree of referrals around a customer, generation by generation."""

from dataclasses import dataclass
from typing import Any, Final

from precision.shop.models import Identity, Platform, Referral

DEEPEST: Final = 5
MOST: Final = 1_000
"""People of one tree; a larger one is cut, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The referrals of one customer; each person as a mapping customer_id, anonymous_id, at, generation, brought_by."""

    brought_by: dict[str, Any] | None
    brought: list[dict[str, Any]]
    complete: bool


def tree(platform: Platform, customer: int, *, depth: int) -> Tree:
    """Return who brought a customer (by our number) to a platform, and whom they brought, `depth` generations deep.

    The customer's identities on the platform count together; nobody comes twice, circles end. 2 + `depth` queries.
    """
    own = list(Identity.objects.filter(platform=platform, customer_id=customer).values_list("pk", flat=True))
    rows = (
        Referral.objects.filter(platform=platform).select_related("referrer", "referred").order_by("at", "id")
    )
    first = rows.filter(referred__in=own).exclude(referrer__in=own).first()
    seen, level = set(own), own
    brought: list[dict[str, Any]] = []
    complete = True
    for generation in range(1, depth + 1):
        found = list(rows.filter(referrer__in=level).exclude(referred__in=seen)[: MOST - len(brought) + 1])
        if len(found) > MOST - len(brought):
            found.pop()
            complete = False
        brought += [_person(each.referred, each, generation, by=each.referrer) for each in found]
        level = [each.referred_id for each in found]
        seen.update(level)
        if not level or not complete:
            break
    return Tree(
        brought_by=_person(first.referrer, first, 1, by=None) if first else None,
        brought=brought,
        complete=complete,
    )


def _person(who: Identity, referral: Referral, generation: int, *, by: Identity | None) -> dict[str, Any]:
    return {
        "customer_id": who.value if who.kind == Identity.Kind.CUSTOMER_ID else None,
        "anonymous_id": who.value if who.kind == Identity.Kind.ANONYMOUS_ID else None,
        "at": referral.at,
        "generation": generation,
        "brought_by": by.value if by and by.kind in _SHOWN else None,
    }


_SHOWN: Final = frozenset({Identity.Kind.CUSTOMER_ID, Identity.Kind.ANONYMOUS_ID})
"""Kinds whose value is the shop's own id; of personal kinds nothing but a digest is kept, which helps nobody."""
