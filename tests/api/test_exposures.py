"""What was served is a fact: exposures, trials with their propensities, and the pages of one list."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from precision.shop.models import Exposure, Identity, Organisation
from recommender.serving import exploring, exposures, paging
from tests.api.conftest import Shop
from tests.api.serving import TRIED, control, ids, large, logged, shown

FOR_YOU = "recommendations/for-you/"


def test_an_answer_is_one_row_of_arrays(stocked: Shop) -> None:
    answer = stocked.get("slots/home/", customer="ann")
    found = logged(answer)
    assert (found.platform, found.page, found.identity) == (stocked.platform, "home", stocked.people["ann"])
    assert found.slots == ["home-1"] * 4 + ["home-2"] * 4 + ["home-3"] * 4
    assert found.ranks == [1, 2, 3, 4] * 3
    assert found.products == stocked.ids(shown(answer))
    assert found.propensities == [1.0] * 12
    assert found.sources[0] == "personal:item-item"
    assert found.run is not None
    assert abs(found.at - timezone.now()) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("recommendations/for-you/?customer=ann", "for-you"),
        ("recommendations/buy-again/?customer=ann", "buy-again"),
        ("recommendations/similar/?product=tea-1", "similar"),
        ("recommendations/bought-together/?product=tea-1", "bought-together"),
        ("recommendations/popular/", "popular"),
        ("recommendations/trending/", "trending"),
    ],
)
def test_every_list_is_logged(stocked: Shop, address: str, page: str) -> None:
    answer = stocked.get(address)
    found = logged(answer)
    assert (found.page, found.products) == (page, stocked.ids(ids(answer["items"])))


def test_guesses_are_logged_list_by_list(stocked: Shop) -> None:
    answer = stocked.get("recommendations/guess-what-you-like/", order="o-2", count=2)
    found = logged(answer)
    assert found.slots == ["for_you"] * 2 + ["cross"] * 2 + ["up"] * 2
    assert found.products == stocked.ids(
        [name for each in ("for_you", "cross", "up") for name in ids(answer[each])]
    )


def test_a_trace_logs_nothing(stocked: Shop) -> None:
    stocked.get("recommendations/trace/", customer="ann")
    exposures.writer.flush()
    assert not Exposure.objects.exists()


def test_under_whom_an_answer_is_logged(stocked: Shop) -> None:
    visitor = stocked.person("v-1", kind=Identity.Kind.ANONYMOUS_ID)
    write = stocked.credentials.write_key
    assert logged(stocked.get("slots/home/", key=write, anonymous_id="v-1")).identity == visitor
    assert logged(stocked.get("slots/home/", anonymous_id="new")).identity is None
    # Without the hash a write key must not put anything into a customer's history.
    assert logged(stocked.get("slots/home/", key=write, customer="ann")).identity is None
    assert (
        logged(stocked.get("slots/home/", key=write, customer="ann", anonymous_id="v-1")).identity == visitor
    )


def test_a_batch_takes_few_statements(stocked: Shop, django_assert_max_num_queries: Any) -> None:
    for _ in range(20):
        stocked.get("slots/home/", customer="ann")
    with django_assert_max_num_queries(11):  # most of them look for the partition, once a process
        exposures.writer.flush()
    assert Exposure.objects.count() == 20


def test_whoever_was_erased_meanwhile_is_not_written(stocked: Shop) -> None:
    answer = stocked.get("slots/home/", customer="ann")
    Organisation.objects.update(erasures=1)
    assert logged(answer).identity is None


def test_a_full_queue_serves_on(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposures, "WAITING", 2)
    for _ in range(3):
        assert shown(stocked.get("slots/home/", customer="ann"))
    exposures.writer.flush()
    assert Exposure.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_by_itself(stocked: Shop, settings: Any) -> None:
    settings.PRECISION_EXPOSURES = True
    writer = exposures.Writer()
    answer = stocked.get("slots/home/", customer="ann")
    row = exposures.writer._queue[0]
    exposures.writer.clear()
    writer.put(row)
    wait_for(lambda: Exposure.objects.filter(recommendation=answer["recommendation_id"]).exists())
    assert not writer.waits(answer["recommendation_id"])


@pytest.mark.django_db(transaction=True)
def test_the_thread_survives_a_server_that_is_gone(
    stocked: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PRECISION_EXPOSURES = True
    broken: list[int] = []

    def gone(*_: object) -> None:
        broken.append(1)
        raise OperationalError("the server closed the connection unexpectedly")

    writer = exposures.Writer()
    rows = []
    for _ in range(2):
        stocked.get("slots/home/", customer="ann")
        rows.append(exposures.writer._queue[0])
        exposures.writer.clear()
    close = BaseDatabaseWrapper.close_if_unusable_or_obsolete
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", gone)
    writer.put(rows[0])
    wait_for(lambda: bool(broken))
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", close)
    writer.put(rows[1])
    wait_for(lambda: Exposure.objects.filter(recommendation=rows[1].recommendation).exists())


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def test_an_id_tells_when_it_was_given() -> None:
    made = exposures.new_id()
    assert len(made) == 32
    given = exposures.given_at(made)
    assert given is not None
    assert abs(given - time.time()) < 5
    assert len({exposures.new_id() for _ in range(1000)}) == 1000
    for wrong in ("", "x" * 32, made[:-1], made.upper() if made.upper() != made else "Z", "０" * 32):
        assert exposures.given_at(wrong) is None


# Pages


def test_pages_go_on_without_repeats_until_all_was_shown(stocked: Shop) -> None:
    first = stocked.get(FOR_YOU, customer="ann", count=5)
    every, number = ids(first["items"]), first["recommendation_id"]
    ranks = [item["rank"] for item in first["items"]]
    while True:
        answer = stocked.get(FOR_YOU, customer="ann", count=5, recommendation_id=number)
        assert answer["recommendation_id"] == number
        if not answer["items"]:
            break
        every += ids(answer["items"])
        ranks += [item["rank"] for item in answer["items"]]
    assert [warning["code"] for warning in answer["warnings"]] == ["nothing_left"]
    assert len(every) == len(set(every))
    # All but the two purchases that are not bought again and again.
    assert set(every) == set(stocked.products) - {"tea-0", "cup-0"}
    assert ranks == list(range(1, 23))
    found = logged(answer)
    assert found.products == stocked.ids(every)
    assert found.ranks == ranks
    assert len(found.sources) == len(found.slots) == len(found.propensities) == 22
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM precision_shop_removal WHERE \"table\" = 'exposure' AND row = %s",
            [found.pk],
        )
        assert cursor.fetchone()[0] > 0  # the history takes the longer row anew


def test_a_list_ends_and_says_so(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_ITEMS", 7)
    first = stocked.get(FOR_YOU, customer="ann", count=5)
    asked = {"customer": "ann", "count": 5, "recommendation_id": first["recommendation_id"]}
    assert [item["rank"] for item in stocked.get(FOR_YOU, **asked)["items"]] == [6, 7]
    end = stocked.get(FOR_YOU, **asked)
    assert end["items"] == []
    assert end["warnings"] == [{"code": "nothing_left", "detail": "A list ends after 7 products."}]


def test_a_page_repeats_nothing_though_a_new_run_orders_otherwise(stocked: Shop) -> None:
    first = stocked.get(FOR_YOU, customer="ann", count=3)
    stocked.for_you({("ann", "for-you"): [(name, "als", None) for name in ids(first["items"])]})
    second = stocked.get(FOR_YOU, customer="ann", count=24, recommendation_id=first["recommendation_id"])
    assert second["items"]
    assert not set(ids(first["items"])) & set(ids(second["items"]))


def test_pages_of_strangers_work_too(stocked: Shop) -> None:
    first = stocked.get("recommendations/popular/", count=5)
    second = stocked.get("recommendations/popular/", count=5, recommendation_id=first["recommendation_id"])
    assert not set(ids(first["items"])) & set(ids(second["items"]))


def refusal(shop: Shop, address: str = FOR_YOU, *, code: str, **query: Any) -> str:
    (error,) = shop.get(address, status=400, **query)["errors"]
    assert (error["attr"], error["code"]) == ("recommendation_id", code)
    return str(error["detail"])


def test_a_wrong_id_is_refused_by_name(stocked: Shop, make_shop: Any) -> None:
    mine = stocked.get(FOR_YOU, customer="ann")["recommendation_id"]
    assert "no recommendation_id" in refusal(stocked, code="invalid", customer="ann", recommendation_id="me")
    old = f"{int((time.time() - 90_000) * 1000):012x}{mine[12:]}"
    assert "25 hours ago" in refusal(stocked, code="expired", customer="ann", recommendation_id=old)
    never = f"{int((time.time() - 100) * 1000):012x}{mine[12:]}"
    assert "no answer" in refusal(stocked, code="not_found", customer="ann", recommendation_id=never)
    assert "'for-you', not 'popular'" in refusal(
        stocked, "recommendations/popular/", code="invalid", recommendation_id=mine
    )
    assert "somebody else" in refusal(stocked, code="invalid", customer="bob", recommendation_id=mine)
    other = make_shop("other")
    other.person("ann")
    exposures.writer.flush()
    aged = f"{int((time.time() - 3) * 1000):012x}{mine[12:]}"
    Exposure.objects.update(recommendation=aged)
    refusal(other, code="not_found", customer="ann", recommendation_id=aged)
    assert stocked.get(FOR_YOU, customer="ann", recommendation_id=aged)["items"]


def test_two_requests_for_one_page_do_not_both_get_it(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = stocked.get(FOR_YOU, customer="ann", count=2)["recommendation_id"]
    stale = exposures.of  # the other request has read before this one writes
    stocked.get(FOR_YOU, customer="ann", count=2, recommendation_id=mine)

    def late(*args: Any, **given: Any) -> Any:
        row = stale(*args, **given)
        return row._replace(ranks=[rank - 2 for rank in row.ranks])

    monkeypatch.setattr("recommender.api.recommendations.exposures.of", late)
    assert "Another request" in refusal(
        stocked, code="conflict", customer="ann", count=2, recommendation_id=mine
    )


# Trials


def test_small_shops_try_nothing(stocked: Shop) -> None:
    large(stocked, products=20)
    answers = [logged(stocked.get(FOR_YOU, customer="ann", count=5)) for _ in range(20)]
    assert {tuple(found.products) for found in answers} == {tuple(answers[0].products)}
    assert {value for found in answers for value in found.propensities} == {1.0}


def test_trials_swap_one_for_a_lower_rank_and_say_how_likely_that_was(stocked: Shop) -> None:
    usual = stocked.get(FOR_YOU, customer="ann", count=15)["items"]
    large(stocked)
    listed, spares = ids(usual)[:5], ids(usual)[5:15]
    tried = 0
    for _ in range(60):
        found = logged(stocked.get(FOR_YOU, customer="ann", count=5))
        names = [
            next(n for n, p in stocked.products.items() if p.pk == product) for product in found.products
        ]
        changed = [place for place in range(5) if names[place] != listed[place]]
        assert len(changed) <= 1
        for place in range(5):
            chance = TRIED / 5 / 10 if place in changed else 1 - TRIED / 5
            assert found.propensities[place] == pytest.approx(chance)
        if changed:
            tried += 1
            assert names[changed[0]] in spares
            assert found.ranks == [1, 2, 3, 4, 5]
    assert 10 <= tried <= 50  # half of 60: outside less than once in a billion


def test_one_id_gives_one_list(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    large(stocked)
    pages = []
    for number in range(12):
        fixed = f"{number:x}" * 32
        monkeypatch.setattr(exposures, "new_id", lambda fixed=fixed: fixed)
        page, again = (shown(stocked.get("slots/home/", customer="ann")) for _ in range(2))
        assert page == again
        pages.append(tuple(page))
    assert len(set(pages)) > 1


def test_draws_are_spread_evenly() -> None:
    trials = [
        exploring.draw(exposures.new_id(), "for-you", share=0.5, places=4, spares=5) for _ in range(4000)
    ]
    made = [trial for trial in trials if trial is not None]
    assert 1700 < len(made) < 2300
    for place in range(4):
        for spare in range(5):
            assert 40 < made.count(exploring.Trial(place, spare)) < 170  # 100 expected


def test_a_page_with_trials_repeats_nothing_and_pins_stay(stocked: Shop) -> None:
    large(stocked)
    control(stocked, "pin", about=stocked.products["cup-7"], rank=2, place="for-you")
    for _ in range(20):
        page = shown(stocked.get("slots/home/", customer="ann"))
        assert len(page) == len(set(page)) == 12
        found = logged(stocked.get(FOR_YOU, customer="ann", count=5))
        assert found.products[1] == stocked.products["cup-7"].pk
        assert found.propensities[1] == 1.0
