"""Who may do what, a module a noun: written here is what was decided, not what the code says.

Each has ``STATES``, all states of the noun, and ``ROWS``: action → the states in which it is allowed, a column a role.
"""

#: No state at all.
NO: set[str] = set()
