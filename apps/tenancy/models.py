"""The tables of the registry: tenants, their connections and API keys, and staff. They contain no tenant data."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import uuid_utils
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Length
from django.utils.crypto import salted_hmac

from apps.tenancy.accounts import AccountNameField
from apps.tenancy.entitlement_tables import EntitlementChange, FeatureRelease
from apps.tenancy.move_tables import MovableColumns, MoveRecord, MoveRun
from apps.tenancy.offboarding_tables import OffboardingRecord, OffboardingRun
from apps.tenancy.onboarding_tables import OnboardingRecord, OnboardingRun
from apps.tenancy.operator_tables import OperatorKey
from apps.tenancy.restore_tables import RestoreRecord, RestoreRun
from apps.tenancy.sandbox_tables import Sandbox
from apps.tenancy.staff_tables import RecoveryCode, SecondFactor, SecurityKey, StaffInvitation, StaffRole
from apps.tenancy.upgrade_tables import Rollout, TenantUpgrade
from apps.tenancy.usage_tables import TenantUsage
from resale.domain import entitlements, partners
from resale.domain.access import Role
from resale.domain.features import Choice
from resale.domain.ids import CONNECTION_ID
from resale.domain.policies import Policies
from resale.domain.price_rules import PriceRules
from resale.domain.tenants import Resources, TenantStatus

models.CharField.register_lookup(Length)

__all__ = [
    "EntitlementChange",
    "FeatureRelease",
    "MoveRecord",
    "MoveRun",
    "OffboardingRecord",
    "OffboardingRun",
    "OnboardingRecord",
    "OnboardingRun",
    "OperatorKey",
    "RecoveryCode",
    "RestoreRecord",
    "RestoreRun",
    "Rollout",
    "Sandbox",
    "SecondFactor",
    "SecurityKey",
    "StaffInvitation",
    "StaffRole",
    "TenantUpgrade",
    "TenantUsage",
]


def new_tenant_id() -> str:
    """Return a new tenant id."""
    return f"ten_{uuid_utils.uuid7().hex}"


def new_key_id() -> str:
    """Return a new API key id, by which logs and history name the key."""
    return f"key_{uuid_utils.uuid7().hex}"


def new_connection_id() -> str:
    """Return a new connection id, which is part of the partner's webhook URL."""
    return CONNECTION_ID.of(uuid_utils.uuid7().hex)


def new_staff_id() -> str:
    """Return a new staff id, by which history names a user."""
    return f"stf_{uuid_utils.uuid7().hex}"


