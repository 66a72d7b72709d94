"""Onboarding in AWS: accounts of AWS Organizations, stacks of CloudFormation StackSets."""
