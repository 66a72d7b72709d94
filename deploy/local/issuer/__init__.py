"""OIDC issuers of demo tenants: keys in a folder, tokens signed with them, and a server of the public keys."""
