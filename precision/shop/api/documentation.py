"""The OpenAPI document and the page that shows it; works offline and in any host project."""

from typing import Any

from django.templatetags.static import static
from drf_spectacular.plumbing import set_query_parameters
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.request import Request


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, open to everybody: it holds no data."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    versioning_class = None


class DocsView(SpectacularSwaggerView):
    """The OpenAPI document for people, with its scripts from our own static files: no network is needed."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    versioning_class = None
    title = "Precision API"

    def _get_schema_url(self, request: Request) -> str:
        """Return the address of the document beside this page, wherever the host project has put us."""
        return set_query_parameters(url="../schema/", lang=request.GET.get("lang"))

    @staticmethod
    def _swagger_ui_resource(filename: str) -> Any:
        """Return the address of a file of Swagger UI in the sidecar package."""
        return static(f"drf_spectacular_sidecar/swagger-ui-dist/{filename}")

    @staticmethod
    def _swagger_ui_favicon() -> Any:
        """Return the address of the icon in the sidecar package."""
        return static("drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png")
