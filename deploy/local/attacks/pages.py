"""Attacks on the pages of the admin."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.urls import URLPattern, URLResolver

from apps.backoffice import urls
from apps.backoffice.pages import OperatorPage, StaffPage
from deploy.local.attacks.means import Group, Means

ID: Final = Means(
    name="id",
    sends="The victim's ids in the address, read and sent by a manager of the attacker's shop.",
    expected="404 or 405",
)
OPERATOR_PAGE: Final = Means(
    name="operator page",
    sends="The page of the victim, its key or its staff, read and sent by a manager of the attacker's shop.",
    expected="404",
)
OWN_PAGE: Final = Means(
    name="own page",
    sends="A manager's own page, with ids, names and cursors of the victim in the query and in the form.",
    expected="200 or 302 or 405",
)
OPEN_PAGE: Final = Means(
    name="open page",
    sends="The page without signing in, with an invented link, and the victim's names in the query and in the form.",
    expected="200 or 302 or 404 or 405",
)
SHOP: Final = Means(
    name="choice of a shop",
    sends="The victim's name as the shop to work for, by a manager of the attacker's shop.",
    expected="404",
    event="credential.refused",
)
HOST: Final = Means(
    name="host",
    sends="A `Host` and an `X-Forwarded-Host` that name the victim.",
    expected="400",
)

#: Page → the means that are tried on it.
ROWS: Final[Mapping[str, tuple[Means, ...]]] = {
    "index": (OWN_PAGE, HOST),
    "login": (OPEN_PAGE, HOST),
    "logout": (OPEN_PAGE,),
    "password_change": (OWN_PAGE,),
    "password_change_done": (OWN_PAGE,),
    "admin_password_reset": (OPEN_PAGE, HOST),
    "password_reset_done": (OPEN_PAGE,),
    "password_reset_confirm": (OPEN_PAGE,),
    "second-factor": (OWN_PAGE,),
    "second-factor-confirmation": (OWN_PAGE,),
    "second-factor-enrolment": (OWN_PAGE,),
    "second-factor-methods": (OWN_PAGE,),
    "security-keys": (OWN_PAGE,),
    "security-key-removal": (ID,),
    "invitation": (OPEN_PAGE,),
    "invitation-link": (OPEN_PAGE,),
    "search": (OWN_PAGE,),
    "shop": (SHOP,),
    "listings": (OWN_PAGE,),
    "listing": (ID,),
    "listing-approve": (ID,),
    "listing-return": (ID,),
    "listing-remove": (ID,),
    "listing-pause": (ID,),
    "listing-resume": (ID,),
    "listing-withdraw": (ID,),
    "original": (ID,),
    "orders": (OWN_PAGE,),
    "order": (ID,),
    "order-cancel": (ID,),
    "order-address": (ID,),
    "order-acknowledge": (ID,),
    "order-refund": (ID,),
    "order-compensation": (ID,),
    "order-carrier-claim": (ID,),
    "order-report": (ID,),
    "transfer": (ID,),
    "claims": (OWN_PAGE,),
    "claim": (ID,),
    "claim-resolve": (ID,),
    "claim-report": (ID,),
    "money": (OWN_PAGE,),
    "payout": (ID,),
    "payout-cancel": (ID,),
    "balances": (OWN_PAGE,),
    "trial-balance": (OWN_PAGE,),
    "reconciliation": (OWN_PAGE,),
    "connections": (OWN_PAGE,),
    "dead-letters": (OWN_PAGE,),
    "dead-letter": (ID,),
    "dead-letter-replay": (ID,),
    "dead-letter-discard": (ID,),
    "user-second-factor": (OPERATOR_PAGE,),
    "invitations": (OPERATOR_PAGE,),
    "invitation-revoke": (OPERATOR_PAGE,),
    "tenancy_user_changelist": (OPERATOR_PAGE,),
    "tenancy_user_add": (OPERATOR_PAGE,),
    "tenancy_user_change": (OPERATOR_PAGE,),
    "tenancy_user_password": (OPERATOR_PAGE,),
    "tenancy_staffmembership_changelist": (OPERATOR_PAGE,),
    "tenancy_staffmembership_add": (OPERATOR_PAGE,),
    "tenancy_staffmembership_change": (OPERATOR_PAGE,),
    "tenancy_staffmembership_delete": (OPERATOR_PAGE,),
    "tenancy_tenant_changelist": (OPERATOR_PAGE,),
    "tenancy_tenant_change": (OPERATOR_PAGE,),
    "tenant": (OPERATOR_PAGE,),
    "tenant-status": (OPERATOR_PAGE,),
    "tenant-policies": (OPERATOR_PAGE,),
    "tenant-limits": (OPERATOR_PAGE,),
    "tenant-features": (OPERATOR_PAGE,),
    "tenant-drift": (OPERATOR_PAGE,),
    "tenant-connections": (OPERATOR_PAGE,),
    "connection-remove": (OPERATOR_PAGE,),
    "tenant-keys": (OPERATOR_PAGE,),
    "key-revoke": (OPERATOR_PAGE,),
    "onboardings": (OPERATOR_PAGE,),
    "onboarding": (OPERATOR_PAGE,),
    "onboarding-resume": (OPERATOR_PAGE,),
    "onboarding-finish": (OPERATOR_PAGE,),
    "offboardings": (OPERATOR_PAGE,),
    "offboarding": (OPERATOR_PAGE,),
    "sandboxes": (OPERATOR_PAGE,),
    "rollouts": (OPERATOR_PAGE,),
    "rollout-request": (OPERATOR_PAGE,),
    "rollout-abandon": (OPERATOR_PAGE,),
    "rollout-approve": (OPERATOR_PAGE,),
    "features": (OPERATOR_PAGE,),
    "health": (OPERATOR_PAGE,),
}


def find_needed(patterns: Iterable[URLPattern | URLResolver] = urls.urlpatterns) -> Mapping[str, tuple[Means, ...]]:
    """Return each page with the means that its view calls for."""
    return {
        str(pattern.name): _means_for(getattr(pattern.callback, "view_class", None), bool(pattern.pattern.converters))
        for pattern in patterns
        if isinstance(pattern, URLPattern)
    }


def _means_for(view: Any, has_places: bool) -> tuple[Means, ...]:  # noqa: FBT001 - private
    if view is not None and issubclass(view, OperatorPage):
        return (OPERATOR_PAGE,)
    if view is not None and issubclass(view, StaffPage):
        return (ID,) if has_places else (OWN_PAGE,)
    return ()  # each of these is of its own kind


PAGE_GROUP: Final = Group(
    title="Admin",
    about=(
        "The attacker is a manager of its own shop, the role with the most permissions. No page shows an id, a name or "
        "a text of the victim, except those that the request itself contained."
    ),
    surface="page",
    place="ROWS of deploy/local/attacks/pages.py",
    means=(ID, OPERATOR_PAGE, OWN_PAGE, OPEN_PAGE, SHOP, HOST),
    rows=ROWS,
    find_needed=find_needed,
)
