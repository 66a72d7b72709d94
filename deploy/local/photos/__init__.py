"""Sample photos of the local platform, and the program that renders them. Nothing imports this."""
