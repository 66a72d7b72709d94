"""The sandbox payment provider: a process of its own with its own books, so that a double booking would show."""
