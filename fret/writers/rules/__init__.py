"""The rules of the template writer: from a passage to queries it may offer."""
