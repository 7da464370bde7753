"""Erasures that are killed, that wait, and what lies outside the tables of facts: samples, letters, logs, files."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection

from precision.engine.models import Run
from precision.engine.windows import Window
from precision.shop import bulk, dead_letters, erasure, history
from precision.shop import columns as c
from precision.shop.dead_letters import Letter
from precision.shop.erasure import facts, files, matching, space
from precision.shop.models import (
    DeadLetter,
    Erasure,
    Identity,
    Join,
    Platform,
    Profile,
)
from tests.shop.dumps import dumped, naming
from tests.shop.person import MAIL, NAME, NOW, PHONE, WORDS, World


@pytest.mark.django_db(transaction=True)
def test_a_killed_erasure_is_finished_by_the_next_process(
    made: World, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejects = var / "rejects" / "corner-1.csv"
    rejects.parent.mkdir(parents=True)
    rejects.write_text(
        f'file,row,column,value,code,reason\n"a.csv",7,"id","zq-1001","x","y"\n"a.csv",8,"id","{MAIL} ","x","y"\n'
    )
    who = Identity.objects.get(pk=made.ids["here-user"])
    started = erasure.request(who, by="test", whole=True)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(facts, "bury", killed)
        with pytest.raises(KeyboardInterrupt):
            erasure.advance(started)
    assert Profile.objects.count() == 4, "half an erasure is none"
    with monkeypatch.context() as patch:
        patch.setattr(space, "sweep", killed)
        with pytest.raises(KeyboardInterrupt):
            erasure.advance_all()
    row = Erasure.objects.get()
    assert row.state == Erasure.State.ERASED
    assert row.pending
    assert erasure.advance_all() == 0
    row.refresh_from_db()
    assert row.state == Erasure.State.FINISHED
    assert row.pending is None
    assert row.finished_at is not None
    assert naming(*WORDS) == set()
    assert rejects.read_text().splitlines() == [
        "file,row,column,value,code,reason",
        "a.csv,7,id,(erased),x,y",
        "a.csv,8,id,(erased),x,y",
    ]
    before = list(dumped())
    assert erasure.advance_all() == 0
    assert list(dumped()) == before
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND pg_stats::text LIKE '%zq-1001%'"
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_the_planners_samples_forget_too_also_of_tables_that_are_empty_now(made: World) -> None:
    DeadLetter.objects.exclude(payload__userId="zq-1001").delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert sampled("zq-1001") >= {"precision_shop_identity", "precision_shop_deadletter"}
    assert sampled("zq looks for") >= {"precision_shop_event", f"precision_shop_event_{NOW:%Y_%m}"}
    erasure.erase_customer(made.here, "zq-1001", by="test", whole=True)
    assert not DeadLetter.objects.exists()
    assert sampled(*WORDS) == set()


def sampled(*values: str) -> set[str]:
    """Return the tables of whose columns the planner keeps one of the values."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT s.tablename, s::text FROM pg_stats s WHERE s.schemaname = 'public'")
        return {name for name, text in cursor.fetchall() for value in values if value.lower() in text.lower()}


@pytest.mark.django_db(transaction=True)
def test_letters_that_repeat_personal_values_without_an_id_go_too(made: World) -> None:
    payloads = [
        {"type": "track", "properties": {"comment": f"Write to {NAME}, please."}},
        {"name": NAME},
        {"phone_as_text": f"call {PHONE}"},
        {"amount": 1001, "comment": "Zenobia is a name"},
    ]
    dead_letters.keep(
        made.here, [Letter(kind="event", code="bad", payload=payload) for payload in payloads], source=None
    )
    erasure.erase_customer(made.here, "zq-1001", by="test", whole=True)
    assert naming(NAME, PHONE) == set()
    left = [letter.payload for letter in DeadLetter.objects.order_by("pk")]
    assert payloads[-1] in left
    assert len(left) == 3  # that, and the neighbour's two


@pytest.mark.django_db(transaction=True)
def test_the_history_forgets_the_sessions_and_keeps_the_figures(made: World) -> None:
    window = Window.before(NOW.date() + timedelta(days=2), days=30, timezone="UTC")

    def rows(table: str) -> pl.DataFrame:
        found: pl.DataFrame = history.scan(table, window, platform=made.here).collect().to_native()
        return found.filter(pl.col(c.IDENTITY) == made.ids["here-user"])

    events, shown = rows("events"), rows("exposures")
    erasure.erase_customer(made.here, "zq-1001", by="test")
    counted = [c.IDENTITY, c.EVENT, c.PRODUCT, c.SECONDS, c.DURATION_MS]
    after = rows("events")
    assert after.select(counted).sort(pl.all()).equals(events.select(counted).sort(pl.all()))
    for name in (c.SESSION, c.RECOMMENDATION):
        assert events.get_column(name).n_unique() == after.get_column(name).n_unique() == 1
        assert events.item(0, name) != after.item(0, name)
    again = rows("exposures")
    assert again.height == shown.height == 1
    assert (
        again.item(0, c.RECOMMENDATION) == after.item(0, c.RECOMMENDATION) != shown.item(0, c.RECOMMENDATION)
    )


