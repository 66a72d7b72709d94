"""Deployment: CloudFormation templates, and ``local``, which runs everything on one machine."""
