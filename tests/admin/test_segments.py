"""The staff pages of segments: the form, the live count, the story of one, overlap, history, and who may do what."""

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from precision.shop import scopes
from precision.shop.models import Customer, Identity, Platform
from segments import evaluation, membership
from segments.models import Segment, SegmentCursor, SegmentListing, SegmentMember, SegmentSpell
from tests.segments.grouped_shop import label, night, segment

ADD = "admin:precision_segments_segment_add"
COUNT = "admin:precision_segments_segment_preview"
OVERLAP = "admin:precision_segments_segment_overlap"
RECENT = {"label": "recency_days", "op": "<", "value": 30}
OLD = {"label": "age_band", "op": "=", "value": "65+"}
HIDDEN = "may not see age_band (sensitive)"


def page_of(segment: Segment, page: str = "change") -> str:
    return reverse(f"admin:precision_segments_segment_{page}", args=[segment.pk])


def posted(condition: Any = None, **fields: Any) -> dict[str, Any]:
    text = condition if isinstance(condition, str) else json.dumps(condition) if condition else ""
    return {"scope": "corner", "name": "New", "key": "new", "description": "", "condition": text, **fields}


def names_of(row: Any) -> set[str]:
    return set(row.customer.identities.values_list("value", flat=True))


def messages_of(answer: Any) -> list[str]:
    return [str(one) for one in answer.context["messages"]]


@pytest.fixture
def one(world: SimpleNamespace) -> Segment:
    return Segment.objects.get(platform=world.corner, key="one")


@pytest.fixture
def counted(world: SimpleNamespace, settings: Any, tmp_path: Path) -> Platform:
    """The corner shop with labels in force: Ada and Ben bought lately, the others long ago."""
    settings.HISTORY = tmp_path / "history"
    people = Identity.objects.filter(platform=world.corner, kind="customer_id")
    days = {"Ada": 3, "Ben": 9, "Cleo": 99, "Dora": None}
    label("corner", {person: {"recency_days": days[person.value]} for person in people})
    shop: Platform = world.corner
    return shop


