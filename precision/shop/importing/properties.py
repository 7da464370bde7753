"""Properties of events that come by the thousand: what tells who somebody is left out, numbers read as numbers."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
import polars as pl

from precision.shop import segment_spec
from precision.shop.intake import reading, surroundings
from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import Code

ADDRESSES: Final = frozenset({"url", "path", "search", "referrer"})
"""Properties of a page that are addresses: secrets in them are not kept."""
_NAMES: Final = r'"([^"\\]{1,100})"\s*:'
_NUL: Final = "\\u0000"


def cleaned(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the objects as events keep them, and for each the code of refusal or null.

    `texts` are JSON objects or null. Personal values are left out (identities and profiles are their place), texts
    that are numbers by their name become numbers, addresses lose what may be secret. Objects that hold none of these
    come back as they are.
    """
    found = texts.drop_nulls().unique()
    names = (
        found.str.extract_all(_NAMES)
        .explode()
        .unique()
        .drop_nulls()
        .str.strip_suffix(":")
        .str.strip_chars(' "')
    )
    nothing = pl.Series("code", [None], dtype=pl.String).new_from_index(0, len(texts))
    if not any(map(_matters, names)) and not found.str.contains(_NUL, literal=True).any():
        return texts, nothing
    made = [_clean(text) for text in found]
    table = pl.DataFrame(
        {"text": found, "value": [value for value, _ in made], "code": [code for _, code in made]},
        schema={"text": pl.String, "value": pl.String, "code": pl.String},
    )
    joined = texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")
    return joined.get_column("value").alias(texts.name), joined.get_column("code")


def with_members(frame: pl.DataFrame, members: Mapping[str, pl.Expr]) -> pl.Series:
    """Return the JSON objects of the column `properties` with further text members, where those are not null."""
    texts = frame.get_column("properties")
    pairs = [
        pl.when(value.is_not_null()).then(
            pl.concat_str(
                pl.lit(f'"{name}":'), pl.struct(v=value).struct.json_encode().str.slice(5).str.head(-1)
            )
        )
        for name, value in members.items()
    ]
    more = frame.select(pl.concat_str(pairs, separator=",", ignore_nulls=True).alias("more")).to_series()
    bare = pl.col("t").str.slice(1, None).str.head(-1)
    return (
        pl.DataFrame({"t": texts.fill_null("{}"), "more": more})
        .select(
            pl.when(pl.col("more") == "")
            .then(pl.col("t"))
            .when(bare.str.strip_chars() == "")
            .then(pl.concat_str(pl.lit("{"), "more", pl.lit("}")))
            .otherwise(pl.concat_str(pl.lit("{"), bare, pl.lit(","), "more", pl.lit("}")))
        )
        .to_series()
    )


def _matters(name: str) -> bool:
    return name in segment_spec.NUMBERS or name in ADDRESSES or surroundings.is_personal(name)


def _clean(text: str) -> tuple[str | None, str | None]:
    """Return one object as events keep it, and null; or null and the code of its refusal."""
    if _NUL in text:
        return None, Code.NUL.value
    try:
        given: dict[str, Any] = orjson.loads(text)
        found = {
            name: _kept(name, value) for name, value in given.items() if not surroundings.is_personal(name)
        }
        if ADDRESSES & found.keys():
            found = surroundings.page(found)
        return orjson.dumps(found).decode(), None
    except orjson.JSONDecodeError:
        return None, Code.NOT_AN_OBJECT.value
    except RefusedError as error:
        return None, error.code.value


def _kept(name: str, value: Any) -> Any:
    if name in segment_spec.NUMBERS and isinstance(value, str):
        return reading.number(value)
    return surroundings.impersonal(value)
