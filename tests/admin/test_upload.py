"""Staff send files: they look first, then import; nothing is written before, nothing lies about afterwards."""

import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from precision.engine import isolation
from precision.engine.display import duration
from precision.engine.isolation import IsolatedCommandError
from precision.shop import tasks, uploads
from precision.shop.admin import uploading
from precision.shop.importing import ImportRefusedError, import_files
from precision.shop.mapping import parse
from precision.shop.models import Identity, ImportBatch, Order, Platform
from tests.shop.imports import LINES, ROWS, content

pytestmark = pytest.mark.django_db
HERE = "admin:precision_shop_importbatch_upload"
BAD = ROWS + "3,=cmd|' /C calc,2024-03-03,tea,<b>0</b>,1\n"


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Path:
    settings.VAR = tmp_path / "var"
    return tmp_path / "var"


def send(browser: Client, platform: Platform, *, mapping: str = LINES, **files: str | bytes) -> Any:
    sent = [
        SimpleUploadedFile(name.replace("_", "."), data if isinstance(data, bytes) else data.encode())
        for name, data in (files or {"lines_csv": BAD}).items()
    ]
    return browser.post(reverse(HERE), {"platform": platform.pk, "mapping": mapping, "sent": sent})


def decide(browser: Client, looked: Any, what: str = "confirm") -> Any:
    return browser.post(reverse(HERE), {"upload": looked.context["upload"], what: ""}, follow=True)


def kept(var: Path) -> list[Path]:
    return sorted((var / "uploads").iterdir()) if (var / "uploads").exists() else []


def test_looking_writes_nothing(staff: Client, platform: Platform, var: Path) -> None:
    before = content()
    looked = send(staff, platform)
    text = looked.content.decode()
    for part in (
        "Look before importing",
        "known already",
        "&lt;b&gt;0&lt;/b&gt;",
        "First records: order",
        "lines.csv",
    ):
        assert part in text, part
    assert "<b>0</b>" not in text
    assert str(var) not in text
    assert content() == before
    assert not ImportBatch.objects.exists()
    assert not (var / "rejects").exists()
    assert len(kept(var)) == 2
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept(var))
    assert stat.S_IMODE((var / "uploads").stat().st_mode) == 0o700
    assert "no-store" in looked["Cache-Control"]


def test_what_was_looked_at_is_imported(staff: Client, platform: Platform, var: Path) -> None:
    looked = send(staff, platform)
    done = decide(staff, looked)
    batch = ImportBatch.objects.get()
    assert (batch.status, batch.accepted, batch.rejected, batch.message) == ("done", 3, 1, "")
    assert [(file["name"], file["rows"]) for file in batch.files] == [("lines.csv", 4)]
    assert "lines.csv" in Path(batch.rejects_file).read_text()
    assert done.redirect_chain[-1][0].endswith(f"/{batch.pk}/change/")
    assert Order.objects.count() == 2
    assert kept(var) == []
    again = decide(staff, looked)
    assert "not kept any more" in again.content.decode()
    assert ImportBatch.objects.count() == 1


def test_giving_up_removes_the_files(staff: Client, platform: Platform, var: Path) -> None:
    decide(staff, send(staff, platform), "cancel")
    assert kept(var) == []
    assert not Order.objects.exists()
    assert not ImportBatch.objects.exists()


def test_large_files_go_to_a_worker(
    staff: Client, platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "AT_ONCE", 10)
    queued: list[list[Any]] = []
    monkeypatch.setattr(tasks.import_upload, "apply_async", lambda given, retry: queued.append(given))
    decide(staff, send(staff, platform))
    batch = ImportBatch.objects.get()
    assert (batch.status, Order.objects.count(), len(kept(var))) == ("waiting", 0, 2)
    ((number, token),) = queued
    uploads.run(number, token)
    batch.refresh_from_db()
    assert (batch.status, batch.accepted, Order.objects.count(), kept(var)) == ("done", 3, 2, [])
    uploads.run(number, token)  # delivered once more
    assert ImportBatch.objects.get().accepted == 3


