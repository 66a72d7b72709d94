"""The only place that names technology."""
