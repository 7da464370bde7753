"""The only bulk reader of facts: `scan(table, window, platform=…)` gives a lazy frame.

It reads the lake, brought up to date first. The columns and their units are those of `columns.py`; the identity →
customer map and the product → same-product map are joined here, so that facts themselves never change when people or
names are joined.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import narwhals as nw
import polars as pl

from precision.engine.reading import Reader, consistent
from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop import exchange
from precision.shop.history import files, lake, layout, manifest
from precision.shop.history.exporting import export
from precision.shop.history.layout import EVENTS, EXPOSURES, ORDER_LINES, TIMES, Table
from precision.shop.history.manifest import Manifest
from precision.shop.methods.exchange import convert
from precision.shop.models import Order, Platform

PRODUCTS = "products"
SAME = "__same"
AMOUNTS = (c.UNIT_PRICE_E4, c.LIST_PRICE_E4, c.AMOUNT_E4)


class View:
    """One state of the lake and of the maps; frames taken from it agree with each other."""

    def __init__(self, root: Path, state: Manifest) -> None:
        self._root = root
        self._state = state
        self._maps: dict[int, dict[str, pl.DataFrame]] = {}
        self._changed: dict[tuple[str, int], pl.DataFrame] = {}

    def rows(self, table: Table, window: Window, platform: Platform) -> pl.LazyFrame:
        """Return the rows of the lake within the window, as the files have them."""
        parts = [
            part
            for part in self._state.parts
            if (part.table, part.platform) == (table.name, platform.pk)
            and part.first < window.end
            and (window.start is None or part.last >= window.start)
        ]
        files.verify(self._root, parts)
        within = pl.col(c.SECONDS) < window.end
        if window.start is not None:
            within &= pl.col(c.SECONDS) >= window.start
        return lake.rows(self._root, table, parts, self._keys(table, platform)).filter(within)

    def map(self, name: str, platform: Platform) -> pl.DataFrame:
        """Return the platform's map of that name, as of the first time that any was wanted."""
        if platform.pk not in self._maps:
            with consistent() as reader:
                self._maps[platform.pk] = _maps(reader, platform)
        return self._maps[platform.pk][name]

    def horizon(self, platform: Platform) -> int:
        """Return the position below which every fact of the platform is here; 0 for one that came later."""
        known = self._state.platforms.get(platform.pk)
        return known.horizon if known else 0

    def _keys(self, table: Table, platform: Platform) -> pl.DataFrame:
        key = (table.name, platform.pk)
        if key not in self._changed:
            changes = [each for each in self._state.changes if (each.table, each.platform) == key]
            files.verify(self._root, changes)
            self._changed[key] = lake.changed_keys(self._root, table, changes)
        return self._changed[key]


_snapshot: ContextVar[list[View] | None] = ContextVar("snapshot", default=None)


@contextmanager
def snapshot() -> Iterator[None]:
    """Within the block all scans see the same facts, people and products: those at its first scan."""
    token = _snapshot.set([])
    try:
        yield
    finally:
        _snapshot.reset(token)


def scan(
    table: str, window: Window, *, platform: Platform, currency: str | None = None
) -> nw.LazyFrame[pl.LazyFrame]:
    """Return the committed facts of a platform within a window as a lazy frame; rows come in no particular order.

    `order_lines`: CUSTOMER, IDENTITY, ORDER, PRODUCT, CATEGORY, STORE, SECONDS, DAY, HOUR, WEEKDAY, QUANTITY_E3,
    UNIT_PRICE_E4, LIST_PRICE_E4, AMOUNT_E4, RETURNED; one row a line, cancelled and unconfirmed orders left out.
    Amounts are in `currency`, None that of the platform; lines of orders in another one are converted by the rates of
    their day (`exchange.convert`), and left out where no rate is known (the page of data quality counts them).
    `order_contents`: CUSTOMER, IDENTITY, ORDER, PRODUCT, CATEGORY, STORE, CHANNEL, SECONDS, DAY, HOUR, WEEKDAY,
    RETURNED; the same lines in every currency, without amounts.
    `events`: CUSTOMER, IDENTITY, EVENT, SECONDS, DAY, HOUR, WEEKDAY, PRODUCT, CATEGORY, STORE, CHANNEL, SESSION,
    DURATION_MS, RECOMMENDATION; one row an event.
    `exposures`: CUSTOMER, IDENTITY, RECOMMENDATION, SECONDS, DAY, HOUR, WEEKDAY, PAGE, EXPERIMENT, ARM, SLOT, RANK,
    PRODUCT, CATEGORY, SOURCE, PROPENSITY, RUN; one row an item shown, and one with null item columns for an answer
    that showed none.
    `products`: PRODUCT, CATEGORY, PRICE_E4, LIST_PRICE_E4, IN_STOCK, ACTIVE, REPEATABLE; one row for each product that
    stands for itself (the window is not used: the catalogue is as of now).

    Costs an export of what is new, once per `snapshot`. Raises KeyError for a table it does not know, and the errors
    of `export`.
    """
    if table not in _READERS:
        raise KeyError(f"history.scan knows no table {table!r}; it knows {', '.join(sorted(_READERS))}.")
    rows = _READERS[table](_view(), window, platform)
    if table == ORDER_LINES.name:
        rows = _converted(rows, platform, currency or platform.currency)
    return nw.from_native(rows)


def _view() -> View:
    """Return the view of the snapshot that is open, or else a fresh one."""
    kept = _snapshot.get()
    if kept:
        return kept[0]
    export()
    root = layout.root()
    state = manifest.load(root)
    assert state is not None  # an export leaves one
    view = View(root, state)
    if kept is not None:
        kept.append(view)
    return view


