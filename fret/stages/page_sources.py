"""Sources of pages, as the pipeline file names them."""

from pathlib import Path

from fret.config import HtmlSource, HubSource, JsonlSource, UrlsSource, WarcSource
from fret.sources import Source
from fret.sources.columns import Columns
from fret.sources.html import HtmlFolder
from fret.sources.tables import TextTables
from fret.sources.warc import WarcFiles
from fret.sources.web import Manners
from fret.stages.context import Context


def build_source(context: Context) -> Source:
    """Build the source that the pipeline file names; nothing is read yet."""
    settings = context.settings.pages.source
    if isinstance(settings, HtmlSource):
        return HtmlFolder(context.find_path(settings.path))
    if isinstance(settings, WarcSource):
        return _build_warc(settings, context)
    if isinstance(settings, UrlsSource):
        return _build_urls(settings, context)
    columns = Columns(settings.text, settings.title, settings.url, settings.id)
    if isinstance(settings, JsonlSource):
        return TextTables(context.find_path(settings.path), columns)
    return _build_hub(settings, context, columns)


def _build_warc(settings: WarcSource, context: Context) -> Source:
    patterns = [settings.path] if isinstance(settings.path, str) else settings.path
    return WarcFiles(context.find_patterns(patterns), max_bytes=context.settings.pages.max_bytes)


def _build_urls(settings: UrlsSource, context: Context) -> Source:
    # Loaded where it is needed: its HTTP client takes a moment.
    from fret.sources.urls import UrlList

    return UrlList(
        context.find_path(settings.path) if settings.path else None,
        sitemaps=settings.sitemaps,
        manners=Manners(
            contact=settings.contact,
            delay_s=settings.delay_s,
            max_crawl_delay_s=settings.max_crawl_delay_s,
            max_wait_s=settings.max_wait_s,
            timeout_s=settings.timeout_s,
            max_redirects=settings.max_redirects,
            max_bytes=context.settings.pages.max_bytes,
            hosts_at_once=settings.hosts_at_once,
            allow_private=settings.allow_private,
        ),
        # Beside the stage's folder, which --redo removes.
        kept=Path(context.settings.runs_dir) / context.settings.run / "crawl.sqlite",
        max_age_s=settings.max_age_s,
    )


def _build_hub(settings: HubSource, context: Context, columns: Columns) -> Source:
    from fret.sources.hub import HubDataset

    return HubDataset(
        context.find_folder(settings.dataset) or settings.dataset,
        columns,
        config=settings.config,
        split=settings.split,
        revision=settings.revision,
        max_rows=settings.max_rows,
    )
