"""Which segments go by labels that somebody may not see: who is in them would tell the value."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from segments import masking
from segments.conditions import Condition
from segments.definitions import Definitions
from segments.masking import Sight
from segments.models import Segment
from segments.portraits import groups


def hidden_in(condition: Condition, known: Definitions, sight: Sight) -> list[str]:
    """Return the labels that a condition reads, itself or through segments, and this sight does not show, sorted."""
    names = groups.labels_behind(condition, known)
    return sorted(name for name in names if not masking.sees_label(name, sight))


def hidden_segments(sight: Sight) -> list[int]:
    """Return our numbers of all segments, of any shop, whose members would tell what this sight does not show.

    One query. It reads the stored conditions as they are: one that cannot be used any more hides what it names too.
    """
    if sight.sensitive and sight.personal:
        return []
    rows = Segment.objects.exclude(condition=None).order_by()
    owners: dict[Any, dict[str, tuple[int, Any]]] = defaultdict(dict)
    for number, platform, organisation, key, condition in rows.values_list(
        "pk", "platform_id", "organisation_id", "key", "condition"
    ):
        owners[platform, organisation][key] = (number, condition)
    return sorted(number for segments in owners.values() for number in _hidden(segments, sight))


def _hidden(segments: Mapping[str, tuple[int, Any]], sight: Sight) -> list[int]:
    """Return the hidden ones among the segments of one owner: those with a hidden label, and who names such a one."""
    named = {key: set(_named(condition, "segment")) for key, (_, condition) in segments.items()}
    hidden = {
        key
        for key, (_, condition) in segments.items()
        if any(not masking.sees_label(label, sight) for label in _named(condition, "label"))
    }
    while more := {key for key, others in named.items() if key not in hidden and others & hidden}:
        hidden |= more
    return [segments[key][0] for key in hidden]


def _named(data: Any, kind: str) -> Iterator[str]:
    """Yield the labels or segments that stored data names anywhere."""
    match data:
        case dict():
            if isinstance(data.get(kind), str):
                yield data[kind]
            for inner in data.values():
                yield from _named(inner, kind)
        case list():
            for inner in data:
                yield from _named(inner, kind)
