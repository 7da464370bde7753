"""Staff pages of exposures, assignments, sends and responses: opened, and found by what people know of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from precision.shop import partitions, platforms
from precision.shop.api.records.examples import EXAMPLES
from precision.shop.models import Assignment, Exposure, Platform, Response, Send, Source
from precision.shop.recording import record
from precision.shop.sources import default

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MODELS = {"assignment": Assignment, "exposure": Exposure, "send": Send, "response": Response}
FOUND_BY = {
    "assignment": ("spring",), "exposure": ("rec-1", "2026-05-31"), "send": ("spring",), "response": ("spring",),
}  # fmt: skip


@pytest.fixture
def shop(db: None) -> Platform:
    platforms.create_platform("corner", name="Corner")
    shop = Platform.objects.get(key="corner")
    partitions.ensure_month(NOW.date(), partitions.EXPOSURE)
    for kind in MODELS:
        record(shop, kind, [EXAMPLES[kind]], replace=False, source=default(shop, Source.Kind.REST), now=NOW)
    return shop


@pytest.mark.parametrize("kind", list(MODELS))
def test_the_list_leads_to_each_row(shop: Platform, admin_client: Client, kind: str) -> None:
    address = reverse(f"admin:precision_shop_{kind}_changelist")
    row: Any = MODELS[kind]._default_manager.get()
    for term in ("c-1001", *FOUND_BY[kind]):
        page = admin_client.get(address, {"q": term})
        assert [each.pk for each in page.context["cl"].result_list] == [row.pk], term
    assert not admin_client.get(address, {"q": "nothing"}).context["cl"].result_list
    one = admin_client.get(page.context["cl"].url_for_result(row))
    assert one.status_code == 200
    assert "c-1001" in one.content.decode()
    assert admin_client.get(address, {"platform__id__exact": shop.pk}).status_code == 200


def test_the_page_of_an_exposure_shows_its_items(shop: Platform, admin_client: Client) -> None:
    row = Exposure.objects.get()
    microseconds = int(row.at.timestamp() * 1_000_000)
    address = reverse("admin:precision_shop_exposure_change", args=[f"{shop.pk}.{microseconds}.{row.pk}"])
    text = admin_client.get(address).content.decode()
    assert "home-1" in text
    assert "Product sku-1" in text
    assert "0.500" in text
    for wrong in ("1", "a.b.c", f"{shop.pk}.{microseconds + 1}.{row.pk}", f"{shop.pk}.{10**17}9.{row.pk}"):
        assert (
            admin_client.get(reverse("admin:precision_shop_exposure_change", args=[wrong])).status_code == 302
        )
