"""Environment variables: every wrong value ends with its name, what was found and what to do."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from precision import configuration


def test_an_address_with_everything() -> None:
    found = configuration.database("postgresql://ann:p%40ss%2F@db.example:6543/shop?sslmode=require")
    assert {name: found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")} == {
        "USER": "ann", "PASSWORD": "p@ss/", "HOST": "db.example", "PORT": "6543", "NAME": "shop",
    }  # fmt: skip
    assert found["OPTIONS"]["sslmode"] == "require"  # type: ignore[index]


def test_a_socket_folder() -> None:
    found = configuration.database("postgresql://precision@/precision?host=/run/here&port=5432")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("/run/here", "5432", "precision")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://ann:secret@db/shop", "must look like postgresql://"),
        ("postgresql://ann:secret@db", "must look like postgresql://"),
        ("postgresql://ann:secret@db:many/shop", "port that is no number"),
    ],
)
def test_a_wrong_database_address_is_named_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message) as error:
        configuration.database(url)
    assert "DATABASE_URL" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["amqp://ann:secret@mq//", "localhost:6379"])
def test_a_wrong_broker_address(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"BROKER_URL .* must look like redis://") as error:
        configuration.broker(url)
    assert "secret" not in str(error.value)


def test_brokers_that_are_accepted() -> None:
    for url in ("redis://host:6379/0", "rediss://host/1", "redis+socket:///run/valkey.sock?virtual_host=0"):
        assert configuration.broker(url) == url


def test_whole_numbers() -> None:
    assert configuration.whole_number("PORT", 8000, environ={}) == 8000
    assert configuration.whole_number("PORT", 8000, environ={"PORT": "9000"}) == 9000
    for wrong in ("80x", "-1", "٣"):
        with pytest.raises(
            ImproperlyConfigured, match=f"PORT is '{wrong}', but must be a whole number like 8000"
        ):
            configuration.whole_number("PORT", 8000, environ={"PORT": wrong})


def test_keys_of_personal_values() -> None:
    first, second = (Fernet.generate_key().decode() for _ in range(2))
    assert configuration.pii_keys(f"{first}, {second}") == [first, second]
    with pytest.raises(ImproperlyConfigured, match="PII_KEYS: key 2 of 2 is no Fernet key"):
        configuration.pii_keys(f"{first},abc")
    with pytest.raises(ImproperlyConfigured, match="PII_KEYS holds no key"):
        configuration.pii_keys(" , ")


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret"
    assert configuration.secret(path, lambda: "first") == "first"
    assert configuration.secret(path, lambda: "second") == "first"
    assert path.stat().st_mode & 0o777 == 0o600
