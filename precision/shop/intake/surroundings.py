"""What a call tells about its surroundings, less what by itself would tell who it was; and whether a program sent it.

Kept: the page's path and title, its address without secrets in the query, the host that referred, the campaign, kind of
device, operating system, language, time zone and the sending library. Never the network address; the user agent only
serves to recognise programs.
"""

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from precision.shop import tokens
from precision.shop.intake.soundness import DEEPEST
from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import Code

LONGEST: Final = 500
PARTS: Final = {
    "campaign": ("name", "source", "medium", "term", "content", "id"),
    "device": ("type", "manufacturer"),
    "os": ("name",),
    "app": ("name", "version"),
    "library": ("name", "version"),
}
"""Of these objects of the context only these texts are kept."""
QUERY: Final = frozenset(
    {
        "q", "query", "search", "s", "k", "keyword", "page", "sort", "category", "utm_source", "utm_medium",
        "utm_campaign", "utm_term", "utm_content", "utm_id",
    }
)  # fmt: skip
"""Parameters of an address that are kept; any other may be a password, a session or a name."""
SECRET: Final = frozenset(
    {
        "password", "token", "user_hash", "userHash", "user_agent", "userAgent", "traits", "idfa", "advertisingId",
        "iban", "credit_card", "creditCard",
    }
)  # fmt: skip
"""Properties that are not kept either."""
BOTS: Final = re.compile(
    r"(?<!cu)bot(?:\b|_)|crawl|spider|slurp|mediapartners|facebookexternalhit|lighthouse|pingdom|"
    r"uptime|monitor|preview|scrap|python-requests|curl/|wget/|phantomjs|prerender|archiver|ia_archiver",
    re.IGNORECASE,
)
"""Words by which programs that read pages call themselves. Cubot makes telephones; a browser without a window may be
driven by the shop's own tests; a shop's server sends no user agent in the context."""


@lru_cache(maxsize=4096)
def is_bot(user_agent: str) -> bool:
    """Return whether the user agent is that of a program that reads pages."""
    return BOTS.search(user_agent) is not None


def kept(context: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of the context, without what is empty or of another type than it should be."""
    found: dict[str, Any] = {}
    for name, value in context.items():
        if name in PARTS:
            if type(value) is dict:
                part = {key: one for key in PARTS[name] if type(one := value.get(key)) is str and one}
                if part:
                    found[name] = part
        elif name == "page":
            if type(value) is dict:
                found["page"] = page(value)
        elif name in {"locale", "timezone"} and type(value) is str and value:
            found[name] = value[:100]
    return found


def impersonal(value: Any, depth: int = 2) -> Any:
    """Return what lies within a property without members that tell who somebody is; identify is their place.

    Raises RefusedError for what lies deeper than `soundness.DEEPEST`.
    """
    if type(value) is dict:
        if depth > DEEPEST:
            raise RefusedError(Code.TOO_DEEP, "properties")
        return {name: impersonal(inner, depth + 1) for name, inner in value.items() if not is_personal(name)}
    if type(value) is list:
        if depth > DEEPEST:
            raise RefusedError(Code.TOO_DEEP, "properties")
        return [impersonal(inner, depth + 1) for inner in value]
    return value


@lru_cache(maxsize=16_384)
def is_personal(name: str) -> bool:
    """Return whether a property of that name holds a personal value; `name` itself is that of a product or a page."""
    return tokens.is_personal(name, parent="page") or name in SECRET


def page(given: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a page with its address cleaned, and of the referrer its host."""
    found = dict(given)
    for name in ("url", "path", "search", "referrer"):
        value = found.get(name)
        if value is None:
            continue
        if type(value) is not str or not value:
            del found[name]
        elif name == "referrer":
            found[name] = host(value)
        elif name == "search":
            found[name] = query(value.removeprefix("?"))
        elif "?" in value or "#" in value or "@" in value:
            found[name] = address(value)
    return found


@lru_cache(maxsize=4096)
def address(url: str) -> str:
    """Return the address without user, fragment and the parameters that are not in QUERY; "" for a malformed one."""
    try:
        parts = urlsplit(url[: 4 * LONGEST])
        place = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=place, query=query(parts.query), fragment="").geturl()[:LONGEST]
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def host(url: str) -> str:
    """Return the host of an address; "" where it has none."""
    try:
        return (urlsplit(url[: 4 * LONGEST]).hostname or "")[:LONGEST]
    except ValueError:
        return ""


def query(text: str) -> str:
    """Return the parameters of a query that are in QUERY."""
    try:
        pairs = parse_qsl(text[: 4 * LONGEST])
    except ValueError:
        return ""
    return urlencode([(name, value) for name, value in pairs if name.lower() in QUERY])[:LONGEST]
