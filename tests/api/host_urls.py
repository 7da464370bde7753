"""Addresses of a project that is not ours and includes us below a path of its own."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class OwnView(APIView):
    """Something of the project itself."""

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("own/", OwnView.as_view()),
    path("tools/precision/", include("precision.api_urls")),
]
