"""Which products suit which class: A the upper price tiers, B the discounted goods, C and U everything."""

from recommender.serving.catalogue import Fact
from recommender.serving.published import Tiers

TIERED = frozenset("AB")


def suits(letter: str, fact: Fact, tiers: Tiers) -> bool:
    """Return whether a product lies in the price tier of a class.

    A: its price position is in the upper third of what is sold. B: so is the share of its list value that
    discounts save, and there are discounts at all. C and U: always. A product without figures lies in no
    tier; a platform without figures has no tiers, and everything suits.
    """
    if letter == "A" and tiers.price_position is not None:
        return fact.price_position is not None and fact.price_position >= tiers.price_position
    if letter == "B" and tiers.discount_share is not None:
        share = fact.discount_share
        return share is not None and share > 0 and share >= tiers.discount_share
    return True
