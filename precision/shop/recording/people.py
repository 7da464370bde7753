"""Customers of the API into their tables: profile, further names, consents, and who brought them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from precision.shop import consent, identities, stitching
from precision.shop.bulk import DUPLICATE, OUTCOME, UPDATED
from precision.shop.identities import Name
from precision.shop.importing.customers import load_customers
from precision.shop.models import Consent, Identity, IdentityLink, Referral
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX, PLACE
from precision.shop.records import Code

CUSTOMER = Identity.Kind.CUSTOMER_ID.value
NAMING = (Identity.Kind.EMAIL.value, Identity.Kind.PHONE.value)
"""Fields of a profile that name the person elsewhere too; one that names nobody is kept all the same."""
ORIGIN = "profile"


def write(batch: Batch) -> Mapping[int, str]:
    """Add or update what the shop tells about its customers.

    Identities and consents only grow, also where the rest is replaced: they are a history. A row that tells nothing
    new but one of them counts as an update.
    """
    numbers = _resolve(batch)
    if not batch.frame.height:
        return {}
    told = batch.frame.select(INDEX, "customer_id")
    people = {index: numbers[CUSTOMER, value] for index, value in told.iter_rows()}
    fresh = _new_names(batch, people, numbers)
    frame = batch.whole() if batch.replace else batch.frame
    outcome = load_customers(
        batch.platform, frame.drop(INDEX, "referred_by", strict=False), replace=batch.replace, now=batch.now
    )
    joined = told.join(outcome, on="customer_id", how="left", maintain_order="left")
    outcomes: dict[int, str] = dict(joined.select(INDEX, OUTCOME).iter_rows())
    changed = {*fresh.values()} | _refer(batch, people, numbers) | _consent(batch, people)
    for index in changed:
        if outcomes[index] == DUPLICATE:
            outcomes[index] = UPDATED
    _link(batch, fresh)  # last: whoever tells the same link meanwhile waits for our commit
    return outcomes


def _resolve(batch: Batch) -> dict[Name, int]:
    """Return our number of every name in the batch, refusing the rows in which one names nobody."""
    wanted: dict[Name, list[tuple[int, str]]] = defaultdict(list)
    for index, name, field in _names(batch):
        wanted[name].append((index, field))
    numbers = identities.resolve(batch.platform, wanted.keys(), now=batch.now)
    for name, places in wanted.items():
        if name not in numbers:
            for index, field in places:
                if field not in NAMING:
                    batch.refuse([index], Code.UNUSABLE_IDENTITY, field)
    for index, own, by in _referrals(batch):
        if own == by:
            batch.refuse([index], Code.UNUSABLE_IDENTITY, "referred_by")
    return numbers


def _names(batch: Batch) -> Iterator[tuple[int, Name, str]]:
    """Yield index, name and field of every name that the rows tell."""
    for field, kind in (
        ("customer_id", CUSTOMER),
        ("referred_by", CUSTOMER),
        *zip(NAMING, NAMING, strict=True),
    ):
        if field in batch.frame.columns:
            for index, value in batch.frame.select(INDEX, field).drop_nulls().iter_rows():
                yield index, (kind, value), field
    for index, name, place in _identities(batch):
        yield index, name, f"identities[{place}].value"


def _identities(batch: Batch) -> Iterator[tuple[int, Name, int]]:
    """Yield index, name and place of the identities that the rows list."""
    listed = batch.nested("identities")
    if listed is not None:
        for index, kind, value, place in listed.select(INDEX, "kind", "value", PLACE).iter_rows():
            yield index, (kind, value), place


def _referrals(batch: Batch) -> Iterator[tuple[int, str, str | None]]:
    """Yield index, customer id and who brought them."""
    if "referred_by" in batch.frame.columns:
        yield from batch.frame.select(INDEX, "customer_id", "referred_by").iter_rows()


def _new_names(
    batch: Batch, people: Mapping[int, int], numbers: Mapping[Name, int]
) -> dict[tuple[int, int], int]:
    """Return the pairs of identities that are not linked yet, the lower number first, and the row that tells each."""
    told: dict[tuple[int, int], int] = {}
    for index, name, field in _names(batch):
        other = numbers.get(name)
        if field in {"customer_id", "referred_by"} or other is None or other == people[index]:
            continue
        told[min(people[index], other), max(people[index], other)] = index
    before = _linked({first for first, _ in told})
    return {pair: index for pair, index in told.items() if pair not in before}


def _link(batch: Batch, pairs: Collection[tuple[int, int]]) -> None:
    """Link names to their customers; people follow when the transaction has ended, before control comes back."""
    if pairs:
        told = pl.DataFrame(list(pairs), schema={"first": pl.Int64, "second": pl.Int64}, orient="row")
        at = pl.lit(batch.now).cast(pl.Datetime("us", "UTC"))
        stitching.link_many(
            batch.platform.organisation_id,
            told.with_columns(origin=pl.lit(ORIGIN), verified=pl.lit(batch.trusted), at=at),
        )


def _linked(firsts: Collection[int]) -> set[tuple[int, int]]:
    """Return the pairs that profiles have linked, by their lower numbers."""
    rows = IdentityLink.objects.filter(first__in=firsts, origin=ORIGIN, verified=True)
    return set(rows.values_list("first_id", "second_id"))


def _consent(batch: Batch, people: Mapping[int, int]) -> set[int]:
    """Record what people agreed to; return the rows that told something new."""
    listed = batch.nested("consents")
    if listed is None:
        return set()
    given = {name: name for name in ("basis", "at") if name in listed.columns}
    indexes = {people[index]: index for index in listed.get_column(INDEX).unique()}
    words = [
        consent.Word(
            identity=people[row[INDEX]],
            channel=row["channel"],
            purpose=row["purpose"],
            granted=row["granted"],
            basis=row["basis"] or "" if "basis" in given else "",
            at=row["at"] if "at" in given else None,
        )
        for row in listed.iter_rows(named=True)
    ]
    before = _words(indexes)
    consent.record(batch.platform, words, source=batch.source, now=batch.now)
    return {indexes[number] for number, *_ in _words(indexes) ^ before}


def _words(numbers: Collection[int]) -> set[tuple[int, int, bool, str]]:
    """Return every word of the people: whose, its number, and what it says."""
    rows = Consent.objects.filter(identity__in=numbers)
    return set(rows.values_list("identity_id", "pk", "granted", "basis"))


def _refer(batch: Batch, people: Mapping[int, int], numbers: Mapping[Name, int]) -> set[int]:
    """Keep who brought whom; return the rows that changed it. One who is replaced without it was brought by nobody."""
    told = {index: numbers[CUSTOMER, by] for index, _, by in _referrals(batch) if by is not None}
    concerned = people if batch.replace else {index: people[index] for index in told}
    stored = dict(
        Referral.objects.filter(platform=batch.platform, referred__in=concerned.values()).values_list(
            "referred_id", "referrer_id"
        )
    )
    changed = {index for index, number in concerned.items() if stored.get(number) != told.get(index)}
    if changed:
        Referral.objects.filter(
            platform=batch.platform, referred__in=[people[index] for index in changed]
        ).delete()
        Referral.objects.bulk_create(
            Referral(
                platform=batch.platform, referrer_id=told[index], referred_id=people[index], at=batch.now
            )
            for index in sorted(changed & told.keys())
        )
    return changed
