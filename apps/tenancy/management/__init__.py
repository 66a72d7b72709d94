"""Management commands of tenancy, for operators."""
