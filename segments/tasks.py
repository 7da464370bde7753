"""Celery tasks: one line each; every one computes a job of one platform now, in a process of its own."""

from celery import shared_task

from precision.engine import isolation


@shared_task(name="precision.price_classes")  # type: ignore[untyped-decorator]
def price_classes(platform: str) -> None:
    """Compute the price classes A/B/C/U."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "price-classes"])


@shared_task(name="precision.rfm")  # type: ignore[untyped-decorator]
def rfm(platform: str) -> None:
    """Compute recency, frequency and money."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "rfm"])


@shared_task(name="precision.behaviour")  # type: ignore[untyped-decorator]
def behaviour(platform: str) -> None:
    """Count by day what people did."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "behaviour"])


@shared_task(name="precision.follow_segments")  # type: ignore[untyped-decorator]
def follow_segments() -> None:
    """Let whoever did something since the last time enter and leave segments, in a process of its own."""
    isolation.run_command("follow_segments")


@shared_task(name="precision.segments")  # type: ignore[untyped-decorator]
def segments(platform: str) -> None:
    """Compute the members of all segments."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "segments"])


@shared_task(name="precision.product_labels")  # type: ignore[untyped-decorator]
def product_labels(platform: str) -> None:
    """Compute the labels of products."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "product-labels"])


@shared_task(name="precision.portraits")  # type: ignore[untyped-decorator]
def portraits(platform: str) -> None:
    """Count what portraits are made of."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "portraits"])


@shared_task(name="precision.lifecycle")  # type: ignore[untyped-decorator]
def lifecycle(platform: str) -> None:
    """Compute the stages of the life cycle."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "lifecycle"])


@shared_task(name="precision.value")  # type: ignore[untyped-decorator]
def value(platform: str) -> None:
    """Compute expected orders and value of customers."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "value"])


@shared_task(name="precision.labels")  # type: ignore[untyped-decorator]
def labels(platform: str) -> None:
    """Compute the labels of everybody."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "labels"])


@shared_task(name="precision.models")  # type: ignore[untyped-decorator]
def models(platform: str) -> None:
    """Learn the models of the life cycle."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "models"])


@shared_task(name="precision.scores")  # type: ignore[untyped-decorator]
def scores(platform: str) -> None:
    """Score customers by the models of the life cycle."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "scores"])


@shared_task(name="precision.portals")  # type: ignore[untyped-decorator]
def portals(platform: str) -> None:
    """Judge how well the return of customers is told at each portal."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "portals"])


@shared_task(name="precision.screening")  # type: ignore[untyped-decorator]
def screening(platform: str) -> None:
    """Compute value, range and demand."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "screening"])


@shared_task(name="precision.clusters")  # type: ignore[untyped-decorator]
def clusters(platform: str) -> None:
    """Compute the clusters of customers and of variables."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "clusters"])
