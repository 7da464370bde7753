"""The facts of the demo shops as Polars frames: loaded the way the demo loads them, in an installation of their own.

The generated shop is made from its seed and not sent over HTTP: its people are never told apart wrongly, and its truth
comes along.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import narwhals as nw
import polars as pl

from benchmarks import serving
from benchmarks.errors import BenchmarkError
from benchmarks.quality_browse import browse_frames
from precision.engine.windows import epoch_day

TABLES = ("lines", "events", "products", "people", "identities", "stores")
READY = "facts.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one shop knows: frames with the columns of `history.scan`, and who and what stands behind the ids."""

    key: str
    currency: str
    timezone: str
    as_of: date
    """The first day that nothing is known of."""
    folder: Path

    def frame(self, table: str) -> pl.LazyFrame:
        """Return one of TABLES, or of `truth` (browse only).

        `lines`, `events`, `products`: as `history.scan` gives them. `people`: CUSTOMER, customer_id (the shop's own),
        birth_date, gender, country, city, occupation, education, income, marital_status, traits (JSON text), null
        where not told. `identities`: CUSTOMER, kind, value. `stores`: STORE, store_id. `titles`: PRODUCT, title, brand.
        """
        return pl.scan_parquet(self.folder / f"{table}.parquet")

    @property
    def lines(self) -> "nw.LazyFrame[pl.LazyFrame]":
        """Order lines, as the methods want them."""
        return nw.from_native(self.frame("lines"))

    @property
    def events(self) -> "nw.LazyFrame[pl.LazyFrame]":
        """Events, as the methods want them."""
        return nw.from_native(self.frame("events"))

    @property
    def day(self) -> int:
        """`as_of` as the DAY columns count."""
        return epoch_day(self.as_of)


class Shops:
    """The facts of the demo shops, each loaded when it is first wanted; kept in a folder."""

    def __init__(self, folder: Path, *, baskets: Sequence[Path] = ()) -> None:
        self._folder = folder
        self.baskets = baskets
        """Files with the columns basket and item that the caller wants measured instead, where a part can."""

    @cached_property
    def gifts(self) -> Facts:
        """The UK online gift shop, two years to 2011-12-09."""
        return self._imported("gifts")

    @cached_property
    def grocer(self) -> Facts:
        """The US grocery chain, 2017."""
        return self._imported("grocer")

    @cached_property
    def browse(self) -> Facts:
        """The generated shop of 100,000 visitors; `truth`: CUSTOMER, week, first_day (of the week), chance, bought."""
        folder = self._folder / "browse"
        if not (folder / READY).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            frames, told = browse_frames()
            for name, frame in frames.items():
                frame.write_parquet(folder / f"{name}.parquet")
            (folder / READY).write_text(json.dumps(told), encoding="utf-8")
        return read(folder)

    def _imported(self, key: str) -> Facts:
        folder = self._folder / key
        if not (folder / READY).is_file():
            _load(self._folder)
        return read(folder)


def read(folder: Path) -> Facts:
    """Return the facts of one shop that lie in its folder."""
    told: dict[str, Any] = json.loads((folder / READY).read_text(encoding="utf-8"))
    return Facts(
        key=folder.name, currency=told["currency"], timezone=told["timezone"],
        as_of=date(1970, 1, 1) + timedelta(days=told["day"]), folder=folder,
    )  # fmt: skip


def _load(folder: Path) -> None:
    """Import both real shops into an installation that is thrown away, and write their facts."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, serving.installation(Path(scratch)) as made:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.quality_loading", str(folder.resolve())],
            cwd=serving.ROOT, env=made.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise BenchmarkError(f"the demo shops could not be loaded:\n{done.stderr[-2000:]}")
