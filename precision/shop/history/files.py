"""Files that outlive a crash: written, forced to the disk, renamed; one writer at a time, orphans swept later."""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from precision.shop.history.errors import HistoryError, LakeDamagedError, LakeUnwritableError
from precision.shop.history.manifest import NAME, File, Manifest, load

LOCK = "lock"
ASIDE = "aside-"
GRACE_S = 2 * 24 * 3_600  # longer than any job reads
WRITING = "writing"
"""A mark that parts are being written; when the next writer finds it, the last one did not end well."""


@contextmanager
def writer(root: Path) -> Iterator[None]:
    """Wait until nobody else writes the lake, and keep others out; an OSError within becomes LakeUnwritableError.

    The lock belongs to the process: the system takes it back from a process that is killed.
    """
    try:
        make_folder(root)
        with (root / LOCK).open("wb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise LakeUnwritableError(
            f"The history in {root} cannot be written: {error.strerror or error}; the lake is as it was before. Make "
            "room or give this user the right to write there (setting HISTORY names another folder), then try again."
        ) from error


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, so that they are there after a crash."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force the folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(root: Path, manifest: Manifest) -> None:
    """Make the manifest the lake's; readers see the old one or the new one, whatever happens."""
    draft = root / f"{NAME}.draft"
    with draft.open("wb") as file:
        file.write(manifest.encoded())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(root / NAME)
    sync_folder(root)


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Sweep what an earlier writer left behind, and what this block leaves behind when it fails.

    A writer that is killed leaves its mark, by which the next one knows that there is something to sweep.
    """
    mark = root / WRITING
    if mark.exists():
        sweep(root)
    mark.touch()
    try:
        yield
    except BaseException:
        sweep(root)
        raise
    finally:
        remove([mark])


def publish(root: Path, manifest: Manifest, *, now: int) -> None:
    """Make the manifest the lake's, and delete what has been retired for long enough; `now` in epoch seconds."""
    expired = [each for each in manifest.retired if each.since < now - GRACE_S]
    put(root, replace(manifest, retired=tuple(each for each in manifest.retired if each not in expired)))
    remove(root / each.path for each in expired)


def sweep(root: Path) -> list[Path]:
    """Delete the Parquet files that the manifest does not name; return them. The caller is the only writer."""
    try:
        current = load(root)
    except HistoryError:
        return []  # what cannot be read might name any of them
    known: set[str] = set()
    if current is not None:
        known.update(file.path for file in current.files())
        known.update(each.path for each in current.retired)
    orphans = [
        path
        for path in root.rglob("*.parquet")
        if (name := path.relative_to(root).as_posix()) not in known and not name.startswith(ASIDE)
    ]
    remove(orphans)
    return orphans


def set_aside(root: Path) -> Path:
    """Move all that lies in the lake to a folder within it that nobody reads or sweeps; return that folder."""
    folder = root / f"{ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    folder.mkdir()
    for path in list(root.iterdir()):
        if path.name not in {LOCK, WRITING} and not path.name.startswith(ASIDE):
            path.rename(folder / path.name)
    sync_folder(root)
    return folder


def remove(paths: Iterable[Path]) -> None:
    """Delete the files, those already gone too."""
    for path in paths:
        path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return the SHA-256 of the file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_verified: set[tuple[Path, int, int]] = set()


def verify(root: Path, files: Iterable[File]) -> None:
    """Raise LakeDamagedError unless each file holds what was written; a file is read once per process."""
    for file in files:
        path = root / file.path
        try:
            found = path.stat()
        except OSError as error:
            raise LakeDamagedError(_damaged(path, f"it cannot be opened: {error.strerror}")) from error
        seen = (path, found.st_size, found.st_mtime_ns)
        if seen in _verified:
            continue
        if found.st_size != file.bytes:
            raise LakeDamagedError(_damaged(path, f"it has {found.st_size} bytes, not {file.bytes}"))
        if digest(path) != file.sha256:
            raise LakeDamagedError(_damaged(path, "its content is not what was written (SHA-256 differs)"))
        _verified.add(seen)


def _damaged(path: Path, what: str) -> str:
    return (
        f"A file of the history is damaged, {path}: {what}. Restore it from a backup, or run "
        "export_history --rebuild, which writes the lake anew from PostgreSQL and from the sound files."
    )
