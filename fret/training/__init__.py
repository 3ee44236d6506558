"""Training an embedding model on a dataset: Gecko's recipe and NV-Embed's."""
