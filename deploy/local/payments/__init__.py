"""The sandbox payment provider: a separate process with its own records, so that a double charge is visible."""
