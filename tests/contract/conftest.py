"""What the contract tests share: the C codec as a function."""

import os
import subprocess
from dataclasses import dataclass

import pytest


@dataclass
class Answer:
    verdict: str  # "accept", "refuse" or "unknown"
    text: str  # the event as the C encoder writes it, or the error line

    @property
    def pointer(self):
        """The JSON pointer at the start of an error line; "" is the whole document."""
        return self.text.split(": ")[0] if self.text.startswith("/") else ""


class Codec:
    """Talks to codec_driver.c."""

    VERDICTS = {"OK": "accept", "ERR": "refuse", "UNKNOWN": "unknown"}

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, text: bytes) -> Answer:
        self.process.stdin.write(b"%d\n" % len(text) + text)
        self.process.stdin.flush()
        verdict, _, rest = self.process.stdout.readline().decode().rstrip("\n").partition(" ")
        assert verdict in self.VERDICTS, f"the driver died on {text[:2000]!r}"
        return Answer(self.VERDICTS[verdict], rest)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def codec():
    codec = Codec(os.environ["CODEC_DRIVER"])
    yield codec
    codec.close()
