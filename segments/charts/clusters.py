"""Clusters of customers and of variables, components and factors, as charts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from precision import charts
from precision.charts import Axis, Chart, Point

CUSTOMERS: Final = Axis(title="customers")
K: Final = Axis(title="number of clusters, k")
SHARE: Final = Axis(title="share", percent=True, places=1)
DEVIATIONS: Final = Axis(title="standard deviations from everybody's mean", places=2)
CORRELATION: Final = Axis(title="correlation", places=2)
VARIABLE: Final = Axis(title="variable")
COMPONENTS_SHOWN: Final = 6


def choice(tried: Sequence[Mapping[str, Any]], *, empty: str) -> list[Chart]:
    """Return silhouette, within sum of squares and gap over k: how the number of clusters was chosen."""
    ks = [each["k"] for each in tried]
    best = max(tried, key=lambda each: (each["silhouette"] or -1.0, -each["k"]), default=None)
    gaps = [each["gap"] for each in tried]
    spread = [
        (None, None) if each["gap"] is None else (each["gap"] - each["gap_error"], each["gap"] + each["gap_error"])
        for each in tried
    ]  # fmt: skip
    return [
        charts.lines(
            "silhouette", "How well separated the clusters are, by their number", x=K, empty=empty, at=ks,
            y=Axis(title="mean silhouette", unit="−1 to 1", places=3),
            series={"silhouette": [each["silhouette"] for each in tried]},
            note=f"{best['k']} clusters have the highest and were taken." if best else "",
        ),
        charts.lines(
            "within", "How close customers are to their centre, by the number of clusters", x=K, empty=empty,
            at=ks, y=Axis(title="within sum of squares a customer", places=3),
            series={"within": [each["within"] for each in tried]},
            note="It always falls; a bend tells where more clusters gain little.",
        ),
        charts.lines(
            "gap", "Gap to tables without clusters, by the number of clusters", x=K, empty=empty, at=ks,
            y=Axis(title="gap of log within", places=3), series={"gap": gaps},
            bands={"gap": ([low for low, _ in spread], [high for _, high in spread])},
            note="The band is one standard error of the simulation.",
        ),
    ]  # fmt: skip


def clusters(found: Sequence[Mapping[str, Any]], *, empty: str) -> list[Chart]:
    """Return sizes of the clusters, crisp and fuzzy, and how far each differs from everybody in each variable."""
    keys = [each["key"] for each in found]
    figures = [figure for figure in (found[0]["figures"] if found else []) if figure["chosen"]]
    deviations = {
        each["key"]: {figure["name"]: figure["deviations"] for figure in each["figures"]} for each in found
    }
    return [
        charts.bars(
            "cluster-sizes", "How large the clusters are: by nearest centre, and by fuzzy membership",
            x=Axis(title="cluster"), y=SHARE, at=keys, empty=empty,
            series={"nearest centre": [each["share"] for each in found],
                    "fuzzy membership": [each["membership"] for each in found]},
        ),
        charts.heat_map(
            "cluster-profiles", "What sets the clusters apart", x=Axis(title="cluster"), y=VARIABLE,
            value=DEVIATIONS, across=keys, down=[figure["title"] for figure in figures], diverging=True,
            values=[[deviations[key][figure["name"]] for key in keys] for figure in figures], empty=empty,
            note="Mean of the cluster less that of everybody, in standard deviations; skewed variables as logs.",
        ),
    ]  # fmt: skip


def correlations(
    table: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], *, titles: Mapping[str, str], empty: str
) -> Chart:
    """Return the correlations of the variables, those of one cluster beside each other."""
    names = [name for group in groups for name in group["names"]]
    place = {name: number for number, name in enumerate(table["names"])} if table else {}
    values = [[table["values"][place[row]][place[column]] for column in names] for row in names]
    shown = [f"{number}. {titles.get(name, name)}" for number, name in enumerate(names, start=1)]
    return charts.heat_map(
        "correlations", "Correlations of the variables, ordered by their clusters", x=VARIABLE, y=VARIABLE,
        value=CORRELATION, across=[str(number + 1) for number in range(len(names))], down=shown, values=values,
        diverging=True, bound=1.0, empty=empty,
    )  # fmt: skip


def components(found: Mapping[str, Any], *, titles: Mapping[str, str], empty: str) -> list[Chart]:
    """Return contribution and cumulative share of the components, the loadings, and a map of the first two."""
    names = found.get("names", [])
    shown = [titles.get(name, name) for name in names]
    loadings = found.get("loadings", [])
    count = min(COMPONENTS_SHOWN, len(names))
    numbers = [str(number + 1) for number in range(len(names))]
    points = [
        Point(x=row[0], y=row[1], name=f"{number}. {name}", mark=str(number))
        for number, (row, name) in enumerate(zip(loadings, shown, strict=True), start=1)
    ]
    return [
        charts.bars(
            "contribution", "How much of the variance each principal component explains",
            x=Axis(title="component"), y=SHARE, at=numbers, empty=empty,
            series={"contribution": found.get("contribution", []), "cumulative": found.get("cumulative", [])},
        ),
        charts.bars(
            "eigenvalues", "Eigenvalues of the components", x=Axis(title="component"),
            y=Axis(title="eigenvalue", places=4), at=numbers, series={"eigenvalue": found.get("eigenvalues", [])},
            note="A component above 1 explains more than a single variable does.", empty=empty,
        ),
        charts.heat_map(
            "loadings", f"Loadings of the first {count} components", x=Axis(title="component"), y=VARIABLE,
            value=CORRELATION, across=numbers[:count], down=shown, diverging=True, bound=1.0,
            values=[row[:count] for row in loadings], note="Correlations of variables and components.", empty=empty,
        ),
        charts.scatter(
            "component-map", "Variables on the first two components", named=True, groups={"variables": points},
            x=Axis(title="component 1", unit="correlation", places=2),
            y=Axis(title="component 2", unit="correlation", places=2), empty=empty,
        ),
    ]  # fmt: skip


def factors(found: Mapping[str, Any], *, titles: Mapping[str, str], empty: str) -> list[Chart]:
    """Return loadings and communalities of the orthogonal factors."""
    shown = [titles.get(name, name) for name in found.get("names", [])]
    loadings = found.get("loadings", [])
    across = [f"factor {number + 1}" for number in range(len(loadings[0]) if loadings else 0)]
    reason = found.get("reason") or empty
    note = "" if found.get("converged", True) else (
        "The likelihood kept rising: a variable is explained as a whole (a Heywood case), so take its loadings with "
        "care."
    )  # fmt: skip
    return [
        charts.heat_map(
            "factor-loadings", "Loadings of the orthogonal factors (varimax)", x=Axis(title="factor"), y=VARIABLE,
            value=CORRELATION, across=across, down=shown, values=loadings, diverging=True, bound=1.0, note=note,
            empty=reason,
        ),
        charts.bars(
            "communalities", "How much of each variable the factors explain together", x=VARIABLE, y=SHARE, at=shown,
            series={"communality": found.get("communalities", [])}, horizontal=True, empty=reason,
        ),
    ]  # fmt: skip
