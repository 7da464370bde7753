"""Values that people pin to a customer's label; they count in place of the computed ones until they end or expire.

A pin of one platform counts for that platform; overall, the newest one of the organisation's platforms counts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from precision.shop import columns as c
from precision.shop.models import ApiKey, Identity, Platform
from precision.shop.scopes import Scope
from segments.conditions import MAX_NUMBER, LabelType, Scalar
from segments.labels import library, registry
from segments.models import LabelOverride

LONGEST_TEXT: Final = 200


class RefusedError(ValueError):
    """A pin that cannot be; `field` is what is wrong with it: label, value, reason or expires_at."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")


def checked(platform: Platform, label: str, value: Any) -> Scalar:
    """Return the value as the label wants it; raise RefusedError for an unknown label or a value of another type.

    Labels are the built-in ones and those of the platform's staff. One query.
    """
    kind = library.types(platform).get(label)
    if kind is None:
        raise RefusedError("label", f"There is no label {label!r}; GET labels/ lists them.")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        # Written so that NaN and the infinities fail too.
        LabelType.NUMBER: number and -MAX_NUMBER <= value <= MAX_NUMBER,
        LabelType.BOOLEAN: isinstance(value, bool),
        LabelType.TEXT: isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and "\0" not in value,
    }[kind]
    if not fits:
        shown = repr(value)[:60]
        raise RefusedError("value", f"Found {shown}; the label {label} wants {kind.value}.")
    definition = registry.definitions().get(label)
    if definition is not None and definition.values and value not in definition.values:
        raise RefusedError("value", f"Found {value!r}; {label} is one of {', '.join(definition.values)}.")
    return value  # type: ignore[no-any-return]


def pin(
    identity: Identity,
    label: str,
    value: Any,
    *,
    reason: str,
    expires_at: datetime | None = None,
    by: Any = None,
    key: ApiKey | None = None,
) -> LabelOverride:
    """Set the value of a customer's label by hand and return the pin; an earlier one ends and stays as history.

    `by` is the user who does it, `key` the API key; one of them. Raises RefusedError.
    """
    value = checked(identity.platform, label, value)
    now = timezone.now()
    reason = reason.strip().replace("\0", "")
    if not reason:
        raise RefusedError("reason", "Say why the computed value is wrong.")
    if expires_at is not None and expires_at <= now:
        raise RefusedError(
            "expires_at", f"{expires_at:%Y-%m-%d %H:%M} is over; give a time to come, or none."
        )
    with transaction.atomic():
        # Whoever pins the same person at the same time waits here: one pin ends the other.
        Identity.objects.select_for_update().get(pk=identity.pk)
        _open([identity.pk]).filter(label=label).update(ended_at=now)
        return LabelOverride.objects.create(
            platform_id=identity.platform_id,
            identity=identity,
            label=label,
            value=value,
            reason=reason,
            expires_at=expires_at,
            by=by,
            key=key.prefix if key else "",
        )


def take_back(platform: Platform, customer: int, label: str) -> int:
    """End the pins of a customer's label at a platform, whoever set them; return how many were in force."""
    now = timezone.now()
    return (
        in_force([platform.pk], now=now)
        .filter(identity__customer_id=customer, label=label)
        .update(ended_at=now)
    )


def in_force(platforms: Iterable[int], *, now: datetime | None = None) -> QuerySet[LabelOverride]:
    """Return the pins of these platforms that neither ended nor expired."""
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=now or timezone.now())
    return LabelOverride.objects.filter(lasting, platform_id__in=list(platforms), ended_at__isnull=True)


def of_customer(scope: Scope, customer: int) -> dict[str, LabelOverride]:
    """Return the pin that counts for each pinned label of a customer, by label. One query."""
    pins = in_force(platform.pk for platform in scope.platforms).filter(identity__customer_id=customer)
    # The newest comes last and stays.
    return {pin.label: pin for pin in pins.order_by("created_at", "pk")}


def history(platforms: Iterable[int], customer: int, label: str | None = None) -> QuerySet[LabelOverride]:
    """Return all pins of a customer at these platforms, the newest first, ended and expired ones too."""
    rows = LabelOverride.objects.filter(platform_id__in=list(platforms), identity__customer_id=customer)
    rows = rows.select_related("by", "platform")
    return (rows if label is None else rows.filter(label=label)).order_by("-created_at", "-pk")


def applied_to(scope: Scope, customer: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the label values of one customer with the pinned ones in their places. One query."""
    return {**values, **{label: pin.value for label, pin in of_customer(scope, customer).items()}}


def applied(scope: Scope, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame of labels (CUSTOMER, one column per label) with the pinned values in their places. One query.

    A customer with a pin and no row gets one. Pins of labels that the frame has no column for change nothing.
    Whole-number columns become Float64 where a pin has a fraction. Rows keep their order; new ones stand at the end.
    """
    pins = (
        in_force(platform.pk for platform in scope.platforms)
        .filter(label__in=[name for name in frame.columns if name != c.CUSTOMER])
        .order_by("created_at", "pk")
        .values_list("identity__customer_id", "label", "value")
    )
    by_label: dict[str, dict[int, Any]] = {}
    for customer, label, value in pins:
        by_label.setdefault(label, {})[customer] = value
    if not by_label:
        return frame
    columns = dict(frame.schema)
    named = {customer for values in by_label.values() for customer in values}
    missing = sorted(named - set(frame.filter(pl.col(c.CUSTOMER).is_in(list(named)))[c.CUSTOMER]))
    frame = pl.concat(
        [frame, pl.DataFrame({c.CUSTOMER: missing}, schema={c.CUSTOMER: columns[c.CUSTOMER]})], how="diagonal"
    )
    return frame.with_columns(
        _replaced(frame.schema[label], label, values) for label, values in by_label.items()
    )


def _replaced(dtype: pl.DataType, label: str, values: Mapping[int, Any]) -> pl.Expr:
    """Return the column with the values of these customers replaced."""
    if dtype.is_integer() and any(
        isinstance(value, float) and not value.is_integer() for value in values.values()
    ):
        dtype = pl.Float64()
    elif dtype == pl.Null:
        dtype = pl.Series(list(values.values()), strict=False).dtype
    return (
        pl.col(c.CUSTOMER)
        .replace_strict(
            list(values),
            pl.Series([*values.values()], strict=False).cast(dtype, strict=False),
            default=pl.col(label).cast(dtype),
            return_dtype=dtype,
        )
        .alias(label)
    )


def _open(identities: list[int]) -> QuerySet[LabelOverride]:
    return LabelOverride.objects.filter(identity_id__in=identities, ended_at__isnull=True)
