// Starts Swagger UI on this API's own document. Nothing is loaded from, or sent to, another host.
"use strict";

window.ui = SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  withCredentials: false,
});
