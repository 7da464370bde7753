"""The addresses: the same for everybody, made without touching the disk, understood by every client."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from adbc_driver_postgresql import dbapi
from kombu import Connection

from precision import embedded
from precision.embedded.paths import Layout
from tests.embedded.support import query


def test_addresses_of_a_short_path_lie_in_it() -> None:
    var = Path("/srv/shop/var")

    assert embedded.database_url(var) == "postgresql://precision@/precision?host=/srv/shop/var/run&port=5432"
    assert embedded.broker_url(var) == "redis+socket:///srv/shop/var/run/valkey.sock?virtual_host=0"
    assert embedded.cache_url(var) == "unix:///srv/shop/var/run/valkey.sock?db=1"


@pytest.mark.parametrize(
    "folder",
    ["x" * 100, "a b", "comma,quote'", 'say "so"', "größe", "per%cent"],
    ids=["long", "space", "comma", "quote", "umlaut", "percent"],
)
def test_addresses_of_a_long_or_odd_path_are_short(folder: str) -> None:
    var = Path("/srv") / folder / "var"

    host = parse_qs(urlsplit(embedded.database_url(var)).query)["host"][0]

    assert host.startswith("/tmp/precision-")
    assert len(host) < 40
    assert host != str(Layout.of(var.parent / "other").sockets)
    assert str(Layout.of(var).valkey_socket).startswith(host + "/")


def test_the_longest_path_that_fits_is_used() -> None:
    fitting = 99 - len("/run/.s.PGSQL.5432")  # bytes for `var` itself

    assert Layout.of(Path("/" + "x" * (fitting - 1))).sockets == Path("/" + "x" * (fitting - 1) + "/run")
    assert Layout.of(Path("/" + "x" * fitting)).sockets.parent == Path("/tmp")


def test_an_address_does_not_depend_on_the_environment_or_on_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var = tmp_path / ("x" * 100) / "var"
    before = embedded.database_url(var)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "link").symlink_to(var.parent)

    assert embedded.database_url(var) == before
    assert embedded.database_url(tmp_path / "link" / "var") == before
    assert not var.exists()


def test_psycopg_adbc_redis_and_celery_understand_them(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.hold(var, durable=False):
        monkeypatch.setenv("PGPORT", "5999")  # a person's setting for another server
        assert query(var, "SELECT current_user::text, current_database()::text") == [
            ("precision", "precision")
        ]
        with dbapi.connect(embedded.database_url(var)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 40 + 2")
            assert cursor.fetchone() == (42,)
        with redis.Redis.from_url(embedded.cache_url(var)) as cache:
            cache.set("here", "db1")
            assert cache.get("here") == b"db1"
        with Connection(embedded.broker_url(var)) as broker:
            client = broker.default_channel.client
            assert client.connection_pool.connection_kwargs["db"] == 0
            assert client.get("here") is None
