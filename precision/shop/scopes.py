"""What a run is computed for: one platform, or all platforms of an organisation together ("overall").

A run names its scope by a text: the key of a platform, or `org:` and the key of an organisation. No platform's key has
a colon, so the two never meet. Overall, people are those that joins made of several platforms' customers; products and
categories stay those of their platforms, and amounts are converted into the currency of the first platform by key.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import narwhals as nw
from django.db.models import Count, Q

from precision.engine.windows import Window
from precision.shop import history, platforms
from precision.shop.models import Organisation, Platform

OVERALL: Final = "org:"


class UnknownScopeError(LookupError):
    """A run names a scope that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One platform, or all live platforms of an organisation."""

    key: str
    organisation: int
    """Number of the organisation."""
    platforms: tuple[Platform, ...]
    """By key; never empty."""

    @property
    def overall(self) -> bool:
        """Whether it is an organisation's."""
        return self.key.startswith(OVERALL)

    @property
    def platform(self) -> Platform | None:
        """The platform, or None overall."""
        return None if self.overall else self.platforms[0]

    @property
    def currency(self) -> str:
        """What its amounts are in."""
        return self.platforms[0].currency

    @property
    def timezone(self) -> str:
        """Whose midnight ends a day of results; each platform's facts keep their own local day and hour."""
        return self.platforms[0].timezone

    def as_of(self) -> date:
        """Return the date that a run of tonight sees nothing of: the latest one of its platforms."""
        return max(platforms.as_of(platform) for platform in self.platforms)

    def scan(self, table: str, as_of: date, *, days: int | None = None) -> nw.LazyFrame[Any]:
        """Return the facts of `history.scan` before the local `as_of` of each platform (the last `days` of them).

        Amounts of order lines are in `currency`. CUSTOMER is the joined person.
        """
        frames = [
            history.scan(
                table,
                Window.before(as_of, days=days, timezone=platform.timezone),
                platform=platform,
                currency=self.currency,
            )
            for platform in self.platforms
        ]
        return frames[0] if len(frames) == 1 else nw.concat(frames)

    def after(self, table: str, as_of: date, *, days: int) -> nw.LazyFrame[Any]:
        """Return the facts of the `days` local days from `as_of` on: what targets are made of."""
        frames = [
            history.scan(
                table,
                Window.before(as_of + timedelta(days=days), days=days, timezone=platform.timezone),
                platform=platform,
                currency=self.currency,
            )
            for platform in self.platforms
        ]
        return frames[0] if len(frames) == 1 else nw.concat(frames)


def of(platform: Platform) -> Scope:
    """Return the scope of one platform."""
    return Scope(key=platform.key, organisation=platform.organisation_id, platforms=(platform,))


def overall(organisation: Organisation) -> Scope:
    """Return the scope of all live platforms of an organisation; UnknownScopeError where it has none."""
    live = tuple(Platform.objects.filter(organisation=organisation, active=True).order_by("key"))
    if not live:
        raise UnknownScopeError(f"The organisation {organisation.key!r} has no active platform.")
    return Scope(key=OVERALL + organisation.key, organisation=organisation.pk, platforms=live)


def read(key: str) -> Scope:
    """Return the scope that a run names; UnknownScopeError where there is none."""
    if key.startswith(OVERALL):
        organisation = Organisation.objects.filter(key=key.removeprefix(OVERALL)).first()
        if organisation is None:
            raise UnknownScopeError(f"There is no organisation {key.removeprefix(OVERALL)!r}.")
        return overall(organisation)
    platform = Platform.objects.filter(key=key).first()
    if platform is None:
        raise UnknownScopeError(f"There is no platform {key!r}.")
    return of(platform)


def organisation_keys() -> list[str]:
    """Return the keys of the organisations with two live platforms or more; a single platform is its own overall."""
    several = Organisation.objects.annotate(live=Count("platforms", filter=Q(platforms__active=True)))
    return list(several.filter(live__gte=2).order_by("key").values_list("key", flat=True))


def joined() -> list[Scope]:
    """Return the overall scopes of the organisations that `organisation_keys` names."""
    return [read(OVERALL + key) for key in organisation_keys()]
