"""Whatever is sent, the answer is described in the OpenAPI document and never a crash."""

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.api.conftest import Shop

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """Keep requests in the transaction of the test, as the test client of Django does."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.mark.usefixtures("_one_connection")
def test_no_input_crashes_an_endpoint(stocked: Shop) -> None:
    document = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())
    key = {"Authorization": f"Bearer {stocked.credentials.server_key}"}
    paths: set[str] = set()
    tried: set[tuple[str, int]] = set()
    paths = set()
    for result in document.get_all_operations():
        operation = result.ok()
        if not operation.path.startswith("/api/v1/"):
            continue
        paths.add(operation.path)

        @settings(
            max_examples=10, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def call(case: schemathesis.Case) -> None:
            response = case.call(headers=key)
            tried.add((case.operation.path, response.status_code))
            case.validate_response(response, checks=CHECKS)

        call()
    assert {path for path, _ in tried} == paths
    assert len(paths) >= 13
    assert {status for _, status in tried} >= {200, 400, 404}
