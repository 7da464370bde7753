"""WSGI application of the assembled product."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "precision.settings")

application = get_wsgi_application()
