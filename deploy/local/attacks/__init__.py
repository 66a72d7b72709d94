"""The attack table: what a tenant can try against another, and the response that each attempt must get.

``tests/attacks`` makes every attempt of the table; ``docs/reference/attacks.md`` shows it. The surfaces are derived
from the code and the templates, the rows are written by hand, and a test names each surface without its rows.
"""
