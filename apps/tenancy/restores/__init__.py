"""Restores of tenants to an earlier moment, by the machine of step runs."""
