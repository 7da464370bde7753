"""The event dialect of the common SDKs over HTTP: keys, bodies, limits, answers."""

import base64
import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from precision.shop import platforms
from precision.shop.api.events import bodies, dialect, keys, wsgi
from precision.shop.models import ApiKey, DeadLetter, Event, Identity, Tally
from tests.api.conftest import Shop


@pytest.fixture(autouse=True)
def _no_keys() -> Iterator[None]:
    """Nothing is remembered of other tests' keys."""
    keys.forget()
    yield
    keys.forget()


@pytest.fixture
def web() -> Client:
    return Client(raise_request_exception=True)


def basic(key: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def call(number: int = 1, **given: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "anonymousId": "v1",
        "messageId": f"m{number}",
        **given,
    }


def post(web: Client, route: str, body: Any, *, kind: str = "application/json", **meta: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.post(f"/v1/{route}", raw, content_type=kind, **meta)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("route", "given", "name"),
    [
        ("track", {"event": "Completed Order "}, "Order Completed"),
        ("t", {"event": "something else"}, "something else"),
        ("page", {"name": "Home"}, "Page Viewed"),
        ("p", {}, "Page Viewed"),
        ("screen", {}, "Screen Viewed"),
        ("s", {}, "Screen Viewed"),
        ("identify", {"userId": "u1"}, "Customer Identified"),
        ("i", {"userId": "u1"}, "Customer Identified"),
        ("group", {"groupId": "g1"}, "Group Joined"),
        ("g", {"groupId": "g1"}, "Group Joined"),
        ("alias", {"userId": "u1", "previousId": "v1"}, "Identity Aliased"),
        ("a", {"userId": "u1", "previousId": "v1"}, "Identity Aliased"),
    ],
)
def test_every_route_keeps_an_event(shop: Shop, web: Client, route: str, given: Any, name: str) -> None:
    body = {"anonymousId": "v1", "messageId": "m1", **given}
    answer = post(web, route, body, **basic(shop.credentials.write_key))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert Event.objects.get().name == name


def test_metrics_of_the_sdk_are_dropped(shop: Shop, web: Client) -> None:
    assert post(web, "m", {"series": []}).json() == {"success": True}
    assert not Event.objects.exists()


@pytest.mark.parametrize("way", ["basic", "bearer", "body", "first event"])
@pytest.mark.parametrize("kind", ["write_key", "server_key"])
def test_ways_of_giving_the_key(shop: Shop, web: Client, way: str, kind: str) -> None:
    key = getattr(shop.credentials, kind)
    body: dict[str, Any] = {"batch": [call()]}
    meta = {}
    if way == "basic":
        meta = basic(key)
    elif way == "bearer":
        meta = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    elif way == "body":
        body["writeKey"] = key
    else:
        body["batch"][0]["writeKey"] = key
    assert post(web, "batch", body, kind="text/plain", **meta).status_code == 200
    event = Event.objects.get()
    assert event.platform_id == shop.platform.pk
    assert "writeKey" not in event.properties


def test_keys_that_open_nothing(shop: Shop, web: Client) -> None:
    for meta in ({}, basic("wk_wrong"), basic("wk_\0"), {"HTTP_AUTHORIZATION": "Basic ???"}):
        answer = post(web, "track", call(), **meta)  # type: ignore[arg-type]
        assert answer.status_code == 401, answer.content
        assert answer.json()["type"] == "client_error"
    assert "WWW-Authenticate" in answer
    reader = platforms.issue_key(shop.platform, ApiKey.Kind.SERVER)
    ApiKey.objects.filter(prefix=reader[:10]).update(scopes=["read"])
    assert post(web, "track", call(), **basic(reader)).status_code == 403
    assert not Event.objects.exists()


def test_a_revoked_key_is_refused_within_a_second(shop: Shop) -> None:
    time = 100.0
    key = shop.credentials.write_key
    assert keys.find(key, clock=lambda: time).platform == shop.platform
    ApiKey.objects.update(revoked_at=timezone.now())
    time += 1.01
    with pytest.raises(keys.RefusalError) as refusal:
        keys.find(key, clock=lambda: time)
    assert refusal.value.answer.status == 401


def test_a_rate_is_kept(shop: Shop) -> None:
    ApiKey.objects.update(rate_limit=10)
    key, time = ApiKey.objects.get(kind="write"), 0.0
    keys.spend(key, 100, clock=lambda: time)
    time = 5.0  # 20 to begin with, 100 spent, 50 grown
    with pytest.raises(keys.RefusalError) as refusal:
        keys.spend(key, 1, clock=lambda: time)
    assert refusal.value.answer.status == 429
    assert dict(refusal.value.answer.headers)["Retry-After"] == "4"
    time = 8.1
    keys.spend(key, 1, clock=lambda: time)


def test_packed_bodies(shop: Shop, web: Client) -> None:
    meta = {**basic(shop.credentials.write_key), "HTTP_CONTENT_ENCODING": "gzip"}
    packed = gzip.compress(json.dumps({"batch": [call(1), call(2)]}).encode())
    assert post(web, "batch", packed, **meta).status_code == 200
    assert Event.objects.count() == 2
    assert post(web, "batch", packed[:-9], **meta).status_code == 400
    assert post(web, "batch", b"no gzip", **meta).status_code == 400
    bomb = gzip.compress(b'{"batch":[],"x":"' + b"a" * 50_000_000 + b'"}')
    assert len(bomb) < bodies.BATCH_BYTES
    assert post(web, "batch", bomb, **meta).status_code == 413
    assert post(web, "track", bomb, **meta).status_code == 413
    meta["HTTP_CONTENT_ENCODING"] = "br"
    assert post(web, "batch", packed, **meta).status_code == 415


def test_limits(shop: Shop, web: Client) -> None:
    meta = basic(shop.credentials.write_key)
    large = call(1, properties={"text": "x" * bodies.SINGLE_BYTES})
    assert post(web, "track", large, **meta).status_code == 413
    assert post(web, "batch", {"batch": [call(n) for n in range(2501)]}, **meta).status_code == 413
    assert post(web, "batch", {"batch": [], "x": "y" * bodies.BATCH_BYTES}, **meta).status_code == 413
    answer = post(web, "batch?strict=1", {"batch": [call(2), large]}, **meta)
    assert [one.get("code") for one in answer.json()["events"]] == [None, "event_too_large"]
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"batch":[{"a":\x00}]}', b"[" * 4_000_000,
        b'{"batch":' + b'{"a":' * 200_000, b'{"batch":{}}', b'{"batch":[],"sentAt":5}', b'{"sentAt":"0001-01-01"}',
    ],
)  # fmt: skip
def test_broken_bodies(shop: Shop, web: Client, raw: bytes) -> None:
    answer = post(web, "batch", raw, **basic(shop.credentials.write_key))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["detail"]


