"""Onboarding of tenants: a machine of steps that probe, act and record, with a lease for each tenant."""
