"""What became of the rows of an import."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """Counts of rows or of records of one kind."""

    accepted: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: int = 0

    def add(self, other: "Outcomes") -> None:
        """Add other counts."""
        self.accepted += other.accepted
        self.updated += other.updated
        self.duplicate += other.duplicate
        self.rejected += other.rejected

    @property
    def total(self) -> int:
        """All of them: each row or record is counted once."""
        return self.accepted + self.updated + self.duplicate + self.rejected


@dataclass(slots=True, kw_only=True)
class ImportSummary:
    """One import: `rows` counts each row of each file once, `kinds` the records made of them.

    A row counts as what became of the finest record made of it: a line's order, else what happened, else the
    customer, product or store.
    """

    platform: str
    mapping: str
    files: list[dict[str, Any]] = field(default_factory=list)
    """Name, size in bytes and rows of each file."""
    rows: Outcomes = field(default_factory=Outcomes)
    kinds: dict[str, Outcomes] = field(default_factory=dict)
    rejected_by: Counter[str] = field(default_factory=Counter)
    """Refusals per code, as many as the rejects file has."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Lines of a log that are of no interest, by reason: bot, static, method, status."""
    unknown_products: int = 0
    """Products that orders name and nobody described; they are kept, but never shown."""
    unknown_product_lines: int = 0
    unknown_product_events: int = 0
    """Events that name a product which nobody described; they keep its id."""
    unknown_customers: int = 0
    """Customers known only from orders."""
    aliases_linked: int = 0
    rejects_file: str = ""
    seconds: float = 0.0

    def kind(self, name: str) -> Outcomes:
        """Return the counts of the kind, made at the first call."""
        return self.kinds.setdefault(name, Outcomes())

    def as_json(self) -> dict[str, Any]:
        """Return plain values: counts of rows at the top, those of records under `kinds`."""
        table = asdict(self)
        table["dropped"] = dict(sorted(self.dropped.items()))
        table["rejected_by"] = dict(sorted(self.rejected_by.items()))
        rows = table.pop("rows")
        head = {name: table.pop(name) for name in ("platform", "mapping")}
        return {**head, "rows": self.rows.total + self.dropped.total(), **rows, **table}
