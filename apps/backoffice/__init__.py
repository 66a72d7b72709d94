"""The admin site for tenants' staff and for operators."""
