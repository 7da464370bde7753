"""Results about products (each row belongs to a run), and what staff set for their computation."""

from recommender.models.controls import Control, ServingRule
from recommender.models.evaluation import RecommendationQuality
from recommender.models.interaction_settings import InteractionSettings
from recommender.models.lists import CustomerList, PopularList, ProductList
from recommender.models.ranker import LearnedRanker
from recommender.models.rules import AssociationRule, PairCount
from recommender.models.settings import RuleSettings

__all__ = [
    "AssociationRule",
    "Control",
    "CustomerList",
    "InteractionSettings",
    "LearnedRanker",
    "PairCount",
    "PopularList",
    "ProductList",
    "RecommendationQuality",
    "RuleSettings",
    "ServingRule",
]
