"""Segments that name other segments: a graph without cycles."""

from collections.abc import Mapping

from segments.conditions.terms import Condition, ConditionError, segments_of


class CycleError(ConditionError):
    """Segments that name each other; `cycle` has their keys, the first one again at the end."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        self.cycle = cycle
        super().__init__(
            f"segments cannot name each other in a circle: {' → '.join(cycle)}; take one of these terms out.",
            path="",
        )


def ordered(conditions: Mapping[str, Condition]) -> list[str]:
    """Return the keys so that each comes after the segments that it names; CycleError where that cannot be.

    Segments that are named and not in `conditions` (static lists) take part in no cycle and are left out.
    """
    done: dict[str, None] = {}
    for start in conditions:
        _visit(start, conditions, done, [])
    return list(done)


def needed(key: str, conditions: Mapping[str, Condition]) -> frozenset[str]:
    """Return every segment that one of these stands on, itself not counted, named directly or through others."""
    return needed_by(conditions[key], conditions) if key in conditions else frozenset()


def needed_by(condition: Condition, conditions: Mapping[str, Condition]) -> frozenset[str]:
    """Return every segment that a condition stands on, named directly or through others."""
    found: set[str] = set()
    waiting = list(segments_of(condition))
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += segments_of(conditions[key]) if key in conditions else ()
    return frozenset(found)


def users(key: str, conditions: Mapping[str, Condition]) -> list[str]:
    """Return the keys of the segments that name a segment themselves, sorted."""
    return sorted(other for other, condition in conditions.items() if key in segments_of(condition))


def _visit(key: str, conditions: Mapping[str, Condition], done: dict[str, None], way: list[str]) -> None:
    if key in done or key not in conditions:
        return
    if key in way:
        raise CycleError((*way[way.index(key) :], key))
    for other in sorted(segments_of(conditions[key])):
        _visit(other, conditions, done, [*way, key])
    done[key] = None
