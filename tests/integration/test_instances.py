"""Several instances of a service: fenced twins, standbys that take over, shards that share the load."""

import time

import pytest
from support.events import SERVICES, partition_of
from support.instances import set_shards, shards
from support.orders import Kind
from support.process import Process
from support.topics import REQUEST_S, admin, new_consumer
from support.waiting import wait_until

SESSION_S = 6  # session.timeout.ms of the services
TAKEOVER_S = SESSION_S + 1
FENCED = 3
END_S = 20  # until a fenced twin has ended
STANDBY_S = 20  # until a continued instance is ready again
CATCH_UP_S = 2  # for the orders that waited meanwhile
RATE = 20
REACTION_S = 10
LOST_S = 20  # until a shard that nobody owns was seen often enough, and is given to somebody


def slowest_event(saga, event_type: str) -> float:
    """Seconds from when an order was due until this event of it was seen, at worst."""
    seen = saga.watch.seen.get(event_type, {})
    return max(seen.get(a.order_id, float("inf")) - a.invoked for a in saga.history.accepted())


# --- the same instance twice --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_of_two_processes_with_one_instance_name_one_is_fenced(saga, name):
    running = saga.load(RATE)
    first = saga.service(name)
    del saga.services[f"{name}-0"]  # two of that name
    twin = saga.add(name, "0")
    twin.log = first.log.with_suffix(".twin.log")
    twin.data_dir = first.data_dir.with_name(f"{name}-twin")
    twin.env["DATA_DIR"] = str(twin.data_dir)
    twin.spawn()
    try:
        wait_until(lambda: not (first.is_running and twin.is_running), END_S,
                   lambda: f"one of them ends\n{first.tail()}\n{twin.tail()}")
        ended, left = (first, twin) if twin.is_running else (twin, first)
        assert ended.exit_code == FENCED, f"{ended.tail()}"
        left.wait_ready()
        if name == "order":
            saga.client.http.port = left.port  # its clients' load balancer notices
        running.stop()
        saga.place(Kind.SHIPPED)
        saga.wait_final()
        assert left.is_running and not ended.is_running
        saga.assert_sound(reads=False)
        left.stop()
    finally:
        first.kill9()


def test_a_twin_with_the_same_data_directory_does_no_harm_either(saga):
    """What happens by mistake: the same command line twice, but for the port."""
    first = saga.service("payment")
    twin = Process("payment-twin", first.argv, {**first.env, "HTTP_PORT": str(saga.add("payment", "x").port)},
                   first.log.with_suffix(".twin.log"))
    twin.spawn()
    try:
        wait_until(lambda: not (first.is_running and twin.is_running), END_S,
                   lambda: f"one of them ends\n{first.tail()}\n{twin.tail()}")
        ended = twin if first.is_running else first
        assert ended.exit_code in (1, FENCED), ended.tail()
        saga.place(Kind.SHIPPED)
        saga.wait_final()
        saga.assert_sound()
        if ended is first:
            assert twin.terminate(END_S) == 0, twin.tail()
    finally:
        twin.kill9()


# --- standby and owner --------------------------------------------------------------------------------


@pytest.mark.alone
def test_standbys_take_over_when_the_owners_are_killed(saga, note):
    """Three of them at once: nothing moves until each has a successor."""
    names = ("payment", "inventory", "shipping")
    owners, standbys = [saga.service(name) for name in names], [saga.add(name, "standby") for name in names]
    for standby in standbys:
        standby.start()
    assert {owner.role for owner in owners} == {"owner"}
    assert {standby.role for standby in standbys} == {"standby"}
    running = saga.load(RATE)
    wait_until(lambda: len(saga.history.accepted()) > RATE, REACTION_S, "orders are placed")
    for owner in owners:
        owner.kill9()
    killed = time.monotonic()
    for standby in standbys:
        left = killed + TAKEOVER_S - time.monotonic()
        wait_until(lambda: standby.role == "owner", left, lambda: f"the standby owns\n{standby.tail()}")
        note(f"{standby} took over after {time.monotonic() - killed:.2f} s")
    running.stop()
    saga.wait_final()
    note(f"the slowest order needed {slowest_event(saga, 'OrderCompleted'):.2f} s")
    assert slowest_event(saga, "OrderCompleted") < TAKEOVER_S + CATCH_UP_S
    saga.assert_sound()


