"""Adapters: the only package that knows technologies."""
