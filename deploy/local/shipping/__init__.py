"""The sandbox carrier: a separate process with its own records, so that a label bought twice is visible."""
