"""`kill -9` of a real exporter: the lake is the old one or the new one, and the next export goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.db import connection

from precision.shop import history
from precision.shop.history import files, layout, manifest
from precision.shop.models import Platform, Product
from tests.shop.lake import lake_lines, parquet_files, state, stored_lines

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
KILLS = 6
ORDERS = """
INSERT INTO precision_shop_order (platform_id, external_id, placed_at, status, currency, channel, coupon,
    payment_method, context, fingerprint, received_at)
SELECT {platform}, '{batch}-' || n, '2024-01-01'::timestamptz + n % 700 * interval '1 day', 'completed', 'EUR', '', '',
    '', '{{}}', 0, now() FROM generate_series(1, 2000) n
"""
LINES = """
INSERT INTO precision_shop_orderline (order_id, product_id, quantity, unit_price)
SELECT o.id, {product}, 1000, o.id FROM precision_shop_order o
WHERE NOT EXISTS (SELECT FROM precision_shop_orderline l WHERE l.order_id = o.id)
"""


def environment(var: Path) -> dict[str, str]:
    """That of a process that uses the database of the test and the lake of the test."""
    known = connection.get_connection_params()
    host, user = quote(known["host"], safe=""), quote(known["user"])
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "precision.settings",
        "DATABASE_URL": f"postgresql://{user}@/{known['dbname']}?host={host}&port={known.get('port', 5432)}",
        "BROKER_URL": "redis://127.0.0.1:1",
        "PRECISION_VAR": str(var),
        "PII_KEYS": ",".join(django_settings.PII_KEYS),
        "PYTHONPATH": str(ROOT),
    }


def test_a_killed_exporter_leaves_the_old_lake_or_the_new_one(platform: Platform, var: Path) -> None:
    product = Product.objects.create(platform=platform, external_id="S1", title="Soap")
    rng = np.random.default_rng(7)
    killed = 0
    for batch in range(KILLS):
        with connection.cursor() as cursor:
            cursor.execute(ORDERS.format(platform=platform.pk, batch=batch))
            cursor.execute(LINES.format(product=product.pk))
            cursor.execute("UPDATE precision_shop_order SET fingerprint = fingerprint + 1 WHERE id % 50 = 0")
        before = manifest.load(layout.root())
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "export_history", "--compact"],
            env=environment(var), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        while process.poll() is None and not (layout.root() / files.WRITING).exists():
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0, 0.3)) if batch else 0)  # the first dies at once
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode in {0, -signal.SIGKILL}, errors.decode()
        killed += process.returncode != 0
        now = manifest.load(layout.root())
        assert now is None or before is None or now.sequence >= before.sequence
        history.check()
    assert killed  # or nothing was tried
    assert lake_lines(platform) == stored_lines(platform)
    history.compact()
    named = {file.path for file in state().files()} | {each.path for each in state().retired}
    assert parquet_files() == {layout.root() / path for path in named}
