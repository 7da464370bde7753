"""The learned ranker of a platform; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run


class LearnedRanker(models.Model):
    """What ranks the candidates of each customer, or why nothing was learned; see recommender/ranking."""

    run = models.OneToOneField(Run, models.CASCADE, related_name="+")
    computed_as_of = models.DateField(help_text="Nothing of this day or later was seen.")
    used = models.BooleanField(help_text="Off: the blend of candidate lists serves.")
    reason = models.TextField(help_text="What the gate said, or what was missing.")
    share = models.FloatField(
        null=True, help_text="Log odds by which new items are lifted against repeats, chosen on earlier days."
    )
    report = models.JSONField(default=dict, blank=True, help_text="Recalls, trials, importance.")
    state = models.JSONField(default=dict, blank=True, help_text="The trees, as LightGBM writes them.")

    class Meta:
        verbose_name = "learned ranker"

    def __str__(self) -> str:
        return f"{'ranker' if self.used else 'no ranker'} of {self.computed_as_of}"
