"""The attempts on pages of the admin: one function for each means of the table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.test import Client
from django.urls import URLPattern, reverse

from apps.backoffice import urls
from apps.tenancy.models import APIKey, SecondFactor, StaffMembership, Tenant, User
from deploy.local.attacks import pages as table
from resale.domain.access import Role
from tests.attacks.attempts import Outcome, naming
from tests.attacks.parties import Attacker, Victim

#: What each form asks for, so that nothing but the address is wrong.
_FORM: Final[Mapping[str, Any]] = {
    "version": 1,
    "which": "all",
    "reason": "goodwill",
    "reasons": ["other"],
    "decision": "deny",
    "status": "delivered",
    "borne_by": "shop",
    "amount": "1.00",
}
_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {"order-acknowledge": {"reason": "nothing_to_do"}}
_PLACES: Final = {
    str(pattern.name): tuple(pattern.pattern.converters)
    for pattern in urls.urlpatterns
    if isinstance(pattern, URLPattern)
}


@dataclass(frozen=True)
class Staff:
    """A manager of the attacker's shop, and the rows of the registry that are the victim's."""

    manager: User
    places: Mapping[str, str]
    row_ids: Mapping[str, str]  # model → id of the victim's row

    @classmethod
    def hire(cls, attacker: Attacker, victim: Victim) -> "Staff":
        """Employ a manager in each shop."""
        manager, other = (
            User.objects.create_user(username=f"manager@{name}.example", is_staff=True)
            for name in (attacker.slug, victim.word)
        )
        StaffMembership.objects.create(user=manager, tenant=Tenant.objects.get(slug=attacker.slug), role=Role.MANAGER)
        tenant = Tenant.objects.get(slug=victim.slug)
        membership = StaffMembership.objects.create(user=other, tenant=tenant, role=Role.MANAGER)
        key = APIKey.objects.filter(tenant=tenant).first()
        assert key is not None
        places = {
            **victim.ids,
            "listing_id": victim.ids["pending_id"],
            "slug": victim.slug,
            "key_id": key.id,
            "invitation_id": "inv_" + "0" * 32,
            "security_key_id": _register_key(other, victim.word),
            "token": "invented",
            "uidb64": "MQ",
            "id": str(other.pk),
        }
        rows = {"user": str(other.pk), "staffmembership": str(membership.pk), "tenant": str(tenant.pk)}
        return cls(manager, places, rows)

    def path(self, page: str) -> str:
        """Return the path of a page of the victim."""
        model = page.removeprefix("tenancy_").partition("_")[0]
        object_id = self.row_ids.get(model, self.row_ids["user"])
        places = {**self.places, "object_id": object_id}
        return reverse(f"admin:{page}", kwargs={name: places[name] for name in _PLACES[page]})


@dataclass(frozen=True)
class Attempts:
    """Everything the attacker tries on one page."""

    staff: Staff
    victim: Victim
    page: str

    def _send(self, *, signed_in: bool = True, query: str = "", form: Mapping[str, Any] = _FORM) -> Iterator[Outcome]:
        """Read the page, and send its form."""
        path, form = self.staff.path(self.page), {**form, **_FORMS.get(self.page, {})}
        headers = {name: value for name, value in naming(self.victim).items() if name not in {"Host", "Origin"}}
        for method in ("get", "post"):
            client = Client()
            if signed_in:
                client.force_login(self.staff.manager)
            response = client.get(path + query, headers=headers) if method == "get" else client.post(path, form)
            yield _outcome_of(response, sent=query + repr(form))

    def _named(self) -> dict[str, str]:
        ids = self.victim.ids
        return {
            "q": ids["order_id"],
            "seller": ids["seller_id"],
            "cursor": self.victim.cursor,
            "show": "seller",
            "shop": self.victim.slug,
            "month": "2026-10",
            "days": "3",
            "next": f"/admin/orders/{ids['order_id']}/",
        }

    def id(self) -> Iterator[Outcome]:
        yield from self._send()

    def own_page(self) -> Iterator[Outcome]:
        named = self._named()
        cursor = named.pop("cursor")  # refused before anything else is looked at
        yield from self._send(query="?" + urlencode({"cursor": cursor}), form={"cursor": cursor})
        yield from self._send(query="?" + urlencode(named), form=named)

    def open_page(self) -> Iterator[Outcome]:
        named = self._named()
        form = {"username": self.victim.word, "email": f"{self.victim.word}@example.com", "password": "guessed"}
        yield from self._send(signed_in=False, query="?" + urlencode(named), form=named | form)

    def shop(self) -> Iterator[Outcome]:
        client = Client()
        client.force_login(self.staff.manager)
        yield _outcome_of(client.post(self.staff.path(self.page), {"shop": self.victim.slug}))

    def host(self) -> Iterator[Outcome]:
        client = Client()
        client.force_login(self.staff.manager)
        yield _outcome_of(client.get(self.staff.path(self.page), headers=naming(self.victim)))


def _register_key(user: User, word: str) -> str:
    """Give a user a security key, and return its id."""
    factor = SecondFactor.objects.create(user=user, security_key_count=1)
    key = factor.security_keys.create(
        name=word, credential_id=word, credential=b"", sign_count=0, created_at=datetime.now(UTC)
    )
    return key.id


def _outcome_of(response: Any, *, sent: str = "") -> Outcome:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return Outcome(response.status_code, content.decode(), str(dict(response.headers)), sent)


ATTEMPTS: Final[Mapping[str, Callable[[Attempts], Iterator[Outcome]]]] = {
    table.ID.name: Attempts.id,
    table.OPERATOR_PAGE.name: Attempts.id,
    table.OWN_PAGE.name: Attempts.own_page,
    table.OPEN_PAGE.name: Attempts.open_page,
    table.SHOP.name: Attempts.shop,
    table.HOST.name: Attempts.host,
}


def attempt(staff: Staff, victim: Victim, page: str, means: str) -> Iterator[Outcome]:
    """Make the attempts of one row."""
    return ATTEMPTS[means](Attempts(staff, victim, page))
