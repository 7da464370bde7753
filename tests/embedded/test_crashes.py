"""`kill -9` of everything, stale files, and recoveries that take their time."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis
from kombu import Connection

from precision import embedded
from precision.embedded.paths import Layout
from precision.embedded.process import command_line, read_pid
from tests.embedded.support import Holder, alive, processes_of, query, wait_until


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))


def test_killed_postgres_comes_back_with_all_that_was_committed(var: Path) -> None:
    with embedded.hold(var):
        query(var, "CREATE TABLE kept (n int)")
        query(var, "INSERT INTO kept VALUES (7)")
        first = embedded.status(var).postgres_pid
        kill(first)
        assert (Layout.of(var).postgres / "postmaster.pid").exists()
        assert embedded.status(var).postgres_pid is None

        with embedded.hold(var):  # a second command, while the first still runs
            assert query(var, "SELECT n FROM kept") == [(7,)]
            assert embedded.status(var).postgres_pid != first

        assert query(var, "SELECT n FROM kept") == [(7,)]


def test_the_queue_survives_a_stop_and_a_kill_of_valkey(var: Path) -> None:
    def send(text: str) -> None:
        with Connection(embedded.broker_url(var)) as broker, broker.SimpleQueue("work") as queue:
            queue.put(text)

    with embedded.hold(var):
        send("before the stop")
    with embedded.hold(var):
        send("before the kill")
        kill(embedded.status(var).valkey_pid)
        assert Layout.of(var).valkey_socket.exists()
    with (
        embedded.hold(var),
        Connection(embedded.broker_url(var)) as broker,
        broker.SimpleQueue("work") as queue,
    ):
        assert [queue.get(timeout=5).payload for _ in range(2)] == ["before the stop", "before the kill"]


def test_killed_holder_leaves_the_servers_to_the_next_one(var: Path) -> None:
    holder = Holder(var)
    before = holder.held()
    holder.kill()
    assert all(map(alive, before))
    assert not embedded.status(var).in_use

    with embedded.hold(var, durable=False):
        now = embedded.status(var)
        assert (now.postgres_pid, now.valkey_pid) == before

    assert processes_of(var) == {}


def test_everything_killed_at_once(var: Path) -> None:
    with embedded.hold(var):
        query(var, "CREATE TABLE kept (n int)")
    holder = Holder(var)
    postgres, valkey = holder.held()
    for pid in (holder.process.pid, postgres, valkey):
        os.kill(pid, signal.SIGKILL)
    holder.process.communicate()

    with embedded.hold(var), redis.Redis.from_url(embedded.cache_url(var)) as client:
        assert query(var, "SELECT count(*) FROM kept") == [(0,)]
        assert client.ping()


def test_stale_files_that_name_a_living_process_are_not_believed(var: Path) -> None:
    layout = Layout.of(var)
    with embedded.hold(var):
        postmaster = (layout.postgres / "postmaster.pid").read_text()
    # Another process now has the number that the killed server had, and even runs as the user of the data.
    other = subprocess.Popen(["sleep", "300"], user=layout.postgres.stat().st_uid)
    try:
        lines = [str(other.pid), *postmaster.splitlines()[1:]]
        for path in (layout.postgres / "postmaster.pid", Path(f"{layout.postgres_socket}.lock")):
            path.write_text("\n".join(lines) + "\n")
            os.chown(path, layout.postgres.stat().st_uid, -1)
        for path in (layout.postgres_socket, layout.valkey_socket):
            path.write_text("no socket")
        for name in ("postgres", "valkey"):
            (layout.locks / name).write_text(f"{other.pid}\n")
        assert embedded.status(var).postgres_pid is None
        embedded.stop(var)
        assert other.poll() is None

        with embedded.hold(var):
            assert query(var, "SELECT 1") == [(1,)]

        assert other.poll() is None  # nor was it signalled at the end
    finally:
        other.kill()
        other.wait()


def test_a_server_that_a_person_started_on_our_data_is_not_disturbed(var: Path) -> None:
    layout = Layout.of(var)
    data = layout.postgres
    # Stands for `postgres -D` by hand; its name and arguments are all that is looked at.
    fake = var.parent / "postgres"
    fake.symlink_to(sys.executable)
    other = subprocess.Popen([str(fake), "-c", "import time; time.sleep(300)", "-D", str(data)])
    try:
        wait_until(lambda: str(data) in command_line(other.pid))
        (data / "postmaster.pid").write_text(f"{other.pid}\n{data}\n")

        with (
            pytest.raises(embedded.EmbeddedError, match="that Precision did not start"),
            embedded.hold(var),
        ):
            pytest.fail("held")

        assert other.poll() is None
        assert read_pid(data / "postmaster.pid") == other.pid
    finally:
        other.kill()
        other.wait()


def test_half_made_data_are_made_anew(empty: Path) -> None:
    layout = Layout.of(empty)
    partial = empty / "postgres.partial"
    holder = Holder(empty)
    wait_until(partial.exists)
    holder.kill()
    assert not layout.postgres.exists()
    # Its initdb may still be at work, without its parent; what it makes is not trusted.

    with embedded.hold(empty, durable=False):
        assert query(empty, "SELECT 1") == [(1,)]

    assert not partial.exists()
    assert (layout.log / "postgres.log").read_text().count("database cluster will be initialized") >= 1


def test_ctrl_c_while_the_data_are_made_leaves_nothing(empty: Path) -> None:
    holder = Holder(empty)
    wait_until((empty / "postgres.partial").exists)

    os.killpg(holder.process.pid, signal.SIGINT)
    holder.process.communicate(timeout=60)

    # Its own children may need a moment more to see that they are told to end.
    wait_until(lambda: processes_of(empty) == {})
    assert not (empty / "postgres").exists()


def test_what_a_killed_server_left_behind_is_waited_for(var: Path) -> None:
    said: list[str] = []
    lock = Layout.of(var).locks / "postgres"
    # Stands for a session of a killed PostgreSQL that is still busy: it has inherited the lock.
    left = subprocess.Popen(["flock", "--no-fork", str(lock), "sleep", "3"])
    started = time.monotonic()
    wait_until(lambda: command_line(left.pid).startswith("sleep"))

    with embedded.hold(var, durable=False, notify=said.append):
        assert time.monotonic() - started >= 2.9
        assert query(var, "SELECT 1") == [(1,)]

    left.wait()
    assert said == ["Waiting for the end of what a killed PostgreSQL left behind (2 s so far)"]


def test_a_recovery_longer_than_ten_seconds_is_waited_for(var: Path) -> None:
    with embedded.hold(var, durable=False):
        query(var, "CREATE TABLE rows (n bigint, t text)")
        query(var, "INSERT INTO rows SELECT n, repeat('x', 100) FROM generate_series(1, 600000) n")
        kill(embedded.status(var).postgres_pid)
    said: list[str] = []
    frozen: list[float] = []
    watcher = threading.Thread(target=lambda: frozen.append(freeze_recovery(var, seconds=11.0)))
    watcher.start()
    started = time.monotonic()

    with embedded.hold(var, durable=False, notify=said.append):
        took = time.monotonic() - started
        assert query(var, "SELECT count(*) FROM rows") == [(600000,)]

    watcher.join()
    assert frozen == [11.0]
    assert took > 11.0
    assert said
    assert all(text.startswith("Waiting for PostgreSQL to get ready (") for text in said)
    assert "the database system is" in said[-1] or "in progress" in said[-1]


def freeze_recovery(var: Path, *, seconds: float) -> float:
    """Stop PostgreSQL's recovering process for a time, as a slow disk would; return how long it stood."""
    layout = Layout.of(var)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pid = read_pid(layout.postgres / "postmaster.pid")
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            children = []
        for child in map(int, children):
            if command_line(child).startswith("postgres: startup"):
                os.kill(child, signal.SIGSTOP)
                time.sleep(seconds)
                os.kill(child, signal.SIGCONT)
                return seconds
    return 0.0
