"""fret publish: a run's dataset folder becomes one revision of a repository on the Hub.

    dataset/ ─► checks ─► plan ─► contents sent ─► one commit ─► verified ─► tagged

`publish_dataset` does all of it; `fret.publish.hub` is the only part that reaches the network, and
`fret.publish.hub_errors` the only one that knows what its errors mean.
"""

from fret.publish.options import Options, Quiet, Watcher
from fret.publish.plan import Plan, PlannedFile
from fret.publish.publishing import Published, publish_dataset

__all__ = ["Options", "Plan", "PlannedFile", "Published", "Quiet", "Watcher", "publish_dataset"]
