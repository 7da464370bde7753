"""One person across devices, shops and channels: evidence in, people out, every join in a ledger and reversible.

`link` takes evidence at intake, `decide` what staff say, `stitch` recomputes everybody by night; all three write what
`methods.people` says of the links that remain, and nothing else moves an identity.
"""

from precision.shop.stitching.linking import Link, link

__all__ = ["Link", "link"]
