"""The steps of an erasure, each of which the next process can take up where a killed one stopped.

requested → (one transaction over all tables) → erased → (files, staff's log, sessions, dead rows) → finished
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.module_loading import import_string
from psycopg.errors import DeadlockDetected, LockNotAvailable

from precision.shop import bulk, pii
from precision.shop.api import freshness
from precision.shop.erasure import facts, files, plugins, space, traces
from precision.shop.erasure.subject import WHOLE, Subject, known_of, of_customer, of_identity, subjects_of
from precision.shop.intake import guard
from precision.shop.models import Customer, Erasure, Identity, Organisation, Platform
from precision.shop.stitching import locking
from precision.shop.stitching.writing import Cause, recompute

logger = logging.getLogger(__name__)

PATIENCE: Final = "10s"
"""How long an erasure waits for an import of the same platform before it leaves the rest to a later try."""
AT_ONCE: Final = 500
"""Erasures whose traces are looked for together."""
State = Erasure.State


def erase_customer(
    platform: Platform, customer_id: str, *, by: str, whole: bool = False, finish: bool = True
) -> Erasure | None:
    """Erase the person behind a customer id of the platform; return the erasure, or None when nobody is called so.

    Erased is what comes from the platform's own facts, with `whole` the joined person on all platforms of the
    organisation. On return the tables know the person no more, unless `state` is still `requested`: then another
    writer held them for too long, and `advance_all` goes on. Without `finish` it also does what remains outside the
    tables, which may take minutes.
    """
    identity = platform.identities.filter(kind=Identity.Kind.CUSTOMER_ID, value=customer_id).first()
    if identity is None:
        return None
    erasure = request(identity, by=by, whole=whole)
    advance(erasure, finish=finish)
    return erasure


def request(who: Identity | Customer, *, by: str, whole: bool = False) -> Erasure:
    """Note that a person is to be erased, and return the note; nothing is erased yet.

    Of an identity what its platform knows, with `whole` (and of a customer always) the joined person.
    """
    if isinstance(who, Customer):
        organisation, scope, number = who.organisation_id, WHOLE, {"customer": who.pk}
    else:
        organisation = who.platform.organisation_id
        scope, number = WHOLE if whole else who.platform.key, {"identity": who.pk}
    return Erasure.objects.create(
        organisation_id=organisation, scope=scope, by=by[:60], pending=pii.encrypt(number)
    )


def advance(erasure: Erasure, *, finish: bool = True) -> bool:
    """Do what remains of an erasure; return whether it is finished. Safe to repeat, and to run twice at once.

    Without `finish`, or within a transaction of the caller, only the tables are erased: the rest must not happen unless
    that commits.
    """
    if not _erased(erasure):
        return False
    if erasure.state == State.ERASED and finish and not connection.in_atomic_block:
        _finish([erasure])
    return erasure.state == State.FINISHED


def advance_all() -> int:
    """Do what remains of all erasures, oldest first; return how many still wait for something.

    What lies outside the tables is looked through once for some hundreds of them.
    """
    waiting = list(Erasure.objects.exclude(state=State.FINISHED).order_by("id"))
    for start in range(0, len(waiting), AT_ONCE):
        some = [erasure for erasure in waiting[start : start + AT_ONCE] if _erased(erasure)]
        pending = [erasure for erasure in some if erasure.state == State.ERASED]
        if pending and not connection.in_atomic_block:
            _finish(pending)
    return sum(erasure.state != State.FINISHED for erasure in waiting)


def _erased(erasure: Erasure) -> bool:
    """Erase the person from the tables where that is still to be done; return whether it is done."""
    if erasure.state == State.REQUESTED:
        try:
            _erase(erasure)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected | LockNotAvailable):
                raise
            logger.info("Erasure %s waits: another writer holds the rows.", erasure.pk)
            erasure.refresh_from_db()
            return False
    return True


def _erase(erasure: Erasure) -> None:
    """Forget the person in every table, in one transaction."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        held = Erasure.objects.select_for_update().get(pk=erasure.pk)
        if held.state == State.REQUESTED:
            subject = _locked_subject(held)
            work = _forget(subject) if subject is not None else None
            held.state = State.ERASED if work is not None else State.FINISHED
            held.counts = work.pop("counts") if work is not None else {}
            held.pending = pii.encrypt(work) if work is not None else None
            held.finished_at = None if work is not None else timezone.now()
            held.save(update_fields=["state", "counts", "pending", "finished_at"])
            Organisation.objects.filter(pk=held.organisation_id).update(erasures=F("erasures") + 1)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    _copy(held, erasure)


