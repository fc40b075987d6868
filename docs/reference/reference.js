/* reference.js - shows the description that lies beside this page: it is there for everybody, while
 * /openapi.json asks for a token where there are tokens. Requests go to the daemon itself. */
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
});
