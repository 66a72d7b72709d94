"""Restores on one machine: copies of the engines' files, and tables that are made from one of them."""
