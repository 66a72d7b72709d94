"""Checks of the CloudFormation templates, offline: AWS's own validator with the rules of ``rules.guard``."""
