"""Calls to partners: the selection of the adapter, and its limits and circuit breaker."""
