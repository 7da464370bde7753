"""`make demo` as a stranger runs it: both real shops, the summary, and what A, B and C customers are shown."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from precision import embedded
from tests.whole.conftest import ROOT

NAMES = ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "PII_KEYS", "PORT", "PRECISION_ENGINE")


@dataclass
class Demo:
    """A finished `python -m demo --no-serve`."""

    var: Path
    summary: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in NAMES}
        return {**kept, "PRECISION_VAR": str(self.var), "DJANGO_SETTINGS_MODULE": "precision.settings"}

    def run(self) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "demo", "--no-serve", "--visitors", "3000"], cwd=ROOT, env=self.environment,
            capture_output=True, text=True, timeout=1800, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def shop(self, title: str) -> str:
        """Return the part of the summary that belongs to one shop."""
        return self.summary.split(title, 1)[1].split("\n\n", 1)[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    made = Demo(var=tmp_path_factory.mktemp("demo") / "var", summary="")
    made.summary = made.run()
    return made


@contextmanager
def servers(demo: Demo) -> Iterator[None]:
    with embedded.hold(demo.var):
        yield


def test_the_summary_says_what_became_of_every_row(demo: Demo) -> None:
    gifts, grocer = demo.shop("Gifts"), demo.shop("Grocer")
    assert "1,067,370: 1,021,154 accepted, 11,881 rejected, 34,335 duplicate" in gifts
    assert "1,562,439: 1,553,307 accepted, 9,132 rejected, 0 duplicate" in grocer
    assert re.search(r"orders +46,916 \(3,045 by guests, 7,403 credit notes\)", gifts)
    for part in (gifts, grocer):
        assert len(re.findall(r"who buys .+ also buys .+: \d+ baskets", part)) == 5
        sizes = re.search(r"classes +A ([\d,]+) +B ([\d,]+) +C ([\d,]+) +U ([\d,]+)", part)
        assert sizes is not None
        a, b, c, _ = (int(size.replace(",", "")) for size in sizes.groups())
        assert min(a, b, c) >= 0.1 * (a + b + c)
        gains = [float(low) for low in re.findall(r"\(95 % from ([+-]\d+\.\d+) to", part)]
        assert len(gains) == 2
        assert min(gains) > 0, "the recommendations must beat popularity, for all and for new items"
    assert re.search(r"rules +6\n", demo.shop("Golden (six baskets)"))


def test_classes_see_their_price_tiers(demo: Demo) -> None:
    keys = json.loads((demo.var / "demo_keys.json").read_text())
    with servers(demo):
        done = subprocess.run(
            [sys.executable, "-m", "tests.whole.slot_tiers", "grocer", keys["grocer"]], cwd=ROOT,
            env=demo.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    for letter in "ABC":
        assert seen[letter]["customers"] == 200
        assert seen[letter]["slots"] == [3]
        assert seen[letter]["fewest_items"] == 12
    _, low, _ = seen["A"]["price_position"]
    assert all(low > seen[other]["price_position"][2] for other in "BC"), seen
    _, low, _ = seen["B"]["discount_share"]
    assert all(low > seen[other]["discount_share"][2] for other in "AC"), seen


def test_a_second_run_adds_nothing(demo: Demo) -> None:
    again = demo.run()
    assert "0 accepted, 11,881 rejected, 1,055,489 duplicate" in again
    assert "0 accepted, 9,132 rejected, 1,553,307 duplicate" in again


def test_nothing_is_left_running(demo: Demo) -> None:
    status = embedded.status(demo.var)
    assert status.postgres_pid is None
    assert status.valkey_pid is None
