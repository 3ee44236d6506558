"""Parts of embedding models beyond sentence-transformers' own; what assembles and loads them."""
