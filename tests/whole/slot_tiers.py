"""What customers of each class see on the home page: `python -m tests.whole.slot_tiers PLATFORM SERVER_KEY`.

Draws 200 customers of each class (seed 0), asks the API for their home slots, and prints one JSON object: for each
class the mean price position and the mean discount share of the items shown, each with a 95 % bootstrap interval over
customers, and how many slots and items they got.
"""

import json
import sys

import django
import numpy as np
from numpy.typing import NDArray

CUSTOMERS = 200
DRAWS = 2_000


def interval(values: NDArray[np.float64], rng: np.random.Generator) -> list[float]:
    """Return the mean and the 95 % percentile interval of a bootstrap over the values."""
    means = rng.choice(values, size=(DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [round(float(number), 4) for number in (values.mean(), low, high)]


def main(platform_key: str, server_key: str) -> dict[str, object]:
    """Return the figures of each class."""
    from django.test import Client  # noqa: PLC0415 after django.setup()

    from precision.engine import runs  # noqa: PLC0415
    from precision.shop.models import Identity  # noqa: PLC0415
    from segments.models import CustomerClass, ProductPrice  # noqa: PLC0415

    published = runs.published_ids(platform_key)
    fields = ("product__external_id", "price_position", "discount_share")
    prices = {
        product: (position, share)
        for product, position, share in ProductPrice.objects.filter(
            run_id=published["price-classes"]
        ).values_list(*fields)
    }
    client = Client(SERVER_NAME="localhost", headers={"authorization": f"Bearer {server_key}"})
    rng = np.random.default_rng(0)
    result: dict[str, object] = {}
    for letter in "ABC":
        people = CustomerClass.objects.filter(run_id=published["price-classes"], letter=letter)
        ids = rng.permutation(sorted(people.values_list("customer_id", flat=True)))[:CUSTOMERS]
        names = Identity.objects.filter(platform__key=platform_key, customer_id__in=ids.tolist())
        positions, shares, slots, items = [], [], set(), []
        for name in sorted(names.values_list("value", flat=True)):
            answer = client.get("/api/v1/slots/home/", {"customer": name}).json()
            assert answer["customer"]["class"] == letter
            shown = [item["product_id"] for slot in answer["slots"] for item in slot["items"]]
            assert len(shown) == len(set(shown)), "an item is repeated on the page"
            known = [prices[product] for product in shown if product in prices]
            positions.append(np.mean([position for position, _ in known if position is not None]))
            shares.append(np.mean([share for _, share in known if share is not None]))
            slots.add(len(answer["slots"]))
            items.append(len(shown))
        result[letter] = {
            "customers": len(positions),
            "slots": sorted(slots),
            "fewest_items": min(items),
            "price_position": interval(np.array(positions), rng),
            "discount_share": interval(np.array(shares), rng),
        }
    return result


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
