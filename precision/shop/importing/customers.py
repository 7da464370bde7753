"""Customers into their tables: identities, the person behind each, and what the shop told about them."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl

from precision.shop import bulk, homes, pii
from precision.shop.importing.names import identity_numbers, name_links, usable
from precision.shop.models import Identity, Platform, Profile
from precision.shop.profiles import PERSONAL, TEXTS, merged

__all__ = ["TEXTS", "identity_numbers", "load_customers", "usable"]

LINKED = ("email", "phone")
"""Fields of a customer that name them."""


def load_customers(
    platform: Platform,
    made: pl.DataFrame,
    *,
    identities: pl.DataFrame | None = None,
    links: list[pl.DataFrame] | None = None,
    replace: bool = False,
    now: datetime,
) -> pl.DataFrame:
    """Add or update what the shop tells about its customers; return `customer_id` and the outcome of each.

    A customer id that names nobody is not in the answer; `usable` tells beforehand. `replace`: what is null is emptied,
    not kept. Where a list of `links` is given, the links of e-mail address, phone number and `identities` (customer_id,
    kind, value) to the customer id are appended to it, for `stitching.link_many` at the end of the transaction: what
    the shop's server tells of its own customers is verified.
    """
    numbers, _ = identity_numbers(
        platform, made.get_column("customer_id"), kind=Identity.Kind.CUSTOMER_ID, now=now
    )
    made = made.join(numbers, left_on="customer_id", right_on="value", how="inner", maintain_order="left")
    if links is not None:
        links.extend(_links(platform, made, identities, now=now))
    frame = made.drop(
        "__row", "__file", "customer_id", "identities", "consents", *PERSONAL, strict=False
    ).rename({"identity": "identity_id"})
    personal = [name for name in PERSONAL if name in made.columns]
    if personal:
        frame = frame.with_columns(_personal(platform, made, personal, replace=replace))
    outcome = bulk.upsert(
        Profile,
        frame,
        key="identity_id",
        within={},
        touched="updated_at",
        now=now,
        replace=replace,
        defaults={**dict.fromkeys(TEXTS, ""), "traits": "{}", "home_match": ""},
    )
    return (
        made.select("customer_id", pl.col("identity").alias("identity_id"))
        .join(outcome, on="identity_id", how="left", maintain_order="left")
        .drop("identity_id")
    )


def _links(
    platform: Platform, made: pl.DataFrame, identities: pl.DataFrame | None, *, now: datetime
) -> Iterator[pl.DataFrame]:
    """Yield the links of the names that are told beside the customer ids."""
    for kind in LINKED:
        if kind in made.columns:
            told = made.select("identity", kind=pl.lit(kind), value=pl.col(kind).cast(pl.String))
            yield name_links(platform, told, now=now)
    if identities is not None and identities.height:
        numbered = identities.join(made.select("customer_id", "identity"), on="customer_id")
        yield name_links(platform, numbered.select("identity", "kind", "value"), now=now)


def _personal(
    platform: Platform, made: pl.DataFrame, names: Iterable[str], *, replace: bool
) -> list[pl.Series]:
    """Return the encrypted personal values of each customer as bytea text, and the digest of their home; null where
    nothing new is told.

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
    matches: list[str | None] = []
    for row in made.select("identity", *names).iter_rows(named=True):
        before = stored.get(row["identity"], {})
        told = {name: row[name] for name in names if row[name] is not None}
        if "address" in told:
            told["address"] = json.loads(told["address"])
        after = told if replace else merged(before, told)
        token = sealed.get(row["identity"]) if replace else None
        if after != before:
            token = pii.encrypt(after) if after else None
        changed = replace or after != before
        matches.append(homes.digest(platform.organisation_id, after) if changed else None)
        tokens.append(None if token is None else "\\x" + token.hex())
    return [
        pl.Series("personal", tokens, dtype=pl.String),
        pl.Series("home_match", matches, dtype=pl.String),
    ]
