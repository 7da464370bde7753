"""Access logs into the table of events: `import_logs(platform, files, …)`."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from precision.engine.progress import Steps
from precision.shop import bulk, pii, segment_spec, sources, stitching
from precision.shop.bulk import ACCEPTED, OUTCOME
from precision.shop.importing import bookkeeping
from precision.shop.importing.decompressing import plain_utf8
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.events import UNKNOWN_PRODUCT, load_events
from precision.shop.importing.extracting import Reader, json_objects
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.rejects import REASON, Rejects
from precision.shop.importing.run import Run
from precision.shop.importing.summary import ImportSummary
from precision.shop.intake import events_table
from precision.shop.intake.surroundings import is_bot
from precision.shop.mapping import Mapping
from precision.shop.models import Platform, Source
from precision.shop.weblog import addresses, lines, visits
from precision.shop.weblog.pattern import COMBINED, LogPattern
from precision.shop.weblog.rules import Rules

NAME: Final = "web server log"
KIND: Final = "event"
STEPS: Final = 3
PRODUCT_VIEWED: Final = "Product Viewed"
SEARCHED: Final = "Products Searched"
EVENT_COLUMNS: Final = (
    "event_id", "event", "anonymous_id", "at", "channel", "session_id", "duration_s", "query", "product_id",
    "properties",
)  # fmt: skip


def import_logs(
    platform: Platform,
    paths: Sequence[Path],
    *,
    pattern: LogPattern | None = None,
    rules: Rules | None = None,
    source: str = "",
    steps: Steps | None = None,
) -> ImportSummary:
    """Load the pages of access logs as events of anonymous visits; return what became of the lines.

    All or nothing: raises ImportRefusedError when a file cannot be read. Lines that do not look as the pattern says go
    to a rejects file, by their numbers only. Those of programs, of files that are no pages, of other methods and of
    answers without a page are counted (`dropped`) and left out. The same lines again are duplicates. Network address
    and user agent are kept nowhere: a visitor is a keyed digest of both that is another one every day. `source` is the
    key of a source, else the platform's own logs.
    """
    now = timezone.now().astimezone(UTC)
    started = time.perf_counter()
    rejects = Rejects()
    run = Run(
        platform=platform,
        mapping=Mapping(name=NAME, files={}, records={}),
        now=now,
        rejects=rejects,
        reader=Reader(timezone=platform.timezone, now=now, rejects=rejects),
        summary=ImportSummary(platform=platform.key, mapping=NAME),
    )
    path = Path(getattr(settings, "VAR", "var")) / "rejects" / f"{platform.key}-{now:%Y%m%dT%H%M%S.%fZ}.csv"
    events_table.ensure_months({now.date()})
    with nullcontext(steps) if steps is not None else Steps(STEPS) as progress:
        with progress.step("read lines"):
            read = _read(run, paths, pattern or LogPattern.of(COMBINED))
        with progress.step("find visits"):
            made = _events(run, read, rules or Rules())
        try:
            with progress.step("load events"), transaction.atomic():
                bulk.lock(platform)
                kind = Source.Kind.WEBLOG
                own = (
                    sources.named(platform, source, kind=kind) if source else sources.default(platform, kind)
                )
                _load(run, made, own)
                bookkeeping.record(run, {KIND: own}, started=now, path=path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    run.summary.seconds = round(time.perf_counter() - started, 3)
    return run.summary


def _read(run: Run, paths: Sequence[Path], pattern: LogPattern) -> pl.DataFrame:
    """Return the lines of the files that can be used, with what they tell (see `lines.parse`)."""
    frames = []
    for position, path in enumerate(paths):
        if not path.is_file():
            raise ImportRefusedError(f"There is no file {path}.")
        try:
            with plain_utf8(path, encoding="utf-8", lenient=True) as text:
                frame = pl.read_lines(text, glob=False) if text.stat().st_size else _NO_LINES
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ImportRefusedError(
                f"{path} cannot be read, it is damaged or truncated ({str(error).strip().splitlines()[0]})."
            ) from error
        frame = frame.with_row_index(ROW, offset=1).with_columns(pl.lit(position, pl.UInt32).alias(FILE))
        told = pl.col(lines.LINE)
        frame = frame.filter((told.str.strip_chars() != "") & ~told.str.starts_with("#"))
        run.summary.files.append({"name": str(path), "bytes": path.stat().st_size, "rows": frame.height})
        frames.append(lines.parse(frame, pattern, timezone=run.reader.timezone, now=run.now))
    made = pl.concat(frames)
    bad = made.filter(pl.col("code").is_not_null())
    reasons = {**REASON, lines.UNREADABLE: lines.REASON}
    run.rejects.add(
        bad.select(
            file=FILE, row=ROW, column=pl.lit(""), value=pl.lit(""), code="code",
            reason=pl.col("code").replace_strict(reasons),
        ),
        kind=KIND,
    )  # fmt: skip
    return made.filter(pl.col("code").is_null()).drop("code")


_NO_LINES: Final = pl.DataFrame(schema={lines.LINE: pl.String})


def _events(run: Run, read: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return the events of the lines, by EVENT_COLUMNS; what is left out is counted."""
    frame = visits.with_visitors(read)
    agents = frame.get_column("agent").unique().drop_nulls()
    bots = agents.filter(pl.Series([is_bot(agent) for agent in agents], dtype=pl.Boolean))
    endings = "|".join(rules.static)
    path = pl.col("target").str.extract(r"^([^?#]*)")
    frame = frame.with_columns(
        named=pl.col("agent").is_in(bots.implode()).fill_null(value=False),
        method_fits=pl.col("method").is_in(rules.methods).fill_null(value=True),
        status_fits=(pl.col("status").is_between(200, 299) | (pl.col("status") == 304)).fill_null(value=True),
        static=path.str.contains(rf"(?i)\.(?:{endings})$"),
    )
    page = frame.select(pl.col("method_fits") & ~pl.col("static")).to_series()
    frame = frame.with_columns(
        programmed=visits.programs(frame, page=page, most_a_minute=rules.most_a_minute)
    ).with_columns(
        dropped=pl.when(pl.col("named") | pl.col("programmed")).then(pl.lit("bot"))
        .when(~pl.col("method_fits")).then(pl.lit("method"))
        .when(pl.col("static")).then(pl.lit("static"))
        .when(~pl.col("status_fits")).then(pl.lit("status"))
    )  # fmt: skip
    counts = frame.get_column("dropped").drop_nulls().value_counts()
    run.summary.dropped.update({str(name): int(count) for name, count in counts.iter_rows()})
    pages = frame.filter(pl.col("dropped").is_null()).sort(FILE, ROW)
    pages = pages.with_columns(occurrence=pl.int_range(pl.len()).over(FILE, lines.LINE))
    pages = pages.hstack(addresses.read(pages.get_column("target"), rules))
    pages = pages.with_columns(pl.lit(addresses.hosts(pages.get_column("referrer"))).alias("host"))
    return _named(run.platform, visits.with_visits(pages, gap=rules.gap))


