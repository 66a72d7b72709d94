"""Drills of disasters on the whole platform: each is a program of its own, and ends with 1 if anything is wrong."""
