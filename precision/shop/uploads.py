"""Files that staff sent to be imported: kept for their owner only until the import has ended, then removed."""

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.base import File
from django.db import connection
from django.utils import timezone
from rich.console import Console

from precision.engine import isolation
from precision.engine.progress import Steps
from precision.shop import mapping as mappings
from precision.shop.importing import ImportRefusedError, import_files, total_steps
from precision.shop.importing.decompressing import COMPRESSIONS
from precision.shop.importing.reading import ENDINGS
from precision.shop.models import ImportBatch, Platform

TOKEN: Final = re.compile(r"[0-9a-f]{32}")
KEPT: Final = timedelta(days=1)
"""How long files wait for somebody to import them or to give them up."""
OPEN: Final = (ImportBatch.Status.WAITING, ImportBatch.Status.RUNNING)
LOCK: Final = 0x55504C44  # namespace of the advisory lock of an import: “UPLD”
_BLOCK: Final = 1 << 20


class UploadGoneError(LookupError):
    """The files are not there (any more): they were imported, given up, or kept for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A mapping and the files of its data sets, as they lie on the disk."""

    platform: Platform
    token: str
    mapping: mappings.Mapping
    text: str
    """Of the mapping."""
    files: tuple[tuple[str, Path, str], ...]
    """Data set, path, and the name that the file came with; in the order in which they are read."""

    @property
    def paths(self) -> dict[str, list[Path]]:
        """The files by data set."""
        found: dict[str, list[Path]] = {}
        for data, path, _ in self.files:
            found.setdefault(data, []).append(path)
        return found

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for _, path, _ in self.files)

    def in_their_words(self, message: str) -> str:
        """Return the message with the names that the files came with in the place of ours."""
        for _, path, name in self.files:
            message = message.replace(str(path), name)
        return message

    def remove(self) -> None:
        """Delete the files."""
        for _, path, _ in self.files:
            path.unlink(missing_ok=True)
        _manifest(self.platform, self.token).unlink(missing_ok=True)


def keep(
    platform: Platform, mapping: mappings.Mapping, text: str, files: Sequence[tuple[str, "File[Any]"]]
) -> Upload:
    """Write the files (data set and content) where only our user can read them; `text` is that of the mapping."""
    expire(timezone.now())
    token = secrets.token_hex(16)
    in_order = sorted(files, key=lambda file: list(mapping.files).index(file[0]))
    kept: list[tuple[str, Path, str]] = []
    try:
        for number, (data, sent) in enumerate(in_order):
            name = Path(sent.name or "").name
            path = _folder() / f"{platform.key}-{token}-{number}{_endings(name)}"
            kept.append((data, path, name))
            with _private(path) as target:
                for block in sent.chunks(_BLOCK):
                    target.write(block)
        told = {
            "mapping": {"name": mapping.name, "text": text},
            "files": [[data, path.name, name] for data, path, name in kept],
        }
        with _private(_manifest(platform, token)) as target:
            target.write(json.dumps(told).encode())
    except BaseException:
        for _, path, _ in kept:
            path.unlink(missing_ok=True)
        raise
    return Upload(platform=platform, token=token, mapping=mapping, text=text, files=tuple(kept))


