"""Fair shares of the web processes: limits by tenant, key and shopper, and what is refused first under pressure.

``priorities`` is the table of what is refused first, ``rates`` one process's part of a tenant's limits, ``limiter``
counts requests against it, ``refusals`` are the problems, ``process`` has the limiter and the load of this process.
"""
