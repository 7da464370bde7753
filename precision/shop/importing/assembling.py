"""Orders and their lines from the rows of one data set, or of two."""

import polars as pl

from precision.shop.importing.extracting import Reader, records, refuse_records
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.rejects import REASON
from precision.shop.mapping import RecordMapping
from precision.shop.records import Code

KEY = "order_id"
PLACE = [ROW, FILE]


def from_one(
    data: pl.DataFrame, order: RecordMapping, line: RecordMapping, *, reader: Reader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return orders and lines where each row is a line and repeats what is told about its order.

    A row that is refused for either makes neither; an order of which no row is left is none.
    """
    rows = reader.rows(data, order, kind="line")
    left = data.join(rows.select(PLACE), on=PLACE, how="semi", maintain_order="left")
    lines = reader.rows(left, line, kind="line")
    if lines.height < rows.height:
        rows = rows.join(lines.select(PLACE), on=PLACE, how="semi", maintain_order="left")
    orders = refuse_records(
        records(rows, order), rows, order, rejects=reader.rejects, kind="line", every_row=True
    )
    return orders, lines.join(orders.select(KEY), on=KEY, how="semi", maintain_order="left")


def from_two(
    headers: pl.DataFrame, details: pl.DataFrame, order: RecordMapping, line: RecordMapping, *, reader: Reader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return orders and lines that come in data sets of their own; neither is of use without the other."""
    rows = reader.rows(headers, order, kind="order")
    orders = refuse_records(
        records(rows, order), rows, order, rejects=reader.rejects, kind="order", every_row=True
    )
    lines = reader.rows(details, line, kind="line")
    orphans = lines.join(orders.select(KEY), on=KEY, how="anti", maintain_order="left")
    reader.rejects.add(_refused(orphans, line, Code.UNKNOWN_ORDER), kind="line")
    lines = lines.join(orders.select(KEY), on=KEY, how="semi", maintain_order="left")
    bare = rows.join(orders.select(KEY), on=KEY, how="semi").join(lines.select(KEY), on=KEY, how="anti")
    reader.rejects.add(_refused(bare, order, Code.NO_LINES), kind="order")
    return orders.join(lines.select(KEY), on=KEY, how="semi", maintain_order="left"), lines


def _refused(rows: pl.DataFrame, record: RecordMapping, code: Code) -> pl.DataFrame:
    """Return the refusals of rows whose order id leads nowhere."""
    return rows.select(
        file=FILE, row=ROW, column=pl.lit(record.fields[KEY].label or KEY), value=KEY,
        code=pl.lit(code.value), reason=pl.lit(REASON[code.value]),
    )  # fmt: skip
