"""Names of the same product: what the shop declares, what we suggest, and what a person decides.

Only accepted links join anything: `Product.same_as` is recomputed from all of them, so refusing one undoes exactly what
accepting it did.
"""

from collections import defaultdict
from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from precision.shop.methods.alias_groups import representatives
from precision.shop.models import Organisation, Product, ProductAlias

SHOP = "shop"
"""Method of a link that the shop itself declared."""
LOCK = 0x414C4941  # namespace of the advisory lock of an organisation's names: “ALIA”


@transaction.atomic
def link_declared(organisation: Organisation) -> int:
    """Accept the links that products declare in `aliases`; return how many are new.

    A name is looked up as a product id of the same platform, then as a product id that only one other platform of the
    organisation has, then as a title (ignoring case) wherever only one product of a platform has it. A name that
    leads nowhere waits for a later import. What a person refused stays refused.
    """
    _lock(organisation)
    declaring = Product.objects.filter(platform__organisation=organisation).exclude(aliases=[])
    declared = list(declaring.order_by("pk").values_list("pk", "platform_id", "aliases"))
    if not declared:
        return 0
    names = _Names(organisation, {name for _, _, aliases in declared for name in aliases})
    wanted = {
        (product, other)
        for product, platform, aliases in declared for name in aliases for other in names.products(name, platform)
        if other != product
    }  # fmt: skip
    known = {}
    for alias in ProductAlias.objects.filter(product__platform__organisation=organisation):
        known[alias.product_id, alias.other_id] = known[alias.other_id, alias.product_id] = alias
    now = timezone.now()
    new = []
    count = 0
    for product, other in sorted(wanted):
        alias = known.get((product, other))
        if alias is None:
            alias = ProductAlias(
                product_id=product,
                other_id=other,
                method=SHOP,
                status=ProductAlias.Status.ACCEPTED,
                decided_at=now,
            )
            known[product, other] = known[other, product] = alias
            new.append(alias)
        elif alias.status == ProductAlias.Status.SUGGESTED:
            alias.status, alias.method, alias.decided_at = ProductAlias.Status.ACCEPTED, SHOP, now
            alias.save(update_fields=["status", "method", "decided_at"])
            count += 1
    ProductAlias.objects.bulk_create(new, batch_size=1_000)
    if new or count:
        recompute(organisation)
    return count + len(new)


def accept(alias: ProductAlias, by: AbstractBaseUser | None) -> bool:
    """Join the two products; return False when they were joined by this link already."""
    return _decide(alias, ProductAlias.Status.ACCEPTED, by)


def refuse(alias: ProductAlias, by: AbstractBaseUser | None) -> bool:
    """Keep the two products apart, also when the link was accepted before; return False when it was refused already."""
    return _decide(alias, ProductAlias.Status.REFUSED, by)


@transaction.atomic
def recompute(organisation: Organisation) -> int:
    """Set `same_as` of all products of the organisation from its accepted links; return how many products changed."""
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
