"""One person across devices, shops and channels: evidence in, people out, every join in a ledger and reversible.

`link` and `link_many` take evidence at intake; `merge`, `accept`, `refuse` and `undo` what staff decide; `stitch`
recomputes everybody by night. All write what `methods.people` says of the links that remain, and nothing else moves an
identity.
"""

from precision.shop.stitching.deciding import Decided, DecisionError, accept, merge, refuse, undo
from precision.shop.stitching.linking import SAME_VALUE, STAFF, Link, link
from precision.shop.stitching.many import link_many
from precision.shop.stitching.nightly import Stitched, stitch
from precision.shop.stitching.previewing import Part, Preview, preview
from precision.shop.stitching.serving import verified, verified_person

__all__ = [
    "SAME_VALUE", "STAFF", "Decided", "DecisionError", "Link", "Part", "Preview", "Stitched", "accept", "link",
    "link_many", "merge", "preview", "refuse", "stitch", "undo", "verified", "verified_person",
]  # fmt: skip
