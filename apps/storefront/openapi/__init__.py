"""The OpenAPI 3.1 document, built from the endpoints and the msgspec structs of their bodies."""
