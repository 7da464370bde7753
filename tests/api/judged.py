"""Results of the comparison of recommendation models."""

from datetime import date

from precision.engine.models import Publication, Run
from recommender.models import RecommendationQuality
from tests.api.conftest import Shop


def judged(shop: Shop, word: str = "blend") -> Run:
    """Publish what the models reached, with `word` as the name of one."""
    key = shop.platform.key
    run = Run.objects.create(
        job="recommendation-quality", scope=key, as_of="2026-07-01", status="published",
        measures={
            "computed_as_of": "2026-06-28",
            "gate": [
                {"which": "new", "model": word, "promoted": True, "decidable": True, "reason": "Promoted."}
            ],
        },
    )  # fmt: skip
    Publication.objects.create(job="recommendation-quality", scope=key, run=run)
    for model, which, group, recall in (
        ("popular-7", "new", "all", 0.1), (word, "new", "all", 0.2), (word, "new", "class:A", None),
        (word, "all", "all", 0.3),
    ):  # fmt: skip
        RecommendationQuality.objects.create(
            run=run, model=model, fold=0, cut_day=date(2026, 6, 1), days=30, which=which, group=group, k=20,
            customers=10, undefined=1, recall=recall,
        )  # fmt: skip
    return run
