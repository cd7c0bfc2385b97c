import os
import subprocess
import sys
import time

import pytest

from local import environment

LOCKED = "a-b==1 ; sys_platform == 'linux' \\\n    --hash=sha256:00\n# note\nc==2 \\\n    --hash=sha256:11\n"


def test_packages_are_counted_without_their_hashes():
    assert environment.packages(LOCKED) == 2


def test_another_lock_is_another_environment(tmp_path):
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text(LOCKED)
    two.write_text(LOCKED + "d==3\n")
    assert environment.fingerprint(one) != environment.fingerprint(two)
    two.write_text(LOCKED)
    assert environment.fingerprint(one) == environment.fingerprint(two)


@pytest.fixture
def makes(tmp_path, monkeypatch):
    """A repository with an empty lock, and the makings of environments counted instead of carried out."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "g.txt").write_text(LOCKED)
    monkeypatch.setattr(environment, "repository", lambda: tmp_path)
    monkeypatch.setenv("KAPSTAN_CACHE", str(tmp_path / "cache"))
    made = []

    def make(folder, group, requirements, say):
        made.append(folder)
        folder.mkdir(exist_ok=True)
        if len(made) > 1:
            (folder / environment.DONE).touch()

    monkeypatch.setattr(environment, "_make", make)
    return made


def test_a_half_made_environment_is_made_again_and_a_finished_one_is_not(makes):
    first = environment.ensure("g", lambda message: None)
    assert environment.ensure("g", lambda message: None) == first
    assert len(makes) == 2
    environment.ensure("g", lambda message: None)
    assert len(makes) == 2


@pytest.fixture
def old(tmp_path):
    """`old(name, days)` is an environment in the cache that was used so many days ago."""

    def there(name, days):
        folder = tmp_path / "cache" / "envs" / name
        (folder / "bin").mkdir(parents=True)
        (folder / environment.DONE).touch()
        at = time.time() - days * 24 * 3600
        os.utime(folder / environment.DONE, (at, at))
        return folder

    return there


def test_an_environment_that_was_not_used_for_a_month_goes_when_another_is_made(makes, old):
    gone, recent = old("g-0123456789ab", 31), old("g-ba9876543210", 29)
    other, longer = old("h-0123456789ab", 31), old("g-h-0123456789ab", 31)
    runs = old("g-aaaaaaaaaaaa", 31)
    program = [sys.executable, "-c", "input()", str(runs / "bin" / "python")]
    with subprocess.Popen(program, stdin=subprocess.PIPE):
        made = environment.ensure("g", lambda message: None)
    assert not gone.exists()
    assert all(folder.is_dir() for folder in (made, recent, other, longer, runs))


def test_one_that_is_used_stays(makes, old, tmp_path):
    name = f"g-{environment.fingerprint(tmp_path / 'requirements' / 'g.txt')}"
    used = old(name, 31)
    assert environment.ensure("g", lambda message: None) == used
    (tmp_path / "requirements" / "g.txt").write_text(LOCKED + "d==3\n")
    environment.ensure("g", lambda message: None)
    assert used.is_dir()
    assert len(makes) == 1


def test_one_in_a_cache_that_cannot_be_written_to_is_used_all_the_same(makes, old, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    used = old(f"g-{environment.fingerprint(tmp_path / 'requirements' / 'g.txt')}", 1)
    monkeypatch.setattr(environment.os, "utime", refuse)
    assert environment.ensure("g", lambda message: None) == used


def test_pips_progress_is_told_with_bytes_and_time_left():
    said = []
    lines = [
        "Collecting a-b==1",
        "  Downloading a.whl (2.5 MB)",
        "Collecting c==2",
        "Installing collected packages: a",
    ]
    pip = f"print({chr(10).join(lines)!r})"
    assert environment._run([sys.executable, "-c", pip], 2, said.append) is None
    assert "1 of 2  a-b" in said[0]
    assert "2 of 2  c " in said[1]
    assert "2 MB, about 0 s left" in said[1]
    assert "2 MB were downloaded" in said[2]


def test_pips_last_words_are_kept_when_it_fails():
    failing = "import sys; print('ERROR: no match'); sys.exit(1)"
    assert environment._run([sys.executable, "-c", failing], 2, lambda message: None) == ["ERROR: no match"]


def test_a_cache_that_cannot_be_written_to_is_named(makes, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KAPSTAN_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(SystemExit, match="cannot be written to") as ended:
        environment.ensure("g", lambda message: None)
    assert "KAPSTAN_CACHE" in str(ended.value)
    assert makes == []
