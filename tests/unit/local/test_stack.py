import stat

import pytest

from local.errors import RuntimeProblem
from local.places import cache_dir, default_home
from local.ports import OFFSETS, SPAN
from local.stack import Stack


def test_every_port_lies_in_the_span_and_is_given_once():
    assert len(set(OFFSETS.values())) == len(OFFSETS)
    assert all(0 <= offset < SPAN for offset in OFFSETS.values())


def test_a_secret_is_made_once_and_read_by_its_owner_only(tmp_path):
    stack = Stack(tmp_path)
    first = stack.secret("key", lambda: {"token": "one"})
    assert stack.secret("key", lambda: {"token": "two"}) == first == {"token": "one"}
    assert stat.S_IMODE(stack.secret_file("key").stat().st_mode) == 0o600


def test_a_components_data_is_its_users_alone(tmp_path):
    assert stat.S_IMODE(Stack(tmp_path).data("kafka").stat().st_mode) == 0o700


def test_arguments_then_variables_then_the_record_then_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("KAPSTAN_HOME", str(tmp_path))
    monkeypatch.setenv("KAPSTAN_PORT_BASE", "21000")
    assert Stack.at() == Stack(tmp_path, 21000)
    assert Stack.at(tmp_path / "x", 22000) == Stack(tmp_path / "x", 22000)
    monkeypatch.delenv("KAPSTAN_PORT_BASE")
    assert Stack.at() == Stack(tmp_path, 18000)
    Stack(tmp_path, 23000).record()
    assert Stack.at() == Stack(tmp_path, 23000)


@pytest.mark.parametrize("given", ["abc", "-5", "99999", "80", "65436", "1e4", "0"])
def test_a_port_base_in_the_environment_has_the_options_bounds(given, tmp_path, monkeypatch):
    monkeypatch.setenv("KAPSTAN_PORT_BASE", given)
    with pytest.raises(RuntimeProblem, match=f"KAPSTAN_PORT_BASE is '{given}'") as caught:
        Stack.at(tmp_path)
    assert "from 1024 to 65435" in caught.value.remedy
    assert Stack.at(tmp_path, 22000).port_base == 22000
    assert Stack.to_end(tmp_path).home == tmp_path


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"port_base": null}', b"\xff"])
def test_a_damaged_record_is_named_and_does_not_keep_the_stack_from_its_end(content, tmp_path):
    stack = Stack(tmp_path)
    stack.record()
    (stack.run / "stack.json").write_bytes(content)
    with pytest.raises(RuntimeProblem, match=r"stack\.json is damaged"):
        Stack.at(tmp_path)
    assert Stack.to_end(tmp_path).home == tmp_path
    Stack.at(tmp_path, 23000).record()
    assert Stack.at(tmp_path).port_base == 23000


def test_a_record_that_breaks_off_leaves_the_one_before(tmp_path, monkeypatch):
    Stack(tmp_path, 23000).record()

    def full(self, content, **_):
        self.write_bytes(b"{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space"):
        Stack(tmp_path, 24000).record()
    assert Stack.at(tmp_path).port_base == 23000


def test_a_home_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RuntimeProblem, match=f"no stack can be kept in {home}"):
            Stack.at(home).make_folders()


def test_a_home_behind_a_link_is_the_same_stack(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Stack.at(tmp_path / "link") == Stack.at(tmp_path / "real")


def test_the_socket_stays_in_the_home_while_its_path_is_short(tmp_path):
    near = Stack(tmp_path / "home")
    far = Stack(tmp_path / ("x" * 100))
    assert near.socket == tmp_path / "home" / "run" / "supervisor.sock"
    assert len(str(far.socket)) < 100
    assert far.socket != Stack(tmp_path / ("y" * 100)).socket


def test_its_addresses_are_on_the_loopback_interface(tmp_path):
    stack = Stack(tmp_path, 20000)
    assert stack.bootstrap_servers == "127.0.0.1:20000"
    assert stack.registry_url == "http://127.0.0.1:20002"


@pytest.mark.parametrize("place", [cache_dir, default_home])
def test_places_can_be_named_by_variables(place, tmp_path, monkeypatch):
    monkeypatch.setenv("KAPSTAN_CACHE", str(tmp_path))
    monkeypatch.setenv("KAPSTAN_HOME", str(tmp_path))
    assert place() == tmp_path


def test_a_user_who_is_not_root_gets_xdg_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for name in ("KAPSTAN_CACHE", "KAPSTAN_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert cache_dir() == tmp_path / "c" / "kapstan"
    assert default_home("two") == tmp_path / "d" / "kapstan" / "two"
