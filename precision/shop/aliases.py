"""Names of the same product: what the shop declares, what we suggest, and what a person decides.

Only accepted links join anything: `Product.same_as` is recomputed from all of them, so refusing one undoes
exactly what accepting it did.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from precision.shop.alias_candidates import LEFT_OVER, SIMILAR, catalogue, left_over_names, similar_names
from precision.shop.methods.alias_groups import groups, representatives
from precision.shop.methods.alias_suggestions import normal
from precision.shop.models import Organisation, Product, ProductAlias

SHOP = "shop"
"""Method of a link that the shop itself declared."""
MOST_OPEN = 100
"""Open suggestions of one method for one platform, or pair of platforms: what a person can look through."""
NAMES = "names"
"""Key of the evidence of a declared link: the names by which the shop declares it."""
SUGGESTED_BY = "suggested_by"
"""Key of the evidence of a declared link that was a suggestion before: the method of that."""
LOCK = 0x414C4941  # namespace of the advisory lock of an organisation's names: “ALIA”


@transaction.atomic
def link_declared(organisation: Organisation) -> int:
    """Accept the links that products declare in `aliases`, take back those that none declares any more; return
    how many are new.

    A name is looked up as a product id of the same platform, then as a product id that only one other
    platform of the organisation has, then as a title (ignoring case) wherever only one product of a
    platform has it. A name that leads nowhere waits for a later import. What a person decided stays as it
    is, and so does a link whose name is still declared but has come to mean something else.
    """
    _lock(organisation)
    taken_back = _take_back(organisation)
    new = _link(organisation)
    if new or taken_back:
        recompute(organisation)
    return new


@transaction.atomic
def take_back_undeclared(organisation: Organisation) -> int:
    """Take back the links that no product declares any more; return how many.

    Cheaper than `link_declared`: it looks at the links alone, for whoever knows that no new name came.
    """
    _lock(organisation)
    count = _take_back(organisation)
    if count:
        recompute(organisation)
    return count


def _take_back(organisation: Organisation) -> int:
    """Undo the declared links of which neither product gives a name any more; return how many.

    What was a suggestion before the shop declared it waits for a person again; another link goes.
    """
    links = ProductAlias.objects.filter(
        product__platform__organisation=organisation, method=SHOP, status=ProductAlias.Status.ACCEPTED,
        decided_by=None,
    ).select_related("product", "other")  # fmt: skip
    gone: list[int] = []
    again: list[ProductAlias] = []
    for link in links:
        names = link.evidence.get(NAMES, ())
        if not {*link.product.aliases, *link.other.aliases}.isdisjoint(names):
            continue
        method = link.evidence.get(SUGGESTED_BY)
        if method is None:
            gone.append(link.pk)
            continue
        link.status, link.method, link.decided_at = ProductAlias.Status.SUGGESTED, method, None
        link.evidence = {k: v for k, v in link.evidence.items() if k not in (NAMES, SUGGESTED_BY)}
        again.append(link)
    ProductAlias.objects.filter(pk__in=gone).delete()
    ProductAlias.objects.bulk_update(again, ["status", "method", "decided_at", "evidence"], batch_size=1_000)
    return len(gone) + len(again)


def _link(organisation: Organisation) -> int:
    """Accept the declared links; return how many are new."""
    declaring = Product.objects.filter(platform__organisation=organisation).exclude(aliases=[])
    declared = list(declaring.order_by("pk").values_list("pk", "platform_id", "aliases"))
    if not declared:
        return 0
    names = _Names(organisation, {name for _, _, aliases in declared for name in aliases})
    wanted: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for product, platform, aliases in declared:
        for name in aliases:
            for other in names.products(name, platform):
                if other != product:
                    wanted[product, other].add(name)
    known: dict[tuple[int, int], ProductAlias] = {}
    for alias in ProductAlias.objects.filter(product__platform__organisation=organisation):
        known[alias.product_id, alias.other_id] = known[alias.other_id, alias.product_id] = alias
    now = timezone.now()
    new: list[ProductAlias] = []
    changed: dict[tuple[int, int], ProductAlias] = {}
    count = 0
    for (product, other), given in sorted(wanted.items()):
        if (product, other) not in known:
            known[product, other] = known[other, product] = ProductAlias(
                product_id=product,
                other_id=other,
                method=SHOP,
                status=ProductAlias.Status.ACCEPTED,
                evidence={NAMES: sorted(given)},
                decided_at=now,
            )
            new.append(known[product, other])
            continue
        alias = known[product, other]
        if alias.status == ProductAlias.Status.SUGGESTED:
            alias.evidence = {**alias.evidence, SUGGESTED_BY: alias.method}
            alias.status, alias.method, alias.decided_at = ProductAlias.Status.ACCEPTED, SHOP, now
            count += 1
        elif alias.method != SHOP or alias.decided_by_id or given <= set(alias.evidence.get(NAMES, ())):
            continue
        alias.evidence[NAMES] = sorted({*alias.evidence.get(NAMES, ()), *given})
        if alias.pk:
            changed[alias.product_id, alias.other_id] = alias
    ProductAlias.objects.bulk_create(new, batch_size=1_000)
    ProductAlias.objects.bulk_update(
        changed.values(), ["status", "method", "decided_at", "evidence"], batch_size=1_000
    )
    return count + len(new)


@transaction.atomic
def suggest(organisation: Organisation) -> int:
    """Write down which names may mean the same product, for a person to decide; return how many pairs are
    new.

    A pair is suggested once: what was refused is not asked again. Nothing is joined here.
    """
    _lock(organisation)
    platforms = list(organisation.platforms.order_by("pk"))
    catalogues = [catalogue(platform) for platform in platforms]
    links = ProductAlias.objects.filter(product__platform__organisation=organisation)
    known = set(links.values_list("product_id", "other_id"))
    accepted = links.filter(status=ProductAlias.Status.ACCEPTED).values_list("product_id", "other_id")
    group = groups(accepted)
    spread = Counter(name for each in catalogues for name in {normal(title) for title in each.titles})
    new: list[ProductAlias] = []
    for each in catalogues:
        free = (
            MOST_OPEN
            - links.filter(
                status=ProductAlias.Status.SUGGESTED, method=SIMILAR, product__platform=each.platform
            ).count()
        )
        new += similar_names(each, known=known, group=group, spread=spread, limit=free)
    for mine, theirs in combinations(catalogues, 2):
        free = MOST_OPEN - links.filter(
            status=ProductAlias.Status.SUGGESTED, method=LEFT_OVER, product__platform=mine.platform,
            other__platform=theirs.platform,
        ).count()  # fmt: skip
        new += left_over_names(mine, theirs, known=known, group=group, limit=free)
    ProductAlias.objects.bulk_create(new, batch_size=1_000)
    return len(new)


def accept(alias: ProductAlias, by: AbstractBaseUser | None) -> bool:
    """Join the two products; return False when they were joined by this link already."""
    return _decide(alias, ProductAlias.Status.ACCEPTED, by)


def refuse(alias: ProductAlias, by: AbstractBaseUser | None) -> bool:
    """Keep the two products apart, also when the link was accepted before; return False when it was refused
    already.
    """
    return _decide(alias, ProductAlias.Status.REFUSED, by)


@transaction.atomic
def recompute(organisation: Organisation) -> int:
    """Set `same_as` of all products of the organisation from its accepted links; return how many products
    changed.
    """
    _lock(organisation)
    products = Product.objects.filter(platform__organisation=organisation)
    links = ProductAlias.objects.filter(
        product__platform__organisation=organisation, other__platform__organisation=organisation,
        status=ProductAlias.Status.ACCEPTED,
    )  # fmt: skip
    pairs = list(links.values_list("product_id", "other_id"))
    platforms = dict(
        products.filter(pk__in={number for pair in pairs for number in pair}).values_list("pk", "platform_id")
    )
    wanted = representatives(pairs, platforms)
    before = dict(products.filter(same_as__isnull=False).values_list("pk", "same_as_id"))
    changed = sorted(number for number in {*wanted, *before} if wanted.get(number) != before.get(number))
    Product.objects.bulk_update(
        [Product(pk=number, same_as_id=wanted.get(number)) for number in changed],
        ["same_as"],
        batch_size=1_000,
    )
    return len(changed)


@transaction.atomic
def _decide(alias: ProductAlias, status: ProductAlias.Status, by: AbstractBaseUser | None) -> bool:
    """Give the link its new status and let it work; return False when it has that status already."""
    organisation = alias.product.platform.organisation
    _lock(organisation)
    now = timezone.now()
    changed = (
        ProductAlias.objects.filter(pk=alias.pk).exclude(status=status).update(
            status=status, decided_by=by, decided_at=now
        )
    )  # fmt: skip
    alias.refresh_from_db()
    if changed:
        recompute(organisation)
    return bool(changed)


def _lock(organisation: Organisation) -> None:
    """Let one transaction at a time decide on the organisation's names."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, organisation.pk])


class _Names:
    """Finds the products of an organisation that given names mean."""

    def __init__(self, organisation: Organisation, names: Iterable[str]) -> None:
        wanted = {name.strip() for name in names}
        folded = {name.casefold() for name in wanted}
        products = Product.objects.filter(platform__organisation=organisation)
        self.by_id: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self.by_title: defaultdict[str, dict[int, list[int]]] = defaultdict(dict)
        found = products.filter(Q(external_id__in=wanted))
        for number, platform, external_id in found.values_list("pk", "platform_id", "external_id"):
            self.by_id[external_id][platform] = number
        for number, platform, title in products.filter(listed=True).values_list("pk", "platform_id", "title"):
            if title.casefold() in folded:
                self.by_title[title.casefold()].setdefault(platform, []).append(number)

    def products(self, name: str, platform: int) -> list[int]:
        """Return the products that the name means, as seen from a platform."""
        name = name.strip()
        numbers = self.by_id.get(name, {})
        if platform in numbers:
            return [numbers[platform]]
        if len(numbers) == 1:
            return list(numbers.values())
        titles = self.by_title.get(name.casefold(), {})
        return [found[0] for found in titles.values() if len(found) == 1]
