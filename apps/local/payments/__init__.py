"""The sandbox payment provider: a partner of its own, with its own books, so that a double charge would show."""