def test_one_bad_event_leaves_the_others(shop: Shop, web: Client) -> None:
    bad = [
        b'{"type":"track","event":"a","anonymousId":"v1","properties":{"price":NaN}}',
        b'{"type":"track","event":"a","anonymousId":"v1","properties":{"price":-Infinity}}',
        b'{"type":"track","event":"a","anonymousId":"v1","properties":{"x":"\\ud800"}}',
        b'{"type":"track","event":"a\\u0000","anonymousId":"v1"}',
        b'{"type":"track","event":"a","anonymousId":"v1","timestamp":"0001-01-01T00:00:00Z"}',
        b'{"type":"track","event":"a","anonymousId":"v1","properties":' + b"[" * 300 + b"]" * 300 + b"}",
        b"17",
    ]
    good = json.dumps(call(1)).encode()
    late = json.dumps(call(2, timestamp="9999-12-31T00:00:00Z")).encode()
    raw = b'{"batch":[' + b",".join([good, *bad, late]) + b"]}"
    answer = post(web, "batch?strict=1", raw, **basic(shop.credentials.write_key)).json()
    assert not answer["success"]
    assert (answer["accepted"], answer["rejected"]) == (2, 7)
    assert [one.get("code", "") for one in answer["events"]] == [
        "", "not_a_number", "not_a_number", "not_unicode", "nul_character", "too_early", "too_deep", "not_an_object",
        "",
    ]  # fmt: skip
    assert Event.objects.count() == 2
    assert DeadLetter.objects.count() == 7
    assert sum(row.count for row in Tally.objects.filter(kind="event", outcome="rejected")) == 7


def test_strict_tells_duplicates(shop: Shop, web: Client) -> None:
    meta = basic(shop.credentials.write_key)
    post(web, "track", call(1), **meta)
    answer = post(web, "batch?strict=1", {"batch": [call(1), call(2)]}, **meta).json()
    assert answer == {
        "success": True, "accepted": 1, "duplicate": 1, "rejected": 0,
        "events": [{"index": 0, "status": "duplicate"}, {"index": 1, "status": "accepted"}],
    }  # fmt: skip


