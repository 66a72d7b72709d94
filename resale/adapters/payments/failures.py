"""What goes wrong between us and a payment provider, where the domain has no word for it."""


class PartnerRequestError(RuntimeError):
    """The provider refuses a request that we built wrong: a bug of ours, not the buyer's or the provider's fault."""