def horizon(platform: Platform) -> int:
    """Return the position below which `scan` sees every fact of the platform. Costs what a scan costs."""
    return _view().horizon(platform)


def _order_lines(view: View, window: Window, platform: Platform) -> pl.LazyFrame:
    return _counted_lines(view, window, platform).select(
        c.CUSTOMER, c.IDENTITY, c.ORDER, c.PRODUCT, c.CATEGORY, c.STORE, *TIMES,
        c.QUANTITY_E3, c.UNIT_PRICE_E4, c.LIST_PRICE_E4, c.AMOUNT_E4, c.CURRENCY, _GIVEN_BACK,
    )  # fmt: skip


def _order_contents(view: View, window: Window, platform: Platform) -> pl.LazyFrame:
    return _counted_lines(view, window, platform).select(
        c.CUSTOMER, c.IDENTITY, c.ORDER, c.PRODUCT, c.CATEGORY, c.STORE, c.CHANNEL, *TIMES, _GIVEN_BACK
    )


_GIVEN_BACK = (pl.col(c.STATUS) == Order.Status.RETURNED.value).alias(c.RETURNED)


def _counted_lines(view: View, window: Window, platform: Platform) -> pl.LazyFrame:
    counted = pl.col(c.CONFIRMED) & (pl.col(c.STATUS) != Order.Status.CANCELLED.value)
    return _resolved(view.rows(ORDER_LINES, window, platform).filter(counted), view, platform)


def _converted(lines: pl.LazyFrame, platform: Platform, currency: str) -> pl.LazyFrame:
    """Return the lines with amounts in the currency, without the column of their own; those without a rate left out."""
    rates = exchange.known(platform.organisation_id)
    own = pl.col(c.CURRENCY) == currency
    if not rates:
        return lines.filter(own).drop(c.CURRENCY)
    frame = nw.from_native(lines)
    for amount in AMOUNTS:
        frame = convert(frame, rates, target=currency, amount=amount).frame
    return frame.to_native().filter(pl.col(c.AMOUNT_E4).is_not_null()).drop(c.CURRENCY)


def _events(view: View, window: Window, platform: Platform) -> pl.LazyFrame:
    return _resolved(view.rows(EVENTS, window, platform), view, platform).select(
        c.CUSTOMER, c.IDENTITY, c.EVENT, *TIMES, c.PRODUCT, c.CATEGORY, c.STORE, c.CHANNEL, c.SESSION,
        c.DURATION_MS, c.RECOMMENDATION,
    )  # fmt: skip


def _exposures(view: View, window: Window, platform: Platform) -> pl.LazyFrame:
    return _resolved(view.rows(EXPOSURES, window, platform), view, platform).select(
        c.CUSTOMER, c.IDENTITY, c.RECOMMENDATION, *TIMES, c.PAGE, c.EXPERIMENT, c.ARM, c.SLOT, c.RANK,
        c.PRODUCT, c.CATEGORY, c.SOURCE, c.PROPENSITY, c.RUN,
    )  # fmt: skip


def _products(view: View, window: Window, platform: Platform) -> pl.LazyFrame:
    products = view.map(PRODUCTS, platform).filter(pl.col(SAME).is_null())
    return products.select(
        c.PRODUCT, c.CATEGORY, c.PRICE_E4, c.LIST_PRICE_E4, c.IN_STOCK, c.ACTIVE, c.REPEATABLE
    ).lazy()


_READERS = {
    "order_lines": _order_lines, "order_contents": _order_contents, "events": _events,
    "exposures": _exposures, PRODUCTS: _products,
}  # fmt: skip


def _resolved(rows: pl.LazyFrame, view: View, platform: Platform) -> pl.LazyFrame:
    """Return the rows with CUSTOMER and CATEGORY, PRODUCT being the one that stands for its names."""
    products = view.map(PRODUCTS, platform).select(
        c.PRODUCT, pl.coalesce(SAME, c.PRODUCT).alias(SAME), c.CATEGORY
    )
    stands = products.select(pl.col(c.PRODUCT).alias(SAME), pl.col(c.CATEGORY).alias("__category"))
    own = products.join(stands, on=SAME, how="left").select(
        c.PRODUCT, SAME, pl.coalesce("__category", c.CATEGORY).alias(c.CATEGORY)
    )
    return (
        rows.join(view.map(c.CUSTOMER, platform).lazy(), on=c.IDENTITY, how="left")
        .join(own.lazy(), on=c.PRODUCT, how="left")
        .with_columns(pl.coalesce(SAME, c.PRODUCT).alias(c.PRODUCT))
    )


def _maps(reader: Reader, platform: Platform) -> dict[str, pl.DataFrame]:
    """Return who is who and what is what on the platform, in one state of the database."""
    return {
        c.CUSTOMER: reader.frame(f"""
            SELECT id AS "{c.IDENTITY}", customer_id AS "{c.CUSTOMER}" FROM precision_shop_identity
            WHERE platform_id = {platform.pk:d}
        """),
        # What the shop never described counts as not active.
        PRODUCTS: reader.frame(f"""
            SELECT id AS "{c.PRODUCT}", same_as_id AS "{SAME}", category_id AS "{c.CATEGORY}",
                   price AS "{c.PRICE_E4}", list_price AS "{c.LIST_PRICE_E4}", in_stock AS "{c.IN_STOCK}",
                   (active AND listed) AS "{c.ACTIVE}", repeatable AS "{c.REPEATABLE}"
            FROM precision_shop_product WHERE platform_id = {platform.pk:d}
        """),
    }