def _named(platform: Platform, pages: pl.DataFrame) -> pl.DataFrame:
    """Return pages of visits as events, network address and user agent left behind."""
    key = _key(platform)
    zone = ZoneInfo(platform.timezone)
    heads = pages.unique(visits.VISIT, keep="first", maintain_order=True)
    names = [
        (
            _digest(key, f"{start.astimezone(zone).date()}\x1f{ip}\x1f{agent}"),
            _digest(key, f"{start.isoformat()}\x1f{ip}\x1f{agent}"),
        )
        for ip, agent, start in heads.select("ip", "agent", "start").iter_rows()
    ]
    people = heads.select(visits.VISIT).with_columns(
        anonymous_id=pl.Series([visitor for visitor, _ in names], dtype=pl.String),
        session_id=pl.Series([visit for _, visit in names], dtype=pl.String),
    )
    ids = [
        _digest(key, f"{number}\x1f{line}")
        for number, line in pages.select("occurrence", lines.LINE).iter_rows()
    ]
    base = json_objects(pages.select("path", referrer="host")).fill_null("{}")
    campaign = pl.concat_str(
        pl.lit(base).str.head(-1), pl.lit(',"context":{"campaign":'), "campaign", pl.lit("}}")
    )
    return (
        pages.join(people, on=visits.VISIT, how="left", maintain_order="left")
        .with_columns(
            event_id=pl.Series(ids, dtype=pl.String),
            event=pl.when(pl.col("product_id").is_not_null()).then(pl.lit(PRODUCT_VIEWED))
            .when(pl.col("query").is_not_null()).then(pl.lit(SEARCHED))
            .otherwise(pl.lit(segment_spec.PAGE_VIEWED)),
            channel=pl.lit("web"),
            properties=pl.when(pl.col("campaign").is_null()).then(pl.lit(base)).otherwise(campaign),
        )
        .select(EVENT_COLUMNS)
    )  # fmt: skip


def _load(run: Run, made: pl.DataFrame, source: Source) -> None:
    """Load the events and count them."""
    told = load_events(run.platform, made, source=source, now=run.now, links=run.links)
    done = run.summary.kind(KIND)
    done.accepted = int((told.get_column(OUTCOME) == ACCEPTED).sum())
    done.duplicate = told.height - done.accepted
    done.rejected = run.rejects.count(KIND)
    run.summary.rows.accepted, run.summary.rows.duplicate = done.accepted, done.duplicate
    run.summary.unknown_product_events = told.filter(UNKNOWN_PRODUCT).height
    if run.links:
        stitching.link_many(run.platform.organisation_id, pl.concat(run.links))


def _key(platform: Platform) -> bytes:
    """Return the key of the digests, another one for each platform: without it an address could be guessed."""
    whole = pii.match_key(platform.organisation_id)
    return hashlib.blake2b(f"weblog\0{platform.pk}".encode(), key=whole[:64], digest_size=32).digest()


def _digest(key: bytes, text: str) -> str:
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()
