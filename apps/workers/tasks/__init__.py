"""The tasks: what a message does, the base class every task shares, and the steps a task runs."""
