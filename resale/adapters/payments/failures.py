"""Errors of payment providers that the domain has no outcome for."""


class PartnerRequestError(RuntimeError):
    """Raised when the provider rejects a request as malformed: a bug in this code."""
