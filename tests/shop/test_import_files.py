"""Files of every format, good and damaged; what is wrong ends in one sentence and nothing half-loaded."""

import gzip
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command

from precision.shop import mapping
from precision.shop.importing import ImportRefusedError, import_files
from precision.shop.models import ImportBatch, Order, Platform
from tests.shop.imports import LINES, ROWS, content, lines_of, rejects

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("form", ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "ndjson.zst", "parquet"])
def test_every_format_says_the_same(form: str, tmp_path: Path, platform: Platform) -> None:
    frame = pl.read_csv(ROWS.encode(), infer_schema=False)
    path = tmp_path / f"lines.{form}"
    kind, _, compression = form.partition(".")
    if kind == "parquet":
        frame.with_columns(
            pl.col("price").cast(pl.Float64), pl.col("time").str.to_datetime("%Y-%m-%d %H:%M")
        ).write_parquet(path)
    else:
        text = ROWS if kind == "csv" else "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
        with pa.output_stream(
            str(path), compression={"gz": "gzip", "zst": "zstd", "": None}[compression]
        ) as out:
            out.write(text.encode())
    result = import_files(platform, mapping.parse(LINES), {"lines": path})
    assert (result.rows.accepted, result.rows.rejected) == (3, 0)
    assert lines_of("1") == [("cup", 1, 12, None), ("tea", 2, Decimal("3.5"), None)]
    # The digest does not depend on the format: the CSV file says nothing new.
    plain = tmp_path / "again.csv"
    plain.write_text(ROWS)
    assert import_files(platform, mapping.parse(LINES), {"lines": plain}).rows.duplicate == 3


def test_json_lines_with_a_broken_line_and_mixed_types(tmp_path: Path, platform: Platform) -> None:
    path = tmp_path / "lines.jsonl"
    good = {
        "order": 1,
        "customer": 7,
        "time": "2024-01-01T00:00:00Z",
        "product": 5,
        "quantity": 1,
        "price": "2.5",
    }
    other = {**good, "order": "A2", "price": 3}
    path.write_text("\n".join([json.dumps(good), "{broken", "[1]", json.dumps(other)]) + "\n")
    result = import_files(platform, mapping.parse(LINES), {"lines": path})
    assert (result.rows.accepted, result.rows.rejected, dict(result.rejected_by)) == (2, 2, {"bad_line": 2})
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["1", "A2"]


def test_several_files_of_one_data_set(tmp_path: Path, platform: Platform) -> None:
    head, *rows = ROWS.splitlines()
    paths = []
    for number, row in enumerate([*rows, "9,a,2024-01-01,tea,0,1"]):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(f"{head}\n{row}\n")
    result = import_files(platform, mapping.parse(LINES), {"lines": paths})
    assert (result.rows.accepted, result.rows.rejected, len(result.files)) == (3, 1, 4)
    assert rejects(result.as_json())[0][:2] == ("3.csv", "1")
    assert [line[0] for line in lines_of("1")] == ["cup", "tea"], "an order may go on in the next file"


