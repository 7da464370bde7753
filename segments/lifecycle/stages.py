"""Which stage of the life cycle a customer is in, and on which day each stage began.

A day has one stage: the one at its end. A buyer is in development on the day of an order and as long as the days since
are at most the own limit (`segments.methods.gaps`); on the first day past it retention begins, on the first day past
the second limit win-back, and the next order leads back to development. So every change has the day on which the facts
made it true, whenever the job runs. Nothing leads from a buyer back to contact or acquisition.
"""

from enum import StrEnum
from typing import Any, Final

import narwhals as nw

from precision.shop import columns as c
from segments.methods.gaps import NEXT_DAY

LIMIT_DAYS = "limit_days"  # Int64, a longer silence is retention
WIN_BACK_DAYS = "win_back_days"  # Int64, above LIMIT_DAYS; a longer silence is win-back
STAGE = "stage"  # String, one of Stage
FROM_STAGE = "from_stage"  # String, the stage before; NEW for the first one


class Stage(StrEnum):
    """A stage, in the order of a life."""

    CONTACT = "contact"
    """Behaviour, neither inquired, registered nor bought."""
    ACQUISITION = "acquisition"
    """Inquired, registered or cart, not bought."""
    DEVELOPMENT = "development"
    """Bought, within the own repurchase gap."""
    RETENTION = "retention"
    """The gap is longer than expected for this customer."""
    WIN_BACK = "win_back"
    """Silent past a limit."""


NEW: Final = ""
"""In the place of the stage before the first one."""
BUYERS: Final = frozenset({Stage.DEVELOPMENT, Stage.RETENTION, Stage.WIN_BACK})
ASKING: Final = (
    "Inquiry Sent", "Customer Registered", "Product Added", "Wishlist Product Added to Cart", "Cart Viewed",
    "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed", "Checkout Completed",
    "Payment Info Entered",
)  # fmt: skip
"""Events by which somebody is in acquisition: inquired, registered, or put something into a cart."""


def changes(
    contacts: nw.LazyFrame[Any], asked: nw.LazyFrame[Any], purchases: nw.LazyFrame[Any], *, as_of: int
) -> nw.LazyFrame[Any]:
    """Return every change of stage before the day `as_of`: CUSTOMER, DAY, FROM_STAGE, STAGE; once per customer and day.

    `contacts` and `asked`: CUSTOMER, DAY of the first behaviour, and of the first inquiry, registration or cart.
    `purchases`: CUSTOMER, DAY, NEXT_DAY (null for the last), LIMIT_DAYS and WIN_BACK_DAYS as known on DAY; once per
    customer and day.
    """
    bought = purchases.filter(nw.col(c.DAY) < as_of)
    return nw.concat(
        [*_before_buying(contacts, asked, bought, as_of=as_of), *_of_buyers(bought, as_of=as_of)]
    )


