"""Tables of the facts."""

from precision.shop.models.activity import Event, Order, OrderLine
from precision.shop.models.catalogue import Category, Product, ProductAlias
from precision.shop.models.contacts import Assignment, Exposure, Response, Send
from precision.shop.models.intake import DeadLetter, ImportBatch, Removal, Source, Tally
from precision.shop.models.interests import Interest, InterestWord, StorePair
from precision.shop.models.links import Erasure, IdentityLink, IslandReport, Join
from precision.shop.models.organisation import ApiKey, ExchangeRate, Organisation, Platform
from precision.shop.models.parties import PERSONAL_KINDS, Consent, Customer, Identity, Profile, Referral
from precision.shop.models.stores import Store, StoreMonth

__all__ = [
    "PERSONAL_KINDS", "ApiKey", "Assignment", "Category", "Consent", "Customer", "DeadLetter", "Erasure", "Event",
    "ExchangeRate", "Exposure", "Identity", "IdentityLink", "ImportBatch", "Interest", "InterestWord", "IslandReport",
    "Join", "Order", "OrderLine", "Organisation", "Platform", "Product", "ProductAlias", "Profile", "Referral",
    "Removal", "Response", "Send", "Source", "Store", "StoreMonth", "StorePair", "Tally",
]  # fmt: skip
