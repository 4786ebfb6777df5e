"""deploy/prometheus and deploy/grafana: valid, and tried. That their metrics exist: integration/test_metrics.py."""

import json

import pytest
import yaml
from support.promtool import GRAFANA, PROMETHEUS, promtool

WIDTH = 24


@pytest.fixture(scope="module")
def dashboard() -> dict:
    return json.loads((GRAFANA / "dashboards/order-saga.json").read_text())


@pytest.mark.parametrize("arguments", [
    ("check", "config", PROMETHEUS / "prometheus.yml"),
    ("check", "rules", PROMETHEUS / "alerts.yml"),
    ("test", "rules", PROMETHEUS / "alerts_test.yml")], ids=lambda arguments: " ".join(map(str, arguments[:2])))
def test_promtool_finds_nothing(arguments):
    result = promtool(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_rule_that_is_broken_is_found(tmp_path):
    """promtool does look: an alert that asks for more is not raised any more."""
    for name in ("alerts.yml", "alerts_test.yml"):
        text = (PROMETHEUS / name).read_text()
        (tmp_path / name).write_text(text.replace("saga_consumer_lag_seconds > 60", "saga_consumer_lag_seconds > 6000"))
    result = promtool("test", "rules", tmp_path / "alerts_test.yml")
    assert result.returncode != 0 and "LagIsStuck" in result.stdout + result.stderr


def test_each_alert_is_raised_and_not_raised_by_its_tests():
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
    tried = [(case["alertname"], bool(case["exp_alerts"]))
             for test in yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
             for case in test["alert_rule_test"]]
    assert {(rule["alert"], raised) for rule in rules for raised in (True, False)} == set(tried)


def test_each_service_is_scraped_where_it_listens():
    """By the ports that the services have by default."""
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    assert {job["job_name"]: job["dns_sd_configs"][0]["port"] for job in jobs} == {
        "order": 8080, "payment": 8081, "inventory": 8082, "shipping": 8083}
    assert all(job["dns_sd_configs"][0]["names"] == [job["job_name"]] for job in jobs)


def test_the_dashboard_asks_the_provisioned_datasource(dashboard):
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": sources[0]["uid"]}, panel["title"]


def test_the_panels_neither_overlap_nor_stick_out(dashboard):
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= WIDTH and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_queries_of_the_dashboard_are_promql(dashboard, tmp_path):
    """As recording rules, which promtool parses."""
    rules = [{"record": f"panel:{panel['id']}:{target['refId']}",
              "expr": target["expr"].replace("$__rate_interval", "1m")}
             for panel in dashboard["panels"] for target in panel.get("targets", [])]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    result = promtool("check", "rules", file)
    assert rules and result.returncode == 0, result.stdout + result.stderr
