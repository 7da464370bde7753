"""Import the two real demo shops and write their facts as Parquet: `python -m benchmarks.quality_loading FOLDER`.

A process of its own, because it needs Django with the database of the installation that starts it.
"""

import json
import sys
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 - models can be imported only after the setup
from django.utils import timezone  # noqa: E402

from demo import loading, sources  # noqa: E402
from precision.engine.reading import read_frame  # noqa: E402
from precision.engine.windows import Window, epoch_day  # noqa: E402
from precision.shop import history, platforms  # noqa: E402
from precision.shop.models import Platform  # noqa: E402

KEYS = ("gifts", "grocer")
SCANNED = {"lines": "order_lines", "events": "events", "products": "products"}
QUERIES = {
    "people": """
        SELECT i.customer_id AS customer, i.value AS customer_id, p.birth_date, nullif(p.gender, '') AS gender,
               nullif(p.country, '') AS country, nullif(p.city, '') AS city, nullif(p.occupation, '') AS occupation,
               nullif(p.education, '') AS education, nullif(p.income, '') AS income,
               nullif(p.marital_status, '') AS marital_status, p.traits::text AS traits
        FROM precision_shop_identity i LEFT JOIN precision_shop_profile p ON p.identity_id = i.id
        WHERE i.platform_id = {platform:d} AND i.kind = 'customer_id'
    """,
    "identities": """
        SELECT customer_id AS customer, kind, value FROM precision_shop_identity WHERE platform_id = {platform:d}
    """,
    "titles": """
        SELECT id AS product, title, brand FROM precision_shop_product WHERE platform_id = {platform:d} ORDER BY id
    """,
    "stores": """
        SELECT id AS store, external_id AS store_id FROM precision_shop_store WHERE platform_id = {platform:d}
    """,
}


def main(folder: Path) -> None:
    """Load the shops and write one folder for each."""
    loading.load([shop for shop in sources.shops() if shop.key in KEYS], var=Path(settings.VAR))
    for platform in Platform.objects.filter(key__in=KEYS):
        write(platform, folder / platform.key)


def write(platform: Platform, folder: Path) -> None:
    """Write the facts of a platform; the last file says that all are there."""
    folder.mkdir(parents=True, exist_ok=True)
    as_of = platforms.as_of(platform)
    window = Window.before(as_of, timezone=platform.timezone)
    with history.snapshot():
        for name, table in SCANNED.items():
            history.scan(table, window, platform=platform).to_native().sink_parquet(
                folder / f"{name}.parquet"
            )
    for name, query in QUERIES.items():
        read_frame(query.format(platform=platform.pk)).write_parquet(folder / f"{name}.parquet")
    told = {
        "day": epoch_day(as_of), "currency": platform.currency, "timezone": platform.timezone,
        "written": timezone.now().isoformat(),
    }  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
