"""The island report: how far the platforms of an organisation know the same people, and how active these are.

Computed after the nightly stitching and kept, one report a day, because it reads every identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from precision.shop import bulk
from precision.shop import platforms as opened
from precision.shop.methods.overlaps import Overlaps, overlaps
from precision.shop.models import Identity, IslandReport, Organisation, Platform

ACTIVE_DAYS = 90
_PEOPLE = f"""
SELECT customer_id, platform_id, max((kind <> '{Identity.Kind.ANONYMOUS_ID.value}')::int)
FROM precision_shop_identity WHERE platform_id IN ({{platforms}}) GROUP BY customer_id, platform_id
"""
# By the indexes of time; a person is active by an order or by anything that they did.
_ACTIVE = """
SELECT DISTINCT i.customer_id FROM (
    SELECT identity_id FROM precision_shop_order
    WHERE platform_id = {platform:d} AND placed_at >= to_timestamp({since:d}) AND placed_at < to_timestamp({until:d})
    UNION
    SELECT identity_id FROM precision_shop_event
    WHERE platform_id = {platform:d} AND at >= to_timestamp({since:d}) AND at < to_timestamp({until:d})
) AS seen JOIN precision_shop_identity i ON i.id = seen.identity_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Island:
    """What one platform knows."""

    key: str
    people: int
    """People it knows by a customer id, an address, a number or a card."""
    active: int
    """Those of them who ordered or did something on it in the last ACTIVE_DAYS."""
    only_here: int
    """Those of them whom no other platform of the organisation knows."""
    visitors: int
    """People it knows by anonymous ids only."""

    @property
    def activity_rate(self) -> float | None:
        """Active people among all; None where it knows nobody."""
        return self.active / self.people if self.people else None

    @property
    def island_rate(self) -> float | None:
        """People whom no other platform knows among all; None where it knows nobody."""
        return self.only_here / self.people if self.people else None


def report(organisation: Organisation, *, now: datetime) -> IslandReport:
    """Compute and keep today's report of an organisation; a second one on the same day replaces the first."""
    shops = list(organisation.platforms.order_by("key"))
    counted, visitors, known = _counted(shops)
    islands = [
        Island(
            key=shop.key,
            people=int(counted.together[place, place]),
            active=_active(shop, known.filter(pl.col("platform") == shop.pk).get_column("customer")),
            only_here=int(counted.only[place]),
            visitors=visitors.get(shop.pk, 0),
        )
        for place, shop in enumerate(shops)
    ]
    made, _ = IslandReport.objects.update_or_create(
        organisation=organisation,
        day=now.date(),
        defaults={
            "people": counted.people,
            "platforms": {
                island.key: {
                    "people": island.people,
                    "active": island.active,
                    "only_here": island.only_here,
                    "visitors": island.visitors,
                }
                for island in islands
            },
            "overlaps": [
                [shops[one].key, shops[other].key, int(counted.together[one, other])]
                for one in range(len(shops))
                for other in range(one + 1, len(shops))
            ],
        },
    )
    return made


def islands(made: IslandReport) -> list[Island]:
    """Return the platforms of a report, by key."""
    return [Island(key=key, **figures) for key, figures in sorted(made.platforms.items())]


def matrix(made: IslandReport) -> tuple[list[str], list[list[int]]]:
    """Return the keys of the platforms, and people known on both for each pair; on the diagonal those of one."""
    found = islands(made)
    place = {island.key: number for number, island in enumerate(found)}
    table = [[0] * len(found) for _ in found]
    for number, island in enumerate(found):
        table[number][number] = island.people
    for one, other, people in made.overlaps:
        table[place[one]][place[other]] = table[place[other]][place[one]] = people
    return list(place), table


def _counted(shops: Sequence[Platform]) -> tuple[Overlaps, dict[int, int], pl.DataFrame]:
    """Return the overlaps of known people, visitors by platform, and the known people (customer, platform)."""
    ids = [shop.pk for shop in shops]
    columns = {"customer": pl.Int64, "platform": pl.Int64, "known": pl.Int8}
    query = _PEOPLE.format(platforms=", ".join(map(str, ids)) or "NULL")
    frame = bulk.fetch_numbers(query, columns)
    known = frame.filter(pl.col("known") == 1)
    unknown = frame.filter(pl.col("known") == 0).get_column("platform").value_counts()
    order = np.argsort(ids)
    places = order[np.searchsorted(np.array(ids, dtype=np.int64)[order], known["platform"].to_numpy())]
    return overlaps(known["customer"].to_numpy(), places, count=len(ids)), dict(unknown.iter_rows()), known


def _active(shop: Platform, known: pl.Series) -> int:
    """Return how many of the known people ordered or did something lately; of a historical shop, before its end."""
    zone = ZoneInfo(shop.timezone)
    until = datetime.combine(opened.as_of(shop), time.min, tzinfo=zone)
    since = until - timedelta(days=ACTIVE_DAYS)
    query = _ACTIVE.format(platform=shop.pk, since=int(since.timestamp()), until=int(until.timestamp()))
    seen = bulk.fetch_numbers(query, {"customer": pl.Int64}).get_column("customer")
    return int(seen.is_in(known.implode()).sum())
