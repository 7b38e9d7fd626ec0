"""Write the golden SQL of every shipped view anew: `python -m tests.golden.refresh`; review the diff."""

from __future__ import annotations

from pathlib import Path

from caremesh.fhir import ATHENA, DUCKDB, compile_view, parse_view
from tests.shipped_views import VIEWS, view_name

GOLDEN = Path(__file__).parent


def golden_files() -> dict[Path, str]:
    """Every golden file, and the text that it must hold."""
    files = {}
    for view_file in VIEWS:
        view = parse_view(view_file.read_text(), where=str(view_file))
        for dialect in (DUCKDB, ATHENA):
            files[GOLDEN / dialect.name / f"{view_name(view_file)}.sql"] = compile_view(view, dialect).query + "\n"
    return files


def main() -> None:
    """Write them, and drop those whose view is gone."""
    files = golden_files()
    for stale in set(GOLDEN.glob("*/*.sql")) - set(files):
        stale.unlink()
    for file, text in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


if __name__ == "__main__":
    main()
