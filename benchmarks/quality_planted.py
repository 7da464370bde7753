"""Orders of people whose price class is known, because it was drawn before they bought."""

import numpy as np
import polars as pl

from precision.shop import columns as c

CATEGORIES, PER_CATEGORY = 40, 25
PEOPLE, LINES, ORDERS, DAYS = 600, 150, 15, 365
AS_OF = 400
SHARES = {"A": 0.4, "B": 0.15, "C": 0.45}
# Beta parameters of the position within a category that is looked for, and the chance that a line is 30 % off.
TASTES = {"A": (5.0, 2.0, 0.1), "B": (2.0, 4.0, 0.6), "C": (1.6, 2.0, 0.15)}
OFF = 0.3


def planted_orders(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return order lines as `history.scan` gives them, the class of each CUSTOMER (`planted`), and the as-of day."""
    letters = rng.choice(list(SHARES), size=PEOPLE, p=list(SHARES.values()))
    first, second, deal = (np.repeat([TASTES[each][i] for each in letters], LINES) for i in range(3))
    size = PEOPLE * LINES
    customer = np.repeat(np.arange(PEOPLE), LINES)
    place = np.minimum((rng.beta(first, second) * PER_CATEGORY).astype(np.int64), PER_CATEGORY - 1)
    category = rng.integers(0, CATEGORIES, size)
    listed = (c.MONEY * (1 + 4 * (place + 0.5) / PER_CATEGORY)).astype(np.int64)
    paid = np.where(rng.random(size) < deal, (listed * (1 - OFF)).astype(np.int64), listed)
    day = rng.integers(AS_OF - DAYS, AS_OF, size)
    lines = pl.DataFrame(
        {
            c.CUSTOMER: customer,
            c.ORDER: customer * 100 + rng.integers(0, ORDERS, size),
            c.PRODUCT: category * PER_CATEGORY + place,
            c.CATEGORY: category,
            c.SECONDS: day * 86_400,
            c.DAY: day,
            c.QUANTITY_E3: np.full(size, c.QUANTITY),
            c.UNIT_PRICE_E4: paid,
            c.LIST_PRICE_E4: listed,
            c.AMOUNT_E4: paid,
            c.RETURNED: np.zeros(size, dtype=bool),
        }
    )
    return lines, pl.DataFrame({c.CUSTOMER: np.arange(PEOPLE), "planted": letters}), AS_OF