BAD_FILES = [
    ("missing.csv", None, "There is no file"),
    ("lines.txt", b"a,b\n", "ends in '.txt'"),
    ("lines.csv", b"order,customer\n1,a\n", "names the column"),
    ("lines.csv", b"", "is empty"),
    ("lines.csv", ROWS.replace("anna", "änna").encode("latin-1"), "is not utf-8 (byte 0xE4"),
    ("lines.csv", ROWS.encode() + b'3,"open,2024-01-01,tea,1,1\n', "cannot be read as csv"),
    ("lines.csv", ROWS.encode("utf-16"), "is not utf-8 (byte 0xFF"),
    ("lines.csv.gz", gzip.compress(ROWS.encode() * 50)[:-20], "truncated"),
    ("lines.csv.gz", b"no gzip at all", "cannot be read as csv"),
    ("lines.csv.zst", pa.compress(ROWS.encode() * 50, codec="zstd", asbytes=True)[:-20], "truncated"),
    ("lines.jsonl", b"{\n]\n", "cannot be read as jsonl"),
    ("lines.parquet", b"PAR1 not at all", "cannot be read as parquet"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD_FILES)
def test_a_damaged_file_loads_nothing(
    name: str, data: bytes | None, words: str, tmp_path: Path, platform: Platform, var: Path
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    refused(platform, LINES, words, [str(path)], tmp_path, var)


def test_a_truncated_parquet_file_loads_nothing(tmp_path: Path, platform: Platform, var: Path) -> None:
    path = tmp_path / "lines.parquet"
    pl.DataFrame({"order": list(range(5_000))}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    refused(platform, LINES, "damaged, truncated", [str(path)], tmp_path, var)


REJECT = """[[files.lines.reject]]
when = "{when}"
column = "{column}"
code = "x"
reason = "y"
[order]"""
BAD_MAPPINGS = [
    (LINES.replace('"quantity"', '"pieces"'), "line.quantity names the column 'pieces'"),
    (LINES.replace('"quantity"', '{ expr = "quantity +" }'), "'quantity +' cannot be computed"),
    (LINES.replace('"quantity"', '{ expr = "nothing(quantity)" }'), "unsupported function"),
    (LINES.replace('"quantity"', '{ expr = "pieces" }'), "pieces"),
    (LINES.replace('"quantity"', "{ value = 0 }"), "the constant 0 cannot be used"),
    (LINES.replace("unit_price", "unit_prize"), "unknown key 'unit_prize'"),
    (LINES.replace("[order]", REJECT.format(when="price", column="price")), "is no condition"),
    (LINES.replace("[order]", REJECT.format(when="true", column="cost")), "'cost'"),
    (LINES.replace("[order]", '[files.lines.derive]\nprice = "1"\n[order]'), "has a column 'price' already"),
    (LINES.replace("[files.lines]", '[files.lines]\ndrop = ["sheet"]'), "'sheet'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BAD_MAPPINGS)
def test_a_wrong_mapping_loads_nothing(
    text: str, words: str, tmp_path: Path, platform: Platform, var: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(ROWS)
    refused(platform, text, words, [str(path)], tmp_path, var)


def refused(platform: Platform, text: str, words: str, data: list[str], tmp_path: Path, var: Path) -> None:
    """The command ends with one sentence and code 2, and nothing is there."""
    toml = tmp_path / "shop.toml"
    toml.write_text(text)
    before = content()
    with pytest.raises(CommandError) as caught:
        call_command("import_shop", "--platform", platform.key, "--mapping", str(toml), *data)
    message = str(caught.value)
    assert caught.value.returncode == 2
    assert words in message
    assert "\n" not in message
    assert message.endswith(".")
    assert content() == before
    assert not ImportBatch.objects.exists()
    assert not var.exists()


def test_arguments(tmp_path: Path, platform: Platform) -> None:
    toml, data = tmp_path / "shop.toml", tmp_path / "lines.csv"
    toml.write_text(LINES)
    data.write_text(ROWS)
    base = ["--platform", platform.key, "--mapping", str(toml)]
    for arguments, words in [
        (["--platform", "nowhere", "--mapping", str(toml), str(data)], "no platform 'nowhere'"),
        ([*base, f"rows={data}"], "no data set 'rows'"),
        ([*base, str(data), str(data)], "2 files came without a name"),
        (["--platform", platform.key, "--mapping", str(tmp_path / "none.toml"), str(data)], "cannot be read"),
    ]:
        with pytest.raises(CommandError) as caught:
            call_command("import_shop", *arguments)
        assert caught.value.returncode == 2
        assert words in str(caught.value)
    with pytest.raises(ImportRefusedError, match="needs data for 'lines'"):
        import_files(platform, mapping.parse(LINES), {})
    out = StringIO()
    call_command("import_shop", *base, str(data), stdout=out)
    assert "corner: 3 rows" in out.getvalue()
    assert "unknown products: 2, in 3 lines" in out.getvalue()


def test_a_failure_at_the_end_takes_everything_back(
    tmp_path: Path, platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(ROWS + "3,a,2024-01-01,tea,0,1\n")
    before = content()

    def fail(**fields: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(ImportBatch.objects, "create", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        import_files(platform, mapping.parse(LINES), {"lines": path})
    assert content() == before
    assert list((var / "rejects").iterdir()) == []
