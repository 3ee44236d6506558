"""What is made of a finished run: its dataset, report, audit, exports, and what is published."""

from pathlib import Path
from typing import Any

from fret.audit import Audit, write_audit
from fret.config import PipelineSettings
from fret.dataset import identify_dataset, list_files
from fret.errors import UserError
from fret.export import Exported, export_run
from fret.export import Options as ExportOptions
from fret.publish import Options as PublishOptions
from fret.publish import Published, Quiet, Watcher, publish_dataset
from fret.records import Example
from fret.report import write_report
from fret.store import Run


class Products:
    """The methods of a pipeline that look at what its run has made."""

    settings: PipelineSettings

    def __repr__(self) -> str:
        return f"<fret pipeline, its run in {self.stored.path}>"

    @property
    def stored(self) -> Run:
        """The run's files as they are now."""
        return Run(Path(self.settings.runs_dir), self.settings.run)

    def dataset(self, config: str = "triplets") -> Any:
        """Load the finished dataset with Hugging Face `datasets`: a `DatasetDict` by split."""
        from datasets import load_dataset

        folder = self.stored.dataset_dir
        if not folder.exists():
            raise UserError(f"There is no dataset in {folder} yet: run the pipeline first.")
        return load_dataset(str(folder), config)

    def audit(
        self, n: int = 100, *, out: Path | None = None, seed: int = 0, per_query: int = 4
    ) -> Audit:
        """Write a page on which a person marks n examples blind; see `fret.audit`.

        Raises:
            UserError: the run is not finished, or `out` cannot be the page.
        """
        return write_audit(self.stored, n=n, out=out, seed=seed, per_query=per_query)

    def report(self) -> Path:
        """Write the report of the finished run anew, and return its page; see `fret.report`.

        Raises:
            UserError: the run is not finished.
        """
        run = self.stored
        if not run.path.is_dir():
            raise UserError(
                f"There is no run in {run.path} to report on. Run it first: `fret run PIPELINE`."
            )
        with run.locked():
            made_from = run.dataset_made_from()
            write_report(run.dataset_dir, run)
            if made_from is not None:
                list_files(run.dataset_dir, made_from)
        return run.dataset_dir / "report.html"

    def export(self, to: str, out: str | Path, options: ExportOptions | None = None) -> Exported:
        """Write the examples in a trainer's or benchmark's format; see `fret.export.Options`.

        Args:
            to: the format, one of `fret.export.FORMATS`.
            out: the folder; one of an earlier export is replaced.

        Raises:
            UserError: the run is not finished, or the format, an option or `out` will not do.
        """
        return export_run(self.stored, to, Path(out), options)

    def publish(
        self,
        repo: str | None = None,
        *,
        private: bool | None = None,
        dry_run: bool = False,
        force: bool = False,
        message: str | None = None,
        watcher: Watcher | None = None,
    ) -> Published:
        """Send the dataset to a repository of the Hub, and verify it there; see `fret.publish`.

        Call it again after any failure: what the Hub has is not sent again.

        Args:
            repo: ORG/NAME; by default `publish.repo` of the pipeline file.
            private: whether a repository that is made is private; by default `publish.private`.
            dry_run: only find out what would be sent, and what is against it.
            force: also into a repository that holds what fret did not put there.
            message: of the commit.

        Raises:
            UserError: it must not be published as it is; nothing was sent.
            HubError: the Hub stopped us.
        """
        settings = self.settings.publish
        options = PublishOptions.choose(
            settings, repo, private=private, force=force, message=message
        )
        run = self.stored
        if not run.stage(Example.STAGE).finished:
            raise UserError(f"The run {run.name} has no examples yet: run the pipeline first.")
        made_from = identify_dataset(run.stage(Example.STAGE).require(), settings.model_dump())
        return publish_dataset(
            run, options, made_from=made_from, watcher=watcher or Quiet(), dry_run=dry_run
        )
