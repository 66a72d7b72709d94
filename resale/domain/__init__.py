"""The domain: pure nouns with states, transitions and errors. No I/O, no clock, no randomness."""
