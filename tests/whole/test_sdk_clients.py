"""The clients that shops use already, unchanged, against a served instance: every event arrives, and arrives once."""

import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import rudderstack.analytics.client
import segment.analytics.client
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.whole.conftest import Installation, wait_for

SDK = Path(__file__).parent / "sdk"
MODULES = SDK / "node_modules" / "@segment"
CHROMIUM = which("chromium") or which("chromium-browser")
NODE = which("node")
DESKTOP = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
"""A person's browser: one that calls itself headless is a program, and left out as such."""
TEA = {"product_id": "tea", "quantity": "2", "price": "3.50"}

needs_node = pytest.mark.skipif(
    NODE is None or not MODULES.is_dir(),
    reason="needs node and the packages of tests/whole/sdk (install_tiers.sh)",
)


@dataclass
class Shop:
    """A served shop with the product “tea”, and its keys."""

    installation: Installation
    address: str
    server_key: str
    write_key: str

    def events(self) -> Counter[tuple[str, str]]:
        """How often each event, by name and the number that its sender gave it, is there."""
        rows = self.installation.query(
            "SELECT name, coalesce(properties->>'n', '') FROM precision_shop_event ORDER BY id"
        )
        return Counter((str(name), str(number)) for name, number in rows)

    def person(self, kind: str, value: str) -> Any:
        """The customer behind an identity."""
        rows = self.installation.query(
            f"SELECT customer_id FROM precision_shop_identity WHERE kind = '{kind}' AND value = '{value}'"
        )
        assert len(rows) == 1, (kind, value, rows)
        return rows[0][0]

    def orders(self) -> list[tuple[object, ...]]:
        """Number, customer id, whether it is confirmed, and value of each order."""
        return self.installation.query(
            "SELECT o.external_id, i.value, o.confirmed, sum(l.quantity * l.unit_price)::bigint "
            "FROM precision_shop_order o JOIN precision_shop_orderline l ON l.order_id = o.id "
            "JOIN precision_shop_identity i ON i.id = o.identity_id GROUP BY 1, 2, 3 ORDER BY 1"
        )


