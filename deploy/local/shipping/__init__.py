"""The sandbox carrier: a process of its own with its own books, so that a label bought twice would show."""
