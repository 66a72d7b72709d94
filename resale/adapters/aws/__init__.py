"""A session per tenant account: credentials, clients, the data lane."""