def test_a_worker_that_was_killed_starts_anew(platform: Platform, var: Path) -> None:
    mapping = parse(LINES)
    upload = uploads.keep(
        platform, mapping, LINES, [("lines", SimpleUploadedFile("lines.csv", ROWS.encode()))]
    )
    batch = uploads.open_batch(upload)
    ImportBatch.objects.update(status="running", message="2 of 3: check orders and lines")
    uploads.run(batch.pk, upload.token)
    assert list(ImportBatch.objects.values_list("status", "accepted", "message")) == [("done", 3, "")]


@pytest.mark.parametrize(
    ("error", "status"), [(ImportRefusedError("{} is bad."), "refused"), (ZeroDivisionError(), "failed")]
)
def test_an_import_that_fails_says_so(
    error: Exception, status: str, platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = parse(LINES)
    upload = uploads.keep(
        platform, mapping, LINES, [("lines", SimpleUploadedFile("lines.csv", ROWS.encode()))]
    )
    batch = uploads.open_batch(upload)

    def fail(*given: Any, **more: Any) -> None:
        raise type(error)(str(error).format(given[2]["lines"][0]))

    monkeypatch.setattr(uploads, "import_files", fail)
    if status == "failed":
        with pytest.raises(ZeroDivisionError):
            uploads.run(batch.pk, upload.token)
    else:
        uploads.run(batch.pk, upload.token)
    batch.refresh_from_db()
    assert batch.status == status
    assert batch.message == (
        "lines.csv is bad."
        if status == "refused"
        else "The import broke off (ZeroDivisionError); the log says more."
    )
    assert kept(var) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mapping": ""}, "Write a mapping"),
        ({"mapping": "version = 2"}, "version is 2"),
        ({"lines_txt": "a"}, "ends in &#x27;nothing&#x27;"),
        ({"lines_csv": "order,customer\n1,a\n"}, "names the column"),
        ({"lines_csv_gz": b"no gzip"}, "lines.csv.gz cannot be read as csv"),
        ({"lines_csv": ""}, "empty"),
    ],
)
def test_what_is_wrong_is_said_on_the_page(
    given: dict[str, Any], words: str, staff: Client, platform: Platform, var: Path
) -> None:
    text = send(staff, platform, **given).content.decode()
    assert words in text
    assert str(var) not in text
    assert kept(var) == []


def test_too_much_is_refused(staff: Client, platform: Platform, var: Path, settings: Any) -> None:
    settings.PRECISION_UPLOAD_MOST_BYTES = 10
    assert "at most 10 are taken" in send(staff, platform).content.decode()
    assert kept(var) == []


def test_only_the_one_who_sent_them_may_import(
    staff: Client, platform: Platform, browser_of: Callable[..., Client], var: Path
) -> None:
    looked = send(staff, platform)
    other = browser_of("view_importbatch", "add_importbatch")
    assert "not kept any more" in decide(other, looked).content.decode()
    viewer = browser_of("view_importbatch")
    assert viewer.get(reverse(HERE)).status_code == 403
    assert viewer.post(reverse(HERE), {"upload": looked.context["upload"]}).status_code == 403
    assert Client().get(reverse(HERE)).status_code == 302
    assert not Identity.objects.exists()


def test_data_sets_by_the_names_of_files() -> None:
    mapping = parse(
        'version=1\n[files.lines]\n[files.line_notes]\n[product]\nfrom="lines"\nproduct_id="a"\ntitle="b"\n'
        '[store]\nfrom="line_notes"\nstore_id="a"\n'
    )
    assert uploads.assigned(mapping, ["Lines-2024.csv.gz", "line_notes.csv"]) == {
        "Lines-2024.csv.gz": "lines", "line_notes.csv": "line_notes",
    }  # fmt: skip
    for names, words in [
        (["linesx.csv", "line_notes.csv"], "does not tell"),
        (["lines.csv"], "no file for the data set"),
    ]:
        with pytest.raises(ImportRefusedError, match=words):
            uploads.assigned(mapping, names)


