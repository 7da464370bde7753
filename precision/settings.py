"""Settings of the assembled product; a project that embeds our apps has its own and does not use these."""

import os
from pathlib import Path

from celery.schedules import crontab
from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key

from precision import configuration, embedded

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("PRECISION_VAR") or BASE_DIR / "var").absolute()

SECRET_KEY = os.environ.get("SECRET_KEY") or configuration.secret(VAR / "secret_key", get_random_secret_key)
PII_KEYS = configuration.pii_keys(
    os.environ.get("PII_KEYS")
    or configuration.secret(VAR / "pii_keys", lambda: Fernet.generate_key().decode("ascii"))
)
DEBUG = False
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_celery_beat",
    "precision.charts",
    "precision.engine",
    "precision.shop",
    "segments",
    "recommender",
    "precision.campaigns",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "precision.urls"
WSGI_APPLICATION = "precision.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": configuration.database(os.environ.get("DATABASE_URL") or embedded.database_url(VAR))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "precision.charts.finders.PlotlyFinder",
]
# Files are served from the apps' own folders: nothing to collect, so no STATIC_ROOT.
WHITENOISE_USE_FINDERS = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("HTTPS", "") == "1"

CELERY_BROKER_URL = configuration.broker(os.environ.get("BROKER_URL") or embedded.broker_url(VAR))
CELERY_TASK_ACKS_LATE = True  # a task of a killed worker is delivered again; leases make that harmless
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "stitch": {"task": "precision.stitch", "schedule": crontab(hour=0, minute=30)},
    "nightly": {"task": "precision.nightly", "schedule": crontab(hour=2, minute=0)},
    "history": {"task": "precision.history", "schedule": crontab(hour=0, minute=30)},
    "erasures": {"task": "precision.erasures", "schedule": crontab(minute="*/10")},
    "retention": {"task": "precision.retention", "schedule": crontab(hour=3, minute=30)},
    "follow segments": {"task": "precision.follow_segments", "schedule": crontab()},
    "suggest aliases": {"task": "precision.suggest_aliases", "schedule": crontab(hour=1, minute=0)},
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

ENGINES = {
    "default": {
        "BACKEND": os.environ.get("PRECISION_ENGINE") or "precision.engine.backends.local.LocalEngine",
        "OPTIONS": {},
    }
}

HISTORY = VAR / "history"  # the Parquet lake; a folder of its own on a disk with room

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Precision API",
    "VERSION": "1",
    "DESCRIPTION": "Facts in, answers out: recommendations, rules, slots, portraits and segments of your shop.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ValidationErrorEnum": "drf_standardized_errors.openapi_serializers.ValidationErrorEnum.choices",
        "ClientErrorEnum": "drf_standardized_errors.openapi_serializers.ClientErrorEnum.choices",
        "ServerErrorEnum": "drf_standardized_errors.openapi_serializers.ServerErrorEnum.choices",
        "ErrorCode401Enum": "drf_standardized_errors.openapi_serializers.ErrorCode401Enum.choices",
        "ErrorCode403Enum": "drf_standardized_errors.openapi_serializers.ErrorCode403Enum.choices",
        "ErrorCode404Enum": "drf_standardized_errors.openapi_serializers.ErrorCode404Enum.choices",
        "ErrorCode405Enum": "drf_standardized_errors.openapi_serializers.ErrorCode405Enum.choices",
        "ErrorCode406Enum": "drf_standardized_errors.openapi_serializers.ErrorCode406Enum.choices",
        "ErrorCode415Enum": "drf_standardized_errors.openapi_serializers.ErrorCode415Enum.choices",
        "ErrorCode429Enum": "drf_standardized_errors.openapi_serializers.ErrorCode429Enum.choices",
        "ErrorCode500Enum": "drf_standardized_errors.openapi_serializers.ErrorCode500Enum.choices",
    },
}

UNFOLD = {
    "SITE_TITLE": "Precision",
    "SITE_HEADER": "Precision",
    "SITE_SUBHEADER": "precision marketing for shops",
    "SITE_SYMBOL": "target",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "precision.navigation.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "precision.navigation.sidebar"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "precision": {"level": "INFO"},
        "segments": {"level": "INFO"},
        "recommender": {"level": "INFO"},
    },
}
