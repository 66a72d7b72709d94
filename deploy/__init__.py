"""What the platform is deployed with: CloudFormation templates, and ``local``, which runs everything on one machine."""
