"""What the people do week by week, and with what chance they buy: the truth that models are measured against.

Whether somebody buys in a week is drawn with a chance that depends only on what the shop could see until the week
began (logistic in views, cart, inquiry, registration, earlier orders, clicked e-mails, and how long ago the last visit
was). The best possible model therefore has exactly this chance as its score.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from demo.browse.people import People

ACTIVE, IDLE = -3.6, -7.6
PER_IDLE_WEEK, LONGEST_IDLE = -0.06, 30
VIEWS, MOST_VIEWS = 0.22, 6
CART, INQUIRY, REGISTERED, CLICKED = 0.9, 0.7, 0.5, 0.6
ORDERS, MOST_ORDERS = 0.35, 4
KEPT_BY_ORDER = 0.35
"""By what a purchase multiplies the chance to lose interest."""
CAMPAIGN_EVERY, HOLD_OUT = 13, 0.2
"""Weeks between e-mail campaigns, and the share of the registered who get none."""
MAILED = 0.5
"""What an e-mail adds to the logit of a responsive person in its week: the planted effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All weeks of all people; frames have one row a thing that happened."""

    visits: pl.DataFrame
    """visitor, week, buys (Boolean: this visit ends in an order), views, searches, carts, wishes, compares, inquiry,
    clicks."""
    registered: NDArray[np.int64]
    """Week of registration of each visitor, -1: never."""
    mails: pl.DataFrame
    """campaign (week), visitor, arm (mail or hold-out), opened, clicked."""
    truth: pl.DataFrame
    """visitor, week, chance (of at least one order in that week, given everything seen before it), bought."""


def simulate(rng: np.random.Generator, people: People, *, weeks: int) -> History:
    """Return what happens in `weeks` weeks."""
    count = len(people)
    alive = np.ones(count, dtype=bool)
    last = {name: np.zeros(count) for name in ("views", "carts", "inquiry", "clicked")}
    idle = np.zeros(count)  # weeks since the last visit
    orders = np.zeros(count)
    registered = np.full(count, -1)
    visits, mails, truth = [], [], []
    for week in range(weeks):
        arrived = people.arrival <= week
        known = registered >= 0
        logit = (
            np.where(idle == 0, ACTIVE, IDLE + PER_IDLE_WEEK * np.minimum(idle, LONGEST_IDLE))
            + VIEWS * np.minimum(last["views"], MOST_VIEWS)
            + CART * np.minimum(last["carts"], 2)
            + INQUIRY * last["inquiry"]
            + REGISTERED * known
            + CLICKED * last["clicked"]
            + ORDERS * np.minimum(orders, MOST_ORDERS)
        )
        mail, opened, clicked = _mail(rng, people, known, week=week)
        if mail is not None:
            mails.append(_mailed(known, mail, opened, clicked, week=week))
            logit = logit + MAILED * (mail & people.responsive)
        seen_before = people.arrival < week  # nobody can be scored before the first visit
        chance = np.where(seen_before, 1 / (1 + np.exp(-logit)), 0.0)
        buys = rng.random(count) < chance
        truth.append(_truth(seen_before, chance, buys, week=week))
        count_of_visits = np.where(arrived & alive, rng.poisson(people.rate), 0)
        count_of_visits[people.arrival == week] += count_of_visits[people.arrival == week] == 0
        count_of_visits[buys] = np.maximum(count_of_visits[buys], 1)
        made = _visits(rng, count_of_visits, buys, week=week)
        visits.append(made)
        _remember(last, made, count=count)
        last["clicked"] = clicked.astype(float) if mail is not None else np.zeros(count)
        came = count_of_visits > 0
        idle = np.where(came, 0, idle + 1)
        orders += buys
        registers = came & ~known & arrived & (buys | (rng.random(count) < 0.06 + 0.2 * (last["carts"] > 0)))
        registered[registers] = week
        lose = people.dropout * np.where(orders > 0, KEPT_BY_ORDER, 1.0)
        alive &= ~(came & (rng.random(count) < lose))
    return History(
        visits=pl.concat(visits), registered=registered, mails=pl.concat(mails), truth=pl.concat(truth)
    )


def _mail(
    rng: np.random.Generator, people: People, known: NDArray[np.bool_], *, week: int
) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who gets the week's e-mail (None: there is none this week), who opens it, who clicks."""
    none = np.zeros(len(people), dtype=bool)
    if week % CAMPAIGN_EVERY != CAMPAIGN_EVERY - 1 or not known.any():
        return None, none, none
    mail = known & (rng.random(len(people)) >= HOLD_OUT)
    opened = mail & (rng.random(len(people)) < np.where(people.responsive, 0.5, 0.15))
    clicked = opened & (rng.random(len(people)) < np.where(people.responsive, 0.4, 0.1))
    return mail, opened, clicked


def _mailed(
    known: NDArray[np.bool_],
    mail: NDArray[np.bool_],
    opened: NDArray[np.bool_],
    clicked: NDArray[np.bool_],
    *,
    week: int,
) -> pl.DataFrame:
    who = np.flatnonzero(known)
    return pl.DataFrame(
        {
            "campaign": np.full(len(who), week),
            "visitor": who,
            "arm": np.where(mail[who], "mail", "hold-out"),
            "opened": opened[who],
            "clicked": clicked[who],
        }
    )


def _truth(
    seen: NDArray[np.bool_], chance: NDArray[np.float64], buys: NDArray[np.bool_], *, week: int
) -> pl.DataFrame:
    who = np.flatnonzero(seen)
    return pl.DataFrame(
        {"visitor": who, "week": np.full(len(who), week), "chance": chance[who], "bought": buys[who]}
    )


def _visits(
    rng: np.random.Generator, number: NDArray[np.int64], buys: NDArray[np.bool_], *, week: int
) -> pl.DataFrame:
    """Return the visits of a week; the last visit of a buyer ends in the order."""
    who = np.repeat(np.arange(len(number)), number)
    size = len(who)
    ends = np.zeros(size, dtype=bool)
    ends[np.cumsum(number)[buys] - 1] = True
    views = rng.poisson(1.5, size) + ends
    return pl.DataFrame(
        {
            "visitor": who,
            "week": np.full(size, week),
            "buys": ends,
            "views": views,
            "searches": rng.poisson(0.25, size),
            "carts": np.minimum(rng.poisson(0.18, size) + ends, np.maximum(views, 1)) * (views > 0),
            "wishes": (rng.random(size) < 0.06) & (views > 0),
            "compares": (rng.random(size) < 0.08) & (views > 1),
            "inquiry": rng.random(size) < 0.05,
            "clicks": rng.random(size) < 0.3,
        }
    )


def _remember(last: dict[str, NDArray[np.float64]], visits: pl.DataFrame, *, count: int) -> None:
    """Put what was seen this week in the place of what was seen the week before."""
    who = visits.get_column("visitor").to_numpy()
    for name, column in (("views", "views"), ("carts", "carts"), ("inquiry", "inquiry")):
        total = np.bincount(
            who, weights=visits.get_column(column).cast(pl.Float64).to_numpy(), minlength=count
        )
        last[name] = np.minimum(total, 1.0 if name == "inquiry" else np.inf).astype(np.float64)
