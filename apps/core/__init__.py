"""Code that all entrypoints share: the container, problem documents, the lean API view, requests, logs, health."""
