"""Rows that tell something about customers: further names of theirs, and what they agreed to."""

from typing import Final

import polars as pl

from precision.shop import bulk, consent
from precision.shop.importing.customers import identity_numbers, usable
from precision.shop.importing.names import name_links
from precision.shop.importing.run import Run
from precision.shop.importing.summary import Outcomes
from precision.shop.mapping import RecordMapping
from precision.shop.models import Identity, IdentityLink, Referral, Source
from precision.shop.records import Code

CUSTOMER: Final = Identity.Kind.CUSTOMER_ID.value
REFERRED_BY: Final = "referred_by"
ORIGIN: Final = "profile"


def load_referrals(run: Run, made: pl.DataFrame) -> None:
    """Note who brought each customer (customer_id, referred_by); what was told before of the same customer changes.

    All of them name somebody, and nobody themselves. What is null says nothing.
    """
    told = made.select(CUSTOMER, REFERRED_BY).drop_nulls()
    if not told.height:
        return
    names = pl.concat([told.get_column(CUSTOMER), told.get_column(REFERRED_BY).alias(CUSTOMER)])
    numbers, _ = identity_numbers(run.platform, names, kind=CUSTOMER, now=run.now)
    pairs = (
        told.join(numbers.rename({"identity": "referred_id"}), left_on=CUSTOMER, right_on="value")
        .join(numbers.rename({"identity": "referrer_id"}), left_on=REFERRED_BY, right_on="value")
        .filter(pl.col("referred_id") != pl.col("referrer_id"))
    )
    bulk.upsert(
        Referral,
        pairs.select("referred_id", "referrer_id").unique("referred_id", keep="last"),
        key="referred_id",
        within={"platform_id": run.platform.pk},
        defaults={"at": run.now},
        now=run.now,
    )


def bad_referrals(made: pl.DataFrame) -> pl.Series:
    """Return whether each customer is said to be brought by nobody's name, or by themselves."""
    by = made.get_column(REFERRED_BY)
    return by.is_not_null() & (~usable(by, kind=CUSTOMER) | (by == made.get_column(CUSTOMER)))


def load_identities(run: Run, made: pl.DataFrame, record: RecordMapping, source: Source) -> Outcomes:
    """Link further names (customer_id, kind, value) to their customers; return what became of the rows.

    A name that the customer has already is a duplicate. A value that names nobody is refused.
    """
    made = _with_customers(run, made, record)
    good = pl.Series("good", [True], dtype=pl.Boolean).new_from_index(0, made.height)
    for kind in made.get_column("kind").unique():
        named = usable(made.get_column("value"), kind=kind, region=run.platform.region)
        good &= (made.get_column("kind") != kind) | named
    run.refuse(made.filter(~good), record, "value", Code.UNUSABLE_IDENTITY)
    told = made.filter(good).select("identity", "kind", "value")
    if not told.height:
        return Outcomes()
    links = name_links(run.platform, told, now=run.now)
    low, high = pl.min_horizontal("first", "second"), pl.max_horizontal("first", "second")
    pairs = links.filter(pl.col("first") != pl.col("second")).select(first_id=low, second_id=high).unique()
    known = bulk.lookup(
        IdentityLink, pairs, within={"origin": ORIGIN, "verified": True}, columns={"id": pl.Int64}
    )
    fresh = pairs.height - known.height
    run.links.append(links)
    return Outcomes(accepted=fresh, duplicate=told.height - fresh)


def load_consents(run: Run, made: pl.DataFrame, record: RecordMapping, source: Source) -> Outcomes:
    """Note what customers agreed to; return what became of the rows."""
    made = _with_customers(run, made, record)
    given = {name for name in ("basis", "at") if name in made.columns}
    words = [
        consent.Word(
            identity=row["identity"],
            channel=row["channel"],
            purpose=row["purpose"],
            granted=row["granted"],
            basis=row["basis"] or "" if "basis" in given else "",
            at=row["at"] if "at" in given else None,
        )
        for row in made.iter_rows(named=True)
    ]
    done = consent.record(run.platform, words, source=source, now=run.now)
    return Outcomes(accepted=done.accepted, updated=done.updated, duplicate=done.duplicate)


def _with_customers(run: Run, made: pl.DataFrame, record: RecordMapping) -> pl.DataFrame:
    """Return the rows with our number of their customer (`identity`); those of nobody go to the rejects."""
    good = usable(made.get_column(CUSTOMER), kind=CUSTOMER)
    run.refuse(made.filter(~good), record, CUSTOMER, Code.UNUSABLE_IDENTITY)
    made = made.filter(good)
    numbers, _ = identity_numbers(run.platform, made.get_column(CUSTOMER), kind=CUSTOMER, now=run.now)
    return made.join(numbers, left_on=CUSTOMER, right_on="value", how="inner", maintain_order="left")
