"""Clusters of customers and of variables, principal components and factors."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, scopes
from segments import cluster_words, screening_reports
from segments.lifecycle import features
from segments.methods import clusters as cl
from segments.methods import reduction, variables
from segments.methods.clusters import Clusters, Floats, Mixture
from segments.methods.variables import Prepared
from segments.models import ClusterMember, ScreeningReport

JOB: Final = "clusters"
SEED: Final = 20_260_731
WINDOW_DAYS: Final = 365
"""Who ordered in so many days is put into a cluster."""
ORDERED: Final = "orders_365"
KS: Final = tuple(range(2, 9))
LEAST_CUSTOMERS: Final = 30
MOST_FACTORS: Final = 6


def compute_clusters(run: Run, engine: Engine) -> Outcome:
    """Write ClusterMember rows of who ordered lately, and the reports on clusters and variables."""
    scope = scopes.read(run.scope)
    with history.snapshot():
        table = features.build(
            scope.scan("order_lines", run.as_of),
            scope.scan("events", run.as_of),
            as_of_day=epoch_day(run.as_of),
        )
        lately: pl.DataFrame = (
            table.collect("polars").to_native().filter(pl.col(ORDERED) > 0).sort(c.CUSTOMER)
        )
    columns = {name: lately[name].fill_null(float("nan")).to_numpy() for name in features.WORDS}
    found = variables.prepare(columns, names=list(features.WORDS))
    reason = _too_little(lately.height, found)
    reports: dict[str, Any] = {"variables": _variables(found)}
    rows, measures = 0, {"customers": lately.height, "reason": reason}
    if not reason:
        rng = np.random.default_rng(SEED)
        values = found(columns)
        # More threads than one wait for each other more than they gain on tables this small.
        with threadpool_limits(limits=1):
            reports |= reduced(values, found)
            last = _last(run)
            names = _one_of_each(reports["variable_clusters"], last["names"] if last else [])
            chosen = [found.names.index(name) for name in names]
            clusters = cl.kmeans(values[:, chosen], ks=KS, rng=rng, before=_centres(last, names))
            mixture = cl.mixture(values[:, chosen], centres=clusters.centres, rng=rng)
        labels = cl.nearest(values[:, chosen], clusters.centres)
        shares = cl.membership(values[:, chosen], mixture)
        keys, numbered = _keys(last, names, clusters)
        reports["choice"] = [asdict(choice) for choice in clusters.choices]
        reports["clusters"] = _clusters(columns, values, found, chosen, labels, shares, keys)
        reports["model"] = _model(found, names, clusters, mixture, keys, numbered)
        rows = copy_rows(ClusterMember, _members(run, lately, labels, shares, keys))
        measures |= {
            "clusters": len(keys),
            "kept": sum(not each["new"] for each in reports["clusters"]),
            "agreement": float((shares.argmax(axis=1) == labels).mean()),
        }
    return Outcome(
        rows={"cluster_member": rows, "screening_report": screening_reports.write(run, reports)},
        measures=measures,
        parameters={"window_days": WINDOW_DAYS, "ks": list(KS), "seed": SEED},
    )


def reduced(values: Floats, found: Prepared) -> dict[str, Any]:
    """Return the reports `variable_clusters`, `correlations`, `components` and `factors` of standardised values."""
    names = found.names
    correlation = np.atleast_2d(np.corrcoef(values, rowvar=False))
    groups = reduction.variable_clusters(correlation, names=names)
    parts = reduction.components(values, names=names)
    kept, repeats = reduction.without_repeats(correlation, names=names)
    eigenvalues = np.linalg.eigvalsh(correlation[np.ix_(kept, kept)])
    # Kaiser's rule: a factor explains more than a single variable does.
    count = min(int((eigenvalues > 1).sum()), MOST_FACTORS, len(kept) - 1)
    factors: dict[str, Any] = {"reason": "fewer than two different variables", "repeats": repeats}
    if count > 0:
        made = reduction.factors(values[:, kept], names=[names[place] for place in kept], count=count)
        factors = {
            "reason": "", "repeats": repeats, "names": list(made.names), "converged": made.converged,
            "loadings": made.loadings.tolist(), "communalities": made.communalities.tolist(),
            "contribution": ((made.loadings**2).sum(axis=0) / len(made.names)).tolist(),
        }  # fmt: skip
    return {
        "variable_clusters": [
            {"names": list(each.names), "representative": each.representative, "correlation": each.mean_correlation}
            for each in groups
        ],
        "correlations": {"names": list(names), "values": correlation.tolist()},
        "components": {
            "names": list(names), "eigenvalues": parts.eigenvalues.tolist(),
            "contribution": parts.contribution.tolist(), "cumulative": parts.cumulative.tolist(),
            "loadings": parts.loadings.tolist(),
        },
        "factors": factors,
    }  # fmt: skip


def _too_little(customers: int, found: Prepared) -> str:
    """Return why there are no clusters; empty where there can be."""
    if customers < LEAST_CUSTOMERS:
        return f"{customers} customers ordered in the last {WINDOW_DAYS} days; {LEAST_CUSTOMERS} are needed"
    if len(found.variables) < 2:
        return "customers differ in fewer than two variables"
    return ""


def _variables(found: Prepared) -> dict[str, Any]:
    return {
        "used": [{"name": each.name, "title": features.WORDS[each.name], "log": each.log} for each in found.variables],
        "left_out": [
            {"name": name, "title": features.WORDS[name], "reason": reason} for name, reason in found.left_out.items()
        ],
    }  # fmt: skip


def _last(run: Run) -> dict[str, Any] | None:
    """Return the model of the run in force, or None."""
    before = runs.published(JOB, run.scope)
    if before is None:
        return None
    return ScreeningReport.objects.filter(run=before, name="model").values_list("body", flat=True).first()


def _one_of_each(groups: list[dict[str, Any]], last: list[str]) -> list[str]:
    """Return a variable of each cluster of variables; those of the last time while they still tell things apart.

    These stay while no two of them lie in one cluster and at most one cluster holds none: a cluster more or less
    comes and goes with a single order, and every change of variables makes other clusters of customers.
    """
    held = [[name for name in last if name in each["names"]] for each in groups]
    apart = all(len(names) <= 1 for names in held) and sum(map(len, held)) == len(last)
    if last and apart and len(groups) <= len(last) + 1:
        return last
    return [each["representative"] for each in groups]


def _centres(model: dict[str, Any] | None, names: list[str]) -> Floats | None:
    """Return the centres of a model in the order of these variables; None where it has others."""
    if model is None or sorted(model["names"]) != sorted(names):
        return None
    return np.array(model["centres"])[:, [model["names"].index(name) for name in names]]


def _keys(
    model: dict[str, Any] | None, names: list[str], clusters: Clusters
) -> tuple[list[tuple[str, bool]], int]:
    """Return key and newness of each cluster, and the highest number ever given.

    A cluster goes on under the number of the one before that it is nearest to; numbers are never used twice.
    """
    numbered = int(model["numbered"]) if model else 0
    shared = [name for name in names if model and name in model["names"]]
    old: list[int | None] = [None] * len(clusters.centres)
    # On other variables than before centres cannot be compared.
    if model and 2 * len(shared) >= max(len(names), len(model["names"])):
        places = [model["names"].index(name) for name in shared]
        now = clusters.centres[:, [names.index(name) for name in shared]]
        old = cl.matched(now, np.array(model["centres"])[:, places])
    keys = []
    for place in old:
        if place is None or model is None:
            numbered += 1
            keys.append((f"c{numbered}", True))
        else:
            keys.append((str(model["keys"][place]), False))
    return keys, numbered


def _clusters(
    columns: Mapping[str, Floats], values: Floats, found: Prepared, chosen: list[int], labels: cl.Labels,
    shares: Floats, keys: list[tuple[str, bool]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return of each cluster its size, what sets it apart in words, and the means of its variables."""
    means = np.array([values[labels == number].mean(axis=0) for number in range(len(keys))])
    telling = cl.distinctive(means[:, chosen])
    reports = []
    for number, (key, new) in enumerate(keys):
        own = labels == number
        figures = [
            {
                "name": name, "title": features.WORDS[name], "deviations": float(means[number, place]),
                "mean": _mean(columns[name][own]), "everyone": _mean(columns[name]),
                "chosen": place in chosen,
            }
            for place, name in enumerate(found.names)
        ]  # fmt: skip
        sets_apart = [figures[chosen[place]] for place in telling[number]]
        reports.append({
            "key": key, "new": new, "customers": int(own.sum()), "share": float(own.mean()),
            "membership": float(shares[:, number].mean()), "name": cluster_words.name(sets_apart),
            "description": cluster_words.description(sets_apart), "figures": figures,
        })  # fmt: skip
    return reports


