"""The page on which staff send files: look what would become of them, then import them."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import polars as pl
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from kombu.exceptions import OperationalError
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from precision.engine.display import NOTHING
from precision.engine.staff import StaffAdmin, go_to
from precision.shop import mapping as mappings
from precision.shop import tasks, uploads
from precision.shop.admin import reports
from precision.shop.admin.reports import Table
from precision.shop.importing import ImportRefusedError
from precision.shop.importing.preview import Preview, preview
from precision.shop.models import ImportBatch, Platform
from precision.shop.uploads import Upload, UploadGoneError

logger = logging.getLogger(__name__)
MOST_BYTES: Final = 1 << 30
"""Bytes of all files of one upload; the setting PRECISION_UPLOAD_MOST_BYTES says otherwise."""
MOST_FILES: Final = 50
MOST_MAPPING: Final = 256 * 1024
AT_ONCE: Final = 4 << 20
"""Bytes up to which files are imported while the browser waits; more is left to a worker."""
SALT: Final = "precision.upload"
GOOD_FOR_S: Final = 24 * 3600
TEMPLATE: Final = "precision_shop/upload.html"


class _Files(forms.ClearableFileInput):
    """The browser's own choice of several files."""

    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files."""

    widget = _Files(attrs={"class": " ".join(INPUT_CLASSES)})

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files; raise ValidationError when there are none, or they are too many or too large."""
        given = data if isinstance(data, list | tuple) else [data]
        files = [super(_FilesField, self).clean(one, initial) for one in given]
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"There are {len(files)} files; send {MOST_FILES} at most.")
        most = getattr(settings, "PRECISION_UPLOAD_MOST_BYTES", MOST_BYTES)
        size = sum(file.size for file in files)
        if size > most:
            raise forms.ValidationError(
                f"The files have {size:,} bytes; at most {most:,} are taken. Use import_shop for larger ones."
            )
        names = [file.name for file in files]
        if len(set(names)) < len(names):
            raise forms.ValidationError("Two files have the same name; rename one of them.")
        return files


class UploadForm(forms.Form):
    """A shop, a mapping and the files."""

    platform = forms.ModelChoiceField(
        Platform.objects.select_related("organisation"),
        label="Shop",
        widget=UnfoldAdminSelectWidget,
        empty_label=None,
    )
    mapping = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 14, "spellcheck": "false"}),
        help_text="TOML, as docs/intake.md describes it; or a file with it.",
    )
    mapping_file = forms.FileField(required=False, widget=UnfoldAdminFileFieldWidget, label="Mapping file")
    sent = _FilesField(
        label="Files", help_text="CSV, JSON Lines or Parquet, also .gz and .zst; named like their data sets."
    )

    def clean(self) -> dict[str, Any]:
        """Read the mapping, and find the data set of each file."""
        data = super().clean() or {}
        text, name = data.get("mapping", ""), "mapping"
        sent = data.get("mapping_file")
        if sent is not None:
            if sent.size > MOST_MAPPING:
                raise forms.ValidationError(
                    {"mapping_file": f"A mapping has {MOST_MAPPING:,} bytes at most."}
                )
            try:
                text, name = sent.read().decode("utf-8-sig"), sent.name
            except UnicodeDecodeError:
                raise forms.ValidationError({"mapping_file": "The mapping is not UTF-8."}) from None
        if not text.strip():
            raise forms.ValidationError({"mapping": "Write a mapping, or choose a file with one."})
        try:
            data["read"] = mappings.parse(text, name=name[:300])
            data["text"] = text
            if data.get("sent"):
                data["assigned"] = uploads.assigned(data["read"], [file.name for file in data["sent"]])
        except mappings.MappingError as error:
            raise forms.ValidationError({"mapping": str(error)}) from error
        except ImportRefusedError as error:
            raise forms.ValidationError({"sent": str(error)}) from error
        return data


def page(admin: StaffAdmin, request: HttpRequest) -> HttpResponse:
    """Return the page of one step: choose, look, import."""
    if request.method == "POST" and "upload" in request.POST:
        return _decided(admin, request)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _respond(admin, request, form=form)
    data = form.cleaned_data
    kept = uploads.keep(
        data["platform"], data["read"], data["text"],
        [(data["assigned"][file.name], file) for file in data["sent"]],
    )  # fmt: skip
    try:
        found = preview(kept.platform, kept.mapping, kept.paths)
    except ImportRefusedError as error:
        kept.remove()
        form.add_error(None, kept.in_their_words(str(error)))
        return _respond(admin, request, form=form)
    except BaseException:
        kept.remove()
        raise
    told = {"platform": kept.platform.pk, "token": kept.token, "user": request.user.pk}
    return _respond(
        admin, request, form=form, kept=kept, found=found, tables=_tables(kept, found),
        upload=signing.dumps(told, salt=SALT),
    )  # fmt: skip


