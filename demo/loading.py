"""Putting the sample shops into the database: platforms, keys, thresholds, files."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import displays
from demo.sources import Shop
from precision.engine.progress import Steps
from precision.shop import mapping, pii, platforms
from precision.shop.importing import ImportSummary, import_files, total_steps
from precision.shop.models import ApiKey, Platform
from recommender.models import RuleSettings

KEYS_FILE = "demo_keys.json"
KEY_NAME = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A sample shop in the database."""

    platform: Platform
    server_key: str
    imported: ImportSummary
    """What became of the rows this time; all of them are duplicates when they had been loaded before."""


class ShopSteps(Steps):
    """Steps that say which shop they belong to."""

    shop = ""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Count one step of the shop."""
        with super().step(f"{self.shop}: {title}"):
            yield


def load(shops: Sequence[Shop], *, var: Path) -> list[Loaded]:
    """Create the platforms that are missing, import each shop's files, and return them with working keys.

    Raises MappingError or ImportRefusedError when a mapping or file is damaged; its shop is then not loaded.
    """
    mappings = [mapping.read(shop.mapping) for shop in shops]
    loaded = []
    displaying = sum(shop.promotions is not None for shop in shops)
    steps = ShopSteps(sum(total_steps(each) for each in mappings) + displaying)
    with steps:
        for shop, each in zip(shops, mappings, strict=True):
            steps.shop = shop.key
            platform, server_key = open_platform(shop, var=var)
            imported = import_files(platform, each, shop.files, steps=steps)
            if shop.promotions is not None:
                with steps.step("load displays of stores"):
                    displays.load(platform, shop.promotions)
            loaded.append(Loaded(platform=platform, server_key=server_key, imported=imported))
    return loaded


def open_platform(shop: Shop, *, var: Path) -> tuple[Platform, str]:
    """Return the platform of the shop, created when missing, and a server key that opens it.

    The keys of the sample shops are kept in a file of `var` that only its owner can read, so that they can be
    printed again; a real shop's keys are shown once and kept nowhere.
    """
    kept = _read_keys(var)
    platform = Platform.objects.filter(key=shop.key).first()
    if platform is None:
        platform, server_key = _create(shop)
    else:
        server_key = kept.get(shop.key, "")
        if not _opens(platform, server_key):
            server_key = platforms.issue_key(platform, ApiKey.Kind.SERVER, name=KEY_NAME)
    if kept.get(shop.key) != server_key:
        _write_keys(var, {**kept, shop.key: server_key})
    return platform, server_key


def _create(shop: Shop) -> tuple[Platform, str]:
    """Create the platform of the shop, with its thresholds; return it and its server key."""
    credentials = platforms.create_platform(
        shop.key,
        name=shop.name,
        organisation=shop.organisation,
        currency=shop.currency,
        timezone=shop.timezone,
        historical=True,
    )
    platform = Platform.objects.get(key=shop.key)
    if shop.thresholds is not None:
        RuleSettings.objects.create(
            platform=platform,
            min_support=shop.thresholds.min_support,
            min_count=shop.thresholds.min_count,
        )
    return platform, credentials.server_key


def _opens(platform: Platform, server_key: str) -> bool:
    """Return whether the key is one of the platform's and not revoked."""
    return ApiKey.objects.filter(
        platform=platform, kind=ApiKey.Kind.SERVER, digest=pii.digest(server_key), revoked_at=None
    ).exists()


def _read_keys(var: Path) -> dict[str, str]:
    """Return the kept server keys by platform; none where the file is missing or damaged."""
    try:
        kept = json.loads((var / KEYS_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write_keys(var: Path, keys: dict[str, str]) -> None:
    """Keep the server keys, readable by the owner only from the first moment on."""
    var.mkdir(parents=True, exist_ok=True)
    unfinished = var / f"{KEYS_FILE}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keys, file, indent=1, sort_keys=True)
    unfinished.replace(var / KEYS_FILE)
