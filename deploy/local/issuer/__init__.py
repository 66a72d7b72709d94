"""OIDC issuers of demo tenants: keys under a folder, tokens minted from them, and a small server of the public half."""
