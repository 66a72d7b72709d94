"""The tenants that are served and the callers of requests: tenant registry, API keys, shopper tokens, staff."""
