"""Addresses of the assembled product."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from precision import staff_pages

staff_pages.dress()

urlpatterns = [
    path("", RedirectView.as_view(url="/api/docs/"), name="home"),
    path("admin/", admin.site.urls),
    path("", include("precision.api_urls")),
]
