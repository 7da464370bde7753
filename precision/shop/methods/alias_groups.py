"""Which product stands for which, from the accepted links between names."""

from collections.abc import Iterable, Mapping

Link = tuple[int, int]


def representatives(links: Iterable[Link], platforms: Mapping[int, int]) -> dict[int, int]:
    """Return for each product that another stands for the number of that other product.

    `links` are pairs (product, other) that mean the same thing, the first being the one that named the second;
    `platforms` gives the platform of each product in them. Products that hang together through any chain of links are
    one thing. A platform's part of such a group is counted as one of its own products: the one that others are
    named by and that is itself named by the fewest, of equals the oldest (smallest number). Products that stand for
    themselves are left out. The answer depends on the set of links only, so taking one away undoes what it did.
    """
    pairs = sorted(set(links))
    root: dict[int, int] = {}

    def find(product: int) -> int:
        while root.setdefault(product, product) != product:
            root[product] = root[root[product]]
            product = root[product]
        return product

    named: dict[int, int] = {}
    naming: dict[int, int] = {}
    for product, other in pairs:
        root[max(find(product), find(other))] = min(find(product), find(other))
        naming[product] = naming.get(product, 0) + 1
        named[other] = named.get(other, 0) + 1
    parts: dict[tuple[int, int], list[int]] = {}
    for product in sorted(root):
        parts.setdefault((find(product), platforms[product]), []).append(product)
    stands_for: dict[int, int] = {}
    for members in parts.values():
        chosen = min(members, key=lambda one: (one not in naming, named.get(one, 0), one))
        stands_for.update({one: chosen for one in members if one != chosen})
    return stands_for
