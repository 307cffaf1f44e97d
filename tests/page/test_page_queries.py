"""What the page asks of Firestore stands in data/queries.ts, where its indexes and rules are held against it."""

import re
from pathlib import Path

from google.cloud.firestore_v1.types import StructuredQuery

from tests.page.page_queries import page_queries

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "web" / "src"
QUERIES = SOURCES / "data" / "queries.ts"
ASKING = re.compile(r"\b(query|where|orderBy|limit|limitToLast|or|and|collectionGroup|getCountFromServer)\(")
A_COLLECTION = re.compile(r"(?<!doc\()\bcollection\(")
A_DOCUMENT_TO_READ = re.compile(r"\b(getDocs?|getDocsFrom\w+|onSnapshot)\(\s*(collection|doc)\(")


def asking(text: str) -> list[str]:
    """The lines that make a query, or read a document that they have named themselves."""
    found = (match for each in (ASKING, A_COLLECTION, A_DOCUMENT_TO_READ) for match in each.finditer(text))
    numbers = sorted({text.count("\n", 0, match.start()) + 1 for match in found})
    return [f"{number}: {text.splitlines()[number - 1].strip()}" for number in numbers]


def test_no_other_module_asks():
    """But pipeline/jobs.ts, which other frontends take, and which reads one job by its id."""
    others = [path for path in SOURCES.rglob("*.ts*") if path not in (QUERIES, SOURCES / "pipeline" / "jobs.ts")]
    assert len(others) > 20
    found = {str(path.relative_to(SOURCES)): asking(path.read_text()) for path in others}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_what_asks_is_noticed():
    assert asking('onSnapshot(query(own("a", uid)), show)') == ['1: onSnapshot(query(own("a", uid)), show)']
    assert asking('\nconst all = collection(db, "a");') == ['2: const all = collection(db, "a");']
    assert asking('getDoc(\n  doc(db, "a", id))') == ["1: getDoc("]
    assert asking('const one = doc(collection(db, "scenes"));\nbatch.set(one, {})\nonSnapshot(asked, show)') == []


def test_every_query_is_of_the_user_alone_and_has_an_end():
    """The rules refuse the first without the other; a list without an end grows until it is slow."""
    sent = page_queries()
    functions = set(re.findall(r"^export (?:const|function) (\w+)", QUERIES.read_text(), re.MULTILINE))
    documents = {"storyboard", "job", "videoOf", "usageOf"}
    assert {name.partition("(")[0] for name in sent} == functions - documents
    for name, query in sent.items():
        filters = [one.field_filter for one in query.where.composite_filter.filters] or [query.where.field_filter]
        owners = [one for one in filters if one.field.field_path == "user_id"]
        assert [one.op for one in owners] == [StructuredQuery.FieldFilter.Operator.EQUAL], name
        assert owners[0].value.string_value == "u1", name
        of_a_storyboard = any(one.field.field_path == "storyboard_id" for one in filters)
        assert query.limit or of_a_storyboard, name