def now(changed: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the stage that each customer is in and its first day: CUSTOMER, DAY, STAGE."""
    last = changed.group_by(c.CUSTOMER).agg(nw.col(c.DAY).max())
    return changed.select(c.CUSTOMER, c.DAY, STAGE).join(last, on=[c.CUSTOMER, c.DAY], how="inner")


def _before_buying(
    contacts: nw.LazyFrame[Any], asked: nw.LazyFrame[Any], bought: nw.LazyFrame[Any], *, as_of: int
) -> list[nw.LazyFrame[Any]]:
    """Return the changes to contact and to acquisition; one on the day of the first order is passed over."""
    first = bought.group_by(c.CUSTOMER).agg(nw.col(c.DAY).min().alias("_bought"))
    seen, inquired = (_first(frame, as_of=as_of) for frame in (contacts, asked))
    met = seen.join(inquired.rename({c.DAY: "_asked"}), on=c.CUSTOMER, how="left").join(
        first, on=c.CUSTOMER, how="left"
    )
    contact = met.filter(_before("_asked") & _before("_bought"))
    known = (
        inquired.join(seen.rename({c.DAY: "_seen"}), on=c.CUSTOMER, how="left")
        .join(first, on=c.CUSTOMER, how="left")
        .filter(_before("_bought"))
        .with_columns(_was_seen=(nw.col("_seen") < nw.col(c.DAY)).fill_null(value=False))
    )
    return [
        _to(contact, Stage.CONTACT, before=nw.lit(NEW)),
        _to(known, Stage.ACQUISITION, before=_either("_was_seen", Stage.CONTACT, NEW)),
        # What the first order ended: who asked on an earlier day, or else was seen on one.
        _to(
            first.rename({"_bought": c.DAY})
            .join(inquired.rename({c.DAY: "_asked"}), on=c.CUSTOMER, how="left")
            .join(seen.rename({c.DAY: "_seen"}), on=c.CUSTOMER, how="left")
            .with_columns(
                _had_asked=(nw.col("_asked") < nw.col(c.DAY)).fill_null(value=False),
                _was_seen=(nw.col("_seen") < nw.col(c.DAY)).fill_null(value=False),
            ),
            Stage.DEVELOPMENT,
            before=nw.when(nw.col("_had_asked"))
            .then(nw.lit(str(Stage.ACQUISITION)))
            .otherwise(_either("_was_seen", Stage.CONTACT, NEW)),
        ),
    ]


def _of_buyers(bought: nw.LazyFrame[Any], *, as_of: int) -> list[nw.LazyFrame[Any]]:
    """Return the changes behind the first order."""
    until = nw.when(nw.col(NEXT_DAY).is_null() | (nw.col(NEXT_DAY) > as_of)).then(nw.lit(as_of))
    spans = bought.with_columns(
        _until=until.otherwise(nw.col(NEXT_DAY)).cast(nw.Int64),
        _late=nw.col(c.DAY) + nw.col(LIMIT_DAYS) + 1,
        _silent=nw.col(c.DAY) + nw.col(WIN_BACK_DAYS) + 1,
    )
    late = spans.filter(nw.col("_late") < nw.col("_until"))
    silent = spans.filter(nw.col("_silent") < nw.col("_until"))
    back = late.filter(nw.col(NEXT_DAY) < as_of).with_columns(
        _was_silent=nw.col("_silent") < nw.col(NEXT_DAY)
    )
    return [
        _to(_on(late, "_late"), Stage.RETENTION, before=nw.lit(str(Stage.DEVELOPMENT))),
        _to(_on(silent, "_silent"), Stage.WIN_BACK, before=nw.lit(str(Stage.RETENTION))),
        _to(
            _on(back, NEXT_DAY),
            Stage.DEVELOPMENT,
            before=_either("_was_silent", Stage.WIN_BACK, Stage.RETENTION),
        ),
    ]


def _first(frame: nw.LazyFrame[Any], *, as_of: int) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and the first DAY before `as_of`, once each."""
    before = frame.filter((nw.col(c.DAY) < as_of) & ~nw.col(c.CUSTOMER).is_null())
    return before.group_by(c.CUSTOMER).agg(nw.col(c.DAY).min())


def _before(name: str) -> nw.Expr:
    """Return whether DAY is before the day of that name, or that never came."""
    return nw.col(name).is_null() | (nw.col(c.DAY) < nw.col(name))


def _either(name: str, one: str, other: str) -> nw.Expr:
    """Return one text where the column is true, and else the other."""
    return nw.when(nw.col(name)).then(nw.lit(str(one))).otherwise(nw.lit(str(other)))


def _on(frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
    """Return the frame with the day of that name as DAY."""
    return frame.with_columns(nw.col(name).alias(c.DAY))


def _to(frame: nw.LazyFrame[Any], stage: Stage, *, before: nw.Expr) -> nw.LazyFrame[Any]:
    """Return the rows as changes to a stage."""
    return frame.select(
        c.CUSTOMER,
        nw.col(c.DAY).cast(nw.Int64),
        before.alias(FROM_STAGE),
        nw.lit(str(stage)).alias(STAGE),
    )
