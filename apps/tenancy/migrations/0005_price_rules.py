"""Shipping profiles and the tax table of a tenant."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0004_one_tenant_an_account"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="price_rules",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Shipping profiles by market and the tax table, in minor units of the shop's currency.",
            ),
        ),
    ]
