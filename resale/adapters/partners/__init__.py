"""Calls to partners: which adapter makes them, and the limits and the circuit breaker in front of it."""
