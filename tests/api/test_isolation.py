"""No key sees another platform's rows: every endpoint is walked with two shops of one organisation."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from precision import api_urls
from precision.shop.api.records.addresses import RESOURCES
from precision.shop.models import Category, Identity, Product
from segments.models import Segment
from tests.api.conftest import Shop, stock
from tests.api.judged import judged
from tests.api.life import stage, worth
from tests.api.portraits import portrait_results, source
from tests.api.predictions import chances
from tests.api.reports import report_facts
from tests.api.screened import screened

# One address, or several, for each name in api_urls; ours and theirs differ in what stands in the braces.
READS = {
    "slots": ["slots/home/?customer={person}", "slots/home/?cart={product}&anonymous_id={person}"],
    "for-you": ["recommendations/for-you/?customer={person}&count=100"],
    "similar": ["recommendations/similar/?product={product}&count=100"],
    "bought-together": ["recommendations/bought-together/?products={product}&count=100"],
    "guess-what-you-like": [
        "recommendations/guess-what-you-like/?order={order}",
        "recommendations/guess-what-you-like/?products={product}&customer={person}&count=100",
    ],
    "buy-again": ["recommendations/buy-again/?customer={person}&count=100"],
    "popular": ["recommendations/popular/?count=100", "recommendations/popular/?class=A&days=90"],
    "trending": ["recommendations/trending/?count=100"],
    "trace": ["recommendations/trace/?customer={person}&count=100"],
    "recommendation-quality": ["recommendations/quality/", "recommendations/quality/?which=new&group=all"],
    "rules": ["rules/", "rules/?product={product}"],
    "rules-matrix": ["rules/matrix/", "rules/matrix/?products={product}"],
    "portrait": ["customers/{person}/portrait/"],
    "models-portals": ["models/portals/"],
    "customer-price-class": ["customers/{person}/price-class/"],
    "lifecycle": ["customers/{person}/lifecycle/"],
    "customer-value": ["customers/{person}/value/"],
    "stage-flow": ["lifecycle/flow/"],
    "rfm": ["rfm/"],
    "value-deciles": ["value-deciles/"],
    "big-customers": ["big-customers/"],
    "demand": ["demand/", "demand/?period=month&category={category}"],
    "customer-demand": ["customers/{person}/demand/"],
    "clusters": ["clusters/"],
    "cluster-members": ["clusters/{cluster}/members/"],
    "customer-cluster": ["customers/{person}/cluster/"],
    "variables": ["variables/"],
    "price-classes": ["price-classes/"],
    "price-class-rule": ["price-classes/rule/"],
    "labels": ["labels/"],
    "customer-labels": ["customers/{person}/labels/"],
    "customer-label": ["customers/{person}/labels/price_class/"],
    "label-evidence": ["customers/{person}/labels/test_group/evidence/"],
    "wanted": ["customers/{person}/wanted/"],
    "product-labels": ["products/{product}/labels/"],
    "audience": ["products/{product}/audience/?buyers=true"],
    "label-audience": ["product-labels/audience/?price_tier=high"],
    "customer-scores": ["customers/{person}/scores/"],
    "models": ["models/"],
    "model": ["models/churn/"],
    "segment-portrait": ["segments/{segment}/portrait/"],
    "segments": ["segments/"],
    "segment-members": ["segments/{segment}/members/"],
    "segment": ["segments/{segment}/"],
    "segment-history": ["segments/{segment}/history/"],
    "segment-overlap": ["segments/overlap/"],
    "customer-segments": ["customers/{person}/segments/", "customers/{person}/segments/?live=true"],
    "consents": ["customers/{person}/consents/"],
    "export": ["customers/{person}/export/"],
    "interests": ["customers/{person}/interests/"],
    "referrals": ["customers/{person}/referrals/"],
    "store-tables": ["stores/tables/?by=type"],
    "stores-together": ["stores/together/", "stores/together/?store={store}"],
    "quality": ["quality/"],
    "person": ["people/{person}/"],
}
JOINS = {
    "joins", "join-preview", "join-undo", "join-proposals", "proposal-accept", "proposal-refuse", "islands",
}  # fmt: skip  # see test_joins
SHARED = {"exchange-rates"}  # by the platforms of an organisation: see test_reports
POSTS = {
    "segment-preview",
    "condition-portrait",
    "price-class-preview",
}  # read by POST: see test_portraits, test_price_classes
LETTERS = {
    "dead-letters",
    "dead-letter-replay",
}  # see test_dead_letters: they answer what came in, whatever it is
RECORDS = {"customer"} | {
    name for one, methods in RESOURCES for name in (one.plural, one.name if methods else one.plural)
}  # see test_records_isolation
OPEN = {"schema", "docs", "health-live", "health-ready"}
DIALECT = {"dialect", "dialect-settings"}  # see test_dialect: they write, and tell nothing of what is there
HOME_TOO = {"slots"}  # answers whoever asks, with best-sellers
STRANGERS = {"for-you", "buy-again", "trace"}
"""Lists whose only id is a customer's: an unknown one is served as a stranger."""


