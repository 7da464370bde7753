"""Which products suit which class: A the upper price tiers, B the discounted goods, C and U everything."""

from collections.abc import Callable

from recommender.serving.catalogue import Fact
from recommender.serving.published import Tiers


def test(letter: str, tiers: Tiers) -> Callable[[Fact], bool] | None:
    """Return the test of whether a product lies in the price tier of a class; None: everything does.

    A: its price position is in the upper third of what is sold. B: so is the share of its list value that
    discounts save, and there are discounts at all. C and U: always. A product without figures lies in no
    tier; a platform without figures has no tiers, and everything suits.
    """
    position, share = tiers.price_position, tiers.discount_share
    if letter == "A" and position is not None:
        return lambda fact: fact.price_position is not None and fact.price_position >= position
    if letter == "B" and share is not None:
        return lambda fact: bool(fact.discount_share) and (fact.discount_share or 0.0) >= share
    return None
