"""Reads deploy/k8s and says what is wrong with a manifest; asks no cluster and no network."""

from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy/k8s"
KUBERNETES = "1.34"
STRIMZI = "kafka.strimzi.io/v1"


class Strict(yaml.SafeLoader):
    """A key that is there twice is a mistake, which YAML libraries hide."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{node.start_mark}: twice: {twice}"
        return super().construct_mapping(node, deep)


def read(path: Path) -> list:
    return list(yaml.load_all(path.read_text(), Loader=Strict))


def kustomization() -> dict:
    return read(K8S / "kustomization.yaml")[0]


@cache
def all_documents() -> list:
    """What kubectl applies, and the Job that is created by hand. To be copied before it is changed."""
    return [document for name in [*kustomization()["resources"], "stock.yaml"]
            for document in read(K8S / name)]


def of_kind(kind: str) -> dict:
    return {document["metadata"].get("name"): document for document in all_documents()
            if document["kind"] == kind}


def strimzi_schema(kind: str) -> dict:
    schemas = read(Path(__file__).parent / "strimzi.yaml")[0]
    properties = schemas["kinds"][kind]
    return {
        "$defs": schemas["$defs"],
        "type": "object",
        "required": ["apiVersion", "kind", *properties],
        "additionalProperties": False,
        "properties": {"apiVersion": {"const": STRIMZI}, "kind": {"const": kind}, **properties},
    }


def schema_fault(document: dict) -> str:
    """"" if it follows the schema of its kind."""
    try:
        if document["apiVersion"].startswith("kafka.strimzi.io/"):
            jsonschema.Draft202012Validator(strimzi_schema(document["kind"])).validate(document)
        else:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except jsonschema.ValidationError as error:
        return f"{document['kind']} {document['metadata']}: {error.json_path}: {error.message}"
    except (KeyError, kubernetes_validate.SchemaNotFoundError) as error:
        return f"{document['apiVersion']} {document['kind']}: unknown: {error}"
    return ""


def pod_faults(pod: dict) -> list:
    """Beyond what the Pod Security Standard "restricted" asks: bounds, and a read-only root."""
    def must(what: str, actual, wanted):
        if actual != wanted:
            faults.append(f"{what}: {actual!r}, not {wanted!r}")

    faults = []
    security = pod.get("securityContext", {})
    must("runAsNonRoot", security.get("runAsNonRoot"), True)
    must("seccompProfile", security.get("seccompProfile"), {"type": "RuntimeDefault"})
    must("automountServiceAccountToken", pod.get("automountServiceAccountToken"), False)
    for container in pod["containers"]:
        own = container.get("securityContext", {})
        must("allowPrivilegeEscalation", own.get("allowPrivilegeEscalation"), False)
        must("readOnlyRootFilesystem", own.get("readOnlyRootFilesystem"), True)
        must("capabilities", own.get("capabilities"), {"drop": ["ALL"]})
        limits = container.get("resources", {}).get("limits", {})
        must("limits", {"cpu", "memory"} <= set(limits), True)
        for mount in container["volumeMounts"]:
            volume, = [each for each in pod["volumes"] if each["name"] == mount["name"]]
            must(f"{mount['name']} is bounded or read-only",
                 mount.get("readOnly", False) or "sizeLimit" in volume.get("emptyDir", {}), True)
    return faults
