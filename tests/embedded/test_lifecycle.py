"""Starting, sharing and stopping."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from precision import embedded
from precision.embedded.paths import Layout
from precision.embedded.postgres_settings import shared_memory_type
from tests.embedded.support import REPOSITORY, Holder, alive, processes_of, query, wait_until


def settings(var: Path, *names: str) -> list[str]:
    return [str(query(var, f"SHOW {name}")[0][0]) for name in names]


def test_first_hold_makes_everything_and_leaves_nothing_running(empty: Path) -> None:
    said: list[str] = []
    with embedded.hold(empty, notify=said.append):
        now = embedded.status(empty)
        assert now.postgres_pid in processes_of(empty)
        assert now.valkey_pid in processes_of(empty)
        assert now.in_use
        assert said == ["Creating the PostgreSQL data folder"]
        assert (now.sockets.stat().st_mode & 0o777, now.sockets) == (0o700, empty.resolve() / "run")
        assert {path.name for path in empty.iterdir()} == {"postgres", "valkey", "log", "run", "locks"}

    now = embedded.status(empty)
    assert (now.postgres_pid, now.valkey_pid, now.in_use) == (None, None, False)
    assert processes_of(empty) == {}
    log = (now.log / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")
    assert list(now.sockets.iterdir()) == []


def test_the_database_is_ours_and_set_up(var: Path) -> None:
    with embedded.hold(var):
        assert query(
            var,
            "SELECT pg_encoding_to_char(encoding)::text, datlocprovider::text, datlocale::text,"
            " pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()",
        ) == [("UTF8", "b", "C.UTF-8", "precision")]
        assert query(var, "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user") == [
            (False, True)
        ]
        assert settings(var, "fsync", "full_page_writes", "shared_buffers") == ["on", "on", "512MB"]
        assert settings(var, "timezone", "listen_addresses") == ["UTC", ""]
        assert query(var, "SELECT array_agg(c ORDER BY c) FROM unnest(ARRAY['é','z','Z']) c") == [
            (["Z", "z", "é"],)
        ]
        # The history's horizon is tied to the cluster's identifier: an ordinary role must be able to read it.
        assert query(var, "SELECT system_identifier > 0 FROM pg_control_system()") == [(True,)]


def test_valkey_keeps_on_disk_and_forgets_nothing(var: Path) -> None:
    with embedded.hold(var), redis.Redis.from_url(embedded.cache_url(var)) as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "port": "0",
        }
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        assert (Layout.of(var).valkey_socket.stat().st_mode & 0o777) == 0o700


def test_throw_away_servers_do_not_wait_for_the_disk_and_are_not_taken_for_durable(var: Path) -> None:
    with embedded.hold(var, durable=False):
        assert settings(var, "fsync", "full_page_writes", "synchronous_commit") == ["off", "off", "on"]
        with pytest.raises(embedded.EmbeddedError, match="throw-away server"), embedded.hold(var):
            pytest.fail("held")
        assert settings(var, "fsync") == ["off"]


def test_what_people_set_stays(var: Path) -> None:
    layout = Layout.of(var)
    with embedded.hold(var, durable=False):
        auto = layout.postgres / "postgresql.auto.conf"
        with auto.open("a", encoding="utf-8") as file:
            file.write("work_mem = '77MB'\nport = 5999\n")
    with embedded.hold(var, durable=False):
        assert settings(var, "work_mem", "port") == ["77MB", "5432"]


def test_second_holder_finds_the_servers_and_the_last_one_stops_them(var: Path) -> None:
    with embedded.hold(var, durable=False):
        now = embedded.status(var)
        with embedded.hold(var, durable=False):
            other = Holder(var)
            assert other.held() == (now.postgres_pid, now.valkey_pid)
        assert query(var, "SELECT 1") == [(1,)]
    assert alive(now.postgres_pid or 0)
    assert alive(now.valkey_pid or 0)

    other.leave()

    assert processes_of(var) == {}


def test_processes_that_start_at_the_same_instant_start_one_server(empty: Path) -> None:
    holders = [Holder(empty) for _ in range(3)]

    assert len({holder.held() for holder in holders}) == 1

    for holder in holders:
        holder.process.stdin.close()  # type: ignore[union-attr]  # all leave at the same instant, too
    for holder in holders:
        assert holder.process.wait(60) == 0
        holder.process.stdout.close()  # type: ignore[union-attr]
        holder.process.stderr.close()  # type: ignore[union-attr]
    assert processes_of(empty) == {}
    log = (Layout.of(empty).log / "postgres.log").read_text()
    assert log.count("starting PostgreSQL") == 1
    assert log.count("database system is shut down") == 1


def test_two_checkouts_and_a_taken_port_live_side_by_side(var: Path, made: Path) -> None:
    taken = []
    for port in (5432, 6379):
        listener = socket.socket()
        with contextlib.suppress(OSError):  # taken already, by somebody else: just as well
            listener.bind(("127.0.0.1", port))
            listener.listen()
        taken.append(listener)
    try:
        with embedded.hold(var, durable=False), embedded.hold(made, durable=False):
            assert embedded.status(var).postgres_pid != embedded.status(made).postgres_pid
            query(var, "CREATE TABLE here (n int)")
            assert query(made, "SELECT to_regclass('here')::text") == [(None,)]
    finally:
        for listener in taken:
            listener.close()


def test_a_path_longer_than_a_socket_allows(var: Path) -> None:
    long = var.parent / ("long " * 12) / ("and longer" * 6) / "var"
    long.parent.mkdir(parents=True)
    var.rename(long)
    sockets = Layout.of(long).sockets

    with embedded.hold(long, durable=False):
        assert query(long, "SELECT 1") == [(1,)]
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o777 == 0o700
        with redis.Redis.from_url(embedded.cache_url(long)) as client:
            assert client.ping()

    assert not sockets.exists()


def test_ctrl_c_ends_the_holder_and_both_servers_in_order(var: Path) -> None:
    holder = Holder(var)
    postgres, valkey = holder.held()
    groups = {os.getpgid(pid) for pid in (postgres, valkey)}
    assert holder.process.pid not in groups

    os.killpg(holder.process.pid, signal.SIGINT)  # the terminal sends it to the whole foreground group
    _, errors = holder.process.communicate(timeout=60)

    assert "KeyboardInterrupt" in errors
    assert holder.process.returncode != 0
    assert processes_of(var) == {}
    assert (Layout.of(var).log / "postgres.log").read_text().rstrip().endswith("database system is shut down")


def test_a_fork_that_leaves_the_block_does_not_stop_the_servers(var: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom precision.embedded import hold, status\n"
        "var = Path(sys.argv[1])\n"
        "with hold(var, durable=False):\n"
        "    if os.fork() == 0:\n"
        "        sys.exit(0)\n"
        "    os.wait()\n"
        "    print(status(var).postgres_pid is not None, status(var).in_use)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(var)],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip

    assert answer.stdout == "True True\n"
    assert processes_of(var) == {}


def test_stop_refuses_while_somebody_holds_unless_forced(var: Path) -> None:
    holder = Holder(var)
    holder.held()

    with pytest.raises(embedded.EmbeddedError, match="still uses the servers"):
        embedded.stop(var)
    assert embedded.status(var).in_use
    assert query(var, "SELECT 1") == [(1,)]

    embedded.stop(var, force=True)
    assert embedded.status(var).postgres_pid is None
    holder.leave()


def test_stop_and_status_without_anything_touch_nothing(empty: Path) -> None:
    embedded.stop(empty)

    assert embedded.status(empty).postgres_pid is None
    assert not empty.exists()


def test_people_can_look_and_stop_from_the_command_line(var: Path) -> None:
    holder = Holder(var)
    postgres, _ = holder.held()
    holder.kill()

    def command(*words: str) -> str:
        program = [sys.executable, "-m", "precision.embedded", *words, str(var)]
        return subprocess.run(program, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout

    assert f"PostgreSQL: running, process {postgres}\n" in command("status")
    assert "PostgreSQL: stopped\nValkey: stopped\nin use: no\n" in command("stop")
    wait_until(lambda: not alive(postgres))


def test_small_shared_memory_is_gone_round(tmp_path: Path) -> None:
    assert shared_memory_type(str(tmp_path)) == "posix"
    assert shared_memory_type("/proc") == "sysv"  # its size is 0
    assert shared_memory_type(str(tmp_path / "none")) == "posix"
