"""The paths and pages of the ModelAdmins: opened by operators only, as every page of theirs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from apps.backoffice import model_admins  # noqa: F401 - registers them
from apps.backoffice.pages import OperatorPage
from apps.backoffice.sign_in import render_busy
from apps.backoffice.site import site
from apps.core.concurrency import ConcurrencyLimitError
from apps.tenancy import registry
from apps.tenancy.models import StaffMembership, Tenant, User

_VIEWS: Final[tuple[tuple[str, type[Model], tuple[str, ...]], ...]] = (
    ("users/", User, ("changelist", "add", "change", "password")),
    ("memberships/", StaffMembership, ("changelist", "add", "change", "delete")),
    ("tenants/", Tenant, ("changelist", "change")),
)
#: Name of a view → the ModelAdmin's method, and the end of its path.
_ROUTES: Final[Mapping[str, tuple[str, str]]] = {
    "changelist": ("changelist_view", ""),
    "add": ("add_view", "add/"),
    "change": ("change_view", "<str:object_id>/change/"),
    "delete": ("delete_view", "<str:object_id>/delete/"),
    "password": ("user_change_password", "<str:id>/password/"),
}


def _nothing(*_: object) -> HttpResponse:
    raise Http404


class ModelPage(OperatorPage):
    """One view of a ModelAdmin, opened as every page of operators is."""

    show: Callable[..., HttpResponse] = staticmethod(_nothing)  # given to as_view

    def get(self, request: HttpRequest, **row: str) -> HttpResponse:
        """Show the view."""
        return self.show(request, **row)

    def post(self, request: HttpRequest, **row: str) -> HttpResponse:
        """Change the registry: here at once, in other processes within 30 s."""
        try:
            with transaction.atomic():  # holds the row's lock; Django sets a password without one
                return self.show(request, **row)
        except ConcurrencyLimitError:
            return render_busy(request)
        finally:
            registry.clear()


def paths() -> Iterator[URLPattern]:
    """Yield the paths of the views that are in use, named as ModelAdmin looks them up."""
    for folder, model, views in _VIEWS:
        model_admin = site.get_model_admin(model)
        for name in views:
            attribute, route = _ROUTES[name]
            page = ModelPage.as_view(show=getattr(model_admin, attribute))
            yield path(folder + route, page, name=f"tenancy_{model.__name__.lower()}_{name}")
