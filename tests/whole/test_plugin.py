"""The wheel inside a Django project that is not ours, which has apps called `shop` and `orders`."""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.conftest import ROOT, Installation, wait_for
from tests.whole.shops import write_shop

FILES = {
    "manage.py": """
        import os, sys
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hostproject.settings")
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
    """,
    "hostproject/__init__.py": "from hostproject.celery import app\n",
    "hostproject/celery.py": """
        import os
        from celery import Celery
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hostproject.settings")
        app = Celery("hostproject")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.autodiscover_tasks()
    """,
    "hostproject/settings.py": """
        import os
        from pathlib import Path
        from urllib.parse import parse_qs, urlsplit
        BASE_DIR = Path(__file__).resolve().parent.parent
        SECRET_KEY = "host"
        ALLOWED_HOSTS = ["testserver"]
        INSTALLED_APPS = [
            "unfold", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
            "django.contrib.postgres", "django.contrib.sessions", "django.contrib.messages",
            "django.contrib.staticfiles", "rest_framework", "drf_spectacular", "drf_spectacular_sidecar",
            "drf_standardized_errors", "django_filters", "django_celery_beat",
            "precision.charts", "precision.engine", "precision.shop", "segments", "recommender", "precision.campaigns",
            "shop", "orders",
        ]
        STATICFILES_FINDERS = [
            "django.contrib.staticfiles.finders.FileSystemFinder",
            "django.contrib.staticfiles.finders.AppDirectoriesFinder",
            "precision.charts.finders.PlotlyFinder",
        ]
        MIDDLEWARE = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ]
        ROOT_URLCONF = "hostproject.urls"
        TEMPLATES = [{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": [
                "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages"]},
        }]
        _url = urlsplit(os.environ["DATABASE_URL"])
        DATABASES = {"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": _url.path[1:], "USER": _url.username,
            "HOST": parse_qs(_url.query)["host"][0],
        }}
        # The host's own choices must not leak into our API.
        REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"]}
        DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
        TIME_ZONE = "Asia/Tokyo"
        USE_TZ = True
        STATIC_URL = "static/"
        PII_KEYS = [os.environ["PII_KEYS"]]
        CELERY_BROKER_URL = os.environ["BROKER_URL"]
    """,
    "hostproject/urls.py": """
        from django.contrib import admin
        from django.urls import include, path
        urlpatterns = [path("admin/", admin.site.urls), path("precision/", include("precision.api_urls"))]
    """,
    "shop/__init__.py": "",
    "shop/models.py": """
        from django.db import models
        class Product(models.Model):
            name = models.CharField(max_length=10)
    """,
    "shop/admin.py": """
        from django.contrib import admin
        from shop.models import Product
        admin.site.register(Product)
    """,
    "orders/__init__.py": "",
    "orders/models.py": """
        from django.db import models
        class Order(models.Model):
            number = models.CharField(max_length=10)
    """,
    "walk.py": """
        import json, sys
        import django
        django.setup()
        from django.contrib.auth import get_user_model
        from django.test import Client
        key, customer = sys.argv[1:]
        api = Client(headers={"authorization": f"Bearer {key}"})
        staff = Client()
        staff.force_login(get_user_model().objects.create_superuser("boss", password="x"))
        slots = api.get("/precision/api/v1/slots/home/", {"customer": customer})
        print(json.dumps({
            "slots": slots.json(), "denied": Client().get("/precision/api/v1/slots/home/").status_code,
            "denied_body": Client().get("/precision/api/v1/slots/home/").json(),
            "admin": staff.get("/admin/").status_code, "ours": staff.get("/admin/precision_shop/product/").status_code,
            "theirs": staff.get("/admin/shop/product/").status_code,
            "schema": Client().get("/precision/api/schema/").status_code,
            "docs": Client().get("/precision/api/docs/").status_code,
        }))
    """,
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, so that setuptools leaves no build folder in the checkout.
    source = folder / "source"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".venv", ".git", "var", "demo", "tests", "__pycache__")
    )
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("precision_marketing-*.whl"))


@pytest.fixture
def host(installation: Installation, wheel: Path, tmp_path: Path) -> Iterator[Installation]:
    """A foreign project with the wheel installed, on a database without any of our tables."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    # Our dependencies come from the tests' own environment; the wheel itself is installed for real.
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            str(wheel),
        ],
        check=True,
    )
    folder = tmp_path / "host"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
        path.write_text("\n".join(line[indent:] for line in lines) + "\n", encoding="utf-8")
    variables = {**installation.environment, "DJANGO_SETTINGS_MODULE": "hostproject.settings"}
    for name in ("PYTHONPATH", "PRECISION_VAR"):
        variables.pop(name, None)
    variables["PRECISION_VAR"] = str(tmp_path / "var")
    project = Installation(
        folder=folder, environment=variables, database_url=installation.database_url, python=str(python)
    )
    project.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    yield project
    project.stop()


def test_the_wheel_works_in_a_foreign_project(host: Installation, tmp_path: Path) -> None:
    where = subprocess.run(
        [host.python, "-c", "import precision, segments; print(precision.__file__, segments.__file__)"],
        cwd=host.folder,
        env=host.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(ROOT) not in where
    host.manage("check")
    host.manage("makemigrations", "shop", "orders")
    host.manage("migrate", "--verbosity", "0")
    assert "No changes detected" in host.manage("makemigrations", "--check", "--dry-run"), (
        "our migrations are complete"
    )
    assert host.query("SELECT count(*) FROM shop_product, orders_order, precision_shop_product") == [(0,)]

    keys = json.loads(host.manage("create_platform", "small", "--name", "Small", "--json"))
    host.manage("import_shop", "--platform", "small", *write_shop(tmp_path / "shop"))
    host.start(
        host.python, "-m", "celery", "-A", "hostproject", "worker", "--pool", "threads", "--loglevel", "INFO"
    )
    nightly = [
        host.python,
        "-c",
        "import django; django.setup(); from precision.shop.tasks import nightly; nightly.delay()",
    ]
    subprocess.run(nightly, cwd=host.folder, env=host.environment, check=True)
    wait_for(
        "the night under the host's own Celery app",
        lambda: host.query("SELECT count(*) FROM precision_engine_publication") == [(7,)],
        seconds=180,
    )
    walked = subprocess.run(
        [host.python, "walk.py", keys["server_key"], "C1"],
        cwd=host.folder,
        env=host.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert walked.returncode == 0, walked.stderr
    seen = json.loads(walked.stdout.splitlines()[-1])
    assert {name: seen[name] for name in ("denied", "admin", "ours", "theirs", "schema", "docs")} == {
        "denied": 401,
        "admin": 200,
        "ours": 200,
        "theirs": 200,
        "schema": 200,
        "docs": 200,
    }
    assert seen["denied_body"]["type"] == "client_error"
    assert [slot["slot"] for slot in seen["slots"]["slots"]] == ["home-1", "home-2", "home-3"]
    assert all(slot["items"] for slot in seen["slots"]["slots"])
