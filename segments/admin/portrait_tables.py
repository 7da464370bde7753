"""The tables of portraits on staff pages."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING
from precision.shop.admin import reports
from precision.shop.admin.reports import Cell, Table, headers
from precision.shop.scopes import Scope
from segments.admin import cells
from segments.portraits.attributes import TRAITS

PAGES = "admin:precision_segments_labeloverride"
OVERALL = "overall"
"""Stands for all shops of an organisation in the address line."""
NOT_YET = "Nothing was computed yet: run the nightly jobs."


def of_person(found: dict[str, Any], customer: int, scope: Scope) -> list[Table]:
    """Return the blocks of a customer's portrait."""
    told = {**found["attributes"], **(found["attributes"].get(TRAITS) or {})}
    attributes = [
        [Cell(text=name.replace("_", " ")), Cell(text=_moment(each))]
        for name, each in told.items()
        if name != TRAITS and each is not None
    ]
    shop = OVERALL if scope.overall else scope.key
    labels = [
        [
            Cell(text=_why(customer, shop, entry["label"])),
            Cell(text=cells.value(entry["label"], entry["value"])),
            Cell(text=_standing(entry)),
        ]
        for entry in found["labels"]
    ]
    bought = [
        [Cell(text=" / ".join(each["category"] or ["no category"])), Cell(text=each["spend"], css="precision-number"),
         cells.share(each["share"])]
        for each in found["consumption"]["categories"]
    ]  # fmt: skip
    return [
        Table(
            title="Who they are",
            headers=headers("attribute", "value"),
            rows=attributes,
            empty="Nothing was told.",
        ),
        Table(
            title="Labels beside everyone",
            headers=headers("label", "value", "among everyone"),
            rows=labels,
            empty=NOT_YET,
        ),
        Table(
            title="What they spent on",
            headers=headers("category", numbers=["spent", "share"]),
            rows=bought,
            empty="Nothing was bought.",
        ),
        *_habit_tables(found["habits"]),
        Table(
            title="Segments and interests",
            headers=headers("kind", "name"),
            rows=[
                *([Cell(text="segment"), Cell(text=each["name"])] for each in found["segments"]),
                *([Cell(text="interest"), Cell(text=each["topic"])] for each in found["interests"]),
            ],
            empty="None.",
        ),
        Table(
            title="What happened lately",
            headers=headers("at", "what", "by"),
            rows=[
                [
                    Cell(text=f"{each['at']:%Y-%m-%d %H:%M}", css="precision-day"),
                    Cell(text=each["text"]),
                    reports.words(each["channel"]),
                ]
                for each in found["timeline"]
            ],
            empty="Nothing that is still kept.",
        ),
    ]


def _habit_tables(habits: dict[str, Any] | None) -> list[Table]:
    """Return a table a dimension of a customer's habits."""
    if habits is None:
        return []
    tables = []
    for block, weight in (("contacts", "time"), ("goods", "money")):
        for name, entries in habits[block].items():
            if entries:
                tables.append(
                    Table(
                        title=f"{cells.title(name)}: shares beside everyone's",
                        headers=headers(
                            cells.title(name).lower(), numbers=["times", "share", weight, "everyone", "lift"]
                        ),
                        rows=[
                            [Cell(text=cells.value(name, each["value"])), reports.count(each["times"]),
                             cells.share(each["share"]), cells.percent(each[f"{weight}_share"]),
                             cells.percent(each["everyone_share"]), cells.lift(each)]
                            for each in entries
                        ],
                    )
                )  # fmt: skip
    return tables


def of_group(found: dict[str, Any]) -> list[Table]:
    """Return the blocks of a group's portrait."""
    tables = [
        Table(
            title="Labels",
            headers=headers("label", "value", numbers=["people", "share", "everyone", "lift"]),
            rows=[
                [Cell(text=cells.title(each["label"])), Cell(text=cells.value(each["label"], each["value"])),
                 reports.count(each["people"]), cells.share(each["share"]), cells.percent(each["everyone_share"]),
                 cells.lift(each)]
                for each in found["labels"]
            ],
            empty=NOT_YET,
        ),
        Table(
            title="Figures",
            note="The difference is in standard deviations of everyone, with its 95 % interval.",
            headers=headers("label", numbers=["people", "mean", "median", "everyone’s mean", "difference"]),
            rows=[
                [Cell(text=cells.title(each["label"])), reports.count(each["people"]), reports.number(each["mean"], 2),
                 reports.number(each["median"], 2), reports.number(each["everyone_mean"], 2),
                 Cell(text=_difference(each), css="precision-number")]
                for each in found["numbers"]
            ],
            empty=NOT_YET,
        ),
    ]  # fmt: skip
    for block, weight in (("goods", "money"), ("contacts", "time")):
        for name, entries in found[block].items():
            if entries:
                tables.append(
                    Table(
                        title=cells.title(name),
                        headers=headers(
                            cells.title(name).lower(), numbers=["people", "share", "everyone", weight, "lift"]
                        ),
                        rows=[
                            [Cell(text=cells.value(name, each["value"])), reports.count(each["people"]),
                             cells.share(each["share"]), cells.percent(each["everyone_share"]),
                             cells.percent(each[f"{weight}_share"]), cells.lift(each)]
                            for each in entries
                        ],
                    )
                )  # fmt: skip
    return tables


def _difference(entry: dict[str, Any]) -> str:
    if entry["difference"] is None:
        return NOTHING
    interval = "" if entry["low"] is None else f" ({entry['low']:+.2f} to {entry['high']:+.2f})"
    return f"{entry['difference']:+.2f}{interval}"


def _standing(entry: dict[str, Any]) -> str:
    """Return where a value stands among everyone, in words."""
    if entry["below"] is not None:
        return f"{entry['below']:.0%} have less; mean {cells.value('', entry['everyone'])}"
    if entry["share"] is not None:
        return f"{entry['share']:.0%} have the same"
    return NOTHING


def _why(customer: int, shop: str, label: str) -> SafeString:
    """Return the title of a label as a link to its evidence."""
    address = reverse(f"{PAGES}_evidence", args=[customer, label])
    return format_html(
        '<a class="precision-link" href="{}?shop={}">{}</a>', address, shop, cells.title(label)
    )


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else str(value)
