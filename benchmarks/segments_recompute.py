"""The nightly jobs of behaviour and segments at 1 M customers and 10 M events, with the history of memberships.

An installation of its own is filled in SQL; labels of two nights are written as the job of labels would. The first
night computes every segment for the first time, the second one finds what changed.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from psycopg import sql

from benchmarks import serving
from benchmarks.errors import BenchmarkError
from benchmarks.serving import ROOT

CUSTOMERS: Final = 1_000_000
EVENTS: Final = 10_000_000
ACTIVE_EVERY: Final = 10
GOAL_S: Final = 10.0
FILL = """
    INSERT INTO precision_shop_product (id, platform_id, external_id, title, brand, currency, url, image_url, in_stock,
        active, listed, labels, traits, aliases, updated_at)
    SELECT n, {platform}, n::text, 'Product ' || n, '', 'EUR', '', '', true, true, true, '{{}}', '{{}}', '{{}}', now()
    FROM generate_series(1, 20000) n;
    INSERT INTO precision_shop_customer (id, organisation_id, created_at)
    SELECT n, (SELECT min(id) FROM precision_shop_organisation), now() FROM generate_series(1, {people}) n;
    INSERT INTO precision_shop_identity (id, platform_id, kind, value, customer_id, created_at)
    SELECT n, {platform}, 'customer_id', n::text, n, now() FROM generate_series(1, {people}) n;
    CREATE TABLE precision_shop_event_bench PARTITION OF precision_shop_event
        FOR VALUES FROM (date_trunc('month', now())) TO (date_trunc('month', now()) + interval '1 month');
    INSERT INTO precision_shop_event (platform_id, identity_id, name, at, received_at, message, product_id, channel,
        session, query, recommendation, properties)
    SELECT {platform}, {every} * (1 + (n::bigint * 7919) % ({people} / {every})),
        (ARRAY['Product Viewed', 'Page Viewed', 'Product Added', 'Products Searched'])[1 + n % 4],
        now() - (n % 365) * interval '1 day' - (n % 80000) * interval '1 second', date_trunc('month', now()),
        decode(md5(n::text), 'hex'), 1 + n % 20000, (ARRAY['app', 'web'])[1 + n % 2], '', '', '', '{{}}'
    FROM generate_series(1, {events}) n;
"""


def run(scale: float = 1.0) -> dict[str, Any]:
    """Return seconds of the jobs of two nights at `scale` × 1 M customers, and what they found."""
    people, events = max(1_000, int(CUSTOMERS * scale)), max(10_000, int(EVENTS * scale))
    with (
        TemporaryDirectory(prefix="precision-segments-") as folder,
        serving.installation(Path(folder)) as made,
    ):
        made.create_platform("bench")
        with made.database() as link:
            platform = link.execute("SELECT id FROM precision_shop_platform").fetchone()
            assert platform is not None  # it was just made
            values = {"platform": platform[0], "people": people, "events": events, "every": ACTIVE_EVERY}
            link.execute(sql.SQL(FILL).format(**{name: sql.Literal(value) for name, value in values.items()}))
            link.execute("VACUUM ANALYZE")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.segments_recompute_work", str(people)],
            cwd=ROOT, env=made.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise BenchmarkError(f"the recompute failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"customers": people, "events": events, **found, "goal_seconds": GOAL_S}
