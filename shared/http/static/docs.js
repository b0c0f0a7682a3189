// Shows the interface that the page's element names, with what this origin serves alone.
const place = document.getElementById("docs");
SwaggerUIBundle({ url: place.dataset.spec, domNode: place, deepLinking: true, validatorUrl: null });
