"""`make types`: writes the definitions that web/ and other frontends use."""

from pathlib import Path

from localdev.typescript.documents import documents_ts

TARGET = Path(__file__).parents[2] / "web/src/pipeline/documents.ts"

if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(documents_ts())
    print(f"Written: {TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET}")
