"""Use cases over ports: operations commit, queries read, reactions map changes to tasks."""
