"""Staff pages of apps that are not ours, in the dress of the others; for the assembled product only.

A project that embeds us keeps its own pages of users and schedules, so nothing of ours calls this there.
"""

from typing import Any

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    TaskSelectWidget,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget


class DressedUserAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Users, with forms that fit the pages."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


class DressedGroupAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Groups of users and what they may do."""


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]
    """The choice among the tasks that the Celery app knows."""


class TaskForm(PeriodicTaskForm):  # type: ignore[misc]
    """A task and its schedule."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


class DressedTaskAdmin(PeriodicTaskAdmin, ModelAdmin):  # type: ignore[misc]
    """Tasks that start by the clock."""

    form = TaskForm


class DressedCrontabAdmin(CrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    """Schedules like 02:00 every day."""


class DressedClockedAdmin(ClockedScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    """Schedules of one moment."""


PAGES: dict[type[Model], type[Any]] = {
    User: DressedUserAdmin,
    Group: DressedGroupAdmin,
    PeriodicTask: DressedTaskAdmin,
    CrontabSchedule: DressedCrontabAdmin,
    ClockedSchedule: DressedClockedAdmin,
    IntervalSchedule: ModelAdmin,
    SolarSchedule: ModelAdmin,
}


def dress(site: AdminSite = admin.site) -> None:
    """Replace the pages that these apps registered themselves."""
    for model, page in PAGES.items():
        site.unregister(model)
        site.register(model, page)
