"""Old events leave PostgreSQL once the lake has them, and stay in the lake whatever is exported afterwards."""

from datetime import UTC, date, datetime

import polars as pl
import psycopg
import pytest

from precision.engine.reading import conninfo
from precision.shop import columns as c
from precision.shop import history, partitions
from precision.shop.history import layout
from precision.shop.models import Event, Exposure, Platform
from tests.shop.lake import collected, happen, parquet_files, state

pytestmark = pytest.mark.django_db(transaction=True)
JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 20, 23, 30, tzinfo=UTC) for month in (1, 2, 3))


@pytest.fixture
def three(platform: Platform) -> Platform:
    """A platform with an event in each of three months, of which one came in late."""
    happen(platform, "a", at=JANUARY)
    happen(platform, "late", at=JANUARY, received_at=MARCH)
    happen(platform, "b", at=FEBRUARY)
    happen(platform, "c", at=MARCH)
    return platform


def stored(platform: Platform) -> int:
    """Events in PostgreSQL; the table is not emptied between tests."""
    return Event.objects.filter(platform=platform).count()


def events(platform: Platform) -> list[tuple[int, int]]:
    return collected("events", platform).select(c.SECONDS, c.HOUR).sort(c.SECONDS, c.HOUR).rows()


def test_months_that_are_over_are_dropped_and_stay_in_the_lake(three: Platform) -> None:
    before = events(three)
    done = history.drop_exported("events", date(2026, 3, 1))
    assert {"precision_shop_event_2026_01", "precision_shop_event_2026_02"} <= set(done.partitions)
    assert not set(done.partitions) & set(partitions.months())
    assert stored(three) == 2
    assert events(three) == before
    assert history.drop_exported("events", date(2026, 3, 1)).partitions == []


def test_what_only_the_lake_has_outlives_a_rebuild_and_a_move(three: Platform) -> None:
    before = events(three)
    history.drop_exported("events", date(2026, 3, 1))
    history.export(rebuild=True)
    history.compact(everything=True)
    assert events(three) == before
    Platform.objects.filter(pk=three.pk).update(timezone="America/New_York")
    moved = events(three)
    assert [second for second, _ in moved] == [second for second, _ in before]
    assert {hour for _, hour in moved} == {18, 19}
    assert {hour for _, hour in before} == {0}


def test_a_removal_reaches_what_only_the_lake_has(three: Platform) -> None:
    gone = Event.objects.get(platform=three, at=FEBRUARY)
    history.drop_exported("events", date(2026, 3, 1))
    with psycopg.connect(conninfo()) as link:
        link.execute(
            'INSERT INTO precision_shop_removal (platform_id, "table", "row", position) '
            "VALUES (%s, 'event', %s, pg_current_xact_id()::text::bigint)",
            [three.pk, gone.pk],
        )
    assert len(events(three)) == 3
    history.export(rebuild=True)
    assert len(events(three)) == 3
    assert all(gone.pk not in pl.read_parquet(path)[c.ID] for path in current_parts())


def current_parts() -> list[str]:
    return [str(layout.root() / part.path) for part in state().parts]


def test_rows_of_one_platform_are_deleted_alone(three: Platform) -> None:
    other = Platform.objects.create(
        organisation=three.organisation, key="other", name="Other", user_hash_secret=b""
    )
    happen(other, "a", at=JANUARY)
    before = events(three), events(other)
    assert history.drop_exported("events", date(2026, 2, 1), platform=three).rows == 1
    assert (stored(three), stored(other)) == (3, 1)
    history.export(rebuild=True)
    assert (events(three), events(other)) == before


def test_exposures_too(platform: Platform) -> None:
    partitions.ensure_month(JANUARY.date(), partitions.EXPOSURE)
    Exposure.objects.create(platform=platform, recommendation="r", at=JANUARY)
    history.drop_exported("exposures", date(2026, 2, 1))
    assert not Exposure.objects.filter(platform=platform).exists()
    history.export(rebuild=True)
    assert collected("exposures", platform).height == 1


def test_nothing_is_dropped_that_an_open_transaction_keeps_from_the_lake(three: Platform) -> None:
    with psycopg.connect(conninfo()) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        happen(three, "new", at=JANUARY)
        before = stored(three), partitions.months()
        for platform in (None, three):
            with pytest.raises(
                history.HistoryError, match="written since the last export; nothing of it was dropped"
            ):
                history.drop_exported("events", date(2026, 3, 1), platform=platform)
        assert (stored(three), partitions.months()) == before
    assert history.drop_exported("events", date(2026, 3, 1)).partitions
    assert len(events(three)) == 5


def test_nothing_is_dropped_while_the_lake_is_damaged(three: Platform) -> None:
    history.export()
    for path in parquet_files():
        path.write_bytes(b"")
    with pytest.raises(history.LakeDamagedError):
        history.drop_exported("events", date(2026, 3, 1))
    assert stored(three) == 4


def test_orders_are_not_dropped(platform: Platform) -> None:
    with pytest.raises(KeyError, match="order_lines"):
        history.drop_exported("order_lines", date(2026, 3, 1))


def test_the_position_up_to_which_all_is_exported(three: Platform) -> None:
    history.export()
    until = history.exported_until()
    assert until is not None
    assert all(
        position < until
        for position in Event.objects.filter(platform=three).values_list("position", flat=True)
    )
