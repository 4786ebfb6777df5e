"""deploy/k8s: made from topics.json, valid, complete, and no pod has more than it needs."""

import copy
import re
import subprocess
import sys

import pytest

from manifests import (K8S, all_documents, kustomization, of_kind, pod_faults, read, schema_fault)

SERVICES = ["order", "payment", "inventory", "shipping"]
CLIENT_DIR = "/etc/order-saga"


def pod_of(document: dict) -> dict:
    return document["spec"]["template"]["spec"]


def pods() -> dict:
    return {**{name: pod_of(each) for name, each in of_kind("StatefulSet").items()},
            "stock": pod_of(read(K8S / "stock.yaml")[0])}


def test_what_is_generated_is_up_to_date(sagactl, tmp_path):
    subprocess.run([sys.executable, "-B", K8S / "generate.py", sagactl, tmp_path], check=True)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(made) == {"topics.yaml", "users.yaml", "services.yaml"}
    for name, text in made.items():
        assert (K8S / name).read_text() == text, f"{name}: run deploy/k8s/generate.py"


def test_all_files_are_applied():
    apart = {"kustomization.yaml", "stock.yaml", "service.template.yaml", "shared.template.yaml"}
    assert set(kustomization()["resources"]) == {path.name for path in K8S.glob("*.yaml")} - apart


def test_all_manifests_follow_their_schemas():
    documents = all_documents()
    assert len(documents) > 40
    assert [fault for fault in map(schema_fault, documents) if fault] == []


def test_no_two_manifests_have_one_name():
    names = [(each["kind"], each["metadata"].get("name")) for each in all_documents()]
    assert len(names) == len(set(names))


def set_at(document: dict, path: str, value):
    *parents, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in parents:
        document = document[step]
    document[last] = value


@pytest.mark.parametrize("kind, name, path, value", [
    ("StatefulSet", "order", "spec/replica", 2),
    ("StatefulSet", "order", "spec/replicas", "2"),
    ("StatefulSet", "order", "spec/template/spec/containers/0/readinesProbe", {}),
    ("PodDisruptionBudget", "order", "apiVersion", "policy/v1beta1"),
    ("Service", "order", "spec/ports/0/port", "http"),
    ("KafkaTopic", "orders", "spec/partitions", 0),
    ("KafkaTopic", "orders", "spec/partition", 4),
    ("KafkaTopic", "orders", "apiVersion", "kafka.strimzi.io/v1alpha1"),
    ("KafkaTopic", "orders", "metadata/labels", {}),
    ("KafkaUser", "order", "spec/authorization/acls/0/operations/0", "Reed"),
    ("KafkaUser", "order", "spec/authentication/type", "plain"),
    ("Kafka", "saga", "spec/kafka/listeners/0/tsl", True),
    ("Kafka", "saga", "kind", "Kafak"),
    ("KafkaNodePool", "node", "spec/storage/volumes/0/size", "100 GB"),
])
def test_a_broken_manifest_is_refused(kind, name, path, value):
    document = copy.deepcopy(of_kind(kind)[name])
    assert schema_fault(document) == ""
    set_at(document, path, value)
    assert schema_fault(document) != ""


def test_a_key_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "twice.yaml").write_text("spec: {replicas: 1, replicas: 2}\n")
    with pytest.raises(AssertionError, match="twice"):
        read(tmp_path / "twice.yaml")


def test_whatever_a_pod_refers_to_is_there():
    users, maps = of_kind("KafkaUser"), of_kind("ConfigMap")
    ca, = [f"{cluster}-cluster-ca-cert" for cluster in of_kind("Kafka")]
    for name, pod in pods().items():
        sources = next(each["projected"]["sources"] for each in pod["volumes"] if "projected" in each)
        assert {each["configMap"]["name"] for each in sources if "configMap" in each} <= set(maps)
        secrets = [each["secret"]["name"] for each in sources if "secret" in each]
        assert secrets == [ca, "operator" if name == "stock" else name]
        assert secrets[1] in users
        files = {item["path"] for each in sources if "secret" in each for item in each["secret"]["items"]}
        properties = maps["kafka-client"]["data"]["client.properties"]
        assert set(re.findall(rf"={CLIENT_DIR}/(\S+)", properties)) == files


