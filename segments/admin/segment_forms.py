"""The form of a segment: a condition that is checked as the nightly job will read it, or a list of customers."""

import json
from typing import Any, Final

from django import forms
from django.forms.fields import InvalidJSONInput
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from precision.shop import scopes
from precision.shop.models import Platform
from precision.shop.scopes import Scope
from segments import conditions, definitions, masking, visibility
from segments.admin.class_rules import scope_choices
from segments.labels import registry
from segments.masking import Sight
from segments.models import Segment

EXAMPLE: Final = {"label": "recency_days", "op": "<", "value": 30}
MOST_IDS: Final = 5_000
LONGEST_ID: Final = 200
CONDITION_HELP: Final = (
    'Terms are {{"label": "recency_days", "op": "<", "value": 30}}, {{"did": "Product Viewed", "where": {{"category": '
    '"tea"}}, "within_days": 7, "at_least": 2}} and {{"segment": "big-customers"}}; {{"all": […]}}, {{"any": […]}} and '
    '{{"not": …}} put them together. Comparisons: {}. Labels: {}, and those of the shop\'s staff.'
)


class ConditionField(forms.JSONField):
    """JSON that the database can keep; what cannot be read is said, whatever was typed."""

    def to_python(self, value: Any) -> Any:
        """Return the data that the text says."""
        try:
            found = super().to_python(value)
            text = json.dumps(found, ensure_ascii=False)
            text.encode()
        except RecursionError as error:
            raise forms.ValidationError(
                f"Nested deeper than {conditions.MAX_DEPTH} levels; split it into segments."
            ) from error
        except ValueError as error:  # a number of thousands of digits, half a character
            raise forms.ValidationError(f"This cannot be read: {error}") from error
        if "\\u0000" in text:
            raise forms.ValidationError("A condition has no character of the number zero in it.")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the field shows after a refusal: as it was typed where it cannot be read."""
        try:
            found = super().bound_data(data, initial)
            json.dumps(found, ensure_ascii=False).encode()
        except (RecursionError, ValueError):
            return InvalidJSONInput(data)
        return found


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    """A segment that the nightly job will understand, made by somebody who may ask for what it asks."""

    sight: Sight = Sight(sensitive=False, personal=False)
    """What whoever fills the form may see."""

    scope = forms.ChoiceField(
        label="Shop",
        widget=UnfoldAdminSelectWidget,
        help_text="Whose customers; of all shops of an organisation, people are one where joins say so.",
    )
    condition = ConditionField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}))
    listed_at = forms.ChoiceField(label="Ids are those of", required=False, widget=UnfoldAdminSelectWidget)
    listed = forms.CharField(
        label="Put onto the list", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=f"Customer ids of the shop, one in a line, {MOST_IDS:,} at once; unknown ones are named.",
    )  # fmt: skip
    unlisted = forms.CharField(
        label="Take off the list", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Customer ids, one in a line.",
    )  # fmt: skip

    class Meta:
        model = Segment
        fields = ("name", "key", "description", "static", "condition")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        there = self.instance.pk is not None
        if there:
            del self.fields["scope"]
        else:
            self.fields["scope"].choices = scope_choices()  # type: ignore[attr-defined]
            self.fields["condition"].initial = EXAMPLE
        if there and self.instance.static:
            del self.fields["condition"]
        else:
            self._describe_condition()
        self._offer_lists(there)

    def _describe_condition(self) -> None:
        field = self.fields["condition"]
        shown = sorted(
            key for key, each in registry.definitions().items() if self.sight.sees(each.sensitivity)
        )
        field.help_text = format_html(CONDITION_HELP, ", ".join(conditions.OPS), ", ".join(shown))
        field.widget.attrs |= {
            "class": f"{field.widget.attrs.get('class', '')} precision-condition",
            "spellcheck": "false",
            "data-count": reverse("admin:precision_segments_segment_preview"),
            "data-scope": self.instance.scope if self.instance.pk else "",
            "data-key": self.instance.key or "",
        }

    def _offer_lists(self, there: bool) -> None:
        """Leave the fields of members where they can be named: on a list, and on a segment that may become one."""
        if there and not self.instance.static:
            for name in ("listed_at", "listed", "unlisted"):
                del self.fields[name]
            return
        if not there:
            del self.fields["unlisted"]
        platform = self.instance.platform if there else None
        if platform is not None:
            choices = [(platform.key, platform.name)]
        else:
            shops = Platform.objects.order_by("key")
            shops = shops.filter(organisation=self.instance.organisation_id) if there else shops
            choices = [("", "the shop of the segment"), *shops.values_list("key", "name")]
        self.fields["listed_at"].choices = choices  # type: ignore[attr-defined]

    def clean_listed(self) -> list[str]:
        """Return the ids to put onto the list."""
        return _ids(self.cleaned_data["listed"])

    def clean_unlisted(self) -> list[str]:
        """Return the ids to take off the list."""
        return _ids(self.cleaned_data["unlisted"])

    def clean(self) -> dict[str, Any]:
        """Refuse what cannot be computed or may not be asked; the error of a condition names the place in its tree."""
        data = super().clean() or {}
        name = self.instance.scope if self.instance.pk else data.get("scope")
        if not name:
            return data
        scope = scopes.read(name)
        if not self.instance.pk:
            self._own(scope, data)
        static = self.instance.static if self.instance.pk else data.get("static", False)
        if static:
            self._clean_list(scope, data)
        elif data.get("listed"):
            self.add_error("listed", "Only members of a list are named; this segment has a condition.")
        if not static and "condition" in data and (not self.instance.pk or "condition" in self.changed_data):
            self._clean_condition(scope, data)
        return data

    def _own(self, scope: Scope, data: dict[str, Any]) -> None:
        """Say whose the new segment is, and refuse a key that is taken there."""
        self.instance.platform = scope.platform
        self.instance.organisation = None if scope.platform else scope.platforms[0].organisation
        if "key" in data and definitions.of_scope(scope).filter(key=data["key"]).exists():
            self.add_error(
                "key", f"There is a segment {data['key']!r} of {scope.key} already; choose another key."
            )

    def _clean_list(self, scope: Scope, data: dict[str, Any]) -> None:
        if data.get("condition") not in (None, EXAMPLE):
            self.add_error("condition", "A list has no condition; empty this field, or make no list.")
        data["condition"] = None
        shops = {platform.key: platform for platform in scope.platforms}
        chosen = data.get("listed_at") or (scope.platform.key if scope.platform else "")
        if (data.get("listed") or data.get("unlisted")) and chosen not in shops:
            found = f"{chosen} is no shop of {scope.key}" if chosen else "ids are those of one shop"
            self.add_error("listed_at", f"Found that {found}; choose one of {', '.join(shops)}.")
        data["listed_at"] = shops.get(chosen)

    def _clean_condition(self, scope: Scope, data: dict[str, Any]) -> None:
        # The lock holds until the request's transaction ends: nobody closes a circle between the check and the save.
        with definitions.changing(scope):
            try:
                data["condition"] = checked(
                    scope, data["condition"], self.sight, key=data.get("key") or self.instance.key or None
                )
            except conditions.ConditionError as error:
                self.add_error("condition", place_of(error))
            except HiddenError as error:
                self.add_error("condition", str(error))


class HiddenError(ValueError):
    """A condition asks by labels that whoever asks may not see."""


def checked(scope: Scope, data: Any, sight: Sight, *, key: str | None) -> dict[str, Any]:
    """Return a condition in its normal form; raises ConditionError, and HiddenError."""
    condition = definitions.check(scope, data, key=key)
    hidden = visibility.hidden_in(condition, definitions.read(scope), sight)
    if hidden:
        raise HiddenError(
            f"Your role may not see {', '.join(map(_titled, hidden))}, so it may not ask by it: a right of seeing "
            "sensitive or personal labels is needed."
        )
    return conditions.as_data(condition)


def place_of(error: conditions.ConditionError) -> str:
    """Return an error of a condition with its place in the tree."""
    return f"At {error.path or 'the top'}: {error.message}"


def _titled(label: str) -> str:
    sensitivity = masking.sensitivity_of_label(label)
    return f"{label} ({sensitivity})"


def _ids(text: str) -> list[str]:
    """Return the lines with anything in them, each once."""
    found = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(found) > MOST_IDS:
        raise forms.ValidationError(f"{len(found):,} ids; at most {MOST_IDS:,} are taken at once.")
    long = next((one for one in found if len(one) > LONGEST_ID), None)
    if long:
        raise forms.ValidationError(
            f"The id {long[:40]}… has {len(long)} characters; at most {LONGEST_ID} are possible."
        )
    return found
