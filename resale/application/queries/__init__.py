"""Reads. They cannot commit."""
