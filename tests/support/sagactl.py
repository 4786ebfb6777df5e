"""The operator's tool as a process.

    Tool(bootstrap, prefix).output("order", "list")        what it prints when all is well
    tool.refusal(2, "order", "show", "x")                  the one line of a call that fails
"""

import json
import os
import subprocess

RUN_S = 60


class Tool:
    def __init__(self, bootstrap: str, prefix: str):
        self.program = os.environ["SAGACTL"]  # set by conftest.py
        self.env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "TOPIC_PREFIX": prefix}

    def start(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen([self.program, *words], env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *words], env=self.env, text=True, capture_output=True, timeout=RUN_S)

    def output(self, *words: str) -> str:
        done = self.run(*words)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def refusal(self, code: int, *words: str) -> str:
        """The one line of a call that fails."""
        done = self.run(*words)
        assert done.returncode == code and done.stdout == "", done
        assert done.stderr.startswith("sagactl: ") and done.stderr.count("\n") == 1, done
        return done.stderr.removeprefix("sagactl: ").rstrip("\n")

    def document(self, *words: str, code: int = 0):
        """What it prints with --json."""
        done = self.run(*words, "--json")
        assert (done.returncode, done.stderr) == (code, ""), done
        return json.loads(done.stdout)


def rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]
