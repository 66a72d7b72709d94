"""Django's backend for PostgreSQL, with a limit on how long this process waits for a server that does not respond."""
