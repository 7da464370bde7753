"""People, joins, proposals and islands: what each key sees, decides and is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from precision.shop import identities, islands, stitching
from precision.shop.models import ApiKey, Identity, IdentityLink, Join, Organisation
from tests.api.conftest import NOON, Shop

NAMES = {
    "ann": ("customer_id", "ann"), "mail": ("email", "ann@firm.de"), "device": ("anonymous_id", "d-1"),
    "bob": ("customer_id", "bob"),
}  # fmt: skip


@pytest.fixture
def shops(make_shop: Callable[..., Shop]) -> tuple[Shop, Shop]:
    """Two shops at which Ann is known by her address, each with one account more that names it."""
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    for shop, word in ((ours, "o"), (theirs, "t")):
        told = {
            name: (kind, value if kind == "email" else f"{word}-{value}")
            for name, (kind, value) in NAMES.items()
        }
        found = identities.resolve(shop.platform, list(told.values()), now=NOON)
        shop.people = {name: Identity.objects.get(pk=found[each]) for name, each in told.items()}
        for minute, (first, second) in enumerate((("ann", "mail"), ("ann", "device"), ("bob", "mail"))):
            stitching.link(
                shop.platform.organisation_id,
                [
                    stitching.Link(
                        shop.people[first].pk, shop.people[second].pk, "identify", True,
                        NOON + timedelta(minutes=minute),
                    )
                ],
            )  # fmt: skip
        shop.order("ann")
        shop.order("bob")
    return ours, theirs


def whole(shop: Shop) -> str:
    """Give the shop's server key the sight of its organisation; return the key."""
    ApiKey.objects.filter(platform=shop.platform, kind="server").update(
        scopes=["read", "write", "organisation"]
    )
    return shop.credentials.server_key


def post(shop: Shop, address: str, body: Any = None, *, status: int = 200, key: str | None = None) -> Any:
    response = shop.client(key).post(f"/api/v1/{address}", body, format="json")
    assert response.status_code == status, response.json()
    return response.json()


def name(kind: str, value: str, **given: str) -> dict[str, str]:
    return {"kind": kind, "value": value, **given}


def test_a_key_sees_its_own_names_of_a_person(shops: tuple[Shop, Shop]) -> None:
    answer = shops[0].get("people/o-ann/")
    assert {(each["kind"], each["value"], each["joined"]) for each in answer["identities"]} == {
        ("anonymous_id", "o-d-1", True), ("customer_id", "o-ann", False), ("email", "a***@firm.de", True),
    }  # fmt: skip
    assert {each["platform"] for each in answer["identities"]} == {"ours"}
    assert {each["origin"] for each in answer["links"]} == {"identify"}
    assert "same-value" not in str(answer)
    assert len(answer["ledger"]) == 2
    assert all(entry["moved"] and not entry["by_staff"] for entry in answer["ledger"])
    assert answer["ledger"][0]["id"] > answer["ledger"][1]["id"]


def test_a_key_of_the_organisation_sees_the_joined_person(shops: tuple[Shop, Shop]) -> None:
    whole(shops[0])
    answer = shops[0].get("people/o-ann/")
    assert {each["value"] for each in answer["identities"]} == {
        "o-ann", "o-d-1", "a***@firm.de", "t-ann", "t-d-1"
    }  # fmt: skip
    assert "same-value" in {each["origin"] for each in answer["links"]}
    assert "ann@firm.de" not in str(answer)


def test_what_belongs_to_the_other_shop_is_not_there(shops: tuple[Shop, Shop]) -> None:
    ours, theirs = shops
    for key in (None, ours.credentials.server_key):
        text = str([ours.get(f"{each}/", key=key) for each in ("joins", "joins/proposals", "people/o-ann")])
        assert "theirs" not in text
        assert "'t-" not in text
    ours.get("people/t-ann/", status=404)
    proposal = theirs.get("joins/proposals/")["results"][0]["id"]
    entry = theirs.get("joins/")["results"][0]["id"]
    before = list(IdentityLink.objects.order_by("pk").values())
    for address in (f"proposals/{proposal}/accept", f"proposals/{proposal}/refuse", f"{entry}/undo"):
        post(ours, f"joins/{address}/", status=404)
    mine = name("customer_id", "o-ann")
    for their in (name("customer_id", "t-ann"), name("customer_id", "t-ann", platform="theirs")):
        for address in ("joins/", "joins/preview/"):
            post(ours, address, {"first": mine, "second": their}, status=404)
    assert list(IdentityLink.objects.order_by("pk").values()) == before


def test_preview_merge_and_undo(shops: tuple[Shop, Shop]) -> None:
    ours, _ = shops
    pair = {"first": name("customer_id", "o-ann"), "second": name("customer_id", "o-bob")}
    before = list(Identity.objects.order_by("pk").values())
    shown = post(ours, "joins/preview/", pair)
    assert (shown["together"], shown["blocked_by"], shown["orders"], shown["events"]) == (
        False,
        "limit",
        2,
        0,
    )
    assert {(each["value"], each["orders"]) for each in shown["identities"]} == {
        ("o-ann", 1), ("o-bob", 1), ("a***@firm.de", 0), ("o-d-1", 0)
    }  # fmt: skip
    made = post(ours, "joins/", {**pair, "reason": "called us"})
    assert (made["link"]["status"], made["link"]["origin"], made["moved"]) == ("active", "staff", 1)
    assert post(ours, "joins/preview/", pair)["together"] is True
    assert ours.get("joins/proposals/")["results"] == []
    entry = ours.get("joins/", count=1)["results"][0]
    assert (entry["action"], entry["reason"]) == ("join", "called us")
    undone = post(ours, f"joins/{entry['id']}/undo/")
    assert (undone["link"]["status"], undone["moved"]) == ("undone", 1)
    assert list(Identity.objects.order_by("pk").values()) == before
    assert post(ours, f"joins/{entry['id']}/undo/", status=400)["errors"][0]["attr"] == "id"


