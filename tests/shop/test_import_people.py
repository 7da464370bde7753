"""People of imported files: names become identities, and one person across the shops of an organisation."""

from typing import Any

import polars as pl
import pytest

from precision.shop import identities, pii, platforms
from precision.shop.importing.names import identity_numbers, normalised
from precision.shop.models import Customer, Identity, IdentityLink, Join, Order, Platform
from tests.shop.imports import LINES, rejects, summary
from tests.shop.town import NOW, check

MAPPING = """
version = 1
[files.people]
[customer]
from = "people"
customer_id = "id"
email = "mail"
phone = "phone"
"""


@pytest.fixture
def shops(db: None) -> list[Platform]:
    for key in ("toys", "food"):
        platforms.create_platform(key, name=key, organisation="town")
    Platform.objects.update(region="DE")
    return list(Platform.objects.order_by("pk"))


@pytest.fixture
def bring(tmp_path: Any, django_capture_on_commit_callbacks: Any) -> Any:
    def run(key: str, rows: str) -> dict[str, Any]:
        (tmp_path / "people.toml").write_text(MAPPING)
        (tmp_path / "people.csv").write_text("id,mail,phone\n" + rows)
        with django_capture_on_commit_callbacks(execute=True):
            return summary(
                "--platform",
                key,
                "--mapping",
                str(tmp_path / "people.toml"),
                f"people={tmp_path / 'people.csv'}",
            )

    return run


def customer(platform: Platform, number: str) -> int:
    return Identity.objects.get(platform=platform, kind="customer_id", value=number).customer_id


def test_two_shops_with_the_same_address_have_one_customer(shops: list[Platform], bring: Any) -> None:
    bring("toys", "a,ann@firm.de,0170 1234567\nb,bob@firm.de,\n")
    bring("food", "17,Ann@Firm.de,\n18,,+49 170 9999991\n19,noreply@firm.de,000000\n")
    toys, food = shops
    assert customer(toys, "a") == customer(food, "17")
    assert len({customer(toys, "a"), customer(toys, "b"), customer(food, "18"), customer(food, "19")}) == 4
    kinds = sorted(Identity.objects.exclude(kind="customer_id").values_list("platform__key", "kind"))
    assert kinds == [
        ("food", "email"),
        ("food", "phone"),
        ("toys", "email"),
        ("toys", "email"),
        ("toys", "phone"),
    ]
    check()
    entries = Join.objects.count()
    assert bring("food", "17,Ann@Firm.de,\n")["duplicate"] == 1
    assert (Join.objects.count(), IdentityLink.objects.filter(origin="same-value").count()) == (entries, 1)


def test_personal_names_are_kept_as_digest_and_ciphertext(shops: list[Platform], bring: Any) -> None:
    bring("toys", "a,Ann@firm.de,\n")
    mail = Identity.objects.get(kind="email")
    assert mail.value == pii.match(pii.match_key(shops[0].organisation_id), "email", "ann@firm.de")
    assert pii.decrypt(mail.ciphertext or b"") == "ann@firm.de"
    found = identities.resolve(shops[0], [("email", " ann@FIRM.de")], now=NOW)
    assert list(found.values()) == [mail.pk]


def test_the_same_organisation_only(shops: list[Platform], bring: Any) -> None:
    platforms.create_platform("else", name="Elsewhere")
    bring("toys", "a,ann@firm.de,\n")
    bring("else", "a,ann@firm.de,\n")
    first, second = Identity.objects.filter(kind="email").order_by("pk")
    assert first.value != second.value
    assert first.customer_id != second.customer_id


def test_a_customer_id_that_names_nobody_is_refused(shops: list[Platform], bring: Any) -> None:
    result = bring("toys", "null,ann@firm.de,\n7,bob@firm.de,\n00000,,\n")
    assert (result["accepted"], result["rejected"], result["rejected_by"]) == (1, 2, {"unusable_identity": 2})
    assert [row[2:] for row in rejects(result)] == [
        ("id", "null", "unusable_identity"), ("id", "00000", "unusable_identity")
    ]  # fmt: skip
    assert Identity.objects.filter(kind="customer_id").count() == 1


def test_orders_of_a_blocked_name_are_those_of_guests(load: Any) -> None:
    load(LINES, lines="order,customer,time,product,quantity,price\n1,undefined,2024-03-01 10:00,tea,2,3.50\n"
         "2, anna ,2024-03-01 10:00,tea,2,3.50\n")  # fmt: skip
    assert Order.objects.get(external_id="1").identity is None
    assert getattr(Order.objects.get(external_id="2").identity, "value", None) == "anna"
    assert Customer.objects.count() == 1


def test_many_names_at_once_are_the_same_as_a_few(shops: list[Platform]) -> None:
    told = ["a", " a ", "0", "0000", "7", "77777777", "NULL", "grün", "x" * 201, "Guest", "a b", "\tq", "ſ"]
    for kind in ("customer_id", "anonymous_id", "external_id", "email", "card"):
        frame, _ = identity_numbers(shops[0], pl.Series("v", told), kind=kind, now=NOW)
        few = identities.resolve(shops[0], [(kind, each) for each in told], now=NOW)
        assert dict(frame.iter_rows()) == {value: number for (_, value), number in few.items()}
    assert normalised(pl.Series("value", [], dtype=pl.String), kind="customer_id").height == 0
