"""What the pipeline runs beside CloudFormation: one-off tasks, and the templates of the tenants' stack sets."""
