"""The vocabulary of a platform, the texts that its people wrote, and the interests that a job finds in them."""

from typing import Any, cast

import polars as pl
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F
from django.utils.module_loading import import_string

from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop.columns import CATEGORY, IDENTITY, SECONDS
from precision.shop.methods import interests as method
from precision.shop.methods.interests import Method, Term
from precision.shop.models import Category, Event, Identity, Interest, InterestWord, Platform, Product

METHOD = "precision.shop.methods.interests.Vocabulary"
TEXTS = ("text", "comment", "message", "body", "review")
"""Properties of an event that hold what somebody wrote; search words have a column of their own."""
TEXT = "text"
_TEXT_ROW = "_row"


def vocabulary(platform: Platform) -> list[Term]:
    """Return the terms of a platform, the most trusted first: words of staff, categories, words of titles.

    Three queries.
    """
    staff = InterestWord.objects.filter(platform=platform).order_by("word")
    categories = Category.objects.filter(platform=platform).values_list("id", "path")
    titles = Product.objects.filter(platform=platform, listed=True, same_as=None).order_by("id")
    return [
        *(Term(each.word, each.topic, each.category_id) for each in staff),
        *method.from_categories(categories.iterator()),
        *method.from_titles(list(titles.values_list("title", F("category_id")))),
    ]


def texts(platform: Platform, window: Window) -> pl.DataFrame:
    """Return EVENT, IDENTITY, SECONDS and TEXT of the events of a window in which somebody known wrote or searched.

    What PostgreSQL still keeps of the window, that is; several texts of an event are lines of one.
    """
    parts = ", ".join(["nullif(query, '')", *(f"properties->>'{name}'" for name in TEXTS)])
    names = ", ".join(f"'{name}'" for name in TEXTS)
    since = "" if window.start is None else f"AND at >= to_timestamp({window.start:d})"
    return read_frame(f"""
        SELECT id AS "{method.EVENT}", identity_id AS "{IDENTITY}",
               floor(extract(epoch FROM at))::bigint AS "{SECONDS}",
               left(concat_ws(E'\\n', {parts}), {method.LONGEST_TEXT:d}) AS "{TEXT}"
        FROM precision_shop_event
        WHERE platform_id = {platform.pk:d} AND at < to_timestamp({window.end:d}) {since} AND identity_id IS NOT NULL
          AND (query <> '' OR jsonb_exists_any(properties, ARRAY[{names}]))
    """)


def mentions(found: pl.DataFrame, terms: list[Term]) -> pl.DataFrame:
    """Return what the texts name: a row a text and topic with IDENTITY, TOPIC, CATEGORY, SENSE, SECONDS and EVENT.

    Each distinct text is read once; search words repeat by the thousand.
    """
    reader = chosen_method()(terms)
    distinct = found.select(TEXT).unique(maintain_order=True).with_row_index(_TEXT_ROW)
    rows = [
        (row, mention.topic, mention.category, mention.sense.value)
        for row, text in distinct.iter_rows()
        for mention in reader.mentions(text)
    ]
    schema = {
        _TEXT_ROW: pl.UInt32, method.TOPIC: pl.String, CATEGORY: pl.Int64, method.SENSE: pl.String,
    }  # fmt: skip
    named = pl.DataFrame(rows, schema=schema, orient="row")
    return found.join(distinct, on=TEXT).join(named, on=_TEXT_ROW).drop(TEXT, _TEXT_ROW)


def chosen_method() -> type[Method]:
    """Return the class that reads texts; raise ImproperlyConfigured when the setting names none."""
    path = getattr(settings, "PRECISION_INTEREST_METHOD", METHOD)
    try:
        return cast(type[Method], import_string(path))
    except ImportError as error:
        raise ImproperlyConfigured(
            f"PRECISION_INTEREST_METHOD is {path!r}, which cannot be imported ({error}); name a class like {METHOD!r}."
        ) from error


def of_customer(platform: Platform, customer: int, *, run: int) -> list[dict[str, Any]]:
    """Return the interests of a customer (by our number) that a run found on a platform, the strongest first.

    The customer's identities count together: scores and mentions of a topic add up. Three queries.
    """
    identities = list(
        Identity.objects.filter(platform=platform, customer_id=customer).values_list("pk", flat=True)
    )
    rows = list(Interest.objects.filter(run_id=run, identity__in=identities).select_related("category"))
    wanted = {number for row in rows for number in row.events}
    # By identity, because an index leads with it; events have none on their number.
    events = Event.objects.filter(identity__in=identities, platform=platform, pk__in=wanted).order_by()
    told = {number: {"event": name, "at": at} for number, name, at in events.values_list("pk", "name", "at")}
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = found.setdefault(
            row.topic,
            {
                "topic": row.topic, "category": row.category.path if row.category else None, "score": 0.0,
                "mentions": 0, "last_at": row.last_at, "evidence": [],
            },
        )  # fmt: skip
        entry["score"] += row.score
        entry["mentions"] += row.mentions
        entry["last_at"] = max(entry["last_at"], row.last_at)
        entry["evidence"] += [told[number] for number in row.events if number in told]
    for entry in found.values():
        entry["evidence"].sort(key=lambda event: event["at"], reverse=True)
    return sorted(found.values(), key=lambda entry: (-entry["score"], entry["topic"]))
