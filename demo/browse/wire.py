"""The generated shop in the words of the public API: records for the REST lists, calls for the event dialect."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from demo.browse import people as folk
from demo.browse.events import DAY_S, STEP_S, WEEK_S
from demo.browse.people import People
from demo.browse.weeks import History

LABEL = {"generated": True}
"""Stands on everything we make up, so that nobody takes it for real."""
CURRENCY = "EUR"
COUPON = "BROWSE-SAVE"
CLASS_B = folk.CLASSES.index("B")
STORES = 40
REGIONS = ("North", "East", "South", "West")
STORE_TYPES = ("street", "IT mall", "mall")
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the shop calls its people."""

    people: People
    registered: np.ndarray

    def anonymous(self, visitor: int, device: int) -> str:
        """Return the anonymous id of a visitor's device."""
        return f"v{visitor:06d}-{device}"

    def customer(self, visitor: int) -> str:
        """Return the customer id of a visitor who registered."""
        return f"c{visitor:06d}"

    def knows(self, visitor: int, week: int) -> bool:
        """Return whether the visitor is logged in that week."""
        return bool(0 <= self.registered[visitor] <= week)


def catalogue_records(catalogue: pl.DataFrame) -> list[Record]:
    """Return the products."""
    return [
        {
            "product_id": row["product_id"], "title": row["title"], "category": row["category"], "brand": row["brand"],
            "price": row["price"], "cost": row["cost"], "currency": CURRENCY, "repeatable": row["repeatable"],
            "url": f"https://browse.invalid/p/{row['product_id']}", "traits": LABEL,
        }
        for row in catalogue.iter_rows(named=True)
    ]  # fmt: skip


def customer_records(rng: np.random.Generator, names: Names, *, first_day: int) -> list[Record]:
    """Return the registered people; some tell little about themselves."""
    people, made = names.people, []
    for visitor in np.flatnonzero(names.registered >= 0).tolist():
        record: Record = {
            "customer_id": names.customer(visitor),
            "email": f"{names.customer(visitor)}@people.browse-demo.net",
            "registered_at": iso(first_day * DAY_S + int(names.registered[visitor]) * WEEK_S),
            "country": "GB",
            "city": folk.CITIES[visitor % len(folk.CITIES)],
            "timezone": "Europe/London",
            "traits": LABEL,
            "consents": [
                {
                    "channel": "email",
                    "purpose": "marketing",
                    "granted": bool(rng.random() < 0.7),
                    "basis": "consent",
                }
            ],
        }
        if rng.random() < 0.6:
            record |= {
                "birth_date": f"{people.birth_year[visitor]}-{1 + visitor % 12:02d}-{1 + visitor % 28:02d}",
                "gender": ("female", "male")[visitor % 2],
                "income": str(int(people.income[visitor]) * 1000),
                "education": folk.EDUCATION[visitor % 3],
                "occupation": folk.OCCUPATION[visitor % 5],
                "marital_status": folk.MARRIAGE[visitor % 3],
            }
        if rng.random() < 0.3:
            record["phone"] = f"+4477009{visitor % 100_000:05d}"
        brought_by = int(people.referrer[visitor])
        if brought_by >= 0 and names.registered[brought_by] >= 0:
            record["referred_by"] = names.customer(brought_by)
        made.append(record)
    return made


def store_records() -> list[Record]:
    """Return the physical stores."""
    return [
        {
            "store_id": f"s{number:02d}", "name": f"Browse {folk.CITIES[number % 6]} {number // 6 + 1}",
            "type": STORE_TYPES[number % 3], "region": REGIONS[number % 4],
            "province": f"{REGIONS[number % 4]} {number % 3 + 1}", "stars": 1 + (number * 7) % 5,
        }
        for number in range(STORES)
    ]  # fmt: skip


