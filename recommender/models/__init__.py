"""Results about products (each row belongs to a run), and what staff set for their computation."""

from recommender.models.lists import CustomerList, PopularList, ProductList
from recommender.models.rules import AssociationRule, PairCount
from recommender.models.settings import RuleSettings

__all__ = [
    "AssociationRule",
    "CustomerList",
    "PairCount",
    "PopularList",
    "ProductList",
    "RuleSettings",
]