def _model(
    found: Prepared, names: list[str], clusters: Clusters, mixture: Mixture, keys: list[tuple[str, bool]],
    numbered: int,
) -> dict[str, Any]:  # fmt: skip
    """Return all that puts a customer into a cluster, so that it can be told why, and found again next night."""
    by_name = {each.name: each for each in found.variables}
    return {
        "keys": [key for key, _ in keys], "numbered": numbered, "names": names,
        "variables": [asdict(by_name[name]) for name in names],
        "centres": clusters.centres.tolist(), "weights": mixture.weights.tolist(),
        "means": mixture.means.tolist(), "variances": mixture.variances.tolist(), "bic": mixture.bic,
    }  # fmt: skip


def _members(
    run: Run, people: pl.DataFrame, labels: cl.Labels, shares: Floats, keys: list[tuple[str, bool]]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": people[c.CUSTOMER],
            "cluster": pl.Series([key for key, _ in keys]).gather(labels),
            "share": shares[np.arange(len(labels)), labels],
            "shares": pl.Series(shares.round(6).tolist(), dtype=pl.List(pl.Float64)),
        }
    ).with_columns(pl.lit(run.pk).alias("run_id"))


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


register(Job(name=JOB, title="clusters of customers", compute=compute_clusters, overall=True))
