"""The condition language: what parses, what is refused and where, and that both evaluators agree."""

import json
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments import builtin
from segments.conditions import (
    MAX_DEPTH,
    MAX_NUMBER,
    MAX_TERMS,
    All,
    AnyOf,
    Condition,
    ConditionError,
    CycleError,
    Did,
    InSegment,
    Label,
    LabelType,
    Not,
    as_data,
    behaviour_of,
    labels_of,
    matches,
    needed,
    ordered,
    parse,
    segments_of,
    terms,
    to_expression,
    users,
)

LABELS = {
    "recency_days": LabelType.NUMBER,
    "share": LabelType.NUMBER,
    "price_class": LabelType.TEXT,
    "member": LabelType.BOOLEAN,
}
TYPES = {"recency_days": pl.Int64, "share": pl.Float64, "price_class": pl.String, "member": pl.Boolean}
RECENT = {"label": "recency_days", "op": "<", "value": 30}
VIEWED = {"did": "Product Viewed", "where": {"category": "tea"}, "within_days": 7, "at_least": 2}


def read(data: object) -> Condition:
    return parse(data, labels=LABELS, events={"Product Viewed", "Product Added"}, segments={"vip", "list"})


def test_every_form_parses_and_comes_back_as_data() -> None:
    data = {
        "all": [
            RECENT,
            {"any": [{"label": "price_class", "op": "in", "value": ["A", "C"]}, VIEWED]},
            {"not": {"label": "member", "op": "known"}},
            {"did": "Product Added", "at_least": 1},
            {"segment": "vip"},
        ]
    }
    condition = read(data)
    assert condition == All(
        (
            Label("recency_days", "<", 30),
            AnyOf(
                (
                    Label("price_class", "in", ("A", "C")),
                    Did("Product Viewed", (("category", "tea"),), within_days=7, at_least=2),
                )
            ),
            Not(Label("member", "known")),
            Did("Product Added"),
            InSegment("vip"),
        )
    )
    assert as_data(condition) == data
    assert segments_of(condition) == {"vip"}
    assert [path for path, _ in terms(condition)] == [
        "all[0]", "all[1].any[0]", "all[1].any[1]", "all[2].not", "all[3]", "all[4]",
    ]  # fmt: skip
    assert labels_of(condition) == {"recency_days", "price_class", "member"}
    assert [term.event for term in behaviour_of(condition)] == ["Product Viewed", "Product Added"]


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = RECENT
    for _ in range(levels):
        data = {"not": data}
    return data


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        ({"all": [RECENT, {"not": {**RECENT, "value": "x"}}]}, "all[1].not.value", "number is wanted"),
        ({"any": [{**RECENT, "label": "recensy"}]}, "any[0].label", "'recensy'"),
        ({**RECENT, "label": 3}, "label", "no label 3"),
        ({**RECENT, "op": "~"}, "op", "'~'"),
        ({**RECENT, "op": ["<"]}, "op", "<="),
        ({"label": "recency_days", "op": "<"}, "value", "needs a value"),
        ({"label": "recency_days", "value": 3}, "op", "None"),
        ({**RECENT, "value": True}, "value", "number is wanted"),
        ({**RECENT, "value": None}, "value", "number is wanted"),
        ({**RECENT, "value": float("nan")}, "value", "2^53"),
        ({**RECENT, "value": float("inf")}, "value", "2^53"),
        ({**RECENT, "value": MAX_NUMBER + 1}, "value", "2^53"),
        ({"label": "price_class", "op": "<", "value": "B"}, "op", "compares numbers"),
        ({"label": "price_class", "op": "=", "value": 1}, "value", "text is wanted"),
        ({"label": "member", "op": "=", "value": 1}, "value", "yes or no is wanted"),
        ({"label": "member", "op": "known", "value": True}, "value", "no value"),
        ({"label": "price_class", "op": "in", "value": "AB"}, "value", "a list"),
        ({"label": "price_class", "op": "in", "value": []}, "value", "a list"),
        ({"label": "price_class", "op": "in", "value": ["A", 2]}, "value[1]", "text is wanted"),
        ({**RECENT, "valeu": 3}, "valeu", "unknown key"),
        ({"not": RECENT, "name": "x"}, "name", "unknown key"),
        ({"all": []}, "all", "not empty"),
        ({"all": RECENT}, "all", "a list"),
        ({"any": [RECENT, 7]}, "any[1]", "found 7"),
        ({"all": [RECENT], "any": [RECENT]}, "", "one of"),
        ({}, "", "one of"),
        ([RECENT], "", "an object"),
        ({"did": "Page Burnt"}, "did", "Page Burnt"),
        ({**VIEWED, "at_least": 0}, "at_least", "whole number"),
        ({**VIEWED, "at_least": 1.5}, "at_least", "whole number"),
        ({**VIEWED, "within_days": True}, "within_days", "whole number"),
        ({**VIEWED, "within_days": 4000}, "within_days", "3650"),
        ({**VIEWED, "where": ["tea"]}, "where", "an object"),
        ({"not": {**VIEWED, "where": {"category": ["tea"]}}}, "not.where.category", "text is wanted"),
        ({**VIEWED, "where": {"category": 1}}, "where.category", "text is wanted"),
        (
            {"any": [{**VIEWED, "where": {"category": "tea", "colour": "red"}}]},
            "any[0].where.colour",
            "dimension",
        ),
        ({"all": [RECENT, {"segment": "nobody"}]}, "all[1].segment", "'nobody'"),
        ({"segment": 7}, "segment", "no segment 7"),
        ({"segment": "vip", "within_days": 7}, "within_days", "unknown key"),
        ({"all": [RECENT] * (MAX_TERMS + 1)}, "all", str(MAX_TERMS)),
        ({"any": [{"all": [RECENT] * MAX_TERMS}] * 2}, "", f"{2 * MAX_TERMS} terms"),
        (nested(MAX_DEPTH + 1), ".".join(["not"] * (MAX_DEPTH + 1)), "deeper"),
    ],
)
def test_refusals_name_the_place(data: object, path: str, says: str) -> None:
    with pytest.raises(ConditionError) as caught:
        read(data)
    assert caught.value.path == path
    assert says in str(caught.value)
    assert str(caught.value).startswith(path or "condition")


