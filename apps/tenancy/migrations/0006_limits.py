"""Limits of a tenant that differ from its tier's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0005_price_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="limits",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Limits of this tenant's requests that differ from its tier's, by name.",
            ),
        ),
    ]
