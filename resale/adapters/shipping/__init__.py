"""Shipping services behind the port ``ShippingProvider``."""