def test_the_deepest_allowed_condition_works() -> None:
    assert matches(read(nested(MAX_DEPTH)), {"recency_days": 1}) is (MAX_DEPTH % 2 == 0)


def test_data_nested_very_deeply_is_refused_and_not_followed() -> None:
    with pytest.raises(ConditionError, match="deeper"):
        read(nested(900))


ONE = {"recency_days": 30, "share": 0.5, "price_class": "A", "member": True}


@pytest.mark.parametrize(
    ("label", "op", "value", "expected"),
    [
        ("recency_days", "<", 30, False),
        ("recency_days", "<=", 30, True),
        ("recency_days", ">", 29.5, True),
        ("recency_days", ">=", 31, False),
        ("recency_days", "=", 30.0, True),
        ("recency_days", "!=", 30, False),
        ("recency_days", "in", [1, 30.0], True),
        ("recency_days", "in", [1, 2.5], False),
        ("share", "in", [1, 0.5], True),
        ("price_class", "=", "A", True),
        ("price_class", "!=", "B", True),
        ("price_class", "in", ["B", "C"], False),
        ("member", "=", True, True),
        ("member", "!=", True, False),
        ("member", "in", [False], False),
    ],
)
def test_operators_by_hand_and_unknown_never_compares(
    label: str, op: str, value: object, expected: bool
) -> None:
    condition = read({"label": label, "op": op, "value": value})
    frame = nw.from_native(pl.DataFrame([ONE, dict.fromkeys(ONE)], schema=TYPES))
    assert frame.select(to_expression(condition).alias("x")).to_native()["x"].to_list() == [expected, False]
    assert matches(condition, ONE) is expected
    assert matches(condition, {}) is False
    assert matches(Not(condition), {label: None}) is True


def test_known_tells_the_unknown_apart() -> None:
    condition = read({"label": "price_class", "op": "known"})
    frame = nw.from_native(pl.DataFrame({"price_class": ["A", None]}))
    assert frame.select(to_expression(condition).alias("x")).to_native()["x"].to_list() == [True, False]
    assert matches(condition, {"price_class": "U"})
    assert not matches(condition, {"price_class": None})


def test_behaviour_needs_counts_and_terms_share_them() -> None:
    twice = read(VIEWED)
    often = read({**VIEWED, "at_least": 5})
    other = read({**VIEWED, "where": {"store": "tea"}})
    both = AnyOf((often, twice, other))
    assert [term.key for term in behaviour_of(both, twice)] == [
        '["Product Viewed", {"category": "tea"}, 7]',
        '["Product Viewed", {"store": "tea"}, 7]',
    ]
    with pytest.raises(ValueError, match="counts="):
        matches(twice, {})
    with pytest.raises(ValueError, match="counts="):
        to_expression(twice)
    with pytest.raises(ValueError, match="segments="):
        to_expression(InSegment("vip"))
    with pytest.raises(ValueError, match="segments="):
        matches(InSegment("vip"), {})


def graph(**named: list[str]) -> dict[str, Condition]:
    return {key: AnyOf((Label("member", "known"), *map(InSegment, keys))) for key, keys in named.items()}


def test_segments_come_after_those_they_name() -> None:
    known = graph(a=["b", "c"], b=["d", "list"], c=["d"], d=[], e=[])
    assert ordered(known) == ["d", "b", "c", "a", "e"]
    assert needed("a", known) == {"b", "c", "d", "list"}
    assert needed("e", known) == set()
    assert users("d", known) == ["b", "c"]


