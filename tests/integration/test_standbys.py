"""Standbys under load: owners that are killed, frozen and continued, and a restart of everything.

Which owner is hit, how and when is drawn from --seed. SAGA_LONG=1 tries every size, for longer.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from random import Random

import pytest
from support.events import SERVICES
from support.instances import Replicas, add_instances, instances, set_shards, shards, wait_owned
from support.orders import Kind, OrderMix
from support.saga import Saga
from support.waiting import is_long, wait_until

SESSION_S = 6  # session.timeout.ms of the services
TAKEOVER_S = SESSION_S + 2
REACTION_S = 10
READY_S = 20
RATE = 40
ANSWER_S = 2  # then the client goes to another replica
CALM_S = 1.5  # between two faults, at most
DOWN_S = SESSION_S + 2  # of a killed instance, at most: with and without a successor
FROZEN_S = 2  # beyond the takeover, at most
SETTLED_S = 30  # until somebody owns everything again; how soon, other tests say
FINAL_S = 30  # after the last fault
ORDER_S = 3  # from POST to outcome, whatever is restarted
FAULTS = 10 if is_long() else 1  # of each kind, to each service
# Instances of each service, and shards of payment and shipping.
SIZES = [(2, 1), (2, 3), (3, 1), (3, 3)] if is_long() else [(2, 3), (3, 1)]
STOPS = 3
ROUNDS = 20 if is_long() else 2  # of restarts of everything


def begin(saga: Saga, count: int, shard_count: int = 1) -> Saga:
    """A running system with so many instances of each service, its clients knowing all front doors."""
    if shard_count > 1:
        set_shards(saga, payment=shard_count, shipping=shard_count)
    saga.begin()
    others = add_instances(saga, count)
    for service in others:
        service.spawn()
    saga.wait_ready()
    for name in SERVICES:
        wait_owned(instances(saga, name), shard_count_of(name, shard_count), SETTLED_S)
    saga.client = Replicas([order.port for order in instances(saga, "order")], saga.history, ANSWER_S)
    return saga


def shard_count_of(name: str, shard_count: int) -> int:
    return shard_count if name in ("payment", "shipping") else 1


def wait_all_final(saga: Saga) -> None:
    """Also the orders whose POST was never answered."""
    saga.wait_final(FINAL_S)
    saga.wait_settled()
    placed = {record.key.decode() for record in saga.log().of("orders")}
    saga.watch.wait_final(placed, FINAL_S)


def assert_sound_everywhere(saga: Saga) -> None:
    """What each front door says is what the topics say."""
    for order in instances(saga, "order"):
        saga.client.http.port = order.port
        saga.assert_sound()


# --- owners that go away ------------------------------------------------------------------------------


def kill(saga: Saga, owner, others: list, shard_count: int, rng: Random) -> None:
    """Down for so long that it comes back as the owner, or that it has been replaced."""
    owner.kill9()
    time.sleep(rng.uniform(0, DOWN_S))
    owner.start()
    wait_owned([owner, *others], shard_count, SETTLED_S)


def freeze(saga: Saga, owner, others: list, shard_count: int, rng: Random) -> None:
    """Until the others own all that it did, and a while longer."""
    owner.pause()
    wait_owned(others, shard_count, SETTLED_S)
    time.sleep(rng.uniform(0, FROZEN_S))
    owner.resume()
    owner.wait_ready(READY_S)
    wait_owned([owner, *others], shard_count, SETTLED_S)


def harm_owners(saga: Saga, name: str, shard_count: int, rng: Random) -> int:
    """Each kind of fault FAULTS times, to whoever owns something."""
    services, faults = instances(saga, name), [kill, freeze] * FAULTS
    rng.shuffle(faults)
    for fault in faults:
        time.sleep(rng.uniform(0, CALM_S))
        owners = wait_until(lambda: [service for service in services if shards(service)], SETTLED_S,
                            lambda: f"an instance of {name} owns something\n{services[0].tail()}")
        owner = rng.choice(owners)
        fault(saga, owner, [service for service in services if service is not owner], shard_count, rng)
    return len(faults)


@pytest.mark.long
@pytest.mark.parametrize(("count", "shard_count"), SIZES)
def test_owners_killed_and_frozen_under_load_lose_and_double_nothing(system, rng, note, count, shard_count):
    """All services at once, each with standbys; the stock is checked at every prefix of the log."""
    saga = begin(system, count, shard_count)
    load = saga.load(RATE, OrderMix(saga.rng))
    plans = [(name, shard_count_of(name, shard_count), Random(rng.random())) for name in SERVICES]
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        faults = sum(pool.map(lambda plan: harm_owners(saga, *plan), plans))
    load.stop()
    saga.wait_ready()
    wait_all_final(saga)
    assert_sound_everywhere(saga)
    note(f"{faults} faults, orders: {saga.history.counts()}")


@pytest.mark.alone
def test_the_owner_of_the_stock_frozen_under_load_is_replaced_in_time(saga, note):
    """It comes back as the standby; not a piece is lost or counted twice."""
    owner, standby = saga.service("inventory"), saga.add("inventory", "standby")
    standby.start()
    load = saga.load(RATE, OrderMix(saga.rng))
    wait_until(lambda: len(saga.history.accepted()) > RATE, REACTION_S, "orders are placed")
    owner.pause()
    frozen = time.monotonic()
    wait_until(lambda: standby.role == "owner", TAKEOVER_S, lambda: f"the standby owns\n{standby.tail()}")
    note(f"taken over after {time.monotonic() - frozen:.2f} s")
    reserved = saga.place(Kind.SHIPPED).order_id
    wait_until(lambda: saga.watch.is_settled(reserved), REACTION_S, "the standby works")
    owner.resume()
    wait_until(lambda: owner.role == "standby", READY_S, lambda: f"it stands by\n{owner.tail()}")
    load.stop()
    saga.wait_final()
    assert standby.role == "owner"
    saga.assert_sound()


# --- a restart of everything --------------------------------------------------------------------------


def outcome_delays(saga: Saga) -> dict[str, float]:
    """Seconds from when an order was due until the time of its outcome event, for all accepted ones."""
    ended = {event["data"]["order_id"]: event["timestamp"]
             for event in saga.log().events("OrderCompleted", "OrderCancelled")}
    return {attempt.order_id: datetime.fromisoformat(ended[attempt.order_id]).timestamp() - attempt.invoked
            for attempt in saga.history.accepted()}


@pytest.mark.alone
def test_a_rolling_restart_of_everything_delays_no_order_by_three_seconds(system, rng, note):
    """Each instance of each service in turn, the owners not spared."""
    saga = begin(system, 2)
    load = saga.load(RATE, OrderMix(saga.rng))
    services = list(saga.services.values())
    for _ in range(ROUNDS):
        rng.shuffle(services)
        for service in services:
            service.stop()
            assert service.exit_code == 0
            service.start()
    load.stop()
    wait_all_final(saga)
    delays = outcome_delays(saga)
    note(f"{len(delays)} orders, the slowest after {max(delays.values()):.2f} s")
    late = {order_id: round(delay, 2) for order_id, delay in delays.items() if delay > ORDER_S}
    assert not late, f"later than {ORDER_S} s: {late}\n{saga.tails()}"
    assert_sound_everywhere(saga)


def test_a_stop_confirms_the_requests_that_wait_for_the_stopping_owner(saga):
    """An order with a key is placed by the owner of its shard: here the very process that stops."""
    order = saga.service("order")
    saga.client = Replicas([order.port], saga.history, ANSWER_S)
    load = saga.load(RATE, OrderMix(saga.rng))
    for stop in range(1, STOPS + 1):
        wait_until(lambda: len(saga.history.accepted()) > stop * RATE, REACTION_S, "orders are placed")
        order.stop()
        order.start()
    load.stop()
    wait_all_final(saga)
    assert "request_not_confirmed" not in order.log.read_text(), order.tail()
    saga.assert_sound()
