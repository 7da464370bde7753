"""How staff pages write values: links, money, shares, durations, and JSON as small tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NOTHING = "–"
MOST_ENTRIES = 200
"""Entries of one list or mapping that a page writes out; a result may hold thousands."""


def link(target: Model | None, text: object = None) -> SafeString | str:
    """Return a link to the staff page of an object; its name alone where it has none, a dash for None."""
    if target is None:
        return NOTHING
    options = target._meta
    return _anchor(
        f"admin:{options.app_label}_{options.model_name}_change", [quote(target.pk)], {}, text or str(target)
    )


def list_link(model: type[Model] | str, text: object, **query: object) -> SafeString | str:
    """Return a link to the staff list of a model (a class or `app_label.modelname`) with these filters."""
    label = model if isinstance(model, str) else model._meta.label_lower
    app_label, _, name = label.partition(".")
    return _anchor(f"admin:{app_label}_{name}_changelist", [], query, text)


def joined(parts: Iterable[object], separator: str = " · ") -> SafeString:
    """Return the parts one after another; what is no HTML yet is escaped."""
    return format_html_join(separator, "{}", ((part,) for part in parts))


def money(value: Decimal | None, currency: str = "") -> str:
    """Return an amount with at least two decimals, as many as it has; a dash for None."""
    if value is None:
        return NOTHING
    exponent = value.normalize().as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{value:,.{places}f} {currency}".strip()


def share(value: float | None) -> str:
    """Return a share of one as a percentage; a dash for None."""
    return NOTHING if value is None else f"{value:.1%}"


def figure(value: float | None, places: int = 3) -> str:
    """Return a number with so many decimals; a dash for None."""
    return NOTHING if value is None else f"{value:,.{places}f}"


def duration(value: timedelta | None) -> str:
    """Return a length of time in words that stay on one line, like 1 h 05 min; a dash for None."""
    if value is None:
        return NOTHING
    seconds = value.total_seconds()
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    words = f"{seconds:.1f} s"
    if hours:
        words = f"{hours} h {minutes:02} min"
    elif minutes:
        words = f"{minutes} min {rest:02} s"
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> SafeString | str:
    """Return an HTML table; a dash when there are no rows."""
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    if not body:
        return NOTHING
    head = format_html_join("", "<th>{}</th>", ((header,) for header in headers))
    return format_html(
        '<div class="precision-scroll"><table class="precision-table"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        head,
        body,
    )


def pretty(value: Any) -> SafeString | str:
    """Return a JSON value as text or nested small tables, fit for people to read measures and parameters."""
    if value in (None, "", [], {}):
        return NOTHING
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
        case Mapping():
            pairs = list(value.items())
            rows = [(str(key).replace("_", " "), pretty(inner)) for key, inner in pairs[:MOST_ENTRIES]]
            return _shortened(_pairs(rows), len(pairs))
        case Sequence() if not isinstance(value, str):
            return _shortened(_sequence(value[:MOST_ENTRIES]), len(value))
    return str(value)


def _sequence(values: Sequence[Any]) -> SafeString | str:
    """Return a list in one line, or a table when it holds mappings of the same keys."""
    first = values[0]
    if all(isinstance(each, Mapping) and list(each) == list(first) for each in values):
        headers = [str(key).replace("_", " ") for key in first]
        return table(headers, [[pretty(inner) for inner in each.values()] for each in values])
    if any(isinstance(each, Mapping | list) for each in values):
        return _pairs([(str(position), pretty(each)) for position, each in enumerate(values, start=1)])
    return ", ".join(pretty(each) for each in values)


def _pairs(rows: Sequence[tuple[object, object]]) -> SafeString:
    body = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows)
    return format_html('<table class="precision-table precision-pairs"><tbody>{}</tbody></table>', body)


def _shortened(text: SafeString | str, length: int) -> SafeString | str:
    return format_html("{} … and {} more", text, length - MOST_ENTRIES) if length > MOST_ENTRIES else text


def _anchor(name: str, args: Sequence[object], query: Mapping[str, object], text: object) -> SafeString | str:
    try:
        address = reverse(name, args=args)
    except NoReverseMatch:
        return str(text)  # a project that embeds us may leave a page out
    if query:
        address = f"{address}?{urlencode(query)}"
    return format_html('<a class="precision-link" href="{}">{}</a>', address, text)
