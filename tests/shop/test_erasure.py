"""A person is forgotten: their names and words in no table, the figures as before, and nobody else touched."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import ForeignKey, Model, Sum

from precision.engine.models import Run
from precision.engine.windows import Window
from precision.shop import bulk, dead_letters, erasure, history, identities, pii
from precision.shop import columns as c
from precision.shop.dead_letters import Letter
from precision.shop.erasure import facts, files, matching, space
from precision.shop.models import (
    Consent,
    Customer,
    DeadLetter,
    Erasure,
    Event,
    Exposure,
    Identity,
    IdentityLink,
    Join,
    Order,
    OrderLine,
    Platform,
    Profile,
    Referral,
    Response,
)
from precision.shop.stitching.writing import Cause, recompute
from segments.models import CustomerClass
from tests.shop.person import MAIL, NAME, NOW, PHONE, SEALED, WORDS, World, rows, world


@pytest.fixture
def made(platform: Platform) -> World:
    return world(platform)


def dumped() -> Iterator[tuple[str, str]]:
    """Yield every table of the database with its rows as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (name,) in cursor.fetchall():
            text = io.BytesIO()
            with cursor.copy(f'COPY "{name}" TO STDOUT') as copy:
                for piece in copy:
                    text.write(piece)
            yield name, text.getvalue().decode()


def naming(*values: str) -> set[str]:
    """Return the tables that hold one of the values, in any case."""
    return {name for name, text in dumped() for value in values if value.lower() in text.lower()}


def digests(platform: Platform) -> list[str]:
    """Return the digests by which the person's values and letters are matched."""
    key = pii.match_key(platform.organisation_id)
    names = [
        ("email", MAIL),
        ("phone", PHONE),
        ("name", NAME),
        ("customer_id", "zq-1001"),
        ("anonymous_id", "anon-zq-77"),
    ]
    stored = identities.stored_names(platform, names)
    return [value for kind, value in stored.values() if kind in {"email", "phone", "name"}] + [
        str(pii.subject(key, kind, value)) for kind, value in stored.values()
    ]


def figures() -> dict[str, Any]:
    """Return what is counted of everybody."""
    return {
        "revenue": OrderLine.objects.aggregate(total=Sum("unit_price"))["total"],
        "orders": Order.objects.count(),
        "buyers": Order.objects.values("identity__customer").distinct().count(),
        "events": sorted(Event.objects.values_list("name", "at", "product", "duration_s")),
        "sessions": Event.objects.values("session").distinct().count(),
        "clicks on what was shown": Response.objects.filter(
            recommendation__in=Exposure.objects.values("recommendation")
        ).count(),
    }


def test_of_the_whole_person_nothing_is_left(made: World) -> None:
    planted = [word for word in WORDS if naming(word)]
    assert planted == [word for word in WORDS if word not in SEALED], "what is not there proves nothing"
    hidden = digests(made.here)
    assert naming(*hidden) >= {"precision_shop_identity", "precision_shop_deadletter"}
    before, neighbour = figures(), _of_neighbour(made)
    done = erasure.erase_customer(made.here, "zq-1001", by="test", whole=True)
    assert done is not None
    assert done.state == Erasure.State.ERASED
    assert naming(*WORDS, *hidden) == set()
    assert figures() == before
    assert _of_neighbour(made) == neighbour
    assert erasure.erase_customer(made.here, "zq-1001", by="test", whole=True) is None


def _of_neighbour(made: World) -> dict[str, Any]:
    ids = [made.ids["here-neighbour"], made.ids["there-neighbour"]]
    own = {"identity__in": ids}
    return {
        "letters": DeadLetter.objects.filter(payload__userId="nell").count(),
        "classes": rows(CustomerClass.objects.filter(customer__identities__in=ids)),
        "identities": rows(Identity.objects.filter(pk__in=ids)),
        **{
            model.__name__: rows(model.objects.filter(**own))
            for model in (Order, Event, Exposure, Response, Consent, Profile)
        },
    }


def test_a_platform_forgets_only_what_it_knows_itself(made: World) -> None:
    there = [made.ids[f"there-{word}"] for word in ("user", "anonymous", "email")]
    facts = {
        model: rows(model.objects.filter(platform=made.there))
        for model in (Order, Event, Exposure, Response, Consent, DeadLetter, Referral)
    }
    done = erasure.erase_customer(made.here, "zq-1001", by="test")
    assert done is not None
    assert done.scope == "corner"
    for model, expected in facts.items():
        assert rows(model.objects.filter(platform=made.there)) == expected, model
    owner = Identity.objects.get(pk=there[0]).customer
    assert set(Identity.objects.filter(customer=owner).values_list("pk", flat=True)) == set(there)
    left = Identity.objects.filter(platform=made.here).exclude(value__startswith="erased-")
    assert list(left.values_list("value", flat=True)) == ["nell"]
    assert Profile.objects.filter(identity__in=there).count() == 1


