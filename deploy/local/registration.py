"""Registration of the demo brands in the tenant registry: rows, API keys, staff, and the operator."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from django.core.management import call_command
from django.db import connections, transaction

from apps.tenancy import keys, registry
from apps.tenancy.models import KeyKind, StaffMembership, StaffRole, Tenant, User
from apps.tenancy.scopes import SCOPES
from apps.tenancy.tenants import TenantRecord, save_tenant
from deploy.local.brands import BRANDS, OPERATOR_EMAIL, STAFF_ROLES, Brand
from deploy.local.private_files import BrandSecrets, Secrets
from resale.domain.access import Role
from resale.domain.entitlements import UNLIMITED
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, Provider
from resale.domain.tenants import Resources


def prepare(var: Path, secrets: Secrets) -> None:
    """Migrate the registry's tables and create the logins, in a thread that closes its connection."""
    (var / "data").mkdir(parents=True, exist_ok=True)
    try:
        call_command("migrate", verbosity=0, interactive=False)
        for brand in BRANDS:
            _save_staff(brand, secrets.brands[brand.slug].staff_password)
        _save_user(OPERATOR_EMAIL, secrets.operator_password, is_superuser=True)
    finally:
        connections.close_all()


def register(
    secrets: Secrets, resources: Mapping[str, Resources], *, issuers: Mapping[str, str], origins: tuple[str, ...]
) -> None:
    """Create or update the brands, their keys and staff; the texts of new keys are stored in ``secrets``."""
    with transaction.atomic():
        for brand in BRANDS:
            kept = secrets.brands[brand.slug]
            save_tenant(_record(brand, kept, resources[brand.slug], issuers[brand.slug], origins))
            kept.publishable_key = _working_key(brand, KeyKind.PUBLISHABLE, kept.publishable_key)
            kept.secret_key = _working_key(brand, KeyKind.SECRET, kept.secret_key)
            _save_membership(brand)


def _record(
    brand: Brand, kept: BrandSecrets, resources: Resources, issuer: str, origins: tuple[str, ...]
) -> TenantRecord:
    return TenantRecord(
        slug=brand.slug,
        name=brand.name,
        account_id=brand.account_id,
        region=brand.region,
        currency=brand.currency,
        market=brand.market,
        locale=brand.locale,
        commission_basis_points=brand.commission_basis_points,
        oidc_issuer=issuer,
        oidc_audience=brand.audience,
        allowed_origins=list(origins),
        external_id=kept.external_id,
        resources=resources,
        sandbox=True,
        policies=brand.policies,
        limits=msgspec.structs.asdict(UNLIMITED),  # it is this machine, and nobody's neighbour
        connections=[_connection(brand, kept, kind) for kind in PartnerKind],
    )


def _connection(brand: Brand, kept: BrandSecrets, kind: PartnerKind) -> Connection:
    return Connection(
        id=ConnectionId(kept.connections[kind].id),
        kind=kind,
        provider=Provider.SANDBOX,
        secret_name=brand.secret_name(kind),
        calls_per_second=1_000,  # it is ours, on this machine, and nobody's bill
        concurrent_calls=32,
    )


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
