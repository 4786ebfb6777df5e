"""What the front door shows: one order with its ETag, pages of orders, stock; on every replica alike."""

import json
import re

import pytest
from support.client import Http
from support.events import new_id, order_placed, timestamp
from support.orders import SCARCE, Item, Kind, Order
from support.waiting import wait_until

SEEN_S = 20
VISIBLE_S = 5  # until a replica shows what another one has accepted
LINK = re.compile(r'<(/v1/orders\?[^>]*)>; rel="next"')
PAGE = 7
ARRIVING = 5


@pytest.fixture(scope="module")
def replica(shared) -> Http:
    """A second instance of the order service."""
    service = shared.add("order", "reads")
    service.start()
    return Http(service.port)


def place(saga, customer: str, kind: Kind = Kind.SHIPPED) -> str:
    order = saga.orders.of(kind)
    return saga.place(Order(customer, order.items, order.currency, kind)).order_id


def settle(saga, order_ids, *servers: Http) -> None:
    """Until these completed orders are final, and each of the servers has read the last event of each."""
    def has_all(http: Http, order_id: str) -> bool:
        answer = http.get(f"/v1/orders/{order_id}/timeline")
        types = {event["event_type"] for event in answer.json()["events"]} if answer.status == 200 else set()
        return types >= {"OrderCompleted", "InventoryDeducted"}

    saga.wait_final()
    wait_until(lambda: all(has_all(http, order_id) for http in servers for order_id in order_ids), VISIBLE_S,
               "all is read everywhere")


def pages(http: Http, path: str) -> list[list[dict]]:
    """All of them, by the Link; `next` says the same."""
    found = []
    while path:
        answer = http.get(path)
        assert answer.status == 200, answer
        document, link = answer.json(), answer.headers.get("link")
        found.append(document["orders"])
        assert (document["next"] is None) == (link is None)
        path = LINK.fullmatch(link)[1] if link else None
        assert path is None or path.endswith(f"cursor={document['next']}")
    return found


def ids(orders: list[dict]) -> list[str]:
    return [order["order_id"] for order in orders]


def flat(found: list[list[dict]]) -> list[str]:
    return [order_id for page in found for order_id in ids(page)]


# --- one order ----------------------------------------------------------------------------------------


def test_an_order_that_has_not_changed_is_not_sent_again(shared, replica):
    order_id = place(shared, "etag")
    path = f"/v1/orders/{order_id}"
    settle(shared, [order_id], shared.client.http, replica)
    first, second = shared.client.http.get(path), replica.get(path)
    etag = first.headers["etag"]
    assert (second.headers["etag"], second.body) == (etag, first.body)
    assert first.headers["cache-control"] == "private, no-cache"
    for http in (shared.client.http, replica):
        for header in (etag, f'"x", W/{etag}', "*"):
            answer = http.get(path, {"If-None-Match": header})
            assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)
        assert http.get(path, {"If-None-Match": '"another"'}).status == 200


def seen_before_its_end(saga):
    """The id and the first answer of an order that was not final when it was looked at; else None."""
    order_id = new_id()
    saga.place_by_hand(order_placed(order_id, "by-hand"))
    get = lambda: saga.client.http.get(f"/v1/orders/{order_id}")  # noqa: E731
    answer = wait_until(lambda: (found := get()).status == 200 and found, VISIBLE_S, "it is there", poll_s=0.001)
    return (order_id, answer) if answer.json()["status"] != "completed" else None


def test_an_order_that_has_changed_is_sent_with_another_etag(shared):
    # Some orders are through before one can look.
    order_id, first = wait_until(lambda: seen_before_its_end(shared), SEEN_S, "an order is seen on its way")
    path = f"/v1/orders/{order_id}"
    tags = [first.headers["etag"]]
    shared.wait_final()

    def is_final() -> bool:
        answer = shared.client.http.get(path, {"If-None-Match": tags[-1]})
        if answer.status == 200:
            tags.append(answer.headers["etag"])
        return answer.status == 200 and answer.json()["status"] == "completed"

    wait_until(is_final, VISIBLE_S, lambda: f"a new state: {tags}")
    assert len(set(tags)) == len(tags) > 1


