"""Offboarding of tenants: export, backup, destruction of keys, and a signed certificate of what was deleted."""
