"""Queries: reads, which cannot commit."""
