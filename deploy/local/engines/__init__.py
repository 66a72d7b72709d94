"""The engines that stand in for AWS: dynoxide (DynamoDB, one per account) and ministack (everything else)."""
