"""Every built-in label of one planted customer, computed by hand, and again from its evidence."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from precision.engine import jobs
from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.models import Identity, Platform
from segments.labels import (
    from_activity,
    from_bands,
    from_campaigns,
    from_context,
    from_interests,
    from_orders,
    from_profiles,
    from_rfm,
    from_visits,
    registry,
    wide,
)
from segments.methods import rfm
from tests.segments.labelled_shop import AS_OF, plant

pytestmark = pytest.mark.django_db(transaction=True)
SOURCES = (from_activity, from_bands, from_campaigns, from_context, from_interests, from_orders, from_profiles,
           from_rfm, from_visits)  # fmt: skip
DEFINITIONS = [each for source in SOURCES for each in source.DEFINITIONS]

# As of 2026-04-01. In the year: o1 (Saturday 28 March, green ×2 for 6.00 and a cup for 10.00), o2 (Monday 2 March,
# green 3.00), o3 (Monday 5 January, black 5.00), one green back (3.00). Before it: o4 (31 March 2025, 5.00).
ANN: dict[str, Any] = {
    "active": True,
    "last_seen_days": 2,  # the visit of 30 March
    "first_order_days": 366,
    "orders_30": 2,  # 2 March is the first of the 30 days
    "orders_90": 3,
    "orders_365": 3,
    "spend_365": 16 + 3 + 5 - 3,
    "average_order_value": (16 + 3 + 5) / 3,
    "largest_order": 16.0,
    "items_per_order": 4 / 3,
    "distinct_products": 3,
    "distinct_categories": 2,
    "top_category": "Food / Tea",
    "top_category_share": (3 + 10 * 3 / 5) / (4 + 10),  # everyone: 3 lines of tea, 2 of cups
    "top_brand": "Leaf",
    "top_brand_share": (2 + 10 * 2 / 5) / (4 + 10),  # everyone: Leaf 2, Moss 1, Clay 2
    "favourite_hour": 9,
    "favourite_weekday": "Monday",
    "weekend_share": 1 / 3,
    "favourite_store": "North",
    "favourite_store_share": (2 + 10 * 2 / 4) / (3 + 10),  # everyone: North 2, South 2
    "return_share": 3 / 24,
    "favourite_channel": "app",
    "favourite_channel_share": (2 + 10 * 2 / 4) / (3 + 10),
    "favourite_payment": "card",
    "coupon_share": 1 / 3,
    "favourite_weather": "rain",
    "weather_lift": ((2 + 10 * 2 / 4) / (3 + 10)) / (2 / 4),  # everyone: rain 2, sun 2
    "weather_linked": False,  # three orders are too few
    "recency_days": 4,
    "frequency": 4,
    "money": 26.0,
    "recency_score": 4,  # 1 + ⌊5 × (1/2 + 1/4)⌋: better than ben
    "frequency_score": 4,
    "money_score": 4,
    "rfm_group": "champions",
    # Lines in bins 4 (green, twice), 12 (black), 19 (cup); everyone 2, 1, 2 of 5. Weights 6, 3, 5 of 14.
    "price_band_low": (4 + 1.4 / 6) / 20,
    "price_band_high": (19 + (12.6 - 9) / 5) / 20,
    # Of tea 2, 1, 0, and ten times the weights above / 14: 88/14, 44/14, 50/14 of 13.
    "category_price_band_low": (4 + 1.3 / (88 / 14)) / 20,
    "category_price_band_high": (19 + (11.7 - 132 / 14) / (50 / 14)) / 20,
    "age_band": "35-44",  # 45 tomorrow
    "registered_days": 90,
    "gender": "female",
    "country": "fr",
    "city": "lyon",
    "occupation": "nurse",
    "education": "college",
    "income": "40-60k",
    "marital_status": "married",
    "top_interest": "tea",
    "top_interest_score": 2.5,
    "interest_topics": 2,
    "campaigns_365": 2,  # in c3 she was left alone
    "campaign_response_share": (1 + 10 * 1 / 3) / (2 + 10),  # everyone: one of three answered
    "last_answer_days": 58,
    "last_visit_days": 2,
    "visits_7": 2,  # s1, and 25 March without a session
    "visits_30": 3,
    "visits_365": 4,
    "searches_30": 1,
    "wishlist_adds_90": 1,
    "comparisons_90": 1,
    "inquiries_90": 1,
    "promotion_clicks_90": 1,
    "dwell_minutes_30": 1.5,
    "products_viewed_30": 2,
    "cart_products_left": 1,  # the cup: black was taken out, green bought
    "visit_channel": "app",
    "browsed_category": "Food / Tea",
    "browsed_category_share": (2 + 10 * 2 / 4) / (3 + 10),  # everyone: tea 2, cups 2
}
BEN = {"active": False, "last_seen_days": 121, "orders_90": 0, "orders_365": 1, "age_band": "45-54",
       "favourite_weather": "sun", "campaigns_365": 1, "last_answer_days": None, "visits_30": None}  # fmt: skip


@pytest.fixture
def shop(platform: Platform, settings: Any, tmp_path: Path) -> dict[str, Identity]:
    settings.HISTORY = tmp_path / "history"
    people = plant(platform)
    assert jobs.run(jobs.nightly(["rfm"])[0], platform.key, AS_OF) is not None
    return people


def row_of(frame: pl.DataFrame, who: Identity) -> dict[str, Any]:
    return frame.filter(pl.col(c.CUSTOMER) == who.customer_id).row(0, named=True)


def test_the_table_names_every_label() -> None:
    assert set(ANN) == {each.key for each in DEFINITIONS}


def test_values_by_hand_see_nothing_after_the_date(platform: Platform, shop: dict[str, Identity]) -> None:
    frame = wide.computed(scopes.read(platform.key), AS_OF)
    ann = row_of(frame, shop["ann"])
    assert {key: ann[key] for key in ANN} == {
        key: pytest.approx(value) if isinstance(value, float) else value for key, value in ANN.items()
    }
    ben = row_of(frame, shop["ben"])
    assert {key: ben[key] for key in BEN} == BEN
    assert row_of(frame, shop["cy"])["visits_365"] == 1
    assert frame[c.CUSTOMER].to_list() == sorted(set(frame[c.CUSTOMER]))
    assert set(registry.definitions()) == set(frame.columns) - {c.CUSTOMER}
    # A day later the order and the visit of the first of April are there: they were left out before.
    later = row_of(wide.computed(scopes.read(platform.key), date(2026, 4, 2)), shop["ann"])
    assert (later["orders_30"], later["largest_order"], later["last_visit_days"]) == (2, 99.0, 1)
    assert later["cart_products_left"] == 0


def days(since: str, until: str) -> int:
    return (date.fromisoformat(until) - date.fromisoformat(since)).days


def within(told: list[str], until: str, limit: int) -> int:
    return sum(1 for day in told if days(day, until) <= limit)


def most(times: dict[str, int]) -> str:
    return next(name for name, count in times.items() if count == max(times.values()))


def shrunk(e: dict[str, Any], usual: float | None = None) -> float:
    times, k = e["times"], e["prior_times"]
    share = e["everyones_share"] if usual is None else usual
    return float((max(times.values()) + k * share) / (sum(times.values()) + k))


def lifts(e: dict[str, Any]) -> dict[str, float]:
    n, k = sum(e["times"].values()), e["prior_times"]
    usual = e["everyones_shares"]
    return {way: (x + k * usual[way]) / (n + k) / usual[way] for way, x in e["times"].items()}


def column(name: str) -> Callable[[dict[str, Any]], list[Any]]:
    return lambda e: [order[name] for order in e["orders"]]


def mode(values: list[int]) -> int:
    return min(values, key=lambda value: (-values.count(value), value))


def fifth(e: dict[str, Any]) -> int:
    return 1 + int(5 * (e["worse"] + e["equal"] / 2) / e["everybody"])


def group(e: dict[str, Any]) -> str:
    scores = [e[name] for name in ("recency_score", "frequency_score", "money_score")]
    bounds = [(each.key, (each.recency, each.frequency, each.money)) for each in rfm.GROUPS]
    return next(key for key, box in bounds if all(a <= s <= b for s, (a, b) in zip(scores, box, strict=True)))


def quantile(weights: list[float], q: float) -> float:
    """By walking up the bins, another way than the product's."""
    left = q * sum(weights)
    for number, weight in enumerate(weights):
        if weight and left <= weight:
            return (number + left / weight) / len(weights)
        left -= weight
    raise AssertionError(weights)


