"""A person who came in by every way is erased, and no byte of them is left: in no table, queue, file or lake."""

import json
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests import throwaway
from tests.whole import canary
from tests.whole.conftest import Installation, wait_for


class Shop:
    """A served shop."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        keys = json.loads(installation.manage("create_platform", "corner", "--name", "Corner", "--json"))
        self.key = keys["server_key"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        installation.start(sys.executable, "manage.py", "up", "--port", self.address.rpartition(":")[2])
        wait_for("the web process", self.is_ready)

    def is_ready(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.address}/health/ready", timeout=2).status == 200)
        except OSError:
            return False

    def call(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def script(self, code: str) -> str:
        return self.installation.manage("shell", "--verbosity", "0", "-c", code)

    def jobs(self) -> None:
        """Do what the night does."""
        for command in (
            ["stitch"],
            ["refresh", "--platform", "corner"],
            ["export_history", "--compact"],
            ["expire"],
        ):
            self.installation.manage(*command)


@pytest.fixture
def shop(installation: Installation, tmp_path: Path) -> Shop:
    """A shop that knows the canary by every way in, and nobody else but a friend."""
    shop = Shop(installation)
    for kind, row in canary.REST:
        assert sum(shop.call(f"/api/v1/{kind}/", [row])[name] != 0 for name in ("accepted", "rejected")) <= 2
    for route, call in canary.DIALECT:
        assert shop.call(f"/v1/{route}", call)["success"]
    installation.manage("import_shop", "--platform", "corner", *canary.plant_files(tmp_path / "files"))
    installation.manage("import_weblog", "--platform", "corner", canary.plant_log(tmp_path / "files"))
    shop.script(canary.STAFF)
    shop.jobs()
    installation.execute("ANALYZE")  # the planner keeps samples of values
    return shop


def test_of_an_erased_person_no_byte_is_left(shop: Shop, installation: Installation) -> None:
    told = json.loads(shop.script(canary.DIGESTS))
    needles = {*canary.PLAIN, *canary.SEALED, *told["stored"], *told["possible"]}
    before = canary.found(installation, needles)
    assert canary.found(installation, canary.NEVER) == {}
    assert installation.query("SELECT count(*) FROM precision_shop_source WHERE kind = 'weblog'") == [(1,)]
    planted = canary.PLAIN | {"quuxley", *told["stored"]}
    assert set(before) >= planted, "what was nowhere proves nothing by its absence"
    assert set(before) & {number for number in told["possible"] if len(number) < 30}, (
        "no dead letter names the person"
    )
    rejects = {place for places in before.values() for place in places if "/rejects/" in place}
    assert rejects, "no file repeats a refused value"
    assert {"database", "sessions", "statistics"} <= {place for places in before.values() for place in places}
    exported = json.dumps(
        shop.call(f"/api/v1/customers/{canary.ID}/export/", method="GET"), ensure_ascii=False
    )
    assert {part for part in canary.PLAIN | canary.SEALED if part not in exported.lower()} <= {"qz 4711 9912"}
    figures = _figures(installation)

    answer = shop.call(f"/api/v1/customers/{canary.ID}/", method="DELETE")
    assert answer["state"] == "erased"
    wait_for("the worker to finish the erasure", lambda: _states(installation) == ["finished"])
    assert canary.found(installation, needles) == {}
    assert _figures(installation) == figures
    # Nor does anything come back by night.
    shop.jobs()
    assert canary.found(installation, needles) == {}
    assert throwaway.VAR.is_dir()


def _states(installation: Installation) -> list[object]:
    return [state for (state,) in installation.query("SELECT state FROM precision_shop_erasure")]


def _figures(installation: Installation) -> list[tuple[object, ...]]:
    """Return what is counted of everybody."""
    return [
        *installation.query("SELECT name, count(*) FROM precision_shop_event GROUP BY name ORDER BY name"),
        *installation.query(
            "SELECT status, count(*) FROM precision_shop_order GROUP BY status ORDER BY status"
        ),
        *installation.query("SELECT sum(quantity), sum(quantity * unit_price) FROM precision_shop_orderline"),
        *installation.query("SELECT count(DISTINCT identity_id) FROM precision_shop_event"),
        *installation.query("SELECT count(*) FROM precision_shop_send"),
        *installation.query("SELECT count(*) FROM precision_shop_response"),
    ]
