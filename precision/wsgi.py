"""WSGI application of the assembled product."""

import os

from django.core.wsgi import get_wsgi_application

from precision.celery import app as celery_app

__all__ = ["application", "celery_app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "precision.settings")

application = get_wsgi_application()
