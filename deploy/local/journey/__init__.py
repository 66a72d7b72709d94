"""A sale from beginning to end, played through the public API only, as a shop's own pages would."""
