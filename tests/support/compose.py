"""docker-compose.yml on an engine: the system as a person starts it, looked at from outside.

    compose = Compose("order-saga-test", {"HTTP_PORT": "18080"})
    compose.up(); compose.wait_healthy(90); compose.container("payment").kill(); compose.down()

SAGA_COMPOSE is the command (docker-compose). Containers are looked at through the engine and through
/proc of this machine, never from inside: images need no tools for the tests.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
COMMAND_S = 180
LABEL = "com.docker.compose."
POLL_S = 0.5
LOG_LINES = "15"


def run(*words: str, env: dict[str, str] | None = None, check: bool = True) -> str:
    done = subprocess.run(words, cwd=ROOT, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=COMMAND_S)
    assert not check or done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def docker(*words: str, check: bool = True) -> str:
    return run("docker", *words, check=check)


class Container:
    """One container; what the engine says of it is asked each time."""

    def __init__(self, id: str):
        self.id = id

    def __str__(self) -> str:
        return self.inspect()["Name"].removeprefix("/")

    def inspect(self) -> dict:
        return json.loads(docker("inspect", self.id))[0]

    @property
    def state(self) -> dict:
        return self.inspect()["State"]

    @property
    def is_healthy(self) -> bool:
        state = self.state
        return state["Running"] and state.get("Health", {}).get("Status") == "healthy"

    @cached_property
    def service(self) -> str:
        return self.inspect()["Config"]["Labels"][LABEL + "service"]

    def proc(self, name: str) -> str:
        """A file of its first process, as this machine sees it."""
        return Path(f"/proc/{self.state['Pid']}/{name}").read_text()

    def status(self) -> dict[str, str]:
        return dict(line.split(":\t", 1) for line in self.proc("status").splitlines() if ":\t" in line)

    def kill(self) -> None:
        docker("kill", "-s", "KILL", self.id)

    def start(self) -> None:
        docker("start", self.id)

    def stop(self) -> float:
        """How long it took, in seconds."""
        started = time.monotonic()
        docker("stop", self.id)
        return time.monotonic() - started

    def wait_healthy(self, timeout_s: float) -> None:
        wait_until(lambda: self.is_healthy, timeout_s, lambda: f"{self} is healthy\n{self.logs()}", POLL_S)

    def logs(self, *words: str) -> str:
        done = subprocess.run(["docker", "logs", *(words or ("--tail", LOG_LINES)), self.id], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_S)
        return done.stdout


class Compose:
    """One project, of docker-compose.yml or of `files`. Its commands are those that people are told to use."""

    def __init__(self, project: str, env: dict[str, str], command: str | None = None, files: Iterable[str] = ()):
        self.project = project
        self.command = (command or os.environ.get("SAGA_COMPOSE") or "docker-compose").split()
        self.command += [word for file in files for word in ("-f", file)]
        self.env = {**os.environ, **env, "COMPOSE_PROJECT_NAME": project}

    def run(self, *words: str, check: bool = True) -> str:
        return run(*self.command, *words, env=self.env, check=check)

    def use_profile(self, name: str) -> None:
        """From now on, to the end: Compose 2 does not take down what only a profile has brought up."""
        self.command += ["--profile", name]

    def up(self, *words: str) -> None:
        self.run("up", "-d", *words)

    def down(self) -> None:
        self.run("down", "-v")

    def containers(self, *services: str) -> list[Container]:
        """Those of these services, or all; by service and number."""
        ids = docker("ps", "-aq", "--no-trunc", "--filter", f"label={LABEL}project={self.project}").split()
        found = json.loads(docker("inspect", *ids)) if ids else []
        labels = {item["Id"]: item["Config"]["Labels"] for item in found}
        chosen = [id for id, label in labels.items() if label[LABEL + "oneoff"] == "False"
                  and (not services or label[LABEL + "service"] in services)]
        chosen.sort(key=lambda id: (labels[id][LABEL + "service"], int(labels[id][LABEL + "container-number"])))
        return [Container(id) for id in chosen]

    def container(self, service: str) -> Container:
        """The only one of a service."""
        found = self.containers(service)
        assert len(found) == 1, f"{service} has {len(found)} containers"
        return found[0]

    def wait_healthy(self, timeout_s: float) -> None:
        """All but the one that runs once, which must have succeeded."""
        def missing() -> list[Container]:
            return [c for c in self.containers() if not (
                c.is_healthy or c.service == "init" and c.state["Status"] == "exited" and not c.state["ExitCode"])]

        wait_until(lambda: not missing(), timeout_s,
                   lambda: "healthy: " + "\n".join(f"{c}\n{c.logs()}" for c in missing()), POLL_S)

    def volumes(self) -> set[str]:
        """All that its containers use, those without a name of their own, too."""
        return {mount["Name"] for container in self.containers() for mount in container.inspect()["Mounts"]
                if mount["Type"] == "volume"}

    def left_over(self) -> dict[str, list[str]]:
        """What the engine still has of this project."""
        mine = ("--filter", f"label={LABEL}project={self.project}")
        left = {"containers": docker("ps", "-aq", *mine), "networks": docker("network", "ls", "-q", *mine),
                "volumes": docker("volume", "ls", "-q", *mine)}
        return {kind: found.split() for kind, found in left.items() if found.split()}
