"""What an export has to do, decided from the manifest and the log: go on from the horizon, or write anew."""

from dataclasses import dataclass, field, replace

from precision.shop.history.extraction import Log, Span
from precision.shop.history.manifest import Manifest, PlatformState


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Platforms that are read from the same horizon on."""

    span: Span
    states: dict[int, PlatformState]
    """As they will be, but for `highest_order`."""

    @property
    def anew(self) -> bool:
        """All of these platforms is written, whatever the lake has."""
        return self.span.since is None

    @property
    def timezones(self) -> dict[int, str]:
        """Platform → time zone."""
        return {platform: state.timezone for platform, state in self.states.items()}

    def kept(self, table: str) -> dict[int, int]:
        """Platform → epoch second before whose receipt the lake, not PostgreSQL, is the source of the table."""
        if not self.anew:
            return {}
        return {
            platform: state.dropped[table]
            for platform, state in self.states.items()
            if table in state.dropped
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, and the manifest to start from."""

    base: Manifest
    """Without the platforms that are gone or written anew."""
    tasks: tuple[Task, ...]
    reasons: dict[int, str] = field(default_factory=dict)
    """Platform → why it is written anew, where it had been exported before."""


def plan(
    before: Manifest | None,
    log: Log,
    timezones: dict[int, str],
    *,
    only: int | None = None,
    rebuild: bool = False,
    now: int,
) -> Plan:
    """Return what to export: of the platform `only`, or of all of `timezones` (platform → time zone).

    When the horizons cannot be trusted (another database, or one that was set back) all platforms are written anew
    even if only one was asked for.
    """
    known = before or Manifest(database=log.database)
    stranger = distrust(known, log)
    if known.database.born != log.database.born:
        # Not even the platforms are the same: nothing of it is ours.
        known = replace(known.without(lambda file: True, now=now), platforms={})
    wanted = [number for number in timezones if only is None or stranger or number == only]
    reasons = {
        number: reason
        for number in wanted
        if (reason := _why_anew(known.platforms.get(number), timezones[number], stranger, rebuild=rebuild))
    }
    gone = set(known.platforms) - set(timezones)
    leaving = gone | set(reasons)
    base = known
    if leaving:
        base = known.without(lambda file: file.platform in leaving, now=now)
    base = replace(
        base,
        database=log.database,
        platforms={number: state for number, state in known.platforms.items() if number not in leaving},
    )
    groups: dict[int | None, dict[int, PlatformState]] = {}
    for number in wanted:
        since = (
            None if number in reasons or number not in known.platforms else known.platforms[number].horizon
        )
        groups.setdefault(since, {})[number] = _next(
            known.platforms.get(number), timezones[number], log.horizon, anew=since is None
        )
    tasks = tuple(
        Task(span=Span(platforms=tuple(states), since=since, until=log.horizon), states=states)
        for since, states in groups.items()
    )
    return Plan(base=base, tasks=tasks, reasons=reasons)


def distrust(known: Manifest, log: Log) -> str | None:
    """Return why the horizons of the manifest mean nothing in this database; None when they do."""
    if known.database != log.database:
        return "the database is another one than that the history was filled from, or was restored"
    ahead = max((state.horizon for state in known.platforms.values()), default=0)
    if ahead > log.ceiling:
        return (
            f"the history is ahead of the database (transaction {ahead} against {log.ceiling}), which was "
            "perhaps set back to an earlier state"
        )
    return None


def _why_anew(
    state: PlatformState | None, timezone: str, stranger: str | None, *, rebuild: bool
) -> str | None:
    if state is None:
        return None
    if rebuild:
        return "it was asked for"
    if stranger:
        return stranger
    if state.timezone != timezone:
        return f"its time zone is {timezone} now, and was {state.timezone}"
    return None


def _next(state: PlatformState | None, timezone: str, horizon: int, *, anew: bool) -> PlatformState:
    if state is None:
        return PlatformState(timezone=timezone, horizon=horizon)
    return replace(
        state, timezone=timezone, horizon=horizon, highest_order=0 if anew else state.highest_order
    )
