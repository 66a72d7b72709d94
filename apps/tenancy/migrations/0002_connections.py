"""What a tenant is connected to, and its policies."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import apps.tenancy.models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="policies",
            field=models.JSONField(blank=True, default=dict, help_text="The shop's timers and rates."),
        ),
        migrations.CreateModel(
            name="Connection",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=apps.tenancy.models.new_connection_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                        validators=[
                            django.core.validators.RegexValidator("\\Acon_[0-9a-f]{32}\\Z", "con_ and 32 hex digits")
                        ],
                    ),
                ),
                ("kind", models.CharField(choices=[("payments", "Payments"), ("shipping", "Shipping")], max_length=16)),
                (
                    "provider",
                    models.CharField(
                        choices=[("sandbox", "Sandbox"), ("stripe", "Stripe"), ("easypost", "EasyPost")], max_length=16
                    ),
                ),
                (
                    "secret_name",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=128,
                        validators=[
                            django.core.validators.RegexValidator("\\A[A-Za-z0-9/_+=.@-]*\\Z", "a secret's name")
                        ],
                    ),
                ),
                ("calls_per_second", models.PositiveSmallIntegerField()),
                ("concurrent_calls", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="connections",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ("kind",),
                "constraints": [models.UniqueConstraint(fields=("tenant", "kind"), name="one_connection_a_kind")],
            },
        ),
    ]
