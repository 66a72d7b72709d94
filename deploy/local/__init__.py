"""One machine: engines, sandbox services and demo data that stand in for AWS during development. Never deployed."""
