"""The OpenAPI 3.1 document: a table of endpoints, the msgspec structs they speak in, and what is made of both."""
