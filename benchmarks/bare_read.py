"""A bare view of Django REST framework: reads one row by an index and answers with it; no key, no checks."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from precision.shop.models import Identity


class RowView(APIView):
    """One row."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request) -> Response:
        """Answer with the row of an identity."""
        rows = Identity.objects.filter(
            platform_id=1, kind="customer_id", value=request.query_params["customer"]
        )
        return Response(rows.values("id", "value", "customer_id", "created_at").first())


urlpatterns = [path("api/v1/slots/home/", RowView.as_view())]