@pytest.mark.django_db(transaction=True)
def test_staffs_log_sessions_and_errors_of_jobs_forget_too(made: World) -> None:
    boss = User.objects.create(username="boss")
    kind = ContentType.objects.get_for_model(Identity)
    for words in ("customer_id zq-1001", "customer_id nell"):
        LogEntry.objects.create(
            user=boss,
            content_type=kind,
            object_id="1",
            object_repr=words,
            action_flag=CHANGE,
            change_message=f'[{{"a": "{MAIL}"}}]',
        )
    for words in (f"{NAME} was changed.", "Nell was changed."):
        session = SessionStore()
        session["messages"] = [words]
        session.save()
    Run.objects.create(
        job="rules", scope="corner", as_of=NOW.date(), status="failed", error=f"Key (value)=({MAIL}) exists"
    )
    Join.objects.create(
        organisation=made.here.organisation, action="join", reason="both are zq-1001",
        moves=[[made.ids["here-user"], 1, 2], [made.ids["here-neighbour"], 1, 2]],
    )  # fmt: skip
    erasure.erase_customer(made.here, "zq-1001", by="test", whole=True)
    assert naming(*WORDS) == set()
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == [
        "customer_id (erased)",
        "customer_id nell",
    ]
    assert [one.get_decoded()["messages"] for one in Session.objects.all()] == [["Nell was changed."]]
    assert Run.objects.get(status="failed").error == "Key (value)=((erased)) exists"
    mine = {number for word, number in made.ids.items() if "neighbour" not in word}
    assert not [join for join in Join.objects.all() if mine & {move[0] for move in join.moves}]
    assert [made.ids["here-neighbour"], 1, 2] in Join.objects.get(
        reason="", moves__contains=[[made.ids["here-neighbour"]]]
    ).moves


@pytest.mark.django_db(transaction=True)
def test_an_erasure_is_not_finished_while_somebody_may_still_see_the_person(made: World) -> None:
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("SELECT count(*) FROM precision_shop_profile")  # from here on it sees what is now
        done = erasure.erase_customer(made.here, "zq-1001", by="test", whole=True)
        assert done is not None
        assert done.state == Erasure.State.ERASED
        assert erasure.advance_all() == 1
    assert erasure.advance_all() == 0
    assert Erasure.objects.get().state == Erasure.State.FINISHED


def test_an_erasure_waits_for_an_import_without_harm(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure.erasing, "PATIENCE", "1ms")

    def stuck(platform: Platform) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE lock_not_available; END $$")

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "lock", stuck)
        done = erasure.erase_customer(made.here, "zq-1001", by="test")
    assert done is not None
    assert done.state == Erasure.State.REQUESTED
    assert Profile.objects.count() == 4
    erasure.advance(done)
    assert done.state == Erasure.State.ERASED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("of zq-1001.", "of (erased)."),
        ("ZQ-1001", "(erased)"),
        ("zq-10012 azq-1001", "zq-10012 azq-1001"),
        ("Bo", "(erased)"),
        ("Bo was here, Bob too", "Bo was here, Bob too"),
        ('{"a": "Zo\\u00eb Quux"}', '{"a": "(erased)"}'),
    ],
)
def test_values_are_found_whole_and_in_any_case(text: str, expected: str) -> None:
    values = matching.Values(["zq-1001", "Bo", "Zoë Quux"])
    assert values.taken_out(text) == expected
    assert values.are_in(text) is (text != expected)


def test_files_that_wait_are_deleted_when_they_name_the_person(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "postgres").mkdir()
    for name in ("uploads/a.csv", "postgres/a.csv"):
        (tmp_path / name).write_text("id\nzq-1001\n")
    (tmp_path / "uploads" / "b.jsonl").write_text('{"id": "zq-10012"}\n')
    assert files.scrub(tmp_path, ["zq-1001"]) == 1
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.csv", "b.jsonl"]
    assert (tmp_path / "postgres" / "a.csv").exists()
