"""Services of another version of the schemas, built once and kept in the build directory.

    older = versions.build("older", narrow, ("payment-service",))       narrow(root): changes root/types.json …
    saga.service("payment").use(older)
"""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from support.cluster import ROOT, build_dir

BUILD_S = 300


def build(name: str, change: Callable[[Path], None], targets: Iterable[str]) -> Path:
    """Where the executables are of which `change` has made the schemas from those of schemas/."""
    folder = build_dir() / f"{name}-version"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may want it, too
        fresh = Path(temporary) / "schemas"
        shutil.copytree(ROOT / "schemas", fresh, ignore=shutil.ignore_patterns("examples"))
        change(fresh)
        shutil.copytree(fresh, folder / "schemas", copy_function=_copy_if_changed, dirs_exist_ok=True)
        run(str(ROOT / "scripts/build"), "--schemas", str(folder / "schemas"), "--dir", str(folder / "build"),
            *targets)
    return folder / "build"


def _copy_if_changed(source: str, target: str) -> None:
    """The build looks at the times."""
    if not Path(target).exists() or Path(source).read_bytes() != Path(target).read_bytes():
        shutil.copyfile(source, target)


def run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S)
    assert result.returncode == 0, f"{command}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
