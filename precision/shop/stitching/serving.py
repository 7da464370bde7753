"""Which names may open a person's own answers."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from precision.shop.models import Identity, IdentityLink


def verified(identities: QuerySet[Identity]) -> QuerySet[Identity]:
    """Return those of the identities through which a person's own answers may be given.

    Every known identity may, whose caller has proved it; an anonymous id only where an active verified link joins it to
    a known identity of its person: what a browser says of itself without a user_hash anybody could say.
    """
    proof = IdentityLink.objects.filter(status=IdentityLink.Status.ACTIVE, verified=True)
    person = OuterRef("customer_id")
    anonymous = Identity.Kind.ANONYMOUS_ID
    onward = proof.filter(first=OuterRef("pk"), second__customer=person).exclude(second__kind=anonymous)
    backward = proof.filter(second=OuterRef("pk"), first__customer=person).exclude(first__kind=anonymous)
    return identities.filter(~Q(kind=anonymous) | Exists(onward) | Exists(backward))


def verified_person(identity_id: int) -> int | None:
    """Return the customer behind an identity if its own answers may be given; else None. One query."""
    found = verified(Identity.objects.filter(pk=identity_id)).values_list("customer_id", flat=True)
    return found.first()
