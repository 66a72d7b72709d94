"""One spelling an account, and counts of sign-ins."""

from typing import Any

import django.contrib.auth.validators
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import apps.tenancy.accounts


def normalise_account_names(apps_then: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write each account's name in its one spelling; refuse when two accounts would share it."""
    users = apps_then.get_model("tenancy", "User").objects.using(schema_editor.connection.alias)
    named: dict[str, list[Any]] = {}
    for user in users.order_by("pk"):
        named.setdefault(apps.tenancy.accounts.normalise_account(user.username), []).append(user)
    shared = [f"{name} ({', '.join(str(user.pk) for user in same)})" for name, same in named.items() if len(same) > 1]
    if shared:
        raise ValueError(
            f"rename or delete users (ids in brackets) until each name is one account's: {'; '.join(shared)}"
        )
    for name, (user,) in named.items():
        if user.username != name:
            user.username = name
            user.save(update_fields=["username"])


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0002_connections"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInCount",
            fields=[
                ("key", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField()),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunPython(normalise_account_names, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="user",
            name="username",
            field=apps.tenancy.accounts.AccountNameField(
                error_messages={"unique": "There is an account of this name."},
                max_length=150,
                unique=True,
                validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                verbose_name="username",
            ),
        ),
    ]
