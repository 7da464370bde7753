"""The pages of reports: what they show, their files, what they refuse, and who may see them."""

import csv
from io import BytesIO, StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from precision.shop.models import ExchangeRate, Platform, Source, Store, StoreMonth, Tally
from tests.admin.test_admin import MOST_QUERIES

QUALITY = "admin:precision_shop_tally_quality"
TABLES = "admin:precision_shop_store_tables"
RATES = "admin:precision_shop_exchangerate_import_rates"


def lines_of(response: Any) -> list[list[str]]:
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.reader(StringIO(response.content.decode("utf-8-sig"))))


def test_quality_shows_counts_flags_and_reasons(
    staff: Client, world: SimpleNamespace, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(MOST_QUERIES + 10):  # two live counts, each with its time limit
        text = staff.get(reverse(QUALITY)).content.decode()
    for part in ("Data quality", "too_long 2", "does not say licence and basis", "=cmd|&#x27; /C calc"):
        assert part in text, part
    assert "<script>" not in text.partition("precision-report")[2]


def test_quality_of_a_chosen_shop_and_span(staff: Client, world: SimpleNamespace) -> None:
    Tally.objects.filter(platform=world.other).update(count=777)
    other = staff.get(reverse(QUALITY), {"platform": world.other.pk}).content.decode()
    # Three outcomes: of the day, of the source, and the sums below both tables.
    assert other.count(">777<") == 12
    corner = staff.get(reverse(QUALITY), {"platform": world.corner.pk}).content.decode()
    assert ">777<" not in corner
    past = staff.get(
        reverse(QUALITY), {"platform": world.other.pk, "start": "2020-01-01", "end": "2020-02-01"}
    )
    assert "Nothing came in from 2020-01-01 until before 2020-02-01" in past.content.decode()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"start": "2026-02-01", "end": "2026-01-01"}, "not after"),
        ({"start": "2020-01-01", "end": "2026-01-01"}, "longer than 366 days"),
        ({"start": "soon"}, "Enter a valid date"),
        ({"platform": "0"}, "valid choice"),
        ({"kind": "nonsense"}, "valid choice"),
    ],
)
def test_wrong_choices_are_said(
    query: dict[str, str], problem: str, staff: Client, world: SimpleNamespace
) -> None:
    response = staff.get(reverse(QUALITY), {"platform": world.corner.pk, **query})
    assert response.status_code == 200
    assert problem in response.content.decode()


def test_quality_as_a_file_holds_no_formula(staff: Client, world: SimpleNamespace) -> None:
    header, *lines = lines_of(staff.get(reverse(QUALITY), {"platform": world.corner.pk, "file": "days"}))
    (row,) = (dict(zip(header, line, strict=True)) for line in lines if line[0] == "site")
    assert row["name"] == "'=cmd|' /C calc'!A0"
    assert (row["accepted"], row["rejected"], row["late"], row["rejected_by"]) == (
        "10",
        "2",
        "1",
        "too_long: 2",
    )


def test_the_four_tables_and_the_stars(
    staff: Client, world: SimpleNamespace, django_assert_max_num_queries: Any
) -> None:
    Store.objects.create(platform=world.corner, external_id="S2", type="<b>mall</b>")
    with django_assert_max_num_queries(MOST_QUERIES):
        text = staff.get(reverse(TABLES), {"platform": world.corner.pk}).content.decode()
    for part in (
        "Star and orientation", "Type", "Region", "Given star and star implied by sales", "retail", "not given",
        "★★★★", "&lt;b&gt;mall", "0.50", "100.50",
    ):  # fmt: skip
        assert part in text, part
    assert "<b>mall" not in text


def test_a_table_as_a_file(staff: Client, world: SimpleNamespace) -> None:
    Store.objects.create(platform=world.corner, external_id="S2", type="@SUM(1)")
    header, *rows = lines_of(staff.get(reverse(TABLES), {"platform": world.corner.pk, "file": "type"}))
    assert header[:4] == ["type", "stores", "share", "displays a month"]
    assert sorted(row[:3] for row in rows) == [["'@SUM(1)", "1", "0.5"], ["not given", "1", "0.5"]]


