"""Section publish: where the dataset goes, and what its card says beyond what fret knows."""

from pydantic import Field

from fret.config.base import Settings


class PublishSettings(Settings):
    """Where the dataset goes, and what its card says beyond what fret knows."""

    repo: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$")
    """Where on the Hugging Face Hub, as ORG/NAME; the card's examples load it from there."""
    private: bool = True
    """Whether a new repository is private."""
    accept_contamination: str | None = None
    """`fret publish` gives this when passages match evaluation sets and `decontamination.action` is
    `warn`: a person has looked at them. It holds for these matches and no others."""
    not_secret: list[str] = Field(default=[])
    """Hashes of findings of `fret publish` that a person has looked at and that are no secrets."""
    licence: str | None = None
    """Licence of the dataset, as the Hub writes it (cc-by-4.0, odc-by, other …)."""
    pretty_name: str | None = None
    """Title of the card; by default the run's name."""
    contact: str | None = None
    """To whom the owner of a page writes who wants it left out: a mail address or a web page."""
    scorer: str | None = None
    """Whose scores the config `scores` holds, by its name; null: the one that weighs most."""
