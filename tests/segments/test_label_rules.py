"""Labels that staff define: what a definition may say, and both ways of its values."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.conditions import ConditionError, LabelType
from segments.labels import rules

LABELS = {"orders": LabelType.NUMBER, "city": LabelType.TEXT, "active": LabelType.BOOLEAN}
OFTEN = {"label": "orders", "op": ">=", "value": 3}
LYON = {"label": "city", "op": "=", "value": "lyon"}
PEOPLE = pl.DataFrame(
    {"orders": [5, 3, 1, None], "city": ["lyon", None, "lyon", "rome"], "active": [True, False, None, True]},
    schema={"orders": pl.Int64, "city": pl.String, "active": pl.Boolean},
)


@pytest.mark.parametrize(
    ("type", "data", "wanted"),
    [
        (LabelType.BOOLEAN, {"when": OFTEN}, [True, True, False, False]),
        (
            LabelType.TEXT,
            {
                "cases": [
                    {"when": {"all": [OFTEN, LYON]}, "value": "gold"},
                    {"when": OFTEN, "value": "silver"},
                ]
            },
            ["gold", "silver", None, None],
        ),
        (
            LabelType.NUMBER,
            {"cases": [{"when": LYON, "value": 2}, {"when": OFTEN, "value": 1.5}], "otherwise": 0},
            [2, 1.5, 2, 0],
        ),
    ],
)
def test_the_first_case_that_holds_counts(type: LabelType, data: Any, wanted: list[Any]) -> None:
    rule = rules.parse(data, type=type, labels=LABELS)
    assert rules.values(rule, PEOPLE).to_list() == wanted
    assert [rules.value_of(rule, row) for row in PEOPLE.iter_rows(named=True)] == wanted


@pytest.mark.parametrize(
    ("type", "data", "path", "message"),
    [
        (LabelType.BOOLEAN, [], "", "an object is wanted"),
        (LabelType.BOOLEAN, {}, "", "one of"),
        (LabelType.TEXT, {"when": OFTEN}, "when", "gives yes or no"),
        (LabelType.BOOLEAN, {"when": OFTEN, "else": 1}, "else", "unknown key"),
        (LabelType.TEXT, {"cases": []}, "cases", "1 to 50 cases"),
        (LabelType.TEXT, {"cases": [{"when": OFTEN}]}, "cases[0]", "when and value"),
        (LabelType.TEXT, {"cases": [{"when": OFTEN, "value": 3}]}, "cases[0].value", "text is wanted"),
        (LabelType.NUMBER, {"cases": [{"when": OFTEN, "value": float("nan")}]}, "cases[0].value", "number"),
        (
            LabelType.TEXT,
            {"cases": [{"when": OFTEN, "value": "a"}], "otherwise": True},
            "otherwise",
            "text is wanted",
        ),
        (
            LabelType.BOOLEAN,
            {"when": {"all": [OFTEN, {"label": "age", "op": ">", "value": 3}]}},
            "when.all[1].label",
            "no label 'age'",
        ),
        (
            LabelType.BOOLEAN,
            {"when": {"label": "orders", "op": "=", "value": "3"}},
            "when.value",
            "number is wanted",
        ),
        (LabelType.BOOLEAN, {"when": {"did": "Product Viewed"}}, "when", "make a segment"),
    ],
)
def test_a_wrong_definition_is_refused_with_the_place(
    type: LabelType, data: Any, path: str, message: str
) -> None:
    with pytest.raises(ConditionError) as error:
        rules.parse(data, type=type, labels=LABELS)
    assert error.value.path == path
    assert message in error.value.message


@given(
    rows=st.lists(
        st.tuples(st.none() | st.integers(0, 5), st.none() | st.sampled_from(["lyon", "rome"])), max_size=8
    ),
    otherwise=st.none() | st.just("none"),
)
def test_bulk_and_single_values_agree(rows: list[tuple[Any, Any]], otherwise: str | None) -> None:
    data: dict[str, Any] = {
        "cases": [{"when": {"not": OFTEN}, "value": "seldom"}, {"when": LYON, "value": "near"}]
    }
    if otherwise:
        data["otherwise"] = otherwise
    rule = rules.parse(data, type=LabelType.TEXT, labels=LABELS)
    frame = pl.DataFrame(rows, schema={"orders": pl.Int64, "city": pl.String}, orient="row")
    assert rules.values(rule, frame).to_list() == [
        rules.value_of(rule, row) for row in frame.iter_rows(named=True)
    ]
    assert rules.labels_of(rule) == {"orders", "city"}