# The form


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"any": [RECENT, {"label": "recency_dayz", "op": "<", "value": 3}]}, "At any[1].label"),
        ({"label": "recency_days", "op": "<", "value": "soon"}, "At value: found"),
        ({"not": {"segment": "nobody"}}, "At not.segment: there is no segment"),
        ({"did": "Product Vued"}, "At did: there is no event"),
        ({"did": "Product Viewed", "where": {"colour": "red"}}, "At where.colour: there is no dimension"),
        ("null", "At the top: found None"),
        ("[" * 100_000, "Nested deeper than 8 levels"),
        ("9" * 5_000, "This cannot be read"),
        ('{"label": "price_class", "op": "=", "value": "\\u0000"}', "character of the number zero"),
        ('{"label": "price_class", "op": "=", "value": "\\ud800"}', "This cannot be read"),
        ({"label": "price_class", "op": "known", "value": 1}, "At value: known takes no value"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_computed_is_refused_in_place(
    condition: Any, words: str, staff: Client, world: SimpleNamespace
) -> None:
    answer = staff.post(reverse(ADD), posted(condition))
    assert answer.status_code == 200
    assert words in " ".join(answer.context["adminform"].form.errors["condition"])
    assert not Segment.objects.filter(key="new").exists()


def test_a_condition_may_name_behaviour_own_labels_and_segments(
    staff: Client, world: SimpleNamespace
) -> None:
    condition = {
        "all": [
            {"label": "regular", "op": "=", "value": True},
            {"did": "Product Viewed", "at_least": 2, "within_days": 7},
            {"any": [{"segment": "one"}, {"segment": "named"}]},
        ]
    }
    assert staff.post(reverse(ADD), posted(condition)).status_code == 302
    made = Segment.objects.get(key="new")
    assert (made.platform, made.organisation, made.static) == (world.corner, None, False)
    assert made.condition == condition
    text = staff.get(page_of(made)).content.decode()
    for part in (
        "did Product Viewed, 2 times or more, in the last 7 days",
        "within a minute of the event; who stops meeting it because days pass leaves at the nightly run",
        "regular = yes",
        "in the segment named",
        "at once",
        "at the nightly run",
        "all[2].any[1]",
    ):
        assert part in text, part


def test_a_circle_is_refused_with_its_path(staff: Client, world: SimpleNamespace, one: Segment) -> None:
    segment(world.corner, "above", {"segment": "one"})
    data = posted({"any": [RECENT, {"segment": "above"}]}, name="One")
    answer = staff.post(page_of(one), data)
    words = " ".join(answer.context["adminform"].form.errors["condition"])
    assert "above → one → above" in words or "one → above → one" in words
    one.refresh_from_db()
    assert one.condition == RECENT


def test_a_key_is_taken_once_per_shop(staff: Client, world: SimpleNamespace) -> None:
    answer = staff.post(reverse(ADD), posted(RECENT, key="one"))
    assert "There is a segment 'one' of corner already" in answer.context["adminform"].form.errors["key"][0]
    assert staff.post(reverse(ADD), posted(RECENT, key="preview")).status_code == 200
    assert not Segment.objects.filter(key="preview").exists()


def test_nobody_asks_by_what_they_may_not_see(browser_of: Any, world: SimpleNamespace, one: Segment) -> None:
    rights = ("view_segment", "add_segment", "change_segment")
    segment(world.corner, "seniors", OLD)
    blind, sighted = browser_of(*rights), browser_of(*rights, "view_sensitive")
    for condition in (OLD, {"not": {"segment": "seniors"}}):
        answer = blind.post(reverse(ADD), posted(condition))
        assert HIDDEN in " ".join(answer.context["adminform"].form.errors["condition"])
        assert HIDDEN in " ".join(
            blind.post(page_of(one), posted(condition)).context["adminform"].form.errors["condition"]
        )
    assert not Segment.objects.filter(key="new").exists()
    assert sighted.post(reverse(ADD), posted(OLD)).status_code == 302
    # The name of a segment by a hidden label may change; what it asks stays.
    made = Segment.objects.get(key="new")
    assert blind.post(page_of(made), posted(OLD, name="Elders")).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.condition) == ("Elders", OLD)
    # The help names the labels that whoever reads it may ask by.
    named = [
        "age_band" in who.get(reverse(ADD)).context["adminform"].form.fields["condition"].help_text
        for who in (blind, sighted)
    ]
    assert named == [False, True]


def test_a_segment_of_all_shops(staff: Client, world: SimpleNamespace) -> None:
    Platform.objects.filter(key="other").update(organisation=world.corner.organisation)
    scope = f"org:{world.corner.organisation.key}"
    assert staff.post(reverse(ADD), posted(RECENT, scope=scope)).status_code == 302
    made = Segment.objects.get(key="new")
    assert (made.platform, made.organisation) == (None, world.corner.organisation)
    listed = staff.get(reverse("admin:precision_segments_segment_changelist"))
    assert f"all shops of {world.corner.organisation.key}" in listed.content.decode()
    assert "not computed yet" in staff.get(page_of(made)).content.decode()
    # Labels of one shop's staff are none of all shops.
    own = posted({"label": "regular", "op": "=", "value": True}, scope=scope, key="own")
    assert "At label" in staff.post(reverse(ADD), own).content.decode()
    # A list of all shops takes ids of one shop at a time.
    data = posted(scope=scope, key="friends", static="on", listed="Ada\n")
    assert "ids are those of one shop" in staff.post(reverse(ADD), data).content.decode()
    assert staff.post(reverse(ADD), {**data, "listed_at": "other"}).status_code == 302
    entry = SegmentListing.objects.get(segment__key="friends")
    assert (entry.identity.platform.key, entry.identity.value) == ("other", "Ada")
    answer = staff.get(reverse("admin:precision_segments_labeloverride_group"))
    assert f"{scope}: New" in answer.content.decode()


