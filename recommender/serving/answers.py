"""The answers of the recommendation endpoints: which streams, in which order."""

from collections.abc import Iterable

from recommender.serving import catalogue, marketing
from recommender.serving.ladder import Sources
from recommender.serving.reasons import Candidate
from recommender.serving.selection import Pick, Selection


def own_ids(selection: Selection, product_ids: list[str]) -> list[int]:
    """Return our ids of the shop's product ids in their order; unknown ones are left out.

    An alias gives the product it stands for. At most one query.
    """
    if not product_ids:
        return []
    found = catalogue.named(selection.platform, product_ids, price_run=selection.price_run)
    return list(dict.fromkeys(found[name].stands_for for name in product_ids if name in found))


def ladder(sources: Sources, selection: Selection) -> Iterable[Candidate]:
    """Yield the rungs below a personal list: session, segment, category, popular."""
    wanted = selection.filters.categories
    categories = sources.person.categories if wanted is None else sorted(wanted)
    if not categories:
        categories = _categories_of(selection, sources.person.seen)
    yield from sources.session()
    # A caller who asks for a category is best served from its own best-sellers.
    if wanted is not None:
        yield from sources.category(categories)
    yield from sources.segment()
    if wanted is None:
        yield from sources.category(categories)
    yield from sources.popular()


def for_you(sources: Sources, selection: Selection) -> Iterable[Candidate]:
    """Yield what this person may like."""
    yield from sources.personal()
    yield from ladder(sources, selection)


def similar(sources: Sources, selection: Selection, product: int) -> Iterable[Candidate]:
    """Yield products like one product, then the best-sellers of its category, then the ladder."""
    yield from sources.similar([product])
    yield from sources.together([product])
    yield from sources.category(_categories_of(selection, [product]))
    yield from ladder(sources, selection)


def together(sources: Sources, selection: Selection, products: list[int]) -> Iterable[Candidate]:
    """Yield what goes into one basket with the products, then similar products, then the ladder."""
    yield from sources.together(products)
    yield from sources.similar(products)
    yield from sources.category(_categories_of(selection, products))
    yield from ladder(sources, selection)


def buy_again(sources: Sources, selection: Selection) -> Iterable[Candidate]:
    """Yield what the customer buys again and again, then what they may like."""
    yield from sources.buy_again()
    yield from for_you(sources, selection)


def popular(sources: Sources, selection: Selection, *, days: int, letter: str) -> Iterable[Candidate]:
    """Yield the best-sellers of a window: of the wanted category, of a class, or of the whole shop."""
    wanted = selection.filters.categories
    if letter:
        yield from sources.segment_of(letter)
    elif wanted is not None:
        yield from sources.category(sorted(wanted))
    yield from sources.popular((days, *(other for other in (30, 90, 7) if other != days)))


def trending(sources: Sources, selection: Selection, *, letter: str = "") -> Iterable[Candidate]:
    """Yield what sells faster than before, of the wanted category or a class where given; then the best-sellers."""
    wanted = selection.filters.categories
    if letter:
        yield from sources.trending((f"class:{letter}",))
    elif wanted is not None:
        yield from sources.trending(tuple(f"category:{key}" for key in sorted(wanted)))
    yield from sources.trending(("all",))
    yield from ladder(sources, selection)


def cross(sources: Sources, selection: Selection, products: list[int], count: int) -> list[Pick]:
    """Return what goes with what was bought; may be short: what merely sells well is no cross-selling."""
    stream = selection.stream(sources.together(products))
    return selection.choose(stream, count, place="guess-what-you-like", catalogue_too=False)


def up(selection: Selection, products: list[int], count: int) -> list[Pick]:
    """Return products a step above what was bought, within what this customer accepts; may be short."""
    stream = selection.stream(marketing.up(selection, products))
    return selection.choose(stream, count, place="guess-what-you-like", catalogue_too=False)


def _categories_of(selection: Selection, products: list[int]) -> list[int]:
    """Return the categories of products, in their order. At most one query."""
    if not products:
        return []
    known = selection.facts(products)
    facts = [known[product] for product in products if product in known]
    return list(dict.fromkeys(fact.category for fact in facts if fact.category is not None))
