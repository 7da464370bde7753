"""The peer rectools, in an environment of its own: it cannot share our lock (it wants numpy below 2)."""

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.quality_lists_baselines import K, Lists, World

HERE = Path(__file__).parent
LOCK = HERE / "rectools_requirements.txt"
WORK = HERE / "quality_rectools_work.py"
READY = "ready"
PATIENCE_S = 3600


@dataclass(frozen=True, slots=True)
class Peer:
    """The interpreter of the environment, or why there is none."""

    python: Path | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """Lists by the name of the model; `reason` says what is missing and why."""

    lists: dict[str, Lists]
    reason: str = ""


def environment(folder: Path | None = None) -> Peer:
    """Return the environment of the lock, made in `folder` (default: var/benchmarks) where it is not there yet."""
    base = folder or Path(os.environ.get("PRECISION_VAR", "var")) / "benchmarks"
    home = base.resolve() / f"rectools-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    if (home / READY).is_file():
        return Peer(python)
    try:
        venv.create(home, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", LOCK],
            check=True, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        told = str(getattr(error, "stderr", "") or error).strip()
        return Peer(None, f"rectools could not be installed: {told[-300:]}")
    (home / READY).touch()
    return Peer(python)


def recommended(worlds: Mapping[str, World], peer: Peer) -> dict[str, Listed]:
    """Return the lists of the models of rectools in each world of one shop; none, with the reason, where not to be had.

    The worlds share customers and history, so that each model is fitted once.
    """
    if peer.python is None:
        return dict.fromkeys(worlds, Listed({}, peer.reason))
    one = next(iter(worlds.values()))
    with TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "in.npz", Path(scratch) / "out.npz"
        np.savez(
            source, row=one.history.row, column=one.history.column, day=one.history.day, judged=one.rows, k=K,
            worlds=list(worlds), new_only=[world.new_only for world in worlds.values()],
        )  # fmt: skip
        try:
            done = subprocess.run(
                # -I: modules of ours that lie beside the script must not stand before those of the environment.
                [peer.python, "-I", WORK, source, target], check=False, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return dict.fromkeys(
                worlds, Listed({}, f"rectools took longer than {PATIENCE_S} s and was stopped")
            )
        sys.stderr.write(
            "".join(f"{line}\n" for line in done.stderr.splitlines() if line.startswith("rectools "))
        )
        if done.returncode or not target.is_file():
            return dict.fromkeys(worlds, Listed({}, f"rectools failed: {done.stderr.strip()[-300:]}"))
        with np.load(target) as found:
            reason = "; ".join(found["errors"].tolist())
            return {
                which: Listed(
                    {
                        name.removeprefix(f"{which} "): found[name]
                        for name in found.files
                        if name.startswith(f"{which} ")
                    },
                    reason,
                )
                for which in worlds
            }
