"""PostgreSQL's data folder: made whole or not at all, checked, and cleared of what a killed server left."""

import shutil
from pathlib import Path

from precision.embedded import binaries
from precision.embedded.daemon import run
from precision.embedded.errors import EmbeddedError, how_to_mend
from precision.embedded.paths import Layout
from precision.embedded.privileges import Account, initdb_account
from precision.embedded.process import command_line, read_pid, tail

SUPERUSER = "postgres"


def check_data(layout: Layout) -> None:
    """Raise EmbeddedError for a data folder that this PostgreSQL cannot use; remove an empty one."""
    data = layout.postgres
    if not data.exists():
        return
    try:
        found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        try:
            data.rmdir()
        except OSError as error:
            raise EmbeddedError(
                "The folder is no PostgreSQL data folder (it has no PG_VERSION), and not empty.",
                where=data,
                remedy="move it away; a new one is made at the next start",
            ) from error
        return
    wanted = str(binaries.postgres_major())
    if found != wanted:
        raise EmbeddedError(
            f"The data are of PostgreSQL {found}, and the program is PostgreSQL {wanted}.",
            where=data,
            remedy=f"dump them with PostgreSQL {found} (pg_dump), move the folder away, start, load the dump",
        )


def create_data(layout: Layout, *, account: Account, durable: bool, log: Path, lock: int) -> None:
    """Make the data folder beside its place and move it there once it is whole: half of one is never used."""
    partial = layout.var / "postgres.partial"
    if partial.exists():
        shutil.rmtree(partial)
    maker = initdb_account(account)
    maker.make_folder(partial)
    start = log.stat().st_size if log.exists() else 0
    command = (
        str(binaries.postgres_program("initdb")), "-D", str(partial), "--username", SUPERUSER,
        # PostgreSQL's own C.UTF-8: the same order on every system, whatever locales it has.
        "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        "--auth=trust", "--no-instructions", *(() if durable else ("--no-sync",)),
    )  # fmt: skip
    needs = (
        binaries.postgres_program("postgres"),
        binaries.postgres_folder() / "share" / "postgres.bki",
        partial,
    )
    code = run(command, account=maker, log=log, lock=lock, needs=needs, detach=False)
    if code != 0:
        raise EmbeddedError(
            f"initdb could not make the data folder (exit code {code}).",
            where=layout.postgres,
            remedy=how_to_mend(layout.var),
            log=tail(log, start=start),
        )
    account.give_tree(partial)
    partial.rename(layout.postgres)


def clear_remains(layout: Layout) -> None:
    """Remove the files by which a killed PostgreSQL keeps the next one from starting.

    PostgreSQL believes its old pid file as soon as any process has that number. The caller holds the lock
    that all our server's processes inherit, so none of them lives; one that somebody started by hand on our
    data is looked for, and raises EmbeddedError.
    """
    pid_file = layout.postgres / "postmaster.pid"
    pid = read_pid(pid_file)
    line = command_line(pid) if pid is not None else ""
    program, _, arguments = line.partition(" ")
    if Path(program).name in {"postgres", "postmaster"} and _may_be_ours(arguments, data=layout.postgres):
        raise EmbeddedError(
            f"A PostgreSQL that Precision did not start works on these data (process {pid}: {line}).",
            where=layout.postgres,
            remedy=f"stop it (kill -INT {pid})",
        )
    socket = layout.postgres_socket
    for path in (pid_file, socket, socket.with_name(socket.name + ".lock")):
        path.unlink(missing_ok=True)


def _may_be_ours(arguments: str, *, data: Path) -> bool:
    """Return False only when the arguments name a data folder that is surely another one."""
    words = arguments.split(" ")
    folder = words[words.index("-D") + 1] if "-D" in words[:-1] else ""
    return not folder.startswith("/") or Path(folder).resolve() == data or str(data) in arguments
