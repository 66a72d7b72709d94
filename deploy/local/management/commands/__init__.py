"""Management commands of the local platform: ``run`` starts everything."""