def test_without_any_shop_the_pages_open(staff: Client, db: None) -> None:
    assert not Platform.objects.exists()
    for name in (QUALITY, TABLES, RATES):
        assert staff.get(reverse(name)).status_code == 200


def test_pages_are_for_those_who_may_see_them(browser_of: Any, world: SimpleNamespace) -> None:
    nobody, seeing = browser_of("view_order"), browser_of("view_tally", "view_store", "view_exchangerate")
    for name in (QUALITY, TABLES):
        assert nobody.get(reverse(name)).status_code == 403
        assert seeing.get(reverse(name)).status_code == 200
    assert seeing.get(reverse(RATES)).status_code == 403
    menu = seeing.get(reverse("admin:index")).context["sidebar_navigation"]
    titles = [item["title"] for group in menu for item in group["items"]]
    assert titles == ["Stores", "Tables of stores", "Exchange rates", "Data quality", "Tallies"]


def upload(staff: Client, world: SimpleNamespace, content: str | bytes) -> Any:
    data = content if isinstance(content, bytes) else content.encode()
    file = SimpleUploadedFile("rates.csv", BytesIO(data).getvalue())
    return staff.post(
        reverse(RATES), {"organisation": world.corner.organisation_id, "file": file}, follow=True
    )


def test_rates_come_from_a_file_and_correct_known_ones(staff: Client, world: SimpleNamespace) -> None:
    text = upload(
        staff,
        world,
        "\ufeffcurrency,target,day,rate,note\nUSD,EUR,2026-11-01,0.95,x\nGBP,EUR,2026-11-01,1.15,\n",
    )
    assert "1 added, 1 corrected, 0 known already." in text.content.decode()
    mine = ExchangeRate.objects.filter(organisation=world.corner.organisation).order_by("currency")
    assert [(row.currency, float(row.rate)) for row in mine] == [("GBP", 1.15), ("USD", 0.95)]
    theirs = ExchangeRate.objects.get(organisation=world.other.organisation)
    assert float(theirs.rate) == 0.92


def test_rows_that_cannot_be_used_are_named_by_line(staff: Client, world: SimpleNamespace) -> None:
    response = upload(
        staff, world, "currency,target,day,rate\nUSD,EUR,2026-11-02,0\nGBP,EUR,2026-11-01,1.15\n"
    )
    text = response.content.decode()
    assert "<td>2</td><td>rate</td>" in text
    assert ExchangeRate.objects.filter(currency="GBP").count() == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "not in UTF-8"),
        (b"currency,target\nUSD,EUR\n", "lacks the column day"),
        (b"currency,target,day,rate\n", "has no rows"),
        (b'currency,target,day,rate\n"USD', "no CSV"),
    ],
)
def test_files_that_are_none_are_refused(
    content: bytes, problem: str, staff: Client, world: SimpleNamespace
) -> None:
    before = ExchangeRate.objects.count()
    assert problem in upload(staff, world, content).content.decode()
    assert ExchangeRate.objects.count() == before


def test_a_word_of_staff_stays_within_its_shop(staff: Client, world: SimpleNamespace) -> None:
    category = world.other.categories.get()
    response = staff.post(
        reverse("admin:precision_shop_interestword_add"),
        {"platform": world.corner.pk, "word": "pot", "topic": "Pots", "category": category.pk},
    )
    assert "belongs to another shop" in response.content.decode()


def test_a_sources_shop_and_key_are_fixed_and_its_licence_is_not(
    staff: Client, world: SimpleNamespace
) -> None:
    source = Source.objects.get(platform=world.corner)
    page = reverse("admin:precision_shop_source_change", args=[source.pk])
    staff.post(page, {"name": "Site", "licence": "own data", "basis": "consent", "key": "other"})
    source.refresh_from_db()
    assert (source.key, source.licence, source.basis) == ("site", "own data", "consent")
    assert "does not say" not in staff.get(reverse(QUALITY), {"platform": world.corner.pk}).content.decode()


def test_months_of_a_store_are_found_by_its_id(staff: Client, world: SimpleNamespace) -> None:
    response = staff.get(reverse("admin:precision_shop_storemonth_changelist"), {"q": "S1"})
    assert len(response.context["cl"].result_list) == StoreMonth.objects.count()
