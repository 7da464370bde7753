"""Answers of ours are written as they were given, whatever their texts hold."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from precision.shop import exposures
from precision.shop.exposures import Shown
from precision.shop.models import Organisation, Platform

AT = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


class TestWriting(TestCase):
    """Each example in a transaction of its own."""

    def setUp(self) -> None:
        organisation = Organisation.objects.create(key="o", name="O")
        self.platform = Platform.objects.create(
            organisation=organisation, key="exposing", name="E", currency="EUR", timezone="UTC"
        )

    @settings(max_examples=60, deadline=None)
    @given(
        page=TEXT,
        shown=st.lists(
            st.tuples(TEXT, st.integers(1, 32_000), st.integers(1, 2**62), TEXT, st.floats(0, 1)), max_size=5
        ),
        run=st.none() | st.integers(1, 2**62),
    )
    def test_what_comes_back_is_what_was_shown(
        self, page: str, shown: list[tuple[str, int, int, str, float]], run: int | None
    ) -> None:
        number = getattr(self, "number", 0) + 1
        self.number = number
        slots, ranks, products, sources, propensities = ([row[at] for row in shown] for at in range(5))
        exposures.write(
            [
                Shown(
                    platform=self.platform.pk, organisation=self.platform.organisation_id, erasures=0,
                    recommendation=f"{number:032x}", identity=None, at=AT, page=page, run=run, slots=slots,
                    ranks=ranks, products=products, sources=sources, propensities=propensities,
                )
            ]
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT page, run, at, slots, ranks, products, sources, propensities FROM precision_shop_exposure "
                "WHERE recommendation = %s",
                [f"{number:032x}"],
            )
            row = cursor.fetchone()
        assert row == (page, run, AT, slots, ranks, products, sources, propensities)


@pytest.mark.django_db
def test_a_text_that_the_database_cannot_hold_is_told_apart() -> None:
    organisation = Organisation.objects.create(key="o", name="O")
    platform = Platform.objects.create(
        organisation=organisation, key="exposing", name="E", currency="EUR", timezone="UTC"
    )
    bad = Shown(
        platform.pk, organisation.pk, 0, "a" * 32, None, AT, "a\0b", None, [], [], [], [], [],
    )  # fmt: skip
    with pytest.raises(DataError):
        exposures.write([bad])
