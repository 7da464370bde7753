"""What happened lately between a customer and the shop, from all kinds of facts."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Count

from precision.shop.models import Event, Order, Platform, Response, Send

SHOWN: Final = 30


def timeline(platforms: Sequence[Platform], identities: Sequence[int]) -> list[dict[str, Any]]:
    """Return the newest happenings of these identities: when, what (order, event, message, answer), on which platform.

    Four queries, each served by an index of the person; events that the database no longer keeps are not there.
    """
    keys = {platform.pk: platform.key for platform in platforms}
    within: dict[str, Any] = {"identity__in": list(identities), "platform__in": list(keys)}
    orders = Order.objects.filter(**within).annotate(goods=Count("lines")).order_by("-placed_at")[:SHOWN]
    events = (
        Event.objects.filter(**within)
        .order_by("-at")
        .values_list("at", "platform_id", "name", "product__title", "query", "channel")[:SHOWN]
    )
    sends = Send.objects.filter(**within).order_by("-at")[:SHOWN]
    answers = Response.objects.filter(**within).order_by("-at")[:SHOWN]
    found = [
        *(
            _entry(each.placed_at, "order", keys[each.platform_id], _order_words(each), each.channel)
            for each in orders
        ),
        *(
            _entry(at, "event", keys[platform], _event_words(name, title, query), channel)
            for at, platform, name, title, query, channel in events
        ),
        *(
            _entry(
                each.at, "message", keys[each.platform_id], f"{each.campaign}: {each.status}", each.channel
            )
            for each in sends
        ),
        *(
            _entry(each.at, "answer", keys[each.platform_id], f"{each.campaign} {each.kind}".strip(), "")
            for each in answers
        ),
    ]
    return sorted(found, key=lambda entry: entry["at"], reverse=True)[:SHOWN]


def _entry(at: Any, kind: str, platform: str, text: str, channel: str) -> dict[str, Any]:
    return {"at": at, "kind": kind, "platform": platform, "text": text, "channel": channel or None}


def _order_words(order: Any) -> str:
    goods = "1 line" if order.goods == 1 else f"{order.goods} lines"
    return f"Order {order.external_id}, {order.get_status_display()}, {goods}"


def _event_words(name: str, title: str | None, query: str) -> str:
    detail = title or (f"“{query}”" if query else "")
    return f"{name}: {detail}" if detail else name
