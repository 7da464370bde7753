"""The OpenAPI document and the page that shows it; works offline and in any host project."""

from typing import Any

from django.templatetags.static import static
from django.urls import include, path
from drf_spectacular.plumbing import set_query_parameters
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.request import Request
from rest_framework.response import Response

HERE = "api/schema/"
INFO = {
    "title": "Precision API",
    "version": "1",
    "description": "Facts in, answers out: recommendations, rules, slots, portraits and segments of your shop.",
}


class SchemaView(SpectacularAPIView):
    """The OpenAPI document of our endpoints, at the addresses they have in the project around us.

    Open to everybody: it holds no data.
    """

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    versioning_class = None
    serve_public = True
    schema = None  # the document does not describe itself, whatever schema class the host project uses
    urlconf = ""  # set where the view is put to an address

    def _get_schema_response(self, request: Request) -> Response:
        """Return the document of the addresses in `urlconf` and nothing else."""
        prefix = request.path_info.lstrip("/").removesuffix(HERE)
        generator = self.generator_class(patterns=[path(prefix, include(self.urlconf))])
        document = generator.get_schema(request=request, public=self.serve_public)  # type: ignore[no-untyped-call]
        return Response({**document, "info": INFO})


class DocsView(SpectacularSwaggerView):
    """The OpenAPI document for people, with its scripts from our own static files: no network is needed."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    versioning_class = None
    schema = None  # the page is no part of the document, whatever schema class the host project uses
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
