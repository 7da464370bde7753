"""history.scan: the one reader of facts, with the maps of people and products joined in."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Category, Customer, Identity, Platform, Product
from tests.shop.lake import EVER, buy, lines

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def soap(platform: Platform) -> Product:
    category = Category.objects.create(platform=platform, path=["Care"])
    return Product.objects.create(platform=platform, external_id="S1", title="Soap", category=category)


def test_a_line_in_the_units_of_the_frames(platform: Platform, soap: Product) -> None:
    who = Identity.objects.create(
        platform=platform,
        kind="customer_id",
        value="7",
        customer=Customer.objects.create(organisation=platform.organisation),
    )
    # 23:30 UTC on Sunday is Monday 01:30 in Berlin in summer.
    order = buy(
        platform,
        "1",
        soap,
        at=datetime(2026, 7, 5, 23, 30, tzinfo=UTC),
        who=who,
        quantity="1.5",
        price="3.3333",
    )
    assert lines(platform).to_dicts() == [
        {
            c.CUSTOMER: who.customer_id,
            c.IDENTITY: who.pk,
            c.ORDER: order.pk,
            c.PRODUCT: soap.pk,
            c.CATEGORY: soap.category_id,
            c.STORE: None,
            c.QUANTITY_E3: 1_500,
            c.UNIT_PRICE_E4: 33_333,
            c.LIST_PRICE_E4: None,
            c.RETURNED: False,
            c.SECONDS: 1783294200,
            c.DAY: (date(2026, 7, 6) - date(1970, 1, 1)).days,
            c.HOUR: 1,
            c.WEEKDAY: 1,
            c.AMOUNT_E4: 50_000,
        }
    ]
    assert all(kind in {pl.Int64, pl.Boolean} for kind in lines(platform).dtypes)


def test_windows_are_half_open(platform: Platform, soap: Product) -> None:
    first = buy(platform, "1", soap, at=datetime(2026, 3, 1, tzinfo=UTC))
    buy(platform, "2", soap, at=datetime(2026, 3, 2, tzinfo=UTC))
    window = Window(int(first.placed_at.timestamp()), int(first.placed_at.timestamp()) + 86_400)
    assert lines(platform, window)[c.ORDER].to_list() == [first.pk]


def test_cancelled_orders_are_left_out_and_credit_notes_are_negative(
    platform: Platform, soap: Product
) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    buy(platform, "1", soap, at=at, status="cancelled")
    note = buy(platform, "2", soap, at=at, status="returned", quantity="-2")
    row = lines(platform).row(0, named=True)
    assert (row[c.ORDER], row[c.RETURNED], row[c.AMOUNT_E4], row[c.CUSTOMER]) == (
        note.pk,
        True,
        -50_000,
        None,
    )
    assert lines(platform).height == 1


def test_a_product_counts_as_the_one_it_is_the_same_as(platform: Platform, soap: Product) -> None:
    old = Product.objects.create(platform=platform, external_id="S0", title="Old soap", same_as=soap)
    buy(platform, "1", old, at=datetime(2026, 3, 1, tzinfo=UTC))
    row = lines(platform).row(0, named=True)
    assert (row[c.PRODUCT], row[c.CATEGORY]) == (soap.pk, soap.category_id)
    products = history.scan("products", EVER, platform=platform).collect("polars").to_native()
    assert products[c.PRODUCT].to_list() == [soap.pk]


def test_other_platforms_are_not_seen(platform: Platform, soap: Product) -> None:
    buy(platform, "1", soap, at=datetime(2026, 3, 1, tzinfo=UTC))
    other = Platform.objects.create(
        organisation=platform.organisation, key="other", name="Other", user_hash_secret=b""
    )
    assert lines(other).height == 0
    assert lines(other).columns == lines(platform).columns


def test_a_snapshot_shows_the_same_facts_twice(platform: Platform, soap: Product) -> None:
    with history.snapshot():
        before = lines(platform).height
        buy(platform, "1", soap, at=datetime(2026, 3, 1, tzinfo=UTC))
        assert lines(platform).height == before == 0
    assert lines(platform).height == 1


def test_an_unknown_table_names_the_known_ones(platform: Platform) -> None:
    with pytest.raises(KeyError, match="order_lines, products"):
        history.scan("orders", EVER, platform=platform)