def _decided(admin: StaffAdmin, request: HttpRequest) -> HttpResponse:
    """Import what was looked at, or give it up."""
    here = reverse("admin:precision_shop_importbatch_upload")
    try:
        told = signing.loads(request.POST["upload"], salt=SALT, max_age=GOOD_FOR_S)
        if told["user"] != request.user.pk:
            raise signing.BadSignature
        platform = Platform.objects.select_related("organisation").get(pk=told["platform"])
        kept = uploads.find(platform, told["token"])
    except (signing.BadSignature, Platform.DoesNotExist, UploadGoneError, mappings.MappingError):
        messages.error(request, "These files are not kept any more; send them again.")
        return go_to(request, here)
    if "cancel" in request.POST:
        kept.remove()
        messages.info(request, "The files were removed; nothing was imported.")
        return go_to(request, here)
    batch = uploads.open_batch(kept)
    admin.log_addition(
        request, batch, f"Files sent for {platform.key}: {', '.join(n for *_, n in kept.files)}"
    )
    if kept.size <= AT_ONCE:
        try:
            uploads.run(batch.pk, kept.token)
        except Exception:  # the batch says so, and its page tells it better than an error page
            logger.exception("The import %s broke off.", batch.pk)
    else:
        _hand_over(request, batch, kept)
    batch.refresh_from_db()
    if batch.status == ImportBatch.Status.DONE:
        messages.success(
            request,
            f"{batch.rows:,} rows were read: {batch.accepted:,} new, {batch.updated:,} changed, "
            f"{batch.duplicate:,} known already; {batch.rejected:,} refused.",
        )
    elif batch.message:
        messages.error(request, batch.message)
    return go_to(request, admin.page_of(batch))


def _hand_over(request: HttpRequest, batch: ImportBatch, kept: Upload) -> None:
    """Leave a large import to a worker."""
    try:
        tasks.import_upload.apply_async([batch.pk, kept.token], retry=False)
    except OperationalError:
        uploads.give_up(
            batch, kept.token, "The queue of the workers does not answer; send the files again later."
        )
    else:
        messages.info(
            request, "The files are large: a worker imports them, and this page tells how far it is."
        )


def _respond(
    admin: StaffAdmin,
    request: HttpRequest,
    *,
    form: UploadForm,
    kept: Upload | None = None,
    found: Preview | None = None,
    tables: Sequence[Table] = (),
    upload: str = "",
) -> TemplateResponse:
    context = {
        **admin.admin_site.each_context(request),
        "title": "Look before importing" if found else "Import files",
        "opts": admin.model._meta,
        "form": form,
        "kept": kept,
        "found": found,
        "page": {"tables": tables},
        "upload": upload,
        "names": [name for *_, name in kept.files] if kept else [],
    }
    return TemplateResponse(request, TEMPLATE, context)


def _tables(kept: Upload, found: Preview) -> list[Table]:
    """Return the tables of a preview: counts, refusals, and the first records of each kind."""
    outcomes = ("accepted", "updated", "duplicate", "rejected")
    kinds = {"rows of the files": found.summary.rows, **found.summary.kinds}
    names = [name for *_, name in kept.files]
    made = [
        Table(
            title="What would become of them",
            headers=reports.headers("", numbers=["new", "changed", "known already", "refused"]),
            rows=[
                [
                    reports.words(kind, short=True),
                    *(reports.count(getattr(told, name), alarming=name == "rejected") for name in outcomes),
                ]
                for kind, told in kinds.items()
            ],
        )
    ]
    if found.refusals.height:
        total = sum(found.summary.rejected_by.values())
        made.append(
            Table(
                title="Refused",
                headers=reports.headers("file", "row", "column", "value", "why"),
                rows=[
                    [
                        reports.words(names[row["file"]]), reports.count(row["row"]), reports.words(row["column"]),
                        reports.words(row["value"]), reports.words(row["reason"]),
                    ]
                    for row in found.refusals.iter_rows(named=True)
                ],
                note=f"The first {found.refusals.height} of {total:,}.",
            )
        )  # fmt: skip
    made.extend(
        Table(
            title=f"First records: {kind}",
            headers=reports.headers(*sample.columns),
            rows=[[reports.words(_shown(value)) for value in row] for row in sample.iter_rows()],
        )
        for kind, sample in found.samples.items()
        if sample.height
    )
    return made


def _shown(value: Any) -> str:
    """Return a value of a record for people."""
    if value is None or value == "":
        return NOTHING
    text = ", ".join(map(str, value)) if isinstance(value, list | pl.Series) else str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"