@pytest.mark.alone
def test_an_owner_that_was_frozen_becomes_the_standby(saga, note):
    owner, standby = saga.service("payment"), saga.add("payment", "standby")
    standby.start()
    running = saga.load(RATE)
    wait_until(lambda: len(saga.history.accepted()) > RATE, REACTION_S, "orders are placed")
    assert owner.role == "owner", owner.tail()
    owner.pause()
    paused = time.monotonic()
    wait_until(lambda: standby.role == "owner", TAKEOVER_S, lambda: f"the standby owns\n{standby.tail()}")
    note(f"the standby took over after {time.monotonic() - paused:.2f} s")
    saga.watch.wait_final([saga.place(Kind.SHIPPED).order_id], TAKEOVER_S)
    owner.resume()
    wait_until(lambda: owner.role == "standby", STANDBY_S, lambda: f"it stands by\n{owner.tail()}")
    wait_until(lambda: standby.role == "owner", REACTION_S, lambda: f"it stays the owner\n{standby.tail()}")
    running.stop()
    saga.wait_final()
    assert owner.is_running and standby.is_running
    saga.assert_sound()


@pytest.mark.alone
def test_the_front_door_has_a_standby_too(saga):
    """Every instance of the order service takes and shows orders; one of them ends them."""
    second = saga.add("order", "standby")
    second.start()
    attempt = saga.place(Kind.SHIPPED)
    saga.client.http.port = second.port
    other = saga.place(Kind.SHIPPED)
    saga.wait_final()
    wait_until(lambda: saga.status(attempt.order_id) == saga.status(other.order_id) == "completed", REACTION_S,
               "the other instance shows both orders")
    saga.service("order").kill9()
    wait_until(lambda: second.role == "owner", TAKEOVER_S, lambda: f"it owns\n{second.tail()}")
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    saga.assert_sound()


def test_instances_that_come_and_go_disturb_nobody(saga, rng):
    second = saga.add("inventory", "second")
    running = saga.load(RATE)
    for _ in range(3):
        second.start()
        rng.choice((second.stop, second.kill9))()
    running.stop()
    saga.wait_final()
    saga.assert_sound()
    assert saga.service("inventory").is_running


# --- shards -------------------------------------------------------------------------------------------


@pytest.mark.alone
def test_two_shards_of_payment_share_the_load(system):
    """With one of two instances frozen, exactly the orders of its partitions wait."""
    set_shards(system, payment=2)
    system.prepare()
    other = system.add("payment", "other")
    other.spawn()
    system.start()
    system.receive_stock({"widget": 1000, "gadget": 1000, "gizmo": 1000})
    first = system.service("payment")
    wait_until(lambda: sorted(shards(first) + shards(other)) == [0, 1] and shards(first) and shards(other),
               STANDBY_S, lambda: f"one shard each, not {shards(first)} and {shards(other)}\n{system.tails()}")
    for _ in range(40):
        system.place(Kind.SHIPPED)
    system.wait_final()
    owned, frozen = shards(first), shards(other)
    other.pause()
    ids = [system.place(Kind.SHIPPED).order_id for _ in range(40)]
    alive = {order_id for order_id in ids if partition_of(order_id.encode(), 4) % 2 in owned}
    assert alive and alive != set(ids)
    system.watch.wait_final(alive, SESSION_S - 2)
    assert all(system.watch.outcome(order_id) is None for order_id in set(ids) - alive), (owned, frozen)
    wait_until(lambda: shards(first) == [0, 1], TAKEOVER_S, lambda: f"one owns both\n{first.tail()}")
    other.resume()
    system.wait_final()
    other.wait_ready(STANDBY_S)
    system.assert_sound()


