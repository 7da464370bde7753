"""How a line of a log is written: placeholders, or a regular expression with named groups."""

import re
from dataclasses import dataclass
from typing import Final

COMBINED: Final = '{ip} {skip} {user} [{time}] "{request}" {status} {bytes} "{referrer}" "{agent}"'
"""The combined log format of Apache and nginx; what stands behind it on the line does not matter."""
PLACES: Final = (
    "ip", "time", "date", "clock", "request", "method", "target", "status", "referrer", "agent", "user", "bytes",
    "skip",
)  # fmt: skip
"""What a line can tell. `request` is method, target and protocol; `date` and `clock` together are a time."""
READ: Final = ("ip", "time", "date", "clock", "request", "method", "target", "status", "referrer", "agent")
"""Those that are used; the others are only passed over."""
_PLACE: Final = re.compile(r"\{(\w+)\}")
_SAMPLE_GROUP: Final = "(?P<"


class PatternError(ValueError):
    """The pattern cannot be used; the message is one sentence for its author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPattern:
    """A pattern that can be used."""

    expression: str
    """A regular expression with named groups, as Polars and Python both read it."""
    time_format: str | None = None
    """As for strptime, `epoch` for seconds since 1970, or None: that of the combined format, or ISO 8601."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The places that a line is read for, in the order of the line."""
        return tuple(re.compile(self.expression).groupindex)

    @classmethod
    def of(cls, text: str, *, time_format: str | None = None) -> "LogPattern":
        """Return the pattern that a text means; raise PatternError when it cannot be used."""
        expression = text if _SAMPLE_GROUP in text else _expression(text)
        try:
            names = set(re.compile(expression).groupindex)
        except re.error as error:
            raise PatternError(f"The pattern {text!r} is no regular expression: {error}.") from error
        unknown = sorted(names - set(PLACES))
        if unknown:
            raise PatternError(f"The pattern {text!r} names {unknown[0]!r}; there are {', '.join(PLACES)}.")
        for choices in (("ip",), ("time", "date"), ("request", "target")):
            if not names & set(choices):
                raise PatternError(
                    f"The pattern {text!r} lacks {' or '.join(f'{{{name}}}' for name in choices)}."
                )
        if ("date" in names) != ("clock" in names):
            raise PatternError(f"The pattern {text!r} needs both {{date}} and {{clock}}, or {{time}}.")
        return cls(expression=expression, time_format=time_format)


def _expression(text: str) -> str:
    """Return the expression of a text with placeholders.

    A place ends where the next literal character stands; between quotes a backslash takes the next one along.
    """
    parts = ["^"]
    end = 0
    seen: set[str] = set()
    for found in _PLACE.finditer(text):
        name = found.group(1)
        if name not in PLACES:
            raise PatternError(
                f"The pattern {text!r} has the placeholder {{{name}}}; there are {', '.join(PLACES)}."
            )
        if name in seen and name in READ:
            raise PatternError(f"The pattern {text!r} has the placeholder {{{name}}} twice.")
        seen.add(name)
        before, after = text[end : found.start()], text[found.end() : found.end() + 1]
        parts.append(re.escape(before))
        parts.append(
            f"(?P<{name}>{_inner(before, after)})" if name in READ else f"(?:{_inner(before, after)})"
        )
        end = found.end()
    parts.append(re.escape(text[end:]))
    return "".join(parts)


def _inner(before: str, after: str) -> str:
    if after == '"' and before.endswith('"'):
        return r'(?:[^"\\]|\\.)*'
    return r"\S+" if after in {"", " "} else f"[^{re.escape(after)}]*"
