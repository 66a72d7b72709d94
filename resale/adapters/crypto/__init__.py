"""Encryption of personal data: a key for each shopper, wrapped by the tenant's KMS key."""
