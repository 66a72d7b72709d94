"""The tasks: their base class, their definitions, and the handlers that they run."""
