"""Which names mean one thing, and which of them stands for the others, from the accepted links between
them.
"""

from collections.abc import Iterable, Mapping

Link = tuple[int, int]


def groups(links: Iterable[Link]) -> dict[int, int]:
    """Return for each product in the links the smallest number of those it hangs together with, by any
    chain.
    """
    root: dict[int, int] = {}

    def find(product: int) -> int:
        while root.setdefault(product, product) != product:
            root[product] = root[root[product]]
            product = root[product]
        return product

    for product, other in links:
        low, high = sorted((find(product), find(other)))
        root[high] = low
    return {product: find(product) for product in sorted(root)}


def representatives(links: Iterable[Link], platforms: Mapping[int, int]) -> dict[int, int]:
    """Return for each product that another stands for the number of that other product.

    `links` are pairs (product, other) that mean the same thing, the first being the one that named the
    second; `platforms` gives the platform of each product in them. A platform's part of a group is counted
    as one of its own products: of those that name others the one that is itself named least, of equals the
    oldest (smallest number). Products that stand for themselves are left out. The answer depends on the set
    of links only, so taking one away undoes what it did.
    """
    pairs = set(links)
    named: dict[int, int] = {}
    naming = {product for product, _ in pairs}
    for _, other in pairs:
        named[other] = named.get(other, 0) + 1
    parts: dict[tuple[int, int], list[int]] = {}
    for product, group in groups(pairs).items():
        parts.setdefault((group, platforms[product]), []).append(product)
    stands_for: dict[int, int] = {}
    for members in parts.values():
        chosen = min(members, key=lambda one: (one not in naming, named.get(one, 0), one))
        stands_for.update({one: chosen for one in members if one != chosen})
    return stands_for
