"""Whatever happens in whatever order, and wherever a writer dies, the lake says what PostgreSQL says."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from precision.shop import history
from precision.shop.history import compaction, files, layout, scanning
from precision.shop.models import Order, OrderLine, Platform, Product
from tests.shop.lake import EVER, MARCH, buy, lake_lines, parquet_files, state, stored_lines

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = st.tuples(st.sampled_from(["buy", "buy", "move", "cancel", "empty", "remove"]), st.integers(0, 2))
WRITES = st.tuples(
    st.sampled_from(["export", "export", "rebuild", "compact", "compact all"]),
    st.sampled_from([None, None]) | st.integers(0, 12),
)
ROUNDS = st.lists(
    st.tuples(st.lists(CHANGES, max_size=3), st.lists(WRITES, min_size=1, max_size=2)), min_size=2, max_size=6
)


class KilledError(BaseException):
    """The process would be gone here."""


@contextmanager
def killed_at(step: int | None) -> Iterator[None]:
    """Let the block die before its operation on the file system of that number, and do no other after it."""
    left = 10**9 if step is None else step

    def mortal(operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError
            return operation(*arguments, **options)

        return run

    changes = {
        name: mortal(getattr(Path, name)) for name in ("replace", "rename", "unlink", "touch", "mkdir")
    }
    with mock.patch.object(os, "fsync", mortal(os.fsync)), mock.patch.multiple(Path, **changes):
        try:
            yield
        except KilledError:
            return


def raw(platform: Platform) -> list[Any]:
    """What the lake says as it lies there, nothing exported first."""
    if not (layout.root() / "manifest.json").exists():
        return []
    view = scanning.View(layout.root(), state())
    return sorted(view.rows(layout.ORDER_LINES, EVER, platform).collect().rows(), key=str)


def act(platform: Platform, product: Product, name: str, number: int) -> None:
    found = Order.objects.filter(platform=platform, external_id=str(number))
    order = found.first()
    if order is None:
        buy(platform, str(number), product, at=MARCH + timedelta(days=20 * number))
    elif name == "buy":
        OrderLine.objects.create(order=order, product=product, quantity=number + 2, unit_price=1)
        found.update(fingerprint=order.fingerprint + 1)
    elif name == "move":
        found.update(placed_at=MARCH + timedelta(days=400))
    elif name == "cancel":
        found.update(status="cancelled")
    elif name == "empty":
        OrderLine.objects.filter(order=order).delete()
        found.update(fingerprint=0)
    else:
        order.delete()


def write(name: str, step: int | None, platform: Platform) -> None:
    """Export or compact, and die at the step; then the lake is as before, or as if nobody had died."""
    before = raw(platform)
    with killed_at(step):
        if name in {"export", "rebuild"}:
            history.export(rebuild=name == "rebuild")
        else:
            history.compact(everything=name == "compact all")
    history.check()
    now = raw(platform)
    if name.startswith("compact"):
        assert now == before
    else:
        wanted = stored_lines(platform)
        counted = lambda rows: sorted((r[0], r[2], r[-4], r[-3]) for r in rows if r[5] != "cancelled")  # noqa: E731
        assert now == before or counted(now) == wanted


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS, grace=st.sampled_from([-1, 10**6]))
def test_the_lake_says_what_the_database_says(
    platform: Platform, settings: Any, rounds: list[tuple[list[Any], list[Any]]], grace: int
) -> None:
    Order.objects.filter(platform=platform).delete()
    product, _ = Product.objects.get_or_create(platform=platform, external_id="S1", title="Soap")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.multiple(compaction, MAX_PARTS=1, MAX_CHANGES=3, MAX_CHANGED_SHARE=0.3),
        mock.patch.object(files, "GRACE_S", grace),
    ):
        settings.HISTORY = Path(folder)
        for changes, writes in rounds:
            for name, number in changes:
                act(platform, product, name, number)
            for name, step in writes:
                write(name, step, platform)
        assert lake_lines(platform) == stored_lines(platform)
        history.compact(everything=True)
        assert lake_lines(platform) == stored_lines(platform)
        assert state().changes == ()
        named = {file.path for file in state().files()} | {each.path for each in state().retired}
        assert parquet_files() == {layout.root() / path for path in named}
