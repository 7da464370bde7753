"""Who may call what."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from precision.shop import platforms
from precision.shop.models import ApiKey
from tests.api.conftest import Shop


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer",
        "Bearer ",
        "Bearer sk_wrong",
        "Basic c2tfOg==",
        "sk_without_scheme",
        "Bearer sk_\xff",
    ],
)
def test_without_a_valid_key_the_answer_is_401(shop: Shop, header: str | None) -> None:
    client = APIClient()
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    response = client.get("/api/v1/rules/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    answer = response.json()
    assert answer["type"] == "client_error"
    assert answer["errors"][0]["attr"] is None
    assert "key" in answer["errors"][0]["detail"].lower() or "Bearer" in answer["errors"][0]["detail"]


def test_a_revoked_key_is_refused_at_once(shop: Shop) -> None:
    shop.get("rules/")
    ApiKey.objects.filter(platform=shop.platform, kind="server").update(revoked_at=timezone.now())
    shop.get("rules/", status=401)


def test_a_rotated_key_works_beside_the_old_one(shop: Shop) -> None:
    second = platforms.issue_key(shop.platform, ApiKey.Kind.SERVER)
    shop.get("rules/")
    shop.get("rules/", key=second)


@pytest.mark.parametrize(
    "address", ["rules/", "rules/matrix/", "segments/", "recommendations/popular/", "customers/ann/portrait/"]
)
def test_a_write_key_reads_nothing_but_slots(shop: Shop, address: str) -> None:
    shop.person("ann")
    refusal = shop.get(address, key=shop.credentials.write_key, status=403)
    assert refusal["errors"][0]["code"] == "permission_denied"
    assert "read" in refusal["errors"][0]["detail"]
    shop.get("slots/home/", key=shop.credentials.write_key)


def test_a_key_without_the_scope_write_makes_no_segment(shop: Shop) -> None:
    ApiKey.objects.filter(platform=shop.platform, kind="server").update(scopes=["read"])
    response = shop.client().post("/api/v1/segments/", {}, format="json")
    assert response.status_code == 403
    assert "write" in response.json()["errors"][0]["detail"]
