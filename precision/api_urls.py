"""Addresses of the API, for the assembled product and for any project that includes them.

path("precision/", include("precision.api_urls"))
"""

from django.urls import path, re_path

from precision.campaigns.api import SlotsView
from precision.shop.api import joins, privacy, records
from precision.shop.api.dead_letters import LettersView, ReplayView
from precision.shop.api.documentation import DocsView, SchemaView
from precision.shop.api.events import dialect
from precision.shop.api.events import views as events
from precision.shop.api.health import LiveView, ReadyView
from precision.shop.api.interests import InterestsView, ReferralsView
from precision.shop.api.islands import IslandsView
from precision.shop.api.people import PersonView
from precision.shop.api.quality import QualityView
from precision.shop.api.rates import RatesView
from precision.shop.api.stores import StoreTablesView, TogetherView
from recommender.api import recommendations
from recommender.api.quality import RecommendationQualityView
from recommender.api.rules import MatrixView, RulesView
from recommender.api.trace import TraceView
from segments.api import clusters, demand, price_classes, screening
from segments.api.condition_portraits import ConditionPortraitView
from segments.api.evidence import EvidenceView
from segments.api.groups import SegmentsView, SegmentView
from segments.api.labels import CustomerLabelsView, LibraryView
from segments.api.lifecycle import LifecycleView, StageFlowView
from segments.api.members import CustomerSegmentsView, MembersView, OverlapView, SegmentHistoryView
from segments.api.overrides import LabelPinView
from segments.api.portals import PortalsView
from segments.api.portraits import PortraitView, SegmentPortraitView
from segments.api.predictions import ModelsView, ModelView, ScoresView
from segments.api.preview import PreviewView
from segments.api.product_labels import (
    AudienceView,
    LabelAudienceView,
    ProductLabelsView,
    WantedView,
)
from segments.api.value import ValueView

app_name = "precision"

