"""Cells of the tables of portraits: shares as bars, lifts with their intervals, labels in words."""

from typing import Any

from django.utils.html import format_html

from precision.engine.display import NOTHING
from precision.shop.admin.reports import Cell
from segments import product_labels
from segments.labels import registry
from segments.methods import habits as h

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TITLES = {
    h.CHANNEL: "Channel",
    h.HOUR: "Hour of the day",
    h.ORDER_HOUR: "Hour of orders",
    h.ORDER_WEEKDAY: "Weekday of orders",
}


def share(value: float | None) -> Cell:
    """Return a share of one as a bar with its percentage; a dash for None."""
    if value is None:
        return Cell(text=NOTHING, css="precision-number")
    bar = format_html(
        '<span class="precision-share"><meter min="0" max="1" value="{}"></meter>{}</span>',
        f"{min(max(value, 0), 1):.4f}",
        f"{value:.1%}",
    )
    return Cell(text=bar, css="precision-number")


def percent(value: float | None) -> Cell:
    """Return a share of one as a percentage alone; a dash for None."""
    return Cell(text=NOTHING if value is None else f"{value:.1%}", css="precision-number")


def lift(entry: dict[str, Any]) -> Cell:
    """Return how many times everyone's share it is, with the 95 % interval where there is one."""
    value, low, high = entry["lift"], entry.get("low"), entry.get("high")
    if value is None:
        return Cell(text=NOTHING, css="precision-number")
    text = f"{value:.2f} ×" if low is None else f"{value:.2f} × ({low:.2f}–{high:.2f})"
    telling = low is None or high is None or not low <= 1 <= high
    return Cell(text=text, css=f"precision-number precision-lift{'' if telling else ' precision-faint'}")


def title(name: str) -> str:
    """Return the title of a label, of a label of goods, or of a habit."""
    definition = registry.definitions().get(name)
    if definition is not None:
        return definition.title
    if name in TITLES:
        return TITLES[name]
    return (
        product_labels.BY_KEY[name].title
        if name in product_labels.BY_KEY
        else name.replace("_", " ").capitalize()
    )


def value(name: str, found: Any) -> str:
    """Return a value of a label or habit as people read it."""
    if name in {h.HOUR, h.ORDER_HOUR}:
        return f"{int(found):02}:00"
    if name == h.ORDER_WEEKDAY:
        return WEEKDAYS[int(found) - 1]
    match found:
        case None:
            return NOTHING
        case bool():
            return "yes" if found else "no"
        case float():
            return f"{found:,.4g}" if abs(found) < 10_000 else f"{found:,.0f}"
        case int():
            return f"{found:,}"
    return str(found)
