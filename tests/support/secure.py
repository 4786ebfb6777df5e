"""Clients of a broker that asks who they are, and what it refuses them."""

from collections.abc import Callable
from pathlib import Path

from confluent_kafka import KafkaException, Producer

REFUSED = ("TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED")
DELIVERY_S = 20


def with_password(authority: Path, user: str, password: str) -> dict[str, str]:
    """As librdkafka wants it, in Python and in a file."""
    return {"security.protocol": "sasl_ssl", "ssl.ca.location": str(authority),
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": password}


def outcome_of(action: Callable[[], None]) -> str:
    """"" or the name of the error."""
    try:
        action()
    except KafkaException as fault:
        return fault.args[0].name()
    return ""


def write(config: dict[str, str], topic: str) -> None:
    faults = []
    producer = Producer({**config, "log_level": 0})
    producer.produce(topic, b"x", b"k", 0, on_delivery=lambda fault, _: faults.append(fault))
    assert producer.flush(DELIVERY_S) == 0
    if faults[0] is not None:
        raise KafkaException(faults[0])
