"""Clusters of customers with fuzzy membership, and what was learnt about the variables behind them."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.shop.api.description import describe
from precision.shop.api.pagination import Page
from precision.shop.api.views import PlatformView
from segments import screening_reports
from segments.api.demand import CUSTOMER
from segments.api.names import names_of
from segments.api.portraits import ScopeParameters, scope_of
from segments.api.screening import NOT_YET, ScopePageParameters
from segments.jobs.clusters import JOB
from segments.models import ClusterMember, ScreeningReport

CLUSTER = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the cluster, like `c1`.")
NOBODY = "not computed yet"


class ChoiceSerializer(serializers.Serializer[Any]):
    """How well a number of clusters fits."""

    k = serializers.IntegerField()
    within = serializers.FloatField(help_text="Mean squared distance to the own centre.")
    silhouette = serializers.FloatField(
        allow_null=True,
        help_text="−1 to 1; the k of the highest is taken. Null: only one cluster has customers.",
    )
    gap = serializers.FloatField(
        allow_null=True, help_text="How far log(within) is below that of tables without clusters."
    )
    gap_error = serializers.FloatField(allow_null=True, help_text="Its standard error by simulation.")


class FigureSerializer(serializers.Serializer[Any]):
    """A variable in a cluster."""

    name = serializers.CharField()
    title = serializers.CharField()
    mean = serializers.FloatField(allow_null=True)
    everyone = serializers.FloatField(allow_null=True)
    deviations = serializers.FloatField(
        help_text="Standard deviations from everybody's mean, of logs where skewed."
    )
    chosen = serializers.BooleanField(help_text="Whether clusters were made by it.")


class ClusterSerializer(serializers.Serializer[Any]):
    """A cluster."""

    key = serializers.CharField(help_text="Stays from night to night; the label `cluster` has it.")
    new = serializers.BooleanField(help_text="Goes on from no cluster of the run before.")
    name = serializers.CharField()
    description = serializers.CharField()
    customers = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the customers.")
    membership = serializers.FloatField(help_text="Mean membership of all customers by the mixture.")
    figures = FigureSerializer(many=True)


class ClustersSerializer(serializers.Serializer[Any]):
    """Clusters of customers."""

    scope = serializers.CharField(help_text="Key of the platform, or `org:` and the key of the organisation.")
    as_of = serializers.DateField(allow_null=True, help_text=NOT_YET)
    customers = serializers.IntegerField(help_text="Who ordered in the window.")
    reason = serializers.CharField(help_text="Why there are no clusters; empty where there are.")
    agreement = serializers.FloatField(
        allow_null=True, help_text="Share of the customers whose largest membership is that in their cluster."
    )
    choice = ChoiceSerializer(many=True)
    clusters = ClusterSerializer(many=True, help_text="The largest first.")


class MemberOfClusterSerializer(serializers.Serializer[Any]):
    """A member."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(
        allow_null=True, help_text="Where the platform knows no customer id; both null: known elsewhere only."
    )
    share = serializers.FloatField(help_text="Membership in this cluster by the mixture, 0 to 1.")


class ClusterMembersSerializer(serializers.Serializer[Any]):
    """A page of members, those who belong most first."""

    next = serializers.URLField(allow_null=True)
    scope = serializers.CharField()
    key = serializers.CharField()
    results = MemberOfClusterSerializer(many=True)


class CustomerClusterSerializer(serializers.Serializer[Any]):
    """The cluster of a customer."""

    customer_id = serializers.CharField()
    scope = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text=NOT_YET)
    cluster = serializers.CharField(allow_null=True, help_text="Null: see `reason`.")
    reason = serializers.CharField(help_text="Why there is none; empty where there is one.")
    name = serializers.CharField(allow_null=True)
    shares = serializers.DictField(
        child=serializers.FloatField(), help_text="Fuzzy membership in each cluster; they add up to 1."
    )


class VariableSerializer(serializers.Serializer[Any]):
    """A variable that is used."""

    name = serializers.CharField()
    title = serializers.CharField()
    log = serializers.BooleanField(help_text="sign(x) × log(1 + |x|) stands for it.")


class LeftOutSerializer(serializers.Serializer[Any]):
    """A variable that is of no use."""

    name = serializers.CharField()
    title = serializers.CharField()
    reason = serializers.CharField()


class VariableClusterSerializer(serializers.Serializer[Any]):
    """Variables that say nearly the same."""

    names = serializers.ListField(child=serializers.CharField())
    representative = serializers.CharField(help_text="The one to use in models.")
    correlation = serializers.FloatField(allow_null=True, help_text="Mean |r| within; null: a single one.")


class TableSerializer(serializers.Serializer[Any]):
    """Rows are variables."""

    names = serializers.ListField(child=serializers.CharField())
    values = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))


class ComponentsSerializer(serializers.Serializer[Any]):
    """Principal components of the correlations."""

    names = serializers.ListField(child=serializers.CharField())
    eigenvalues = serializers.ListField(child=serializers.FloatField())
    contribution = serializers.ListField(child=serializers.FloatField(), help_text="Share of all variance.")
    cumulative = serializers.ListField(child=serializers.FloatField())
    loadings = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="Rows: variables; columns: components; correlations of both.",
    )