class Member:
    """Of payment's election, beside the services. It gives up a shard only when it is polled."""

    def __init__(self, system, **config):
        self._shards: set[int] = set()
        self._consumer = new_consumer(system.bootstrap, **{
            "group.id": f"{system.prefix}payment", "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": SESSION_S * 1000, "heartbeat.interval.ms": 200,
            "auto.offset.reset": "earliest", **config})
        self._consumer.subscribe([f"{system.prefix}payment.shards"], on_assign=self._take, on_revoke=self._give)

    def _take(self, _consumer, places: list) -> None:
        self._shards.update(place.partition for place in places)

    def _give(self, _consumer, places: list) -> None:
        self._shards.difference_update(place.partition for place in places)

    def owned(self) -> list[int]:
        self._consumer.poll(0.05)
        return sorted(self._shards)

    def close(self) -> None:
        self._consumer.close()


LEADER = {"group.instance.id": "payment-leader"}
ALL_SHARDS = [0, 1, 2]


def given_shards(system) -> list[int]:
    """To members of payment's group; none while it is not at rest."""
    group = f"{system.prefix}payment"
    found = admin(system.bootstrap).describe_consumer_groups([group])[group].result(REQUEST_S)
    return sorted(place.partition for member in found.members
                  for place in member.assignment.topic_partitions) if found.state.name == "STABLE" else []


def lead(system) -> Member:
    """The first member of payment's election, which owns all of its shards."""
    set_shards(system, payment=len(ALL_SHARDS))
    system.prepare()
    leader = Member(system, **LEADER)
    wait_until(lambda: leader.owned() == ALL_SHARDS, STANDBY_S, "it owns all shards")
    return leader


def lose_a_shard(system, leader: Member) -> Member:
    """cooperative-sticky moves a shard in two steps. The leader, asked for one, falls between them and
    comes back in time: of a static member that returns nobody makes a rebalance, and the second step
    never comes. Returns who came back."""
    wait_until(lambda: len(given_shards(system)) == len(ALL_SHARDS) - 1, STANDBY_S,
               lambda: f"a shard is given away\n{system.tails()}")
    back = Member(system, **LEADER)
    wait_until(back.owned, STANDBY_S, "it is given what it had")
    leader.close()
    return back


def wait_all_owned(service, members: list[Member]) -> None:
    def owned() -> list[list[int]]:
        return [shards(service), *(member.owned() for member in members)]

    wait_until(lambda: sorted(sum(found := owned(), [])) == ALL_SHARDS and all(found), LOST_S,
               lambda: f"all of {ALL_SHARDS} are owned, not {owned()}\n{service.tail()}")


def test_a_shard_that_a_killed_leader_was_giving_away_gets_an_owner(system):
    """The standby, which it was meant for, joins again."""
    leader = lead(system)
    standby = system.add("payment", "standby")
    standby.spawn()
    back = lose_a_shard(system, leader)
    wait_all_owned(standby, [back])
    back.close()


def test_an_owner_joins_again_for_the_sake_of_a_lost_shard(system):
    """Who it was meant for is not one of ours. An owner waits longer, one look for each shard it has."""
    leader = lead(system)
    owner = system.add("payment", "first")
    owner.spawn()
    wait_all_owned(owner, [leader])
    stranger = Member(system)
    back = lose_a_shard(system, leader)
    wait_all_owned(owner, [back, stranger])
    stranger.close()
    back.close()


# --- the end of an instance ---------------------------------------------------------------------------


def test_sigterm_is_a_clean_end(saga):
    """Under load, for every service; after it, everything goes on where it was."""
    running = saga.load(RATE)
    for service in list(saga.services.values()):
        wait_until(lambda: len(saga.history.accepted()) > RATE // 2, REACTION_S, "orders are placed")
        service.stop()
        assert service.exit_code == 0
        service.start()
    running.stop()
    saga.wait_final()
    saga.assert_sound()
    dropped = [attempt.text for attempt in saga.history.attempts if attempt.outcome == "unknown"
               and attempt.status != 503]
    assert not dropped, f"requests without an answer: {dropped}"


def test_sigterm_ends_a_standby_too(saga):
    standby = saga.add("shipping", "standby")
    standby.start()
    standby.stop()


def test_sigterm_ends_a_service_whose_broker_is_away(saga, broker):
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    broker.pause()
    codes = {str(service): code for service, code in saga.stop_all().items()}
    broker.resume()
    assert codes == dict.fromkeys(codes, 0)
    saga.start()
    saga.place(Kind.SHIPPED)
    saga.wait_final()
    saga.assert_sound()