def mark(shop: Shop, word: str) -> None:
    """Put a word that gives the shop away into each of its ids, titles and names."""
    for product in Product.objects.filter(platform=shop.platform):
        Product.objects.filter(pk=product.pk).update(
            external_id=f"{word}-{product.external_id}", title=f"{word} {product.title}", brand=word
        )
    for category in Category.objects.filter(platform=shop.platform):
        Category.objects.filter(pk=category.pk).update(path=[word, *category.path])
    for identity in Identity.objects.filter(platform=shop.platform):
        Identity.objects.filter(pk=identity.pk).update(value=f"{word}-{identity.value}")
    for order in shop.platform.orders.all():
        shop.platform.orders.filter(pk=order.pk).update(external_id=f"{word}-{order.external_id}")
    Segment.objects.filter(platform=shop.platform).update(key=f"{word}-class-a", name=f"{word} class A")


@pytest.fixture
def pair(make_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> tuple[Shop, Shop]:
    """Two shops of one organisation whose customers are the same persons."""
    source(monkeypatch)
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    stock(ours)
    stock(theirs, people=ours.people)
    for shop in (ours, theirs):
        report_facts(shop)
    mark(ours, "ours")
    mark(theirs, "theirs")
    for shop, word in ((ours, "ours"), (theirs, "theirs")):
        portrait_results(shop, word)
        stage(shop, "ann")
        worth(shop, "ann")
        chances(shop, word)
        screened(shop, word)
        judged(shop, word)
    return ours, theirs


def address(pattern: str, word: str) -> str:
    """Return an address with the ids of one shop."""
    return pattern.format(
        person=f"{word}-ann",
        product=f"{word}-tea-0",
        order=f"{word}-o-2",
        segment=f"{word}-class-a",
        store=f"{word}-s1",
        category=word,
        cluster=f"{word}-c1",
    )


def test_every_endpoint_is_walked() -> None:
    assert {pattern.name for pattern in api_urls.urlpatterns} == set(
        READS
    ) | OPEN | RECORDS | DIALECT | SHARED | LETTERS | JOINS | POSTS


@pytest.mark.parametrize("pattern", [pattern for patterns in READS.values() for pattern in patterns])
def test_no_answer_contains_the_other_shops_rows(pair: tuple[Shop, Shop], pattern: str) -> None:
    for shop, word, other in ((pair[0], "ours", "theirs"), (pair[1], "theirs", "ours")):
        text = json.dumps(shop.get(address(pattern, word)))
        assert word in text, "the answer is empty, so that it proves nothing"
        assert not re.search(rf"\b{other}\b", text)


@pytest.mark.parametrize(
    "pattern",
    [p for name, patterns in READS.items() if name not in HOME_TOO | STRANGERS for p in patterns if "{" in p],
)
def test_ids_of_the_other_shop_are_unknown(pair: tuple[Shop, Shop], pattern: str) -> None:
    answer: Any = pair[0].get(address(pattern, "theirs"), status=404)
    assert answer["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize("pattern", [pattern for name in sorted(STRANGERS) for pattern in READS[name]])
def test_a_customer_of_the_other_shop_is_a_stranger_to_the_lists(
    pair: tuple[Shop, Shop], pattern: str
) -> None:
    theirs, nobody = (pair[0].get(pattern.format(person=who)) for who in ("theirs-ann", "nobody"))
    assert [warning["code"] for warning in theirs["warnings"]] == ["unknown_customer"]
    # The id in the warning is the caller's own; all else is as for anybody whom the shop does not know.
    for answer in (theirs, nobody):
        answer.pop("recommendation_id", None)
        answer.pop("warnings")
    assert theirs == nobody
    assert not re.search(r"\btheirs\b", json.dumps(theirs))


def test_a_customer_of_the_other_shop_is_a_stranger_to_the_slots(pair: tuple[Shop, Shop]) -> None:
    answer = pair[0].get("slots/home/?customer=theirs-ann")
    assert answer["customer"]["class"] == "U"
    assert [warning["code"] for warning in answer["warnings"]] == ["unknown_customer"]


def test_purchases_of_the_same_person_at_the_other_shop_stay_there(pair: tuple[Shop, Shop]) -> None:
    ours, theirs = pair
    theirs.order("ann", "cup-9", "cup-10", "cup-11")
    assert ours.get("customers/ours-ann/portrait/")["consumption"]["orders"] == 2
    assert theirs.get("customers/theirs-ann/portrait/")["consumption"]["orders"] == 3


def test_results_that_name_foreign_products_do_not_show_them(pair: tuple[Shop, Shop]) -> None:
    ours, theirs = pair
    ours.products |= {"cup-5": theirs.products["cup-5"]}
    ours.for_you({("ann", "for-you"): [("cup-5", "als", None)]})
    text = json.dumps(ours.get("recommendations/for-you/?customer=ours-ann"))
    assert "theirs" not in text
