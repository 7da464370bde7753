"""The pages of the life cycle and of value: what they show, their files, and the rule with its versions."""

from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from segments.lifecycle import versions
from segments.models import LifecycleRule

FLOW = "admin:precision_segments_stagenow_flow"
VALUE = "admin:precision_segments_customervalue_report"
RULE = "admin:precision_segments_lifecyclerule_add"
NUMBERS = {
    "retention_share": "0.7", "win_back_share": "0.9", "least_days": "5", "most_days": "400", "fallback_days": "60",
    "horizon_days": "180",
}  # fmt: skip


def test_stock_and_flow_of_the_run_in_force(staff: Client, world: SimpleNamespace) -> None:
    text = staff.get(reverse(FLOW), {"scope": "corner"}).content.decode()
    assert "Opening + entries − exits = closing" in text
    assert "81.0% were within the own limit (80% wanted)" in text
    assert 'id="chart-stock"' in text
    assert ">222<" in text
    assert ">111<" not in text, "of the run before"


def test_the_file_of_the_flow_adds_up(staff: Client, world: SimpleNamespace) -> None:
    answer = staff.get(reverse(FLOW), {"scope": "corner", "file": "stock-and-flow"})
    head, *rows = [line.split(",") for line in answer.content.decode("utf-8-sig").splitlines()]
    assert head[:4] == ["week", "stage", "opening", "from new"]
    assert head[-1] == "closing"
    coming, going = slice(3, 9), slice(9, 14)
    for row in rows:
        numbers = list(map(int, row[2:]))
        entries, exits = sum(map(int, row[coming])), sum(map(int, row[going]))
        assert numbers[0] + entries - exits == numbers[-1]
    assert {row[1]: row[-1] for row in rows if row[0] == "2026-11-02"} == {
        "contact": "219", "acquisition": "0", "development": "3", "retention": "0", "win-back": "0",
    }  # fmt: skip


def test_charts_come_as_files_too(staff: Client, world: SimpleNamespace) -> None:
    for address, file, head in ((FLOW, "stock", "week"), (VALUE, "calibration", "tenth")):
        answer = staff.get(reverse(address), {"scope": "corner", "file": file})
        assert answer["Content-Type"].startswith("text/csv")
        assert answer.content.decode("utf-8-sig").startswith(head)


def test_the_report_of_value(staff: Client, world: SimpleNamespace) -> None:
    text = staff.get(reverse(VALUE), {"scope": "corner"}).content.decode()
    assert "of 222 customers: 9 orders worth 300" in text
    for figure in ("0.810", "0.700", "9.5", "gamma-gamma", "222.00"):
        assert figure in text


@pytest.mark.parametrize("address", [FLOW, VALUE])
def test_a_shop_without_a_run_and_one_that_is_not_there(
    staff: Client, world: SimpleNamespace, address: str
) -> None:
    answer = staff.get(reverse(address), {"scope": "nowhere"})
    assert answer.status_code == 200
    assert "Nothing was computed" in answer.content.decode()


@pytest.mark.parametrize("address", [FLOW, VALUE])
def test_the_pages_are_for_those_who_may_view_the_rows(
    browser_of: object, world: SimpleNamespace, address: str
) -> None:
    assert browser_of().get(reverse(address)).status_code == 403  # type: ignore[operator]


def test_a_new_version_of_the_rule(staff: Client, world: SimpleNamespace) -> None:
    start = staff.get(reverse(RULE), {"scope": "corner"}).content.decode()
    assert 'value="0.75"' in start, "the form starts from the version that counts"
    staff.post(reverse(RULE), {"scope": "corner", **NUMBERS, "reason": "slower goods"})
    rule = versions.current("corner")
    assert (rule.version, rule.retention_share, rule.horizon_days) == (2, 0.7, 180)
    assert LifecycleRule.objects.get(scope="corner", version=2).by is not None
    assert LifecycleRule.objects.get(scope="corner", version=1).retention_share == 0.75


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"win_back_share": "0.6"}, "must lie above that of retention"),
        ({"least_days": "500"}, "must be in order"),
        ({"horizon_days": "0"}, "must be from 1 to 3650"),
        ({"reason": ""}, "This field is required"),
        ({"scope": "nowhere"}, "Select a valid choice"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    staff: Client, world: SimpleNamespace, wrong: dict[str, str], words: str
) -> None:
    answer = staff.post(reverse(RULE), {"scope": "corner", **NUMBERS, "reason": "x", **wrong})
    assert words in answer.content.decode()
    assert versions.current("corner").version == 1
