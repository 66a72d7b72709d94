"""The Celery transport: one logical queue per purpose, fed by the SQS queues of all active tenants."""
