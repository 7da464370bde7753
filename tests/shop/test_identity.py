"""Values that mean the same are one, and values that mean nobody are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precision.shop import identity
from precision.shop.identity import masked, normalise
from precision.shop.methods.people import KINDS


@pytest.mark.parametrize(
    ("kind", "told", "plain"),
    [
        ("email", "  Ann.Bell+Shop@Firm.DE ", "ann.bell+shop@firm.de"),
        ("email", "ann@MÜLLER.de", "ann@xn--mller-kva.de"),
        ("email", "ann@firm.de.", "ann@firm.de"),
        ("email", "ａｎｎ@firm.de", "ann@firm.de"),
        ("email", "ann", None),
        ("email", "ann@", None),
        ("email", "@firm.de", None),
        ("email", "ann@firm", None),
        ("email", "a b@firm.de", None),
        ("email", "Ann <ann@firm.de>", None),
        ("email", "a@b@firm.de", None),
        ("email", f"{'a' * 250}@firm.de", None),
        ("email", f"ann@{'a' * 64}.de", None),
        ("email", "noreply@firm.de", None),
        ("email", "Test@firm.de", None),
        ("email", "ann@example.com", None),
        ("email", "ann@mail.example.org", None),
        ("email", "ann@notexample.com", "ann@notexample.com"),
        ("email", "ann@shop.test", None),
        ("email", "ann@localhost", None),
        ("phone", "0170 123 45 67", "+491701234567"),
        ("phone", "+49 (0) 170 / 123-45-67", "+491701234567"),
        ("phone", "0049 170 1234567", "+491701234567"),
        ("phone", "+44 20 7946 0000", "+442079460000"),
        ("phone", "+49 30 1234567 ext. 12", "+49301234567;ext=12"),
        ("phone", "12", None),
        ("phone", "0000000", None),
        ("phone", "1111111111", None),
        ("phone", "call me", None),
        ("phone", "1" * 100, None),
        ("card", " 12-34 ab ", "1234AB"),
        ("card", "0000-0000", None),
        ("card", "9999 9999", None),
        ("card", "--", None),
        ("customer_id", " 17 ", "17"),
        ("customer_id", "Ann", "Ann"),
        ("customer_id", "7", "7"),
        ("customer_id", "7777777", "7777777"),
        ("customer_id", "77777777", None),
        ("customer_id", "0", None),
        ("customer_id", "000", None),
        ("customer_id", "-1", None),
        ("customer_id", "NULL", None),
        ("customer_id", "undefined", None),
        ("customer_id", "NaN", None),
        ("customer_id", "[object Object]", None),
        ("customer_id", "", None),
        ("customer_id", "a\0b", None),
        ("customer_id", "x" * 200, None),
        ("customer_id", "xy" * 100, "xy" * 100),
        ("customer_id", "xy" * 101, None),
        ("anonymous_id", "anonymous", None),
        ("anonymous_id", "xxxx", None),
        ("anonymous_id", "00000000-0000-0000-0000-000000000000", None),
        ("anonymous_id", "5f0c-Ab", "5f0c-Ab"),
        ("external_id", "guest", None),
        ("name", " Ann   O’Neil ", "ann o neil"),
        ("name", "unknown", None),
        ("name", "!!!", None),
        ("address", "Main St. 5, 10115 BERLIN", "10115 5 berlin main st"),
        ("address", "10115 Berlin, 5 Main St", "10115 5 berlin main st"),
    ],
)
def test_one_form(kind: str, told: str, plain: str | None) -> None:
    assert normalise(kind, told, region="DE") == plain


def test_a_number_without_a_country_needs_the_shops_country() -> None:
    assert normalise("phone", "0170 1234567") is None
    assert normalise("phone", "07700 900123", region="GB") == "+447700900123"


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=300))
def test_any_text_is_normalised_once_and_for_all(kind: str, text: str) -> None:
    plain = normalise(kind, text, region="DE")
    if plain is not None:
        assert normalise(kind, plain, region="DE") == plain
        assert "\0" not in plain
        assert plain
        assert masked(kind, plain)


@pytest.mark.parametrize("value", sorted(identity.BLOCKED - {""}))
def test_blocked_values_name_nobody_of_any_kind(value: str) -> None:
    assert [normalise(kind, value.upper(), region="DE") for kind in KINDS] == [None] * len(KINDS)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("email", "ann@firm.de", "a***@firm.de"),
        ("phone", "+491701234567", "***67"),
        ("card", "1234", "***"),
        ("name", "ann bell", "a*** b***"),
    ],
)
def test_personal_values_are_masked(kind: str, value: str, shown: str) -> None:
    assert masked(kind, value) == shown
