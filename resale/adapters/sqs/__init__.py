"""SQS: one tenant's queues, in batches."""
