"""deploy/secure/make-secrets: what it leaves on disk."""

import subprocess
from pathlib import Path

from manifests import ROOT


def make_secrets(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([ROOT / "deploy/secure/make-secrets", folder], capture_output=True, text=True, timeout=60)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_secrets_are_made_once_and_the_directory_keeps_others_out(tmp_path):
    folder = tmp_path / "secrets"
    assert make_secrets(folder).returncode == 0
    made = contents(folder)

    assert make_secrets(folder).returncode == 0 and contents(folder) == made
    assert folder.stat().st_mode & 0o777 == 0o700
    # Its owner, who is not always root, writes the properties again.
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600, 0o644}


def test_a_new_password_needs_no_more_than_the_old_one_removed(tmp_path):
    folder = tmp_path / "secrets"
    make_secrets(folder)
    old = (folder / "payment.password").read_text()
    (folder / "payment.password").unlink()

    assert make_secrets(folder).returncode == 0
    new = (folder / "payment.password").read_text()
    assert new != old and f"sasl.password={new}" in (folder / "payment.properties").read_text()


def test_a_directory_that_others_may_look_into_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o711)

    done = make_secrets(folder)
    assert done.returncode == 1 and "chmod 0700" in done.stderr and not contents(folder)
