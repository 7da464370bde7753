"""Celery tasks: one line each; every one computes a job of one platform now, in a process of its own."""

from celery import shared_task

from precision.engine import isolation


@shared_task(name="precision.rules")  # type: ignore[untyped-decorator]
def rules(platform: str) -> None:
    """Compute the association rules."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "rules"])


@shared_task(name="precision.popularity")  # type: ignore[untyped-decorator]
def popularity(platform: str) -> None:
    """Compute what sells."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "popularity"])


@shared_task(name="precision.similar")  # type: ignore[untyped-decorator]
def similar(platform: str) -> None:
    """Compute the similar products."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "similar"])


@shared_task(name="precision.recommendations")  # type: ignore[untyped-decorator]
def recommendations(platform: str) -> None:
    """Compute each customer's lists."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "recommendations"])


@shared_task(name="precision.recommendation_ranker")  # type: ignore[untyped-decorator]
def recommendation_ranker(platform: str) -> None:
    """Learn how to rank candidates."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "recommendation-ranker"])


@shared_task(name="precision.recommendation_quality")  # type: ignore[untyped-decorator]
def recommendation_quality(platform: str) -> None:
    """Compare the models of recommendations."""
    isolation.run_command("refresh", ["--platform", platform, "--only", "recommendation-quality"])
