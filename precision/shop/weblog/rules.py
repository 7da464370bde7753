"""What of a log counts, and as what."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from precision.shop.weblog.pattern import PatternError

PRODUCT: Final = r"^/(?:products?|p|item|dp)/(?P<product>[^/?#]+)"
SEARCH: Final = ("q", "query", "search", "s", "keyword")
STATIC: Final = (
    "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "bmp", "woff", "woff2", "ttf",
    "otf", "eot", "mp3", "mp4", "webm", "ogg", "wasm", "json", "xml", "txt", "webmanifest",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which lines become events, and which are those of programs."""

    product: str = PRODUCT
    """Regular expression over path and query; its group `product` (else its first) is the product id."""
    search: tuple[str, ...] = SEARCH
    """Parameters of an address that hold what was searched for."""
    methods: tuple[str, ...] = ("GET",)
    static: tuple[str, ...] = STATIC
    """Endings of files that are no pages."""
    gap: timedelta = timedelta(minutes=30)
    """A visit ends when nothing came for longer."""
    most_a_minute: int = 60
    """Pages that a person opens within one minute; whoever opens more is a program."""
    group: int = field(init=False)
    """Of `product`: the number of the group that has the product id."""

    def __post_init__(self) -> None:
        try:
            read = re.compile(self.product)
        except re.error as error:
            raise PatternError(
                f"The pattern of products {self.product!r} is no regular expression: {error}."
            ) from error
        if not read.groups:
            raise PatternError(
                f"The pattern of products {self.product!r} has no group; put the product id in parentheses."
            )
        object.__setattr__(self, "group", read.groupindex.get("product", 1))
