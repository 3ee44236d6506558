"""What fret knows of languages: their words, scripts and names. Plain functions."""
