"""Stripe as a payment provider, by Stripe's own library. ``provider`` explains how an attempt becomes an intent."""

from resale.adapters.payments.stripe.provider import StripePayments

__all__ = ["StripePayments"]
