"""The nightly job of all labels, for one shop and overall; labels of staff; pins; erasure; serving."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import platforms, scopes
from precision.shop.models import Identity, Platform
from segments import overrides, snapshots
from segments.conditions import LabelType
from segments.labels import distribution, library, registry, values, wide
from segments.models import Label, LabelRow
from tests.segments.labelled_shop import AS_OF, at, person, plant
from tests.shop.lake import buy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(platform: Platform, settings: Any, tmp_path: Path) -> dict[str, Identity]:
    settings.HISTORY = tmp_path / "history"
    return plant(platform)


@pytest.fixture
def compute() -> Callable[[str], Run]:
    def run(scope: str) -> Run:
        found = jobs.run(jobs.nightly(["labels"])[0], scope, AS_OF)
        assert found is not None
        return found

    return run


def label(platform: Platform, key: str, kind: str, type: str, definition: Any = None) -> Label:
    return library.save(
        Label(platform=platform, key=key, title=key, kind=kind, type=type, definition=definition)
    )


def test_the_job_writes_everybody_and_rows_of_the_active(
    platform: Platform, shop: dict[str, Identity], compute: Callable[[str], Run]
) -> None:
    label(platform, "favourite_team", "manual", "text")
    often = {"label": "orders_365", "op": ">=", "value": 3}
    reds = {"label": "favourite_team", "op": "=", "value": "reds"}
    tiers = {
        "cases": [{"when": {"all": [often, reds]}, "value": "red gold"}, {"when": often, "value": "gold"}],
        "otherwise": "none",
    }
    label(platform, "tier", "rule", "text", tiers)
    broken = label(platform, "broken", "rule", "yes or no", {"when": often})
    Label.objects.filter(pk=broken.pk).update(definition={"when": {"label": "gone", "op": "known"}})
    overrides.pin(shop["ann"], "favourite_team", "reds", reason="said so")
    overrides.pin(shop["cy"], "orders_365", 7, reason="bought in the store")
    run = compute(platform.key)

    everybody = snapshots.scan(platform.key)
    assert everybody is not None
    frame = everybody.collect()
    assert frame[c.CUSTOMER].to_list() == sorted(each.customer_id for each in shop.values())
    ann, ben, cy = (
        frame.filter(pl.col(c.CUSTOMER) == shop[name].customer_id).row(0, named=True) for name in shop
    )
    # Pins feed the rules: cy has seven orders by hand.
    assert (ann["tier"], ben["tier"], cy["tier"]) == ("red gold", "none", "gold")
    assert (ann["favourite_team"], ben["favourite_team"], cy["orders_365"]) == ("reds", None, 7)
    assert "broken" not in frame.columns
    assert run.measures["refused"] == {"broken": "when.label: there is no label 'gone'."}

    rows = {row.customer_id: row.values for row in LabelRow.objects.filter(run=run)}
    assert set(rows) == {shop["ann"].customer_id, shop["cy"].customer_id}  # ben was last seen 121 days ago
    known = {key: value for key, value in ann.items() if value is not None and key != c.CUSTOMER}
    assert rows[ann[c.CUSTOMER]] == known
    told = run.measures["labels"]
    assert (run.measures["customers"], run.measures["active"]) == (3, 2)
    assert told["orders_365"] == {"known": 3, "coverage": 1.0, "version": 1}
    assert told["top_interest"] == {"known": 1, "coverage": pytest.approx(1 / 3, abs=1e-6), "version": 1}
    assert set(told) == set(frame.columns) - {c.CUSTOMER}

    assert values.labels_of(platform, ann[c.CUSTOMER]) == known
    described = values.labels_of(platform, ben[c.CUSTOMER])  # from the file
    assert (described["last_seen_days"], described["active"]) == (121, False)
    assert values.labels_of(platform, ann[c.CUSTOMER] + 1_000_000) == {}
    assert wide.wide_frame(platform).equals(frame)
    spread = distribution.distribution(platform.key, "tier", LabelType.TEXT, sensitive=False)
    assert [(each["value"], each["customers"]) for each in spread] == [
        ("gold", 1),
        ("none", 1),
        ("red gold", 1),
    ]
    assert distribution.distribution(platform.key, "income", LabelType.TEXT, sensitive=True) == []
    tenths = distribution.distribution(platform.key, "orders_365", LabelType.NUMBER, sensitive=False)
    assert [tenths[0]["value"], tenths[5]["value"], tenths[10]["value"]] == [1, 3, 7]

    # The library as rows says what the code says, twice the same.
    library.ensure_builtin()
    assert Label.objects.filter(platform=None).count() == len(registry.definitions())
    assert Label.objects.get(platform=None, key="income").sensitivity == "sensitive"

    # Erased people leave the file.
    assert snapshots.forget([platform.key], platform.organisation_id, [ann[c.CUSTOMER]]) == 1
    left = snapshots.scan(platform.key)
    assert left is not None
    assert left.collect().height == 2
    assert snapshots.forget(None, platform.organisation_id, [ann[c.CUSTOMER]]) == 0


def test_overall_one_person_has_the_orders_of_both_shops(
    platform: Platform, shop: dict[str, Identity], compute: Callable[[str], Run]
) -> None:
    platforms.create_platform(
        "second", name="Second", organisation=platform.organisation.key, timezone="UTC", currency="EUR"
    )
    second = Platform.objects.get(key="second")
    there = person(second, "ann")
    Identity.objects.filter(pk=there.pk).update(customer_id=shop["ann"].customer_id)
    goods = second.products.create(external_id="cup", title="cup")
    buy(second, "x1", goods, at=at(3, 20), who=Identity.objects.get(pk=there.pk), price="100.00")
    label(platform, "own", "rule", "yes or no", {"when": {"label": "active", "op": "=", "value": True}})
    overall = scopes.overall(platform.organisation)
    compute(overall.key)
    compute(second.key)
    found = values.labels_in(overall, shop["ann"].customer_id)
    assert (found["orders_365"], found["spend_365"]) == (4, 121.0)
    assert "own" not in found  # labels of staff belong to a shop
    elsewhere = values.labels_of(second, shop["ann"].customer_id)
    assert (elsewhere["orders_365"], elsewhere["spend_365"]) == (1, 100.0)


def test_an_empty_shop_gets_an_empty_file(
    platform: Platform, settings: Any, tmp_path: Path, compute: Callable[[str], Run]
) -> None:
    settings.HISTORY = tmp_path / "history"
    run = compute(platform.key)
    assert (run.measures["customers"], run.rows) == (0, {"label_row": 0})
    assert all(told["coverage"] is None for told in run.measures["labels"].values())


@pytest.mark.django_db
class TestLibrary:
    """What staff may add."""

    @pytest.mark.parametrize(
        ("field", "given"),
        [
            ("key", {"key": "recency_days"}),
            ("kind", {"kind": "fact"}),
            ("definition", {"definition": None}),
            ("definition", {"definition": {"when": {"label": "nothing", "op": "known"}}}),
            ("definition", {"kind": "manual", "definition": {"when": {"label": "active", "op": "known"}}}),
        ],
    )
    def test_what_cannot_be_is_refused(self, platform: Platform, field: str, given: dict[str, Any]) -> None:
        sound = {"key": "mine", "title": "Mine", "kind": "rule", "type": "yes or no",
                 "definition": {"when": {"label": "active", "op": "known"}}}  # fmt: skip
        with pytest.raises(library.RefusedError) as error:
            library.save(Label(platform=platform, **{**sound, **given}))
        assert error.value.field == field
        assert not Label.objects.filter(platform=platform).exists()

    def test_a_changed_definition_is_a_new_version_and_keys_are_taken_once(self, platform: Platform) -> None:
        rule = {"when": {"label": "active", "op": "known"}}
        made = label(platform, "mine", "rule", "yes or no", rule)
        made.title = "Another title"
        assert library.save(made).version == 1
        made.definition = {"when": {"label": "orders_30", "op": "known"}}
        assert library.save(made).version == 2
        with pytest.raises(library.RefusedError, match="key: There is a label 'mine' already"):
            label(platform, "mine", "manual", "number")
        assert library.types(platform)["mine"] is LabelType.BOOLEAN
        assert "mine" not in library.types(None)
