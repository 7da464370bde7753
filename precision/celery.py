"""Celery application of the assembled product."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "precision.settings")

app = Celery("precision")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
