"""Every error that fret raises on purpose, named by who must act.

    FretError
    ├── UserError            exit 2: the user's file or arguments are wrong, nothing was done
    │   ├── ConfigError          the pipeline file
    │   ├── PromptError          a prompt file
    │   ├── SourceError          the pages that the pipeline file names
    │   ├── DriftError           finished work was made with other settings
    │   └── RunLocked            another process holds the run
    ├── StageError           exit 1: a stage failed, what it finished is kept
    │   ├── EmptyStage           it dropped all that it read
    │   └── StoreError           a file below the run folder is damaged or cannot be written
    ├── StoppedByFirst       as the first of several processes, which has told why
    ├── Waiting              exit 4: requests are out by batch or file; run again later
    ├── HubError             exit 3: the Hub stopped us (token, right, quota, outage),
    │                        what was sent is kept there
    └── ModelError           exit 3: a model's server stopped us (key, quota, refusal),
                             finished work is kept

A message says what happened, where, and what to do next. One record that cannot go on is no error:
it becomes a `Dropped` record with its reason.
"""


class FretError(Exception):
    """Root of all errors that fret raises on purpose."""

    exit_code = 1


class UserError(FretError):
    """The user's file or arguments are wrong; nothing was done."""

    exit_code = 2


class ConfigError(UserError):
    """The pipeline file cannot be used as it is."""


class PromptError(UserError):
    """A prompt file cannot be used as it is."""


class SourceError(UserError):
    """The source of pages is missing, empty or unreadable."""


class DriftError(UserError):
    """A stage was made with other settings than the pipeline file now has."""


class RunLocked(UserError):
    """Another process holds the run."""


class StageError(FretError):
    """A stage could not go on."""


class StoppedByFirst(FretError):
    """In one of several processes that train a model: the first stopped, and has told why."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("The first process stopped.")
        self.exit_code = exit_code


class EmptyStage(StageError):
    """A stage dropped all that it read; going on would drop all again."""


class StoreError(StageError):
    """A file below the run folder is damaged or cannot be written."""


class Waiting(FretError):
    """Requests are out by batch or file, and the run goes on when their answers are there."""

    exit_code = 4


class HubError(FretError):
    """The Hub stopped us, or holds something else than what was sent."""

    exit_code = 3


class ModelError(FretError):
    """A language model's server stopped us for a reason that retrying cannot mend."""

    exit_code = 3

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status behind it, where there is one."""
