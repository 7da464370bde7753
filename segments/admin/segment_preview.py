"""The live count beside the form of a segment: what the page asks while somebody types."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from precision.shop import scopes
from precision.shop.scopes import Scope
from segments import conditions, definitions, effects, masking, population, preview
from segments.admin import life_pages
from segments.admin.segment_forms import ConditionField, HiddenError, checked, place_of
from segments.api.names import names_of

LONGEST_TOKEN: Final = 100


class CountForm(life_pages.ScopeForm):
    """What to count."""

    condition = ConditionField(error_messages={"required": "There is no condition yet."})
    key = forms.CharField(required=False, max_length=200)
    token = forms.CharField(required=False, max_length=LONGEST_TOKEN)


@require_POST
def count(request: HttpRequest) -> JsonResponse:
    """Answer with how many meet a condition now, some of them, and when each term follows the facts."""
    life_pages.may_view(request, "precision_segments.view_segment")
    form = CountForm(request.POST)
    if not form.is_valid():
        return _refusal(" ".join(str(error) for errors in form.errors.values() for error in errors), 400)
    scope = scopes.read(form.cleaned_data["scope"])
    try:
        data = checked(
            scope,
            form.cleaned_data["condition"],
            masking.of_user(request.user),
            key=form.cleaned_data["key"] or None,
        )
    except conditions.ConditionError as error:
        return _refusal(place_of(error), 400, path=error.path)
    except HiddenError as error:
        return _refusal(str(error), 403)
    return _counted(request, scope, data, form.cleaned_data["token"])


def _counted(request: HttpRequest, scope: Scope, data: Any, token: str) -> JsonResponse:
    known = definitions.read(scope)
    condition = definitions.check(scope, data)
    try:
        found = preview.preview(scope, condition, known=known, caller=f"user {request.user.pk}", token=token)
    except preview.SupersededError as error:
        return _refusal(str(error), 409)
    except (preview.TookTooLongError, population.NothingComputedError) as error:
        return _refusal(str(error), 503)
    may_see = request.user.has_perm("precision_shop.view_customer")
    return JsonResponse(
        {
            "count": found.count,
            "of": found.of,
            "share": found.count / found.of if found.of else None,
            "took_ms": found.took_ms,
            "as_of": found.as_of,
            "sample": _people(scope, found.sample) if may_see else [],
            "effects": [
                {"path": one.path, "term": one.term, "pace": effects.IN_WORDS[one.pace], "note": one.note}
                for one in effects.effects(scope, condition, known)
            ],
        }
    )


def _people(scope: Scope, customers: list[int]) -> list[dict[str, str]]:
    """Return names and addresses of customers. One query for each shop of the scope."""
    names: dict[int, str] = {}
    for platform in scope.platforms:
        for customer, known in names_of(platform, customers).items():
            names.setdefault(customer, known["customer_id"] or known["anonymous_id"] or "")
    return [
        {
            "name": names.get(number) or f"customer {number}",
            "url": reverse("admin:precision_shop_customer_change", args=[number]),
        }
        for number in customers
    ]


def _refusal(text: str, status: int, **more: str) -> JsonResponse:
    return JsonResponse({"error": text, **more}, status=status)
