"""Pure nouns of the field: states, transitions, errors. No I/O, no clock, no randomness."""
