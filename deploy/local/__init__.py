"""The local platform: engines, sandbox services and demo data that replace AWS during development. Never deployed."""
