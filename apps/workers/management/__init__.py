"""Django management for the workers app."""
