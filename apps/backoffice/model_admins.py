"""ModelAdmins of the registry's rows: users, staff memberships and tenants. For operators only.

Not ``admin.py``: Django would load that, and with it the whole admin site, in every worker.
"""

import logging
from functools import partial
from typing import Any, ClassVar, Final, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import models
from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from apps.backoffice.model_forms import IndentedJSON, NewUserForm, PasswordForm, TenantForm
from apps.backoffice.site import site
from apps.backoffice.text_fields import TextField
from apps.tenancy.models import StaffMembership, Tenant, User
from resale.domain.text import TextKind

logger = logging.getLogger("resale.operator")

_ROWS_PER_PAGE: Final = 50
#: Names, keys and stored amounts in the tenant's account depend on these.
_FIXED: Final = (
    *("id", "slug", "account_id", "region", "external_id"),
    *("sandbox", "currency", "market", "created_at", "updated_at"),
)
_PERMISSIONS: Final = {
    "is_active": "An account that is not active cannot sign in. Accounts are not deleted: histories name them.",
    "is_staff": "Can sign in to this site.",
    "is_superuser": "An operator: manages tenants and accounts, and sees no shop's data.",
}


class RegistryAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """What the three have in common: our own templates, texts checked, rows locked, and no log of Django's.

    An operator is Django's superuser, who has every permission; nobody else gets here (``model_pages``).
    """

    actions = None
    list_per_page = _ROWS_PER_PAGE
    change_list_template = "backoffice/registry/list.html"
    add_form_template = change_form_template = "backoffice/registry/form.html"
    delete_confirmation_template = "backoffice/registry/delete.html"
    formfield_overrides: ClassVar = {
        models.CharField: {"form_class": partial(TextField, TextKind.LINE)},
        models.EmailField: {"form_class": forms.EmailField},
        models.JSONField: {"encoder": IndentedJSON},
    }

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List the rows, under the model's name."""
        title = str(self.opts.verbose_name_plural).capitalize()
        listed: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return listed

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Read a row; for a change under its lock, as the whole row is written and others may be changing it."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST":
            return found
        return self.model.objects.select_for_update().filter(pk=found.pk).first()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a form field without the links to related rows, which need scripts."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Answer 404 for a row that is not there, as every other page does."""
        raise Http404

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Log a new row."""
        self._log("added", request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Log a change, by the names of its fields."""
        self._log("changed", request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Log rows that are about to be deleted."""
        for obj in queryset:
            self._log("deleted", request, obj, [])

    def _log(self, what: str, request: HttpRequest, obj: Model, message: Any) -> None:
        """Write a log line in the place of Django's own LogEntry: the registry keeps no texts of forms."""
        entries = message if isinstance(message, list) else []
        fields = sorted(name for entry in entries for name in entry.get("changed", {}).get("fields", ()))
        by = cast("User", request.user).staff_id
        logger.warning("%s %s", self.opts.verbose_name, what, extra={"row": str(obj.pk), "fields": fields, "by": by})


@admin.register(User, site=site)
class UserAdmin(RegistryAdmin, DjangoUserAdmin):  # type: ignore[misc, type-arg]  # generic in the stubs only
    """Accounts of staff and operators. One that is no longer used is made inactive: histories name its id."""

    form = forms.ModelForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    change_user_password_template = "backoffice/registry/password.html"  # noqa: S105 - a file's name
    list_display = ("username", "shops", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("username", "email", "staff_id", "memberships__tenant__slug")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Record", {"fields": ("shops", "second_factor", "staff_id", "last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "is_staff", "is_superuser")}),)
    readonly_fields = ("shops", "second_factor", "staff_id", "last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read users with their shops."""
        users: QuerySet[User] = super().get_queryset(request).prefetch_related("memberships__tenant")
        return users

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Let a new account sign in, as that is what it is for."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]  # as Django's UserAdmin
        """Return a form that says what each permission is for here."""
        return super().get_form(request, obj, **kwargs, help_texts=_PERMISSIONS)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Keep operators from locking themselves out."""
        own = ("is_active", "is_staff", "is_superuser") if obj is not None and obj == request.user else ()
        return (*self.readonly_fields, *own)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's
        """Refuse: histories name the account's id."""
        return False

    @admin.display(description="Second factor")
    def second_factor(self, user: User) -> str:
        """State whether the account has one."""
        return "set up" if user.has_second_factor else "none"

    @admin.display(description="Works for")
    def shops(self, user: User) -> SafeString | str:
        """Write the shops a user works for, each as a link to the membership."""
        lines = (
            (_path(membership, "change", membership.pk), membership.tenant.name, membership.get_role_display())
            for membership in user.memberships.all()
        )
        return format_html_join(", ", '<a href="{}">{}</a> ({})', lines)


@admin.register(StaffMembership, site=site)
class StaffMembershipAdmin(RegistryAdmin):
    """Who works for which shop, and in which role. Another shop is another membership."""

    change_list_template = "backoffice/registry/memberships.html"
    list_display = ("user", "tenant", "role")
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__username", "tenant__slug", "tenant__name")
    ordering = ("tenant__slug", "user__username")
    fields = ("user", "tenant", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: StaffMembership | None = None) -> Any:  # noqa: ARG002 - Django's
        """Leave nothing but the role to be changed."""
        return () if obj is None else ("user", "tenant")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer accounts that can work for a shop: active ones, and no operators, who see no shop's data."""
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_active=True, is_superuser=False).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Tenant, site=site)
class TenantAdmin(RegistryAdmin):
    """Tenants as they are registered. Keys, partners, policies and status have pages and commands of their own."""

    form = TenantForm
    list_display = ("shop", "state", "account_id", "region", "tier", "sandbox", "key_count", "created_at")
    list_display_links = None
    list_filter = ("status", "tier", "sandbox")
    search_fields = ("slug", "name", "account_id")
    ordering = ("slug",)
    fieldsets = (
        (
            "Shop",
            {"fields": ("name", "tier", "own_processes", "approves_upgrades", "locale", "commission_basis_points")},
        ),
        ("Shipping and tax", {"fields": ("price_rules",)}),
        ("Shoppers", {"fields": ("oidc_issuer", "oidc_audience", "allowed_origins")}),
        ("Stack", {"fields": ("resources",)}),
        ("Fixed when the tenant was registered", {"fields": _FIXED}),
    )
    readonly_fields = _FIXED

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        """Read tenants with the number of their working keys."""
        working = Count("api_keys", filter=Q(api_keys__revoked_at=None))
        tenants: QuerySet[Tenant] = super().get_queryset(request).annotate(key_count=working)
        return tenants

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Refuse: a tenant is registered with the outputs of its stack."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - as above
        """Refuse: its data lies in its account."""
        return False

    def response_post_save_change(self, request: HttpRequest, obj: Tenant) -> HttpResponse:  # noqa: ARG002 - as above
        """Go on to the tenant's page."""
        return redirect("admin:tenant", slug=obj.slug)

    @admin.display(description="Tenant", ordering="name")
    def shop(self, tenant: Tenant) -> SafeString:
        """Write the name as a link to the tenant's page."""
        page = reverse("admin:tenant", kwargs={"slug": tenant.slug})
        return format_html(
            '<a href="{}"><strong>{}</strong></a> <span class="bo-muted">{}</span>', page, tenant.name, tenant.slug
        )

    @admin.display(description="Status", ordering="status")
    def state(self, tenant: Tenant) -> SafeString:
        """Write the status as a badge."""
        look = "bo-active" if tenant.status == "active" else "bo-rejected"
        return format_html('<span class="bo-badge {}">{}</span>', look, tenant.get_status_display())

    @admin.display(description="Working keys", ordering="key_count")
    def key_count(self, tenant: Any) -> int:
        """Return the number of keys that work."""
        return int(tenant.key_count)


def _path(row: Model, view: str, *args: object) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{view}", args=args)  # noqa: SLF001 - Django's own API
