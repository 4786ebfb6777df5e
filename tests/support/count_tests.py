"""Counts what a stage of scripts/test has run: single tests, wherever their program names them.

    count_tests.py meson BUILD_DIR     prints "PASSED FAILED" of the last `meson test` there
    count_tests.py pytest JUNIT_XML…   the same of runs of pytest
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# The last lines of Check and of pytest: a program of many tests counts as many.
CHECK = re.compile(r"\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)")
PYTEST = re.compile(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s", re.MULTILINE)


def count_program(result: str, output: str) -> tuple[int, int]:
    """Of one test program, which meson knows as one test."""
    passed = failed = 0
    for checks, failures, errors in CHECK.findall(output):
        passed += int(checks) - int(failures) - int(errors)
        failed += int(failures) + int(errors)
    for summary in PYTEST.findall(output):
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", summary)}
        passed += counts.get("passed", 0)
        failed += counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    is_ok = result == "OK"
    if passed + failed == 0:
        return int(is_ok), int(not is_ok)
    return passed, failed if is_ok else max(failed, 1)


def count_meson(build: Path) -> tuple[int, int]:
    lines = (build / "meson-logs/testlog.json").read_text().splitlines()
    tests = [json.loads(line) for line in lines]
    counts = [count_program(test["result"], test.get("stdout") or "") for test in tests]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def count_pytest(*junits: Path) -> tuple[int, int]:
    """A skipped test counts as failed: nothing may be skipped."""
    cases = [case for junit in junits for case in ElementTree.parse(junit).getroot().iter("testcase")]
    bad = [case for case in cases if any(child.tag in ("failure", "error", "skipped") for child in case)]
    return len(cases) - len(bad), len(bad)


def main() -> None:
    kind, *paths = sys.argv[1:]
    print(*{"meson": count_meson, "pytest": count_pytest}[kind](*map(Path, paths)))


if __name__ == "__main__":
    main()
