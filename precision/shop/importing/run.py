"""One import under way: what its steps have in common, and what became of it so far."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import polars as pl

from precision.shop.importing.extracting import Reader
from precision.shop.importing.properties import cleaned
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.rejects import REASON, Rejects
from precision.shop.importing.summary import ImportSummary
from precision.shop.mapping import Mapping, RecordMapping
from precision.shop.models import Platform, Source
from precision.shop.records import Code

SAMPLE: Final = 5
"""Records of each kind that are kept to be looked at."""


@dataclass(slots=True, kw_only=True)
class Run:
    """The shop, the mapping, the refusals and counts of one import."""

    platform: Platform
    mapping: Mapping
    now: datetime
    rejects: Rejects
    reader: Reader
    summary: ImportSummary
    origins: dict[str, Source] = field(default_factory=dict)
    """The source of each data set."""
    links: list[pl.DataFrame] = field(default_factory=list)
    """Names that are told to be of one person, for the end of the transaction."""
    samples: dict[str, pl.DataFrame] = field(default_factory=dict)
    """The first records of each kind, as they were read."""

    def refuse(
        self, rows: pl.DataFrame, record: RecordMapping, name: str, code: Code | str, *, kind: str = ""
    ) -> None:
        """Refuse rows (with ROW and FILE) for what their field `name` says; personal values are not repeated."""
        source = record.fields.get(name)
        value = pl.col(name).cast(pl.String) if name in rows.columns else pl.lit("")
        one = record.kind.field(name)
        if one is not None and one.personal:
            value = pl.lit("(personal)")
        self.rejects.add(
            rows.select(
                file=FILE, row=ROW, column=pl.lit((source.label if source else None) or name), value=value,
                code=pl.lit(str(code)), reason=pl.lit(REASON[str(code)]),
            ),
            kind=kind or record.kind.name,
        )  # fmt: skip

    def sample(self, kind: str, made: pl.DataFrame, record: RecordMapping) -> None:
        """Keep the first records of a kind to be looked at, personal values left out."""
        shown = [name for name in made.columns if not name.startswith("__")]
        hidden = [name for name in shown if (one := record.kind.field(name)) is not None and one.personal]
        first = made.select(shown).head(SAMPLE)
        if "properties" in shown:
            first = first.with_columns(cleaned(first.get_column("properties"))[0].alias("properties"))
        self.samples[kind] = first.with_columns(
            pl.when(pl.col(name).is_not_null()).then(pl.lit("(personal)")).alias(name) for name in hidden
        )