def test_pages_of_any_origin_may_send(shop: Shop, web: Client) -> None:
    asked = web.options(
        "/v1/t", HTTP_ORIGIN="https://shop.de", HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="content-type, x-odd",
    )  # fmt: skip
    assert asked.status_code == 204
    assert asked["Access-Control-Allow-Origin"] == "*"
    assert asked["Access-Control-Allow-Headers"] == "content-type, x-odd"
    assert "POST" in asked["Access-Control-Allow-Methods"]
    assert post(web, "t", call())["Access-Control-Allow-Origin"] == "*"
    assert web.get("/v1/track").status_code == 405


def test_settings_of_the_browser_sdk(shop: Shop, web: Client) -> None:
    key = shop.credentials.write_key
    answer = web.get(f"/v1/projects/{key}/settings")
    assert list(answer.json()["integrations"]) == ["Segment.io"]
    told = answer.json()["integrations"]["Segment.io"]
    assert (told["apiKey"], told["apiHost"], told["protocol"]) == (key, "testserver/v1", "http")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert web.get("/v1/projects/wk_other/settings").status_code == 401
    assert web.get(f"/v1/projects/{shop.credentials.server_key}/settings").status_code == 403


def test_a_key_writes_for_its_own_platform_only(make_shop: Any, web: Client) -> None:
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    body = {"batch": [call(1, userId="u1", platform="theirs", writeKey=theirs.credentials.write_key)]}
    assert post(web, "batch", body, **basic(ours.credentials.write_key)).status_code == 200
    assert Event.objects.get().platform_id == ours.platform.pk
    assert not Identity.objects.filter(platform=theirs.platform).exists()
    # The same message on another platform is another event.
    assert post(web, "batch", body, **basic(theirs.credentials.write_key)).status_code == 200
    assert Event.objects.count() == 2


def test_a_full_queue_asks_to_come_again(shop: Shop, web: Client, monkeypatch: Any) -> None:
    def full(*args: Any, **given: Any) -> Any:
        raise dialect.BusyError("Too many events wait.")

    monkeypatch.setattr(dialect.intake, "receive", full)
    answer = post(web, "track", call(), **basic(shop.credentials.write_key))
    assert answer.status_code == 429
    assert answer["Retry-After"] == "2"


def test_the_way_past_the_middleware_answers_the_same(shop: Shop, web: Client) -> None:
    """The server calls the WSGI application; pages and unknown addresses go on to Django."""
    passed: list[str] = []

    def pages(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        passed.append(environ["PATH_INFO"])
        return [b"page"]

    application = wsgi.before(pages)

    def ask(
        path: str, raw: bytes, *, query: str = "", method: str = "POST"
    ) -> tuple[str, dict[str, str], bytes]:
        told: list[Any] = []
        environ = {
            "PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": query, "CONTENT_LENGTH": str(len(raw)),
            "HTTP_AUTHORIZATION": basic(shop.credentials.write_key)["HTTP_AUTHORIZATION"], "wsgi.input": BytesIO(raw),
        }  # fmt: skip
        body = b"".join(application(environ, lambda *given: told.extend(given)))
        return (told[0], dict(told[1]), body) if told else ("", {}, body)

    status, headers, body = ask("/v1/track", json.dumps(call(1)).encode())
    assert (status, json.loads(body)) == ("200 OK", {"success": True})
    assert headers["Content-Length"] == str(len(body))
    again = post(web, "track?strict=1", call(1), **basic(shop.credentials.write_key))
    status, headers, body = ask("/v1/track/", json.dumps(call(1)).encode(), query="strict=1")
    assert json.loads(body) == again.json()
    assert headers["Access-Control-Allow-Origin"] == again["Access-Control-Allow-Origin"]
    assert ask("/v1/track", b"{")[0] == "400 Bad Request"
    assert ask("/v1/track", b"", method="OPTIONS")[0] == "204 No Content"
    assert ask("/v1/track", b"", method="GET")[0] == "405 Method Not Allowed"
    assert not passed
    for path in ("/v1/tracks", "/v1/projects/wk/settings", "/x/v1/track", "/admin/"):
        assert ask(path, b"")[2] == b"page"
    assert passed == ["/v1/tracks", "/v1/projects/wk/settings", "/x/v1/track", "/admin/"]
