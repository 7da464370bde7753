"""Windows are half-open and know local midnights."""

from datetime import UTC, date, datetime

import pytest

from precision.engine.windows import Window, epoch_day, midnight


def test_the_day_itself_is_not_seen() -> None:
    window = Window.before(date(2026, 3, 2), days=1, timezone="UTC")
    assert window == Window(
        int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()), int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    )


def test_days_are_local_and_may_have_23_hours() -> None:
    # Berlin put its clocks forward on 2026-03-29.
    window = Window.before(date(2026, 3, 30), days=1, timezone="Europe/Berlin")
    assert window.start is not None
    assert window.end - window.start == 23 * 3600
    assert midnight(date(2026, 3, 30), timezone="Europe/Berlin") == int(
        datetime(2026, 3, 29, 22, tzinfo=UTC).timestamp()
    )


def test_without_days_it_has_no_beginning() -> None:
    assert Window.before(date(2026, 3, 2), timezone="UTC").start is None


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        Window(10, 10)


def test_epoch_days() -> None:
    assert epoch_day(date(1970, 1, 1)) == 0
    assert epoch_day(date(2000, 3, 1)) == 11017
