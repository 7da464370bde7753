"""Results about people and prices (each row belongs to a run), and what staff define."""

from segments.models.groups import Segment, SegmentMember
from segments.models.overrides import LabelOverride
from segments.models.prices import ClassRule, CustomerClass, PriceClass, ProductPrice
from segments.models.product_labels import ProductLabelRow
from segments.models.scores import RfmScore

__all__ = [
    "ClassRule",
    "CustomerClass",
    "LabelOverride",
    "PriceClass",
    "ProductLabelRow",
    "ProductPrice",
    "RfmScore",
    "Segment",
    "SegmentMember",
]