@pytest.mark.parametrize(
    ("known", "cycle"),
    [
        (graph(a=["a"]), ("a", "a")),
        (graph(start=["a"], a=["b"], b=["c", "x"], c=["a"], x=[]), ("a", "b", "c", "a")),
    ],
)
def test_a_cycle_is_refused_with_its_path(known: dict[str, Condition], cycle: tuple[str, ...]) -> None:
    with pytest.raises(CycleError, match=" → ".join(cycle)) as caught:
        ordered(known)
    assert caught.value.cycle == cycle


NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([-1.5, 0.5, 2.0]), st.integers(-MAX_NUMBER, MAX_NUMBER)
)
VALUES = {LabelType.NUMBER: NUMBERS, LabelType.TEXT: st.sampled_from(["A", "B", "", "é"])}
VALUES[LabelType.BOOLEAN] = st.booleans()


def comparisons(label: str) -> st.SearchStrategy[dict[str, Any]]:
    value = VALUES[LABELS[label]]
    ops = ["=", "!="] + (["<", "<=", ">", ">="] if LABELS[label] is LabelType.NUMBER else [])
    return st.one_of(
        st.fixed_dictionaries({"label": st.just(label), "op": st.sampled_from(ops), "value": value}),
        st.fixed_dictionaries(
            {"label": st.just(label), "op": st.just("in"), "value": st.lists(value, min_size=1, max_size=3)}
        ),
        st.just({"label": label, "op": "known"}),
    )


TERMS = st.one_of(
    *(comparisons(label) for label in LABELS),
    st.fixed_dictionaries(
        {
            "did": st.sampled_from(["Product Viewed", "Product Added"]),
            "at_least": st.integers(1, 3),
            "within_days": st.sampled_from([None, 7]),
        }
    ),
    st.fixed_dictionaries({"segment": st.sampled_from(["vip", "list"])}),
)
CONDITIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=6,
).filter(lambda data: json.dumps(data).count('"not"') + json.dumps(data).count("[{") <= MAX_DEPTH)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "recency_days": st.none() | st.integers(-3, 3) | st.integers(-MAX_NUMBER, MAX_NUMBER),
            "share": st.none() | st.sampled_from([-1.5, 0.0, 0.5, 2.0]),
            "price_class": st.none() | st.sampled_from(["A", "B", ""]),
            "member": st.none() | st.booleans(),
            "vip": st.none() | st.booleans(),
            "list": st.none() | st.booleans(),
            "counts": st.lists(st.none() | st.integers(0, 4), min_size=4, max_size=4),
        }
    ),
    min_size=0,
    max_size=8,
)


@given(data=CONDITIONS, people=PEOPLE)
@settings(max_examples=300, deadline=None)
def test_both_evaluators_agree(data: dict[str, Any], people: list[dict[str, Any]]) -> None:
    condition = read(data)
    assert read(as_data(condition)) == condition
    keys = [term.key for term in behaviour_of(condition)]
    assert len(keys) <= 4
    schema = {**TYPES, "vip": pl.Boolean, "list": pl.Boolean, **dict.fromkeys(keys, pl.Int64)}
    rows = [
        {label: person[label] for label in [*LABELS, "vip", "list"]}
        | dict(zip(keys, person["counts"], strict=False))
        for person in people
    ]
    frame = nw.from_native(pl.DataFrame(rows, schema=schema).lazy())
    expression = to_expression(condition, counts=lambda term: nw.col(term.key), segments=nw.col)
    bulk = frame.select(expression.alias("in")).collect("polars").to_native()["in"].to_list()
    single = [
        matches(
            condition,
            row,
            counts=lambda term, row=row: row[term.key],
            segments=lambda key, row=row: bool(row[key]),
        )
        for row in rows
    ]
    assert bulk == single


def test_builtin_segments_parse_and_say_what_their_names_say() -> None:
    keys = [segment.key for segment in builtin.SEGMENTS]
    assert len(set(keys)) == len(keys)
    person = {
        "price_class": "B",
        "rfm_group": "champions",
        "recency_days": 90,
        "frequency": 8,
        "money_score": 5,
    }
    later = {**person, "recency_days": 181, "rfm_group": "cannot_lose"}

    def found(labels: dict[str, Any]) -> set[str]:
        parsed = {one.key: parse(one.condition, labels=builtin.LABELS, events=()) for one in builtin.SEGMENTS}
        return {key for key, condition in parsed.items() if matches(condition, labels)}

    assert found(person) == {"class-b", "rfm-champions", "active", "bargain-hunters-active"}
    assert found(later) == {"class-b", "rfm-cannot-lose", "lapsed", "big-customers-slipping"}
    assert found({"price_class": "U", "frequency": 1}) == {"class-u", "one-order"}
    assert found({}) == set()
