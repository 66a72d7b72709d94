"""The tasks: what a message does, the base class every task shares, and the handlers that a task runs."""