def test_what_only_the_erased_joined_falls_apart(made: World) -> None:
    names = [("customer_id", "zed"), ("card", "C-9")]
    found = identities.resolve(made.there, set(names), now=NOW)
    account, card = found[names[0]], found[names[1]]
    for other in (account, card):
        low, high = sorted((other, made.ids["here-user"]))
        IdentityLink.objects.create(
            organisation=made.here.organisation, first_id=low, second_id=high, origin="staff", verified=True,
            at=NOW, decided_at=NOW,
        )  # fmt: skip
    recompute(made.here.organisation_id, [account, card], Cause())

    def people() -> set[int]:
        return set(Identity.objects.filter(pk__in=[account, card]).values_list("customer", flat=True))

    assert len(people()) == 1
    erasure.erase_customer(made.here, "zq-1001", by="test")
    assert len(people()) == 2
    assert not Identity.objects.filter(pk__in=[account, card], home__isnull=False).exists()


def test_a_name_that_others_go_by_too_stays_theirs(made: World) -> None:
    mail = identities.resolve(made.here, {("email", "family@canary-mail.org")}, now=NOW)[
        ("email", "family@canary-mail.org")
    ]
    own = identities.resolve(made.here, {("email", "lone@canary-mail.org")}, now=NOW)[
        ("email", "lone@canary-mail.org")
    ]
    for who, name in (("here-user", mail), ("here-neighbour", mail), ("here-anonymous", own)):
        low, high = sorted((made.ids[who], name))
        IdentityLink.objects.create(
            organisation=made.here.organisation,
            first_id=low,
            second_id=high,
            origin="browser",
            status="proposed",
            at=NOW,
        )
    before = Identity.objects.filter(pk=mail).values().get()
    erasure.erase_customer(made.here, "zq-1001", by="test")
    assert Identity.objects.filter(pk=mail).values().get() == before
    assert IdentityLink.objects.filter(first=min(mail, made.ids["here-neighbour"])).exists()
    gone = Identity.objects.get(pk=own)
    assert gone.value.startswith("erased-")
    assert gone.ciphertext is None


def test_every_table_that_names_people_is_known(made: World) -> None:
    done = erasure.erase_customer(made.here, "zq-1001", by="test", whole=True)
    assert done is not None
    unknown = {model._meta.db_table for model in about_people()} - set(done.counts)
    assert not unknown, f"An erasure does not know these tables: {sorted(unknown)}"


def about_people() -> set[type[Model]]:
    """Return the models of this product with a reference to an identity or a customer, or a column called like one."""
    return {
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label.startswith("precision_")
        for one in model._meta.concrete_fields
        if (isinstance(one, ForeignKey) and one.related_model in {Identity, Customer})
        or any(word in one.name for word in ("identity", "customer", "subjects", "moves"))
    }


def test_the_walk_finds_what_it_should() -> None:
    assert {
        Order,
        Event,
        Exposure,
        Consent,
        Profile,
        Join,
        DeadLetter,
        CustomerClass,
        IdentityLink,
    } <= about_people()


def test_counts_are_kept_and_nothing_by_which_to_know_whom(made: World) -> None:
    done = erasure.erase_customer(made.here, "zq-1001", by="sk_abc", whole=True)
    assert done is not None
    assert done.by == "sk_abc"
    expected = {
        "precision_shop_event": 6, "precision_shop_order": 4, "precision_shop_exposure": 2, "precision_shop_send": 2,
        "precision_shop_response": 2, "precision_shop_assignment": 2, "precision_shop_consent": 2,
        "precision_shop_profile": 2, "precision_shop_referral": 2, "precision_shop_interest": 2,
        "precision_shop_deadletter": 4, "precision_shop_identity": 6, "precision_segments_customerclass": 2,
        "precision_segments_rfmscore": 2, "precision_segments_segmentmember": 2,
        "precision_recommender_customerlist": 2,
    }  # fmt: skip
    assert {name: done.counts[name] for name in expected} == expected


@pytest.mark.usefixtures("committed")
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


@pytest.mark.usefixtures("committed")
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


@pytest.mark.usefixtures("committed")
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


@pytest.mark.usefixtures("committed")
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


@pytest.mark.usefixtures("committed")
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


@pytest.mark.usefixtures("committed")
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
