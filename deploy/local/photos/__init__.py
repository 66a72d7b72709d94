"""Sample photographs for the local platform, and what renders them. Nothing imports this."""
