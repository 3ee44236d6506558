"""Parts of embedding models beyond sentence-transformers' own, and what assembles and loads them."""
