"""Scopes: one platform, or an organisation's platforms together, with amounts in one currency."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from precision.shop import columns as c
from precision.shop import platforms, scopes
from precision.shop.models import Customer, ExchangeRate, Identity, Order, Platform, Product
from tests.shop.lake import buy

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 10)


@pytest.fixture
def two(platform: Platform) -> tuple[Platform, Platform]:
    """Two shops of one organisation, the second in pounds."""
    owner = platform.organisation.key
    platforms.create_platform(
        "pier", name="Pier", organisation=owner, currency="GBP", timezone="Europe/London"
    )
    return platform, Platform.objects.get(key="pier")


def _sold(platform: Platform, who: Customer, *, currency: str, price: str) -> Order:
    product, _ = Product.objects.get_or_create(
        platform=platform, external_id="S1", defaults={"title": "Soap"}
    )
    identity, _ = Identity.objects.get_or_create(
        platform=platform, kind="customer_id", value="7", defaults={"customer": who}
    )
    number = str(Order.objects.count())
    order = buy(platform, number, product, at=datetime(2026, 7, 5, tzinfo=UTC), who=identity, price=price)
    Order.objects.filter(pk=order.pk).update(currency=currency)
    return order


def test_overall_people_are_joined_and_amounts_are_in_one_currency(two: tuple[Platform, Platform]) -> None:
    corner, pier = two
    who = Customer.objects.create(organisation=corner.organisation)
    _sold(corner, who, currency="EUR", price="10")
    _sold(pier, who, currency="GBP", price="10")
    ExchangeRate.objects.create(
        organisation=corner.organisation,
        currency="GBP",
        target="EUR",
        day=date(2026, 7, 1),
        rate=Decimal("1.25"),
    )
    [scope] = scopes.joined()
    assert (scope.key, scope.currency, scope.overall, scope.platform) == ("org:corner", "EUR", True, None)
    lines = scope.scan("order_lines", AS_OF).collect("polars").to_native()
    assert sorted(lines[c.AMOUNT_E4]) == [100_000, 125_000]
    assert lines[c.CUSTOMER].unique().to_list() == [who.pk]
    assert scope.scan("order_lines", date(2026, 7, 1)).collect("polars").shape[0] == 0
    assert scope.after("order_lines", date(2026, 7, 1), days=9).collect("polars").shape[0] == 2
    assert scope.after("order_lines", date(2026, 7, 1), days=3).collect("polars").shape[0] == 0
    own = scopes.of(pier).scan("order_lines", AS_OF).collect("polars").to_native()
    assert own[c.AMOUNT_E4].to_list() == [100_000]


def test_lines_without_a_rate_are_left_out_and_never_taken_for_the_own_currency(platform: Platform) -> None:
    who = Customer.objects.create(organisation=platform.organisation)
    _sold(platform, who, currency="EUR", price="10")
    _sold(platform, who, currency="USD", price="10")
    lines = scopes.of(platform).scan("order_lines", AS_OF).collect("polars").to_native()
    assert lines[c.AMOUNT_E4].to_list() == [100_000]
    ExchangeRate.objects.create(
        organisation=platform.organisation,
        currency="JPY",
        target="EUR",
        day=date(2026, 7, 1),
        rate=Decimal("0.006"),
    )
    lines = scopes.of(platform).scan("order_lines", AS_OF).collect("polars").to_native()
    assert lines[c.AMOUNT_E4].to_list() == [100_000]


def test_a_platform_alone_has_no_overall_scope(platform: Platform) -> None:
    assert scopes.joined() == []
    assert scopes.read("corner").platforms == (platform,)
    assert scopes.read("org:corner").platforms == (platform,)


def test_a_scope_that_is_not_there_is_named(two: tuple[Platform, Platform]) -> None:
    with pytest.raises(scopes.UnknownScopeError, match="no platform 'nowhere'"):
        scopes.read("nowhere")
    with pytest.raises(CommandError, match="no organisation 'nowhere'"):
        call_command("refresh", "--organisation", "nowhere")
    with pytest.raises(CommandError, match="exclude each other"):
        call_command("refresh", "--organisation", "corner", "--platform", "pier")
    Platform.objects.update(active=False)
    with pytest.raises(scopes.UnknownScopeError, match="no active platform"):
        scopes.read("org:corner")
