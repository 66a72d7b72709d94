"""S3: forms that upload straight to a tenant's bucket, and that bucket's objects."""
