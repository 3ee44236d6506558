"""Language models: three kinds of request, backends that answer them, a store of every answer."""
