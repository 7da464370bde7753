"""Template tags that draw charts: `{% chart_head %}` once in the head of a page, `{% chart found %}` for each."""

from typing import Any, Final

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.charts.chart import Chart
from precision.charts.finders import SCRIPT

register = template.Library()
MOST_ROWS: Final = 200
"""Rows of the table that a page writes out; the file has them all."""


@register.simple_tag
def chart_head() -> SafeString:
    """Return the script and the style that draw; they come from this server alone."""
    return format_html(
        '<link rel="stylesheet" href="{}"><script src="{}" defer></script><script src="{}" defer></script>',
        static("precision_charts/charts.css"), static(SCRIPT), static("precision_charts/charts.js"),
    )  # fmt: skip


@register.inclusion_tag("precision_charts/chart.html")
def chart(found: Chart, file: str = "") -> dict[str, Any]:
    """Draw a chart with its table beside it; `file` is the address of its CSV file."""
    rows = [
        [
            {"text": column.text(value), "number": column.number}
            for column, value in zip(found.columns, row, strict=True)
        ]
        for row in found.rows[:MOST_ROWS]
    ]
    return {
        "chart": found, "rows": rows, "file": file,
        "place": f"chart-{found.key}", "left_out": max(len(found.rows) - MOST_ROWS, 0),
    }  # fmt: skip
