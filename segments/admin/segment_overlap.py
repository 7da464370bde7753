"""The page of how segments overlap: counts, shares and Jaccard indices of each two."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from precision.engine.models import Run
from precision.shop import scopes
from segments import definitions, membership, overlap
from segments.admin import life_pages
from segments.charts import overlap as drawn
from segments.models import Segment

TITLE = "Overlap of segments"
INTRO = "Members as they are now, changes since the run of {as_of} included."
SHOWN_ROWS = 10


class OverlapForm(life_pages.ScopeForm):
    """Which segments of which shop."""

    segments = forms.MultipleChoiceField(
        label=f"Segments (at most {overlap.MOST})", required=False,
        widget=UnfoldAdminSelectMultipleWidget(attrs={"size": SHOWN_ROWS}),
    )  # fmt: skip

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        known = {key for key, _ in self.fields["scope"].choices}  # type: ignore[attr-defined]
        scope = given.get("scope")
        rows = definitions.of_scope(scopes.read(scope)).order_by("key") if scope in known else ()
        self.rows: dict[str, Segment] = {segment.key: segment for segment in rows}
        self.fields["segments"].choices = [(key, f"{row.name} ({key})") for key, row in self.rows.items()]  # type: ignore[attr-defined]
        # Another shop was chosen: the segments of the one before fall away.
        kept = [key for key in given.getlist("segments") if key in self.rows]
        given.setlist("segments", kept or list(self.rows)[: overlap.MOST])

    def clean_segments(self) -> list[str]:
        """Return the keys; no more than a matrix takes."""
        keys = list(dict.fromkeys(self.cleaned_data["segments"]))
        if len(keys) > overlap.MOST:
            raise forms.ValidationError(f"{len(keys)} segments; at most {overlap.MOST} are compared.")
        return keys


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the matrices of the chosen segments; each is a CSV file too."""
    life_pages.may_view(request, "precision_segments.view_segment")
    form, run = life_pages.chosen(request, OverlapForm, membership.JOB)
    if not form.is_valid():
        return life_pages.respond(site, request, form, title=TITLE)
    if run is None:
        return life_pages.respond(site, request, form, title=TITLE, notices=[life_pages.NOT_COMPUTED])
    chosen = [form.rows[key] for key in form.cleaned_data["segments"]]  # type: ignore[attr-defined]
    if not chosen:
        return life_pages.respond(site, request, form, title=TITLE, notices=["This shop has no segments."])
    found = overlap.overlap(scopes.read(form.cleaned_data["scope"]), chosen)
    return life_pages.respond(
        site, request, form, title=TITLE, intro=INTRO.format(as_of=run.as_of), notices=_notices(chosen, run),
        charts=drawn.matrices(found),
    )  # fmt: skip


def _notices(chosen: list[Segment], run: Run) -> list[str]:
    fresh = [segment.name for segment in chosen if segment.updated_at > run.started_at and not segment.static]
    if not fresh:
        return []
    return [f"Not computed since they were made or changed: {', '.join(fresh)}."]
