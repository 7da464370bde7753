"""A person with unmistakable values, planted by every way in, and a search that looks for them everywhere."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import redis

from precision.embedded import binaries
from tests import throwaway
from tests.whole.conftest import Installation

ID, ANONYMOUS, EXTERNAL = "canary-zq-90210", "anon-canary-zq", "crm-canary-zq"
EMAIL, PHONE, NAME, STREET = (
    "zenobia.quuxley@canary-mail.org",
    "+44 20 7946 0018",
    "Zenobia Quuxley",
    "77 Quuxley Lane",
)
CARD = "QZ 4711 9912"
PLAIN = {"canary-zq", "canaryton", "couponquux"}
"""Parts of the values that tables hold in the clear."""
SEALED = {"quuxley", "20 7946 0018", "2079460018", "qz 4711 9912", "qz47119912"}
"""Parts that are personal; in the clear only where somebody wrote them into free text."""
AT = "2026-10-31T14:30:00+00:00"

CUSTOMER: dict[str, Any] = {
    "customer_id": ID, "email": EMAIL, "phone": PHONE, "name": NAME, "city": "Canaryton",
    "address": {"street": STREET, "city": "Canaryton"}, "birth_date": "1961-07-07", "registered_at": AT,
    "identities": [{"kind": "card", "value": CARD}, {"kind": "external_id", "value": EXTERNAL}],
    "consents": [{"channel": "email", "purpose": "marketing", "granted": True, "basis": "consent", "at": AT}],
    "traits": {"motto": "Quuxley for ever"},
}  # fmt: skip
LINES = [{"product_id": "tea", "quantity": 1, "unit_price": "3.50"}]
REST: tuple[tuple[str, dict[str, Any]], ...] = (
    ("products", {"product_id": "tea", "title": "Tea", "price": "3.50", "currency": "EUR"}),
    ("customers", CUSTOMER),
    ("customers", {"customer_id": "friend", "referred_by": ID}),
    ("orders", {
        "order_id": "o-1", "customer_id": ID, "placed_at": AT, "currency": "EUR", "coupon": "COUPONQUUX",
        "context": {"note": f"for {NAME}"}, "lines": LINES,
    }),
    ("refunds", {"refund_id": "r-1", "order_id": "o-1", "at": AT, "reason": f"{NAME} says it is cold", "lines": LINES}),
    ("refunds", {"refund_id": "r-2", "order_id": "o-unknown", "at": AT, "reason": f"of {EMAIL}"}),
    ("shipments", {"shipment_id": "s-1", "order_id": "o-1", "at": AT, "status": "lost", "properties": {"to": STREET}}),
    ("tickets", {"ticket_id": "t-1", "customer_id": ID, "at": AT, "status": "opened", "text": f"I am {NAME}"}),
    ("events", {
        "event_id": "e-1", "event": "Products Searched", "anonymous_id": ANONYMOUS, "at": AT, "query": "quuxley hat",
        "session_id": "session-canary-zq", "recommendation_id": "rec-canary-zq",
    }),
    ("events", {"event_id": "e-2", "event": "Product Reviewed", "customer_id": ID, "at": AT, "product_id": "tea",
                "properties": {"comment": "Quuxley likes this tea", "reply_to": EMAIL}}),
    ("events", {"event_id": "e-3", "event": "Product Viewed", "customer_id": ID, "at": f"on the day of {NAME}"}),
    ("exposures", {"recommendation_id": "rec-canary-zq", "customer_id": ID, "at": AT,
                   "items": [{"product_id": "tea"}]}),
    ("sends", {"campaign_id": "spring", "customer_id": ID, "channel": "email", "at": AT,
               "properties": {"greeting": f"Dear {NAME}"}}),
    ("assignments", {"campaign_id": "spring", "customer_id": ID, "arm": "a", "at": AT}),
    ("responses", {"response_id": "x-1", "response": "answered", "customer_id": ID, "at": AT,
                   "properties": {"text": "Quuxley says no"}}),
    (f"customers/{ID}/consents", {"channel": "sms", "purpose": "marketing", "granted": False}),
)  # fmt: skip
DIALECT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("identify", {"userId": ID, "anonymousId": ANONYMOUS, "traits": {"email": EMAIL, "phone": PHONE, "name": NAME,
                                                                      "nickname": "quuxley-nick"}}),
    ("track", {"userId": ID, "event": "Comment Written", "properties": {"text": f"Greetings from {NAME}"}}),
    ("t", {"anonymousId": ANONYMOUS, "event": "Chat Message", "properties": {"text": "quuxley wants a jacket"}}),
    ("page", {"anonymousId": ANONYMOUS, "name": "Home", "properties": {"url": f"https://shop.example/?mail={EMAIL}"}}),
    ("batch", {"batch": [
        {"type": "alias", "userId": ID, "previousId": "device-canary-zq"},
        {"type": "track", "userId": ID, "event": "Order Completed", "properties": {
            "order_id": "o-2", "currency": "EUR", "coupon": "couponquux",
            "products": [{"product_id": "tea", "price": 3}]}},
        {"type": "track", "userId": ID, "event": {"no": "name"}, "properties": {"email": EMAIL}},
        {"type": "track", "event": "Nobody", "properties": {"comment": f"call {NAME} at {PHONE}"}},
    ]}),
)  # fmt: skip
MAPPING = """
version = 1
[customer]
from = "people"
customer_id = "id"
email = "mail"
name = "name"
[order]
from = "lines"
order_id = "order"
customer_id = "customer"
placed_at = "time"
[order.lines]
product_id = "product"
quantity = "quantity"
unit_price = "price"
[files.people]
[files.lines]
"""
PEOPLE = f"id,mail,name\n{ID},{EMAIL},{NAME}\n"
FILE_LINES = (
    "order,customer,time,product,quantity,price\n"
    f"o-3,{ID},2026-10-30 10:00,tea,1,3.50\n"
    f"o-4,{ID},2026-10-30 10:00,tea,{EMAIL},3.50\n"
    f"o-5,{ID},{ID},tea,1,3.50\n"
)
NEVER = {"198.51.100.177", "logname-quux", "agent-quux"}
"""What a web server's log tells and is not kept at all: address, login, browser."""
LOG = "\n".join(
    f'198.51.100.177 - logname-quux [31/Oct/2026:14:3{minute}:00 +0000] "GET {target} HTTP/1.1" 200 512 "-" '
    '"Mozilla/5.0 (agent-quux)"'
    for minute, target in enumerate((f"/account?mail={EMAIL}", "/product/tea", "/about", "\\x16\\x03"))
)
STAFF = f"""
import json
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from precision.engine.models import Run
from precision.shop.models import Identity, Platform
from precision.shop.stitching import deciding
boss = User.objects.create_superuser("boss", password="x")
person = Identity.objects.get(value={ID!r})
device = Identity.objects.get(value="device-canary-zq")
friend = Identity.objects.get(value="friend")
LogEntry.objects.create(user=boss, content_type=ContentType.objects.get_for_model(person), object_id=person.pk,
                        object_repr=str(person), action_flag=2, change_message="Spoke to {NAME}.")
session = SessionStore()
session["messages"] = ["{NAME} was changed."]
session.save()
deciding.merge(person.pk, device.pk, by=boss.pk, reason="{NAME} rang up")
Run.objects.create(job="x", scope="corner", as_of="2026-10-31", status="failed", error="Key ({EMAIL}) exists")
"""
DIGESTS = f"""
import json
from precision.shop import erasure, pii
from precision.shop.erasure.subject import subjects_of
from precision.shop.models import Identity, Profile
subject = erasure.of_identity(Identity.objects.get(value={ID!r}), whole=True)
rows = Identity.objects.filter(pk__in=subject.identities)
tokens = [bytes(row.ciphertext) for row in rows if row.ciphertext]
tokens += [bytes(one.personal) for one in Profile.objects.filter(identity__in=rows) if one.personal]
print(json.dumps({{
    "stored": [row.value for row in rows if row.ciphertext] + [token.hex() for token in tokens],
    "possible": [str(number) for number in subjects_of(subject)] + [token.decode() for token in tokens],
}}))
"""


