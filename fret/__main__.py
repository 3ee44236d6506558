"""`fret`, and `python -m fret`: the entry, which ends cleanly even while the libraries load."""

import sys


def main() -> None:
    try:
        from fret.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit("Stopped before anything was done.")


if __name__ == "__main__":
    main()
