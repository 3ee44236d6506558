"""Language models: three kinds of request, backends that answer them, and a store that keeps every answer."""
