"""What lies between us and partners: which adapter speaks, and how often, how many at once and whether at all."""
