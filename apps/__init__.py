"""Django: translate in, one call, translate out."""
