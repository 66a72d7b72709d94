"""The public REST API: translates a request in, calls one operation or query, translates the outcome out."""
