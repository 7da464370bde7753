"""What the addresses of pages tell: product, search, campaign; and what of them is kept. Pure.

Of the query only what was searched for and the campaign is kept: any other parameter may be a password, a session or a
name. Parts of a path that look like secrets or mailboxes are covered.
"""

import json
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import polars as pl

from precision.shop.tokens import EMAIL
from precision.shop.weblog.rules import Rules

CAMPAIGN: Final = {
    "utm_campaign": "name", "utm_source": "source", "utm_medium": "medium", "utm_term": "term",
    "utm_content": "content", "utm_id": "id",
}  # fmt: skip
"""Parameter of an address, and what the event dialect calls it."""
LONGEST: Final = 500
LONGEST_SEARCH: Final = 500
COVERED: Final = "*"
_SECRET: Final = r"/(?:[^/]*(?:@|%40)[^/]*|[A-Za-z0-9_\-=.]{32,})"


def read(targets: pl.Series, rules: Rules) -> pl.DataFrame:
    """Return `path`, `query` (what was searched for), `product_id` and `campaign` (JSON text) of each address."""
    split = (
        targets.alias("target")
        .to_frame()
        .select(
            path=pl.col("target").str.extract(r"^([^?#]*)"),
            parameters=pl.col("target").str.extract(r"\?([^#]*)"),
            product_id=_product(targets, rules),
        )
    )
    asked = _parameters(split.get_column("parameters"), rules.search)
    return (
        split.with_columns(
            pl.col("path").str.replace_all(_SECRET, f"/{COVERED}").str.replace_all("\x00", "", literal=True)
            .str.slice(0, LONGEST)
        )
        .join(asked, on="parameters", how="left", maintain_order="left")
        .select("path", "query", "product_id", "campaign")
    )  # fmt: skip


def hosts(referrers: pl.Series) -> pl.Series:
    """Return the host of each address in lower case, null where it has none."""
    distinct = referrers.unique().drop_nulls()
    known = pl.DataFrame(
        {"a": distinct, "host": pl.Series([_host(text) for text in distinct], dtype=pl.String)}
    )
    return referrers.to_frame("a").join(known, on="a", how="left", maintain_order="left").get_column("host")


def _product(targets: pl.Series, rules: Rules) -> pl.Series:
    """Return the product id in each address, decoded; null where there is none or it cannot be one."""
    found = targets.str.extract(rules.product, rules.group)
    coded = found.filter(found.str.contains("[%+]")).unique().drop_nulls()
    if len(coded):
        plain = pl.Series([unquote_plus(text) for text in coded], dtype=pl.String)
        found = found.replace(coded, plain)
    fits = (found.str.len_chars() <= 200) & ~found.str.contains("\x00", literal=True) & (found != "")
    return pl.select(pl.when(fits).then(found)).to_series()


def _parameters(texts: pl.Series, search: Collection[str]) -> pl.DataFrame:
    """Return `parameters` (distinct), `query` and `campaign`; only of those that hold any of them."""
    names = "|".join(map(re.escape, (*CAMPAIGN, *search)))
    wanted = texts.filter(texts.str.contains(rf"(?:^|[&;])(?i:{names})=")).unique().drop_nulls()
    rows = [(text, *_asked(text, search)) for text in wanted]
    return pl.DataFrame(
        rows, schema={"parameters": pl.String, "query": pl.String, "campaign": pl.String}, orient="row"
    )


def _asked(text: str, search: Collection[str]) -> tuple[str | None, str | None]:
    """Return what was searched for, and the campaign as JSON text."""
    try:
        pairs = parse_qsl(text[:4_000], max_num_fields=100)
    except ValueError:  # too many parameters: nobody's address
        return None, None
    given: dict[str, str] = {}
    for name, value in pairs:
        plain = value.replace("\x00", "").strip()
        if plain and not EMAIL.search(plain):
            given.setdefault(name.lower(), plain)
    query = next((given[name][:LONGEST_SEARCH] for name in search if name in given), None)
    campaign = {own: given[name][:LONGEST] for name, own in CAMPAIGN.items() if name in given}
    return query, json.dumps(campaign, ensure_ascii=False) if campaign else None


def _host(text: str) -> str | None:
    try:
        return (urlsplit(text[:2_000]).hostname or "").replace("\x00", "")[:LONGEST] or None
    except ValueError:
        return None
