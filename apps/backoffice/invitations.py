"""Invitations of staff: the operator's page that sends and revokes them, and the page that accepts one."""

from typing import Final

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.account_forms import InvitationForm, NewPasswordForm
from apps.backoffice.open_pages import OpenPage
from apps.backoffice.pages import OperatorPage
from apps.backoffice.site import site
from apps.core import clock
from apps.core.mail import MailUnavailable
from apps.tenancy.invitations import (
    AccountExists,
    AccountNotEligible,
    AlreadyStaff,
    InvitationInvalid,
    StaffEmailInvalid,
    accept_as,
    accept_as_new,
    find_account,
    find_by_token,
    get_invitation,
    invite_staff,
    open_invitations,
    revoke_invitation,
)
from apps.tenancy.models import StaffInvitation, StaffRole, User

_OPENED: Final = "invitation_id"  # in the session: the invitation whose link was opened in this browser
_MOST_SHOWN: Final = 200


class InvitationPages(OperatorPage):
    """What the operator's pages of invitations share."""

    def back(self) -> str:
        """Look at the invitations."""
        return reverse("admin:invitations")

    def operator(self) -> User | None:
        """Return who is signed in."""
        return self.request.user if isinstance(self.request.user, User) else None


class Invitations(InvitationPages):
    """``/admin/memberships/invitations/``."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form and the open invitations."""
        return self.show(InvitationForm(initial=request.GET.dict()))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Invite somebody."""
        form = InvitationForm(request.POST)
        if not form.is_valid():
            return self.show(form, status=422)
        try:
            invite_staff(
                slug=form.cleaned_data["tenant"].slug,
                email=form.cleaned_data["email"],
                role=StaffRole(form.cleaned_data["role"]),
                now=clock.for_platform(),
                invited_by=self.operator(),
            )
        except (StaffEmailInvalid, AccountNotEligible, AlreadyStaff) as refused:
            form.add_error("email", refused.detail)
            return self.show(form, status=422)
        except MailUnavailable as unavailable:
            messages.error(request, unavailable.detail)
            return redirect(self.back())
        messages.success(request, "The invitation is sent. Its link works once, within 7 days.")
        return redirect(self.back())

    def show(self, form: Form, *, status: int = 200) -> HttpResponse:
        """Show the page with a form."""
        waiting = open_invitations(clock.for_platform()).select_related("tenant", "invited_by")
        return self.page(
            "invitations", title="Invitations", status=status, form=form, invitations=waiting[:_MOST_SHOWN]
        )


class Revocation(InvitationPages):
    """``/admin/memberships/invitations/{invitation_id}/revoke/``."""

    def post(self, request: HttpRequest, invitation_id: str) -> HttpResponse:
        """End an invitation."""
        revoke_invitation(invitation_id=invitation_id, now=clock.for_platform(), revoked_by=self.operator())
        messages.success(request, "The invitation is revoked. Its link does not work any more.")
        return redirect(self.back())


class Link(OpenPage):
    """``/admin/invitation/{token}/``: the link of the message."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Note the invitation in the session and go on without the token: no further page shows it."""
        try:
            invitation = find_by_token(token, now=clock.for_platform())
        except InvitationInvalid as invalid:
            return self.page("invalid", title=invalid.title, status=404, detail=invalid.detail)
        request.session[_OPENED] = invitation.id
        return redirect("admin:invitation")


class Acceptance(OpenPage):
    """``/admin/invitation/``: choose a password, or join with the account that exists."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show what is offered, and how to accept it."""
        try:
            return self.show(self.invitation())
        except InvitationInvalid as invalid:
            return self.page("invalid", title=invalid.title, status=404, detail=invalid.detail)

    def post(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Accept the invitation."""
        try:
            invitation = self.invitation()
            account = find_account(invitation)
            if account is None:
                return self.accept_as_new(invitation)
            return self.accept_as(invitation, account)
        except InvitationInvalid as invalid:
            return self.page("invalid", title=invalid.title, status=404, detail=invalid.detail)
        except AccountExists:
            return redirect("admin:invitation")

    def invitation(self) -> StaffInvitation:
        """Return the invitation whose link was opened in this browser. Raises InvitationInvalid."""
        return get_invitation(str(self.request.session.get(_OPENED, "")), now=clock.for_platform())

    def accept_as_new(self, invitation: StaffInvitation) -> HttpResponse:
        """Set the account's first password, and sign in."""
        account = User(username=invitation.email, email=invitation.email, is_staff=True)
        form = NewPasswordForm(account, self.request.POST)
        if not form.is_valid():
            return self.show(invitation, form=form, status=422)
        form.save(commit=False)  # hashed before a lock is taken
        saved = accept_as_new(invitation_id=invitation.id, account=account, now=clock.for_platform())
        self.request.session.flush()
        login(self.request, saved)
        return redirect("admin:index")

    def accept_as(self, invitation: StaffInvitation, account: User) -> HttpResponse:
        """Join with the account that is signed in, which must be the invited one."""
        if not self.is_signed_in(account):
            return redirect_to_login(reverse("admin:invitation"), reverse("admin:login"))
        accept_as(invitation_id=invitation.id, account=account, now=clock.for_platform())
        del self.request.session[_OPENED]
        messages.success(self.request, "You are on the staff of another shop now.")
        return redirect("admin:index")

    def is_signed_in(self, account: User) -> bool:
        """Whether the account is signed in here."""
        return self.request.user == account and site.has_permission(self.request)

    def show(
        self, invitation: StaffInvitation, *, form: NewPasswordForm | None = None, status: int = 200
    ) -> HttpResponse:
        """Show the invitation with the form that accepts it."""
        account = find_account(invitation)
        fresh = NewPasswordForm(User(username=invitation.email)) if account is None else None
        return self.page(
            "invitation",
            title=f"Join the staff of {invitation.tenant.name}",
            status=status,
            invitation=invitation,
            form=form or fresh,
            signed_in=account is not None and self.is_signed_in(account),
        )