def test_a_list_takes_pasted_ids_and_names_the_unknown_ones(
    staff: Client, counted: Platform, world: SimpleNamespace
) -> None:
    night("corner", "segments")
    data = posted(static="on", listed="Ada\n  Ben \n\nZoe\nAda\n", condition=json.dumps(RECENT))
    answer = staff.post(reverse(ADD), data, follow=True)
    said = messages_of(answer)
    assert "2 customers came onto the list; 0 changed nothing." in said
    assert "corner knows no customer Zoe: left out." in said
    made = Segment.objects.get(key="new")
    assert (made.static, made.condition) == (True, None)
    assert membership.members(scopes.of(counted), made.pk).len() == 2
    text = staff.get(page_of(made)).content.decode()
    assert "2 of 4 customers (50.0%)" in text
    assert "still in it" in text, "who is put onto a list enters at once"
    change = {"name": "New", "description": "", "listed_at": "corner", "listed": "", "unlisted": "Ben\nZoe"}
    said = messages_of(staff.post(page_of(made), change, follow=True))
    assert "1 customers left the list; 0 changed nothing." in said
    names = SegmentListing.objects.filter(segment=made).values_list("identity__value", flat=True)
    assert list(names) == ["Ada"]
    ended = SegmentSpell.objects.get(segment=made, left_at__isnull=False)
    assert ended.customer.identities.filter(value="Ben").exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"static": "on", "condition": json.dumps(OLD)}, "A list has no condition"),
        ({"listed": "Ada", "condition": json.dumps(RECENT)}, "this segment has a condition"),
        ({"static": "on", "listed": "A" * 201}, "at most 200 are possible"),
        ({"static": "on", "listed": "\n".join(map(str, range(5_001)))}, "5,001 ids; at most 5,000"),
        ({"static": "on", "listed": "Ada", "listed_at": "other"}, "other is no shop of corner"),
    ],
)
def test_lists_and_conditions_do_not_mix(
    fields: dict[str, str], words: str, staff: Client, world: SimpleNamespace
) -> None:
    assert words in staff.post(reverse(ADD), posted(**fields)).content.decode()
    assert not Segment.objects.filter(key="new").exists()


def test_a_segment_that_others_name_stays_and_says_by_whom(
    staff: Client, world: SimpleNamespace, one: Segment
) -> None:
    above = segment(world.corner, "above", {"segment": "one"})
    for method in (staff.get, staff.post):
        answer = method(page_of(one, "delete"), {"post": "yes"}, follow=True)
        assert answer.status_code == 200
        assert "The segment 'one' is named by above; change or delete these first." in messages_of(answer)
    many = {"action": "delete_selected", "_selected_action": [one.pk], "post": "yes"}
    listed = reverse("admin:precision_segments_segment_changelist")
    assert "named by above" in staff.post(listed, many).content.decode()
    assert Segment.objects.filter(pk=one.pk).exists()
    staff.post(listed, {**many, "_selected_action": [one.pk, above.pk]})
    assert not Segment.objects.filter(pk__in=[one.pk, above.pk]).exists()
    assert not SegmentMember.objects.filter(segment_id=one.pk).exists()


# The live count


def test_the_live_count_and_some_of_them(staff: Client, counted: Platform) -> None:
    answer = staff.post(reverse(COUNT), posted(RECENT, token="t"))
    assert answer.status_code == 200
    found = answer.json()
    assert (found["count"], found["of"], found["share"]) == (2, 4, 0.5)
    assert found["took_ms"] >= 0
    assert [one["name"] for one in found["sample"]] == ["Ada", "Ben"]
    ada = Customer.objects.get(identities__value="Ada", identities__platform=counted)
    assert found["sample"][0]["url"] == reverse("admin:precision_shop_customer_change", args=[ada.pk])
    assert found["effects"] == [
        {"path": "", "term": "recency_days < 30", "pace": "at the nightly run", "note": ""}
    ]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"condition": ""}, 400, "There is no condition yet."),
        ({"condition": "{"}, 400, "Enter a valid JSON."),
        ({"condition": "[" * 100_000}, 400, "Nested deeper"),
        ({"condition": '{"all": [{"label": "x"}]}'}, 400, "At all[0].label: there is no label 'x'."),
        ({"condition": json.dumps(RECENT), "scope": "nowhere"}, 400, "Select a valid choice"),
        ({"condition": json.dumps(RECENT), "token": "t" * 101}, 400, "at most 100 characters"),
    ],
)
def test_the_live_count_says_what_is_wrong(
    fields: dict[str, str], status: int, words: str, staff: Client, counted: Platform
) -> None:
    answer = staff.post(reverse(COUNT), {**posted(), **fields})
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_the_place_of_an_error_comes_apart_from_its_words(staff: Client, counted: Platform) -> None:
    answer = staff.post(reverse(COUNT), posted({"all": [RECENT, {"not": {"segment": "x"}}]}))
    assert answer.json()["path"] == "all[1].not.segment"


