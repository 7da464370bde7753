"""Stores read for the reports: months added up, spans, the job of pairs, and no other platform's rows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from precision.engine import jobs
from precision.shop import platforms, stores
from precision.shop.methods import store_tables as t
from precision.shop.models import Order, OrderLine, Platform, Product, Store, StoreMonth, StorePair

pytestmark = pytest.mark.django_db(transaction=True)
JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)


def store(platform: Platform, number: str, **given: Any) -> Store:
    return Store.objects.create(platform=platform, external_id=number, **given)


def month(of: Store, day: date, product: Product | None = None, **given: Any) -> StoreMonth:
    return StoreMonth.objects.create(platform=of.platform, store=of, month=day, product=product, **given)


def product(platform: Platform, number: str) -> Product:
    return Product.objects.create(platform=platform, external_id=number, title=f"Product {number}")


@pytest.fixture
def three(platform: Platform) -> list[Store]:
    """A mall store told as a whole, a street store told by product, and one that told nothing; one of another shop."""
    platforms.create_platform("other", name="Other")
    other = store(Platform.objects.get(key="other"), "S1", stars=5)
    month(other, JUNE, displays=100, sales_units=100)
    mall = store(platform, "S1", type="mall", region="North", stars=1)
    street = store(platform, "S2", type="street", region="South", stars=2, name="Market street")
    silent = store(platform, "S3")
    tea, cup = product(platform, "tea"), product(platform, "cup")
    month(mall, JUNE, displays=2, sales_units=4, sales_value=100, retail_value=70, industry_value=30)
    month(mall, JUNE, tea, displays=50, sales_units=50, sales_value=50)  # the whole goes before its parts
    month(mall, JULY, displays=4, sales_units=0, sales_value=0)
    month(street, JULY, tea, displays=1, sales_units=2, sales_value=20, industry_value=15, retail_value=5)
    month(street, JULY, cup, sales_units=1, sales_value=10, industry_value=10)
    return [mall, street, silent]


def test_months_are_added_up_and_the_whole_goes_before_its_parts(
    platform: Platform, three: list[Store]
) -> None:
    found = stores.chain(platform)
    assert (found.start, found.end, found.months) == (date(2025, 8, 1), date(2026, 8, 1), 2)
    names = ("store_id", t.ORIENTATION, t.DISPLAYS, t.UNITS, t.VALUE_E4, t.IMPLIED_STAR)
    assert found.stores.select(names).rows() == [
        ("S1", "retail", 3.0, 2.0, 500_000.0, 1),
        ("S2", "industry", 1.0, 3.0, 300_000.0, 2),
        ("S3", None, None, None, None, None),
    ]
    assert [(row[t.TYPE], row[t.STORES], row[t.STORES_PER_DISPLAY]) for row in found.table("type")] == [
        ("mall", 1, 1 / 3),
        ("street", 1, 1.0),
        (None, 1, None),
    ]
    assert found.total()[t.STORES_PER_SALE] == pytest.approx(2 / 5)
    assert found.star_matrix()[1][1] == found.star_matrix()[2][2] == found.star_matrix()[0][0] == 1


def test_a_span_is_half_open(platform: Platform, three: list[Store]) -> None:
    june = stores.chain(platform, start=JUNE, end=JULY)
    assert june.stores.get_column(t.UNITS).to_list() == [4.0, None, None]
    assert stores.chain(platform, start=date(2020, 1, 1), end=JUNE).months == 0


def test_a_platform_without_stores_has_empty_tables(platform: Platform) -> None:
    found = stores.chain(platform)
    assert [found.table(by) for by in t.TABLES] == [[], [], [], []]
    assert found.total()[t.STORES] == 0


def test_absurd_sums_do_not_fail(platform: Platform) -> None:
    one = store(platform, "S1")
    for number in range(3):
        month(one, JUNE, product(platform, str(number)), sales_units=10**12, sales_value=10**12)
    assert stores.chain(platform).stores.get_column(t.VALUE_E4).to_list() == [1e16]


def test_pairs_of_best_sellers_from_store_months(platform: Platform) -> None:
    tea, cup, pen = (product(platform, name) for name in ("tea", "cup", "pen"))
    for number in range(8):
        one = store(platform, f"S{number}")
        sold = (tea, cup) if number < 4 else (pen,)
        for each in sold:
            month(one, JUNE, each, sales_units=3)
        month(one, JUNE, sales_units=9)
    run = jobs.run(jobs.nightly(["store-pairs"])[0], platform.key, date(2026, 7, 1))
    assert run is not None
    (pair,) = StorePair.objects.filter(run=run)
    assert (pair.first, pair.second, pair.count, pair.support, pair.lift) == (tea, cup, 4, 0.5, 2.0)
    assert (pair.confidence, pair.confidence_back) == (1.0, 1.0)
    assert run.measures == {"store_months": 8, "products": 3}
    found = stores.together(platform, store=Store.objects.get(platform=platform, external_id="S0").pk)
    assert [(each.pk, found.sold) for each in found.pairs] == [(pair.pk, {tea.pk: True, cup.pk: True})]
    none = stores.together(platform, store=Store.objects.get(platform=platform, external_id="S7").pk)
    assert (list(none.pairs), none.sold) == ([], {tea.pk: False, cup.pk: False})


def test_without_months_of_products_the_orders_of_stores_tell(platform: Platform) -> None:
    tea, cup, pen = (product(platform, name) for name in ("tea", "cup", "pen"))
    hidden = product(platform, "bag")
    Product.objects.filter(pk=hidden.pk).update(active=False)  # sells everywhere, and nobody would display it
    for number in range(6):
        one = store(platform, f"S{number}")
        for day, each in enumerate((tea, cup, hidden) if number < 3 else (pen,), start=1):
            order = Order.objects.create(
                platform=platform, external_id=f"{number}-{day}", store=one, currency="EUR", fingerprint=0,
                placed_at=datetime(2026, 6, day, tzinfo=UTC),
            )  # fmt: skip
            OrderLine.objects.create(order=order, product=each, quantity=1, unit_price=2)
    jobs.run(jobs.nightly(["store-pairs"])[0], platform.key, date(2026, 7, 1))
    found = stores.together(platform, store=Store.objects.get(platform=platform, external_id="S0").pk)
    assert [(each.first, each.second, each.count) for each in found.pairs] == [(tea, cup, 3)]
    assert found.sold == {tea.pk: True, cup.pk: True}


def test_no_stores_make_no_pairs(platform: Platform) -> None:
    assert stores.together(platform).run is None
    run = jobs.run(jobs.nightly(["store-pairs"])[0], platform.key, date(2026, 7, 1))
    assert run is not None
    assert (run.rows, list(stores.together(platform).pairs)) == ({"store_pair": 0}, [])
