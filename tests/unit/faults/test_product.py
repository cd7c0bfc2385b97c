"""The digest says whether a result is of this product."""

from tests.faults.product import FOLDERS, commit_of, digest_of


def test_the_digest_changes_with_code_and_with_nothing_else(tmp_path):
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    (tmp_path / "streamkit" / "a.py").write_text("1")
    before = digest_of(tmp_path)
    (tmp_path / "streamkit" / "README.md").write_text("text")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text("2")
    assert digest_of(tmp_path) == before
    (tmp_path / "streamkit" / "a.py").rename(tmp_path / "streamkit" / "b.py")
    assert digest_of(tmp_path) != before
    (tmp_path / "streamkit" / "b.py").rename(tmp_path / "streamkit" / "a.py")
    (tmp_path / "local" / "b.py").write_text("")
    assert digest_of(tmp_path) != before


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path):
    assert commit_of(tmp_path) == ""
