"""`manage.py create_platform`: what it prints, what it keeps, and how it refuses."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from precision.shop import pii
from precision.shop.models import ApiKey, Organisation, Platform

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    out = StringIO()
    call_command("create_platform", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_the_four_credentials_and_keeps_none_in_the_clear() -> None:
    table = json.loads(create("corner", "--name", "Corner Shop", "--json"))
    assert list(table) == ["platform", "server_key", "write_key", "user_hash_secret"]
    assert table["platform"] == "corner"
    assert table["server_key"].startswith("sk_")
    assert table["write_key"].startswith("wk_")
    platform = Platform.objects.get(key="corner")
    assert (platform.name, platform.currency, platform.timezone, platform.historical) == (
        "Corner Shop",
        "EUR",
        "UTC",
        False,
    )
    assert pii.decrypt(platform.user_hash_secret) == table["user_hash_secret"]
    digests = dict(ApiKey.objects.values_list("kind", "digest"))
    assert digests == {"server": pii.digest(table["server_key"]), "write": pii.digest(table["write_key"])}


def test_for_people_it_prints_lines() -> None:
    printed = create("corner", "--name", "Corner Shop")
    assert printed.startswith("platform          corner\nserver_key        sk_")
    assert printed.endswith("shown only once.\n")


def test_options_and_a_shared_organisation() -> None:
    options = ["--currency", "GBP", "--timezone", "Europe/London", "--historical"]
    create("one", "--name", "One", "--organisation", "group", *options)
    create("two", "--name", "Two", "--organisation", "group")
    one = Platform.objects.get(key="one")
    assert (one.currency, one.timezone, one.historical) == ("GBP", "Europe/London", True)
    assert Organisation.objects.get().platforms.count() == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["corner", "--name", "Again"], "There is a platform 'corner' already"),
        (["two words", "--name", "N"], "key"),
        (["new", "--name", "N", "--currency", "POUND"], "currency"),
        (["new", "--name", "N", "--currency", "gbp"], "three capital letters"),
        (["new", "--name", "N", "--timezone", "Mars/Olympus"], "“Mars/Olympus” is no time zone"),
        (["new", "--name", "", "--timezone", "UTC"], "name"),
        (["new", "--name", "N", "--organisation", "no key"], "key"),
    ],
)
def test_refusals_say_what_is_wrong_and_create_nothing(arguments: list[str], words: str) -> None:
    create("corner", "--name", "Corner Shop")
    with pytest.raises(CommandError) as caught:
        create(*arguments)
    assert caught.value.returncode == 2
    assert words in str(caught.value)
    assert (Platform.objects.count(), Organisation.objects.count(), ApiKey.objects.count()) == (1, 1, 2)
