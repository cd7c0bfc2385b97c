from streamkit.outputs import qualified, resolve, unknown_output


def test_a_namespace_prefixes_and_the_live_system_has_none():
    assert qualified("", "t.v1") == "t.v1"
    assert qualified("r1", "t.v1") == "r1.t.v1"
    assert resolve({"out": "t.v1"}, "r1") == {"out": "r1.t.v1"}


def test_an_unknown_output_is_told_with_the_known_ones():
    assert "declared are: a, b." in str(unknown_output("c", {"b": "", "a": ""}))
