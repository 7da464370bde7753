"""Stitching in bulk: everybody of a large organisation, from nothing and on a night on which little is new."""

import argparse
import re
import resource
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import serving
from benchmarks.errors import BenchmarkError
from benchmarks.serving import Installation

GOALS = {"seconds": 60, "peak_gib": 4}
IDENTITIES = 10_000_000
SHOPS = 30
# Of each account: a customer id, six in ten with an e-mail address, nine in ten with a device. A quarter of the
# addresses are those of somebody who has an account on another shop too.
FILL = """
INSERT INTO precision_shop_customer (id, organisation_id, created_at)
SELECT n, {organisation}, now() FROM generate_series(1, {identities}) AS n;
INSERT INTO precision_shop_identity (id, platform_id, kind, value, customer_id, created_at)
SELECT n, {first} + n % {shops}, 'customer_id', 'c-' || n, n, now() FROM generate_series(1, {accounts}) AS n;
INSERT INTO precision_shop_identity (id, platform_id, kind, value, customer_id, created_at)
SELECT {accounts} + n, {first} + n % {shops}, 'email',
    encode(sha256(('m' || CASE WHEN n % 4 = 0 THEN n - 1 ELSE n END)::bytea), 'hex'), {accounts} + n, now()
FROM generate_series(1, {mails}) AS n;
INSERT INTO precision_shop_identity (id, platform_id, kind, value, customer_id, created_at)
SELECT {accounts} + {mails} + n, {first} + n % {shops}, 'anonymous_id', 'd-' || n, {accounts} + {mails} + n, now()
FROM generate_series(1, {devices}) AS n;
"""
LINK = """
INSERT INTO precision_shop_identitylink
    (organisation_id, first_id, second_id, origin, verified, status, held, evidence, rule_version, at)
SELECT {organisation}, n, {offset} + n, '{origin}', {verified}, 'active', '', '{{}}', 1,
    timestamptz '2026-01-01' + n * interval '1 second'
FROM generate_series({start}, {end}) AS n WHERE {condition};
"""
# One device in a hundred is used with a second account of its shop.
SECOND = """
INSERT INTO precision_shop_identitylink
    (organisation_id, first_id, second_id, origin, verified, status, held, evidence, rule_version, at)
SELECT {organisation}, n + {shops}, {offset} + n, 'identify', false, 'active', '', '{{}}', 1, timestamptz '2026-02-01'
FROM generate_series({start}, {end}) AS n WHERE n % 100 = 0;
"""
NEW = 100  # one device in so many is told of only on the second night
DONE = re.compile(
    r"([\d,]+) identities, ([\d,]+) links; ([\d,]+) identities moved, ([\d,]+) links have .*\(([\d.]+) s\)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One run of the command."""

    identities: int
    links: int
    moved: int
    seconds: float
    """Of the stitching, without the start of the process and the report."""
    peak_gib: float
    """Highest resident memory of the process so far."""


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure both nights, print the table, and return the figures."""
    identities = round(IDENTITIES * options.scale)
    with TemporaryDirectory() as folder, serving.installation(Path(folder)) as home:
        _fill(home, identities)
        nights = {"from nothing": _night(home)}
        _link_new(home, identities)
        nights["a night later"] = _night(home)
    console.print(_table(nights))
    return {"goals": GOALS, **{name.replace(" ", "_"): _figures(night) for name, night in nights.items()}}


def _sizes(identities: int) -> dict[str, int]:
    accounts, mails = identities * 10 // 25, identities * 6 // 25
    return {"accounts": accounts, "mails": mails, "devices": identities - accounts - mails}


def _fill(home: Installation, identities: int) -> None:
    """Make shops, people without joins, and the links that will join them."""
    for number in range(SHOPS):
        home.manage(
            "create_platform",
            f"shop-{number}",
            "--name",
            f"Shop {number}",
            "--organisation",
            "group",
            "--json",
        )
    sizes = _sizes(identities)
    with home.database() as link:
        organisation, first = link.execute(
            "SELECT organisation_id, min(id) FROM precision_shop_platform GROUP BY organisation_id"
        ).fetchone() or (0, 0)
        given = {
            "organisation": organisation,
            "first": first,
            "shops": SHOPS,
            "identities": identities,
            **sizes,
        }
        link.execute(FILL.format(**given))
        link.execute(
            LINK.format(
                **given, origin="profile", verified="true", offset=sizes["accounts"], start=1, end=sizes["mails"],
                condition="true",
            )
        )  # fmt: skip
        link.execute(_devices(given, f"n % {NEW} <> 1"))
        offset = sizes["accounts"] + sizes["mails"]
        link.execute(SECOND.format(**given, offset=offset, start=1, end=sizes["devices"]))
        for table in ("customer", "identity"):
            link.execute(
                f"SELECT setval(pg_get_serial_sequence('precision_shop_{table}', 'id'), {identities})"
            )
        link.execute("VACUUM ANALYZE precision_shop_identity, precision_shop_identitylink")


def _devices(given: dict[str, int], condition: str) -> str:
    return LINK.format(
        **given, origin="identify", verified="n % 2 = 0", offset=given["accounts"] + given["mails"], start=1,
        end=given["devices"], condition=condition,
    )  # fmt: skip


def _link_new(home: Installation, identities: int) -> None:
    """Tell of devices that nobody joined yet."""
    with home.database() as link:
        row = link.execute("SELECT id FROM precision_shop_organisation").fetchone()
        given = {"organisation": row[0] if row else 0, **_sizes(identities)}
        link.execute(_devices(given, f"n % {NEW} = 1"))


def _night(home: Installation) -> Night:
    """Run the command and read what it prints."""
    printed = home.manage("stitch", "--organisation", "group")
    found = DONE.search(printed)
    if found is None:
        raise BenchmarkError(f"manage.py stitch printed no figures: {printed}")
    identities, links, moved, _ = (int(text.replace(",", "")) for text in found.groups()[:4])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return Night(
        identities=identities, links=links, moved=moved, seconds=float(found.group(5)), peak_gib=peak
    )


def _figures(night: Night) -> dict[str, Any]:
    return {
        "identities": night.identities,
        "links": night.links,
        "moved": night.moved,
        "seconds": night.seconds,
        "identities_s": round(night.identities / max(night.seconds, 0.1)),
        "peak_gib": round(night.peak_gib, 2),
    }


def _table(nights: dict[str, Night]) -> Table:
    table = Table(title="stitching")
    for title in ("", "identities", "links", "moved", "seconds", "peak GiB"):
        table.add_column(title, justify="right" if title else "left")
    for name, night in nights.items():
        table.add_row(
            name, f"{night.identities:,}", f"{night.links:,}", f"{night.moved:,}", f"{night.seconds:.1f}",
            f"{night.peak_gib:.2f}",
        )  # fmt: skip
    return table
