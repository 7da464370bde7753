"""Names of people into numbers, whole columns at once; the version for a few is `identities.resolve`."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl
from psycopg import sql

from precision.engine.copying import copy_rows
from precision.shop import bulk, identity, pii
from precision.shop.models import PERSONAL_KINDS, Customer, Identity, Platform

_PLAIN = r"^[!-~]([ -~]*[!-~])?$"
"""Printable ASCII without spaces around it: what nearly all technical ids are."""
# Sorted, so that two writers who add the same names wait for each other in one order.
_ADD = """
INSERT INTO precision_shop_identity (platform_id, kind, value, ciphertext, customer_id, created_at)
SELECT {platform}, {kind}, t.value, t.ciphertext, t.customer_id, {now} FROM {table} t ORDER BY t.value
ON CONFLICT (platform_id, kind, value) DO NOTHING RETURNING value, id, customer_id
"""


def identity_numbers(
    platform: Platform, values: pl.Series, *, kind: str, now: datetime
) -> tuple[pl.DataFrame, int]:
    """Return `value` (as told) and our inner number (`identity`) of each, making identity and customer where new; and
    how many are new.

    A value that names nobody (`identity.BLOCKED` and others) is not among them: join left. Of personal kinds a keyed
    digest and a ciphertext are kept.
    """
    told = normalised(values.unique().drop_nulls().alias("value"), kind=str(kind), region=platform.region)
    told = told.filter(pl.col("plain").is_not_null())
    schema = {"value": pl.String, "identity": pl.Int64}
    if not told.height:
        return pl.DataFrame(schema=schema), 0
    if kind in PERSONAL_KINDS:
        key = pii.match_key(platform.organisation_id)
        digests = [pii.match(key, str(kind), plain) for plain in told.get_column("plain")]
        told = told.with_columns(pl.Series("stored", digests, dtype=pl.String))
    else:
        told = told.with_columns(stored="plain")
    within = {"platform_id": platform.pk, "kind": str(kind)}
    keys = told.select(value="stored").unique().sort("value")
    known = bulk.lookup(Identity, keys, within=within, columns={"id": pl.Int64})
    fresh = told.unique("stored", keep="first", maintain_order=True).join(
        known, left_on="stored", right_on="value", how="anti", maintain_order="left"
    )
    added = 0
    if fresh.height:
        made = _add(platform, fresh, kind=str(kind), now=now)
        added = made.height
        known = pl.concat([known, made])
        if added < fresh.height:  # another writer was quicker, and has committed
            lost = fresh.select(value="stored").join(made, on="value", how="anti")
            known = pl.concat([known, bulk.lookup(Identity, lost, within=within, columns={"id": pl.Int64})])
    found = told.join(known, left_on="stored", right_on="value", maintain_order="left")
    return found.select("value", pl.col("id").alias("identity")).cast(schema), added  # type: ignore[arg-type]


def usable(values: pl.Series, *, kind: str, region: str = "") -> pl.Series:
    """Return whether each value names somebody; shape of `values`, null counts as nobody."""
    distinct = normalised(values.unique().drop_nulls().alias("value"), kind=kind, region=region)
    good = distinct.filter(pl.col("plain").is_not_null()).get_column("value")
    return values.is_in(good.implode()).fill_null(value=False)


def normalised(values: pl.Series, *, kind: str, region: str = "") -> pl.DataFrame:
    """Return `value` and `plain`, what `identity.normalise` makes of it (null: it names nobody), of distinct values."""
    frame = values.to_frame("value")
    if kind in PERSONAL_KINDS:
        plain = [identity.normalise(kind, value, region=region) for value in values]
        return frame.with_columns(pl.Series("plain", plain, dtype=pl.String))
    value = pl.col("value")
    first = value.str.slice(0, 1)
    same = value.str.strip_chars(first) == ""
    longest = identity.REPEATED.get(kind, identity.LONGEST)
    blocked = (
        value.str.to_lowercase().is_in(sorted(identity.BLOCKED))
        | (same & ((first == "0") | (value.str.len_chars() >= longest)))
        | (value.str.len_chars() > identity.LONGEST)
    )
    frame = frame.with_columns(
        odd=~value.str.contains(_PLAIN), plain=pl.when(blocked).then(pl.lit(None, pl.String)).otherwise(value)
    )
    if frame.get_column("odd").any():
        odd = frame.filter("odd").select("value")
        plain = [identity.normalise(kind, each, region=region) for each in odd.get_column("value")]
        odd = odd.with_columns(pl.Series("plain", plain, dtype=pl.String))
        frame = pl.concat([frame.filter(~pl.col("odd")).select("value", "plain"), odd])
    return frame.select("value", "plain")


def name_links(platform: Platform, told: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """Return the links, as `stitching.link_many` takes them, of names that the shop's server told of its customers.

    `told`: `identity` (the number of the customer id), `kind` and `value`, as told. The names become identities; what
    names nobody is left out.
    """
    links = [pl.DataFrame(schema={"first": pl.Int64, "second": pl.Int64})]
    for (kind,), rows in told.drop_nulls().partition_by("kind", as_dict=True).items():
        numbers, _ = identity_numbers(platform, rows.get_column("value"), kind=str(kind), now=now)
        named = rows.join(numbers.rename({"identity": "second"}), on="value")
        links.append(named.select(first="identity", second="second"))
    return pl.concat(links).with_columns(
        origin=pl.lit("profile"), verified=pl.lit(value=True), at=pl.lit(now).cast(pl.Datetime("us", "UTC"))
    )


def _add(platform: Platform, fresh: pl.DataFrame, *, kind: str, now: datetime) -> pl.DataFrame:
    """Make identities, each a customer of its own; return `value` and `id` of those that nobody else made meanwhile."""
    rows = fresh.select(
        value="stored",
        ciphertext=_sealed(fresh, kind=kind),
        customer_id=bulk.reserve_ids(Customer, fresh.height),
    )
    table = bulk.stage("names", rows, like=Identity)
    schema: Mapping[str, object] = {"value": pl.String, "id": pl.Int64, "customer_id": pl.Int64}
    made = bulk.fetch(
        sql.SQL(_ADD).format(
            platform=sql.Literal(platform.pk), kind=sql.Literal(kind), now=sql.Literal(now), table=table
        ),
        schema,
    )
    customers = made.select(
        id="customer_id", organisation_id=pl.lit(platform.organisation_id, pl.Int64), created_at=pl.lit(now)
    ).sort("id")
    copy_rows(Customer, customers)
    return made.select("value", "id")


def _sealed(fresh: pl.DataFrame, *, kind: str) -> pl.Series:
    """Return the ciphertext of each value of a personal kind as bytea text; null of any other."""
    if kind not in PERSONAL_KINDS:
        return pl.Series([None], dtype=pl.String).new_from_index(0, fresh.height)
    return pl.Series(
        ["\\x" + pii.encrypt(plain).hex() for plain in fresh.get_column("plain")], dtype=pl.String
    )
