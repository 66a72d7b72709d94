"""Invitations of staff: a link that works once, for 7 days, for one person, shop and role.

The link's token has 256 random bits and a signature. Only its hash is stored, and neither is logged.
"""

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from apps.core.mail import MailUnavailable, admin_link, send_now
from apps.tenancy.accounts import normalise_account
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.models import StaffInvitation, StaffMembership, StaffRole, Tenant, User
from resale.errors import Conflict, Invalid, NotFound, Rejected

logger = logging.getLogger("resale.operator")

VALID_FOR: Final = timedelta(days=7)
EMAIL_MAX_CHARS: Final = 150  # User.username
_TOKEN_BYTES: Final = 32
_SALT: Final = "apps.tenancy.invitations"


class InvitationInvalid(NotFound):
    """The link was never issued, was used, replaced or revoked, or is too old."""

    code = "invitation_invalid"
    title = "Invitation not valid"
    default_detail = "This invitation is not valid. It was used, replaced or revoked, or it is older than 7 days."


class StaffEmailInvalid(Invalid):
    """The e-mail address of an invitation cannot be one."""

    code = "staff_email_invalid"
    title = "Invalid e-mail address"
    default_detail = "The e-mail address is not valid. Enter one of at most 150 characters."


class AccountNotEligible(Rejected):
    """The account cannot work for a shop: it is inactive, an operator's, or not of staff."""

    code = "account_not_eligible"
    title = "Account not eligible"
    default_detail = "The account of this address is inactive, an operator's or not of staff. It cannot join a shop."


class AlreadyStaff(Rejected):
    """The person works for the tenant already."""

    code = "already_staff"
    title = "Already on the staff"
    default_detail = "This person works for the shop already. Change the role of the membership instead."


class AccountExists(Conflict):
    """The invited person has an account with a password, and must sign in to accept."""

    code = "account_exists"
    title = "Account exists"
    default_detail = "An account of this address exists. Sign in to it, then accept the invitation."


def invite_staff(
    *, slug: str, email: str, role: StaffRole, now: datetime, invited_by: User | None = None
) -> StaffInvitation:
    """Invite a person to the staff of a tenant and send the link. An open invitation of theirs there is replaced.

    Args:
        slug: The tenant's.
        email: Of the person; it becomes the name of the account. At most 150 characters.
        role: Of the membership.
        now: Moment of the request, aware UTC.
        invited_by: The operator; None for a command.

    Raises:
        TenantNotFound: No such tenant.
        StaffEmailInvalid: The address is none.
        AccountNotEligible: The account of the address cannot work for a shop.
        AlreadyStaff: The person works there already.
        MailUnavailable: The link was not sent. The invitation is revoked.
    """
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise TenantNotFound("No tenant with this name exists.")
    address = _checked_address(email)
    _refuse_account(tenant, address)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)  # one invitation of a tenant at a time
        earlier = StaffInvitation.objects.filter(tenant=tenant, email=address, accepted_at=None, revoked_at=None)
        earlier.update(revoked_at=now)
        invitation = StaffInvitation.objects.create(
            tenant=tenant,
            email=address,
            role=role,
            token_hash=_hash_of(token),
            invited_by=invited_by,
            created_at=now,
            expires_at=now + VALID_FOR,
        )
    _log("staff invited", invitation, invited_by)
    _send(invitation, Signer(salt=_SALT).sign(token), now)
    return invitation


def revoke_invitation(*, invitation_id: str, now: datetime, revoked_by: User | None = None) -> None:
    """End an open invitation. Idempotent. Raises InvitationInvalid if it was accepted, or there is none."""
    with transaction.atomic():
        invitation = StaffInvitation.objects.select_for_update().filter(id=invitation_id, accepted_at=None).first()
        if invitation is None:
            raise InvitationInvalid("No open invitation with this id exists.")
        if invitation.revoked_at is not None:
            return
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])
    _log("invitation revoked", invitation, revoked_by)


def open_invitations(now: datetime) -> QuerySet[StaffInvitation]:
    """Return the invitations that can be accepted."""
    return StaffInvitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)


def find_by_token(token: str, *, now: datetime) -> StaffInvitation:
    """Return the open invitation of a link's token. Raises InvitationInvalid."""
    return _first(open_invitations(now).filter(token_hash=_hash_of_signed(token)))


def get_invitation(invitation_id: str, *, now: datetime) -> StaffInvitation:
    """Return an open invitation whose link was opened before. Raises InvitationInvalid."""
    return _first(open_invitations(now).filter(id=invitation_id))


