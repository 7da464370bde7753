"""Names of the same product: declared, suggested, decided, undone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.shop import aliases, mapping, platforms, sources
from precision.shop.importing import import_files
from precision.shop.methods import alias_groups, alias_suggestions
from precision.shop.models import Organisation, Platform, Product, ProductAlias, Source
from precision.shop.recording import record

BASKETS = {
    "A": ["day cream", "facial cleanser", "evening cream"],
    "B": ["shampoo", "night cream", "shower gel"],
    "C": ["facial cleanser", "evening cream"],
    "D": ["shampoo", "shower gel", "facial cleanser", "day cream"],
    "E": ["shampoo"],
    "F": ["shampoo", "shower gel"],
}
FIRST = ["day cream", "facial cleanser", "evening cream", "shampoo", "night cream", "shower gel"]
SECOND = ["facial cleanser", "sun frost", "night cream", "shampoo", "shower gel"]
PRODUCTS = """
version = 1
[files.products]
[product]
from = "products"
product_id = "id"
title = "title"
aliases = "aliases"
"""
ORDERS = """
version = 1
[files.lines]
[order]
from = "lines"
order_id = "order"
placed_at = { value = "2024-03-01T10:00:00Z" }
[order.lines]
product_id = "product"
quantity = { value = 1 }
unit_price = { value = 5 }
"""


@pytest.fixture
def organisation(db: None) -> Organisation:
    """Two platforms, `one` and `two`, of one organisation; a third of another."""
    for key in ("one", "two"):
        platforms.create_platform(key, name=key, organisation="care")
    platforms.create_platform("stranger", name="stranger")
    return Organisation.objects.get(key="care")


def catalogue(folder: Path, platform: str, rows: list[tuple[str, str, str]]) -> int:
    """Import products (id, title, aliases); return how many links they made."""
    path = folder / "products.csv"
    path.write_text("id,title,aliases\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    return import_files(
        Platform.objects.get(key=platform), mapping.parse(PRODUCTS), {"products": path}
    ).aliases_linked


def orders(folder: Path, platform: str) -> None:
    path = folder / "lines.csv"
    rows = [f"{who},p{FIRST.index(name)}" for who, basket in BASKETS.items() for name in basket]
    path.write_text("order,product\n" + "\n".join(rows) + "\n")
    import_files(Platform.objects.get(key=platform), mapping.parse(ORDERS), {"lines": path})


def golden(folder: Path) -> None:
    catalogue(folder, "one", [(f"p{n}", title, "") for n, title in enumerate(FIRST)])
    orders(folder, "one")
    catalogue(folder, "two", [(f"q{n}", title.upper(), "") for n, title in enumerate(SECOND)])


def links(**filters: Any) -> set[tuple[str, str]]:
    rows = ProductAlias.objects.filter(**filters).select_related("product__platform", "other__platform")
    return {tuple(f"{p.platform.key}:{p.title.lower()}" for p in (row.product, row.other)) for row in rows}  # type: ignore[misc]


def standing() -> dict[str, str]:
    """Which product another stands for."""
    rows = Product.objects.filter(same_as__isnull=False).select_related("same_as")
    return {row.external_id: row.same_as.external_id for row in rows if row.same_as}


def test_golden_case_both_pairs_are_suggested_and_nothing_is_joined(
    organisation: Organisation, tmp_path: Path
) -> None:
    golden(tmp_path)
    assert aliases.suggest(organisation) == 4
    assert links(method="similar-name") == {
        ("one:night cream", "one:evening cream"), ("one:night cream", "one:day cream"),
    }  # fmt: skip
    assert links(method="left-over") == {
        ("one:day cream", "two:sun frost"),
        ("one:evening cream", "two:sun frost"),
    }
    assert links() == links(status="suggested")
    assert standing() == {}
    similar = ProductAlias.objects.get(other__title="evening cream", method="similar-name")
    # Sold in 1 and 2 of 6 baskets: the chance to have met is 1 − exp(−1·2/6).
    assert similar.evidence == {"similarity": 0.2267, "baskets": [1, 2], "together": 0, "chance": 0.2835}
    assert similar.score == pytest.approx(0.2267 * 0.2835, abs=1e-4)


def test_a_yes_joins_and_a_no_undoes_it_exactly(organisation: Organisation, tmp_path: Path) -> None:
    golden(tmp_path)
    aliases.suggest(organisation)
    person = get_user_model().objects.create_user("ada")
    night = ProductAlias.objects.get(product__title="night cream", other__title="evening cream")
    before = list(Product.objects.order_by("pk").values())
    assert aliases.accept(night, by=person)
    assert (night.status, night.decided_by) == ("accepted", person)
    assert night.decided_at is not None
    assert standing() == {"p2": "p4"}, "night cream, which both catalogues know, stands for evening cream"
    assert not aliases.accept(night, by=None), "twice is once"
    assert aliases.refuse(night, by=person)
    assert list(Product.objects.order_by("pk").values()) == before
    assert ProductAlias.objects.get(pk=night.pk).status == "refused"


def test_what_was_decided_or_asked_is_not_asked_again(organisation: Organisation, tmp_path: Path) -> None:
    golden(tmp_path)
    aliases.suggest(organisation)
    refused = ProductAlias.objects.get(other__title="evening cream", method="similar-name")
    aliases.refuse(refused, by=None)
    before = list(ProductAlias.objects.order_by("pk").values())
    assert aliases.suggest(organisation) == 0
    assert list(ProductAlias.objects.order_by("pk").values()) == before


def test_an_accepted_pair_is_no_left_over(organisation: Organisation, tmp_path: Path) -> None:
    golden(tmp_path)
    one, two = (Product.objects.get(title=title) for title in ("day cream", "SUN FROST"))
    link = ProductAlias.objects.create(product=one, other=two, method="staff")
    aliases.accept(link, by=None)
    assert standing() == {}, "each platform counts its own product"
    aliases.suggest(organisation)
    assert links(method="left-over") == set(), "evening cream has nobody left to go with"


def test_names_that_the_shop_declares(organisation: Organisation, tmp_path: Path) -> None:
    linked = catalogue(
        tmp_path,
        "one",
        [("p0", "Day cream", "Sun frost"), ("p1", "Night cream", "p2|later"), ("p2", "Evening cream", "")],
    )
    assert linked == 1
    assert standing() == {"p2": "p1"}, "who names the other stands for it"
    assert catalogue(tmp_path, "stranger", [("q1", "Sun frost", "")]) == 0, (
        "another organisation is none of ours"
    )
    assert catalogue(tmp_path, "two", [("q1", "SUN FROST", ""), ("q2", "Dark cream", "")]) == 1
    assert links(status="accepted", method="shop") == {
        ("one:day cream", "two:sun frost"), ("one:night cream", "one:evening cream"),
    }  # fmt: skip
    assert catalogue(tmp_path, "two", [("later", "Anything", "")]) == 1, "a name that waited"
    assert ("one:night cream", "two:anything") in links(status="accepted")
    assert catalogue(tmp_path, "two", [("later", "Anything", "")]) == 0
    assert ProductAlias.objects.count() == 3


def test_a_name_of_several_products_of_a_platform_means_none(
    organisation: Organisation, tmp_path: Path
) -> None:
    assert catalogue(tmp_path, "one", [("a", "Cream", ""), ("b", "cream", ""), ("c", "Balm", "Cream")]) == 0
    assert catalogue(tmp_path, "two", [("d", "CREAM", "")]) == 1
    assert links(status="accepted") == {("one:balm", "two:cream")}


def test_a_refusal_outlives_the_next_import(organisation: Organisation, tmp_path: Path) -> None:
    rows = [("p1", "Night cream", "p2"), ("p2", "Evening cream", "")]
    catalogue(tmp_path, "one", rows)
    aliases.refuse(ProductAlias.objects.get(), by=None)
    assert catalogue(tmp_path, "one", rows) == 0
    assert standing() == {}


def test_a_suggestion_that_the_shop_declares_is_accepted(organisation: Organisation, tmp_path: Path) -> None:
    golden(tmp_path)
    aliases.suggest(organisation)
    count = ProductAlias.objects.count()
    assert catalogue(tmp_path, "one", [("p2", "evening cream", "night cream")]) == 2, "on both platforms"
    assert ProductAlias.objects.count() == count + 1
    assert links(status="accepted", method="shop") == {
        ("one:night cream", "one:evening cream"), ("one:evening cream", "two:night cream"),
    }  # fmt: skip


def told(rows: list[dict[str, Any]], *, replace: bool = False) -> None:
    """Send products to the API of the first platform."""
    platform = Platform.objects.get(key="one")
    answer = record(
        platform, "product", rows, replace=replace, source=sources.default(platform, Source.Kind.REST),
        now=datetime(2024, 5, 1, tzinfo=UTC),
    )  # fmt: skip
    assert not answer.rejected


def test_a_name_that_a_file_no_longer_gives_is_taken_back(organisation: Organisation, tmp_path: Path) -> None:
    before = [("p0", "Day cream", "Sun frost"), ("p1", "Night cream", ""), ("p2", "Evening cream", "")]
    catalogue(tmp_path, "one", before)
    catalogue(tmp_path, "two", [("q1", "Sun frost", "")])
    catalogue(tmp_path, "one", [("p1", "Night cream", "p2|Sun frost")])
    assert links(status="accepted") == {
        ("one:day cream", "two:sun frost"), ("one:night cream", "two:sun frost"),
        ("one:night cream", "one:evening cream"),
    }  # fmt: skip
    assert standing() == {"p1": "p0", "p2": "p0"}, "all are sun frost"
    assert catalogue(tmp_path, "one", [("p1", "Night cream", "p2")]) == 0
    assert links() == {("one:day cream", "two:sun frost"), ("one:night cream", "one:evening cream")}
    assert standing() == {"p2": "p1"}
    catalogue(tmp_path, "one", [("p0", "Day cream", "|"), ("p1", "Night cream", "")])
    assert links() == {("one:night cream", "one:evening cream")}, "an empty cell says nothing"
    catalogue(tmp_path, "one", [("p1", "Night cream", " | ")])
    assert links() == set()
    assert standing() == {}


@pytest.mark.parametrize("replace", [False, True])
def test_a_name_that_the_api_no_longer_gives_is_taken_back(
    organisation: Organisation, *, replace: bool
) -> None:
    told([{"product_id": "p1", "title": "Night cream", "aliases": ["p2", "p3"]}])
    told(
        [
            {"product_id": "p2", "title": "Evening cream"},
            {"product_id": "p3", "title": "Dark cream", "aliases": []},
        ]
    )
    assert standing() == {"p2": "p1", "p3": "p1"}
    told([{"product_id": "p1", "price": "4.20", "currency": "EUR"}])
    assert standing() == {"p2": "p1", "p3": "p1"}, "it said nothing about names"
    told([{"product_id": "p1", "title": "Night cream", "aliases": ["p3"]}], replace=replace)
    assert standing() == {"p3": "p1"}
    gone: dict[str, Any] = {"product_id": "p1", "title": "Night cream"}
    told([gone if replace else {**gone, "aliases": []}], replace=replace)
    assert (links(), standing()) == (set(), {})


def test_what_the_other_side_still_names_stays(organisation: Organisation, tmp_path: Path) -> None:
    catalogue(tmp_path, "one", [("p1", "Night cream", "p2"), ("p2", "Evening cream", "night cream")])
    assert links() == {("one:night cream", "one:evening cream")}
    catalogue(tmp_path, "one", [("p1", "Night cream", "|")])
    assert links() == {("one:night cream", "one:evening cream")}
    catalogue(tmp_path, "one", [("p2", "Evening cream", "|")])
    assert links() == set()


def test_a_suggestion_that_is_declared_no_more_waits_again(
    organisation: Organisation, tmp_path: Path
) -> None:
    golden(tmp_path)
    aliases.suggest(organisation)
    before = list(ProductAlias.objects.order_by("pk").values())
    catalogue(tmp_path, "one", [("p2", "evening cream", "night cream")])
    catalogue(tmp_path, "one", [("p2", "evening cream", "|")])
    assert list(ProductAlias.objects.order_by("pk").values()) == before
    assert standing() == {}


def test_what_staff_decided_stays_when_a_name_goes(organisation: Organisation, tmp_path: Path) -> None:
    person = get_user_model().objects.create_user("ada")
    catalogue(
        tmp_path, "one", [("p1", "Night cream", "p2|p3"), ("p2", "Evening cream", ""), ("p3", "Balm", "")]
    )
    evening, balm = ProductAlias.objects.order_by("other__external_id")
    aliases.refuse(evening, by=person)
    aliases.accept(evening, by=person)
    aliases.refuse(balm, by=person)
    decided = list(ProductAlias.objects.order_by("pk").values())
    catalogue(tmp_path, "one", [("p1", "Night cream", "|")])
    assert list(ProductAlias.objects.order_by("pk").values()) == decided
    assert standing() == {"p2": "p1"}


LINKS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] != pair[1]),
    max_size=12,
    unique=True,
)


@settings(deadline=None)
@given(pairs=LINKS, shuffled=st.randoms(use_true_random=False))
def test_representatives_are_one_a_group_and_platform(pairs: list[tuple[int, int]], shuffled: Any) -> None:
    platform = {product: product % 3 for product in range(10)}
    found = alias_groups.representatives(pairs, platform)
    # The groups by plain search from each product.
    neighbours: dict[int, set[int]] = {product: {product} for product in range(10)}
    for _ in range(10):
        for a, b in pairs:
            neighbours[a] |= neighbours[b]
            neighbours[b] |= neighbours[a]
            for member in neighbours[a]:
                neighbours[member] |= neighbours[a]
    for product in range(10):
        part = sorted(other for other in neighbours[product] if platform[other] == platform[product])
        chosen = {found.get(other, other) for other in part}
        assert len(chosen) == 1
        assert chosen <= set(part)
    shuffled.shuffle(pairs)
    assert alias_groups.representatives(pairs, platform) == found


def test_the_one_that_names_the_others_stands_for_them() -> None:
    platform = dict.fromkeys(range(1, 6), 1)
    assert alias_groups.representatives([(3, 1), (3, 2)], platform) == {1: 3, 2: 3}
    assert alias_groups.representatives([(2, 1), (3, 2)], platform) == {1: 3, 2: 3}
    assert alias_groups.representatives([(1, 2), (2, 1)], platform) == {2: 1}
    assert alias_groups.representatives([], {}) == {}


def test_names_of_other_baskets_are_ranked_by_how_surely_they_never_met() -> None:
    titles = ["rose balm", "rose lotion", "mint tonic", "mint toner", "soap", "soap", "soap", "soap"]
    # Rose balm and rose lotion were bought often and never together; the mint pair hardly ever; soaps are no names.
    baskets = np.arange(42)
    products = np.array([0] * 20 + [1] * 20 + [2, 3])
    found = alias_suggestions.never_together(titles, baskets=baskets, products=products, limit=10)
    assert [(one.first, one.second) for one in found] == [(0, 1), (2, 3)]
    assert found[0].chance == pytest.approx(1 - np.exp(-20 * 20 / 42))
    met = alias_suggestions.never_together(
        titles, baskets=np.append(baskets, 0), products=np.append(products, 1), limit=10
    )
    assert [(one.first, one.second) for one in met] == [(2, 3)]
    assert (
        alias_suggestions.never_together(titles, baskets=baskets, products=products, known=[(1, 0)], limit=10)
        == found[1:]
    )
    assert alias_suggestions.never_together(titles, baskets=baskets, products=products, limit=1) == found[:1]
    nothing = np.empty(0, dtype=np.int64)
    assert alias_suggestions.never_together(titles, baskets=nothing, products=nothing, limit=10) == []


def test_what_is_left_over_counts_only_between_catalogues_that_mostly_agree() -> None:
    same = ["soap", "tonic", "balm", "tea"]
    found = alias_suggestions.left_over([*same, "rose cream", "brush"], [*same, "cream of rose"], limit=10)
    assert [(one.first, one.second) for one in found] == [(4, 4), (5, 4)], "most similar first"
    assert found[0].similarity > 0.5 > found[1].similarity == 0
    assert alias_suggestions.left_over(["a", "b", "c"], ["a", "x", "y"], limit=10) == [], (
        "two different shops"
    )
    assert alias_suggestions.left_over(same, same, limit=10) == []
    assert alias_suggestions.left_over([*same, "d"], [*same, "e"], joined=[(4, 4)], limit=10) == []
    assert alias_suggestions.left_over([*same, "d"], [*same, "e"], known=[(4, 4)], limit=10) == []


def test_many_left_over_names_are_compared_by_what_they_share() -> None:
    rng = np.random.default_rng(3)
    letters = np.array(list("abcdefghijklmnoprstuvw"))
    words = ["".join(rng.choice(letters, size=7)) for _ in range(900)]
    mine = [f"{a} {b}" for a, b in zip(words[:300], words[300:600], strict=True)]
    shared = [f"same {word}" for word in words[600:]]
    theirs = [f"{title} new" for title in mine[:40]]
    found = alias_suggestions.left_over([*shared, *mine], [*shared, *theirs], limit=1_000)
    best = [(one.first - 300, one.second - 300) for one in found[:40]]
    assert sorted(best) == [(n, n) for n in range(40)]
    assert all(one.similarity >= alias_suggestions.LEAST_SIMILAR for one in found)


def test_similarity_is_the_mean_of_the_two_cosines() -> None:
    found = alias_suggestions.similar(["day cream", "night cream", "soap"])
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 1)]
    rare, shared = np.log(1 + 3 / 1), np.log(1 + 3 / 2)
    words = shared**2 / (shared**2 + rare**2)
    # ^da day ay$ and ^ni nig igh ght ht$ are of one title each, ^cr cre rea eam am$ of two.
    parts = 5 * shared**2 / np.sqrt((5 * shared**2 + 3 * rare**2) * (5 * shared**2 + 5 * rare**2))
    assert found.similarity[0] == pytest.approx((words + parts) / 2)
