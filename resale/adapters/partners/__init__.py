"""Before a partner: what any adapter is wrapped in so that a slow or failing one costs its own tenant only."""
