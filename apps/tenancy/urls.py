"""Paths of the registry."""

from django.urls import path

from apps.tenancy import health

urlpatterns = [path("readyz", health.readyz)]
