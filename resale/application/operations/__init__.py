"""Writes. One function is one use case is one commit."""
