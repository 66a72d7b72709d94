"""DynamoDB: the data lane, keys, the unit of work, and one mapping file for each noun."""
