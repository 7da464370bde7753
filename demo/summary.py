"""The printed summary: tables on a terminal, plain aligned lines elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.browse.loading import Sent
from demo.figures import Figures, RuleInWords
from precision.shop.importing import ImportSummary
from segments.lifecycle.stages import Stage
from segments.methods.price_classes import PriceClassRule

Row = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with labelled values below it."""

    heading: str
    rows: Sequence[Row]
    to_copy: bool = False
    """The values are for copying: no table breaks their lines."""


def show(sections: Iterable[Section], *, console: Console) -> None:
    """Print the sections in full: nothing is cut, so that keys and commands can be copied."""
    for section in sections:
        if console.is_terminal and not section.to_copy:
            table = Table(
                title=Text(section.heading, style="bold"),
                title_justify="left",
                box=box.SIMPLE,
                show_header=False,
            )
            table.add_column(style="cyan", no_wrap=True)
            table.add_column(overflow="fold")
            for label, value in section.rows:
                table.add_row(Text(label), Text(value))
            console.print(table)
        else:
            width = max((len(label) for label, _ in section.rows), default=0)
            lines = [f"  {label:<{width}}  {value}" for label, value in section.rows]
            console.print(
                "\n".join(["", section.heading, *lines]), markup=False, highlight=False, soft_wrap=True
            )


def of_shop(name: str, imported: ImportSummary, figures: Figures) -> Section:
    """Return what there is to say about one shop."""
    rows = [
        ("rows", _rows(imported)),
        *([("rejected because", _reasons(imported))] if imported.rejected_by else []),
        *([("rejects file", imported.rejects_file)] if imported.rejects_file else []),
        *([("unknown products", _unknown(imported))] if imported.unknown_products else []),
        *_computed(figures),
        ("seconds", _durations(imported.seconds, figures.seconds)),
    ]
    return Section(heading=name, rows=rows)


def of_sent(sent: Sent, figures: Figures) -> Section:
    """Return what there is to say about the shop that was made up and sent through the API."""
    told = ", ".join(f"{number:,} {name}" for name, number in sent.counts.items())
    rows = [
        ("sent", told or "nothing: all of it was there"),
        *_computed(figures),
        ("seconds", _durations(sent.seconds, figures.seconds)),
    ]
    return Section(heading=sent.platform.name, rows=rows)


def of_access(
    *, address: str, admin: str, password: str | None, keys: Mapping[str, str], customers: Mapping[str, str],
    curl_key: str,
) -> Section:  # fmt: skip
    """Return where to look and with what.

    `customers` maps class letters to customer ids of the shop that `curl_key` opens. `password` is None when
    the administrator was there before: it cannot be shown again.
    """
    known = f"user {admin}, password {password} (shown this once)"
    forgotten = (
        f"user {admin}, made earlier; for a new password: .venv/bin/python manage.py changepassword {admin}"
    )
    return Section(
        heading="Look around",
        rows=[
            ("admin", f"{address}/admin/"),
            ("", known if password else forgotten),
            ("API docs", f"{address}/api/docs/"),
            *((f"server key of {platform}", key) for platform, key in keys.items()),
            *(
                (f"slots of a class {letter} customer", _curl(address, curl_key, customer))
                for letter, customer in customers.items()
            ),
        ],
        to_copy=True,
    )


def of_work(*, load_seconds: float, compute_seconds: float, peak_bytes: int) -> Section:
    """Return what the whole work took; `peak_bytes` is the most memory that one process held."""
    return Section(
        heading="Altogether",
        rows=[
            ("import", f"{load_seconds:.1f} s"),
            ("computation", f"{compute_seconds:.1f} s"),
            ("peak memory", f"{peak_bytes / 2**30:.2f} GiB"),
        ],
    )


def _computed(figures: Figures) -> list[Row]:
    """Return what the database holds and what was computed from it."""
    return [
        ("customers", f"{figures.customers:,}"),
        ("products", _products(figures)),
        ("orders", _orders(figures)),
        ("rules", "not computed" if figures.rules is None else f"{figures.rules:,}"),
        *(("" if number else "the best", _rule(rule)) for number, rule in enumerate(figures.best_rules)),
        ("classes", _classes(figures.classes)),
        ("life cycle", _stages(figures.stages)),
        *_expected(figures),
        *_quality(figures.quality),
    ]


