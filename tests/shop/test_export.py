"""Everything known of a person comes out, nobody else's values do, and no table is forgotten."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from precision.shop import erasure, export
from precision.shop.export import SECTIONS
from precision.shop.models import Identity, IdentityLink, Platform
from tests.shop.person import MAIL, NOW, WORDS, World, world
from tests.shop.test_erasure import about_people


@pytest.fixture
def made(platform: Platform) -> World:
    return world(platform)


def exported(made: World, *, whole: bool, who: str = "here-user") -> dict[str, Any]:
    subject = erasure.of_identity(Identity.objects.get(pk=made.ids[who]), whole=whole)
    text = "".join(export.as_json(subject, asked_for={"customer_id": "theirs"}, now=datetime.now(UTC)))
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_whole_person_comes_out(made: World) -> None:
    found = exported(made, whole=True)
    assert found["scope"] == "organisation"
    text = json.dumps(found, ensure_ascii=False).lower()
    assert [word for word in WORDS if word.lower() not in text] == []
    numbers = {name: len(rows) for name, rows in found.items() if isinstance(rows, list)}
    assert numbers == {
        "identities": 6, "profiles": 2, "consents": 2, "orders": 4, "events": 6, "exposures": 2, "sends": 2,
        "assignments": 2, "responses": 2, "referrals": 2, "interests": 2, "links": 5, "joins": 2,
        "dead_letters": 4, "precision_segments_customerclass": 2, "precision_segments_rfmscore": 2,
        "precision_segments_stagenow": 2, "precision_segments_stagechange": 2, "precision_segments_customervalue": 2,
        "precision_segments_segmentmember": 2, "precision_segments_segmentspell": 2,
        "precision_segments_segmentlisting": 2, "precision_segments_customerworth": 2,
        "precision_segments_clustermember": 2, "precision_segments_targetscore": 2, "precision_segments_labelrow": 2,
        "precision_segments_labeloverride": 2, "precision_recommender_customerlist": 2,
    }  # fmt: skip
    order = next(one for one in found["orders"] if one["order_id"] == "o-zq" and one["platform"] == "corner")
    assert order["lines"] == [
        {"product_id": "tea", "title": "Tea", "quantity": "1", "unit_price": "3", "list_price": None}
    ]
    assert order["coupon"] == "ZQCOUPON"
    assert "words" not in order


def test_a_platform_tells_only_its_own(made: World) -> None:
    found = exported(made, whole=False)
    assert found["scope"] == "platform"
    rows = [row for part in found.values() if isinstance(part, list) for row in part]
    assert {row["platform"] for row in rows if "platform" in row} == {"corner"}
    assert len(found["identities"]) == 3
    assert len(found["events"]) == 3
    assert len(found["links"]) == 3
    assert [link["other"] for link in found["links"]].count("somebody else's, or another platform's") == 1


def test_nobody_elses_values_come_out(made: World) -> None:
    low, high = sorted((made.ids["here-neighbour"], made.ids["here-email"]))
    IdentityLink.objects.create(
        organisation=made.here.organisation,
        first_id=low,
        second_id=high,
        origin="browser",
        status="proposed",
        at=NOW,
    )
    theirs = exported(made, whole=True, who="here-neighbour")
    assert len(theirs["links"]) == 1
    text = json.dumps(theirs).lower()
    assert [word for word in (*WORDS, MAIL) if word.lower() in text] == []
    assert "nell" not in json.dumps(exported(made, whole=True)).lower()


def test_no_table_about_people_is_forgotten(made: World) -> None:
    subject = erasure.of_identity(Identity.objects.get(pk=made.ids["here-user"]), whole=True)
    known = {section.table for section in SECTIONS} | {name for name, _ in export.sections(subject)}
    # A customer is a number; it stands in no row of its own.
    unknown = {model._meta.db_table for model in about_people()} - known - {"precision_shop_customer"}
    assert not unknown, f"The export does not know these tables: {sorted(unknown)}"
