"""Records of two shops of one organisation: the same ids, and neither key sees, changes or removes the other's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps

from precision.shop.api.records.addresses import RESOURCES
from precision.shop.api.records.examples import EXAMPLES
from precision.shop.models import Platform
from tests.api.conftest import Shop

ORDERED = {"refund", "shipment", "ticket"}
"""Kinds whose records wait for an order."""
TEXTS = {"product": "title", "customer": "city", "store": "name", "order": "channel", "refund": "reason",
         "event": "query", "shipment": "carrier", "ticket": "topic", "send": "channel", "assignment": "arm",
         "exposure": "page", "response": "slot"}  # fmt: skip
"""A field of each kind that takes any short text."""
WALKED = [
    (one, ("get", "patch", "delete") if one.name == "customer" else methods) for one, methods in RESOURCES
]


@pytest.fixture
def pair(make_shop: Callable[..., Shop]) -> tuple[Shop, Shop]:
    return make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")


def write(shop: Shop, resource: Any, word: str, *, method: str = "post") -> Any:
    """Send the example of a kind with a word that gives the shop away; return the answer."""
    record = dict(EXAMPLES[resource.name])
    if resource.name in TEXTS:
        record[TEXTS[resource.name]] = word
    else:
        record["traits"] = {"note": word}
    return call(shop, method, f"{resource.plural}/", record)


def call(shop: Shop, method: str, address: str, body: Any = None) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    return getattr(shop.client(), method)(f"/api/v1/{address}", content, content_type="application/json")


def content(platform: Platform) -> dict[str, list[Any]]:
    """Every row of facts of one platform; not to whom its identities point, for shops of one group share people."""
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in {"customer_id", "home_id"}}
            for row in model._default_manager.filter(platform=platform).order_by("pk").values()
        ]
        for model in apps.get_app_config("precision_shop").get_models()
        if any(field.name == "platform" for field in model._meta.fields)
    }


@pytest.mark.parametrize(("resource", "methods"), WALKED, ids=[one.name for one, _ in WALKED])
def test_one_id_on_two_platforms_is_two_records(
    pair: tuple[Shop, Shop], resource: Any, methods: tuple[str, ...]
) -> None:
    ours, theirs = pair
    for shop, word in ((ours, "our word"), (theirs, "their word")):
        if resource.name in ORDERED:
            call(shop, "post", "orders/", EXAMPLES["order"])
        assert write(shop, resource, word).json()["accepted"] == 1
    before = content(theirs.platform)
    text = json.dumps(ours.get(f"{resource.plural}/"))
    assert "our word" in text
    assert "their word" not in text
    write(ours, resource, "new word", method="put")
    record_id = EXAMPLES[resource.name].get(resource.kind.key, "")
    if "get" in methods:
        assert "their word" not in json.dumps(ours.get(f"{resource.plural}/{record_id}/"))
    if "patch" in methods:
        assert call(ours, "patch", f"{resource.plural}/{record_id}/", {}).status_code == 200
    if "delete" in methods:
        assert call(ours, "delete", f"{resource.plural}/{record_id}/").status_code in {200, 204}
        ours.get(f"{resource.plural}/{record_id}/", status=404)
    assert content(theirs.platform) == before


@pytest.mark.parametrize(("resource", "methods"), [one for one in WALKED if one[1]])
def test_what_only_the_other_shop_has_is_unknown(
    pair: tuple[Shop, Shop], resource: Any, methods: tuple[str, ...]
) -> None:
    ours, theirs = pair
    write(theirs, resource, "their word")
    before = content(theirs.platform)
    address = f"{resource.plural}/{EXAMPLES[resource.name][resource.kind.key]}/"
    for method in methods:
        answer = call(ours, method, address, {} if method == "patch" else None)
        assert answer.status_code == 404
        assert "their word" not in answer.content.decode()
    assert content(theirs.platform) == before
