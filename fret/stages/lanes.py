"""How the requests of a run travel in the lanes batch and file, and what is out."""

import math
from collections.abc import Callable
from pathlib import Path

from fret.config import OpenAIModel, PipelineSettings
from fret.errors import UserError
from fret.figures import agree, count
from fret.llm.answers import AnswerStore
from fret.llm.batch import BatchLane, Status
from fret.llm.batch_service import BatchService
from fret.llm.file_lane import FileLane
from fret.llm.packer import Limits, Packer
from fret.llm.parcels import Ledger, Parcel, describe_elsewhere
from fret.llm.shelf import Shelf
from fret.llm.spool import Spool
from fret.llm.stored import Source
from fret.stages.keys import read_key
from fret.stages.prices import price_of, sum_costs

LANES = ("batch", "file")

# `vllm run-batch` keeps all answers in memory and writes them at its end: small files lose less.
_LINES_PER_FILE = 5_000
# A batch is held back while the most that it can cost, some four times what it will, is over what
# the budget has left; in smaller batches the next go out as the first show their true cost. No
# more than a hundred of them.
_BATCHES_PER_BUDGET, _MOST_BATCHES = 4, 100


class Lanes:
    """What is out by batch or file, for all models of a run.

    Args:
        open_store: opens the answer store, or returns it when it is open.
        tell: called with what a person should know.
    """

    def __init__(
        self,
        settings: PipelineSettings,
        lane: str,
        *,
        open_store: Callable[[], AnswerStore],
        tell: Callable[[str], None],
    ) -> None:
        self._settings, self._lane, self._store, self._tell = settings, lane, open_store, tell
        self._packers: dict[str, Packer] = {}
        self._spools: dict[str, Spool] = {}
        self._services: dict[str, BatchService] = {}

    def build_spool(self, name: str, model: OpenAIModel, shelf: Shelf) -> Spool:
        """Return a model that gathers its requests into files."""
        ledger, batch = Ledger(self._store()), model.batch
        if self._lane == "batch":
            limits = Limits(batch.max_lines, batch.max_bytes, self._usd_per_batch())
        else:
            limits = Limits(_LINES_PER_FILE, batch.max_bytes)
        folder, price = self._folder(name), price_of(model)
        packer = Packer(ledger, folder, shelf.source, name=name, limits=limits, price=price)
        self._packers[name] = packer
        self._spools[name] = spool = Spool(shelf, ledger, packer)
        return spool

    def discard(self) -> None:
        """Throw away files that are not finished, and let go of connections."""
        for packer in self._packers.values():
            packer.discard()
        for service in self._services.values():
            service.close()

    def take_in(self) -> list[str]:
        """Take in answers that have come by batch or file; return what a person should know."""
        return [line for name in self._by_file() for line in self._open(name).take_in()]

    def dispatch(self) -> list[str]:
        """Send off what was gathered; return what a person is to wait for, or to do.

        Empty when nothing is missing: the stage can run.
        """
        told = []
        for name in self._by_file():
            if name in self._packers:
                self._packers[name].close()
            if self._out(name):
                told.append(self._open(name).dispatch())
            elif name in self._spools and self._spools[name].n_pending:
                told.append(self._wait_for_others(name))
        return told

    def _wait_for_others(self, name: str) -> str:
        n, others = (
            self._spools[name].n_pending,
            Ledger(self._store()).elsewhere(self._source(name)),
        )
        return f"{n} of its requests {agree(n, 'is', 'are')} {describe_elsewhere(others)}"

    def refuse_two_lanes(self) -> None:
        """Refuse to ask in one lane what may be out, and be paid, in another.

        Raises:
            UserError: something is out.
        """
        path = Path(self._settings.answers)
        if self._lane == "count" or not path.exists():
            return
        parcels = Ledger(self._store()).parcels(self._settings.run)
        for parcel in parcels:
            if parcel.source.lane != self._lane:
                raise UserError(
                    f"{count(parcel.n, 'request')} of this run {agree(parcel.n, 'is', 'are')} out "
                    f"by {parcel.source.lane}. Go on with "
                    f"--lane {parcel.source.lane}, or end them with `fret batch cancel PIPELINE` "
                    "(`fret batch collect PIPELINE` then takes in what was answered by then)."
                )

    def manage_batches(self, action: str) -> list[Status]:
        """Look after what is out: see `fret.pipeline.Pipeline.batches`."""
        found = []
        for name in self._by_file():
            if action == "cancel":
                self._cancel_files(name)
            if not self._out(name):
                continue
            lane = self._open_batches(name)
            if action == "cancel":
                lane.cancel()
            for line in lane.take_in(give_up=action == "cancel") if action != "status" else []:
                self._tell(line)
            found += lane.look() if action == "status" else lane.statuses
        return found

    def _cancel_files(self, name: str) -> None:
        self._open_files(name).cancel()

    def _open(self, name: str) -> BatchLane | FileLane:
        """Return how the requests to a model travel, in the lanes batch and file."""
        return self._open_files(name) if self._lane == "file" else self._open_batches(name)

    def _open_files(self, name: str) -> FileLane:
        ledger, folder = Ledger(self._store()), self._folder(name, "file")
        return FileLane(ledger, folder, self._source(name, "file"), name)

    def _open_batches(self, name: str) -> BatchLane:
        model = self._model(name)
        if name not in self._services:
            api_key = read_key(name, model)
            self._services[name] = BatchService(
                model.addresses[0], api_key, timeout_s=model.timeout_s
            )
        return BatchLane(
            Ledger(self._store()),
            self._folder(name, "batch"),
            self._source(name, "batch"),
            name,
            service=self._services[name],
            max_enqueued_tokens=model.batch.max_enqueued_tokens,
            usd_left=self._usd_left,
        )

    def _usd_per_batch(self) -> float:
        budget = self._settings.budget
        if budget is None:
            return math.inf
        return max(self._usd_left() / _BATCHES_PER_BUDGET, budget.usd / _MOST_BATCHES)

    def _usd_left(self) -> float:
        """Return what the budget leaves for further batches, those that are out at their most."""
        budget, run, store = self._settings.budget, self._settings.run, self._store()
        if budget is None:
            return math.inf
        spent = sum_costs(self._settings, store.get_spent(run)) or 0.0
        out = sum(parcel.most_usd for parcel in Ledger(store).parcels(run, "batch") if parcel.sent)
        return budget.usd - spent - out

    def _out(self, name: str) -> list[Parcel]:
        return Ledger(self._store()).parcels(self._settings.run, self._lane, name)

    def _by_file(self) -> list[str]:
        """Return the models whose requests travel in files."""
        models = self._settings.models.items()
        return [name for name, model in models if isinstance(model, OpenAIModel)]

    def _model(self, name: str) -> OpenAIModel:
        model = self._settings.models[name]
        assert isinstance(model, OpenAIModel)
        return model

    def _source(self, name: str, lane: str | None = None) -> Source:
        model = self._model(name)
        return Source(model.label, model.model, self._settings.run, lane or self._lane)

    def _folder(self, name: str, lane: str | None = None) -> Path:
        return Path(self._settings.runs_dir) / self._settings.run / (lane or self._lane) / name
