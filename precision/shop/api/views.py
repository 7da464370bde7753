"""Base of every endpoint that belongs to a platform."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_standardized_errors.handler import exception_handler
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from precision.shop.api import parameters
from precision.shop.api.authentication import KeyAuthentication, Principal
from precision.shop.api.description import Schema
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.permissions import HasScope
from precision.shop.models import Identity, Platform, Product


class AlwaysJson(DefaultContentNegotiation):
    """Answers in JSON whatever the caller would rather have."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type


class OpenView(APIView):
    """An endpoint that needs no key; independent of the REST_FRAMEWORK settings around us."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    versioning_class = None
    content_negotiation_class = AlwaysJson
    renderer_classes = [JSONRenderer]
    parser_classes = [JSONParser]
    schema = Schema()

    def get_exception_handler(self) -> Callable[..., Any]:
        """Return the handler that gives every error the one shape."""
        return exception_handler


class PlatformView(OpenView):
    """An endpoint of the platform whose key is given; it sees this platform's rows and no others."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [HasScope]

    scopes: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset({"read"})}
    """Per method: a key needs one of these."""
    parameters: ClassVar[type[QueryParameters]] = QueryParameters

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the key, then refuse addresses that PostgreSQL could not look up."""
        super().initial(request, *args, **kwargs)
        if any("\0" in str(value) for value in kwargs.values()):
            raise NotFound("An address cannot contain the character NUL.")

    def scopes_of(self, method: str) -> frozenset[str]:
        """Return the scopes of which a key needs one to call `method`; other methods need those of GET."""
        return self.scopes.get(method, self.scopes["GET"])

    @property
    def principal(self) -> Principal:
        """The caller."""
        return self.request.user  # type: ignore[return-value]

    @property
    def platform(self) -> Platform:
        """The platform of the key."""
        return self.principal.platform

    def read_parameters(self) -> dict[str, Any]:
        """Return the checked parameters of the address line."""
        return parameters.read(self.parameters, self.request.query_params)

    def find_customer(self, customer_id: str) -> Identity:
        """Return the identity of a customer id of this platform; raise NotFound. One query."""
        identity = self.platform.identities.filter(kind=Identity.Kind.CUSTOMER_ID, value=customer_id).first()
        if identity is None:
            raise NotFound(f"There is no customer {customer_id!r} on platform {self.platform.key!r}.")
        return identity

    def find_products(self, product_ids: list[str]) -> dict[str, int]:
        """Return our id of each product id, in the order given; an alias gives the product it stands for.

        Raises NotFound naming those this platform does not have. One query.
        """
        rows = Product.objects.filter(platform=self.platform, external_id__in=product_ids).values_list(
            "external_id", "id", "same_as_id"
        )
        found = {external: same_as or own for external, own, same_as in rows}
        missing = [name for name in product_ids if name not in found]
        if missing:
            raise NotFound(
                f"There is no product {', '.join(map(repr, missing))} on platform {self.platform.key!r}."
            )
        return {name: found[name] for name in product_ids}