def store_month_records(rng: np.random.Generator, months: list[str]) -> list[Record]:
    """Return what each store displayed and sold in each month; stores of more stars display and sell more."""
    made = []
    for number in range(STORES):
        stars = 1 + (number * 7) % 5
        retail = rng.beta(4, 3)
        for month in months:
            value = float(np.round(rng.gamma(6, 800 * stars), 2))
            made.append(
                {
                    "store_id": f"s{number:02d}",
                    "month": month,
                    "displays": round(0.35 * stars * rng.gamma(8, 1 / 8), 2),
                    "sales_value": round(value, 2),
                    "sales_units": int(value // 30) + 1,
                    "retail_value": round(value * retail, 2),
                    "industry_value": round(value * (1 - retail), 2),
                }
            )
    return made  # fmt: skip


def order_records(
    names: Names, visits: pl.DataFrame, lines: pl.DataFrame, catalogue: pl.DataFrame, *, sky: pl.DataFrame
) -> list[Record]:
    """Return the orders of the visits that end in one, with the weather of the day (`weather.of_days`).

    Every third discounted order of class B used a coupon.
    """
    ids = catalogue.get_column("product_id")
    grouped = (
        lines.with_columns(product_id=ids.gather(lines.get_column("product")))
        .group_by("visit")
        .agg(pl.struct("product_id", "quantity", "unit_price", "list_price").alias("lines"))
    )
    made = []
    days = {day: {"weather": kind, "temperature": degrees} for day, kind, degrees in sky.iter_rows()}
    rows = visits.join(grouped, on="visit", maintain_order="left")
    for row in rows.iter_rows(named=True):
        who = row["visitor"]
        person = (
            {"customer_id": names.customer(who)}
            if names.registered[who] >= 0
            else {"anonymous_id": names.anonymous(who, row["device"])}
        )
        saves = any(line["unit_price"] < line["list_price"] for line in row["lines"])
        coupon = (
            {"coupon": COUPON}
            if saves and names.people.letter[who] == CLASS_B and row["visit"] % 3 == 0
            else {}
        )
        store = {"store_id": f"s{who % STORES:02d}"} if folk.CHANNELS[row["channel"]] == "store-kiosk" else {}
        made.append(
            {
                "order_id": f"o{row['visit']:07d}", **person, "placed_at": iso(row["at"] + 90 * STEP_S),
                "status": "completed", "currency": CURRENCY, "channel": folk.CHANNELS[row["channel"]],
                **store, **coupon,
                "payment_method": ("card", "wallet", "invoice")[who % 3],
                "context": {**LABEL, **days[row["at"] // DAY_S]}, "lines": row["lines"],
            }
        )  # fmt: skip
    return made


def contact_records(names: Names, history: History, *, first_day: int) -> dict[str, list[Record]]:
    """Return assignments, sends and responses of the e-mail campaigns, by the name of their REST list."""
    assignments, sends, responses = [], [], []
    for row in history.mails.iter_rows(named=True):
        at = first_day * DAY_S + row["campaign"] * WEEK_S + 9 * 3600
        base = {"campaign_id": f"mail-{row['campaign']:02d}", "customer_id": names.customer(row["visitor"])}
        assignments.append({**base, "arm": row["arm"], "at": iso(at)})
        if row["arm"] == "mail":
            sends.append({**base, "step": "1", "channel": "email", "at": iso(at + 600), "status": "sent"})
        for flag, delay in (("opened", 7200), ("clicked", 7260)):
            if row[flag]:
                place = f"{base['campaign_id']}-{base['customer_id']}-{flag}"
                responses.append({**base, "response_id": place, "response": flag, "at": iso(at + delay)})
    return {"assignments": assignments, "sends": sends, "responses": responses}


def after_sales(rng: np.random.Generator, orders: list[Record], *, until: int) -> dict[str, list[Record]]:
    """Return shipments, tickets and refunds that follow the orders, by the name of their REST list.

    What would come after `until` (seconds since 1970), the end of the year, has not happened.
    """
    shipments, tickets, refunds = [], [], []
    for order in orders:
        placed, number = datetime.fromisoformat(order["placed_at"]).timestamp(), order["order_id"]
        if "store_id" not in order:
            shipments.append(
                {
                    "shipment_id": f"sh-{number}",
                    "order_id": number,
                    "at": iso(placed + 3 * DAY_S),
                    "status": "delivered",
                }
            )
        chance = rng.random()
        if chance < 0.04:
            line = order["lines"][0]
            back = {"product_id": line["product_id"], "quantity": 1, "unit_price": line["unit_price"]}
            refunds.append(
                {
                    "refund_id": f"r-{number}",
                    "order_id": number,
                    "at": iso(placed + 9 * DAY_S),
                    "lines": [back],
                }
            )
        elif chance < 0.06:
            tickets.append(
                {
                    "ticket_id": f"t-{number}", "order_id": number, "at": iso(placed + 4 * DAY_S), "status": "opened",
                    "topic": "delivery", "text": "The parcel came late.",
                }
            )  # fmt: skip
    end = iso(until)
    lists = {"shipments": shipments, "tickets": tickets, "refunds": refunds}
    return {name: [record for record in records if record["at"] < end] for name, records in lists.items()}


def calls(
    names: Names, visits: pl.DataFrame, events: pl.DataFrame, catalogue: pl.DataFrame, *, size: int
) -> Iterator[list[Record]]:
    """Yield the events as calls of the SDK dialect in the order of their time, `size` at a time."""
    rows = (
        events.join(visits.select("visit", "visitor", "week", "at", "channel", "device"), on="visit")
        .sort("at", "visit", "step", maintain_order=True)
        .with_columns(number=pl.int_range(pl.len()).over("visit"))
    )
    ids = catalogue.get_column("product_id").to_list()
    batch: list[Record] = []
    seen: set[int] = set()
    for row in rows.iter_rows(named=True):
        who = row["visitor"]
        knows = names.knows(who, row["week"])
        if knows and who not in seen:
            seen.add(who)
            batch.append(_identify(names, row))
        batch.append(_call(names, row, ids, knows=knows))
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def sensor_calls(rng: np.random.Generator, days: list[int]) -> list[Record]:
    """Return readings of the stores' sensors: how full a shelf is, how many people pass, what a device says."""
    made = []
    for day in days:
        for number in range(STORES):
            for sensor, unit, value in (
                ("shelf", "share", round(float(rng.beta(6, 2)), 3)),
                ("location", "people", int(rng.poisson(14))),
                ("device", "celsius", round(float(rng.normal(4, 0.6)), 2)),
            ):
                made.append(
                    {
                        "type": "track", "event": "Sensor Reading", "anonymousId": f"store-s{number:02d}-{sensor}",
                        "messageId": f"sensor-{day}-{number}-{sensor}", "timestamp": iso(day * DAY_S + 12 * 3600),
                        "properties": {
                            "sensor": sensor, "value": value, "unit": unit, "store_id": f"s{number:02d}", **LABEL,
                        },
                    }
                )  # fmt: skip
    return made


def iso(seconds: float) -> str:
    """Return the moment as ISO 8601 in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _identify(names: Names, row: Record) -> Record:
    who = row["visitor"]
    return {
        "type": "identify", "userId": names.customer(who), "anonymousId": names.anonymous(who, row["device"]),
        "messageId": f"i-{who}", "timestamp": iso(row["at"]), "traits": LABEL,
    }  # fmt: skip


def _call(names: Names, row: Record, product_ids: list[str], *, knows: bool) -> Record:
    who = row["visitor"]
    properties: Record = {"channel": folk.CHANNELS[row["channel"]], "session_id": f"w{row['visit']}"}
    if row["product"] is not None:
        properties["product_id"] = product_ids[row["product"]]
    for name, told in (
        ("query", "query"),
        ("text", "text"),
        ("duration_s", "duration_s"),
        ("offer", "promotion_id"),
    ):
        if row[name] is not None:
            properties[told] = row[name]
    call: Record = {
        "messageId": f"e-{row['visit']}-{row['number']}",
        "anonymousId": names.anonymous(who, row["device"]),
        "timestamp": iso(row["at"] + row["step"] * STEP_S),
        "properties": properties,
    }
    if knows:
        call["userId"] = names.customer(who)
    if row["event"] == "Page Viewed":
        return {"type": "page", "name": "Home", **call}
    return {"type": "track", "event": row["event"], **call}