def find(platform: Platform, token: str) -> Upload:
    """Return what was kept; raise UploadGoneError where it is gone."""
    if not TOKEN.fullmatch(token):
        raise UploadGoneError("There is no such upload.")
    try:
        told: dict[str, Any] = json.loads(_manifest(platform, token).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UploadGoneError("The files are not kept any more; send them again.") from error
    files = tuple((data, _folder() / stored, name) for data, stored, name in told["files"])
    if not all(path.is_file() for _, path, _ in files):
        raise UploadGoneError("The files are not kept any more; send them again.")
    text = told["mapping"]["text"]
    mapping = mappings.parse(text, name=told["mapping"]["name"])
    return Upload(platform=platform, token=token, mapping=mapping, text=text, files=files)


def assigned(mapping: mappings.Mapping, names: Iterable[str]) -> dict[str, str]:
    """Return the data set of each file name; raise ImportRefusedError where it does not tell.

    All files belong to the only data set; of several each to the longest whose name theirs begins with, so `lines.csv`
    and `lines-2024.csv.gz` to `lines`.
    """
    found: dict[str, str] = {}
    for name in names:
        bare = Path(name).name.lower()
        fits = [
            data for data in mapping.files
            if bare.startswith(data.lower()) and not bare[len(data) : len(data) + 1].isalnum()
        ]  # fmt: skip
        if not fits and len(mapping.files) > 1:
            raise ImportRefusedError(
                f"The name of the file {name} does not tell its data set; let it begin with {', '.join(mapping.files)}."
            )
        found[name] = max(fits, key=len) if fits else next(iter(mapping.files))
    lacking = [data for data in mapping.files if data not in found.values()]
    if lacking:
        raise ImportRefusedError(f"There is no file for the data set {lacking[0]}.")
    return found


def open_batch(upload: Upload) -> ImportBatch:
    """Make the row that tells of the import, which waits to be run."""
    return ImportBatch.objects.create(
        platform=upload.platform,
        mapping=upload.mapping.name,
        files=[{"name": name, "bytes": path.stat().st_size, "rows": 0} for _, path, name in upload.files],
        status=ImportBatch.Status.WAITING,
    )


def run(number: int, token: str) -> None:
    """Import what was kept, and remove it; the batch tells what became of it.

    Safe to repeat: while a process is at it another does nothing, after one that was killed it begins anew.
    """
    with _alone(number) as alone:
        status = ImportBatch.Status
        rows = ImportBatch.objects.filter(pk=number)
        if not alone or not rows.filter(status__in=OPEN).update(
            status=status.RUNNING, started_at=timezone.now()
        ):
            return
        batch = rows.select_related("platform__organisation").get()
        try:
            upload = find(batch.platform, token)
        except (UploadGoneError, mappings.MappingError) as error:
            _end(batch, status.REFUSED, str(error))
            return
        try:
            with _Told(total_steps(upload.mapping), batch=batch) as steps:
                import_files(batch.platform, upload.mapping, upload.paths, steps=steps, batch=batch)
        except ImportRefusedError as error:
            _end(batch, status.REFUSED, upload.in_their_words(str(error)))
        except Exception as error:
            _end(batch, status.FAILED, f"The import broke off ({type(error).__name__}); the log says more.")
            raise
        finally:
            upload.remove()


@contextmanager
def _alone(number: int) -> Iterator[bool]:
    """Hold the lock of an import; give False where another process holds it (a queue may hand out work twice)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, number])
        ((held,),) = cursor.fetchall()
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, number])


def run_apart(number: int, token: str) -> None:
    """Do `run` in a process of its own; where that is killed, the batch says so and the files go."""
    try:
        isolation.run_command("import_upload", [str(number), token])
    except isolation.IsolatedCommandError:
        batch = ImportBatch.objects.select_related("platform").get(pk=number)
        give_up(
            batch, token, "The import was broken off; the log of the worker says more. Nothing was loaded."
        )
        raise


def give_up(batch: ImportBatch, token: str, why: str) -> None:
    """Say that an import that has not ended will not be done, and remove its files."""
    ImportBatch.objects.filter(pk=batch.pk, status__in=OPEN).update(
        status=ImportBatch.Status.FAILED, message=why, finished_at=timezone.now()
    )
    with suppress(UploadGoneError, mappings.MappingError):
        find(batch.platform, token).remove()


def expire(now: datetime) -> int:
    """Delete what was sent more than a day ago and not imported; return how many files that were."""
    gone = 0
    for path in _folder().iterdir():
        with suppress(FileNotFoundError):  # its import has ended meanwhile
            if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) < now - KEPT:
                path.unlink()
                gone += 1
    return gone


class _Told(Steps):
    """Steps that the batch tells of while they run; on a connection of their own, outside the import's transaction."""

    def __init__(self, total: int, *, batch: ImportBatch) -> None:
        super().__init__(total, console=Console(quiet=True))
        self._batch = batch
        self._own = connection.copy()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self._own.close()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Count one step."""
        with self._own.cursor() as cursor:
            cursor.execute(
                "UPDATE precision_shop_importbatch SET message = %s WHERE id = %s",
                [f"{self._done + 1} of {self.total}: {title}", self._batch.pk],
            )
        with super().step(title):
            yield


def _end(batch: ImportBatch, status: ImportBatch.Status, message: str) -> None:
    ImportBatch.objects.filter(pk=batch.pk, status=ImportBatch.Status.RUNNING).update(
        status=status, message=message, finished_at=timezone.now()
    )


def _folder() -> Path:
    folder = Path(getattr(settings, "VAR", "var")) / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _manifest(platform: Platform, token: str) -> Path:
    return _folder() / f"{platform.key}-{token}.json"


def _private(path: Path) -> Any:
    """Open a new file that only our user can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _endings(name: str) -> str:
    """Return the endings by which a reader knows what the file is; of any other file nothing."""
    path = Path(name.lower())
    packed = path.suffix if path.suffix in COMPRESSIONS else ""
    plain = (path.with_suffix("") if packed else path).suffix
    return f"{plain if plain in ENDINGS else ''}{packed}"