def _rows(imported: ImportSummary) -> str:
    rows = imported.rows
    updated = f", {rows.updated:,} updated" if rows.updated else ""
    return (
        f"{rows.total:,}: {rows.accepted:,} accepted{updated}, "
        f"{rows.rejected:,} rejected, {rows.duplicate:,} duplicate"
    )


def _reasons(imported: ImportSummary) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in imported.rejected_by.most_common())


def _unknown(imported: ImportSummary) -> str:
    return f"{imported.unknown_products:,} without a record, in {imported.unknown_product_lines:,} lines"


def _products(figures: Figures) -> str:
    notes = [
        *([f"{figures.hidden:,} not offered"] if figures.hidden else []),
        *([f"{figures.unlisted:,} known from orders only"] if figures.unlisted else []),
    ]
    return f"{figures.products:,}" + (f" ({', '.join(notes)})" if notes else "")


def _orders(figures: Figures) -> str:
    notes = [
        *([f"{figures.guests:,} by guests"] if figures.guests else []),
        *([f"{figures.returned:,} credit notes"] if figures.returned else []),
    ]
    return f"{figures.orders:,}" + (f" ({', '.join(notes)})" if notes else "")


def _rule(rule: RuleInWords) -> str:
    return (
        f"who buys {' and '.join(rule.antecedent)} also buys {' and '.join(rule.consequent)}: "
        f"{rule.count:,} baskets, {rule.confidence:.0%} of its buyers, lift {rule.lift:.1f}"
    )


def _classes(sizes: Mapping[str, int] | None) -> str:
    """Return how many customers each letter has, and of whom: the others bought too long ago to be judged."""
    if sizes is None:
        return "not computed"
    letters = "  ".join(f"{letter} {count:,}" for letter, count in sizes.items())
    days = PriceClassRule().window_days
    return f"{letters}  (the {sum(sizes.values()):,} buyers of the last {days} days, not all customers)"


def _stages(stages: Mapping[str, int] | None) -> str:
    """Return how many people are in each stage, in the order of the life cycle."""
    if stages is None:
        return "not computed"
    return "  ".join(f"{stage.value} {stages[stage]:,}" for stage in Stage if stage in stages) or "nobody yet"


def _expected(figures: Figures) -> list[Row]:
    """Return what is foretold, where there is enough to foretell from."""
    rows = []
    if figures.churn is not None:
        rows.append(
            (
                "who leaves",
                f"told with AUC {figures.churn.auc:.3f} by {figures.churn.used}, on a date that it had not seen; "
                f"by the days since the last order alone {figures.churn.alone:.3f}",
            )
        )
    if figures.worth is not None:
        orders, value = figures.worth
        rows.append(("expected in a year", f"{orders:,.0f} orders worth {value:,.0f}"))
    return rows


def _quality(quality: Mapping[str, Any] | None) -> list[Row]:
    """Return one row for each way of judging; a figure that is undefined is said to be."""
    if not quality:
        return [("quality", "not measured")]
    if "metric" not in quality:
        return [("quality", f"not measured: {quality.get('reason', 'no reason given')}")]
    what = f"{quality['metric']}@{quality['k']} on the last {quality['days']} days"
    ways = {"all": "all purchases", "new": "products new to the customer"}
    return [
        (f"quality, {words}", f"{what}: {_comparison(quality[way])}")
        for way, words in ways.items()
        if quality.get(way)
    ]


def _comparison(way: Mapping[str, Any]) -> str:
    if way.get("ours") is None or way.get("popularity") is None:
        return "undefined" + (f" ({way['reason']})" if way.get("reason") else ": no customer to judge it by")
    text = f"ours {way['ours']:.4f}, popularity {way['popularity']:.4f}"
    if way.get("low") is not None and way.get("high") is not None:
        text += f", difference {way['difference']:+.4f} (95 % from {way['low']:+.4f} to {way['high']:+.4f})"
    return f"{text}, {way['customers']:,} customers"


def _durations(import_seconds: float, jobs: Mapping[str, float]) -> str:
    return ", ".join(f"{what} {seconds:.1f}" for what, seconds in {"import": import_seconds, **jobs}.items())


def _curl(address: str, key: str, customer: str) -> str:
    return f"curl -H 'Authorization: Bearer {key}' '{address}/api/v1/slots/home/?customer={customer}'"