def test_the_live_count_is_for_those_who_may(browser_of: Any, counted: Platform) -> None:
    assert browser_of("view_order").post(reverse(COUNT), posted(RECENT)).status_code == 403
    assert Client().post(reverse(COUNT), posted(RECENT)).status_code == 302
    viewer = browser_of("view_segment")
    assert viewer.get(reverse(COUNT)).status_code == 405
    found = viewer.post(reverse(COUNT), posted(RECENT)).json()
    assert (found["count"], found["sample"]) == (2, []), "people are shown to those who may view customers"
    answer = viewer.post(reverse(COUNT), posted(OLD))
    assert answer.status_code == 403
    assert HIDDEN in answer.json()["error"]


def test_before_the_first_night_nothing_is_counted(
    staff: Client, world: SimpleNamespace, settings: Any, tmp_path: Path
) -> None:
    settings.HISTORY = tmp_path / "history"
    answer = staff.post(reverse(COUNT), posted(RECENT))
    assert answer.status_code == 503
    assert "have not been computed yet" in answer.json()["error"]


def test_a_count_that_takes_too_long_is_ended(staff: Client, counted: Platform, settings: Any) -> None:
    settings.PRECISION_PREVIEW_SECONDS = 0
    answer = staff.post(reverse(COUNT), posted(RECENT))
    assert answer.status_code == 503
    assert "was ended" in answer.json()["error"]


