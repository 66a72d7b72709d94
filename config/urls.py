"""URLs of the entrypoints. Names apps by string; the URLs of an app are in its own module."""

from django.urls import URLPattern, URLResolver, include, path

handler400 = "apps.core.problems.bad_request"
handler403 = "apps.core.problems.permission_denied"
handler404 = "apps.core.problems.not_found"
handler500 = "apps.core.problems.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include("apps.storefront.urls")),  # first: the hot paths pass no other pattern
    path("", include("apps.core.urls")),
    path("", include("apps.tenancy.urls")),
    path("admin/", include("apps.backoffice.urls")),
]
