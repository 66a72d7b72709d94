"""Compensations of sellers and claims on carriers: what managers decide when an item is gone."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.amounts import write_amount
from apps.backoffice.forms import CarrierClaimForm, CompensationForm
from apps.backoffice.orders import OrderPages, read_order
from resale.application.operations.orders import CompensationTooLarge, compensate_seller, settle_carrier_claim
from resale.domain.entities import ORDER


class Compensation(OrderPages):
    """``/admin/orders/{order_id}/compensation/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Pay the seller of a refunded order."""
        context, found_id = self.context, ORDER.read_id(order_id)
        shown = read_order(context.open_reader(), context.principal, found_id)
        form = CompensationForm(request.POST, currency=shown.amounts.currency)
        if not form.is_valid():
            return self.show(found_id, compensating=form, status=422)
        try:
            order = context.with_version(form.cleaned_data["version"]).run(
                compensate_seller, order_id=found_id, new=form.compensation()
            )
        except CompensationTooLarge:
            form.add_error("amount", "The amount is larger than the refunded share of the seller.")
            return self.show(found_id, compensating=form, status=422)
        paid = 0 if order.compensation is None else order.compensation.amount
        messages.success(request, f"{write_amount(paid, order.currency)} is added to the seller's balance.")
        return redirect(self.back())


class CarrierClaim(OrderPages):
    """``/admin/orders/{order_id}/carrier_claim/``."""

    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        """Close the claim on the carrier."""
        context, found_id = self.context, ORDER.read_id(order_id)
        shown = read_order(context.open_reader(), context.principal, found_id)
        form = CarrierClaimForm(request.POST, currency=shown.amounts.currency)
        if not form.is_valid():
            return self.show(found_id, settling=form, status=422)
        context.with_version(form.cleaned_data["version"]).run(
            settle_carrier_claim, order_id=found_id, decision=form.decision()
        )
        messages.success(request, "The claim on the carrier is closed.")
        return redirect(self.back())
