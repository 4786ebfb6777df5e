"""Whatever is killed, whenever: every order is final, once, and nothing else has changed.

The kills are drawn from --seed; the moments at which they hit are the machine's own.
"""

import time
from contextlib import contextmanager

import pytest
from support.events import SERVICES
from support.orders import Item, Order
from support.saga import Saga
from support.waiting import wait_until

ORDERS = 2000
KILLS_EACH = 10
RATE = 50
KILL_EVERY_S = 0.75  # of any service, on average
FINAL_AFTER_FAULT_S = 30
LOAD_S = 100
RESTART_RATE = 200
RESTART_DELAY_S = 2.0
WARM_UP_S = 4  # a broker that has just begun is slow by itself
CALM_S = 2.0
KILL_APART_S = 2.5
RECONNECT_S = 15


@pytest.mark.long
def test_two_thousand_orders_survive_forty_kills_and_a_broker_restart(saga, broker, rng, note):
    last_fault = float("inf")

    def is_enough() -> bool:
        return time.time() > last_fault and len(saga.history.accepted()) >= ORDERS

    with saga.supervised():
        load = saga.load(RATE, saga.orders, is_enough)
        kill_at_random(saga, broker, rng)
        last_fault = time.time()
        load.join(LOAD_S)
        saga.watch.wait_final(saga.history.order_ids, FINAL_AFTER_FAULT_S)
        saga.wait_ready(FINAL_AFTER_FAULT_S)
    late = [attempt for attempt in saga.history.accepted() if attempt.invoked < last_fault
            and finished(saga, attempt.order_id) > last_fault + FINAL_AFTER_FAULT_S]
    assert not late, f"{len(late)} orders were final later than {FINAL_AFTER_FAULT_S} s after the last fault"
    assert len(saga.history.accepted()) >= ORDERS
    assert saga.unexpected_exits == []
    note(f"orders: {saga.history.counts()}; peak memory, MiB: {saga.peak_mib()}")
    saga.assert_sound()
    saga.assert_memory()


def kill_at_random(saga: Saga, broker, rng) -> None:
    """Every service KILLS_EACH times, in random order and at random distances; the broker half-way."""
    victims = list(SERVICES) * KILLS_EACH
    rng.shuffle(victims)
    for number, name in enumerate(victims):
        if number == len(victims) // 2:
            broker.kill9()
            broker.start()
        time.sleep(rng.uniform(0, 2 * KILL_EVERY_S))
        service = saga.service(name)
        wait_until(lambda: service.is_running, 5, f"{service} was started again", poll_s=0.001)
        service.kill9()


def finished(saga: Saga, order_id: str) -> float:
    """When its outcome was seen; never, if it was not."""
    times = [saga.watch.seen.get(outcome, {}).get(order_id) for outcome in ("OrderCompleted", "OrderCancelled")]
    return min((seen for seen in times if seen is not None), default=float("inf"))


# --- one service killed under load --------------------------------------------------------------------


@contextmanager
def under_load(saga: Saga, rate: int):
    load = saga.load(rate)
    try:
        yield
    finally:
        load.stop()


def slowest(saga: Saga, start: float, end: float) -> float:
    """Seconds from when an order was due, between these times, until it was final."""
    delays = [finished(saga, attempt.order_id) - attempt.invoked for attempt in saga.history.accepted()
              if start <= attempt.invoked < end]
    assert delays, "no order was accepted in that time"
    return max(delays)


@pytest.mark.alone
def test_a_kill_and_restart_under_load_delays_no_order_by_two_seconds(saga, note):
    """All four services in turn, 200 orders/s throughout; an order counts from when it was due."""
    marks = []
    with saga.supervised(), under_load(saga, RESTART_RATE):
        time.sleep(WARM_UP_S + CALM_S)  # not a wait for something: the calm that the rest is compared with
        for name in SERVICES:
            marks.append((name, time.time()))
            saga.service(name).kill9()
            time.sleep(KILL_APART_S)
        marks.append(("end", time.time()))
    saga.wait_final()
    delays = {name: slowest(saga, start - 1, end) for (name, start), (_, end) in zip(marks, marks[1:])}
    calm = slowest(saga, marks[0][1] - CALM_S, marks[0][1] - 1)
    note(f"slowest order, s: calm {calm:.2f}, " + ", ".join(f"{k} killed {v:.2f}" for k, v in delays.items()))
    over = {name: round(delay, 2) for name, delay in delays.items() if delay - calm > RESTART_DELAY_S}
    assert not over, f"delayed by more than {RESTART_DELAY_S} s: {over} (calm: {calm:.2f})"
    saga.assert_sound(reads=False)
    saga.assert_memory()


# --- the broker away ----------------------------------------------------------------------------------


def test_a_broker_that_is_paused_again_and_again_delays_but_loses_nothing(saga, broker, rng):
    with under_load(saga, RATE):
        for _ in range(4):
            time.sleep(rng.uniform(0.3, 1))
            broker.pause()
            time.sleep(rng.uniform(0.3, 3))
            broker.resume()
    saga.wait_final(FINAL_AFTER_FAULT_S)
    saga.wait_ready(FINAL_AFTER_FAULT_S)
    saga.assert_sound()


def test_services_that_are_frozen_for_a_moment_go_on(saga, rng):
    """Shorter than the session: nobody takes over, nothing is fenced."""
    with under_load(saga, RATE):
        for name in SERVICES:
            saga.service(name).pause()
            time.sleep(rng.uniform(0.5, 2))
            saga.service(name).resume()
    saga.wait_final(FINAL_AFTER_FAULT_S)
    saga.assert_sound()


def test_services_may_be_started_before_their_broker_and_their_topics(system, broker):
    """They say what is missing and go on trying: not ready, not dead."""
    broker.stop()
    for service in system.services.values():
        service.spawn()
    order = system.service("order")
    wait_until(lambda: order.get("/livez"), 10, "it answers while there is no broker")
    assert order.get("/readyz")[0] == 503
    broker.start()
    wait_until(lambda: b"topic" in order.get("/readyz")[1], RECONNECT_S, "the missing topics are named")
    system.prepare()
    system.wait_ready()
    system.receive_stock({"widget": 10})
    system.place(Order("c-1", (Item("widget", 1, 100),)))
    system.wait_final()
    system.assert_sound()
