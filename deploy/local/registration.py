"""The registry of the local platform: its tables, the logins of staff and operator, and the brands' API keys."""

from pathlib import Path

from django.core.management import call_command
from django.db import connections, transaction

from apps.tenancy import keys, registry
from apps.tenancy.models import KeyKind, StaffMembership, StaffRole, Tenant, User
from apps.tenancy.scopes import SCOPES
from deploy.local.brands import BRANDS, OPERATOR_EMAIL, STAFF_ROLES, Brand
from deploy.local.private_files import Secrets
from resale.domain.access import Role


def migrate(var: Path) -> None:
    """Migrate the registry's tables, in a thread that closes its connection."""
    (var / "data").mkdir(parents=True, exist_ok=True)
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connections.close_all()


def save_logins(secrets: Secrets) -> None:
    """Create the logins of the demo brands and of the operator, in a thread that closes its connection."""
    try:
        for brand in BRANDS:
            _save_staff(brand, secrets.brands[brand.slug].staff_password)
        _save_user(OPERATOR_EMAIL, secrets.operator_password, is_superuser=True)
    finally:
        connections.close_all()


def complete_brands(secrets: Secrets) -> None:
    """Give the onboarded brands their staff, and keys that work in place of lost or revoked ones."""
    with transaction.atomic():
        for brand in BRANDS:
            kept = secrets.brands[brand.slug]
            kept.publishable_key = _working_key(brand, KeyKind.PUBLISHABLE, kept.publishable_key)
            kept.secret_key = _working_key(brand, KeyKind.SECRET, kept.secret_key)
            _save_membership(brand)


def _working_key(brand: Brand, kind: KeyKind, text: str | None) -> str:
    """Return the stored key if the registry has it with all scopes, else a new one."""
    known = registry.by_api_key_hash(keys.hash_of(text)) if text is not None else None
    wanted = SCOPES if kind == KeyKind.SECRET else frozenset()
    if text is not None and known is not None and not known.revoked and wanted <= known.scopes:
        return text
    return keys.issue_api_key(slug=brand.slug, kind=kind).text


def _save_membership(brand: Brand) -> None:
    tenant = Tenant.objects.get(slug=brand.slug)
    for role in STAFF_ROLES:
        user = User.objects.get(username=brand.staff_email(role))
        StaffMembership.objects.update_or_create(user=user, tenant=tenant, defaults={"role": StaffRole(role)})


def _save_staff(brand: Brand, password: str) -> None:
    """Create a login for each role with the brand's one password, which is hashed once."""
    manager = _save_user(brand.staff_email(Role.MANAGER), password, is_superuser=False)
    for role in STAFF_ROLES:
        user = _find(brand.staff_email(role), is_superuser=False)
        if user.password != manager.password:
            user.password = manager.password
            user.save()


def _save_user(email: str, password: str, *, is_superuser: bool) -> User:
    user = _find(email, is_superuser=is_superuser)
    if not user.password or not user.check_password(password):
        user.set_password(password)
        user.save()
    return user


def _find(email: str, *, is_superuser: bool) -> User:
    defaults = {"email": email, "is_staff": True, "is_superuser": is_superuser}
    return User.objects.get_or_create(username=email, defaults=defaults)[0]
