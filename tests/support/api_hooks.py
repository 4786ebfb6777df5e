"""What Schemathesis is told beside schemas/openapi.yaml.

Two rules of POST /v1/orders that a schema cannot say: a total, if there is one, is the sum; a key that was
used is that of the order it was used for. Requests that are meant to be wrong are left as they are.
And a check of our own: no answer has a member that is not described.
"""

import re
import uuid
from decimal import Decimal

import schemathesis
from schemathesis import GenerationMode
from support import api_document

_used_keys: set[str] = set()


def key_of(case) -> str:
    """In quotes or bare, it is the same key."""
    text = str((case.headers or {}).get("Idempotency-Key", "")).strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


@schemathesis.hook
def before_call(context, case, kwargs):
    key = key_of(case)
    is_used = key in _used_keys
    if key:
        _used_keys.add(key)
    if case.meta is None or case.meta.generation.mode is GenerationMode.NEGATIVE:
        return
    if is_used:
        case.headers["Idempotency-Key"] = f'"{uuid.uuid4()}"'
    if isinstance(case.body, dict) and "total_amount" in case.body:
        case.body["total_amount"] = float(sum(
            Decimal(str(item["quantity"])) * Decimal(str(item["unit_price"])) for item in case.body["items"]))


@schemathesis.check
def members_are_described(context, response, case):
    content_type = response.headers.get("content-type", [""])[0]
    if content_type.endswith("json") and response.content:
        faults = api_document.undescribed(
            case.operation.path, case.method, response.status_code, content_type, response.json())
        assert not faults, "not described: " + ", ".join(faults)
