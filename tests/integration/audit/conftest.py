from tests.integration.lake_sink.conftest import world as lake_world
from tests.integration.search_sink.conftest import decision
from tests.integration.search_sink.conftest import world as search_world

__all__ = ["decision", "lake_world", "search_world"]
