"""Who is served and who is asking: the tenant registry, API keys, shoppers' tokens, staff membership."""
