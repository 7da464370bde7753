"""One record of each kind as a shop would send it: shown in the document, and sent by the tests."""

from types import MappingProxyType
from typing import Any, Final

AT: Final = "2026-05-31T14:30:00+02:00"
EXAMPLES: Final[MappingProxyType[str, dict[str, Any]]] = MappingProxyType(
    {
        "customer": {
            "customer_id": "c-1001", "email": "ann@shop.de", "phone": "+49 30 901820", "name": "Ann Smith",
            "registered_at": "2024-01-31T10:00:00+01:00", "birth_date": "1990-05-01", "country": "DE",
            "city": "Berlin", "identities": [{"kind": "card", "value": "4711 0815"}],
            "consents": [{"channel": "email", "purpose": "marketing", "granted": True, "basis": "consent", "at": AT}],
            "traits": {"shoe_size": 39},
        },
        "product": {
            "product_id": "sku-1", "title": "Green tea, 250 g", "category": ["Food", "Tea"], "brand": "Leaf",
            "price": "3.50", "list_price": "3.90", "currency": "EUR", "in_stock": True,
            "labels": {"taste": "mild"}, "aliases": ["Sencha 250 g"],
        },
        "store": {
            "store_id": "s-1", "name": "Main Street", "type": "street", "region": "North", "province": "Kiel",
            "stars": 3, "opened_at": "2019-04-01",
        },
        "store-month": {
            "store_id": "s-1", "month": "2026-05-01", "displays": 2, "sales_value": "1830.50", "sales_units": 41,
            "retail_value": "1200", "industry_value": "630.50",
        },
        "order": {
            "order_id": "o-5001", "customer_id": "c-1001", "placed_at": AT, "status": "paid", "currency": "EUR",
            "channel": "web", "payment_method": "card", "context": {"weather": "rain", "temperature": 14},
            "lines": [{"product_id": "sku-1", "quantity": 2, "unit_price": "3.50", "list_price": "3.90"}],
        },
        "event": {
            "event_id": "e-1", "event": "Product Viewed", "anonymous_id": "visitor-1", "at": AT, "channel": "web",
            "session_id": "session-1", "duration_s": 12.5, "product_id": "sku-1", "properties": {"position": 3},
        },
        "refund": {
            "refund_id": "r-1", "order_id": "o-5001", "at": AT, "amount": "3.50", "currency": "EUR",
            "reason": "damaged", "lines": [{"product_id": "sku-1", "quantity": 1, "unit_price": "3.50"}],
        },
        "shipment": {
            "shipment_id": "sh-1", "order_id": "o-5001", "at": AT, "status": "delivered", "carrier": "Post",
        },
        "ticket": {
            "ticket_id": "t-1", "order_id": "o-5001", "customer_id": "c-1001", "at": AT, "status": "opened",
            "topic": "delivery", "text": "Where is my tea?",
        },
        "assignment": {"campaign_id": "spring", "customer_id": "c-1001", "arm": "treated", "at": AT},
        "exposure": {
            "recommendation_id": "rec-1", "customer_id": "c-1001", "at": AT, "page": "home",
            "items": [{"slot": "home-1", "rank": 1, "product_id": "sku-1", "source": "popular", "propensity": 0.5}],
        },
        "send": {
            "campaign_id": "spring", "step": "1", "customer_id": "c-1001", "channel": "email", "at": AT,
            "status": "sent",
        },
        "response": {
            "response_id": "x-1", "response": "clicked", "customer_id": "c-1001", "campaign_id": "spring",
            "product_id": "sku-1", "at": AT,
        },
    }
)  # fmt: skip