def find_account(invitation: StaffInvitation) -> User | None:
    """Return the account that must accept by signing in; None when accepting sets the account's first password."""
    account = User.objects.filter(username=invitation.email).first()
    return account if account is not None and account.has_usable_password() else None


def accept_as_new(*, invitation_id: str, account: User, now: datetime) -> User:
    """Create the account of an invited person and join the tenant's staff. The link ends.

    Args:
        invitation_id: Of an invitation whose link was opened.
        account: Not saved; with the password that the person chose, hashed. Its name is the invitation's address.
        now: Moment of the request, aware UTC.

    Raises:
        InvitationInvalid: The link does not work any more, or the account was made inactive meanwhile.
        AccountExists: An account of the address got a password meanwhile.
    """
    with transaction.atomic():
        invitation = _lock(invitation_id, now)
        known = User.objects.select_for_update().filter(username=invitation.email).first()
        if known is not None and known.has_usable_password():
            raise AccountExists
        saved = known or User(username=invitation.email, email=invitation.email, is_staff=True)
        _refuse_ineligible(saved)
        saved.password = account.password
        saved.email = saved.email or invitation.email
        saved.save()
        _join(invitation, saved, now)
    _log("invitation accepted", invitation, saved)
    return saved


def accept_as(*, invitation_id: str, account: User, now: datetime) -> None:
    """Join the tenant's staff with the account that is signed in. The link ends.

    Raises:
        InvitationInvalid: The link does not work any more, is another person's, or the account cannot join.
    """
    with transaction.atomic():
        invitation = _lock(invitation_id, now)
        if normalise_account(account.username) != invitation.email:
            raise InvitationInvalid
        _refuse_ineligible(account)
        _join(invitation, account, now)
    _log("invitation accepted", invitation, account)


def _lock(invitation_id: str, now: datetime) -> StaffInvitation:
    return _first(open_invitations(now).select_for_update(of=("self",)).filter(id=invitation_id))


def _first(invitations: QuerySet[StaffInvitation]) -> StaffInvitation:
    found = invitations.select_related("tenant").first()
    if found is None:
        raise InvitationInvalid
    return found


def _join(invitation: StaffInvitation, account: User, now: datetime) -> None:
    """Add the membership; one that was made meanwhile keeps its role."""
    StaffMembership.objects.get_or_create(
        user=account, tenant_id=invitation.tenant_id, defaults={"role": invitation.role}
    )
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])


def _checked_address(email: str) -> str:
    address = normalise_account(email)
    try:
        validate_email(address)
    except ValidationError as error:
        raise StaffEmailInvalid from error
    if len(address) > EMAIL_MAX_CHARS:
        raise StaffEmailInvalid
    return address


def _refuse_account(tenant: Tenant, address: str) -> None:
    account = User.objects.filter(username=address).first()
    if account is None:
        return
    if not _is_eligible(account):
        raise AccountNotEligible
    if account.memberships.filter(tenant=tenant).exists():
        raise AlreadyStaff


def _refuse_ineligible(account: User) -> None:
    if not _is_eligible(account):
        raise InvitationInvalid


def _is_eligible(account: User) -> bool:
    return account.is_active and account.is_staff and not account.is_superuser


def _send(invitation: StaffInvitation, token: str, now: datetime) -> None:
    link = admin_link(reverse("admin:invitation-link", kwargs={"token": token}))
    shop = invitation.tenant.name
    text = render_to_string(
        "backoffice/mail/invitation.txt",
        {"shop": shop, "role": invitation.get_role_display(), "link": link, "days": VALID_FOR.days},
    )
    message = EmailMessage(f"Join the staff of {shop}", text, to=[invitation.email])
    try:
        send_now(message)
    except MailUnavailable:
        StaffInvitation.objects.filter(id=invitation.id).update(revoked_at=now)
        raise


def _hash_of_signed(token: str) -> str:
    """Return the hash of a link's token; one that we did not sign is refused before the database is asked."""
    try:
        return _hash_of(Signer(salt=_SALT).unsign(token))
    except BadSignature as error:
        raise InvitationInvalid from error


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _log(what: str, invitation: StaffInvitation, by: User | None) -> None:
    fields = {"row": invitation.id, "tenant": invitation.tenant.slug, "role": str(invitation.role)}
    logger.warning(what, extra={**fields, "by": "command" if by is None else by.staff_id})
