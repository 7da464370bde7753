"""`python -m precision.embedded status|stop [VAR] [--force]`: look at the servers, or stop them."""

import argparse
import sys
from pathlib import Path

from precision.embedded import EmbeddedError, status, stop


def main() -> int:
    """Return the exit code: 0, or 1 when the servers could not be stopped or looked at."""
    parser = argparse.ArgumentParser(prog="python -m precision.embedded", description=__doc__)
    parser.add_argument("verb", choices=["status", "stop"])
    parser.add_argument("var", nargs="?", type=Path, default=Path("var"), help="default: var")
    parser.add_argument("--force", action="store_true", help="stop even while a process uses them")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "stop":
            stop(arguments.var, notify=lambda text: sys.stderr.write(text + "\n"), force=arguments.force)
        now = status(arguments.var)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for title, pid in (("PostgreSQL", now.postgres_pid), ("Valkey", now.valkey_pid)):
        sys.stdout.write(f"{title}: {'stopped' if pid is None else f'running, process {pid}'}\n")
    sys.stdout.write(f"in use: {'yes' if now.in_use else 'no'}\nsockets: {now.sockets}\nlogs: {now.log}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