@pytest.mark.django_db(transaction=True)
def test_a_later_question_ends_the_earlier_one(
    staff: Client, counted: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first waits in the middle of counting until the second has asked; the second until the first has ended."""
    second_asks, first_ended = threading.Event(), threading.Event()
    count = evaluation.count

    def slowly(people: Any, condition: Any, **given: Any) -> Any:
        if condition.value == 30:
            assert second_asks.wait(20)
        elif condition.value == 10:
            second_asks.set()
            assert first_ended.wait(20)
        return count(people, condition, **given)

    monkeypatch.setattr(evaluation, "count", slowly)
    answers: dict[int, Any] = {}

    def ask(days: int, token: str) -> None:
        try:
            data = posted({**RECENT, "value": days}, token=token)
            answers[days] = staff.post(reverse(COUNT), data)
        finally:
            connection.close()
            if days == 30:
                first_ended.set()

    threads = [threading.Thread(target=ask, args=(days, "page")) for days in (30, 10)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)  # the second asks later
    for thread in threads:
        thread.join(30)
    assert answers[30].status_code == 409
    assert "took the place" in answers[30].json()["error"]
    assert answers[10].status_code == 200
    assert answers[10].json()["count"] == 2
    # Another page of the same person is another question.
    second_asks.set()
    ask(30, "another page")
    assert answers[30].json()["count"] == 2


def test_the_form_brings_the_live_count_along(staff: Client, world: SimpleNamespace, one: Segment) -> None:
    fresh = staff.get(reverse(ADD)).content.decode()
    assert f'data-count="{reverse(COUNT)}"' in fresh
    assert "precision_segments/live_count.js" in fresh
    text = staff.get(page_of(one)).content.decode()
    assert 'data-scope="corner"' in text
    assert 'data-key="one"' in text


# The page of a segment


def test_the_story_of_a_segment(staff: Client, world: SimpleNamespace, one: Segment) -> None:
    segment(world.corner, "above", {"segment": "one"})
    text = staff.get(page_of(one)).content.decode()
    for part in (
        "4 customers", "last computed as of 2026-11-20", "recency_days &lt; 30", "at the nightly run", "Ada", "Ben",
        "2026-11-17 12:00", "2026-11-20 12:00", ">above</a>", f"?segment__id__exact={one.pk}",
        f"{reverse('admin:precision_segments_labeloverride_group')}?segment={one.pk}",
        f"{reverse(OVERLAP)}?scope=corner",
    ):  # fmt: skip
        assert part in text, part
    assert reverse("admin:precision_segments_segmentspell_changelist") in text
    assert ">Segment one</a>" in staff.get(page_of(Segment.objects.get(key="above"))).content.decode()


def test_a_condition_that_cannot_be_used_any_more_says_why(staff: Client, world: SimpleNamespace) -> None:
    lost = segment(world.corner, "lost", {"label": "gone", "op": "known"})
    assert "there is no label &#x27;gone&#x27;" in staff.get(page_of(lost)).content.decode()


def test_members_by_hidden_labels_are_hidden(browser_of: Any, world: SimpleNamespace, one: Segment) -> None:
    Segment.objects.filter(pk=one.pk).update(condition=OLD)
    segment(world.corner, "above", {"not": {"segment": "one"}})
    above = Segment.objects.get(key="above")
    person = Identity.objects.get(platform=world.corner, value="Cleo").customer
    SegmentSpell.objects.create(segment=above, customer=person, entered_at="2026-11-18T12:00Z")
    rights = ("view_segment", "view_segmentmember", "view_segmentspell", "view_customer")
    blind, sighted = browser_of(*rights), browser_of(*rights, "view_sensitive", "view_personal")
    for found in (one, above):
        text = blind.get(page_of(found)).content.decode()
        assert "Your role may not see age_band." in text
        assert "Ada" not in text
        assert "Cleo" not in text
    assert "Ada" in sighted.get(page_of(one)).content.decode()
    for name in ("segmentmember", "segmentspell"):
        listed = reverse(f"admin:precision_segments_{name}_changelist")
        seen = [set(who.get(listed).context["cl"].result_list) for who in (blind, sighted)]
        assert {row.segment.platform.key for row in seen[0]} <= {"other"}
        assert {row.segment.key for row in seen[1]} >= {"one"}
        row = next(row for row in seen[1] if row.segment_id == one.pk)
        change = reverse(f"admin:precision_segments_{name}_change", args=[row.pk])
        assert blind.get(change).status_code == 302
        assert sighted.get(change).status_code == 200
    ada = Customer.objects.get(identities__value="Ada", identities__platform=world.corner)
    panel = sighted.get(reverse("admin:precision_shop_customer_change", args=[ada.pk])).content.decode()
    assert "Segment one" not in panel, "a panel does not know who looks"


def test_the_page_of_a_viewer_has_no_form(browser_of: Any, world: SimpleNamespace, one: Segment) -> None:
    viewer = browser_of("view_segment")
    for found in (one, Segment.objects.get(platform=world.corner, key="named")):
        text = viewer.get(page_of(found)).content.decode()
        assert "<textarea" not in text
        assert "takes effect" in text.lower()
        assert viewer.post(page_of(found), posted(RECENT)).status_code == 403
    assert viewer.get(reverse(ADD)).status_code == 403


def test_queries_of_the_page_do_not_grow(staff: Client, world: SimpleNamespace, one: Segment) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(page_of(one)).status_code == 200
        return len(captured)

    before = asked()
    person = Identity.objects.get(platform=world.corner, value="Cleo").customer
    for number in range(30):
        segment(world.corner, f"above-{number}", {"segment": "one"})
        SegmentSpell.objects.create(
            segment=one,
            customer=person,
            entered_at="2026-11-18T12:00Z",
            left_at=f"2026-11-19T12:{number:02}Z",
        )
    assert asked() == before <= 15


# Overlap


@pytest.fixture
def overlapping(counted: Platform) -> Platform:
    """`recent` has Ada and Ben, `known` them and Cleo, `named` (a list) Ada and Ben."""
    Segment.objects.filter(platform=counted, key__in=["one", "two"]).delete()
    segment(counted, "recent", RECENT)
    segment(counted, "known", {"label": "recency_days", "op": "known"})
    night("corner", "segments")
    return counted


def test_overlap_in_counts_shares_and_jaccard(staff: Client, overlapping: Platform) -> None:
    query = {"scope": "corner", "segments": ["recent", "known", "named"]}
    answer = staff.get(reverse(OVERLAP), query)
    charts = {chart.key: chart for chart, _ in answer.context["charts"]}
    keys = ["recent", "known", "named"]
    assert [row[0] for row in charts["overlap-counts"].rows] == keys
    table = {
        key: {row[0]: dict(zip(chart.header[1:], row[1:], strict=True)) for row in chart.rows}
        for key, chart in charts.items()
    }
    assert table["overlap-counts"]["known"] == {"known": 3, "named": 2, "recent": 2}
    assert table["overlap-shares"]["known"]["recent"] == pytest.approx(2 / 3)
    assert table["overlap-shares"]["recent"]["known"] == 1
    assert table["overlap-jaccard"]["known"]["named"] == pytest.approx(2 / 3)
    file = staff.get(reverse(OVERLAP), {**query, "file": "overlap-jaccard"})
    assert file["Content-Type"].startswith("text/csv")
    assert "recent" in b"".join(file.streaming_content if file.streaming else [file.content]).decode()


def test_overlap_takes_fifty_segments_and_says_more(staff: Client, overlapping: Platform) -> None:
    for number in range(51):
        segment(overlapping, f"s{number:02}", RECENT)
    every = list(Segment.objects.filter(platform=overlapping).values_list("key", flat=True))
    assert "at most 50 are compared" in staff.get(
        reverse(OVERLAP), {"scope": "corner", "segments": every}
    ).content.decode()  # fmt: skip
    answer = staff.get(reverse(OVERLAP), {"scope": "corner"})
    assert len(answer.context["charts"][0][0].rows) == 50
    assert "Not computed since they were made or changed" in answer.content.decode()


def test_overlap_of_other_shops_and_before_the_night(
    staff: Client, browser_of: Any, overlapping: Platform
) -> None:
    other = staff.get(reverse(OVERLAP), {"scope": "other", "segments": ["recent"]}).content.decode()
    assert "Nothing was computed for this shop yet." in other
    assert "Select a valid choice" in staff.get(reverse(OVERLAP), {"scope": "nowhere"}).content.decode()
    assert browser_of("view_order").get(reverse(OVERLAP)).status_code == 403
    assert browser_of("view_segment").get(reverse(OVERLAP)).status_code == 200


# Rows


def test_rows_are_looked_at_and_never_written(staff: Client, world: SimpleNamespace) -> None:
    for model in (SegmentSpell, SegmentListing, SegmentCursor):
        name = f"admin:precision_segments_{model._meta.model_name}"
        row = model.objects.first()
        assert row is not None
        assert staff.get(reverse(f"{name}_add")).status_code == 403
        assert staff.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code == 403
        assert staff.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        assert model.objects.filter(pk=row.pk).exists()


def test_stays_are_found_by_segment_state_and_person(
    staff: Client, world: SimpleNamespace, one: Segment
) -> None:
    listed = reverse("admin:precision_segments_segmentspell_changelist")

    def found(query: str) -> list[SegmentSpell]:
        return list(staff.get(f"{listed}?{query}").context["cl"].result_list)

    assert len(found("")) == 4  # two of each shop
    assert {row.segment_id for row in found(f"segment__id__exact={one.pk}")} == {one.pk}
    assert {row.left_at is None for row in found("stay=open")} == {True}
    assert {row.left_at is None for row in found("stay=ended")} == {False}
    assert {"Ada" in names_of(row) for row in found("q=Ada")} == {True}
    text = staff.get(listed).content.decode()
    assert "corner: Segment one" in text
    assert "other: Segment one" in text
