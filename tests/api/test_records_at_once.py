"""Several calls at once: one record is one row, whoever was first, and every call is answered."""

import json
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from precision.shop import platforms
from precision.shop.api.records.addresses import RESOURCES
from precision.shop.api.records.examples import EXAMPLES
from precision.shop.models import Platform

CALLS = 6


def at_once(key: str, address: str, bodies: list[Any]) -> list[Any]:
    """Send bodies at the same time, each on a connection of its own; return the answers."""
    gate = threading.Barrier(len(bodies))
    answers: list[Any] = []

    def send(body: Any) -> None:
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        gate.wait()
        response = client.post(address, json.dumps(body), content_type="application/json")
        answers.append((response.status_code, response.json()))
        connection.close()

    threads = [threading.Thread(target=send, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_the_same_record_at_once_is_one_row() -> None:
    keys = platforms.create_platform("corner", name="Corner")
    # Goods before orders, which would make them known; orders before what is about them.
    first = ["product", "order"]
    for resource in sorted((one for one, _ in RESOURCES), key=lambda one: [*first, one.name].index(one.name)):
        answers = at_once(keys.server_key, f"/api/v1/{resource.plural}/", [EXAMPLES[resource.name]] * CALLS)
        counts: Counter[str] = Counter()
        for status, answer in answers:
            assert status == 200, (resource.name, answer)
            assert answer["rejected"] == []
            counts.update({name: answer[name] for name in ("accepted", "updated", "duplicate")})
        assert counts == {"accepted": 1, "updated": 0, "duplicate": CALLS - 1}, resource.name


@pytest.mark.django_db(transaction=True)
def test_different_records_at_once_are_all_there() -> None:
    keys = platforms.create_platform("corner", name="Corner")
    platform = Platform.objects.get(key="corner")
    bodies = [
        [{**EXAMPLES["customer"], "customer_id": f"c-{call}-{row}"} for row in range(10)]
        for call in range(CALLS)
    ]
    answers = at_once(keys.server_key, "/api/v1/customers/", bodies)
    assert [answer["accepted"] for status, answer in answers if status == 200] == [10] * CALLS
    assert platform.identities.filter(kind="customer_id").count() == 10 * CALLS
    # They all have one card and one address, which are one name each.
    assert platform.identities.filter(kind__in=("card", "email", "phone")).count() == 3
