"""Each service imports with the packages of its own group alone, as it will in its image."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))

GUARD = """
import sys

FORBIDDEN = set(sys.argv[2].split(","))


class Without:
    # A finder that does not see the forbidden modules.

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in FORBIDDEN else self.finder.find_spec(name, path, target)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
__import__(f"services.{sys.argv[1]}.app", fromlist=["app"])
"""


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def locked(group: str) -> set[str]:
    text = (ROOT / "requirements" / f"{group}.txt").read_text()
    return {canonical(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def forbidden_modules(group: str) -> list[str]:
    """Installed top-level modules that no distribution of the group provides."""
    allowed = locked(group)
    return [
        module
        for module, owners in packages_distributions().items()
        if module.isidentifier() and not allowed & {canonical(owner) for owner in owners}
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_imports_with_its_own_group_alone(service):
    forbidden = forbidden_modules(service.replace("_", "-"))
    assert "pytest" in forbidden
    command = [sys.executable, "-c", GUARD, service, ",".join(forbidden)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_no_lock_file_names_a_registry():
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(), f"{path.name} names an address"


def test_every_group_has_a_lock_file():
    groups = re.search(r"\[dependency-groups\](.*?)\n\[", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert groups
    for group in re.findall(r"^([a-z-]+) = \[", groups[1], re.MULTILINE):
        assert (ROOT / "requirements" / f"{group}.txt").exists(), (
            f"run python requirements/export.py: {group}"
        )
