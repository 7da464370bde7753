"""The cluster of a customer and how far they belong to it, from the published run."""

from datetime import date
from typing import Any

import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels import own
from segments.labels.own import NUMBER, TEXT
from segments.labels.registry import Definition, Evidence, Kind, Source, register
from segments.lifecycle import features
from segments.models import ClusterMember, ScreeningReport

JOB = "clusters"
CLUSTER, SHARE = "cluster", "cluster_share"
DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        key=CLUSTER,
        title="Cluster",
        kind=Kind.MODEL,
        type=TEXT,
        formula="The k-means centre that is nearest over the standardised variables that stand for the clusters of "
        "variables; a cluster keeps its key from night to night.",
    ),
    Definition(
        key=SHARE,
        title="Share in the cluster",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="0 to 1",
        formula="π N(x; μ, σ²) / Σ_j π_j N(x; μ_j, σ_j²): the posterior of the cluster's component in a mixture of "
        "Gaussians over the same variables.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody in the scope's run in force; no rows before the first."""
    run = runs.published_ids(scope.key).get(JOB, 0)
    return read_frame(f"""
        SELECT customer_id AS {c.CUSTOMER}, cluster AS {CLUSTER}, share AS {SHARE}
        FROM precision_segments_clustermember WHERE run_id = {run:d}
    """)


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the customer's variables and the centres or components of the run; None for who is in no cluster.

    The variables are counted anew from the facts before the date of the run.
    """
    run = runs.published(JOB, scope.key)
    row = ClusterMember.objects.filter(run=run, customer_id=customer).first() if run else None
    if run is None or row is None:
        return None
    model = ScreeningReport.objects.get(run=run, name="model").body
    lines = own.facts_of(scope, "order_lines", run.as_of, customer)
    events = own.facts_of(scope, "events", run.as_of, customer)
    table = own.eager(features.build(lines, events, as_of_day=epoch_day(run.as_of)))
    rows = table.filter(pl.col(c.CUSTOMER) == customer).to_dicts()
    values = rows[0] if rows else {}
    about = {
        "run": run.pk,
        "as_of": run.as_of.isoformat(),
        "values": {name: values.get(name) for name in model["names"]},
        "variables": {each["name"]: _without_name(each) for each in model["variables"]},
    }
    if key == CLUSTER:
        return {**about, "centres": dict(zip(model["keys"], model["centres"], strict=True))}
    return {**about, "cluster": row.cluster, "components": _components(model)}


def _components(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return weight, means and variances of each component of the mixture by the key of its cluster."""
    parts = zip(model["keys"], model["weights"], model["means"], model["variances"], strict=True)
    return {
        key: {"weight": weight, "means": means, "variances": variances}
        for key, weight, means, variances in parts
    }


def _without_name(variable: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variable.items() if name != "name"}


register(Source(name="clusters", definitions=DEFINITIONS, frame=frame, evidence=evidence))
