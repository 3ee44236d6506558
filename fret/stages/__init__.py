"""The six stages, one module each; `fret.pipeline` strings them together."""
