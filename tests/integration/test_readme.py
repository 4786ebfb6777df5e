"""What the READMEs print can be typed: the commands for users, and the example of a test."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from support.client import HOST
from support.cluster import ROOT, executable
from support.waiting import wait_until

README = Path(__file__).with_name("README.md")
COMMAND_S = 20
READS_S = 2  # of a stream, which has no end
TIMED_OUT = 28  # curl's word for that
COMMANDS = {  # what each command of a file must come to: curl's status, or the tool's exit code
    "README.md": [201, 200, 200, 0, 422],
    "services/order/README.md": [201, 200],
}


def test_the_example_of_the_readme_works(saga):
    source = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    names: dict = {}
    exec(compile(source, README.name, "exec"), names)  # noqa: S102: it is ours
    next(value for name, value in names.items() if name.startswith("test_"))(saga)


def commands(text: str) -> list[list[str]]:
    """The indented calls of curl and of our tool, as a shell would split them."""
    found, lines = [], iter(text.splitlines())
    for line in lines:
        if line.startswith(("    curl ", "    build/tools/")):
            while True:
                try:
                    found.append(shlex.split(line, comments=True))
                    break
                except ValueError:  # goes on in the next line
                    line += "\n" + next(lines)
    return found


def run(saga, words: list[str], answer: Path) -> int:
    if words[0] != "curl":
        tool = executable(words[0].removeprefix("build/"))
        return subprocess.run([tool, *words[1:]], env=saga.env, capture_output=True, timeout=COMMAND_S).returncode
    streams = "-N" in words
    more = ["-sS", "-m", str(READS_S if streams else COMMAND_S), "-o", str(answer), "-w", "%{http_code}"]
    result = subprocess.run(["curl", *more, *words[1:]], capture_output=True, text=True)
    assert result.returncode == (TIMED_OUT if streams else 0), result.stderr
    return int(result.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_of_the_readme_do_what_it_says(shared, tmp_path, name):
    shared.receive_stock({"tea": 100})
    order_id, came_to = "none", []
    for words in commands((ROOT / name).read_text()):
        words = [word.replace("localhost:8080", f"{HOST}:{shared.service('order').port}")
                 .replace("<order_id>", order_id) for word in words]
        answer = tmp_path / f"answer-{len(came_to)}"
        came_to.append(run(shared, words, answer))
        placed = came_to[-1] == 201 and re.search(r'"order_id":"([^"]+)"', answer.read_text())
        if placed:
            order_id = placed[1]
            shared.history.by_hand.add(order_id)
    assert came_to == COMMANDS[name]
    wait_until(lambda: shared.status(order_id) == "completed", COMMAND_S, "the order is completed")
    shared.wait_final()
    shared.assert_sound()
