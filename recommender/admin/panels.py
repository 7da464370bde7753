"""What the pages of a product and a customer show of the results."""

from django.utils.safestring import SafeString

from precision.engine.display import figure, joined, link, list_link, table
from precision.engine.models import Publication
from precision.shop.admin import panels
from precision.shop.admin.titles import product_links
from precision.shop.models import Customer, Product
from recommender.models import AssociationRule, CustomerList, PairCount, ProductList

IN_PANEL = 10
"""Rows of a result that the page of a product or a customer shows."""


@panels.panel(panels.PRODUCT, "bought together")
def product_rules(product: Product) -> SafeString | str:
    """Return the strongest rules from the product, of the runs in force; an index serves it."""
    rules = AssociationRule.objects.filter(run_id__in=_in_force("rules"), antecedent__contains=[product.pk])
    found = list(rules.order_by("-lift")[:IN_PANEL])
    links = product_links(number for rule in found for number in rule.consequent)
    rows = [
        (
            joined((links[number] for number in rule.consequent), " + "),
            link(rule, f"{rule.count:,}"),
            f"{rule.confidence:.1%}",
            figure(rule.lift, 2),
        )
        for rule in found
    ]
    return table(["also bought", "baskets", "confidence", "lift"], rows)


@panels.panel(panels.PRODUCT, "lists")
def product_lists(product: Product) -> SafeString | str:
    """Return the first products of each list of the product, from the runs in force."""
    found = list(ProductList.objects.filter(product=product, run__publications__isnull=False))
    links = product_links(number for each in found for number in each.items[:IN_PANEL])
    rows = [
        (
            link(each, each.get_kind_display()),
            joined(links[number] for number in each.items[:IN_PANEL]),
        )
        for each in found
    ]
    pairs = list_link(PairCount, "pair counts", product__id__exact=product.pk)
    return joined([table(["list", "products"], rows), pairs], "")


@panels.panel(panels.CUSTOMER, "recommended")
def customer_lists(customer: Customer) -> SafeString | str:
    """Return the first products of each list of the customer, from the runs in force."""
    lists = CustomerList.objects.filter(customer=customer, run__publications__isnull=False)
    found = list(lists.select_related("run"))
    links = product_links(number for each in found for number in each.items[:IN_PANEL])
    return table(
        ["shop", "list", "products"],
        [
            (
                each.run.scope,
                link(each, each.get_kind_display()),
                joined(links[number] for number in each.items[:IN_PANEL]),
            )
            for each in found
        ],
    )


def _in_force(job: str) -> list[int]:
    return list(Publication.objects.filter(job=job).values_list("run_id", flat=True))
