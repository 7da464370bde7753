"""`python -m demo`: finds or starts the embedded servers unless outside ones are named, then runs it."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import django
from django.utils.module_loading import import_string

from precision import embedded

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the demo while holding the embedded servers, where they are in use; return the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "precision.settings")
    var = Path(os.environ.get("PRECISION_VAR") or ROOT / "var").absolute()
    outside = os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL")
    with ExitStack() as stack:
        if not outside:
            try:
                stack.enter_context(embedded.hold(var, notify=lambda text: sys.stderr.write(f"{text}\n")))
            except embedded.EmbeddedError as error:
                sys.stderr.write(f"{error}\n")
                return 1
        django.setup()
        # By name, because the models it imports can only be imported once Django is set up.
        run: Callable[[Sequence[str]], int] = import_string("demo.run.main")
        return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