def test_no_token_leads_out_of_the_folder(platform: Platform, var: Path) -> None:
    for token in ("../../secret", "", "0" * 31, "0" * 32):
        with pytest.raises(uploads.UploadGoneError):
            uploads.find(platform, token)


def waiting(platform: Platform) -> tuple[uploads.Upload, ImportBatch]:
    sent = [("lines", SimpleUploadedFile("lines.csv", ROWS.encode()))]
    upload = uploads.keep(platform, parse(LINES), LINES, sent)
    return upload, uploads.open_batch(upload)


def test_an_import_whose_process_was_killed_is_given_up(
    platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, batch = waiting(platform)

    def killed(name: str, arguments: list[str]) -> None:
        assert (name, arguments) == ("import_upload", [str(batch.pk), upload.token])
        raise IsolatedCommandError("“import_upload” ended with exit code -9.")

    monkeypatch.setattr(isolation, "run_command", killed)
    with pytest.raises(IsolatedCommandError):
        tasks.import_upload(batch.pk, upload.token)
    batch.refresh_from_db()
    assert (batch.status, kept(var)) == ("failed", [])
    assert "broken off" in batch.message
    assert batch.finished_at is not None
    uploads.run(batch.pk, upload.token)
    assert not Order.objects.exists(), "what was given up is not begun again"


def test_a_queue_that_does_not_answer_is_told(
    staff: Client, platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*given: Any, **more: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(uploading, "AT_ONCE", 10)
    monkeypatch.setattr(tasks.import_upload, "apply_async", down)
    text = decide(staff, send(staff, platform)).content.decode()
    assert "does not answer" in text
    assert (ImportBatch.objects.get().status, kept(var)) == ("failed", [])


@pytest.mark.django_db(transaction=True)
def test_one_process_at_a_time_runs_an_import(platform: Platform, var: Path) -> None:
    upload, batch = waiting(platform)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [uploads.LOCK, batch.pk])
        uploads.run(batch.pk, upload.token)
        batch.refresh_from_db()
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [uploads.LOCK, batch.pk])
    other.close()
    assert (batch.status, len(kept(var))) == ("waiting", 2)
    uploads.run(batch.pk, upload.token)
    batch.refresh_from_db()
    assert (batch.status, kept(var)) == ("done", [])


def test_what_nobody_imports_goes_after_a_day(platform: Platform, var: Path) -> None:
    upload, _ = waiting(platform)
    now = timezone.now()
    assert uploads.expire(now + timedelta(hours=23)) == 0
    assert uploads.find(platform, upload.token) == upload
    assert uploads.expire(now + timedelta(hours=25)) == 2
    assert kept(var) == []


def test_the_times_of_an_import_are_true(staff: Client, platform: Platform, var: Path) -> None:
    before = timezone.now()
    upload, batch = waiting(platform)
    ImportBatch.objects.update(started_at=before - timedelta(hours=3))  # it waited for a worker
    uploads.run(batch.pk, upload.token)
    import_files(platform, parse(LINES), {"lines": _file(var.parent)})
    after = timezone.now()
    for done in ImportBatch.objects.all():
        assert done.finished_at is not None
        assert before <= done.started_at < done.finished_at <= after
        text = staff.get(reverse("admin:precision_shop_importbatch_change", args=[done.pk])).content.decode()
        assert duration(done.finished_at - done.started_at) in text


def _file(folder: Path) -> Path:
    path = folder / "lines.csv"
    path.write_text(ROWS)
    return path


def test_an_import_that_breaks_off_at_once_is_told_on_its_page(
    staff: Client, platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = send(staff, platform)

    def fail(*given: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(uploads, "import_files", fail)
    assert "The import broke off (ZeroDivisionError)" in decide(staff, looked).content.decode()
    assert (kept(var), Order.objects.count()) == ([], 0)


def test_the_command_of_the_workers(platform: Platform, var: Path) -> None:
    upload, batch = waiting(platform)
    call_command("import_upload", str(batch.pk), upload.token)
    batch.refresh_from_db()
    assert (batch.status, batch.accepted, kept(var)) == ("done", 3, [])
