"""Access logs: lines become events of anonymous visits, programs stay out, nothing tells who it was."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from django.core.management import CommandError, call_command

from precision.shop.models import Event, Identity, ImportBatch, Platform, Product, Source, Tally
from precision.shop.weblog import COMBINED, LogPattern, PatternError, Rules, visits
from precision.shop.weblog.addresses import hosts, read
from precision.shop.weblog.lines import parse
from tests.shop.imports import content, rejects

AGENT = "Mozilla/5.0 (X11; Linux) Firefox/120.0"
IP = "203.0.113.77"


def line(at: str, target: str, *, ip: str = IP, agent: str = AGENT, status: int = 200, method: str = "GET",
         referrer: str = "-") -> str:  # fmt: skip
    return f'{ip} - - [{at} +0100] "{method} {target} HTTP/1.1" {status} 512 "{referrer}" "{agent}"'


LOG = [
    line("05/Mar/2024:10:00:00", "/?utm_source=news&utm_campaign=spring&token=s3cret",
         referrer="https://www.Search.example/find?q=hidden"),
    line("05/Mar/2024:10:00:02", "/static/site.css?v=1"),
    line("05/Mar/2024:10:00:30", "/product/tea%201?password=hunter2"),
    line("05/Mar/2024:10:01:00", "/find?Q=green+tea&sid=abc"),
    line("05/Mar/2024:10:45:00", "/account/anna@example.org/reset/0123456789abcdef0123456789abcdef"),
    line("05/Mar/2024:10:00:00", "/", ip="198.51.100.1", agent="GoodBot/1.0 (+http://bot)"),
    line("05/Mar/2024:10:00:00", "/robots.txt", ip="198.51.100.2"),
    line("05/Mar/2024:10:00:01", "/", ip="198.51.100.2"),
    line("05/Mar/2024:10:00:01", "/", ip="198.51.100.3", agent="-"),
    line("05/Mar/2024:10:02:00", "/cart", method="POST"),
    line("05/Mar/2024:10:02:00", "/gone", status=404),
    "what is this",
    line("05/Mar/2094:10:02:00", "/future"),
    "",
]  # fmt: skip


def write(tmp_path: Path, lines: list[str], name: str = "access.log") -> Path:
    path = tmp_path / name
    text = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    if name.endswith(".gz"):
        text = gzip.compress(text)
    elif name.endswith(".zst"):
        text = pa.compress(text, codec="zstd", asbytes=True)
    path.write_bytes(text)
    return path


def run(platform: Platform, *arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("import_weblog", "--platform", platform.key, "--json", *map(str, arguments), stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


@pytest.mark.django_db
def test_lines_become_events(tmp_path: Path, platform: Platform) -> None:
    tea = Product.objects.create(platform=platform, external_id="tea 1", title="Tea")
    told = run(platform, write(tmp_path, LOG))
    assert (told["rows"], told["accepted"], told["rejected"]) == (13, 4, 2)
    assert told["dropped"] == {"bot": 4, "method": 1, "static": 1, "status": 1}
    assert told["rejected_by"] == {"in_future": 1, "unreadable_line": 1}
    assert [row[:4] for row in rejects(told)] == [("access.log", "12", "", ""), ("access.log", "13", "", "")]
    events = Event.objects.order_by("at").values_list(
        "name", "product", "query", "duration_s", "channel", "properties"
    )
    assert list(events) == [
        ("Page Viewed", None, "", 30.0, "web", {
            "path": "/", "referrer": "www.search.example",
            "context": {"campaign": {"name": "spring", "source": "news"}},
        }),
        ("Product Viewed", tea.pk, "", 30.0, "web", {"path": "/product/tea%201"}),
        ("Products Searched", None, "green tea", None, "web", {"path": "/find"}),
        ("Page Viewed", None, "", None, "web", {"path": "/account/*/reset/*"}),
    ]  # fmt: skip
    assert Event.objects.order_by("at")[0].at == datetime(2024, 3, 5, 9, tzinfo=UTC)
    assert Event.objects.values("session").distinct().count() == 2, "the visit ended after 30 minutes"
    assert Identity.objects.count() == 1, "the visitor is the same all day"
    assert Event.objects.exclude(source__kind="weblog").count() == 0
    tallies = dict(Tally.objects.filter(reason="").values_list("outcome", "count"))
    assert tallies == {"accepted": 4, "bot": 4}
    batch = ImportBatch.objects.get()
    assert (batch.rows, batch.counts["dropped"]["bot"]) == (13, 4)


@pytest.mark.django_db
def test_nothing_tells_who_it_was(tmp_path: Path, platform: Platform) -> None:
    told = run(platform, write(tmp_path, LOG))
    kept = repr(content()) + repr(list(Event.objects.values())) + repr(list(ImportBatch.objects.values()))
    kept += Path(told["rejects_file"]).read_text()
    for secret in (
        IP,
        "Firefox",
        "s3cret",
        "hunter2",
        "hidden",
        "anna@",
        "0123456789abcdef0123",
        "sid",
        "what is",
    ):
        assert secret not in kept, secret


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["access.log", "access.log.1", "access.log.gz", "access.log.2.zst"])
def test_the_same_lines_again_add_nothing(name: str, tmp_path: Path, platform: Platform) -> None:
    twice = [*LOG, LOG[0], line("05/Mar/2024:11:50:00", "/later")]
    assert run(platform, write(tmp_path, LOG[:4]))["accepted"] == 3
    told = run(platform, write(tmp_path, twice, name))
    assert (told["accepted"], told["duplicate"]) == (3, 3), "the second of two equal lines is another view"
    before = list(Event.objects.order_by("id").values())
    told = run(platform, write(tmp_path, twice, name), write(tmp_path, LOG, "old.log"))
    assert (told["accepted"], told["duplicate"]) == (0, 10)
    assert list(Event.objects.order_by("id").values()) == before
    assert Identity.objects.count() == 1


@pytest.mark.django_db
def test_visitors_change_with_the_day_and_the_platform(tmp_path: Path, platform: Platform) -> None:
    days = [line(f"0{day}/Mar/2024:10:00:00", "/") for day in (5, 6)]
    path = write(tmp_path, days)
    other = Platform.objects.create(key="other", name="Other", organisation=platform.organisation)
    run(platform, path)
    run(other, path)
    assert Identity.objects.filter(platform=platform).count() == 2
    assert Identity.objects.values("value").distinct().count() == 4


@pytest.mark.django_db
def test_who_opens_too_many_pages_is_a_program(tmp_path: Path, platform: Platform) -> None:
    log = [line(f"05/Mar/2024:10:00:{second:02}", f"/{second}") for second in range(30)]
    log += [line("05/Mar/2024:10:00:00", "/", ip="198.51.100.9")]
    assert run(platform, "--most-a-minute", 29, write(tmp_path, log))["dropped"] == {"bot": 30}
    assert run(platform, "--most-a-minute", 30, write(tmp_path, log))["accepted"] == 30


@pytest.mark.django_db
def test_own_patterns_and_rules(tmp_path: Path, platform: Platform) -> None:
    log = ["#Fields: date time", f'2024-03-05 09:00:00 {IP} GET /shop/9.html "Mozilla/5.0 \\"x\\"" 200']
    pattern = '{date} {clock} {ip} {method} {target} "{agent}" {status}'
    told = run(
        platform, "--pattern", pattern, "--product-url", r"^/shop/(\d+)\.html", "--source", "iis",
        write(tmp_path, log),
    )  # fmt: skip
    assert (told["accepted"], told["rejected"], told["rows"]) == (1, 0, 1)
    event = Event.objects.get()
    assert (event.name, event.properties["product_id"]) == ("Product Viewed", "9")
    assert event.at == datetime(2024, 3, 5, 8, tzinfo=UTC), "without a zone it is that of the platform"
    assert Source.objects.get(key="iis").kind == "weblog"
    seconds = LogPattern.of(r"^(?P<ip>\S+) (?P<time>\S+) (?P<target>\S+)", time_format="epoch")
    frame = parse(
        pl.DataFrame({"line": [f"{IP} 1709632800.5 /", f"{IP} x /"]}),
        seconds,
        timezone="UTC",
        now=datetime.now(UTC),
    )
    assert frame.get_column("at").to_list() == [datetime(2024, 3, 5, 10, 0, 0, 500_000, tzinfo=UTC), None]
    assert frame.get_column("code").to_list() == [None, "unreadable_line"]


@pytest.mark.django_db
def test_bytes_that_are_no_text(tmp_path: Path, platform: Platform) -> None:
    log = [
        line("05/Mar/2024:10:00:00", "/\udcff\x00?q=\udcff%00tea"),
        line("05/Mar/2024:10:01:00", "/product/%00"),
    ]
    assert run(platform, write(tmp_path, log))["accepted"] == 2
    assert set(Event.objects.values_list("name", flat=True)) == {"Products Searched", "Page Viewed"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pattern", "{ip} {time}"], "lacks {request} or {target}"),
        (["--pattern", "{ip} {time} {target} {colour}"], "placeholder {colour}"),
        (["--pattern", "{ip} {time} {target} {ip}"], "twice"),
        (["--pattern", "(?P<ip>"], "no regular expression"),
        (["--pattern", "(?P<ip>a)(?P<time>b)(?P<target>c)(?P<x>d)"], "names 'x'"),
        (["--pattern", "{ip} {date} {target}"], "both {date} and {clock}"),
        (["--product-url", "/p/"], "no group"),
        (["--product-url", "("], "no regular expression"),
        (["--most-a-minute", "0"], "1 or more"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], words: str, tmp_path: Path, platform: Platform) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("import_weblog", "--platform", platform.key, *arguments, str(write(tmp_path, LOG)))
    assert caught.value.returncode == 2
    assert words in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["none.log", "cut.log.gz"])
def test_a_damaged_file_loads_nothing(name: str, tmp_path: Path, platform: Platform, var: Path) -> None:
    good = write(tmp_path, LOG)
    path = tmp_path / name
    if name != "none.log":
        path.write_bytes(gzip.compress("\n".join(LOG).encode() * 50)[:-30])
    before = content()
    with pytest.raises(CommandError, match=name):
        call_command("import_weblog", "--platform", platform.key, str(good), str(path))
    assert content() == before
    assert not (var / "rejects").exists()
    assert not ImportBatch.objects.exists()


def test_places_of_the_combined_pattern() -> None:
    pattern = LogPattern.of(COMBINED)
    assert pattern.groups == ("ip", "time", "request", "status", "referrer", "agent")
    with pytest.raises(PatternError):
        LogPattern.of("nothing")
    with pytest.raises(PatternError):
        Rules(product="[")


def test_visits_end_after_a_gap_whatever_the_order_of_lines() -> None:
    start = datetime(2024, 3, 5, tzinfo=UTC)
    minutes = [0, 10, 40, 71]
    frame = pl.DataFrame(
        {"visitor": [1, 1, 1, 1, 2], "at": [start + timedelta(minutes=m) for m in [*minutes, 5]]}
    )
    made = visits.with_visits(frame.reverse(), gap=timedelta(minutes=30))
    assert made.select("visitor", "visit", "duration_s").rows() == [
        (1, 1, 600.0), (1, 1, 1800.0), (1, 1, None), (1, 2, None), (2, 3, None),
    ]  # fmt: skip


def test_addresses() -> None:
    targets = pl.Series(
        [
            "/p/a%2Fb/x",
            "/?s=&q=me@example.org",
            "/?q=%20shoes%20&s=x#q=no",
            "/x?utm_medium=mail;q=z",
            "/" + "a" * 40,
            "*",
        ]
    )
    told = read(targets, Rules())
    assert told.rows() == [
        ("/p/a%2Fb/x", None, "a/b", None), ("/", None, None, None), ("/", "shoes", None, None),
        ("/x", None, None, '{"medium": "mail;q=z"}'), ("/*", None, None, None), ("*", None, None, None),
    ]  # fmt: skip
    found = hosts(pl.Series(["https://user:pw@Shop.example:8080/a?b", "nonsense", None, "http://[bad"]))
    assert found.to_list() == ["shop.example", None, None, None]
