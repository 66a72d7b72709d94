"""Management commands of the local platform."""
