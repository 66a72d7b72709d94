"""One tenant an AWS account, and slugs short enough for the names of buckets."""

import django.core.validators
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_MAX_SLUG = 31


def refuse_what_does_not_fit(apps_then: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Name the tenants that the new rules do not allow, before a constraint fails without saying which."""
    tenants = apps_then.get_model("tenancy", "Tenant").objects.using(schema_editor.connection.alias)
    sharing: dict[str, list[str]] = {}
    wrong: list[str] = []
    for tenant_id, slug, account_id in tenants.order_by("slug").values_list("pk", "slug", "account_id"):
        sharing.setdefault(account_id, []).append(f"{slug} ({tenant_id})")
        if len(slug) > _MAX_SLUG:
            wrong.append(f"the slug of {slug} ({tenant_id}) is longer than {_MAX_SLUG} characters")
    wrong += [f"account {account} is that of {', '.join(same)}" for account, same in sharing.items() if len(same) > 1]
    if wrong:
        raise ValueError(
            f"correct or delete tenants (ids in brackets) until each has an account of its own: {'; '.join(wrong)}"
        )


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0003_account_names_and_sign_in_counts"),
    ]

    operations = [
        migrations.RunPython(refuse_what_does_not_fit, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="tenant",
            name="slug",
            field=models.CharField(
                max_length=31,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator("\\A[a-z][a-z0-9-]{1,29}[a-z0-9]\\Z", "a-z, 0-9 and -")
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="tenant",
            constraint=models.UniqueConstraint(fields=("account_id",), name="one_tenant_an_account"),
        ),
    ]