def test_a_key_of_the_organisation_joins_across_shops(shops: tuple[Shop, Shop]) -> None:
    ours, _ = shops
    whole(ours)
    pair = {"first": name("customer_id", "o-bob"), "second": name("customer_id", "t-bob", platform="theirs")}
    assert post(ours, "joins/preview/", pair)["blocked_by"] == ""
    assert post(ours, "joins/", pair)["moved"] == 1


def test_proposals_are_accepted_and_refused(shops: tuple[Shop, Shop]) -> None:
    ours, theirs = shops
    [proposal] = ours.get("joins/proposals/")["results"]
    assert (proposal["held"], proposal["status"], proposal["verified"]) == ("limit", "proposed", True)
    assert ours.get("joins/proposals/", held="unverified")["results"] == []
    accepted = post(ours, f"joins/proposals/{proposal['id']}/accept/")
    assert (accepted["link"]["status"], accepted["link"]["held"], accepted["moved"]) == ("active", "", 1)
    assert len(ours.get("people/o-bob/")["identities"]) == 4
    post(ours, f"joins/proposals/{proposal['id']}/accept/", status=400)
    [other] = theirs.get("joins/proposals/")["results"]
    assert post(theirs, f"joins/proposals/{other['id']}/refuse/")["link"]["status"] == "refused"
    assert theirs.get("joins/proposals/")["results"] == []


def test_pages_of_the_ledger(shops: tuple[Shop, Shop]) -> None:
    ours, _ = shops
    first = ours.get("joins/", count=1)
    assert first["next"]
    rest = ours.client().get(first["next"]).json()
    assert [each["id"] for each in first["results"] + rest["results"]] == sorted(
        Join.objects.filter(link__first__platform=ours.platform, link__second__platform=ours.platform)
        .values_list("pk", flat=True),
        reverse=True,
    )  # fmt: skip
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "first"),
        ([], "non_field_errors"),
        ({"first": name("customer_id", "o-ann"), "second": "x"}, "second.non_field_errors"),
        ({"first": name("name", "ann"), "second": name("customer_id", "o-bob")}, "first.kind"),
        ({"first": name("customer_id", "a\0"), "second": name("customer_id", "o-bob")}, "first.value"),
        ({"first": name("customer_id", "o-ann"), "second": name("customer_id", "o-ann")}, "second"),
        ({"first": name("customer_id", "x" * 400), "second": name("customer_id", "o-ann")}, "first.value"),
    ],
)
def test_bad_bodies_are_refused_by_name(shops: tuple[Shop, Shop], body: Any, attr: str) -> None:
    for address in ("joins/", "joins/preview/"):
        if attr == "second" and address == "joins/preview/":
            continue  # one name is one person with itself
        assert post(shops[0], address, body, status=400)["errors"][0]["attr"] == attr


def test_unknown_names_and_numbers_are_404(shops: tuple[Shop, Shop]) -> None:
    ours = shops[0]
    for value in ("nobody", "null", "0"):
        pair = {"first": name("customer_id", "o-ann"), "second": name("customer_id", value)}
        post(ours, "joins/", pair, status=404)
    post(ours, "joins/999999/undo/", status=404)
    post(ours, "joins/proposals/99999999999999999999/accept/", status=404)


def test_a_write_key_sees_and_decides_nothing(shops: tuple[Shop, Shop]) -> None:
    ours = shops[0]
    for address in ("people/o-ann/", "joins/", "joins/proposals/", "islands/"):
        ours.get(address, key=ours.credentials.write_key, status=403)
    for address in ("joins/", "joins/preview/", "joins/1/undo/", "joins/proposals/1/accept/"):
        post(ours, address, {}, key=ours.credentials.write_key, status=403)


def test_islands(shops: tuple[Shop, Shop]) -> None:
    ours, _ = shops
    assert ours.get("islands/") == {"day": None, "people": None, "platforms": [], "overlaps": []}
    islands.report(Organisation.objects.get(), now=timezone.now())
    own = ours.get("islands/")
    assert [each["platform"] for each in own["platforms"]] == ["ours"]
    assert (own["people"], own["overlaps"], own["platforms"][0]["only_here"]) == (None, [[2]], None)
    whole(ours)
    every = ours.get("islands/")
    assert (every["people"], every["overlaps"]) == (3, [[2, 1], [1, 2]])
    assert every["platforms"][1] == {
        "platform": "theirs", "people": 2, "active": 2, "activity_rate": 1.0, "only_here": 1, "island_rate": 0.5,
        "visitors": 0,
    }  # fmt: skip
