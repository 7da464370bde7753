"""Why a list is as it is, for staff."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from precision.engine.display import NOTHING, figure
from precision.shop.admin.reports import Cell, Table, headers, number, words
from precision.shop.admin.titles import product_links
from precision.shop.models import Platform
from recommender.serving import catalogue, tracing
from recommender.serving.catalogue import Fact
from recommender.serving.customers import look
from recommender.serving.items import items
from recommender.serving.removals import TEXTS, Removal
from recommender.serving.tracing import Trace, Traced

IN_LIST = 20
PROPOSALS = 3


class TraceForm(forms.Form):
    """Whose list, and which."""

    platform = forms.ModelChoiceField(
        Platform.objects.all(), label="Shop", widget=UnfoldAdminSelectWidget, empty_label=None
    )
    kind = forms.ChoiceField(
        label="List", choices=[(kind, kind) for kind in tracing.KINDS], widget=UnfoldAdminSelectWidget
    )
    customer = forms.CharField(label="Customer id", max_length=200, widget=UnfoldAdminTextInputWidget)
    products = forms.CharField(
        label="About products (ids)", max_length=2_000, required=False, widget=UnfoldAdminTextInputWidget
    )
    explain = forms.CharField(
        label="Why is it (not) there: product id",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_products(self) -> list[str]:
        """Return the ids between the commas."""
        return [name.strip() for name in self.cleaned_data["products"].split(",") if name.strip()]


def traced(
    platform: Platform, kind: str, customer: str, *, about: Sequence[str] = (), named: str = ""
) -> dict[str, Any]:
    """Return the tables of a trace and what has to be said."""
    found = look(platform, customer=customer)
    if not found.customer_known:
        return _nothing(f"{platform} has no customer “{customer}”.")
    names = [*about, *([named] if named else [])]
    facts = catalogue.named(platform, names, price_run=found.state.run_ids.get("price-classes"))
    missing = [name for name in names if name not in facts]
    if missing:
        return _nothing(f"{platform} has no product “{'”, “'.join(missing)}”.")
    subjects = list(dict.fromkeys(facts[name].stands_for for name in about))
    if problem := tracing.problem(kind, len(subjects)):
        return _nothing(problem)
    trace = tracing.trace(
        platform, found.person, found.state, kind=kind, count=IN_LIST, about=subjects,
        named=facts[named].stands_for if named else None,
    )  # fmt: skip
    numbers = {one.product for one in trace.candidates}
    numbers |= {
        anchor for one in trace.candidates for p in one.proposals if (anchor := p.candidate.anchor) is not None
    }  # fmt: skip
    links = product_links(numbers)
    person = trace.person
    notices = [
        f"Class {person.letter}; {len(person.bought):,} products bought; "
        f"{len(person.seen):,} seen in the last days{', a visit is on' if person.live else ''}."
    ]
    if trace.choices:
        notices.append(f"Decisions of staff that hold here: {len(trace.choices):,}.")
    if named:
        notices += _told(trace, facts[named])
    return {"tables": [shown(trace, links), removed(trace, links)], "notices": notices}


def _nothing(why: str) -> dict[str, Any]:
    return {"tables": [], "notices": [why]}


def _told(trace: Trace, fact: Fact) -> list[str]:
    """Return what became of the product that was asked for."""
    one = next(one for one in trace.candidates if one.product == fact.stands_for)
    if one.removal is None:
        return [f"{fact.title} is in the list, at rank {one.rank}."]
    return [f"{fact.title} is not in the list: {TEXTS[one.removal]}"]


def shown(trace: Trace, links: Mapping[int, Any]) -> Table:
    """Return the list with the reason of each item and all that proposed it."""
    by_rank = {one.rank: one for one in trace.candidates}
    reasons = {item["rank"]: item["reason"]["text"] for item in items(trace.selection, trace.picks)}
    return Table(
        title="The list",
        headers=headers("rank", "product", "why, for the shopper", "proposed by", numbers=("boost",)),
        rows=[
            [
                number(rank), Cell(text=links.get(by_rank[rank].product, NOTHING)), words(reasons[rank]),
                Cell(text=_proposals(by_rank[rank], links)), number(by_rank[rank].weight, 2),
            ]
            for rank in sorted(reasons)
        ],
        empty="The shop sells nothing that may be shown.",
    )  # fmt: skip


def removed(trace: Trace, links: Mapping[int, Any]) -> Table:
    """Return the candidates that are not in the list, with what kept each out."""
    rows = [one for one in trace.candidates if one.rank is None]
    rows.sort(key=lambda one: (one.removal == Removal.RANK, one.first))
    return Table(
        title="Not in the list",
        headers=headers("product", "what kept it out", "proposed by", numbers=("boost",)),
        rows=[
            [
                Cell(text=links.get(one.product, NOTHING)),
                words(TEXTS[one.removal] if one.removal else NOTHING),
                Cell(text=_proposals(one, links)),
                number(one.weight, 2),
            ]
            for one in rows
        ],
        empty="Every candidate is in the list.",
    )


def _proposals(one: Traced, links: Mapping[int, Any]) -> SafeString | str:
    """Return who proposed a product, at which place, with which score and why."""
    lines = []
    for proposal in one.proposals[:PROPOSALS]:
        candidate = proposal.candidate
        score = "" if candidate.score is None else f", score {figure(candidate.score)}"
        text = f"{proposal.place}: {candidate.source.value} {candidate.method}{score}"
        anchor = candidate.anchor
        behind = links.get(anchor) if anchor is not None and anchor != one.product else None
        lines.append(format_html("{}, because of {}", text, behind) if behind else format_html("{}", text))
    return format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines)) or NOTHING
