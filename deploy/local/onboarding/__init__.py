"""Onboarding on one machine: accounts are engines that ``make run`` starts, stacks are applied by its own reader."""
