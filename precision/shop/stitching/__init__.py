"""One person across devices, shops and channels: evidence in, people out, every join in a ledger and reversible.

`link` takes evidence at intake; `merge`, `accept`, `refuse` and `undo` what staff decide; all write what
`methods.people` says of the links that remain, and nothing else moves an identity.
"""

from precision.shop.stitching.deciding import Decided, DecisionError, accept, merge, refuse, undo
from precision.shop.stitching.linking import SAME_VALUE, STAFF, Link, link
from precision.shop.stitching.previewing import Part, Preview, preview
from precision.shop.stitching.serving import verified, verified_person

__all__ = [
    "SAME_VALUE", "STAFF", "Decided", "DecisionError", "Link", "Part", "Preview", "accept", "link", "merge", "preview",
    "refuse", "undo", "verified", "verified_person",
]  # fmt: skip
