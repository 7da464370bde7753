"""The lake under bad luck: damage, full disks, newer versions, readers and writers at once."""

import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from precision.shop import columns as c
from precision.shop import history
from precision.shop.history import files, layout, manifest
from precision.shop.models import Order, Platform, Product
from tests.shop.lake import EVER, buy, lake_lines, lines, parquet_files, state, stored_lines

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def soap(platform: Platform) -> Product:
    return Product.objects.create(platform=platform, external_id="S1", title="Soap")


@pytest.fixture
def part(platform: Platform, soap: Product) -> Path:
    """The one part of a lake with one line."""
    buy(platform, "1", soap)
    history.export()
    (only,) = parquet_files()
    return only


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [Path.unlink, flip, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_damaged_part_is_named_with_the_remedy_and_rebuilt(
    platform: Platform, part: Path, harm: Any
) -> None:
    harm(part)
    with pytest.raises(history.LakeDamagedError, match=rf"{part.name}.*export_history --rebuild"):
        lines(platform)
    with pytest.raises(history.LakeDamagedError):
        history.check()
    with pytest.raises(CommandError, match="--rebuild"):
        call_command("export_history", "--check")
    call_command("export_history", "--rebuild", "--check")
    assert lake_lines(platform) == stored_lines(platform)


def test_a_damaged_manifest_is_named_and_rebuilt(platform: Platform, part: Path) -> None:
    (layout.root() / manifest.NAME).write_text('{"version": 1}')
    with pytest.raises(history.LakeDamagedError, match=r"manifest\.json .*--rebuild"):
        lines(platform)
    assert part.exists()  # nothing is swept that an unreadable manifest may name
    history.export(rebuild=True)
    assert lake_lines(platform) == stored_lines(platform)
    assert not part.exists()
    aside = [path for path in parquet_files() if path.name == part.name]
    history.compact()
    assert [path.exists() for path in aside] == [True]


def test_a_lake_of_a_newer_version_is_refused_and_left_alone(platform: Platform, part: Path) -> None:
    path = layout.root() / manifest.NAME
    for field, newer in (("version", 99), ("schema", 98)):
        raw = json.loads(path.read_text())
        (raw if field in raw else raw["parts"][0])[field] = newer
        path.write_text(json.dumps(raw))
        for rebuild in (False, True):
            with pytest.raises(history.LakeVersionError, match=f"{newer}.*update the software"):
                history.export(rebuild=rebuild)
        assert json.loads(path.read_text()) == raw
    assert part.exists()


def test_a_folder_that_cannot_be_made(platform: Platform, tmp_path: Path, settings: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.HISTORY = tmp_path / "file" / "history"
    with pytest.raises(history.LakeUnwritableError, match=r"file/history cannot be written.*HISTORY"):
        lines(platform)


def test_a_full_disk_leaves_the_lake_as_it_was(
    platform: Platform, soap: Product, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (state(), parquet_files())
    buy(platform, "2", soap)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            history.LakeUnwritableError, match="No space left on device; the lake is as it was"
        ):
            history.export()
    assert (state(), parquet_files()) == before
    assert lake_lines(platform) == stored_lines(platform)
    assert lines(platform).height == 2


def test_writers_wait_for_each_other(platform: Platform, soap: Product) -> None:
    for number in range(20):
        buy(platform, str(number), soap)
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda: done.append(history.export().rows["order_lines"])) for _ in range(4)
    ]
    with files.writer(layout.root()):
        for thread in threads:
            thread.start()
        assert not (layout.root() / manifest.NAME).exists()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 20]
    assert lake_lines(platform) == stored_lines(platform)


def test_a_reader_keeps_its_state_while_the_lake_is_compacted_and_rebuilt(
    platform: Platform, soap: Product
) -> None:
    orders = [buy(platform, str(number), soap) for number in range(3)]
    with history.snapshot():
        before = lake_lines(platform)
        lazy = history.scan("order_lines", EVER, platform=platform)
        Order.objects.filter(pk=orders[0].pk).update(status="cancelled")
        history.export()
        history.compact(everything=True)
        history.export(rebuild=True)
        assert lake_lines(platform) == before
        assert lazy.collect("polars").to_native().height == 3
    assert lines(platform)[c.ORDER].to_list() == [orders[1].pk, orders[2].pk]


def test_retired_parts_are_deleted_after_a_while(
    platform: Platform, soap: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [buy(platform, str(number), soap) for number in range(3)]
    history.export()
    (first,) = parquet_files()
    Order.objects.filter(pk=orders[0].pk).update(status="cancelled")
    history.export()
    done = history.compact(everything=True)
    assert (done.merged, done.parts, done.dropped) == (2, 1, 1)
    assert first.exists()
    monkeypatch.setattr(files, "GRACE_S", -1)
    buy(platform, "last", soap)
    history.export()
    assert not first.exists()
    assert parquet_files() == {layout.root() / file.path for file in state().files()}
    assert lake_lines(platform) == stored_lines(platform)


def test_a_compaction_with_nothing_to_do_writes_nothing(platform: Platform, part: Path) -> None:
    before = state()
    assert history.compact().merged == 0
    assert history.compact(everything=True).merged == 0
    assert state() == before


def test_there_is_nothing_to_compact_or_check_without_a_lake(platform: Platform) -> None:
    assert history.compact().parts == 0
    assert history.check() == {}
    assert history.exported_until() is None


def test_the_command_tells_what_it_did(
    platform: Platform, soap: Product, capsys: pytest.CaptureFixture[str]
) -> None:
    buy(platform, "1", soap)
    call_command("export_history", "--platform", "corner", "--compact", "--check")
    assert capsys.readouterr().out.splitlines() == [
        "exported: order_lines 1 rows",
        "compacted: 0 files merged, 1 there are, 0 replaced rows dropped, 0 orphans swept",
        "sound: order_lines 1 rows",
    ]
    call_command("export_history", "--rebuild")
    assert "corner written anew: it was asked for" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no platform 'nowhere'; there are: corner"):
        call_command("export_history", "--platform", "nowhere")
