"""What every kind of record has in the API: its rows, how one is found, written out and taken away."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model, QuerySet

from precision.shop.api.records.listing import IdParameters, ListParameters
from precision.shop.models import Identity, Platform
from precision.shop.records import KINDS, Kind

M = TypeVar("M", bound=Model)


class Resource(ABC, Generic[M]):
    """A kind of record as the API shows it."""

    name: ClassVar[str]
    """Key in `records.KINDS`."""
    plural: ClassVar[str]
    """Its address below /api/v1/, and the tag in the document."""
    order: ClassVar[tuple[str, ...]]
    """Columns of a list, as an index of the platform has them; unique together, never null."""
    parameters: ClassVar[type[ListParameters]] = IdParameters

    @property
    def kind(self) -> Kind:
        """The fields of the record."""
        return KINDS[self.name]

    @abstractmethod
    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[M]:
        """Return the platform's rows that the parameters ask for, in no order."""

    @abstractmethod
    def represent(self, rows: Sequence[M], *, personal: bool) -> list[dict[str, Any]]:
        """Return the records as they could be sent again, what is empty left out; one query a table at most.

        Without `personal` the values that are kept encrypted are left out.
        """

    def find(self, platform: Platform, record_id: str) -> M | None:
        """Return the row of an id, or None."""
        raise NotImplementedError(f"{self.plural} have no id of their own.")

    def remove(self, platform: Platform, row: M) -> None:
        """Take a record away, within a transaction that has locked the platform."""
        raise NotImplementedError(f"{self.plural} are not taken away one by one.")


def of_customer(rows: QuerySet[M], platform: Platform, customer_id: str) -> QuerySet[M]:
    """Return the rows of one customer id of the platform; all of them where it is empty."""
    if not customer_id:
        return rows
    found = Identity.objects.filter(platform=platform, kind=Identity.Kind.CUSTOMER_ID, value=customer_id)
    return rows.filter(identity_id__in=list(found.values_list("pk", flat=True)))


def names_of(identities: Sequence[int | None]) -> dict[int, dict[str, str]]:
    """Return by our number of an identity the field and value that name it; ids only, nothing personal."""
    wanted = {number for number in identities if number is not None}
    kinds = (Identity.Kind.CUSTOMER_ID, Identity.Kind.ANONYMOUS_ID)
    rows = Identity.objects.filter(pk__in=wanted, kind__in=kinds) if wanted else Identity.objects.none()
    return {number: {kind: value} for number, kind, value in rows.values_list("pk", "kind", "value")}
