"""Password reset by e-mail: Django's own views, counted like sign-ins, with one response whatever account exists."""

import logging
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.views import PasswordResetConfirmView, PasswordResetDoneView, PasswordResetView
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.utils.cache import add_never_cache_headers

from apps.backoffice.account_forms import NewPasswordForm
from apps.backoffice.sign_in import render_busy, render_too_many_attempts
from apps.backoffice.site import site
from apps.core import clock
from apps.core.client_ip import client_address
from apps.core.concurrency import ConcurrencyLimitError
from apps.core.mail import outbox
from apps.tenancy import sign_ins
from apps.tenancy.accounts import normalise_account
from apps.tenancy.models import User
from apps.tenancy.sign_ins import Attempt

logger = logging.getLogger("resale.staff")

_TEMPLATES: Final = "backoffice/sign_in"


class ResetForm(PasswordResetForm):
    """The address of an account. Messages are sent after the response, so that its time reveals nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.fields["email"].widget.attrs["class"] = "bo-input"

    def get_users(self, email: str) -> Any:
        """Return the accounts of the address that can sign in, unless they got too many messages lately."""
        account = normalise_account(email)
        if sign_ins.count_attempt(Attempt(account, "", f"reset {account}"), now=clock.for_platform()) is not None:
            return iter(())
        return (user for user in super().get_users(email) if user.is_staff)

    def send_mail(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - Django's signature
        """Put the message into the outbox."""
        context, to = args[2], args[4]
        text = render_to_string("backoffice/mail/password_reset.txt", context)
        outbox.post(EmailMessage("Reset your password", text, to=[to]))


class _SignInFrame:
    """Mixin that shows a view of Django's in the frame of the sign-in."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the frame shows."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # of the view
        return {**site.each_context(self.request), **context}

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle the request; while too many passwords are hashed, ask to retry."""
        try:
            response: HttpResponseBase = super().dispatch(*args, **kwargs)  # type: ignore[misc]  # of the view
        except ConcurrencyLimitError:
            response = render_busy(self.request)
        add_never_cache_headers(response)
        return response


class ResetRequest(_SignInFrame, PasswordResetView):
    """``/admin/password/reset/``."""

    title = "Reset your password"
    template_name = f"{_TEMPLATES}/password_reset.html"
    form_class = ResetForm
    success_url = reverse_lazy("admin:password_reset_done")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Count the request as an attempt to sign in is counted, then send the link."""
        account = normalise_account(request.POST.get("email", ""))
        attempt = Attempt(f"reset {account}", client_address(request))
        retry_after_seconds = sign_ins.count_attempt(attempt, now=clock.for_platform())
        if retry_after_seconds is not None:
            return render_too_many_attempts(request, retry_after_seconds)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Send the link, with the admin's own address whatever the Host header says."""
        own = urlsplit(settings.ADMIN_URL)
        form.save(domain_override=own.netloc, use_https=own.scheme == "https")
        return super(PasswordResetView, self).form_valid(form)


class ResetRequested(_SignInFrame, PasswordResetDoneView):
    """``/admin/password/reset/sent/``."""

    title = "Check your e-mail"
    template_name = f"{_TEMPLATES}/password_reset_sent.html"


class ResetConfirmation(_SignInFrame, PasswordResetConfirmView):
    """``/admin/password/reset/{uidb64}/{token}/``: the link of the message. It works once, for an hour."""

    title = "Choose a new password"
    template_name = f"{_TEMPLATES}/password_reset_confirm.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("admin:login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, which ends the account's sessions. The sign-in follows, with its second factor."""
        response = super().form_valid(form)
        if isinstance(form.user, User):
            logger.warning("password reset", extra={"by": form.user.staff_id})
        messages.success(self.request, "Your password is changed. Sign in with it.")
        return response

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        """Show the form, or that the link is not valid."""
        status = HTTPStatus.OK if context["validlink"] else HTTPStatus.NOT_FOUND
        return super().render_to_response(context, status=status, **response_kwargs)