@pytest.fixture
def shop(installation: Installation) -> Shop:
    keys = json.loads(installation.manage("create_platform", "corner", "--name", "Corner", "--json"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = installation.start(sys.executable, "manage.py", "up", "--port", str(port))
    made = Shop(installation, f"http://127.0.0.1:{port}", keys["server_key"], keys["write_key"])
    wait_for("the web process", lambda: answers(f"{made.address}/health/ready"))
    product = json.dumps({"product_id": "tea", "title": "Tea", "price": "3.50"}).encode()
    headers = {"Authorization": f"Bearer {made.server_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{made.address}/api/v1/products/", product, headers)
    try:
        assert json.load(urllib.request.urlopen(request, timeout=30))["accepted"] == 1
    except OSError as error:
        pytest.fail(f"{error}\n{up.log.read_text()}")  # type: ignore[attr-defined]
    return made


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


EACH_KIND = Counter(
    {
        ("Customer Identified", ""): 1,
        ("Product Viewed", "2"): 1,
        ("Page Viewed", "3"): 1,
        ("Screen Viewed", "4"): 1,
        ("Group Joined", "5"): 1,
        ("Identity Aliased", ""): 1,
        ("Order Completed", "7"): 1,
    }
)


@pytest.mark.parametrize("library", [segment.analytics.client, rudderstack.analytics.client])
def test_the_python_clients(shop: Shop, library: Any) -> None:
    failures: list[Any] = []
    client = library.Client(
        shop.server_key, host=shop.address, gzip=True, upload_size=3, upload_interval=0.1,
        on_error=lambda error, batch: failures.append((error, batch)),
    )  # fmt: skip
    client.identify("python-user", {"email": "paul@shop-mail.org", "n": 1})
    client.track("python-user", "Product Viewed", {"product_id": "tea", "n": 2})
    client.page("python-user", name="Home", properties={"n": 3})
    client.screen("python-user", name="Cart", properties={"n": 4})
    client.group("python-user", "club", {"n": 5})
    client.alias("python-visitor", "python-user")
    order = {"order_id": "python-1", "currency": "EUR", "products": [TEA], "n": 7}
    client.track("python-user", "Order Completed", order)
    client.flush()
    client.join()
    assert failures == []
    assert without_numbers(shop.events()) == EACH_KIND
    assert shop.orders() == [("python-1", "python-user", True, 70_000_000)]


@needs_node
def test_the_node_client(shop: Shop) -> None:
    done = subprocess.run(
        [str(NODE), "send.mjs", shop.address, shop.server_key],
        cwd=SDK, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert without_numbers(shop.events()) == EACH_KIND
    assert shop.orders() == [("node-1", "node-user", True, 70_000_000)]


def without_numbers(events: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Traits are not properties: identify and alias come without their number."""
    bare = {"Customer Identified", "Identity Aliased"}
    found: Counter[tuple[str, str]] = Counter()
    for (name, number), times in events.items():
        found[name, "" if name in bare else number] += times
    return found


class Quiet(SimpleHTTPRequestHandler):
    """The pages of the shop: one page, and the package as it was published."""

    def translate_path(self, path: str) -> str:
        """Return the file behind an address."""
        name = path.partition("?")[0].removeprefix("/")
        if name.startswith("umd/"):
            return str(MODULES / "analytics-next" / "dist" / name)
        return str(SDK / name)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture
def pages() -> Iterator[str]:
    """The address of the shop's own web server, another origin than ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SDK)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium (install_tiers.sh)")
    playwright: Playwright
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@needs_node
def test_the_browser_client_from_anonymous_visitor_to_confirmed_order(
    shop: Shop, pages: str, browser: Browser
) -> None:
    page = browser.new_context(user_agent=DESKTOP).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    api = shop.address.removeprefix("http://") + "/v1"
    page.goto(f"{pages}/shop.html?key={shop.write_key}&cdn={shop.address}&api={api}")
    visitor = call(page, "(await analytics.user()).anonymousId()")
    call(page, "await analytics.page('Home', {n: 1})")
    call(page, "await analytics.track('Product Viewed', {product_id: 'tea', n: 2})")
    call(page, "await analytics.track('Product Added', {product_id: 'tea', n: 3})")
    wait_for("the anonymous events", lambda: len(shop.events()) == 3, seconds=30)
    anonymous = shop.person("anonymous_id", visitor)
    call(page, "await analytics.identify('ann', {email: 'ann@shop-mail.org'})")
    call(page, "await analytics.group('club', {size: 2})")
    call(page, "await analytics.alias('ann', 'old-ann')")
    order = {"order_id": "b-1", "currency": "EUR", "products": [TEA], "coupon": "FORGED", "n": 4}
    call(page, f"await analytics.track('Order Completed', {json.dumps(order)})")
    wait_for("all events", lambda: sum(shop.events().values()) >= 7, seconds=30)
    assert without_numbers(shop.events()) == Counter(
        {
            ("Page Viewed", "1"): 1,
            ("Product Viewed", "2"): 1,
            ("Product Added", "3"): 1,
            ("Customer Identified", ""): 1,
            ("Group Joined", ""): 1,
            ("Identity Aliased", ""): 1,
            ("Order Completed", "4"): 1,
        }
    )
    assert problems == []
    # Known beats anonymous: one customer, and what the visitor looked at is theirs.
    assert shop.person("customer_id", "ann") == shop.person("anonymous_id", visitor)
    assert anonymous is not None
    seen = shop.installation.query(
        "SELECT e.name FROM precision_shop_event e JOIN precision_shop_identity i ON i.id = e.identity_id "
        f"WHERE i.customer_id = {shop.person('customer_id', 'ann')} AND e.product_id IS NOT NULL ORDER BY e.at"
    )
    assert seen[:2] == [("Product Viewed",), ("Product Added",)]
    # A browser's word is not money until the shop's own server says so too.
    assert shop.orders() == [("b-1", "ann", False, 70_000_000)]
    server = segment.analytics.client.Client(shop.server_key, host=shop.address)
    server.track("ann", "Order Completed", {"order_id": "b-1", "currency": "EUR", "products": [TEA]})
    server.flush()
    server.join()
    assert shop.orders() == [("b-1", "ann", True, 70_000_000)]
    assert shop.installation.query("SELECT coupon FROM precision_shop_order") == [("",)]


def call(page: Page, code: str) -> Any:
    """Run code with the client of the page; return its value."""
    value = f"return {code}" if code.startswith("(") else code
    return page.evaluate(f"async () => {{ const [analytics] = await window.ready; {value} }}")
