"""A small shop written as files, for tests that go through the real import."""

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

ENQUEUE = """
import precision.celery, django
django.setup()
from precision.shop.tasks import nightly
nightly.delay()
"""
MAPPING = """
version = 1
[product]
from = "products"
product_id = "id"
title = "title"
category = ["category"]
price = "price"
[order]
from = "lines"
order_id = "order"
customer_id = "customer"
placed_at = "time"
[order.lines]
product_id = "product"
quantity = "quantity"
unit_price = "price"
[files.products]
[files.lines]
"""


def write_shop(
    folder: Path, *, orders: int = 400, customers: int = 60, products: int = 40, seed: int = 0
) -> list[str]:
    """Write mapping and data files; return the arguments of import_shop behind `--platform KEY`.

    Products come in five categories; odd customers prefer the dear half, so that lists differ between people.
    """
    pick = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    mapping, goods, lines = folder / "shop.toml", folder / "products.csv", folder / "lines.csv"
    mapping.write_text(MAPPING, encoding="utf-8")
    prices = {f"P{number}": 2 + number * 1.5 for number in range(products)}
    with goods.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "title", "category", "price"])
        for number, (key, price) in enumerate(prices.items()):
            rows.writerow([key, f"Thing {number}", f"Kind {number % 5}", f"{price:.2f}"])
    start = datetime(2026, 1, 1, 8)  # noqa: DTZ001 the mapping reads it in the platform's zone
    with lines.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["order", "customer", "time", "product", "quantity", "price"])
        for order in range(orders):
            customer = pick.randrange(customers)
            half = list(prices)[products // 2 :] if customer % 2 else list(prices)[: products // 2]
            time = start + timedelta(hours=order * 6)
            for product in pick.sample(half, k=pick.randint(2, 5)):
                rows.writerow(
                    [f"O{order}", f"C{customer}", time.isoformat(), product, 1, f"{prices[product]:.2f}"]
                )
    return ["--mapping", str(mapping), f"products={goods}", f"lines={lines}"]
