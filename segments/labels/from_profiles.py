"""What the shops told about the person: age, place, work, household. As told today: profiles have no history."""

from datetime import date
from typing import Any

import polars as pl

from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels.own import NUMBER, TEXT, fact
from segments.labels.registry import Evidence, Sensitivity, Source, register

AGE_BAND, REGISTERED_DAYS = "age_band", "registered_days"
BANDS = (
    (65, "65+"),
    (55, "55-64"),
    (45, "45-54"),
    (35, "35-44"),
    (25, "25-34"),
    (18, "18-24"),
    (0, "under 18"),
)
"""Least age and name of each band, the eldest first."""
PERSONAL, SENSITIVE = {"sensitivity": Sensitivity.PERSONAL}, {"sensitivity": Sensitivity.SENSITIVE}
GIVEN = {"gender": ("Gender", PERSONAL), "country": ("Country", {}), "city": ("City", PERSONAL),
         "occupation": ("Occupation", PERSONAL), "education": ("Education", PERSONAL),
         "income": ("Income", SENSITIVE), "marital_status": ("Marital status", SENSITIVE)}  # fmt: skip
TOLD = "As the shop told it; of several shops' words the last one."
BIRTH, REGISTERED, DAY = "birth_date", "registered_at", "registered_day"
DEFINITIONS = (
    fact(
        AGE_BAND,
        "Age band",
        TEXT,
        "years",
        "Full years from the date of birth to the date, in bands.",
        values=tuple(name for _, name in reversed(BANDS)),
        **SENSITIVE,
    ),
    fact(
        REGISTERED_DAYS,
        "Days since registration",
        NUMBER,
        "days",
        "Date − day of the first registration, local.",
    ),
    *(fact(key, title, TEXT, "", TOLD, **more) for key, (title, more) in GIVEN.items()),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody of whom a shop told anything; see `Source`."""
    return labels(_profiles(scope, as_of), as_of)


def labels(profiles: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the labels from the rows of `_profiles`."""
    # The last word comes first, and of each attribute the first that was told counts.
    people = profiles.group_by(c.CUSTOMER, maintain_order=True).agg(
        pl.col(BIRTH).drop_nulls().first(),
        pl.col(DAY).min(),
        *(pl.col(name).drop_nulls().first() for name in GIVEN),
    )
    birth = pl.col(BIRTH)
    # Months and days come as small integers, which would wrap.
    in_year = birth.dt.month().cast(pl.Int64) * 100 + birth.dt.day().cast(pl.Int64)
    before_birthday = in_year > as_of.month * 100 + as_of.day
    age = as_of.year - birth.dt.year().cast(pl.Int64) - before_birthday.cast(pl.Int64)
    band: Any = pl.lit(None, dtype=pl.String)
    for least, name in reversed(BANDS):
        band = pl.when(age >= least).then(pl.lit(name)).otherwise(band)
    registered = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    return people.select(
        c.CUSTOMER,
        band.alias(AGE_BAND),
        pl.when(registered >= 0).then(registered).alias(REGISTERED_DAYS),
        *GIVEN,
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return what was told; None where nothing was."""
    rows = _profiles(scope, as_of, customer=customer)
    column = {AGE_BAND: BIRTH, REGISTERED_DAYS: DAY}.get(key, key)
    told = [
        {"platform": row["platform"], "told_at": row["told_at"].isoformat(), column: _plain(row[column])}
        for row in rows.drop_nulls(column).iter_rows(named=True)
    ]
    return {"as_of": as_of.isoformat(), "told": told} if told else None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _profiles(scope: Scope, as_of: date, *, customer: int | None = None) -> pl.DataFrame:
    """Return what was told of everybody, or of one customer, the last word first. One query per platform."""
    frames = []
    for platform in scope.platforms:
        end = Window.before(as_of, timezone=platform.timezone).end
        own_only = "" if customer is None else f"AND i.customer_id = {customer:d}"
        told = ", ".join(f"nullif(lower(btrim(p.{name})), '') AS {name}" for name in GIVEN)
        rows = read_frame(f"""
            SELECT i.customer_id AS {c.CUSTOMER}, p.updated_at AS told_at, p.birth_date AS {BIRTH},
                   CASE WHEN p.registered_at < to_timestamp({end:d}) THEN p.registered_at END AS {REGISTERED}, {told}
            FROM precision_shop_profile p JOIN precision_shop_identity i ON i.id = p.identity_id
            WHERE i.platform_id = {platform.pk:d} {own_only}
        """)
        local = pl.col(REGISTERED).dt.convert_time_zone(platform.timezone).dt.date()
        frames.append(
            rows.with_columns(local.alias(DAY), pl.lit(platform.key).alias("platform")).drop(REGISTERED)
        )
    return pl.concat(frames).sort("told_at", "platform", descending=[True, False])


register(Source(name="profiles", definitions=DEFINITIONS, frame=frame, evidence=evidence))
