"""Chosen products in the shape of the API."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from precision.shop.models import Platform
from recommender.serving import catalogue
from recommender.serving.catalogue import Fact
from recommender.serving.reasons import TEXTS, Code
from recommender.serving.selection import Pick, Selection

CENT = Decimal("0.01")
_ANCHORED = frozenset(code for code, text in TEXTS.items() if "{anchor}" in text)


def items(selection: Selection, picks: Sequence[Pick], *, first: int = 1) -> list[dict[str, Any]]:
    """Return the picks in the shape of the API, ranked from `first` on. At most one query, for products behind them."""
    anchors = {pick.candidate.anchor for pick in picks if pick.candidate.anchor is not None}
    known = selection.facts(anchors) if anchors else {}
    return [
        _item(selection.platform, pick, known.get(pick.candidate.anchor or 0), rank)
        for rank, pick in enumerate(picks, start=first)
    ]


def _item(platform: Platform, pick: Pick, anchor: Fact | None, rank: int) -> dict[str, Any]:
    """Return one item; a reason whose anchor or category is unknown is given in general words."""
    candidate, fact, _ = pick
    code = candidate.code
    if anchor is None and code in _ANCHORED:
        code = Code.PEOPLE_LIKE_YOU
    text = TEXTS[code]
    if code == Code.POPULAR_IN_CATEGORY:
        path = catalogue.path_of(platform, fact.category) if fact.category is not None else ()
        if path:
            text = text.format(category=path[-1])
        else:
            code, text = Code.POPULAR, TEXTS[Code.POPULAR]
    elif anchor is not None and code in _ANCHORED:
        text = text.format(anchor=anchor.title)
    shows_anchor = anchor is not None and anchor.id != fact.id
    return {
        "product_id": fact.external_id,
        "title": fact.title,
        "price": None if fact.price is None else money(fact.price),
        "usual_price": None
        if fact.price is not None or fact.usual_price is None
        else money(fact.usual_price),
        "currency": fact.currency,
        "url": fact.url,
        "image_url": fact.image_url,
        "source": candidate.source,
        "reason": {
            "code": code,
            "text": text,
            "anchor": {"product_id": anchor.external_id, "title": anchor.title}
            if anchor is not None and shows_anchor
            else None,
        },
        "rank": rank,
    }


@lru_cache(maxsize=10_000)
def money(amount: Decimal) -> str:
    """Return an amount as the API writes it: two decimals, or four where the amount has them."""
    cents = amount.quantize(CENT)
    return str(cents if cents == amount else amount.quantize(Decimal("0.0001")))
