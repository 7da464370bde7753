"""The system check of the admin site: unfold's pages need unfold's site around them."""

from typing import Any

from django.contrib import admin
from django.core.checks import CheckMessage, Error
from unfold.sites import UnfoldAdminSite


def check_site(**kwargs: Any) -> list[CheckMessage]:
    """Return an error when the default admin site is not unfold's: our pages would fail on its missing addresses."""
    site = admin.site
    if isinstance(site, UnfoldAdminSite):
        return []
    return [
        Error(
            f"The admin site is a {site.__class__.__name__}, but the staff pages of Precision need unfold's.",
            hint="Put 'unfold' (not 'unfold.apps.BasicAppConfig') into INSTALLED_APPS before "
            "'django.contrib.admin', or derive your own site from unfold.sites.UnfoldAdminSite.",
            id="precision_shop.E006",
        )
    ]
