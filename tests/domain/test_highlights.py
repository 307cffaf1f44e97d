import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.highlights import MAX_HIGHLIGHTS_BYTES, Highlight, merge_highlights, read_highlights
from tests.domain.catalogue_samples import clip_document

ENTRY = {
    "id": 3,
    "title": "The storm",
    "description": "Waves rise.",
    "start": "00:01:05",
    "end": "00:01:35",
    "duration": 30,
    "priority": 2,
    "hook_category": "emotional",
}


def file_of(value):
    return json.dumps(value).encode()


def only_entry(**fields):
    read = read_highlights(file_of([{"id": 1, **fields}]))
    return read.entries[0], read.remarks


def test_an_object_tells_the_video_and_its_scenes():
    about = {"video_url": "https://example.com/v", "video_title": "Sea", "custom_prompt": "only storms"}
    read = read_highlights(file_of({**about, "highlights": [ENTRY]}))
    assert read.entries == (Highlight(3, "The storm", "Waves rise.", 65, 95, 30, 2, "emotional"),)
    assert {name: getattr(read, name) for name in about} == about
    assert read.remarks == ()


def test_a_list_alone_is_read_too():
    assert read_highlights(file_of([ENTRY])).by_scene()[3].title == "The storm"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("01:00:05", 3605), ("02:05", 125), ("02:05.25", 125.25), ("00:00:07,5", 7.5), ("12.5", 12.5), (12.5, 12.5)],
)
def test_times_are_read_however_they_are_written(time, seconds):
    assert only_entry(start=time)[0].start_seconds == seconds


@pytest.mark.parametrize("time", ["", "soon", "-1", "1:2:3:4", -1, 10**400, True, [], {}, "9" * 5000])
def test_an_odd_time_is_unknown_and_remarked(time):
    entry, remarks = only_entry(start=time)
    assert entry.start_seconds is None
    assert remarks == ("'start' in entry 1 of highlights.json is no time",)


def test_a_missing_duration_is_that_between_start_and_end():
    assert only_entry(start="00:10", end="00:12.5")[0].duration_seconds == 2.5


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_tells_nothing(text):
    entry, remarks = only_entry(title=text, description=text)
    assert (entry.title, entry.description, remarks) == (None, None, ())


def test_an_id_may_be_written_as_text():
    assert 7 in read_highlights(file_of([{"id": "7"}])).by_scene()


def test_odd_entries_are_remarked_and_cost_the_others_nothing():
    read = read_highlights(file_of([5, {"title": "no id"}, ENTRY, {**ENTRY, "title": "again"}, {"id": -1, "title": 4}]))
    assert read.remarks == (
        "entry 1 of highlights.json is no object",
        "entry 2 of highlights.json has no id",
        "entry 4 of highlights.json has the id 3 once more",
        "'id' in entry 5 of highlights.json is no whole number from 0 up",
        "'title' in entry 5 of highlights.json is no text",
        "entry 5 of highlights.json has no id",
    )
    assert read.by_scene()[3].title == "The storm"


def test_the_summary_adds_up_and_names_each_category_once():
    read = read_highlights(file_of([ENTRY, {**ENTRY, "id": 4, "duration": 1.5}, {"id": 5, "hook_category": "fun"}]))
    assert read.summary() == {"total_duration": 31.5, "categories": ["emotional", "fun"]}


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"5", b'{"highlights": {}}', b"[" * 90_000, b"[" + b" " * MAX_HIGHLIGHTS_BYTES + b"]", b"\xff"],
)
def test_a_file_that_cannot_be_read_is_one_remark_and_never_overwritten(data):
    read = read_highlights(data)
    assert read.entries == ()
    assert len(read.remarks) == 1
    if data:
        assert merge_highlights(data, {"video_title": "Sea"}, [clip_document(1)]) == data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(["highlights", "id", "title", "start", "end", "duration", "priority", "video_url"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_read_and_merged_once_for_all(value):
    data = json.dumps(value).encode()
    read_highlights(data).summary()
    merged = merge_highlights(data, {"video_title": "Sea"}, [clip_document(1), clip_document(2)])
    assert merge_highlights(merged, {"video_title": "Sea"}, [clip_document(1), clip_document(2)]) == merged


def test_a_new_file_holds_every_scene_once():
    clips = [clip_document(1, style="split"), clip_document(1, style="original", priority=2), clip_document(2)]
    merged = merge_highlights(None, {"video_title": "Sea", "video_url": None, "status": "completed"}, clips)
    assert json.loads(merged) == {
        "highlights": [
            {
                "id": scene,
                "title": f"Scene {scene}",
                "description": f"What happens in {scene}",
                "start": "00:00:05",
                "end": "00:00:10",
                "duration": 5.0,
                "priority": 1,
            }
            for scene in (1, 2)
        ],
        "video_title": "Sea",
    }
    assert [entry.scene_id for entry in read_highlights(merged).entries] == [1, 2]


def test_entries_and_fields_of_others_are_kept_in_their_places():
    found = file_of(
        {"tool": "other", "highlights": [{"id": 9, "mood": "calm"}, {"id": 1, "hook": 3, "title": "old"}, "?"]}
    )
    merged = json.loads(merge_highlights(found, {}, [clip_document(2), clip_document(1)]))
    assert merged["tool"] == "other"
    assert merged["highlights"][0] == {"id": 9, "mood": "calm"}
    assert merged["highlights"][1]["hook"] == 3
    assert merged["highlights"][1]["title"] == "Scene 1"
    assert merged["highlights"][2] == "?"
    assert merged["highlights"][3]["id"] == 2


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_scenes_stand_in_their_order_whichever_is_finished_first(order):
    data = None
    for done in range(1, 4):
        data = merge_highlights(data, {}, [clip_document(scene) for scene in sorted(order[:done])])
    assert [entry.scene_id for entry in read_highlights(data).entries] == [1, 2, 3]


def test_a_list_stays_a_list():
    assert isinstance(json.loads(merge_highlights(file_of([ENTRY]), {"video_title": "Sea"}, [clip_document(1)])), list)


def test_nothing_is_rewritten_where_all_is_said_already():
    found = b'[ {"id": 1, "title": "Scene 1", "description": "What happens in 1", "start": "00:05.75", "end": 10.2, '
    found += b'"duration": 5, "priority": 1} ]'
    assert merge_highlights(found, {}, [clip_document(1)]) == found


def test_a_clip_that_knows_no_times_leaves_those_of_the_file():
    clip = {**clip_document(3), "start_time": "00:00:00", "end_time": "00:00:00"}
    merged = json.loads(merge_highlights(file_of([ENTRY]), {}, [clip]))
    assert (merged[0]["start"], merged[0]["end"]) == ("00:01:05", "00:01:35")


def test_a_clip_of_no_scene_is_no_highlight():
    assert json.loads(merge_highlights(None, {}, [clip_document(0)])) == {"highlights": []}
