"""The containers' own commands, run natively against outside servers, and the compose file's check."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet

from tests.whole.conftest import ROOT, Installation, wait_for
from tests.whole.shops import ENQUEUE, write_shop

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []
REDIS = shutil.which("redis-server") or shutil.which("valkey-server")
COMPOSE = shutil.which("docker-compose")
PASSWORD = "p@ss/word:1"  # what an address must be able to carry


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose PostgreSQL and Redis are the operating system's, over TCP and with a password."""
    data, password = tmp_path / "data", tmp_path / "password"
    password.write_text(PASSWORD)
    become: list[str] = []
    if os.getuid() == 0:  # PostgreSQL does not run as root
        data.mkdir()
        for path in (data, password):
            shutil.chown(path, "postgres", "postgres")
        shared = Path(tempfile.gettempdir())
        for folder in (tmp_path, *tmp_path.parents):  # one deeper where several processes share the tests
            if not folder.is_relative_to(shared) or folder == shared:
                break
            folder.chmod(0o755)
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    port, queue_port, web_port = free_port(), free_port(), free_port()
    subprocess.run(
        [*become, str(POSTGRES[0] / "initdb"), "-D", str(data), "-U", "precision", "--auth=scram-sha-256",
         f"--pwfile={password}", "--locale=C.UTF-8", "--encoding=UTF8"],
        check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    url = f"postgresql://precision:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/precision"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": url,
        "BROKER_URL": f"redis://127.0.0.1:{queue_port}/0",
        "SECRET_KEY": "outside",
        "PII_KEYS": Fernet.generate_key().decode(),
        "PRECISION_VAR": str(tmp_path / "var"),
        "PORT": str(web_port),
        "DJANGO_SETTINGS_MODULE": "precision.settings",
        "PYTHONPATH": str(ROOT),
    }
    made = Installation(folder=ROOT, environment=environment, database_url=url)
    made.start(
        *become,
        str(POSTGRES[0] / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-k",
        "",
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=127.0.0.1",
    )
    assert REDIS is not None
    made.start(REDIS, "--port", str(queue_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))

    def ready() -> bool:
        try:
            with psycopg.connect(url.removesuffix("precision") + "postgres", autocommit=True) as link:
                link.execute("CREATE DATABASE precision")
        except psycopg.OperationalError:
            return False
        return True

    wait_for("PostgreSQL of the operating system", ready)
    yield made
    made.stop()


def container_commands() -> dict[str, list[str]]:
    """Return the command of each container: the image's own for web, the compose file's for the others."""
    compose = yaml.safe_load((ROOT / "docker/compose.yml").read_text(encoding="utf-8"))
    default = re.search(
        r"^CMD (\[.*\])$", (ROOT / "docker/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert default is not None
    names = ("migrate", "web", "worker", "beat")
    return {name: compose["services"][name].get("command") or json.loads(default[1]) for name in names}


@pytest.mark.outside
@pytest.mark.skipif(
    not POSTGRES or REDIS is None, reason="PostgreSQL or Redis of the operating system is not installed"
)
def test_the_containers_commands_run_against_outside_servers(outside: Installation, tmp_path: Path) -> None:
    commands = container_commands()
    migrated = outside.start(*commands["migrate"])
    assert migrated.wait(timeout=120) == 0, migrated.log.read_text()  # type: ignore[attr-defined]
    port = outside.environment["PORT"]
    outside.start(
        *[port if word == "8000" else "127.0.0.1" if word == "0.0.0.0" else word for word in commands["web"]]
    )
    outside.start(*commands["worker"])
    outside.start(*commands["beat"])

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False

    wait_for("the web container's command", ready)
    wait_for(
        "beat's schedule",
        lambda: bool(outside.query("SELECT 1 FROM django_celery_beat_periodictask WHERE name = 'nightly'")),
    )
    outside.manage("create_platform", "small", "--name", "Small", "--json")
    outside.manage("import_shop", "--platform", "small", *write_shop(tmp_path / "shop"))
    assert outside.start(sys.executable, "-c", ENQUEUE).wait(timeout=60) == 0
    wait_for(
        "the night",
        lambda: outside.query("SELECT count(*) FROM precision_engine_publication") == [(7,)],
        seconds=180,
    )
    assert not (tmp_path / "var" / "postgres").exists(), "no embedded server is started beside outside ones"


@pytest.mark.compose
@pytest.mark.skipif(COMPOSE is None, reason="docker-compose is not installed")
def test_the_compose_file_is_accepted(tmp_path: Path) -> None:
    environment = tmp_path / "env"
    made = subprocess.run(
        [sys.executable, ROOT / "docker/make_env.py"], capture_output=True, text=True, check=True
    )
    environment.write_text(made.stdout)
    assert "change-me" not in made.stdout
    Fernet(
        dict(line.split("=", 1) for line in made.stdout.splitlines() if "=" in line and line[0] != "#")[
            "PII_KEYS"
        ]
    )
    assert COMPOSE is not None
    checked = subprocess.run(
        [COMPOSE, "--env-file", environment, "-f", ROOT / "docker/compose.yml", "config"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    services = yaml.safe_load(checked.stdout)["services"]
    assert set(services) == {"postgres", "valkey", "migrate", "web", "worker", "beat"}
    assert all("healthcheck" in service for name, service in services.items() if name != "migrate")
    missing = subprocess.run(
        [COMPOSE, "-f", ROOT / "docker/compose.yml", "config"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert missing.returncode != 0
    assert "set it in docker/.env" in missing.stderr