def band(q: float, *, inside: bool = False) -> Callable[[dict[str, Any]], float]:
    def found(e: dict[str, Any]) -> float:
        k, everyone = e["prior_lines"], e["everyones_lines"]
        mixed = [n + k * a / sum(everyone) for n, a in zip(e["lines"], everyone, strict=True)]
        if inside:
            mixed = [n + k * m / sum(mixed) for n, m in zip(e["lines_in_category"], mixed, strict=True)]
        return quantile(mixed, q)

    return found


def age_band(e: dict[str, Any]) -> str:
    birth = date.fromisoformat(e["told"][0]["birth_date"])
    today = date.fromisoformat(e["as_of"])
    age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    return next(
        name for least, name in ((65, "65+"), (55, "55-64"), (45, "45-54"), (35, "35-44")) if age >= least
    )


def response(e: dict[str, Any]) -> float:
    answered = sum(1 for day in e["campaigns"].values() if day)
    usual = e["everyone_answered"] / e["of"]
    return float((answered + e["prior"] * usual) / (len(e["campaigns"]) + e["prior"]))


def seen(e: dict[str, Any]) -> int:
    return min(days(day, e["as_of"]) for day in (e["last_order"], e["last_visit"]) if day)


TOLD = ("gender", "country", "city", "occupation", "education", "income", "marital_status")
COUNTED = ("searches_30", "wishlist_adds_90", "comparisons_90", "inquiries_90", "promotion_clicks_90")
AGAIN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "active": lambda e: seen(e) <= e["active_days"],
    "last_seen_days": seen,
    "first_order_days": lambda e: days(e["first_order"], e["as_of"]),
    **dict.fromkeys(("orders_30", "orders_90", "orders_365"), lambda e: len(e["orders"])),
    "spend_365": lambda e: sum(column("net")(e)),
    "average_order_value": lambda e: sum(column("amount")(e)) / len(e["orders"]),
    "largest_order": lambda e: max(column("amount")(e)),
    "items_per_order": lambda e: sum(column("lines")(e)) / len(e["orders"]),
    "distinct_products": lambda e: len(e["product"]),
    "distinct_categories": lambda e: len(e["category"]),
    **dict.fromkeys(("top_category", "top_brand", "favourite_store", "browsed_category"), lambda e: most(e["times"])),
    **dict.fromkeys(
        ("top_category_share", "top_brand_share", "favourite_store_share", "browsed_category_share"), shrunk
    ),
    "favourite_hour": lambda e: mode(column("hour")(e)),
    "favourite_weekday": lambda e: from_orders.WEEKDAYS[mode(column("weekday")(e)) - 1],
    "weekend_share": lambda e: sum(1 for day in column("weekday")(e) if day >= 6) / len(e["orders"]),
    "return_share": lambda e: sum(column("back")(e)) / sum(column("amount")(e)),
    "favourite_channel": lambda e: most(e["times"]),
    "favourite_channel_share": lambda e: shrunk(e, e["everyones_shares"][most(e["times"])]),
    "favourite_payment": lambda e: most(e["times"]),
    "coupon_share": lambda e: e["times"]["with"] / sum(e["times"].values()),
    "favourite_weather": lambda e: max(lifts(e), key=lambda way: lifts(e)[way]),
    "weather_lift": lambda e: max(lifts(e).values()),
    "weather_linked": lambda e: sum(e["times"].values()) >= 5,
    "recency_days": lambda e: min(days(day, e["as_of"]) for day in e["orders"]),
    "frequency": lambda e: len(e["orders"]),
    "money": lambda e: sum(e["amounts"]),
    **dict.fromkeys(("recency_score", "frequency_score", "money_score"), fifth),
    "rfm_group": group,
    "price_band_low": band(0.1),
    "price_band_high": band(0.9),
    "category_price_band_low": band(0.1, inside=True),
    "category_price_band_high": band(0.9, inside=True),
    "age_band": age_band,
    "registered_days": lambda e: days(e["told"][0]["registered_day"], e["as_of"]),
    **{key: lambda e, key=key: e["told"][0][key] for key in TOLD},  # type: ignore[misc]
    "top_interest": lambda e: max(e["topics"], key=lambda topic: e["topics"][topic]),
    "top_interest_score": lambda e: max(e["topics"].values()),
    "interest_topics": lambda e: len(e["topics"]),
    "campaigns_365": lambda e: len(e["campaigns"]),
    "campaign_response_share": response,
    "last_answer_days": lambda e: min(days(day, e["as_of"]) for day in e["campaigns"].values() if day),
    "last_visit_days": lambda e: min(days(day, e["as_of"]) for day in e["visits"]),
    "visits_7": lambda e: within(e["visits"], e["as_of"], 7),
    "visits_30": lambda e: within(e["visits"], e["as_of"], 30),
    "visits_365": lambda e: within(e["visits"], e["as_of"], 365),
    **dict.fromkeys(COUNTED, lambda e: len(e["events"])),
    "dwell_minutes_30": lambda e: sum(e["seconds"]) / 60,
    "products_viewed_30": lambda e: len(e["products"]),
    "cart_products_left": lambda e: len(e["left"]),
    "visit_channel": lambda e: most(e["times"]),
}  # fmt: skip


def test_values_follow_from_their_evidence(platform: Platform, shop: dict[str, Identity]) -> None:
    scope = scopes.read(platform.key)
    ann, nobody = shop["ann"].customer_id, shop["cy"].customer_id + 1_000_000
    again = {}
    with history.snapshot():
        for source in SOURCES:
            for each in source.DEFINITIONS:
                found = source.evidence(scope, AS_OF, ann, each.key)
                assert found is not None, each.key
                again[each.key] = AGAIN[each.key](found)
                assert source.evidence(scope, AS_OF, nobody, each.key) is None, each.key
    assert again == {
        key: pytest.approx(value) if isinstance(value, float) else value for key, value in ANN.items()
    }
