"""A bare view: reads JSON and inserts a row per event, with no check, no key, no duplicates, no people."""

import hashlib
from datetime import UTC, datetime

import orjson
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

INSERT = """
INSERT INTO precision_shop_event
    (platform_id, message, name, at, received_at, channel, session, query, recommendation, properties)
SELECT 1, decode(m, 'hex'), n, a, now(), 'web', s, '', '', p FROM unnest(
    %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::jsonb[]) AS t(m, n, a, s, p)
"""


@csrf_exempt
def insert(request: HttpRequest) -> HttpResponse:
    """Insert the event, or each of a batch, in one statement that commits by itself."""
    body = orjson.loads(request.body)
    calls = body.get("batch") or [body]
    now = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                [hashlib.blake2b(call["messageId"].encode(), digest_size=16).hexdigest() for call in calls],
                [call["event"] for call in calls],
                [call.get("timestamp", now) for call in calls],
                [call["properties"]["session_id"] for call in calls],
                [orjson.dumps({**call["properties"], "context": call["context"]}).decode() for call in calls],
            ],
        )
    answer = b'{"success":true}'
    return HttpResponse(answer, content_type="application/json", headers={"Content-Length": str(len(answer))})


urlpatterns = [path("v1/batch", insert), path("v1/track", insert)]
