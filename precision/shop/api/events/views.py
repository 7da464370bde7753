"""The dialect as views of Django, for the assembled product and for any project that includes its addresses."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from precision.shop.api.events import answers, dialect, keys
from precision.shop.api.events.answers import Answer, RefusalError
from precision.shop.models import ApiKey


@csrf_exempt
def receive(request: HttpRequest, route: str) -> HttpResponse:
    """Take in a call, or a batch of them."""
    meta = request.META
    return _response(
        dialect.answer(
            dialect.Incoming(
                method=request.method or "",
                route=route,
                strict=request.GET.get("strict", "") not in ("", "0"),
                authorization=meta.get("HTTP_AUTHORIZATION", ""),
                length=meta.get("CONTENT_LENGTH") or "",
                encoding=meta.get("HTTP_CONTENT_ENCODING", ""),
                wanted_headers=meta.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""),
                stream=request,
            )
        )
    )


@csrf_exempt
def settings(request: HttpRequest, write_key: str) -> HttpResponse:
    """Return the settings with which the browser SDK starts: send everything here, to nobody else."""
    if request.method == "OPTIONS":
        return _response(answers.preflight(request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")))
    try:
        if request.method != "GET":
            raise RefusalError(405, "method_not_allowed", "Read the settings with GET.")
        # Addresses are logged and kept by browsers: a server key has no business in one.
        if keys.find(write_key).kind != ApiKey.Kind.WRITE:
            raise RefusalError(403, "permission_denied", "Only a write key may stand in an address.")
    except RefusalError as refusal:
        return _response(refusal.answer)
    place = request.path.partition("/projects/")[0]
    # Shape: `CDNSettings` of @segment/analytics-next, packages/browser/src/browser/settings.ts.
    response = JsonResponse(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": write_key,
                    "apiHost": f"{request.get_host()}{place}",
                    "protocol": request.scheme,
                    "retryQueue": True,
                    "addBundledMetadata": True,
                    "unbundledIntegrations": [],
                    "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                }
            },
            "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {"routingRules": []},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }
    )
    for name, value in answers.CORS:
        response[name] = value
    return response


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(
        answer.body, status=answer.status, content_type="application/json", headers=dict(answer.headers)
    )
