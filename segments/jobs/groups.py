"""Who is in which segment."""

import narwhals as nw
import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.models import Platform
from segments import builtin, conditions, definitions, labels
from segments.models import Segment, SegmentMember


def compute_segments(run: Run, engine: Engine) -> Outcome:
    """Write SegmentMember rows of the run's platform, for the built-in segments and those of staff."""
    platform = Platform.objects.get(key=run.scope)
    definitions.ensure_builtin(platform)
    people = labels.wide_frame(platform)
    sizes, refused, rows = {}, {}, 0
    for segment in Segment.objects.filter(platform=platform):
        try:
            condition = conditions.parse(segment.condition, labels=builtin.LABELS, events=())
        except conditions.ConditionError as error:
            refused[segment.key] = str(
                error
            )  # it was valid when it was saved; the others must not wait for it
            continue
        members = (
            nw.from_native(people)
            .filter(conditions.to_expression(condition))
            .to_native()
            .select(
                pl.lit(run.pk).alias("run_id"),
                pl.lit(segment.pk).alias("segment_id"),
                pl.col(c.CUSTOMER).alias("customer_id"),
            )
        )
        sizes[segment.key] = copy_rows(SegmentMember, members)
        rows += members.height
    measures = {"sizes": sizes, "customers": people.height, "refused": refused}
    return Outcome(rows={"segment_member": rows}, measures=measures)


register(Job(name="segments", title="segments", compute=compute_segments, after=("price-classes", "rfm")))
