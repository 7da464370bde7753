"""What the tests of imports have in common: a small file of order lines, and looks at the result."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command

from precision.shop.models import ImportBatch, OrderLine, Tally

LINES = """
version = 1
[files.lines]
[order]
from = "lines"
order_id = "order"
customer_id = "customer"
placed_at = "time"
[order.lines]
product_id = "product"
quantity = "quantity"
unit_price = "price"
"""
ROWS = """order,customer,time,product,quantity,price
1,anna,2024-03-01 10:00,tea,2,3.50
1,anna,2024-03-01 10:00,cup,1,12
2,,2024-03-02 11:00,tea,1,3.50
"""


def summary(*arguments: str) -> dict[str, Any]:
    """The JSON summary of one run of the command."""
    out = StringIO()
    call_command("import_shop", *arguments, "--json", stdout=out)
    table: dict[str, Any] = json.loads(out.getvalue())
    return table


def counts(table: dict[str, Any]) -> tuple[int, int, int, int]:
    """Accepted, updated, duplicate, rejected."""
    return tuple(table[name] for name in ("accepted", "updated", "duplicate", "rejected"))


def rejects(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The lines of the rejects file, without the reasons."""
    with Path(result["rejects_file"]).open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "row", "column", "value", "code", "reason"]
    assert all(row[5].endswith(".") for row in rows[1:])
    return [tuple(row[:5]) for row in rows[1:]]


def content() -> dict[str, list[Any]]:
    """Every row of every table of facts but the imports themselves and their counts."""
    models = [model for model in apps.get_app_config("precision_shop").get_models() if model._meta.managed]
    return {
        model.__name__.lower(): list(model._default_manager.order_by("pk").values())
        for model in models
        if model not in {ImportBatch, Tally}
    }


def lines_of(number: str) -> list[Any]:
    rows = OrderLine.objects.filter(order__external_id=number).order_by("product__external_id")
    return list(rows.values_list("product__external_id", "quantity", "unit_price", "list_price"))
