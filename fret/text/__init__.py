"""From bytes of a web page to passages: decoding, main text, filters, splitting, duplicates."""
