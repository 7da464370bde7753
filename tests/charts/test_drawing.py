"""The tag that draws charts, and the script that comes from the wheel."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.test import Client

from precision import charts
from precision.charts import Axis, Chart, Point
from precision.charts.checks import check_script
from precision.charts.finders import SCRIPT, PlotlyFinder

TITLE = '<script>alert("1")</script>'


def drawn(chart: Chart) -> str:
    page = Template("{% load precision_charts %}{% chart_head %}{% chart found '?file=k' %}")
    return page.render(Context({"found": chart}))


def bars(**given: Any) -> Chart:
    values: dict[str, Any] = {"at": ["</script><b>x"], "series": {"n": [1234]}} | given
    return charts.bars("k", TITLE, x=Axis(title="x"), y=Axis(title="y", unit="GBP"), **values)


def test_numbers_stand_in_the_table_and_texts_are_escaped() -> None:
    page = drawn(bars())
    assert '<td class="number">1,234</td>' in page
    assert 'href="?file=k"' in page
    assert TITLE not in page
    assert "<b>x" not in page
    start = page.index('type="application/json">') + len('type="application/json">')
    assert json.loads(page[start : page.index("</script>", start)]) == bars().figure


def test_a_chart_without_numbers_is_a_sentence() -> None:
    page = drawn(bars(series={"n": [None]}, empty="No orders yet."))
    assert "No orders yet." in page
    assert "data-chart" not in page


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    points = [Point(x=each, y=each) for each in range(205)]
    found = charts.scatter("k", "t", x=Axis(title="x"), y=Axis(title="y"), groups={"g": points})
    page = drawn(found)
    assert "5 more rows" in page
    assert page.count("<tr>") == 201


def test_the_script_of_the_wheel_is_served() -> None:
    assert str(finders.find(SCRIPT)).endswith("plotly.min.js")
    answer: Any = Client().get(f"/static/{SCRIPT}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert b"plotly.js v" in next(iter(answer.streaming_content))[:200]


def test_collecting_static_files_takes_the_script_and_nothing_else() -> None:
    assert [path for path, _ in PlotlyFinder().list(None)] == ["plotly.min.js"]
    assert PlotlyFinder().find("precision_charts/datasets/iris.csv.gz") == []


def test_a_project_without_the_finder_is_warned(settings: Any) -> None:
    assert check_script() == []
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]
    found = check_script()
    assert [each.id for each in found] == ["precision_charts.W001"]
    assert "PlotlyFinder" in str(found[0].hint)


@pytest.mark.parametrize("name", ["charts.js", "charts.css"])
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    assert "http" not in Path(str(finders.find(f"precision_charts/{name}"))).read_text()
