"""Runs of steps that probe, act and record, with a lease for each run: the machine of onboarding and offboarding."""
