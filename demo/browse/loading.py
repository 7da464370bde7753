"""Putting the generated shop into the database, through the front door."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from demo.browse import serving, shop
from demo.browse.sending import Client
from demo.loading import ShopSteps, open_platform
from demo.sources import Shop
from precision.shop.models import Event, Platform, Response, Source
from segments import class_rules

STEPS = shop.STEPS + 1
EVIDENCE = {"least_lines": 5, "least_orders": 2, "confidence": 0.7}
BROWSE = Shop(
    key="browse",
    name="Browse (generated, not real)",
    organisation="browse",
    currency="EUR",
    timezone="Europe/London",
    mapping=Path(),
    files=MappingProxyType({}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The generated shop in the database."""

    platform: Platform
    server_key: str
    counts: Mapping[str, int] = field(default_factory=dict)
    """Records of each kind that were sent this time; empty: all of it was there."""
    seconds: float


def load(*, visitors: int, var: Path) -> Sent:
    """Make the year of `visitors` people and send it, unless it is there already."""
    started = time.perf_counter()
    steps = ShopSteps(STEPS)
    steps.shop = BROWSE.key
    with steps:
        platform, server_key = open_platform(BROWSE, var=var)
        with steps.step(f"make {visitors:,} visitors"):
            world = shop.make(visitors=visitors)
        _own_rule()
        counts: Mapping[str, int] = {}
        if not _is_there(platform, world):
            with serving.served() as port, Client(serving.HOST, port, server_key=server_key) as client:
                counts = shop.send(world, client, steps=steps)
    unsaid = Source.objects.filter(platform=platform, licence="", basis="")
    unsaid.update(licence="Apache-2.0, generated", basis="invented people")
    return Sent(
        platform=platform, server_key=server_key, counts=counts, seconds=time.perf_counter() - started
    )


def _own_rule() -> None:
    """Set the evidence that a class wants here: people buy one or two things at a time, a few times a year."""
    if class_rules.current(BROWSE.key) == class_rules.BUILT_IN:
        class_rules.add(BROWSE.key, EVIDENCE, reason="Orders of one or two lines, a few a year.")


def _is_there(platform: Platform, world: shop.World) -> bool:
    """Return whether the whole year had come in before: events come first, answers to e-mails last."""
    events = Event.objects.filter(platform=platform).count()
    answers = Response.objects.filter(platform=platform).count()
    mails = world.history.mails
    return (
        events >= world.events.height
        and answers >= mails.filter("opened").height + mails.filter("clicked").height
    )