def test_head_says_what_get_says(shared):
    order_id = place(shared, "head")
    settle(shared, [order_id], shared.client.http)
    for path in (f"/v1/orders/{order_id}", "/v1/orders?customer_id=head", f"/v1/stock/{SCARCE}"):
        got, head = shared.client.http.get(path), shared.client.http.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        for name in ("etag", "content-type", "cache-control", "content-length"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


def test_a_timeline_has_no_etag_because_ages_change(shared):
    answer = shared.client.timeline(place(shared, "timeline"))
    assert answer.status == 200 and "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


# --- the list -----------------------------------------------------------------------------------------


def test_orders_are_listed_newest_first_as_get_shows_them(shared):
    placed = [place(shared, "newest") for _ in range(5)]
    settle(shared, placed, shared.client.http)
    [page] = pages(shared.client.http, "/v1/orders?customer_id=newest")
    assert ids(page) == placed[::-1]
    assert page == [shared.client.order(order_id).json() for order_id in placed[::-1]]


def test_all_is_listed_once_by_pages_of_any_size(shared):
    for _ in range(2 * PAGE):
        place(shared, "pages")
    shared.wait_final()
    everything = flat(pages(shared.client.http, "/v1/orders?limit=100"))
    assert set(everything) >= shared.history.order_ids()
    for limit in (1, PAGE, 20):
        found = pages(shared.client.http, f"/v1/orders?limit={limit}")
        assert flat(found) == everything
        assert all(len(page) == limit for page in found[:-1])


def test_filters_are_kept_from_page_to_page(shared):
    shipped = [place(shared, "filters") for _ in range(6)]
    declined = [place(shared, "filters", Kind.DECLINED) for _ in range(5)]
    place(shared, "filters-too", Kind.DECLINED)
    settle(shared, shipped, shared.client.http)
    http = shared.client.http
    path = "/v1/orders?customer_id=filters&limit=2"
    wait_until(lambda: flat(pages(http, path + "&status=cancelled")) == declined[::-1], VISIBLE_S,
               "all that were declined are listed as cancelled")
    assert flat(pages(http, path)) == (shipped + declined)[::-1]
    assert flat(pages(http, path + "&status=completed")) == shipped[::-1]
    assert flat(pages(http, path + "&status=shipped")) == []
    assert flat(pages(http, "/v1/orders?customer_id=nobody")) == []
    assert set(flat(pages(http, "/v1/orders?status=cancelled"))) >= set(declined)


def test_paging_is_not_disturbed_by_orders_that_arrive(shared, replica):
    """And each page comes from the other replica: a cursor is good on both."""
    before = [place(shared, "arriving") for _ in range(4 * PAGE)]
    servers = [shared.client.http, replica]
    path = f"/v1/orders?limit={PAGE}"
    last = f"/v1/orders/{before[-1]}"
    wait_until(lambda: replica.get(last).status == 200, VISIBLE_S, "the replica has them")
    found: list[str] = []
    for turn in range(4):
        answer = servers[turn % 2].get(path)
        found += ids(answer.json()["orders"])
        path = LINK.fullmatch(answer.headers["link"])[1]
        for _ in range(ARRIVING):
            place(shared, "arrived")
    assert found == before[::-1]
    shared.wait_final()


def test_orders_of_the_same_moment_are_all_listed(shared):
    same, second = set(), timestamp()[:-4] + "000Z"
    for _ in range(2 * PAGE):
        event = {**order_placed(customer_id="same-moment"), "timestamp": second}
        shared.place_by_hand(event)
        same.add(event["data"]["order_id"])
    path = "/v1/orders?customer_id=same-moment&limit=3"
    wait_until(lambda: len(flat(pages(shared.client.http, path))) == len(same), VISIBLE_S, "all are listed")
    assert set(flat(pages(shared.client.http, path))) == same
    shared.wait_final()


BAD_QUERIES = {
    "limit=0": "limit", "limit=101": "limit", "limit=ten": "limit", "limit=": "limit",
    "status=unknown": "status", "status=": "status", "customer_id=": "customer_id",
    "customer_id=c%201": "customer_id", "customer_id=" + "c" * 65: "customer_id", "cursor=x": "cursor",
    "cursor=": "cursor", "colour=red": "colour", "limit=1&limit=2": "limit", "limit=%zz": "limit",
}


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_query_that_is_not_understood_is_refused(shared, query):
    answer = shared.client.http.get(f"/v1/orders?{query}")
    assert answer.status == 400 and answer.headers["content-type"] == "application/problem+json"
    assert answer.pointers in ([BAD_QUERIES[query]], [""])


@pytest.mark.parametrize("path", ["/v1/orders/{}?x=1", "/v1/orders/{}/timeline?x=1", "/v1/stock/widget?x=1"])
def test_a_parameter_that_nobody_knows_is_refused(shared, path):
    assert shared.client.http.get(path.format(new_id())).pointers == ["x"]


# --- the stock ----------------------------------------------------------------------------------------


def test_the_stock_of_a_product_is_shown_as_the_topic_has_it(shared, replica):
    shared.place(Order("stock", (Item("gizmo", 3, 1234),)))
    shared.wait_final()
    shared.wait_settled()
    level = [record.event for record in shared.log().of("stock") if record.key == b"gizmo"][-1]
    wanted = {name: level["data"][name] for name in ("product_id", "on_hand", "reserved", "available")}
    wanted["updated_at"] = level["timestamp"]
    for http in (shared.client.http, replica):
        wait_until(lambda: http.get("/v1/stock/gizmo").json() == wanted, VISIBLE_S,
                   lambda: f"{http.get('/v1/stock/gizmo').body!r} is {wanted}")
    assert shared.client.http.get(f"/v1/stock/{SCARCE}").json()["on_hand"] == 1


def test_a_product_that_nobody_has_heard_of_is_not_found(shared):
    for product in ("unheard-of", "c%201", "x" * 100, new_id()):
        answer = shared.client.http.get(f"/v1/stock/{product}")
        assert answer.status == 404 and answer.headers["content-type"] == "application/problem+json", product
    assert json.loads(answer.body)["status"] == 404
