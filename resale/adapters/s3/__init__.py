"""S3: upload forms and objects of a tenant's bucket."""
