"""System check of what charts need: the script that draws them."""

from typing import Any

from django.apps import apps
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Warning

from precision.charts.finders import SCRIPT


def check_script(**kwargs: Any) -> list[CheckMessage]:
    """Return a warning where the pages could not load Plotly's script; they show tables only then."""
    if not apps.is_installed("django.contrib.staticfiles") or finders.find(SCRIPT):
        return []
    return [
        Warning(
            f"No finder of static files gives {SCRIPT}: charts would stay empty, beside their tables.",
            hint="Add 'precision.charts.finders.PlotlyFinder' to STATICFILES_FINDERS, behind Django's own.",
            id="precision_charts.W001",
        )
    ]
