"""Rollouts of templates and settings to tenants, in waves, each tenant by the machine that onboarded it."""
