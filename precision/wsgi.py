"""WSGI application of the assembled product."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from precision.celery import app as celery_app

__all__ = ["application", "celery_app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "precision.settings")

_pages = get_wsgi_application()

from precision.shop.api.events import wsgi as events  # noqa: E402 models can be imported only now

application = events.before(_pages)

# What is loaded now stays, so the collector need not look through it again and again.
gc.collect()
gc.freeze()
