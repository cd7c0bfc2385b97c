from flink_jobs.windows.files import declaration_files


def test_declarations_are_the_yaml_files_of_their_folder_in_order(tmp_path):
    folder = tmp_path / "windows"
    folder.mkdir()
    for name in ("sales.yaml", "clicks.yaml", "README.md", "sales.yaml.orig"):
        (folder / name).touch()
    assert declaration_files(tmp_path) == [folder / "clicks.yaml", folder / "sales.yaml"]


def test_without_a_folder_nothing_is_declared(tmp_path):
    assert declaration_files(tmp_path) == []