def plant_files(folder: Path) -> list[str]:
    """Write the files of an import; return the arguments of import_shop behind the platform."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("shop.toml", MAPPING), ("people.csv", PEOPLE), ("lines.csv", FILE_LINES)):
        (folder / name).write_text(text)
    return [
        "--mapping", str(folder / "shop.toml"), f"people={folder / 'people.csv'}", f"lines={folder / 'lines.csv'}"
    ]  # fmt: skip


def plant_log(folder: Path) -> str:
    """Write a web server's log; return its path."""
    path = folder / "access.log"
    path.write_text(f"{LOG}\n198.51.100.177 logname-quux broken line\n")
    return str(path)


def haystacks(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """Yield, by name, everything in which something of a person could be left."""
    dump = [str(binaries.postgres_program("pg_dump")), "--no-owner", "--dbname", installation.database_url]
    yield "database", subprocess.run(dump, check=True, capture_output=True).stdout
    yield "statistics", repr(installation.query("SELECT s::text FROM pg_stats s")).encode()
    yield "sessions", installation.manage("shell", "--verbosity", "0", "-c", SESSIONS).encode()
    yield from _valkey(installation.environment["BROKER_URL"])
    for path in sorted(throwaway.VAR.rglob("*")):
        if path.is_file() and "postgres" not in path.relative_to(throwaway.VAR).parts:
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"rows of {path}", _rows(path)


SESSIONS = """
from django.contrib.sessions.models import Session
print([session.get_decoded() for session in Session.objects.all()])
"""


def _valkey(broker: str) -> Iterator[tuple[str, bytes]]:
    """Yield the content of every key of the queue's server."""
    parts = urlsplit(broker)
    for number in range(int(parse_qs(parts.query)["virtual_host"][0]) + 1):
        link = redis.Redis(unix_socket_path=parts.path, db=number)
        for key in link.scan_iter():
            yield f"queue {number}", bytes(key) + _value(link, key)


def _value(link: Any, key: bytes) -> bytes:
    read = {
        b"string": lambda: link.get(key), b"list": lambda: link.lrange(key, 0, -1), b"set": lambda: link.smembers(key),
        b"hash": lambda: link.hgetall(key), b"zset": lambda: link.zrange(key, 0, -1),
    }  # fmt: skip
    return repr(read[link.type(key)]()).encode()


def _rows(path: Path) -> bytes:
    return json.dumps(pl.read_parquet(path).rows(), default=str).encode()


def found(installation: Installation, needles: set[str]) -> dict[str, set[str]]:
    """Return which needles are where, in any case."""
    wanted = {needle.lower().encode(): needle for needle in needles}
    pattern = re.compile(b"|".join(re.escape(needle) for needle in sorted(wanted, key=len, reverse=True)))
    places: dict[str, set[str]] = {}
    for name, content in haystacks(installation):
        for needle in set(pattern.findall(content.lower())):
            places.setdefault(wanted[needle], set()).add(name)
    return places
