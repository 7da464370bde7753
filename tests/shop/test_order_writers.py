"""Several writers of one order at the same time: nothing is lost, nothing is there twice, nobody waits for long."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from precision.shop import dead_letters
from precision.shop.intake import orders
from precision.shop.models import DeadLetter, Order, OrderLine, Platform
from tests.shop.told import TEA, event, lines, tell

pytestmark = pytest.mark.django_db(transaction=True)


def test_writers_of_the_same_new_orders_make_each_once(platform: Platform) -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def write(writer: int) -> None:
        try:
            start.wait()
            for number in range(20):
                tell(platform, event("Order Updated", writer, order_id=str(number), channel=f"c{writer}"))
                tell(platform, event("Order Completed", 0, order_id=str(number), products=[TEA]))
        except BaseException as error:  # noqa: BLE001 shown by the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Order.objects.count() == 20
    assert OrderLine.objects.count() == 20
    # The latest word about the channel stands everywhere, whoever came first; nothing is left waiting.
    assert set(Order.objects.values_list("channel", flat=True)) == {"c4"}
    assert not DeadLetter.objects.filter(status="waiting").exists()


def test_a_word_about_a_held_order_waits_as_a_letter(platform: Platform, monkeypatch: Any) -> None:
    monkeypatch.setattr(orders, "PATIENCE_MS", 50)
    tell(platform, event("Order Completed", 0, products=[TEA]))
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                list(Order.objects.select_for_update().all())
                held.set()
                free.wait()
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        held.wait()
        assert tell(platform, event("Order Refunded", 10, refund_id="r")) == [("accepted", "busy")]
        assert lines("7#refund-r") == []
    finally:
        free.set()
        holder.join()
    assert DeadLetter.objects.get().status == "waiting"
    assert dead_letters.release(platform, ["7"]).used == 1
    assert lines("7#refund-r") == [("tea", "-2", "3.5")]
