"""What keeps a candidate out of an answer."""

from enum import StrEnum


class Removal(StrEnum):
    """The constraint that removed a candidate."""

    UNKNOWN = "unknown"
    INACTIVE = "inactive"
    UNLISTED = "unlisted"
    OUT_OF_STOCK = "out_of_stock"
    ALIAS = "alias"
    HIDDEN = "hidden"
    EXCLUDED = "excluded"
    SUBJECT = "subject"
    SHOWN = "shown"
    CATEGORY = "category"
    BRAND = "brand"
    PRICE = "price"
    BOUGHT = "bought"
    CAP = "cap"
    RANK = "rank"
    NOT_PROPOSED = "not_proposed"


TEXTS = {
    Removal.UNKNOWN: "The shop does not know it (any more).",
    Removal.INACTIVE: "The shop does not sell it (any more).",
    Removal.UNLISTED: "It is known from orders only; the shop never described it.",
    Removal.OUT_OF_STOCK: "It is out of stock.",
    Removal.ALIAS: "It is another name of a product.",
    Removal.HIDDEN: "Staff have hidden it.",
    Removal.EXCLUDED: "The caller excluded it.",
    Removal.SUBJECT: "The answer is about it: it is in the cart, or the product that was asked about.",
    Removal.SHOWN: "It is shown already: in another slot of the page, or on an earlier page of the list.",
    Removal.CATEGORY: "It is of another category than the filter wants.",
    Removal.BRAND: "It is of another brand than the filter wants.",
    Removal.PRICE: "Its price is beyond the filter, or not known.",
    Removal.BOUGHT: "The customer has it, and it is not known to be bought again.",
    Removal.CAP: "The answer has enough of its category.",
    Removal.RANK: "Others came first.",
    Removal.NOT_PROPOSED: "No source proposed it for this list, and what merely is in the shop comes only where a list "
    "would be short.",
}
