"""Use cases over ports: operations commit, queries read, reactions say what follows."""
