"""A complete sale through the public API only, like the pages of a shop."""