class User(AbstractUser):
    """A user of the admin: staff of tenants, or an operator."""

    username = AccountNameField(
        "username",
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": "There is an account of this name."},
    )
    staff_id = models.CharField(max_length=40, unique=True, default=new_staff_id, editable=False)

    @property
    def is_operator(self) -> bool:
        """Whether the user is an operator, who sees tenants but not their data."""
        return self.is_active and self.is_superuser

    @property
    def has_second_factor(self) -> bool:
        """Whether the user set up an authenticator app or a security key."""
        factor: SecondFactor | None = getattr(self, "second_factor", None)
        return factor is not None and factor.is_set_up

    @property
    def has_security_keys(self) -> bool:
        """Whether the user has a security key."""
        factor: SecondFactor | None = getattr(self, "second_factor", None)
        return factor is not None and factor.security_key_count > 0

    @property
    def factor_changes(self) -> int:
        """How often the second factor was set up or reset; the sessions from before a change end with it."""
        factor: SecondFactor | None = getattr(self, "second_factor", None)
        return 0 if factor is None else factor.changes

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Hash what a session depends on: the password, and the second factor once there was one."""
        own: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # not in the stubs
        if not self.factor_changes:
            return own
        return salted_hmac(__name__, f"{own} {self.factor_changes}", secret=secret, algorithm="sha256").hexdigest()


class SignInCount(models.Model):
    """The number of sign-in attempts of one key within a window (``apps.tenancy.sign_ins``)."""

    key = models.CharField(primary_key=True, max_length=64, editable=False)  # a keyed hash
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class Status(models.TextChoices):
    """The status of a tenant (``resale.domain.tenants.TenantStatus``)."""

    ACTIVE = TenantStatus.ACTIVE.value, "Active"
    SUSPENDED = TenantStatus.SUSPENDED.value, "Suspended"
    FROZEN = TenantStatus.FROZEN.value, "Frozen"
    CLOSING = TenantStatus.CLOSING.value, "Closing"
    CLOSED = TenantStatus.CLOSED.value, "Closed"


class Tier(models.TextChoices):
    """The tier of a tenant (``resale.domain.entitlements``)."""

    SANDBOX = entitlements.Tier.SANDBOX.value, "Sandbox"
    STANDARD = entitlements.Tier.STANDARD.value, "Standard"
    PREMIUM = entitlements.Tier.PREMIUM.value, "Premium"


class Tenant(MovableColumns):
    """A brand: its AWS account, the settings of its shop, and the resource map of its account."""

    id = models.CharField(primary_key=True, max_length=40, default=new_tenant_id, editable=False)
    slug = models.CharField(  # the templates' AllowedPattern: names of its buckets have room for so much
        max_length=31, unique=True, validators=[RegexValidator(r"\A[a-z][a-z0-9-]{1,29}[a-z0-9]\Z", "a-z, 0-9 and -")]
    )
    name = models.CharField(max_length=100)
    account_id = models.CharField(max_length=12, validators=[RegexValidator(r"\A\d{12}\Z", "twelve digits")])
    region = models.CharField("write region", max_length=32)
    tier = models.CharField(max_length=16, choices=Tier.choices, default=Tier.STANDARD)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.SUSPENDED)
    sandbox = models.BooleanField(default=False)
    currency = models.CharField(max_length=3, validators=[RegexValidator(r"\A[A-Z]{3}\Z", "ISO 4217")])
    market = models.CharField(max_length=2, validators=[RegexValidator(r"\A[A-Z]{2}\Z", "ISO 3166-1 alpha-2")])
    locale = models.CharField(max_length=16)
    commission_basis_points = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(10_000)])
    oidc_issuer = models.CharField("OIDC issuer", max_length=255)
    oidc_audience = models.CharField("OIDC audience", max_length=255)
    allowed_origins = models.JSONField(default=list, blank=True)
    external_id = models.CharField(max_length=128)
    resources = models.JSONField(default=dict, blank=True, help_text="The outputs of the tenant's stack.")
    policies = models.JSONField(default=dict, blank=True, help_text="The shop's timers and rates.")
    price_rules = models.JSONField(
        default=dict,
        blank=True,
        help_text="Shipping profiles by market and the tax table, in minor units of the shop's currency.",
    )
    limits = models.JSONField(
        default=dict, blank=True, help_text="Limits of this tenant's requests that differ from its tier's, by name."
    )
    in_ring = models.BooleanField(
        default=False, help_text="One of the platform's own test shops: features and upgrades reach it first."
    )
    approves_upgrades = models.BooleanField(
        default=False,
        help_text="The account is the brand's own: an upgrade of its stacks waits for the brand's approval.",
    )
    own_processes = models.BooleanField(
        default=False,
        db_default=False,  # of a process of the release before
        help_text="Its own web processes and workers serve it, the pooled ones do not. Start its own first.",
    )
    approved_template = models.CharField(max_length=64, blank=True, default="", editable=False)
    feature_choices = models.JSONField(
        default=dict, blank=True, help_text="What the brand of a premium tenant chose about features, by name."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Constraints: one tenant for each account, and for each pair of issuer and audience."""

        ordering = ("slug",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["oidc_issuer", "oidc_audience"], name="one_tenant_an_audience"),
            models.UniqueConstraint(fields=["account_id"], name="one_tenant_an_account"),
            models.CheckConstraint(condition=models.Q(account_id__length=12), name="account_id_has_12_digits"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Validate origins, policies and the resource map; an active tenant requires a resource map."""
        if not _are_origins(self.allowed_origins):
            raise ValidationError({"allowed_origins": "Enter a list of origins such as https://shop.example."})
        _check("policies", self.policies, Policies)
        if self.tier == Tier.SANDBOX and not self.sandbox:
            raise ValidationError({"tier": "A tenant in live mode cannot have the tier of sandboxes."})
        if self.own_processes and not self._can_have_own_processes():
            raise ValidationError({"own_processes": "The tier of this tenant does not include processes of its own."})
        unknown = set(self.policies) - set(Policies.__struct_fields__)
        if unknown:
            raise ValidationError({"policies": f"These policies do not exist: {', '.join(sorted(unknown))}."})
        _check("price_rules", self.price_rules, PriceRules)
        unknown_fields = sorted(
            _iter_unknown(self.price_rules, msgspec.to_builtins(msgspec.convert(self.price_rules, PriceRules)))
        )
        if unknown_fields:
            raise ValidationError({"price_rules": f"These fields do not exist: {', '.join(unknown_fields)}."})
        self._check_limits()
        _check("feature_choices", self.feature_choices, dict[str, Choice])
        if self.resources or self.status == Status.ACTIVE:
            _check("resources", self.resources, Resources)

    def _can_have_own_processes(self) -> bool:
        tiers = entitlements.ENTITLEMENTS
        return any(tier == self.tier and entitlement.own_processes for tier, entitlement in tiers.items())

    def _check_limits(self) -> None:
        if not isinstance(self.limits, dict):
            raise ValidationError({"limits": "Enter an object of limits by name."})
        if self.tier not in set(entitlements.Tier):
            return  # the field's own check reports it
        try:
            entitlements.limits_of(entitlements.Tier(self.tier), self.limits)
        except msgspec.ValidationError as error:
            raise ValidationError({"limits": str(error)}) from error


class Kind(models.TextChoices):
    """The kind of a partner (``resale.domain.partners.PartnerKind``)."""

    PAYMENTS = partners.PartnerKind.PAYMENTS.value, "Payments"
    SHIPPING = partners.PartnerKind.SHIPPING.value, "Shipping"


class Provider(models.TextChoices):
    """The partner of a connection (``resale.domain.partners.Provider``)."""

    SANDBOX = partners.Provider.SANDBOX.value, "Sandbox"
    STRIPE = partners.Provider.STRIPE.value, "Stripe"
    EASYPOST = partners.Provider.EASYPOST.value, "EasyPost"


class Connection(models.Model):
    """A connection of a tenant to a partner. Its id is unique in the platform: webhook URLs contain nothing else."""

    id = models.CharField(
        primary_key=True,
        max_length=40,
        default=new_connection_id,
        editable=False,
        validators=[RegexValidator(r"\Acon_[0-9a-f]{32}\Z", "con_ and 32 hex digits")],
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="connections")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    provider = models.CharField(max_length=16, choices=Provider.choices)
    secret_name = models.CharField(
        max_length=128,
        blank=True,
        default="",
        validators=[RegexValidator(r"\A[A-Za-z0-9/_+=.@-]*\Z", "a secret's name")],
    )  # what Secrets Manager takes (API Reference, CreateSecret)
    calls_per_second = models.PositiveSmallIntegerField()
    concurrent_calls = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Constraint: one connection of each kind for a tenant."""

        ordering = ("kind",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "kind"], name="one_connection_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.provider}"

    def clean(self) -> None:
        """Validate limits, provider and secret by the rules of the domain."""
        try:
            connection = self.as_struct()
        except msgspec.ValidationError as error:
            raise ValidationError(str(error)) from error
        faults = partners.iter_faults(connection, slug=self.tenant.slug, sandbox=self.tenant.sandbox)
        refused = {fault.pointer.removeprefix("/"): fault.detail for fault in faults}
        if refused:
            raise ValidationError(refused)

    def as_struct(self) -> partners.Connection:
        """Return the connection of the domain.

        Raises:
            msgspec.ValidationError: A column holds what the domain does not know.
        """
        columns = {name: getattr(self, name) for name in partners.Connection.__struct_fields__}
        return msgspec.convert({**columns, "secret_name": self.secret_name or None}, partners.Connection)


class KeyKind(models.TextChoices):
    """The kind of an API key."""

    PUBLISHABLE = "publishable", "Publishable"
    SECRET = "secret", "Secret"


class APIKey(models.Model):
    """An API key: its hash, and the part of its text that is shown."""

    id = models.CharField(primary_key=True, max_length=40, default=new_key_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="api_keys")
    kind = models.CharField(max_length=16, choices=KeyKind.choices)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=16, editable=False)
    last_characters = models.CharField(max_length=4, editable=False)
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        """Newest first."""

        verbose_name = "API key"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last_characters}"


