"""Commands of one machine: ``run`` starts everything."""
