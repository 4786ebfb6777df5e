"""What Schemathesis is told beside schemas/openapi.yaml.

Two rules of POST /v1/orders that a schema cannot say: a total, if there is one, is the sum; a key that was
used is that of the order it was used for. Requests that are meant to be wrong are left as they are.
And a check of our own: no answer has a member that is not described.
"""

import uuid
from decimal import Decimal

import schemathesis
from schemathesis import GenerationMode
from support import api_document

_used_keys: set[str] = set()


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode is GenerationMode.NEGATIVE:
        return
    key = (case.headers or {}).get("Idempotency-Key")
    if key in _used_keys:
        case.headers["Idempotency-Key"] = f'"{uuid.uuid4()}"'
    _used_keys.add(key)
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