class StaffMembership(models.Model):
    """The membership of a user in a tenant's staff, with a role."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=StaffRole.choices, default=StaffRole.VIEWER)

    class Meta:
        """Constraint: one role for each user and tenant."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "tenant"], name="one_role_a_tenant")]

    def __str__(self) -> str:
        return f"{self.role} of {self.tenant_id}"

    @property
    def standing(self) -> Role:
        """The role in the access table."""
        return Role(self.role)


def _check(field: str, value: object, kind: Any) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValidationError({field: str(error)}) from error


def _iter_unknown(given: object, taken: object, at: str = "") -> Iterator[str]:
    """Iterate over the fields that were given and are none: a misspelt one would silently have no effect."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            if name in taken:
                yield from _iter_unknown(value, taken[name], f"{at}{name}.")
            else:
                yield f"{at}{name}"
    elif isinstance(given, list) and isinstance(taken, tuple):
        for one, other in zip(given, taken, strict=True):
            yield from _iter_unknown(one, other, at)


def _are_origins(value: object) -> bool:
    """Return whether a value is a list of origins as browsers send them: scheme, host and port."""
    if not isinstance(value, list):
        return False
    schemes = ("https://", "http://")
    return all(isinstance(one, str) and one.startswith(schemes) and one.count("/") == 2 for one in value)  # noqa: PLR2004 - the two of ://
