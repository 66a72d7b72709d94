"""Sessions of tenant accounts: credentials, clients, the data lane."""
