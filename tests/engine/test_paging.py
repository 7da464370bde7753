"""Counting within bounds, estimates, and queries that are stopped."""

import pytest
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from precision.engine import paging
from precision.engine.models import Run
from precision.engine.paging import BoundedPaginator, TooSlowError, bounded_count, estimated_rows, time_limit

pytestmark = pytest.mark.django_db


def make_runs(number: int) -> None:
    Run.objects.bulk_create(
        Run(job="rules", scope=f"shop {each}", as_of="2026-11-20", status="published")
        for each in range(number)
    )


def test_a_count_stops_at_its_limit() -> None:
    make_runs(5)
    assert [bounded_count(Run.objects.all(), limit) for limit in (1, 4, 5, 6)] == [1, 4, 5, 5]
    assert bounded_count(Run.objects.filter(scope="shop 3"), 5) == 1
    assert bounded_count(Run.objects.none(), 5) == 0


@pytest.mark.parametrize(
    ("rows", "filtered", "count", "pages", "words"),
    [
        (0, False, 0, 1, "nothing found"),
        (1, False, 1, 1, "1 run"),
        (4, False, 4, 2, "4 runs"),
        (5, True, 4, 2, "the first 4 of more runs; search or filter to reach the others"),
    ],
)
def test_pages_reach_so_many_rows_and_say_so(
    rows: int, filtered: bool, count: int, pages: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "REACHABLE_ROWS", 4)
    make_runs(rows)
    found = Run.objects.filter(job="rules") if filtered else Run.objects.all()
    paginator = BoundedPaginator(found.order_by("id"), 3)
    assert (paginator.count, paginator.num_pages, paginator.summary) == (count, pages, words)


def test_an_unfiltered_list_gives_the_estimate_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "REACHABLE_ROWS", 4)
    make_runs(30)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE precision_engine_run")
    assert estimated_rows(Run) == 30
    paginator = BoundedPaginator(Run.objects.order_by("id"), 3)
    assert paginator.summary == "the first 4 of about 30 runs; search or filter to reach the others"
    assert BoundedPaginator(Run.objects.filter(job="rules"), 3).estimate is None


def test_the_estimate_of_a_partitioned_table_adds_up_its_partitions() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE parted (id int) PARTITION BY RANGE (id)")
        for start in (0, 10, 20):
            values = f"FOR VALUES FROM ({start}) TO ({start + 10})"
            cursor.execute(f"CREATE TABLE parted_{start} PARTITION OF parted {values}")
        cursor.execute("INSERT INTO parted SELECT generate_series(0, 24)")
        cursor.execute("ANALYZE parted")

    class Parted:
        class _meta:  # noqa: N801 - Django's name
            db_table = "parted"

    assert estimated_rows(Parted) == 25  # type: ignore[arg-type]


def timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


def test_a_slow_query_is_stopped_and_the_limit_does_not_outlive_its_block() -> None:
    before = timeout()
    with time_limit(30):
        assert timeout() == "30s"
    assert timeout() == before
    with pytest.raises(TooSlowError), time_limit(0.05), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    assert timeout() == before
    assert Run.objects.count() == 0  # the connection still works


def test_a_list_that_takes_too_long_is_empty_and_says_what_to_do(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_runs(2)
    page = site._registry[Run]
    slow = Run.objects.extra(where=["pg_sleep(5)::text IS NOT NULL"])
    monkeypatch.setattr(page, "get_queryset", lambda request: slow)
    monkeypatch.setattr(page, "list_filter", [])
    monkeypatch.setattr(paging, "PAGE_SECONDS", 0.05)
    client.force_login(User.objects.create_superuser("root", password=None))
    response = client.get(reverse("admin:precision_engine_run_changelist"))
    assert response.status_code == 200
    (message,) = messages.get_messages(response.wsgi_request)
    assert "Choose a shop" in str(message)
    assert list(response.context["cl"].result_list) == []
    assert "nothing found" in response.content.decode()
