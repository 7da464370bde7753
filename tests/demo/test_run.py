"""The whole demo on a handful of rows: loaded, computed, summed up, and quick the second time."""

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from demo import run, sources
from precision.engine.models import Run
from precision.shop.models import ApiKey, Order, Platform
from tests.demo.samples import gifts_file, grocer_files

# Jobs write from connections of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_shops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: object) -> None:
    small = {"gifts": {"lines": gifts_file(tmp_path)}, "grocer": grocer_files(tmp_path)}
    shops = [replace(shop, files=small.get(shop.key, shop.files)) for shop in sources.shops()]
    monkeypatch.setattr(run, "shops", lambda: shops)
    settings.VAR = tmp_path / "var"  # type: ignore[attr-defined]


def test_the_demo_from_nothing_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--no-serve", "--visitors", "0"]) == 0
    first = capsys.readouterr().out
    assert "18: 7 accepted, 9 rejected, 2 duplicate" in first
    assert "sk_" in first
    assert "password" in first
    assert first.count("who buys") >= 3
    computed, keys, orders = (
        list(model.objects.values_list("pk", flat=True)) for model in (Run, ApiKey, Order)
    )

    assert run.main(["--no-serve", "--visitors", "0"]) == 0
    again = capsys.readouterr().out
    assert "18: 0 accepted, 9 rejected, 9 duplicate" in again
    assert "changepassword" in again
    assert [line for line in again.splitlines() if "sk_" in line] == [
        line for line in first.splitlines() if "sk_" in line
    ]
    assert [list(model.objects.values_list("pk", flat=True)) for model in (Run, ApiKey, Order)] == [
        computed,
        keys,
        orders,
    ]
    # Each job of each shop has a published run, and none failed.
    assert set(Run.objects.values_list("status", flat=True)) == {"published"}
    assert set(Run.objects.values_list("scope", flat=True)) == set(
        Platform.objects.values_list("key", flat=True)
    )


def test_new_facts_are_computed(capsys: pytest.CaptureFixture[str]) -> None:
    run.main(["--no-serve", "--visitors", "0"])
    golden = Run.objects.filter(scope="golden").count()
    others = Run.objects.exclude(scope="golden").count()
    order = Order.objects.filter(platform__key="golden").first()
    order.lines.all().delete()
    order.delete()
    run.main(["--no-serve", "--visitors", "0"])
    capsys.readouterr()
    assert Run.objects.filter(scope="golden").count() > golden
    assert Run.objects.exclude(scope="golden").count() == others


def test_missing_data_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> list[sources.Shop]:
        raise sources.MissingDataError("The package is not there.")

    monkeypatch.setattr(run, "shops", none)
    assert run.main(["--no-serve", "--visitors", "0"]) == 2
    assert capsys.readouterr().err == "The package is not there.\n"
    assert not Platform.objects.exists()


def test_serving_comes_last_and_on_the_chosen_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = []

    def record(program: str, command: list[str]) -> None:
        served.append((program, command[1:], "Look around" in capsys.readouterr().out))

    monkeypatch.setattr(run.os, "execv", record)
    assert run.main(["--port", "8123", "--visitors", "0"]) == 0
    asked = [str(run.MANAGE), "up", "--host", "127.0.0.1", "--port", "8123"]
    assert served == [(sys.executable, asked, True)]


def test_a_taken_port_is_told_before_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run.main(["--port", str(port)]) == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
    assert not Platform.objects.exists()
