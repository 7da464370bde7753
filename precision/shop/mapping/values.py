"""What a mapping says, in frozen values."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from precision.shop import records

Format = Literal["parquet", "csv", "jsonl"]
Reducer = Literal["first", "last", "mode", "max", "min"]
REDUCERS = get_args(Reducer)
FORMATS = get_args(Format)
VERSION = 1
_CUSTOMER: Final = records.Field(name="customer_id", type=records.Type.ID, required=True)
KINDS: Final[Table[str, records.Kind]] = MappingProxyType(
    {
        **{
            kind.name: kind
            for kind in (
                records.STORE, records.PRODUCT, records.CUSTOMER, records.ORDER, records.REFUND, records.SHIPMENT,
                records.TICKET, records.EVENT, records.STORE_MONTH,
            )
        },
        # The API nests them in their customer; a row of a file has to say whose they are.
        **{
            kind.name: replace(kind, fields=(_CUSTOMER, *kind.fields))
            for kind in (records.IDENTITY, records.CONSENT)
        },
    }
)  # fmt: skip
"""The kinds of records that rows of files can become, by name."""
REFUND_LINE: Final = records.Kind(
    name="refund-line",
    key="",
    fields=tuple(
        replace(field, required=field.name == "product_id")
        for field in records.LINE.fields
        if field.name in {"product_id", "quantity", "unit_price"}
    ),
)
"""Without a quantity all of it comes back, without a price at the price paid."""
ORDER_OF_LOADING: Final = (
    "store", "product", "customer", "identity", "consent", "order", "refund", "shipment", "ticket", "event",
    "store-month",
)  # fmt: skip
"""What others name comes before them."""
ROWWISE: Final = frozenset(
    {"line", "identity", "consent", "refund", "shipment", "ticket", "event", "store-month"}
)
"""Kinds of which each row is a record; of the others several rows may make one."""


class MappingError(ValueError):
    """The mapping cannot be used; the message is one sentence for its author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the value of a field comes from: exactly one of column, expression or constant."""

    column: str | None = None
    expression: str | None = None
    """A Polars SQL expression over the columns of the file."""
    constant: Any = None
    reducer: Reducer | None = None
    """How several rows make one value; None: the rule of the kind."""
    by: str | None = None
    """Column whose largest value is “last” and smallest “first”; None: the order of the file."""
    words: bool = False
    """The value is a product title, of whose words a category is derived."""
    time_format: str | None = None
    """How times are written, as for strptime; None: ISO 8601."""

    @property
    def label(self) -> str | None:
        """The column to name in a rejects file, where there is one."""
        return self.column


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectRule:
    """Rows for which `when` holds cannot be used, and why."""

    when: str
    column: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """On which way the rows of a data set came, and on which terms they may be used."""

    key: str
    kind: str | None = None
    """One of `models.Source.Kind`; None: files, where the source is new."""
    licence: str = ""
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A named data set and what to do with its rows before any record is made of them."""

    name: str
    format: Format | None = None
    """None: by the file's ending."""
    separator: str = ","
    encoding: str = "utf-8"
    origin: Origin | None = None
    """None: the platform's own files."""
    explode: str | None = None
    """Column whose lists are taken apart: each element becomes a row of its own."""
    unique: bool = False
    drop: tuple[str, ...] = ()
    derive: Table[str, str] = field(default_factory=lambda: MappingProxyType({}))
    duplicate: tuple[str, ...] = ()
    reject: tuple[RejectRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMapping:
    """How the rows of one data set become records of one kind."""

    kind: records.Kind
    source: str
    """Name of the data set."""
    fields: Table[str, Source]
    paths: Table[str, tuple[Source, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """List fields (category, aliases), one source for each element."""
    objects: Table[str, Table[str, Source]] = field(default_factory=lambda: MappingProxyType({}))
    """Object fields (traits, labels, address, context, properties), one source for each key."""
    lines: "RecordMapping | None" = None
    """Of refunds: what each row says about a line; rows with the same refund belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A whole mapping; `records` has the kinds that it makes, in the order they are loaded."""

    name: str
    files: Table[str, DataFile]
    records: Table[str, RecordMapping]
    timezone: str | None = None
    """Zone of times without one; None: that of the platform."""
