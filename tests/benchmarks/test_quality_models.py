"""What the benchmark of models works with: features of foreign tables, the gate, days, and draws of whole customers."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from benchmarks import quality_churn, quality_tables
from segments.methods.classifier import Difference


def test_words_become_flags_and_only_known_ones() -> None:
    inputs = pl.DataFrame({"visits": [1, 2, 3], "kind": ["old", "new", "other"]})
    names, features = quality_tables.encoded(inputs, np.array([True, True, False]))
    assert names == ["visits", "kind = new", "kind = old"]
    np.testing.assert_array_equal(features, [[1, 0, 1], [2, 1, 0], [3, 0, 0]])


def test_the_strongest_column_counts_in_its_own_direction() -> None:
    features = np.array([[1.0, 9.0], [2.0, 1.0], [1.0, 8.0], [2.0, 2.0], [2.0, 0.0]])
    assert quality_tables.strongest(features, np.array([True, False, True, False, False])) == (0, -1.0)


def test_the_gate_names_what_it_refuses() -> None:
    said = [
        quality_tables.gate(Difference(value=0.0, low=low, high=high))
        for low, high in ((0.01, 0.02), (-0.01, 0.02), (-0.02, -0.01))
    ]
    assert said == ["passes", "refused: its interval holds zero", "refused: worse"]


def test_later_rows_are_held_out_and_nothing_of_the_outcome_is_told() -> None:
    sessions = pl.DataFrame(
        {"Month": ["Feb", "Nov", "Dec"], "Pages": [1, 2, 3], "Revenue": [False, True, False]}
    )
    inputs, answers, later = quality_tables.shoppers(sessions)
    assert (inputs.columns, answers.tolist(), later.tolist()) == (
        ["Pages"], [False, True, False], [False, True, True],
    )  # fmt: skip
    calls = pl.DataFrame({"age": [30, 40, 50], "duration": [9, 9, 9], "y": ["no", "no", "yes"]})
    inputs, answers, later = quality_tables.bank(calls)
    assert (inputs.columns, answers.tolist(), later.tolist()) == (
        ["age"], [False, False, True], [False, False, True],
    )  # fmt: skip


def test_a_table_that_is_not_there_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv(quality_tables.FOLDER, folder)
        assert quality_tables.run(Console()) == dict.fromkeys(quality_tables.SUBJECTS)
    assert "left out" in capsys.readouterr().out


def test_a_public_table_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(1_500, 2))
    month = np.where(np.arange(1_500) < 900, "May", "Nov")
    told = pl.DataFrame(
        {
            "Month": month,
            "a": values[:, 0],
            "b": values[:, 1],
            "Revenue": values.sum(axis=1) > rng.normal(size=1_500),
        }
    )
    told.write_parquet(tmp_path / "online_shoppers_intention.parquet")
    monkeypatch.setenv(quality_tables.FOLDER, str(tmp_path))
    found = quality_tables.run(Console(quiet=True))
    assert found["bank_marketing_additional_full"] is None
    shoppers = found["online_shoppers_intention"]
    assert shoppers is not None
    assert (shoppers["learned"], shoppers["held_out"]) == (900, 600)
    assert shoppers["auc"]["logistic"] > shoppers["auc"]["one feature alone"] + 0.05
    assert shoppers["promoted"] != "one feature alone"


def test_churn_is_learned_from_answers_that_were_in() -> None:
    days = quality_churn._learned(1_000, 1_400)
    assert max(days) + quality_churn.CHURN.horizon_days == 1_400
    assert min(days) >= 1_000 + quality_churn.CHURN.horizon_days
    assert quality_churn._learned(1_000, 1_100) == []


def test_customers_are_drawn_with_all_their_rows() -> None:
    rows = quality_churn._rows_of(np.array([7, 3, 7, 5]))
    assert [each.tolist() for each in rows] == [[1], [3], [0, 2]]
