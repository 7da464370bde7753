"""Tables as CSV files that people open in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO

from django.http import HttpResponse

from precision.shop.importing.rejects import FORMULA

_FORMULA = re.compile(FORMULA)


def cell(value: object) -> object:
    """Return what to write into a cell; text that a spreadsheet would take for a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.replace("\x00", "\\0")
        return f"'{text}" if _FORMULA.match(text) else text
    return value


def download(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """Return a CSV file as an answer to a browser; in UTF-8 with the mark by which spreadsheets know it."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(map(cell, header))
    writer.writerows(map(cell, row) for row in rows)
    response = HttpResponse(f"\ufeff{out.getvalue()}", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    return response
