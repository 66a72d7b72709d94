"""Moves of tenants' write Regions, by the machine of step runs."""
