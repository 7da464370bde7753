"""A person is forgotten: their names and words in no table, the figures as before, and nobody else touched."""

from typing import Any

from django.apps import apps
from django.db.models import BigIntegerField, ForeignKey, Model, Sum

from precision.shop import erasure, identities, pii
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
from tests.shop.dumps import naming
from tests.shop.person import MAIL, NAME, NOW, PHONE, SEALED, WORDS, World, rows


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
        if not (isinstance(one, BigIntegerField) and one.name == "customers")  # how many, not who
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
        "precision_segments_rfmscore": 2, "precision_segments_stagenow": 2,
        "precision_segments_stagechange": 2, "precision_segments_customervalue": 2,
        "precision_segments_segmentmember": 2,
        "precision_recommender_customerlist": 2,
    }  # fmt: skip
    assert {name: done.counts[name] for name in expected} == expected