def test_services_and_budgets_select_the_pods_of_their_service():
    for name, each in of_kind("StatefulSet").items():
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"] == labels
        assert of_kind("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"] == labels
        assert of_kind("Service")[each["spec"]["serviceName"]]["spec"]["selector"] == labels
        assert of_kind("PodDisruptionBudget")[name]["spec"]["minAvailable"] < each["spec"]["replicas"]
    assert set(of_kind("StatefulSet")) == set(SERVICES)


def test_topics_users_and_nodes_belong_to_the_cluster():
    (cluster, kafka), = of_kind("Kafka").items()
    members = [each for kind in ("KafkaTopic", "KafkaUser", "KafkaNodePool") for each in of_kind(kind).values()]
    assert {each["metadata"]["labels"]["strimzi.io/cluster"] for each in members} == {cluster}
    port, = [each["port"] for each in kafka["spec"]["kafka"]["listeners"]]
    for pod in pods().values():
        assert environment_of(pod)["KAFKA_BOOTSTRAP_SERVERS"] == f"{cluster}-kafka-bootstrap:{port}"
    nodes = sum(each["spec"]["replicas"] for each in of_kind("KafkaNodePool").values())
    assert {each["spec"]["replicas"] for each in of_kind("KafkaTopic").values()} == {nodes}
    assert kafka["spec"]["kafka"]["config"]["default.replication.factor"] == nodes


def environment_of(pod: dict) -> dict:
    return {each["name"]: each.get("value", "name-0") for each in pod["containers"][0]["env"]}


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_accepts_its_settings(service, run_service, tmp_path):
    pod = of_kind("StatefulSet")[service]["spec"]["template"]["spec"]
    environment = environment_of(pod)
    for name in environment:
        assert re.search(rf"^\s*{name}\b", run_service(service, "--help", {}), re.M), name
    properties = tmp_path / "client.properties"
    properties.write_text(of_kind("ConfigMap")["kafka-client"]["data"]["client.properties"])
    environment["KAFKA_CLIENT_PROPERTIES"] = str(properties)
    assert "valid" in run_service(service, "--check", environment)
    port, = pod["containers"][0]["ports"]
    assert environment["HTTP_PORT"] == str(port["containerPort"])


def test_pods_are_given_no_more_than_they_need():
    assert {name: pod_faults(pod) for name, pod in pods().items() if pod_faults(pod)} == {}


@pytest.mark.parametrize("path, value", [
    ("securityContext/runAsNonRoot", False),
    ("securityContext/seccompProfile", {"type": "Unconfined"}),
    ("automountServiceAccountToken", True),
    ("containers/0/securityContext/readOnlyRootFilesystem", False),
    ("containers/0/securityContext/capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    ("containers/0/resources/limits", {"cpu": "1"}),
    ("volumes/0/emptyDir", {}),
])
def test_a_pod_that_is_given_more_is_refused(path, value):
    pod = copy.deepcopy(pods()["order"])
    set_at(pod, path, value)
    assert len(pod_faults(pod)) == 1


def test_a_pod_has_the_time_that_its_stop_may_take(stop_s):
    for pod in pods().values():
        if "lifecycle" in pod["containers"][0]:
            wait_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert pod["terminationGracePeriodSeconds"] > wait_s + stop_s


def test_probes_ask_what_they_are_for():
    for each in of_kind("StatefulSet").values():
        container = pod_of(each)["containers"][0]
        paths = {probe: container[probe]["httpGet"]["path"]
                 for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        # A broker that is away is no reason to start again.
        assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
