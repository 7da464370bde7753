"""The library of a platform: the built-in labels and those of its staff."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
from django.db import IntegrityError, transaction

from precision.shop import columns as c
from precision.shop.models import Platform
from precision.shop.scopes import Scope
from segments.conditions import ConditionError, LabelType
from segments.labels import registry, rules
from segments.labels.registry import Definition, Kind
from segments.models import Label

DTYPES: Final = {LabelType.NUMBER: pl.Float64, LabelType.TEXT: pl.String, LabelType.BOOLEAN: pl.Boolean}
OF_STAFF: Final = (Label.Kind.RULE, Label.Kind.MANUAL)


class RefusedError(ValueError):
    """A label that cannot be; `field` is what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")


def of_staff(platform: Platform) -> list[Label]:
    """Return the labels in use that a platform's staff added, by key. One query."""
    return list(Label.objects.filter(platform=platform, active=True).order_by("key"))


def types(platform: Platform | None) -> dict[str, LabelType]:
    """Return the type of every label that conditions of a platform may name, None overall. One query."""
    built_in = {key: each.type for key, each in registry.definitions().items()}
    added = [] if platform is None else of_staff(platform)
    return {**built_in, **{label.key: LabelType(label.type) for label in added}}


def definition_of(label: Label) -> Definition:
    """Return a label of staff as the library shows it."""
    return Definition(
        key=label.key,
        title=label.title,
        kind=Kind(label.kind),
        type=LabelType(label.type),
        unit=label.unit,
        formula=label.formula,
        sensitivity=registry.Sensitivity(label.sensitivity),
        version=label.version,
        owner=label.owner,
    )


def readable(platform: Platform) -> dict[str, LabelType]:
    """Return the labels that rules of a platform may read: built-in ones and those given by hand. One query."""
    built_in = {key: each.type for key, each in registry.definitions().items()}
    manual = [label for label in of_staff(platform) if label.kind == Label.Kind.MANUAL]
    return {**built_in, **{label.key: LabelType(label.type) for label in manual}}


def check(label: Label) -> None:
    """Raise RefusedError where a label of staff cannot be: its key is taken, or its definition says nothing."""
    if label.platform is None:
        raise RefusedError("platform", "Built-in labels are data in code.")
    if label.key in registry.definitions() or label.key == c.CUSTOMER:
        raise RefusedError("key", f"{label.key!r} is a built-in label; choose another key.")
    if label.kind not in OF_STAFF:
        raise RefusedError("kind", f"Found {label.kind!r}; staff add labels of kind rule or manual.")
    if label.kind == Label.Kind.MANUAL:
        if label.definition is not None:
            raise RefusedError("definition", "A label that is given by hand has none.")
        return
    if label.definition is None:
        raise RefusedError("definition", 'A rule needs one: {"when": …} or {"cases": […]}.')
    known = {key: kind for key, kind in readable(label.platform).items() if key != label.key}
    try:
        rules.parse(label.definition, type=LabelType(label.type), labels=known)
    except ConditionError as error:
        raise RefusedError("definition", f"{error.path or 'the top'}: {error.message}") from error


def save(label: Label) -> Label:
    """Write a label of staff and return it; its version goes up when its definition or type changed.

    Raises RefusedError, also where another label of the shop bears its key.
    """
    check(label)
    before = Label.objects.filter(pk=label.pk).first() if label.pk else None
    if before is not None and (before.definition, before.type) != (label.definition, label.type):
        label.version = before.version + 1
    try:
        with transaction.atomic():
            label.save()
    except IntegrityError as error:
        raise RefusedError("key", f"There is a label {label.key!r} already; choose another key.") from error
    return label


def with_manual(scope: Scope, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with an empty column for each label that staff give by hand; `overrides.applied` fills it.

    Overall there are no labels of staff: each shop's own people define them.
    """
    if scope.platform is None:
        return frame
    manual = [label for label in of_staff(scope.platform) if label.kind == Label.Kind.MANUAL]
    return frame.with_columns(
        pl.lit(None, dtype=DTYPES[LabelType(label.type)]).alias(label.key) for label in manual
    )


def with_rules(scope: Scope, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the frame with a column for each rule of the scope's staff, and why others were left out, by key."""
    if scope.platform is None:
        return frame, {}
    known, refused, columns = readable(scope.platform), {}, []
    for label in of_staff(scope.platform):
        if label.kind != Label.Kind.RULE:
            continue
        try:
            rule = rules.parse(label.definition, type=LabelType(label.type), labels=known)
        except ConditionError as error:
            refused[label.key] = str(error)  # it was valid when it was saved; the others must not wait for it
            continue
        columns.append(rules.values(rule, frame).alias(label.key))
    return frame.with_columns(columns), refused


def ensure_builtin() -> None:
    """Bring the rows of the built-in labels up to date with the code. One query where they are."""
    stored = {row.key: row for row in Label.objects.filter(platform=None)}
    wanted = registry.definitions()
    fresh = [_row(each) for key, each in wanted.items() if key not in stored or _differs(stored[key], each)]
    gone = [key for key in stored if key not in wanted]
    if not fresh and not gone:
        return
    with transaction.atomic():
        Label.objects.filter(platform=None, key__in=gone).delete()
        Label.objects.bulk_create(
            fresh, update_conflicts=True, unique_fields=["platform", "key"], update_fields=[*_SHOWN]
        )


_SHOWN: Final = ("title", "kind", "type", "unit", "formula", "sensitivity", "refresh", "version", "owner")


def _row(definition: Definition) -> Label:
    return Label(key=definition.key, **_fields(definition))


def _fields(definition: Definition) -> dict[str, Any]:
    found: Mapping[str, Any] = {name: getattr(definition, name) for name in _SHOWN}
    return {
        **found,
        "type": definition.type.value,
        **{n: str(found[n]) for n in ("kind", "sensitivity", "refresh")},
    }


def _differs(row: Label, definition: Definition) -> bool:
    return any(getattr(row, name) != value for name, value in _fields(definition).items())
