"""What staff and the shop's server decide: merge two people, accept or refuse a proposal, undo a join.

Each decision is a link that stays, or stays away, whatever evidence comes later; people follow by the rules.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from precision.shop.models import Identity, IdentityLink
from precision.shop.models.positions import CurrentTransaction
from precision.shop.stitching import locking
from precision.shop.stitching.linking import STAFF
from precision.shop.stitching.writing import Cause, recompute

Status = IdentityLink.Status


class DecisionError(ValueError):
    """The decision cannot be taken; the text says why and what can be done."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did."""

    link: IdentityLink
    moved: int
    """Identities that went to another customer."""


def merge(
    first: int,
    second: int,
    *,
    by: int | None = None,
    reason: str = "",
    evidence: dict[str, str] | None = None,
) -> Decided:
    """Make two identities, by their numbers, one person, whatever the rules would say.

    `by` is the number of the user; None: the shop's server (say so in `evidence`). Raises DecisionError when one does
    not exist, or when they are not of one organisation.
    """
    low, high = sorted((first, second))
    if low == high:
        raise DecisionError(f"Identity {low} is one person with itself already; name two identities.")
    found = {each.pk: each for each in Identity.objects.filter(pk__in=[low, high]).select_related("platform")}
    missing = [number for number in (low, high) if number not in found]
    if missing:
        raise DecisionError(f"There is no identity {missing[0]}.")
    owners = {each.platform.organisation_id for each in found.values()}
    if len(owners) > 1:
        raise DecisionError(
            f"Identities {low} and {high} belong to two organisations; people are joined within one only."
        )
    organisation = owners.pop()
    now = timezone.now()
    with transaction.atomic():
        locking.alone(organisation)
        link, _ = IdentityLink.objects.update_or_create(
            first_id=low,
            second_id=high,
            origin=STAFF,
            defaults={
                "organisation_id": organisation,
                "verified": True,
                "status": Status.ACTIVE,
                "held": "",
                "at": now,
                "decided_by_id": by,
                "decided_at": now,
                "evidence": {**(evidence or {}), "reason": reason},
            },
        )
        return _settle(link, by=by, reason=reason)


def accept(link_id: int, *, by: int | None = None, reason: str = "") -> Decided:
    """Join what a proposal proposes; one that was refused may still be accepted.

    Raises DecisionError when there is no such proposal.
    """
    return _decide(link_id, {Status.PROPOSED, Status.REFUSED}, Status.ACTIVE, by=by, reason=reason)


def refuse(link_id: int, *, by: int | None = None, reason: str = "") -> Decided:
    """Keep a proposal from coming again, also when something else tells of the same pair.

    Raises DecisionError when there is no such proposal.
    """
    return _decide(link_id, {Status.PROPOSED}, Status.REFUSED, by=by, reason=reason)


def undo(link_id: int, *, by: int | None = None, reason: str = "") -> Decided:
    """Take an active link away; every identity goes back to where it would be without it.

    An accepted proposal becomes a proposal again, a refused one too; any other link is undone for good, and does not
    come back when the same pair is told again. Raises DecisionError when there is nothing to undo.
    """
    with transaction.atomic():
        link = _locked(link_id)
        before = link.status
        if before not in {Status.ACTIVE, Status.REFUSED}:
            raise DecisionError(f"Link {link_id} is {before}; only an active or refused one can be undone.")
        if before == Status.REFUSED or (link.decided_at is not None and link.origin != STAFF):
            link.status, link.decided_at, link.decided_by_id = Status.PROPOSED, None, None
            done = _settle(link, by=by, reason=reason)
            if before == Status.REFUSED or done.link.status != Status.ACTIVE:
                return done
            link = done.link  # the rules would join it by themselves now, but that is not what was asked for
        link.status, link.decided_at, link.decided_by_id = Status.UNDONE, timezone.now(), by
        return _settle(link, by=by, reason=reason)


def _decide(
    link_id: int, expected: Collection[str], status: Status, *, by: int | None, reason: str
) -> Decided:
    with transaction.atomic():
        link = _locked(link_id)
        if link.status not in expected:
            raise DecisionError(f"Link {link_id} is {link.status}, not {' or '.join(sorted(expected))}.")
        link.status, link.held = status, ""
        link.decided_at, link.decided_by_id = timezone.now(), by
        return _settle(link, by=by, reason=reason)


def _locked(link_id: int) -> IdentityLink:
    """Return the link, nobody else writing people of its organisation until the transaction ends."""
    organisation = IdentityLink.objects.values_list("organisation_id", flat=True).filter(pk=link_id).first()
    if organisation is None:
        raise DecisionError(f"There is no link {link_id}.")
    locking.alone(organisation)
    link = IdentityLink.objects.filter(pk=link_id).first()
    if link is None:
        raise DecisionError(f"Link {link_id} was erased meanwhile.")
    return link


def _settle(link: IdentityLink, *, by: int | None, reason: str) -> Decided:
    """Store the link and make people what the rules say with it."""
    link.position = CurrentTransaction()
    link.save()
    ends = (link.first_id, link.second_id)
    moved = recompute(link.organisation_id, ends, Cause(links=[(link.pk, *ends)], by=by, reason=reason))
    link.refresh_from_db()
    return Decided(link, moved)
