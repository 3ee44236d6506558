"""What of a run may be shown to everybody: no paths and names of the machine it was made on."""

from pathlib import PurePosixPath, PureWindowsPath


def public_name(model: str) -> str:
    """Return the name of a model; of a path its last part alone."""
    if PureWindowsPath(model).is_absolute() or model.startswith(("/", ".", "~")):
        path = PureWindowsPath(model) if "\\" in model else PurePosixPath(model)
        return path.name
    return model


def public_address(url: str) -> str:
    """Return an address of the web; one of this machine's files is empty."""
    return "" if url.lower().startswith("file:") else url
