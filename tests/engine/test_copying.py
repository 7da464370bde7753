"""COPY carries every value as it is."""

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction

from precision.engine.copying import copy_table

pytestmark = pytest.mark.django_db


def table(columns: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE copied ({columns}) ON COMMIT DROP")


def rows() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM copied")
        return cursor.fetchall()


def test_texts_with_everything_in_them() -> None:
    texts = ["", "\\N", "NULL", 'say "hi"', "a,b", "line\nbreak", "tab\t", "Zoë 北京", "\\", None]
    table("text text")
    assert copy_table("copied", pl.DataFrame({"text": texts})) == len(texts)
    assert [row[0] for row in rows()] == texts


def test_numbers_times_and_truth() -> None:
    from_frame = pl.DataFrame(
        {
            "whole": [2**62, None, -1],
            "real": [0.1, None, 1e-300],
            "truth": [True, None, False],
            "time": pl.Series([1_700_000_000_123_456, None, 0]).cast(pl.Datetime("us", "UTC")),
        }
    )
    table("whole bigint, real double precision, truth boolean, time timestamptz")
    copy_table("copied", from_frame)
    assert rows() == from_frame.rows()


def test_lists_become_arrays() -> None:
    frame = pl.DataFrame(
        {
            "ids": [[1, 2], [], None, [3, None]],
            "names": [["a", 'b"c', "d,e", "\\", ""], [], None, [None, "NULL"]],
        },
        schema={"ids": pl.List(pl.Int64), "names": pl.List(pl.String)},
    )
    table("ids bigint[], names text[]")
    copy_table("copied", frame)
    assert rows() == frame.rows()


def test_a_row_that_breaks_a_constraint_leaves_nothing() -> None:
    table("id bigint PRIMARY KEY")
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_table("copied", pl.DataFrame({"id": [1, 2, 2]}))
    assert rows() == []
