"""Assignments, exposures, sends and responses of the API into their tables."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import polars as pl

from precision.shop import contacts
from precision.shop.bulk import OUTCOME
from precision.shop.recording import resolving
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX
from precision.shop.records import Code

OLDEST_EXPOSURE: Final = timedelta(days=3653)
"""How far back exposures are taken: each month has a table of its own, and nobody may make us make thousands."""
ITEMS: Final = {
    "slots": ("slot", pl.String), "ranks": ("rank", pl.Int64), "sources": ("source", pl.String),
    "propensities": ("propensity", pl.Float64),
}  # fmt: skip
"""Array column of an exposure, and the field of an item and type that fill it."""


def write_assignments(batch: Batch) -> Mapping[int, str]:
    """Write who was put into which arm."""
    identity = resolving.people(batch, required=True)
    frame = batch.frame.select(
        INDEX, identity_id=pl.lit(identity), campaign="campaign_id", arm="arm", at="at"
    )
    outcome = contacts.assign(batch.platform, frame.drop(INDEX), replace=batch.replace, now=batch.now)
    return _outcomes(frame, outcome, contacts.ASSIGNMENT_KEY)


def write_sends(batch: Batch) -> Mapping[int, str]:
    """Write what was sent."""
    identity = resolving.people(batch, required=True)
    frame = batch.whole().select(
        INDEX, "channel", "at", "status", "properties", identity_id=pl.lit(identity), campaign="campaign_id",
        step=pl.col("step").fill_null(""),
    )  # fmt: skip
    outcome = contacts.send(batch.platform, frame.drop(INDEX), replace=batch.replace, now=batch.now)
    return _outcomes(frame, outcome, contacts.SEND_KEY)


def write_responses(batch: Batch) -> Mapping[int, str]:
    """Write what came of what was shown or sent; a response without an id is told from others by its content."""
    identity = resolving.people(batch)
    whole = batch.whole()
    product = resolving.products(batch, whole.get_column("product_id"))
    frame = whole.select(
        INDEX, "slot", "rank", "at", "properties", kind="response", campaign="campaign_id",
        recommendation="recommendation_id", identity_id=pl.lit(identity), product_id=pl.lit(product),
        message=pl.Series(_messages(whole)),
    )  # fmt: skip
    once = frame.unique("message", keep="first", maintain_order=True)
    outcome = contacts.respond(batch.platform, once.drop(INDEX), replace=batch.replace, now=batch.now)
    told = _outcomes(once, outcome, ("message",))
    return {**dict.fromkeys(frame.get_column(INDEX), "duplicate"), **told}


def write_exposures(batch: Batch) -> Mapping[int, str]:
    """Write what was shown to whom."""
    early = batch.frame.filter(pl.col("at") < batch.now - OLDEST_EXPOSURE).get_column(INDEX).to_list()
    batch.refuse(early, Code.TOO_EARLY, "at")
    if not batch.frame.height:
        return {}
    identity = resolving.people(batch)
    whole = batch.whole().with_columns(identity_id=pl.lit(identity)).drop("customer_id", "anonymous_id")
    frame = whole.rename({"recommendation_id": "recommendation"})
    items = _items(batch)
    if items is not None:
        frame = frame.join(items, on=INDEX, how="left", maintain_order="left")
    outcome = contacts.show(batch.platform, frame.drop(INDEX), replace=batch.replace, now=batch.now)
    return _outcomes(frame, outcome, ("recommendation",))


def _items(batch: Batch) -> pl.DataFrame | None:
    """Return the arrays of the items of each exposure that has any, by INDEX; a rank not given is the place."""
    items = batch.nested("items")
    if items is None:
        return None
    items = items.with_columns(products=resolving.products(batch, items.get_column("product_id")))
    columns = {
        array: pl.col(name) if name in items.columns else pl.lit(None, kind)
        for array, (name, kind) in ITEMS.items()
    }
    columns["ranks"] = pl.coalesce(columns["ranks"], pl.int_range(pl.len()).over(INDEX) + 1)
    texts = {array: columns[array].fill_null("") for array in ("slots", "sources")}
    return (
        items.with_columns(**{**columns, **texts})
        .group_by(INDEX, maintain_order=True)
        .agg("products", *ITEMS)
    )


def _messages(frame: pl.DataFrame) -> list[str]:
    """Return the digest of each response as bytea text."""
    content = [name for name in frame.columns if name not in {INDEX, "response_id"}]
    messages = []
    for number, row in zip(
        frame.get_column("response_id"), frame.select(content).iter_rows(named=True), strict=True
    ):
        text = json.dumps(row, sort_keys=True, default=str) if number is None else number
        messages.append("\\x" + hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest())
    return messages


def _outcomes(frame: pl.DataFrame, outcome: pl.DataFrame, key: tuple[str, ...]) -> dict[int, str]:
    """Return the outcome of each row by its index."""
    joined = frame.select(INDEX, *key).join(outcome, on=key, how="inner", maintain_order="left")
    return dict(joined.select(INDEX, OUTCOME).iter_rows())
