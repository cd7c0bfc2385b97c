import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.artifacts import LOCK_FILE, Artifact, locked, maven_path, parse_lock, render_lock

names = st.text("abz.-", min_size=1, max_size=6).map(lambda text: "g" + text)
artifacts = st.builds(
    lambda parts, size, sha: Artifact(":".join(parts), size, f"{sha:064x}"),
    st.lists(names, min_size=4, max_size=5),
    st.integers(0, 10**9),
    st.integers(0, 2**256 - 1),
)


@pytest.mark.parametrize(
    ("coordinate", "path"),
    [
        ("org.a:b:jar:1.2", "org/a/b/1.2/b-1.2.jar"),
        ("io.c.d:e:tar.gz:all:3", "io/c/d/e/3/e-3-all.tar.gz"),
    ],
)
def test_a_coordinate_has_mavens_path(coordinate, path):
    assert maven_path(coordinate) == path


@pytest.mark.parametrize("coordinate", ["a:b:1", "a:b:jar:c:d:1", "a::jar:1", ""])
def test_what_is_no_coordinate_is_refused(coordinate):
    with pytest.raises(ValueError, match="group:artifact"):
        maven_path(coordinate)


@given(
    st.dictionaries(
        names, st.lists(artifacts, max_size=3).map(lambda found: tuple(sorted(found))), max_size=3
    )
)
def test_parsing_undoes_rendering(sets):
    assert parse_lock(render_lock(sets)) == sets


@pytest.mark.parametrize("line", ["a:b:jar:1 12", "a:b:jar:1 x " + "0" * 64, "a:b:jar:1 1 00"])
def test_a_wrong_line_is_named(line):
    with pytest.raises(ValueError, match="line 2"):
        parse_lock(f"[s]\n{line}\n")


def test_an_artifact_outside_a_set_is_refused():
    with pytest.raises(ValueError, match="line 1"):
        parse_lock("a:b:jar:1 1 " + "0" * 64)


def test_the_lock_names_no_address():
    assert "://" not in LOCK_FILE.read_text(encoding="utf-8")


def test_a_file_of_two_sets_is_wanted_once():
    both = locked("kafka", "connect")
    assert len(both) == len(set(both)) < len(locked("kafka")) + len(locked("connect"))
