"""`python -m fret` is `fret`."""

from fret.cli import main

if __name__ == "__main__":
    main()
