"""The answers of the recommendation endpoints: which streams, in which order."""

import uuid
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain
from typing import Any

from precision.shop.models import Platform
from recommender.serving import catalogue
from recommender.serving.ladder import Sources, in_turn
from recommender.serving.reasons import Candidate, Code, Source
from recommender.serving.selection import Filters, Selection

UP_TIMES = Decimal(2)
"""An up-marketing offer costs at most so many times what was bought."""


def new_id() -> str:
    """Return the id of an answer, by which clicks and orders are joined to it later."""
    return uuid.uuid4().hex


def own_ids(platform: Platform, product_ids: list[str]) -> list[int]:
    """Return our ids of the shop's product ids in their order; unknown ones are left out.

    An alias gives the product it stands for. At most one query.
    """
    if not product_ids:
        return []
    rows = platform.products.filter(external_id__in=product_ids).values_list(
        "external_id", "id", "same_as_id"
    )
    found = {external: same_as or own for external, own, same_as in rows}
    return list(dict.fromkeys(found[name] for name in product_ids if name in found))


def filters(platform: Platform, given: dict[str, Any]) -> Filters:
    """Return the `filter.…` parameters as filters. At most one query."""
    names = given["category"]
    return Filters(
        categories=frozenset(catalogue.categories_named(platform, names)) if names else None,
        brands=frozenset(given["brand"]),
        price_min=given["price_min"],
        price_max=given["price_max"],
    )


def ladder(sources: Sources, selection: Selection) -> Iterable[Candidate]:
    """Yield the rungs below a personal list: session, segment, category, popular."""
    wanted = selection.filters.categories
    categories = sources.person.categories if wanted is None else sorted(wanted)
    # A caller who asks for a category is best served from its own best-sellers.
    rungs = [sources.session(), sources.segment(), sources.category(categories), sources.popular()]
    if wanted is not None:
        rungs = [sources.session(), sources.category(categories), sources.segment(), sources.popular()]
    return chain.from_iterable(rungs)


def for_you(sources: Sources, selection: Selection, count: int) -> list[Candidate]:
    """Return what this person may like; never empty while the shop sells anything that passes the filters."""
    return selection.choose([*sources.personal(), *ladder(sources, selection)], count)


def similar(sources: Sources, selection: Selection, product: int, count: int) -> list[Candidate]:
    """Return products like one product, then the best-sellers of its category, then the ladder."""
    return selection.choose(
        [
            *sources.similar([product]),
            *sources.together([product]),
            *_of_category(sources, selection, [product]),
            *ladder(sources, selection),
        ],
        count,
    )


def together(sources: Sources, selection: Selection, products: list[int], count: int) -> list[Candidate]:
    """Return what goes into one basket with the products, then similar products, then the ladder."""
    return selection.choose(
        [
            *sources.together(products),
            *sources.similar(products),
            *_of_category(sources, selection, products),
            *ladder(sources, selection),
        ],
        count,
    )


def cross(sources: Sources, selection: Selection, products: list[int], count: int) -> list[Candidate]:
    """Return what goes with what was bought; may be short: what merely sells well is no cross-selling."""
    return selection.choose(list(sources.together(products)), count, catalogue_too=False)


def up(selection: Selection, products: list[int], count: int) -> list[Candidate]:
    """Return products a step above what was bought, at most UP_TIMES as dear; may be short.

    One query a product.
    """
    selection.learn([Candidate(product, Source.PRODUCT, Code.STEP_UP) for product in products])
    streams = []
    for product in products:
        anchor = selection.known.get(product)
        steps = (
            []
            if anchor is None
            else catalogue.steps_up(
                selection.platform, anchor, price_run=selection.price_run, most_times=UP_TIMES, most=3 * count
            )
        )
        selection.known |= {fact.id: fact for fact in steps}
        streams.append([Candidate(fact.id, Source.PRODUCT, Code.STEP_UP, product) for fact in steps])
    return selection.choose(list(in_turn(streams)), count, catalogue_too=False)


def buy_again(sources: Sources, selection: Selection, count: int) -> list[Candidate]:
    """Return what the customer buys again and again, then the ladder."""
    return selection.choose([*sources.buy_again(), *sources.personal(), *ladder(sources, selection)], count)


def popular(sources: Sources, selection: Selection, count: int, *, days: int, letter: str) -> list[Candidate]:
    """Return the best-sellers of a window: of the wanted category, of a class, or of the whole shop."""
    wanted = selection.filters.categories
    first: list[Candidate] = []
    if letter:
        first = [*sources.segment_of(letter)]
    elif wanted is not None:
        first = [*sources.category(sorted(wanted))]
    windows = (days, *(other for other in (30, 90, 7) if other != days))
    return selection.choose([*first, *sources.popular(windows)], count)


def trending(sources: Sources, selection: Selection, count: int) -> list[Candidate]:
    """Return what sells faster than before, then the best-sellers."""
    wanted = selection.filters.categories
    groups = ("all",) if wanted is None else (*(f"category:{key}" for key in sorted(wanted)), "all")
    return selection.choose([*sources.trending(groups), *ladder(sources, selection)], count)


def _of_category(sources: Sources, selection: Selection, products: list[int]) -> Iterable[Candidate]:
    """Yield the best-sellers of the products' categories."""
    selection.learn([Candidate(product, Source.PRODUCT, Code.SIMILAR_TO) for product in products])
    facts = [selection.known[product] for product in products if product in selection.known]
    return sources.category(list(dict.fromkeys(fact.category for fact in facts if fact.category is not None)))
