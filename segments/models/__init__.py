"""Results about people and prices (each row belongs to a run), and what staff define."""

from segments.models.groups import (
    RESERVED,
    Segment,
    SegmentCursor,
    SegmentListing,
    SegmentMember,
    SegmentSpell,
)
from segments.models.labels import Label, LabelRow
from segments.models.lifecycle import LifecycleRule, StageChange, StageFlow, StageName, StageNow
from segments.models.overrides import LabelOverride
from segments.models.portals import PortalAccuracy
from segments.models.predictions import TargetModel, TargetScore
from segments.models.prices import ClassRule, CustomerClass, PriceClass, ProductPrice
from segments.models.product_labels import ProductLabelRow
from segments.models.scores import RfmScore
from segments.models.screening import CategoryDemand, ClusterMember, CustomerWorth, ScreeningReport
from segments.models.value import CustomerValue

__all__ = [
    "RESERVED",
    "CategoryDemand",
    "ClassRule",
    "ClusterMember",
    "CustomerClass",
    "CustomerValue",
    "CustomerWorth",
    "Label",
    "LabelOverride",
    "LabelRow",
    "LifecycleRule",
    "PortalAccuracy",
    "PriceClass",
    "ProductLabelRow",
    "ProductPrice",
    "RfmScore",
    "ScreeningReport",
    "Segment",
    "SegmentCursor",
    "SegmentListing",
    "SegmentMember",
    "SegmentSpell",
    "StageChange",
    "StageFlow",
    "StageName",
    "StageNow",
    "TargetModel",
    "TargetScore",
]
