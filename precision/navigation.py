"""The sidebar of the staff pages; a project that embeds us may name `sidebar` in its own UNFOLD setting."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("Facts", (
        ("Orders", "receipt_long", "precision_shop.order"),
        ("Order lines", "list_alt", "precision_shop.orderline"),
        ("Events", "ads_click", "precision_shop.event"),
        ("Products", "inventory_2", "precision_shop.product"),
        ("Categories", "category", "precision_shop.category"),
        ("Product aliases", "link", "precision_shop.productalias"),
        ("Stores", "store", "precision_shop.store"),
        ("Months of stores", "calendar_month", "precision_shop.storemonth"),
        ("Tables of stores", "table_chart", "precision_shop.store/tables"),
        ("Exchange rates", "currency_exchange", "precision_shop.exchangerate"),
        ("Sources", "source", "precision_shop.source"),
        ("Imports", "upload_file", "precision_shop.importbatch"),
        ("Dead letters", "mark_email_unread", "precision_shop.deadletter"),
        ("Data quality", "fact_check", "precision_shop.tally/quality"),
        ("Tallies", "tag", "precision_shop.tally"),
        ("Removals", "delete_sweep", "precision_shop.removal"),
    )),
    ("Who", (
        ("Customers", "person", "precision_shop.customer"),
        ("Identities", "badge", "precision_shop.identity"),
        ("Profiles", "contact_page", "precision_shop.profile"),
        ("Links, proposals", "link", "precision_shop.identitylink"),
        ("Ledger of joins", "merge", "precision_shop.join"),
        ("Islands", "hub", "precision_shop.islandreport"),
        ("Consents", "how_to_reg", "precision_shop.consent"),
        ("Erasures", "person_remove", "precision_shop.erasure"),
        ("Referrals", "group_add", "precision_shop.referral"),
        ("Interests", "favorite", "precision_shop.interest"),
        ("Words of interest", "dictionary", "precision_shop.interestword"),
        ("Label library", "label", "precision_segments.label"),
        ("Labels of customers", "badge", "precision_segments.labelrow"),
        ("Price classes", "sell", "precision_segments.customerclass"),
        ("Rule of price classes", "tune", "precision_segments.classrule"),
        ("Rule and clusters", "compare", "precision_segments.classrule/agreement"),
        ("RFM scores", "grid_view", "precision_segments.rfmscore"),
        ("Grid of RFM", "grid_on", "precision_segments.rfmscore/grid"),
        ("Spend and deciles", "leaderboard", "precision_segments.customerworth"),
        ("Value and big customers", "trophy", "precision_segments.customerworth/deciles"),
        ("Demand of categories", "show_chart", "precision_segments.categorydemand"),
        ("Demand over time", "stacked_line_chart", "precision_segments.categorydemand/chart"),
        ("Members of clusters", "bubble_chart", "precision_segments.clustermember"),
        ("Clusters", "scatter_plot", "precision_segments.clustermember/report"),
        ("Variables", "analytics", "precision_segments.clustermember/variables"),
        ("Reports of screening", "description", "precision_segments.screeningreport"),
        ("Models", "model_training", "precision_segments.targetmodel"),
        ("Models of the life cycle", "insights", "precision_segments.targetmodel/chart"),
        ("Accuracy per portal", "storefront", "precision_segments.portalaccuracy/chart"),
        ("Chances", "percent", "precision_segments.targetscore"),
        ("Pinned labels", "push_pin", "precision_segments.labeloverride"),
        ("Portraits of groups", "groups_2", "precision_segments.labeloverride/group"),
        ("Stages", "timeline", "precision_segments.stagenow"),
        ("Stock and flow", "waterfall_chart", "precision_segments.stagenow/flow"),
        ("Changes of stage", "swap_horiz", "precision_segments.stagechange"),
        ("Flows between stages", "alt_route", "precision_segments.stageflow"),
        ("Rules of the life cycle", "tune", "precision_segments.lifecyclerule"),
        ("Customer value", "savings", "precision_segments.customervalue"),
        ("Value: report", "monitoring", "precision_segments.customervalue/report"),
        ("Segments", "group_work", "precision_segments.segment"),
        ("Overlap of segments", "join", "precision_segments.segment/overlap"),
        ("Segment members", "groups", "precision_segments.segmentmember"),
        ("Entries and exits", "transfer_within_a_station", "precision_segments.segmentspell"),
        ("Entries of lists", "playlist_add_check", "precision_segments.segmentlisting"),
        ("Log followed", "update", "precision_segments.segmentcursor"),
    )),
    ("What", (
        ("Weights of interactions", "tune", "precision_recommender.interactionsettings"),
        ("Association rules", "hub", "precision_recommender.associationrule"),
        ("Rule settings", "tune", "precision_recommender.rulesettings"),
        ("Pair counts", "join_inner", "precision_recommender.paircount"),
        ("Similar, together", "compare_arrows", "precision_recommender.productlist"),
        ("Together in stores", "shelves", "precision_shop.storepair"),
        ("Popular, trending", "trending_up", "precision_recommender.popularlist"),
        ("For each customer", "recommend", "precision_recommender.customerlist"),
        ("Why this list", "account_tree", "precision_recommender.control/trace"),
        ("Pins, hides, boosts", "push_pin", "precision_recommender.control"),
        ("Rules of serving", "tune", "precision_recommender.servingrule"),
        ("Quality", "rule", "precision_recommender.recommendationquality"),
        ("Learned rankers", "model_training", "precision_recommender.learnedranker"),
        ("Models side by side", "monitoring", "precision_recommender.recommendationquality/compare"),
        ("Usual prices", "payments", "precision_segments.productprice"),
        ("Labels of products", "label", "precision_segments.productlabelrow"),
        ("Goods and people", "travel_explore", "precision_segments.productlabelrow/search"),
    )),
    ("Where", (
        ("Slots", "web", "precision_campaigns.slot"),
        ("Exposures", "visibility", "precision_shop.exposure"),
        ("Assignments", "call_split", "precision_shop.assignment"),
        ("Sends", "send", "precision_shop.send"),
        ("Responses", "reply", "precision_shop.response"),
    )),
    ("Runs", (
        ("Runs", "history", "precision_engine.run"),
        ("In force", "task_alt", "precision_engine.publication"),
        ("Schedules", "schedule", "django_celery_beat.periodictask"),
    )),
    ("Access", (
        ("Organisations", "corporate_fare", "precision_shop.organisation"),
        ("Shops", "storefront", "precision_shop.platform"),
        ("API keys", "key", "precision_shop.apikey"),
        ("Users", "manage_accounts", "auth.user"),
        ("Groups of users", "admin_panel_settings", "auth.group"),
    )),
)  # fmt: skip
"""Title of a group, and title, Material symbol and model of each page in it; in the order of the story.

