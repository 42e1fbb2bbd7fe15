"""Who asks: credentials are judged here, before a body is read or a route is looked for."""
