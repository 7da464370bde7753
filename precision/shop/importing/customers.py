"""Customers into their tables: identities, the person behind each, and what the shop told about them."""

import json
from collections.abc import Iterable
from datetime import datetime

import polars as pl

from precision.engine.copying import copy_rows
from precision.shop import bulk, pii
from precision.shop.models import Customer, Identity, Platform, Profile
from precision.shop.records import CUSTOMER

PERSONAL = tuple(field.name for field in CUSTOMER.fields if field.personal)
TEXTS = (
    "gender", "country", "city", "occupation", "education", "income", "marital_status", "timezone",
    "language",
)  # fmt: skip


def identity_numbers(
    platform: Platform, values: pl.Series, *, kind: str, now: datetime
) -> tuple[pl.DataFrame, int]:
    """Return `value` and our inner number (`identity`) of each, adding identity and customer where new; and
    how many.
    """
    within = {"platform_id": platform.pk, "kind": kind}
    keys = pl.DataFrame({"value": values.unique().drop_nulls()}).sort("value")
    known = bulk.lookup(Identity, keys, within=within, columns={"id": pl.Int64}).rename({"id": "identity"})
    fresh = keys.join(known, on="value", how="anti", maintain_order="left")
    if not fresh.height:
        return known, 0
    customers = pl.DataFrame({"id": bulk.reserve_ids(Customer, fresh.height)}).with_columns(
        organisation_id=pl.lit(platform.organisation_id, pl.Int64), created_at=pl.lit(now)
    )
    identities = fresh.with_columns(
        id=bulk.reserve_ids(Identity, fresh.height), platform_id=pl.lit(platform.pk, pl.Int64),
        kind=pl.lit(str(kind)), customer_id=customers.get_column("id"), created_at=pl.lit(now),
    )  # fmt: skip
    copy_rows(Customer, customers)
    copy_rows(Identity, identities)
    return pl.concat([known, identities.select("value", pl.col("id").alias("identity"))]), fresh.height


def load_customers(
    platform: Platform, made: pl.DataFrame, *, replace: bool = False, now: datetime
) -> pl.DataFrame:
    """Add or update what the shop tells about its customers; return `customer_id` and the outcome of each.

    `replace`: what is null is emptied, not kept.
    """
    numbers, _ = identity_numbers(
        platform, made.get_column("customer_id"), kind=Identity.Kind.CUSTOMER_ID, now=now
    )
    made = made.join(numbers, left_on="customer_id", right_on="value", how="left", maintain_order="left")
    frame = made.drop("__row", "__file", "customer_id", *PERSONAL, strict=False).rename(
        {"identity": "identity_id"}
    )
    personal = [name for name in PERSONAL if name in made.columns]
    if personal:
        frame = frame.with_columns(_personal(made, personal, replace=replace))
    outcome = bulk.upsert(
        Profile,
        frame,
        key="identity_id",
        within={},
        touched="updated_at",
        now=now,
        replace=replace,
        defaults={**dict.fromkeys(TEXTS, ""), "traits": "{}"},
    )
    return (
        made.select("customer_id", pl.col("identity").alias("identity_id"))
        .join(outcome, on="identity_id", how="left", maintain_order="left")
        .drop("identity_id")
    )


def _personal(made: pl.DataFrame, names: Iterable[str], *, replace: bool) -> pl.Series:
    """Return the encrypted personal values of each customer as bytea text; null where nothing new is told.

    Values that were told before and are not in the file are kept, unless everything is to be replaced: then
    null stands for nothing, and what is the same is given back as it is stored. Encrypting the same values twice
    gives different bytes, so what is stored is opened and compared.
    """
    numbers = made.get_column("identity").to_list()
    sealed = {
        number: bytes(token or b"")
        for number, token in Profile.objects.filter(identity__in=numbers, personal__isnull=False).values_list(
            "identity_id", "personal"
        )
    }
    stored = {number: pii.decrypt(token) for number, token in sealed.items()}
    tokens: list[str | None] = []
    for row in made.select("identity", *names).iter_rows(named=True):
        before = stored.get(row["identity"], {})
        told = {name: row[name] for name in names if row[name] is not None}
        if "address" in told:
            address = {} if replace else before.get("address", {})
            told["address"] = {**address, **json.loads(told["address"])}
        after = told if replace else {**before, **told}
        token = sealed.get(row["identity"]) if replace else None
        if after != before:
            token = pii.encrypt(after) if after else None
        tokens.append(None if token is None else "\\x" + token.hex())
    return pl.Series("personal", tokens, dtype=pl.String)
