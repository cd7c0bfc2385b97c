"""Controls take minutes and are no part of a short tier: `pytest -m controls` asks for them."""


def pytest_configure(config):
    config.addinivalue_line("markers", "controls: known ways that must fail, each beside ours; minutes")


def pytest_collection_modifyitems(config, items):
    if "controls" in config.getoption("markexpr"):
        return
    left = [item for item in items if item.get_closest_marker("controls")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