def _locked_subject(erasure: Erasure) -> Subject | None:
    """Return the person while nobody else writes about them; None when they are gone.

    The order of the locks is that of the writers: imports and the API hold their platform and then people, the event
    dialect shares the guard and then people.
    """
    subject = _find(erasure)
    while subject is not None:
        for platform in Platform.objects.filter(pk__in=subject.platforms).order_by("pk"):
            bulk.lock(platform)
        guard.alone(subject.organisation)
        locking.alone(subject.organisation)
        now = _find(erasure)
        if now is None or set(now.platforms) <= set(subject.platforms):
            return now
        subject = now  # meanwhile joined to an identity of one more platform, which is not locked yet
    return None


def _find(erasure: Erasure) -> Subject | None:
    told = pii.decrypt(erasure.pending or b"")
    if "customer" in told:
        customer = Customer.objects.filter(pk=told["customer"]).first()
        found = of_customer(customer) if customer is not None else None
    else:
        identity = Identity.objects.select_related("platform").filter(pk=told["identity"]).first()
        found = of_identity(identity, whole=erasure.scope == WHOLE) if identity is not None else None
    return found


def _forget(subject: Subject) -> dict[str, Any]:
    """Forget the person in every table; return what remains to be done outside them, and `counts` of the rows."""
    ids = list(subject.identities)
    remains = {
        **asdict(known_of(subject)),
        "identities": ids,
        "platforms": list(subject.platforms),
        "subjects": subjects_of(subject),
        "partitions": facts.event_partitions(ids),
        "transaction": space.transaction_number(),
    }
    beside = facts.neighbours(ids)
    counts: dict[str, int] = {}
    for name in plugins.erasers():
        counts |= import_string(name)(subject)
    counts |= facts.forget(remains)
    nobody = Customer.objects.create(organisation_id=subject.organisation)
    counts["precision_shop_identity"] = facts.bury(ids, customer=nobody.pk)
    if beside:
        recompute(subject.organisation, beside, Cause(reason="What joined them was erased."))
    empty = subject.customers if counts["precision_shop_identity"] else (*subject.customers, nobody.pk)
    counts["precision_shop_customer"] = _remove_empty(empty)
    return {**remains, "counts": counts}


def _remove_empty(customers: tuple[int, ...]) -> int:
    """Delete the customers that no identity belongs to or came with, and whatever still hangs on them."""
    empty = Customer.objects.filter(pk__in=customers).exclude(
        Exists(Identity.objects.filter(customer=OuterRef("pk")))
        | Exists(Identity.objects.filter(home=OuterRef("pk")))
    )
    _, rows = empty.delete()
    return rows.get(Customer._meta.label, 0)


def _finish(erasures: Sequence[Erasure]) -> None:
    """Remove the traces outside the tables of facts, then the dead rows; what is held up is tried again later.

    Traces are counted with the first of the erasures.
    """
    freshness.clear_all()
    works: list[dict[str, Any]] = [pii.decrypt(erasure.pending or b"") for erasure in erasures]
    late: list[Counter[str]] = []
    for work in works:
        with transaction.atomic():
            # Writers that had looked a number up before may have written under it after.
            late.append(Counter(facts.forget(work)))
    personal = sorted({value for work in works for value in work["personal"]})
    values = sorted({*personal, *(value for work in works for value in work["ids"])})
    late[0].update(traces.remove(values))
    platforms = sorted({number for work in works for number in work["platforms"]})
    late[0]["precision_shop_deadletter"] += traces.remove_letters(platforms, personal)
    late[0]["files"] += files.scrub(files.root(), values)
    for erasure, work, counts in zip(erasures, works, late, strict=True):
        counts["precision_shop_join"] += traces.leave_ledger(erasure.organisation_id, work["identities"])
        del counts["precision_shop_assignment"]  # they stay, and are counted already
        erasure.counts = {
            name: erasure.counts.get(name, 0) + counts[name] for name in {*erasure.counts, *counts}
        }
    touched = {
        name for erasure in erasures for name, rows in erasure.counts.items() if rows and space.is_table(name)
    }
    touched.update(name for work in works for name in work["partitions"])
    if not space.sweep(touched, since=max(work["transaction"] for work in works)):
        logger.info("%d erasures wait: a long transaction keeps dead rows alive.", len(erasures))
        Erasure.objects.bulk_update(erasures, ["counts"])
        return
    for erasure in erasures:
        erasure.state, erasure.pending, erasure.finished_at = State.FINISHED, None, timezone.now()
    Erasure.objects.bulk_update(erasures, ["state", "pending", "finished_at", "counts"])
    space.sweep([Erasure._meta.db_table], since=0)


def _copy(source: Erasure, target: Erasure) -> None:
    """Let the caller's object say what the row says."""
    for field in ("state", "counts", "pending", "finished_at"):
        setattr(target, field, getattr(source, field))
