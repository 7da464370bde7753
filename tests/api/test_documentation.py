"""The OpenAPI document, the page that shows it, health, and life inside another project."""

import re
from typing import Any

import psycopg
import pytest
from django.test import Client, override_settings
from drf_spectacular.validation import validate_schema
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import IsAdminUser
from rest_framework.settings import api_settings
from rest_framework.throttling import AnonRateThrottle

from precision import api_urls
from tests.api.conftest import Shop


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    response = client.get("/api/schema/?format=json")
    assert response.status_code == 200
    return response.json()


def test_the_document_is_valid_and_knows_every_endpoint(document: dict[str, Any]) -> None:
    validate_schema(document)
    named = {
        f"/{pattern.pattern}"
        for pattern in api_urls.urlpatterns
        if pattern.name not in {"schema", "docs", "dialect", "dialect-settings"}
    }
    plain = {re.sub(r"<\w+:(\w+)>", r"{\1}", path) for path in named}
    assert set(document["paths"]) == plain


def test_every_endpoint_is_described(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            codes = set(operation["responses"])
            if path.startswith("/api/v1/"):
                assert operation["security"] == [{"key": []}], path
                assert codes >= {"400", "401", "403", "404"}, path
            good = sorted(codes & {"200", "201", "202", "204"})
            assert good, (method, path)
            for code in good:
                if code != "204":
                    (body,) = operation["responses"][code]["content"].values()
                    assert "$ref" in body["schema"] or body["schema"]["type"] == "object", (method, path)
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (path, parameter["name"])


def test_the_docs_page_loads_nothing_from_elsewhere(client: Client) -> None:
    response = client.get("/api/docs/")
    assert response.status_code == 200
    page = response.content.decode()
    sources = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(sources) >= 3
    assert all(source.startswith("/static/drf_spectacular_sidecar/") for source in sources), sources
    assert "../schema/" in page
    for source in sources:
        assert client.get(source).status_code == 200, source


def test_the_root_leads_to_the_docs(client: Client) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/api/docs/")


HOST = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "0/day"},
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.AdminRenderer"],
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "EXCEPTION_HANDLER": "rest_framework.views.exception_handler",
}


def test_settings_of_the_project_around_us_change_nothing(shop: Shop) -> None:
    with override_settings(REST_FRAMEWORK=HOST):
        assert [BasicAuthentication] == api_settings.DEFAULT_AUTHENTICATION_CLASSES
        assert [IsAdminUser] == api_settings.DEFAULT_PERMISSION_CLASSES
        assert [AnonRateThrottle] == api_settings.DEFAULT_THROTTLE_CLASSES
        assert shop.get("slots/home/")["slots"]
        assert shop.get("rules/", key="sk_no", status=401)["type"] == "client_error"
        assert shop.get("rules/?count=no", status=400)["errors"][0]["attr"] == "count"
        response = shop.client().get("/api/v1/rules/", HTTP_ACCEPT="text/html")
        assert response["Content-Type"] == "application/json"


@override_settings(ROOT_URLCONF="tests.api.host_urls")
def test_the_document_of_an_included_api_names_our_addresses_only(client: Client) -> None:
    document = client.get("/tools/precision/api/schema/?format=json").json()
    validate_schema(document)
    assert document["info"]["title"] == "Precision API"
    assert len(document["paths"]) >= 15
    assert all(path.startswith("/tools/precision/") for path in document["paths"])
    assert "../schema/" in client.get("/tools/precision/api/docs/").content.decode()


def test_live_asks_nobody(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


def test_ready_says_what_is_missing(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(CELERY_BROKER_URL="memory://"):
        response = client.get("/health/ready")
        assert (response.status_code, response.json()) == (
            200,
            {"status": "ok", "database": "ok", "broker": "ok"},
        )
    with override_settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0"):
        response = client.get("/health/ready")
        assert response.status_code == 503
        answer = response.json()
        assert (answer["status"], answer["database"]) == ("unavailable", "ok")
        assert answer["broker"] != "ok"

    def refuse(**parameters: object) -> None:
        assert parameters["connect_timeout"]
        raise psycopg.OperationalError("password=secret")

    with override_settings(CELERY_BROKER_URL="memory://"), monkeypatch.context() as patch:
        patch.setattr("precision.shop.api.health.psycopg.connect", refuse)
        response = client.get("/health/ready")
    assert (response.status_code, response.json()["database"]) == (503, "OperationalError")
    assert response.json()["broker"] == "ok"
    assert "secret" not in response.content.decode()
