"""Whether this process lives, and whether it can work."""

from typing import Any

import psycopg
from celery import current_app
from django.conf import settings
from django.db import connection
from kombu.connection import Connection
from kombu.exceptions import KombuError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.views import OpenView

TIMEOUT_SECONDS = 2.0


class LiveSerializer(serializers.Serializer[Any]):
    """The process answers."""

    status = serializers.CharField(help_text="`ok`")


class ReadySerializer(serializers.Serializer[Any]):
    """What the process needs, each `ok` or what is wrong with it."""

    status = serializers.CharField(help_text="`ok` or `unavailable`")
    database = serializers.CharField()
    broker = serializers.CharField()


class LiveView(OpenView):
    """Tells that the process runs."""

    @describe(
        operation_id="health_live",
        tags=["operations"],
        summary="Does the process run?",
        responses=LiveSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer at once, asking nobody: a database that is down is no reason to restart this process."""
        return Response({"status": "ok"})


class ReadyView(OpenView):
    """Tells whether database and broker answer."""

    @describe(
        operation_id="health_ready",
        tags=["operations"],
        summary="Do database and broker answer?",
        responses={200: ReadySerializer, 503: ReadySerializer},
    )
    def get(self, request: Request) -> Response:
        """Answer 200, or 503 saying which of the two does not answer."""
        parts = {"database": database_state(), "broker": broker_state()}
        well = set(parts.values()) == {"ok"}
        return Response({"status": "ok" if well else "unavailable", **parts}, status=200 if well else 503)


def database_state() -> str:
    """Return `ok`, or the kind of error that the database gave, within a few seconds.

    The text of the error stays here: it may name hosts and users. A connection of its own is made, because the pool
    waits half a minute before it admits that there is no server.
    """
    parameters = {
        **connection.get_connection_params(),
        "connect_timeout": int(TIMEOUT_SECONDS),
        "autocommit": True,
    }
    try:
        with psycopg.connect(**parameters) as link:
            link.execute("SELECT 1")
    except psycopg.Error as error:
        return type(error).__name__
    return "ok"


def broker_state() -> str:
    """Return `ok`, or the kind of error that the broker gave, within two seconds."""
    address = getattr(settings, "CELERY_BROKER_URL", None) or current_app.conf.broker_url
    if not address:
        return "no broker is configured"
    limits = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    options: dict[str, Any] = {"connect_timeout": TIMEOUT_SECONDS, "transport_options": limits}
    try:
        link: Any = Connection(address, **options)  # type: ignore[no-untyped-call]
        with link:
            link.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=TIMEOUT_SECONDS)
    except (KombuError, OSError, ValueError) as error:
        return type(error).__name__
    return "ok"