Behind the model, after a slash, may stand a page of its own beside the list.
"""


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of pages that this person may see, as UNFOLD["SIDEBAR"]["navigation"] wants them."""
    groups = []
    for title, pages in GROUPS:
        items = [
            {"title": name, "icon": icon, "link": _address(label)}
            for name, icon, label in pages
            if _visible(request, label)
        ]
        if items:
            groups.append({"title": title, "separator": True, "collapsible": True, "items": items})
    return groups


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the first page with its pages in the order of the sidebar, any others after them."""
    known = {label for _, pages in GROUPS for _, _, label in pages}
    models = {each["model"]._meta.label_lower: each for app in context["app_list"] for each in app["models"]}
    ours = []
    for title, pages in GROUPS:
        items = [_entry(models, name, label) for name, _, label in pages if label.partition("/")[0] in models]
        if items:
            ours.append({"name": title, "app_label": title.lower(), "models": items})
    others = []
    for app in context["app_list"]:
        rest = [each for each in app["models"] if each["model"]._meta.label_lower not in known]
        if rest:
            others.append({**app, "models": rest})
    return {**context, "app_list": [*ours, *others]}


def _entry(models: dict[str, dict[str, Any]], name: str, label: str) -> dict[str, Any]:
    """Return the line of a page on the first page; one beside a list has nothing to add."""
    model, _, page = label.partition("/")
    beside = {"admin_url": _address(label), "add_url": None} if page else {}
    return {**models[model], "name": name, **beside}


def _address(label: str) -> str:
    model, _, page = label.partition("/")
    return reverse(f"admin:{model.replace('.', '_')}_{page or 'changelist'}")


def _visible(request: HttpRequest, label: str) -> bool:
    """Whether the model is installed, has a page, and this person may look at it."""
    try:
        model = apps.get_model(label.partition("/")[0])
    except LookupError:
        return False
    page = admin.site._registry.get(model)
    return page is not None and page.has_view_or_change_permission(request)