urlpatterns = [
    path("api/v1/slots/<str:page>/", SlotsView.as_view(), name="slots"),
    path("api/v1/recommendations/for-you/", recommendations.ForYouView.as_view(), name="for-you"),
    path("api/v1/recommendations/similar/", recommendations.SimilarView.as_view(), name="similar"),
    path(
        "api/v1/recommendations/bought-together/",
        recommendations.BoughtTogetherView.as_view(),
        name="bought-together",
    ),
    path(
        "api/v1/recommendations/guess-what-you-like/",
        recommendations.GuessView.as_view(),
        name="guess-what-you-like",
    ),
    path("api/v1/recommendations/buy-again/", recommendations.BuyAgainView.as_view(), name="buy-again"),
    path("api/v1/recommendations/popular/", recommendations.PopularView.as_view(), name="popular"),
    path("api/v1/recommendations/trending/", recommendations.TrendingView.as_view(), name="trending"),
    path("api/v1/recommendations/trace/", TraceView.as_view(), name="trace"),
    path(
        "api/v1/recommendations/quality/", RecommendationQualityView.as_view(), name="recommendation-quality"
    ),
    path("api/v1/rules/", RulesView.as_view(), name="rules"),
    path("api/v1/rules/matrix/", MatrixView.as_view(), name="rules-matrix"),
    # A customer id may contain slashes.
    path("api/v1/customers/<path:customer_id>/portrait/", PortraitView.as_view(), name="portrait"),
    path("api/v1/labels/", LibraryView.as_view(), name="labels"),
    path("api/v1/customers/<path:customer_id>/labels/", CustomerLabelsView.as_view(), name="customer-labels"),
    path(
        "api/v1/customers/<path:customer_id>/labels/<str:key>/evidence/",
        EvidenceView.as_view(),
        name="label-evidence",
    ),
    path(
        "api/v1/customers/<path:customer_id>/labels/<str:key>/", LabelPinView.as_view(), name="customer-label"
    ),
    path("api/v1/customers/<path:customer_id>/wanted/", WantedView.as_view(), name="wanted"),
    path("api/v1/products/<path:product_id>/labels/", ProductLabelsView.as_view(), name="product-labels"),
    path("api/v1/products/<path:product_id>/audience/", AudienceView.as_view(), name="audience"),
    path("api/v1/product-labels/audience/", LabelAudienceView.as_view(), name="label-audience"),
    path("api/v1/segments/portrait/", ConditionPortraitView.as_view(), name="condition-portrait"),
    path("api/v1/segments/<str:key>/portrait/", SegmentPortraitView.as_view(), name="segment-portrait"),
    path("api/v1/customers/<path:customer_id>/lifecycle/", LifecycleView.as_view(), name="lifecycle"),
    path("api/v1/customers/<path:customer_id>/value/", ValueView.as_view(), name="customer-value"),
    path("api/v1/customers/<path:customer_id>/scores/", ScoresView.as_view(), name="customer-scores"),
    path("api/v1/models/", ModelsView.as_view(), name="models"),
    path("api/v1/models/portals/", PortalsView.as_view(), name="models-portals"),
    path("api/v1/models/<str:target>/", ModelView.as_view(), name="model"),
    path("api/v1/lifecycle/flow/", StageFlowView.as_view(), name="stage-flow"),
    path("api/v1/segments/", SegmentsView.as_view(), name="segments"),
    path("api/v1/segments/preview/", PreviewView.as_view(), name="segment-preview"),
    path("api/v1/segments/overlap/", OverlapView.as_view(), name="segment-overlap"),
    path("api/v1/segments/<str:key>/", SegmentView.as_view(), name="segment"),
    path("api/v1/segments/<str:key>/members/", MembersView.as_view(), name="segment-members"),
    path("api/v1/segments/<str:key>/history/", SegmentHistoryView.as_view(), name="segment-history"),
    path(
        "api/v1/customers/<path:customer_id>/segments/",
        CustomerSegmentsView.as_view(),
        name="customer-segments",
    ),
    path(
        "api/v1/customers/<path:customer_id>/price-class/",
        price_classes.CustomerClassView.as_view(),
        name="customer-price-class",
    ),
    path("api/v1/rfm/", screening.RfmView.as_view(), name="rfm"),
    path("api/v1/value-deciles/", screening.ValueDecilesView.as_view(), name="value-deciles"),
    path("api/v1/big-customers/", screening.BigCustomersView.as_view(), name="big-customers"),
    path("api/v1/demand/", demand.DemandView.as_view(), name="demand"),
    path(
        "api/v1/customers/<path:customer_id>/demand/",
        demand.CustomerDemandView.as_view(),
        name="customer-demand",
    ),
    path("api/v1/clusters/", clusters.ClustersView.as_view(), name="clusters"),
    path("api/v1/clusters/<str:key>/members/", clusters.ClusterMembersView.as_view(), name="cluster-members"),
    path(
        "api/v1/customers/<path:customer_id>/cluster/",
        clusters.CustomerClusterView.as_view(),
        name="customer-cluster",
    ),
    path("api/v1/variables/", clusters.VariablesView.as_view(), name="variables"),
    path("api/v1/price-classes/", price_classes.PriceClassesView.as_view(), name="price-classes"),
    path("api/v1/price-classes/rule/", price_classes.ClassRuleView.as_view(), name="price-class-rule"),
    path(
        "api/v1/price-classes/preview/", price_classes.ClassPreviewView.as_view(), name="price-class-preview"
    ),
    path("api/v1/customers/<path:customer_id>/interests/", InterestsView.as_view(), name="interests"),
    path("api/v1/customers/<path:customer_id>/referrals/", ReferralsView.as_view(), name="referrals"),
    path("api/v1/stores/tables/", StoreTablesView.as_view(), name="store-tables"),
    path("api/v1/stores/together/", TogetherView.as_view(), name="stores-together"),
    path("api/v1/exchange-rates/", RatesView.as_view(), name="exchange-rates"),
    path("api/v1/quality/", QualityView.as_view(), name="quality"),
    path("api/v1/dead-letters/", LettersView.as_view(), name="dead-letters"),
    path("api/v1/dead-letters/<int:letter_id>/replay/", ReplayView.as_view(), name="dead-letter-replay"),
    path("api/v1/customers/<path:customer_id>/consents/", privacy.ConsentsView.as_view(), name="consents"),
    path("api/v1/customers/<path:customer_id>/export/", privacy.ExportView.as_view(), name="export"),
    path("api/v1/customers/<path:record_id>/", privacy.CustomerView.as_view(), name="customer"),
    path("api/v1/people/<path:customer_id>/", PersonView.as_view(), name="person"),
    path("api/v1/joins/", joins.JoinsView.as_view(), name="joins"),
    path("api/v1/joins/preview/", joins.JoinPreviewView.as_view(), name="join-preview"),
    path("api/v1/joins/<int:join_id>/undo/", joins.JoinUndoView.as_view(), name="join-undo"),
    path("api/v1/joins/proposals/", joins.ProposalsView.as_view(), name="join-proposals"),
    path("api/v1/joins/proposals/<int:link_id>/accept/", joins.AcceptView.as_view(), name="proposal-accept"),
    path("api/v1/joins/proposals/<int:link_id>/refuse/", joins.RefuseView.as_view(), name="proposal-refuse"),
    path("api/v1/islands/", IslandsView.as_view(), name="islands"),
    *records.addresses(),  # behind what goes on behind the id of a record
    re_path(rf"^v1/(?P<route>{'|'.join(sorted(dialect.ROUTES))})/?$", events.receive, name="dialect"),
    path("v1/projects/<str:write_key>/settings", events.settings, name="dialect-settings"),
    path("api/schema/", SchemaView.as_view(urlconf="precision.api_urls"), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
    path("health/live", LiveView.as_view(), name="health-live"),
    path("health/ready", ReadyView.as_view(), name="health-ready"),
]
