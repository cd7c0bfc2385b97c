"""`python -m dashboards.build` writes an import file beside each dashboard's source."""

from pathlib import Path

from dashboards.panels import load
from dashboards.saved_objects import ndjson

FOLDER = Path(__file__).parent


def build(folder: Path = FOLDER) -> dict[Path, str]:
    """Return what each import file should hold; raises ValueError for a source that is not one."""
    return {source.with_suffix(".ndjson"): ndjson(load(source)) for source in sorted(folder.glob("*.yaml"))}


if __name__ == "__main__":
    for path, content in build().items():
        path.write_text(content, encoding="utf-8")
