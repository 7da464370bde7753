"""Colours that people with any kind of colour vision tell apart, and that stand out on white and on near-black.

Found by search over mid-tones: each has a contrast of at least 3 to both backgrounds (WCAG 2.2, 1.4.11), and any two
differ by at least 20 in CIELAB, also as simulated for protanopia, deuteranopia and tritanopia (Machado, Oliveira,
Fernandes 2009). Charts never rely on colour alone: lines differ by dash and marker, bars by pattern.
"""

from typing import Final

COLOURS: Final = ("#3377bb", "#dd7711", "#7755ee", "#bb3322", "#aa8866", "#aa5577")
DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "x")
PATTERNS: Final = ("", "/", ".", "x", "-", "+")
SEQUENTIAL: Final = "Cividis"
"""From little to much: made for colour-blind readers (Nuñez, Anderton, Renslow 2018)."""
DIVERGING: Final = "RdBu"
"""From below to above the middle."""


def nth(choices: tuple[str, ...], position: int) -> str:
    """Return the choice of the series at a position; they begin anew behind the last."""
    return choices[position % len(choices)]