class FactorsSerializer(serializers.Serializer[Any]):
    """Orthogonal factors by maximum likelihood, turned by varimax."""

    reason = serializers.CharField(help_text="Why there are none; empty where there are.")
    repeats = serializers.DictField(
        child=serializers.CharField(), help_text="Variables left out, and the one that says the same."
    )
    names = serializers.ListField(child=serializers.CharField(), required=False)
    loadings = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), required=False
    )
    communalities = serializers.ListField(child=serializers.FloatField(), required=False)
    contribution = serializers.ListField(
        child=serializers.FloatField(), required=False, help_text="Share of all variance, of each factor."
    )
    converged = serializers.BooleanField(
        required=False, help_text="False: a variable is explained as a whole."
    )


class VariablesSerializer(serializers.Serializer[Any]):
    """What was learnt about the variables; parts are null where there are too few customers."""

    scope = serializers.CharField()
    as_of = serializers.DateField(allow_null=True, help_text=NOT_YET)
    reason = serializers.CharField(help_text="Why parts are null; empty where none is.")
    used = VariableSerializer(many=True)
    left_out = LeftOutSerializer(many=True)
    variable_clusters = VariableClusterSerializer(many=True, allow_null=True)
    correlations = TableSerializer(allow_null=True)
    components = ComponentsSerializer(allow_null=True)
    factors = FactorsSerializer(allow_null=True)


class ClustersView(PlatformView):
    """Clusters of customers."""

    parameters = ScopeParameters

    @describe(
        operation_id="clusters_list", tags=["screening"],
        summary="Clusters of customers, in words and figures, and how their number was chosen",
        parameters=[ScopeParameters], responses=ClustersSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with the clusters of the run in force."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        found = screening_reports.published(JOB, scope.key)
        run, reports = found or (None, {})
        return Response(
            {
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "customers": run.measures.get("customers", 0) if run else 0,
                "reason": run.measures.get("reason", "") if run else NOBODY,
                "agreement": run.measures.get("agreement") if run else None,
                "choice": reports.get("choice", []),
                "clusters": reports.get("clusters", []),
            }
        )


class ClusterMembersView(PlatformView):
    """Members of a cluster."""

    parameters = ScopePageParameters

    @describe(
        operation_id="clusters_members", tags=["screening"], summary="Members of a cluster",
        parameters=[ScopePageParameters, CLUSTER], responses=ClusterMembersSerializer,
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """Answer with a page of them, those who belong most first."""
        given = self.read_parameters()
        scope = scope_of(self.principal, overall=given["overall"])
        found = screening_reports.published(JOB, scope.key)
        if found is None or key not in {each["key"] for each in found[1].get("clusters", [])}:
            raise NotFound(f"There is no cluster {key!r}; GET clusters/ lists them.")
        page = Page(
            ClusterMember.objects.filter(run=found[0], cluster=key),
            request=request, count=given["count"], cursor=given["cursor"], descending="share",
        )  # fmt: skip
        names = names_of(self.platform, [row.customer_id for row in page.rows])
        nameless: dict[str, str | None] = {"customer_id": None, "anonymous_id": None}
        results = [{**nameless, **names.get(row.customer_id, {}), "share": row.share} for row in page.rows]
        return Response({**page.answer(results), "scope": scope.key, "key": key})


class CustomerClusterView(PlatformView):
    """The cluster of one customer."""

    parameters = ScopeParameters

    @describe(
        operation_id="customers_cluster", tags=["customers"],
        summary="The cluster of a customer, and how far they belong to each",
        parameters=[ScopeParameters, CUSTOMER], responses=CustomerClusterSerializer,
    )  # fmt: skip
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with key, name and fuzzy membership of the run in force."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        customer = self.find_customer(customer_id).customer_id
        run = runs.published(JOB, scope.key)
        row = ClusterMember.objects.filter(run=run, customer_id=customer).first() if run else None
        body = ScreeningReport.objects.filter(run=run, name="clusters").first() if row else None
        names = {each["key"]: each["name"] for each in body.body} if body else {}
        reason = NOBODY if run is None else run.measures.get("reason", "")
        if row is None and not reason:
            reason = "no order in the window"
        return Response(
            {
                "customer_id": customer_id,
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "cluster": row.cluster if row else None,
                "reason": "" if row else reason,
                "name": names.get(row.cluster) if row else None,
                "shares": dict(zip(names, row.shares, strict=True)) if row else {},
            }
        )


class VariablesView(PlatformView):
    """What was learnt about the variables of customers."""

    parameters = ScopeParameters

    @describe(
        operation_id="variables", tags=["screening"],
        summary="Clusters of variables, correlations, principal components and factors",
        parameters=[ScopeParameters], responses=VariablesSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with the reports of the run in force."""
        scope = scope_of(self.principal, overall=self.read_parameters()["overall"])
        found = screening_reports.published(JOB, scope.key)
        run, reports = found or (None, {})
        variables = reports.get("variables", {"used": [], "left_out": []})
        parts = ("variable_clusters", "correlations", "components", "factors")
        return Response(
            {
                "scope": scope.key,
                "as_of": run.as_of if run else None,
                "reason": run.measures.get("reason", "") if run else NOBODY,
                **variables,
                **{name: reports.get(name) for name in parts},
            }
        )
