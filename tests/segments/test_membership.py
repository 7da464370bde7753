"""Memberships: the nightly difference, the log followed between two nights, lists, and nothing written twice."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from precision.engine import runs
from precision.shop import erasure, platforms, scopes
from precision.shop.models import Customer, Identity, Platform, Product
from segments import definitions, following, lists, membership, overlap, standing
from segments.models import SegmentCursor, SegmentMember, SegmentSpell
from tests.segments.grouped_shop import label, night, segment
from tests.shop.lake import buy, happen

pytestmark = pytest.mark.django_db(transaction=True)
VIEWED = {"did": "Product Viewed", "within_days": 7, "at_least": 2}
LATE = {"label": "recency_days", "op": ">", "value": 180}


@pytest.fixture
def shop(platform: Platform, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    settings.HISTORY = tmp_path / "history"
    monkeypatch.setattr("segments.definitions.SEGMENTS", ())
    return platform


@pytest.fixture
def people(shop: Platform) -> dict[str, Identity]:
    found = {}
    for name in ("ann", "ben", "cy", "dan"):
        owner = Customer.objects.create(organisation=shop.organisation)
        found[name] = Identity.objects.create(platform=shop, kind="customer_id", value=name, customer=owner)
    return found


class World:
    """One shop, its people by name, and what is true of them."""

    def __init__(self, shop: Platform, people: dict[str, Identity]) -> None:
        self.shop, self.people = shop, people
        self.scope = scopes.of(shop)
        self._number = 0
        self.today = scopes.of(shop).as_of()

    def view(self, name: str, times: int = 1, *, days_ago: int = 0) -> None:
        for _ in range(times):
            self._number += 1
            happen(self.shop, f"m{self._number}", name="Product Viewed", identity=self.people[name],
                   at=timezone.now() - timedelta(days=days_ago))  # fmt: skip

    def label(self, **days: int | None) -> None:
        rows = {
            self.people[name]: {"recency_days": value, "last_seen_days": value}
            for name, value in days.items()
        }
        label(self.shop.key, rows, as_of=self.today)

    def night(self, *names: str) -> Any:
        return night(self.shop.key, *names, as_of=self.today)

    def inside(self, key: str) -> set[str]:
        known = definitions.read(self.scope)
        numbers = set(membership.members(self.scope, known.rows[key].pk))
        return {name for name, one in self.people.items() if one.customer_id in numbers}

    def stays(self, key: str) -> list[tuple[str, bool]]:
        names = {one.customer_id: name for name, one in self.people.items()}
        rows = SegmentSpell.objects.filter(segment__key=key).order_by("id")
        return [(names[row.customer_id], row.left_at is None) for row in rows]


@pytest.fixture
def world(shop: Platform, people: dict[str, Identity]) -> World:
    return World(shop, people)


def test_nights_write_the_difference_and_the_first_one_none(world: World) -> None:
    segment(world.shop, "late", LATE)
    world.label(ann=200, ben=10, cy=300, dan=None)
    first = world.night()
    assert (world.inside("late"), world.stays("late")) == ({"ann", "cy"}, [])
    assert first.measures["sizes"] == {"late": 2}
    world.label(ann=5, ben=181, cy=301, dan=None)
    second = world.night()
    assert world.inside("late") == {"ben", "cy"}
    assert sorted(world.stays("late")) == [("ann", False), ("ben", True)]
    assert (second.measures["entered"], second.measures["left"]) == (1, 1)
    left = SegmentSpell.objects.get(left_at__isnull=False)
    assert abs((left.entered_at - first.started_at).total_seconds()) < 60  # when it was first computed
    kept = membership.page(world.scope, left.segment_id, after=0, most=9)
    assert kept["entered"].to_list()[1] == int(left.entered_at.timestamp())  # cy's time goes along
    third = world.night()
    assert (third.measures["entered"], third.measures["left"], SegmentSpell.objects.count()) == (0, 0, 2)


def test_rows_are_kept_of_the_active_and_the_file_has_everybody(world: World) -> None:
    segment(world.shop, "late", LATE)
    segment(world.shop, "known", {"label": "recency_days", "op": "known"})
    world.label(ann=200, ben=10, cy=90, dan=91)
    world.night()
    rows = set(SegmentMember.objects.values_list("segment__key", "customer_id"))
    assert rows == {("known", world.people[name].customer_id) for name in ("ben", "cy")}
    assert membership.segments_of(world.shop, world.people["ann"].customer_id) == ["known", "late"]
    assert membership.segments_of(world.shop, world.people["ben"].customer_id) == ["known"]


def test_nobody_enters_by_a_changed_definition(world: World) -> None:
    made = segment(world.shop, "late", LATE)
    segment(world.shop, "not-late", {"not": {"segment": "late"}})
    world.label(ann=200, ben=100)
    world.night()
    made.condition = {**LATE, "value": 50}
    made.save()
    world.night()
    assert world.inside("late") == {"ann", "ben"}
    assert world.stays("late") == []
    assert world.stays("not-late") == [("ben", False)]


def test_an_event_lets_somebody_in_and_nothing_is_written_twice(world: World) -> None:
    segment(world.shop, "lookers", VIEWED)
    segment(world.shop, "both", {"all": [{"segment": "lookers"}, {"not": LATE}]})
    world.label(ann=200, ben=10, cy=1)
    world.view("cy", 2)
    world.night()
    assert world.inside("lookers") == {"cy"}
    world.view("ben")
    world.view("ann", 2)
    assert following.follow(world.shop.key).entered == 1
    assert world.inside("lookers") == {"ann", "cy"}
    assert (world.inside("both"), world.stays("both")) == ({"cy"}, [])
    world.view("ben")
    assert following.follow(world.shop.key).entered == 2  # of both segments
    assert world.inside("both") == {"ben", "cy"}
    assert membership.segments_of(world.shop, world.people["ben"].customer_id) == ["both", "lookers"]
    again = following.follow(world.shop.key)
    assert (again.entered, again.left) == (0, 0)
    SegmentCursor.objects.update(position=0)  # the whole log once more
    assert following.follow(world.shop.key).customers == 3
    assert world.stays("lookers") == [("ann", True), ("ben", True)]
    run = runs.published(membership.JOB, world.shop.key)
    numbers = {row.key: row.pk for row in definitions.of_scope(world.scope)}
    assert membership.sizes(world.scope, run) == {numbers["lookers"]: 3, numbers["both"]: 2}


def test_an_order_counts_and_a_cancelled_one_lets_go(world: World) -> None:
    segment(world.shop, "buyers", {"did": "Order Completed", "within_days": 30})
    cup = Product.objects.create(platform=world.shop, external_id="cup", title="Cup")
    world.label(ann=1)
    world.night()
    order = buy(world.shop, "o1", cup, at=timezone.now(), who=world.people["ann"])
    following.follow(world.shop.key)
    assert world.inside("buyers") == {"ann"}
    order.status = "cancelled"
    order.save()
    following.follow(world.shop.key)
    assert (world.inside("buyers"), world.stays("buyers")) == (set(), [("ann", False)])


def test_a_pass_that_is_killed_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    segment(world.shop, "lookers", VIEWED)
    world.label(ann=200)
    world.night()
    world.view("ann", 2)
    before = SegmentCursor.objects.get().position

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(following, "_move", killed)
        with pytest.raises(KeyboardInterrupt):
            following.follow(world.shop.key)
    assert (world.stays("lookers"), SegmentCursor.objects.get().position) == ([], before)
    following.follow(world.shop.key)
    assert world.stays("lookers") == [("ann", True)]
    assert SegmentCursor.objects.get().position > before


def test_a_night_that_is_killed_before_it_is_published_changes_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment(world.shop, "late", LATE)
    world.label(ann=200, ben=10)
    world.night()
    world.label(ann=5, ben=190)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            world.night("segments")
    assert world.inside("late") == {"ben"}
    assert world.night("segments").measures["entered"] == 0
    assert (world.inside("late"), sorted(world.stays("late"))) == ({"ben"}, [("ann", False), ("ben", True)])


def test_a_night_leaves_alone_who_did_something_it_has_not_counted(world: World) -> None:
    segment(world.shop, "lookers", VIEWED)
    world.label(ann=3, ben=3)
    world.view("ben", 2, days_ago=6)
    world.night()
    world.night("behaviour")
    world.view("ann", 2)
    following.follow(world.shop.key)
    assert world.inside("lookers") == {"ann", "ben"}
    world.night("segments")  # over behaviour that was counted before ann came
    assert world.inside("lookers") == {"ann", "ben"}
    assert world.stays("lookers") == [("ann", True)]
    assert (
        following.follow(world.shop.key).customers == 1
    )  # ann is looked at once more, with tonight's labels


def test_a_window_slides_on_at_night(world: World) -> None:
    segment(world.shop, "lookers", VIEWED)
    world.label(ann=3)
    world.view("ann", 2, days_ago=6)
    world.night()
    assert world.inside("lookers") == {"ann"}
    world.today += timedelta(days=1)
    world.night()
    assert (world.inside("lookers"), world.stays("lookers")) == (set(), [("ann", False)])


def test_one_customer_asked_about_now_is_evaluated_now(world: World) -> None:
    segment(world.shop, "lookers", VIEWED)
    segment(world.shop, "not-lookers", {"not": {"segment": "lookers"}})
    listed = segment(world.shop, "list")
    segment(world.shop, "late", LATE)
    world.label(ann=200)
    lists.add(listed, world.shop, ["ann"])
    known = definitions.read(world.scope)
    ann = world.people["ann"].customer_id
    assert standing.of_customer(world.scope, known, ann) == ["late", "list", "not-lookers"]
    world.view("ann", 2)
    assert standing.of_customer(world.scope, known, ann) == ["late", "list", "lookers"]


def test_a_list_takes_effect_at_once_and_so_does_what_stands_on_it(world: World) -> None:
    made = segment(world.shop, "vip")
    segment(world.shop, "others", {"not": {"segment": "vip"}})
    world.label(ann=1, ben=1)
    world.night()
    assert world.inside("others") == {"ann", "ben"}
    done = lists.add(made, world.shop, ["ann", "ann", "zoe", "bad\0id"])
    assert (done.changed, done.same, done.unknown) == (
        [world.people["ann"].customer_id],
        0,
        ["zoe", "bad\0id"],
    )
    following.list_changed(world.scope, "vip", done.changed)
    assert (world.inside("vip"), world.inside("others")) == ({"ann"}, {"ben"})
    assert lists.add(made, world.shop, ["ann"]).same == 1
    gone = lists.remove(made, world.shop, ["ann", "ben"])
    following.list_changed(world.scope, "vip", gone.changed)
    assert (gone.same, world.inside("vip"), world.inside("others")) == (1, set(), {"ann", "ben"})
    assert world.stays("vip") == [("ann", False)]
    with pytest.raises(lists.NotAListError, match="others"):
        lists.add(definitions.read(world.scope).rows["others"], world.shop, ["ann"])


def test_overall_segments_are_over_all_shops(world: World) -> None:
    platforms.create_platform("island", name="Island", organisation="corner", timezone="UTC")
    island = Platform.objects.get(key="island")
    there = Identity.objects.create(
        platform=island, kind="customer_id", value="a-1", customer=world.people["ann"].customer
    )
    whole = scopes.read("org:corner")
    made = segment(world.shop, "lookers", VIEWED)
    overall = type(made).objects.create(organisation=world.shop.organisation, key="lookers", condition=VIEWED)
    rows = {world.people[name]: {"recency_days": 1} for name in ("ann", "ben")}
    label("org:corner", rows, as_of=world.today)
    world.label(ann=1, ben=1)
    world.view("ann")
    happen(island, "i1", name="Product Viewed", identity=there, at=timezone.now())
    world.night()
    night("org:corner", as_of=whole.as_of())
    assert world.inside("lookers") == set()
    assert membership.members(whole, overall.pk).to_list() == [there.customer_id]
    assert overall.scope == "org:corner"
    happen(island, "i2", name="Product Viewed", identity=there, at=timezone.now())
    world.view("ben", 2)
    assert following.follow("org:corner").entered == 1
    assert following.follow(world.shop.key).entered == 1


def test_overlap_counts_who_is_in_both(world: World) -> None:
    rows = [
        segment(world.shop, "late", LATE),
        segment(world.shop, "known", {"label": "recency_days", "op": "known"}),
    ]
    rows.append(segment(world.shop, "empty"))
    world.label(ann=200, ben=10, cy=300)
    world.night()
    found = overlap.overlap(world.scope, rows)
    assert found.counts.tolist() == [[2, 2, 0], [2, 3, 0], [0, 0, 0]]
    assert found.shares() == [[1.0, 1.0, 0.0], [2 / 3, 1.0, 0.0], [None, None, None]]
    assert found.jaccard()[0] == [1.0, 2 / 3, 0.0]
    assert found.jaccard()[2][2] is None


def test_an_erased_person_is_in_no_segment(world: World) -> None:
    segment(world.shop, "lookers", VIEWED)
    segment(world.shop, "known", {"label": "recency_days", "op": "known"})
    vip = segment(world.shop, "vip")
    world.label(ann=1, ben=2)
    lists.add(vip, world.shop, ["ann"])
    world.night()
    world.view("ann", 2)
    following.follow(world.shop.key)
    done = erasure.erase_customer(world.shop, "ann", by="test", whole=True)
    assert done is not None
    assert done.counts["precision_segments_segmentspell"] == 1
    assert done.counts["precision_segments_segmentlisting"] == 1
    assert [world.inside(key) for key in ("lookers", "known", "vip")] == [set(), {"ben"}, set()]


def test_an_empty_shop_and_a_shop_without_segments_do_not_crash(world: World) -> None:
    assert following.follow(world.shop.key).customers == 0
    world.label()
    assert world.night().measures["sizes"] == {}
    segment(world.shop, "late", LATE)
    segment(world.shop, "broken", {"label": "gone", "op": "known"})
    segment(world.shop, "on-broken", {"segment": "broken"})
    run = world.night()
    assert run.measures["sizes"] == {"late": 0}
    assert set(run.measures["refused"]) == {"broken", "on-broken"}
    assert "broken" in run.measures["refused"]["on-broken"]
