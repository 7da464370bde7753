"""What counts as a name of somebody: values made equal that mean the same, and values that mean nobody.

Pure: no database. How names become people is told in `methods/people.py`, whose `people` stands here too.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import phonenumbers

from precision.shop.methods.people import Answer, Edge, Held, Node, people

__all__ = [
    "BLOCKED", "BLOCKED_DOMAINS", "BLOCKED_MAILBOXES", "FEWEST_WORDS", "LONGEST", "REPEATED", "Answer", "Edge", "Held",
    "Node", "home", "is_blocked", "masked", "normalise", "people",
]  # fmt: skip

LONGEST: Final = 200
"""Characters of a technical id; a longer one is refused."""
LONGEST_EMAIL: Final = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
SHORTEST_PHONE: Final = 7
"""Digits with the country code; shorter ones are service numbers, which belong to nobody."""
FEWEST_WORDS: Final = 3
"""Words of an address that may tell people apart."""
BLOCKED: Final = frozenset(
    {
        "", "-", "--", "-1", "0", "?", ".", "#n/a", "n/a", "na", "nan", "nil", "none", "null", "(null)", "undefined",
        "[object object]", "unknown", "unbekannt", "anonymous", "anon", "guest", "visitor", "nobody", "default",
        "dummy", "empty", "missing", "not set", "(not set)", "not_set", "false", "true", "test", "tester", "testing",
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    }
)  # fmt: skip
"""Values of no kind name anybody, compared without case: what programs write where they know no name."""
BLOCKED_MAILBOXES: Final = frozenset(
    {
        "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "test", "tester", "testing", "none", "null",
        "undefined", "nan", "unknown", "anonymous", "anon", "guest", "nobody", "noemail", "no-email", "nomail",
        "noone", "n/a", "dummy", "example", "mailer-daemon", "postmaster", "abuse", "asdf",
    }
)  # fmt: skip
"""What stands before the @ of an address that nobody reads or that many write."""
BLOCKED_DOMAINS: Final = frozenset(
    {
        "example.com", "example.org", "example.net", "example.edu", "test.com", "test.de", "email.invalid",
        "none.com", "null.com", "noemail.com", "no.email",
    }
)  # fmt: skip
"""Domains of invented addresses; their subdomains too."""
BLOCKED_ENDINGS: Final = frozenset({"test", "example", "invalid", "localhost", "local", "localdomain"})
"""Top-level domains that name no mail server (RFC 2606, RFC 6762)."""
REPEATED: Final = MappingProxyType(
    {"customer_id": 8, "external_id": 8, "anonymous_id": 4, "card": 4, "phone": 6, "name": 3, "address": 4}
)
"""One character repeated this often, or more, is a placeholder. Customer ids count up: 7, 77 and 777 are people."""

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_NOT_CARD = re.compile(r"[^0-9A-Za-z]")
_PHONE_CHARACTERS = re.compile(r"[\d\s()./+\-–x#;=a-z,]*", re.IGNORECASE)
_MAILBOX = re.compile(r"[^\s@<>()\[\],;:\\\"]+")


def normalise(kind: str, value: str, *, region: str = "") -> str | None:
    """Return the value of an identity in the one form in which equal ones are equal.

    None: the value names nobody (see the tables of blocked values) or cannot be read as one of its kind. `region` is
    the country (two letters) of phone numbers written without a country code.

    E-mail: without spaces around it, case folded, domain in ASCII (IDNA); dots and what follows a plus stay, since
    only some providers ignore them. Phone: E.164 (ITU-T), by phonenumbers. Card: its letters and digits, upper case.
    Name and address, which only ever propose: NFKC, case folded, words without punctuation; those of an address in
    alphabetical order. Any other kind: without spaces around it, otherwise as it is.
    """
    text = value.strip()
    if "\0" in text or _is_placeholder(kind, text):
        return None
    if kind == "email":
        return _email(text)
    if kind == "phone":
        return _phone(text, region=region)
    if kind == "card":
        bare = _NOT_CARD.sub("", unicodedata.normalize("NFKC", text)).upper()
        return None if len(bare) > LONGEST or _is_placeholder(kind, bare) else bare
    if kind in {"name", "address"}:
        return _words(kind, text)
    return text if len(text) <= LONGEST else None


def home(name: object, address: object) -> str | None:
    """Return somebody's name and address in one form in which equal ones are equal, for proposals only.

    Words of each in alphabetical order, so that "Lovelace, Ada" is "Ada Lovelace". None unless both are told, the
    address with FEWEST_WORDS words or more: a town alone is no home. An address is a text or an object of texts.
    """
    parts = address.values() if isinstance(address, Mapping) else [address]
    place = " ".join(str(part) for part in parts if isinstance(part, str | int))
    who, where = normalise("address", str(name or "")), normalise("address", place)
    if who is None or where is None or len(where.split()) < FEWEST_WORDS:
        return None
    return f"{who} @ {where}"


def is_blocked(kind: str, value: str) -> bool:
    """Return whether a value of the kind names nobody, or cannot be read."""
    return normalise(kind, value) is None


def masked(kind: str, value: str) -> str:
    """Return a personal value as people may see it who only need to tell two apart, like `a***@shop.de`."""
    if kind == "email":
        mailbox, _, domain = value.partition("@")
        return f"{mailbox[:1]}***@{domain}"
    if kind in {"name", "address"}:
        return " ".join(f"{word[:1]}***" for word in value.split())
    return f"***{value[-2:]}" if len(value) > 4 else "***"


def _is_placeholder(kind: str, text: str) -> bool:
    """Return whether the value is blocked as it is, whatever its kind."""
    if text.lower() in BLOCKED:
        return True
    if len(set(text)) > 1:
        return False
    return text[0] == "0" or len(text) >= REPEATED.get(kind, LONGEST)


def _email(text: str) -> str | None:
    mailbox, at, domain = unicodedata.normalize("NFKC", text).casefold().rpartition("@")
    if not at or not _MAILBOX.fullmatch(mailbox) or mailbox in BLOCKED_MAILBOXES:
        return None
    try:
        ascii_domain = domain.strip().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:  # an empty or overlong part, or letters that no domain has
        return None
    parts = ascii_domain.split(".")
    if len(parts) < 2 or parts[-1] in BLOCKED_ENDINGS or not re.fullmatch(r"[a-z0-9.\-]+", ascii_domain):
        return None
    if any(".".join(parts[start:]) in BLOCKED_DOMAINS for start in range(len(parts))):
        return None
    address = f"{mailbox}@{ascii_domain}"
    return address if len(address) <= LONGEST_EMAIL else None


def _phone(text: str, *, region: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text)
    if len(plain) > 60 or not _PHONE_CHARACTERS.fullmatch(plain):
        return None
    try:
        number = phonenumbers.parse(plain, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or _is_placeholder("phone", str(number.national_number)):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(written) <= SHORTEST_PHONE:  # the plus is no digit
        return None
    return f"{written};ext={number.extension}" if number.extension else written  # RFC 3966


def _words(kind: str, text: str) -> str | None:
    folded = _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    words = folded.split()
    if kind == "address":
        words.sort()
    joined = " ".join(words)
    return joined if joined and not _is_placeholder(kind, joined) and len(joined) <= 1_000 else None
