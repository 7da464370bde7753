"""System checks: each message with its id and a hint that says what to do."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.sites import AdminSite
from django.core.checks import CheckMessage, Tags, registry
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections

from precision.engine import checks as engine_checks
from precision.engine.backends import get_engine
from precision.engine.backends.base import Problem
from precision.shop import checks as shop_checks
from precision.shop.admin import dress

LOCAL = "precision.engine.backends.local.LocalEngine"


def ids(found: list[CheckMessage]) -> list[str | None]:
    assert all(each.hint for each in found)
    return [each.id for each in found]


def test_the_product_as_it_is_passes() -> None:
    assert engine_checks.check_database_kind() == []
    assert engine_checks.check_engine_paths() == []
    assert engine_checks.check_engines_start() == []
    assert shop_checks.check_pii_keys() == []
    assert shop_checks.check_needed_apps() == []
    assert shop_checks.check_app_order() == []
    assert shop_checks.check_time_zones() == []


def test_all_checks_are_registered() -> None:
    known = registry.registry.get_checks(include_deployment_checks=True)
    for module in (engine_checks, shop_checks):
        for name in dir(module):
            if name.startswith("check_"):
                assert getattr(module, name) in known, name
    assert Tags.database in engine_checks.check_database_version.tags  # type: ignore[attr-defined]
    assert engine_checks.check_engines_start not in registry.registry.get_checks()


def test_manage_check_refuses_a_project_without_keys(settings: Any) -> None:
    del settings.PII_KEYS
    with pytest.raises(SystemCheckError, match=r"precision_shop\.E001"):
        call_command("check")


def test_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    (found,) = engine_checks.check_database_kind()
    assert ids([found]) == ["precision_engine.E001"]
    assert "'default' is sqlite" in found.msg
    assert "django.db.backends.postgresql" in str(found.hint)
    assert engine_checks.check_database_version(databases=["default"]) == []  # said already


@pytest.mark.django_db
def test_an_old_server_is_refused_when_its_database_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_checks.check_database_version(databases=["default"]) == []
    monkeypatch.setitem(connections["default"].__dict__, "pg_version", 140_011)
    (found,) = engine_checks.check_database_version(databases=["default"])
    assert ids([found]) == ["precision_engine.E002"]
    assert "is PostgreSQL 14" in found.msg
    for databases in (None, [], ["another"]):
        assert engine_checks.check_database_version(databases=databases) == []
    monkeypatch.setitem(connections["default"].__dict__, "pg_version", 150_000)
    assert engine_checks.check_database_version(databases=["default"]) == []


@pytest.mark.parametrize(
    ("engines", "part"),
    [
        ({}, "no entry 'default'"),
        ([LOCAL], "no entry 'default'"),
        ({"spark": {"BACKEND": LOCAL}}, "no entry 'default'"),
        ({"default": LOCAL}, "names no BACKEND"),
        ({"default": {"OPTIONS": {}}}, "names no BACKEND"),
        ({"default": {"BACKEND": "LocalEngine"}}, "names no BACKEND"),
        ({"default": {"BACKEND": "precision.engine.backends.lokal.LocalEngine"}}, "no module"),
        ({"default": {"BACKEND": "no_such_package.backends.Engine"}}, "cannot be found"),
        ({"default": {"BACKEND": LOCAL}, "big": {"BACKEND": "nowhere.Engine"}}, "ENGINES['big']"),
    ],
)
def test_an_engine_that_cannot_be_found_is_refused(engines: Any, part: str, settings: Any) -> None:
    settings.ENGINES = engines
    (found,) = engine_checks.check_engine_paths()
    assert ids([found]) == ["precision_engine.E004"]
    assert part in found.msg
    assert engine_checks.check_engines_start() == []  # said already


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"BACKEND": "precision.engine.backends.local.NoSuchEngine"}, "cannot be imported"),
        ({"BACKEND": "precision.engine.models.Run"}, "no subclass"),
        ({"BACKEND": LOCAL, "OPTIONS": {"no_such_option": 1}}, "OPTIONS"),
    ],
)
def test_an_engine_that_does_not_start_is_refused_on_deployment(entry: Any, part: str, settings: Any) -> None:
    settings.ENGINES = {"default": entry}
    (found,) = engine_checks.check_engines_start()
    assert ids([found]) == ["precision_engine.E004"]
    assert part in found.msg


def test_what_an_engine_says_of_itself_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem(message="two cores asked for, one there.", hint="Ask for one.")
    monkeypatch.setattr(type(get_engine()), "check", lambda self: [problem])
    (found,) = engine_checks.check_engines_start()
    assert (found.id, found.msg, found.hint) == (
        "precision_engine.W001", "ENGINES['default']: two cores asked for, one there.", "Ask for one.",
    )  # fmt: skip


GOOD = base64.urlsafe_b64encode(bytes(range(32))).decode()
"""A well-formed key, the same in every process that collects the tests."""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (None, ["precision_shop.E001"]),
        ([], ["precision_shop.E001"]),
        ("", ["precision_shop.E001"]),
        (GOOD, ["precision_shop.E002"]),
        ({GOOD}, ["precision_shop.E002"]),
        (["short"], ["precision_shop.E003"]),
        ([GOOD, GOOD[:-2], 5, "é" * 44], ["precision_shop.E003"] * 3),
        ([GOOD, GOOD.encode()], []),
    ],
)
def test_keys_for_personal_data(keys: Any, expected: list[str], settings: Any) -> None:
    settings.PII_KEYS = keys
    found = shop_checks.check_pii_keys()
    assert ids(found) == expected
    assert all(GOOD[:-2] not in each.msg for each in found), "a message must not repeat a key"


def test_a_wrong_key_is_named_by_its_place(settings: Any) -> None:
    settings.PII_KEYS = [GOOD, "wrong"]
    assert shop_checks.check_pii_keys()[0].msg.startswith("PII_KEYS: key 2 of 2 is no Fernet key")


@pytest.mark.parametrize("missing", [*shop_checks.NEEDED_APPS, "unfold"])
def test_a_missing_app_is_named_with_its_reason(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop_checks, "apps", SimpleNamespace(is_installed=lambda name: name != missing))
    (found,) = shop_checks.check_needed_apps()
    assert ids([found]) == ["precision_shop.E004"]
    assert f"INSTALLED_APPS lacks '{missing}'" in found.msg
    assert ("before 'django.contrib.admin'" in str(found.hint)) is (missing == "unfold")


def test_a_project_without_staff_pages_needs_no_dress_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"django.contrib.admin", "unfold"}
    monkeypatch.setattr(shop_checks, "apps", SimpleNamespace(is_installed=lambda name: name not in absent))
    assert shop_checks.check_needed_apps() == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["django.contrib.admin", "unfold"], ["precision_shop.E005"]),
        (["unfold", "django.contrib.admin"], []),
        (["django.contrib.admin"], []),
    ],
)
def test_unfold_comes_before_the_admin(
    order: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = [SimpleNamespace(name=name) for name in order]
    monkeypatch.setattr(shop_checks, "apps", SimpleNamespace(get_app_configs=lambda: configs))
    assert ids(shop_checks.check_app_order()) == expected


def test_a_plain_admin_site_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dress.check_site() == []
    assert dress.check_site in registry.registry.get_checks()
    monkeypatch.setattr(dress.admin, "site", AdminSite())
    (found,) = dress.check_site()
    assert ids([found]) == ["precision_shop.E006"]
    assert "AdminSite" in found.msg


def test_times_need_zones(settings: Any) -> None:
    settings.USE_TZ = False
    assert ids(shop_checks.check_time_zones()) == ["precision_shop.W001"]
