"""The reference pages of ``docs/``, derived from the code they describe. ``manage.py reference`` writes them."""
