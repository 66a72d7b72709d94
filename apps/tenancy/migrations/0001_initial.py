"""The registry as it starts."""

import django.contrib.auth.models
import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import apps.tenancy.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",  # noqa: E501 - Django\'s own text
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                (
                    "staff_id",
                    models.CharField(
                        default=apps.tenancy.models.new_staff_id, editable=False, max_length=40, unique=True
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",  # noqa: E501 - Django\'s own text
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=apps.tenancy.models.new_tenant_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "slug",
                    models.CharField(
                        max_length=32,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z][a-z0-9-]{1,30}[a-z0-9]\\Z", "a-z, 0-9 and -"
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "account_id",
                    models.CharField(
                        max_length=12,
                        validators=[django.core.validators.RegexValidator("\\A\\d{12}\\Z", "twelve digits")],
                    ),
                ),
                ("region", models.CharField(max_length=32, verbose_name="write region")),
                (
                    "tier",
                    models.CharField(
                        choices=[("standard", "Standard"), ("premium", "Premium")], default="standard", max_length=16
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("suspended", "Suspended")], default="suspended", max_length=16
                    ),
                ),
                ("sandbox", models.BooleanField(default=False)),
                (
                    "currency",
                    models.CharField(
                        max_length=3, validators=[django.core.validators.RegexValidator("\\A[A-Z]{3}\\Z", "ISO 4217")]
                    ),
                ),
                (
                    "market",
                    models.CharField(
                        max_length=2,
                        validators=[django.core.validators.RegexValidator("\\A[A-Z]{2}\\Z", "ISO 3166-1 alpha-2")],
                    ),
                ),
                ("locale", models.CharField(max_length=16)),
                (
                    "commission_basis_points",
                    models.PositiveIntegerField(
                        default=0, validators=[django.core.validators.MaxValueValidator(10000)]
                    ),
                ),
                ("oidc_issuer", models.CharField(max_length=255, verbose_name="OIDC issuer")),
                ("oidc_audience", models.CharField(max_length=255, verbose_name="OIDC audience")),
                ("allowed_origins", models.JSONField(blank=True, default=list)),
                ("external_id", models.CharField(max_length=128)),
                (
                    "resources",
                    models.JSONField(blank=True, default=dict, help_text="The outputs of the tenant's stack."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ("slug",),
                "constraints": [
                    models.UniqueConstraint(fields=("oidc_issuer", "oidc_audience"), name="one_tenant_an_audience"),
                    models.CheckConstraint(
                        condition=models.Q(("account_id__length", 12)), name="account_id_has_12_digits"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="APIKey",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=apps.tenancy.models.new_key_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(choices=[("publishable", "Publishable"), ("secret", "Secret")], max_length=16),
                ),
                ("hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("prefix", models.CharField(editable=False, max_length=16)),
                ("last_characters", models.CharField(editable=False, max_length=4)),
                ("scopes", models.JSONField(blank=True, default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="api_keys", to="tenancy.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="StaffMembership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "Viewer"), ("moderator", "Moderator"), ("manager", "Manager")],
                        default="viewer",
                        max_length=16,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="tenancy.tenant"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "tenant"), name="one_role_a_tenant")],
            },
        ),
    ]
