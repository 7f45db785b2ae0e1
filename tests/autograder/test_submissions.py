"""Whatever a student hands in is read, or refused with the file and what to do; nothing given can be changed."""

import json
import os
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.nbgraderformat import MetadataValidator
from sample_course import (
    CELLS,
    CHAPTER,
    ESSAY,
    EXERCISES,
    RIGHT,
    answer,
    answered,
    damaged_notebooks,
    find,
    hand_in,
    make_course,
    release,
    release_notebook,
    score_of,
    without,
)

from autograder.submissions import (
    ERRORS,
    NOTES,
    SubmissionError,
    fitting_release,
    read_notebook,
    read_release,
    read_submission,
    reassemble,
    submission_of,
    unsafe_files,
)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    return make_course(tmp_path_factory.mktemp("submissions") / "course")


def read(course: Path, notebook, language: str = "en"):
    return read_submission(hand_in(course, "ada", notebook), release(course, language), CHAPTER)


def sources(submission) -> dict[str, str]:
    return {cell.exercise: cell.source for cell in submission.cells if cell.exercise}


def put_back(course: Path, notebook, language: str = "en"):
    path = hand_in(course, "ada", notebook)
    return reassemble(read_notebook(path), read_release(release(course, language)))


def answers_of(submission) -> dict[str, float]:
    return {name: score_of(name, sources(submission).get(name)) for name in EXERCISES}


ALL_RIGHT = dict(EXERCISES)
NONE_RIGHT = dict.fromkeys(EXERCISES, 0.0)


# what cannot be read


def v99() -> dict:
    return {**answered(RIGHT), "nbformat": 99}


REFUSED = {
    "empty": b"",
    "empty of blanks": b" \n\t\n",
    "cut off": json.dumps(answered(RIGHT))[:3000].encode(),
    "not JSON": b"print('hello')",
    "UTF-16": json.dumps(answered(RIGHT)).encode("utf-16"),
    "bytes": bytes(range(256)) * 9,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "nested too deep": b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a list": b"[]",
    "a number": b"17",
    "a string": b'"nbformat"',
    "null": b"null",
    "an endless number": b'{"nbformat": ' + b"9" * 5000 + b"}",
    "no format": json.dumps({"cells": []}).encode(),
    "format as text": json.dumps({**answered(RIGHT), "nbformat": "4"}).encode(),
    "format True": json.dumps({**answered(RIGHT), "nbformat": True}).encode(),
    "format 99": json.dumps(v99()).encode(),
    "format 0": json.dumps({**answered(RIGHT), "nbformat": 0}).encode(),
    "no cells": json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode(),
    "cells no list": json.dumps({"nbformat": 4, "cells": {"a": 1}}).encode(),
    "too many cells": json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": ""}] * 2001}).encode(),
    "too much source": json.dumps(
        {"nbformat": 4, "cells": [{"cell_type": "code", "source": "x" * 2_100_000}]}
    ).encode(),
    "another chapter": json.dumps(
        {**answered(RIGHT), "metadata": {"atlas": {"chapter": "ch91_other", "language": "en"}}}
    ).encode(),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_notebook_is_refused_with_file_and_remedy(course, kind):
    with pytest.raises(SubmissionError) as caught:
        read(course, REFUSED[kind])
    error = caught.value
    assert str(error).startswith(str(error.path)) and error.path.name == f"{CHAPTER}.ipynb"
    assert error.message() and error.remedy() and error.remedy() in str(error)
    assert error.message("zh") != error.message() and error.remedy("zh") != error.remedy()


def test_a_notebook_of_50_mb_is_refused_and_told_to_clear_its_outputs(course):
    notebook = answered(RIGHT)
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 50_000_000}}
    find(notebook, "demo-1")["outputs"] = [picture]
    with pytest.raises(SubmissionError, match=r"has 50\.0 MB; 20 MB are accepted\. Clear the outputs"):
        read(course, notebook)
    find(notebook, "demo-1")["outputs"][0]["data"]["image/png"] = "A" * 5_000_000
    assert answers_of(read(course, notebook)) == ALL_RIGHT


def test_only_an_ordinary_file_of_the_submission_is_opened(tmp_path):
    course = make_course(tmp_path / "course")
    other = hand_in(course, "bob", answered(RIGHT))
    path = hand_in(course, "ada", answered({}))
    (path.parent / "draft.ipynb").write_text(json.dumps(answered(RIGHT)))

    def refused(words: str) -> None:
        with pytest.raises(SubmissionError, match=words):
            read_submission(path, release(course), CHAPTER)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    path.unlink()
    with pytest.raises(SubmissionError, match="there is no such file"):
        read_submission(path, release(course), CHAPTER)
    path.symlink_to(other)
    refused("a link that leads out")
    path.symlink_to("/dev/zero")
    refused("a link that leads out")
    path.symlink_to("nowhere.ipynb")
    refused("a link that leads out")
    path.symlink_to(path)
    refused("a link that leads out")
    path.mkdir()
    refused("is not a file")
    os.mkfifo(path)
    refused("is not a file")
    path.symlink_to("draft.ipynb")
    assert answers_of(read_submission(path, release(course), CHAPTER)) == ALL_RIGHT


def test_links_out_of_a_folder_and_pipes_are_found(tmp_path):
    folder = tmp_path / "ada"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x.csv").write_text("1")
    (folder / "near").symlink_to(folder / "data" / "x.csv")
    (folder / "far").symlink_to("/etc/passwd")
    (folder / "data" / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    assert [path.name for path in unsafe_files(folder)] == ["up", "far", "pipe"]


# what is upgraded or mended


def version_3(notebook: dict) -> dict:
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cells.append({"cell_type": "code", "language": "python", "input": cell["source"], "outputs": []})
        elif cell["source"].startswith("A section"):
            cells.append({"cell_type": "heading", "level": 2, "source": [cell["source"]]})
        else:
            cells.append({"cell_type": "markdown", "source": cell["source"].splitlines(keepends=True)})
        cells[-1]["metadata"] = cell["metadata"]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}, "worksheets": [{"cells": cells}]}


def test_an_old_notebook_is_upgraded(course):
    assert answers_of(read(course, version_3(answered(RIGHT)))) == ALL_RIGHT


def test_lists_of_lines_marks_and_odd_fields_are_read(course):
    notebook = answered(RIGHT)
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    notebook["cells"] += [None, 3, [], "cell", {}, {"cell_type": ["code"]}, {"cell_type": "code", "source": {"a": 1}}]
    find(notebook, "double")["metadata"]["collapsed"] = float("nan")
    find(notebook, "square")["execution_count"] = "yes"
    find(notebook, "demo-2")["metadata"] = ["not a dict"]
    find(notebook, "demo-3")["id"] = {"not": "text"}
    text = json.dumps(notebook)
    assert answers_of(read(course, b"\xef\xbb\xbf" + text.encode())) == ALL_RIGHT


def test_half_a_character_and_deep_metadata_do_not_spread(course):
    notebook = answered({**RIGHT, "square": "return x * x  # \ud800"})
    deep: dict = {}
    for _ in range(400):
        deep = {"a": deep}
    find(notebook, "double")["metadata"]["deep"] = deep
    made = put_back(course, json.dumps(notebook))
    nbformat.writes(made).encode()
    assert answers_of(submission_of(made, CHAPTER)) == ALL_RIGHT


# what a submission is made of


def test_setup_answers_and_own_cells_in_their_order(course):
    notebook = answered(RIGHT)
    at = notebook["cells"].index(find(notebook, "square"))
    helper = {"cell_type": "code", "metadata": {}, "source": "offset = 0", "outputs": [], "execution_count": 1}
    notebook["cells"].insert(at, helper)
    notebook["cells"].append({**helper, "source": "print(square(3))"})
    notebook["cells"].append({**helper, "source": "  \n"})
    submission = read(course, notebook)
    assert [(cell.origin, cell.exercise or cell.source) for cell in submission.cells] == [
        ("given", "import math\n\nfrom autograder import check"),
        ("answer", "double"),
        ("extra", "offset = 0"),
        ("answer", "square"),
        ("answer", "negate"),
        ("extra", "print(square(3))"),
    ]
    assert submission.notes == [] and submission.language == "en" and submission.chapter == CHAPTER


def test_an_untouched_notebook_has_its_stubs_and_no_notes(course):
    submission = read(course, release_notebook())
    assert sources(submission) == CELLS and submission.notes == []


def test_locked_cells_that_were_edited_or_deleted_do_no_harm_and_are_noted(course):
    notebook = without(answered(RIGHT), "square-check", "double-header", "text-2", "demo-1")
    find(notebook, "double-check")["source"] = "check = lambda f: None"
    find(notebook, "negate-check")["metadata"]["nbgrader"] |= {"points": 99, "grade": False}
    made = put_back(course, notebook)
    given = {c.id: c for c in made.cells if c.id in ("double-check", "square-check", "negate-check", "double-header")}
    wanted = release_notebook()
    assert {i: c.source for i, c in given.items()} == {i: find(wanted, i)["source"] for i in given}
    assert all(c.metadata.nbgrader == find(wanted, i)["metadata"]["nbgrader"] for i, c in given.items())
    submission = submission_of(made, CHAPTER)
    assert answers_of(submission) == ALL_RIGHT
    assert submission.notes == [
        "Locked cells were changed; the course's own were used: double-check",
        "Locked cells were deleted and are put back: double-header, square-check",
        "The labels of these cells were changed; the course's own were used: negate-check",
    ]


def test_an_answer_that_was_deleted_is_missing_and_not_a_stub(course):
    submission = read(course, without(answered(RIGHT), "square", "square-check"))
    assert answers_of(submission) == {**ALL_RIGHT, "square": 0.0}
    assert submission.answer("square") is None
    assert any("not in the notebook: square" in note for note in submission.notes)
    assert "square" in [
        c.metadata.atlas.get("exercise") for c in put_back(course, without(answered({}), "square")).cells
    ]


def test_of_several_copies_the_last_that_differs_from_the_stub_counts(course):
    notebook = answered({**RIGHT, "double": "return 0"})
    cell = find(notebook, "double")
    notebook["cells"] += [{**deepcopy(cell), "source": answer("double", RIGHT["double"])}]
    notebook["cells"] += [{**deepcopy(cell), "source": CELLS["double"] + "   \n"}]
    submission = read(course, notebook)
    assert answers_of(submission) == ALL_RIGHT
    assert submission.notes == ["Answered in several cells, of which the last counts: double"]
    assert sum(cell.exercise == "double" for cell in submission.cells) == 1
    assert not [cell for cell in submission.cells if cell.origin == "extra"]


def colab(notebook: dict) -> dict:
    """What Colab keeps: sources, and its own ids."""
    made = deepcopy(notebook)
    made["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    made["nbformat_minor"] = 0
    for number, cell in enumerate(made["cells"]):
        cell["metadata"] = {"id": f"xYz{number}"}
        cell.pop("id")
    return made


def test_colab_drops_labels_and_answers_are_found_by_their_comments(course):
    submission = read(course, colab(answered(RIGHT)))
    assert answers_of(submission) == ALL_RIGHT
    assert len(submission.notes) == 1 and "Colab" in submission.notes[0]
    assert not [cell for cell in submission.cells if cell.origin == "extra"]


def test_without_label_and_comment_an_answer_is_found_by_its_definition(course):
    notebook = colab(answered(RIGHT))
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("# exercise: square\n", "")
    submission = read(course, notebook)
    assert answers_of(submission) == ALL_RIGHT
    assert "Found in another cell, by its definition: square" in submission.notes


def test_an_answer_below_its_untouched_stub_is_found(course):
    notebook = answered({"double": RIGHT["double"]})
    own = {"cell_type": "code", "metadata": {}, "source": "def square(x):\n    return x * x", "outputs": []}
    notebook["cells"].append(own)
    submission = read(course, notebook)
    assert answers_of(submission) == {**ALL_RIGHT, "negate": 0.0}
    assert not [cell for cell in submission.cells if cell.origin == "extra"]


def test_an_experiment_elsewhere_does_not_replace_an_answer(course):
    notebook = answered(RIGHT)
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "def square(x):\n    return 0"})
    submission = read(course, notebook)
    assert answers_of(submission) == ALL_RIGHT
    assert [cell.source for cell in submission.cells if cell.origin == "extra"] == ["def square(x):\n    return 0"]


def test_a_copied_label_does_not_hide_another_exercise(course):
    """A cell copied to begin the next answer keeps the first one's label."""
    notebook = without(answered({"double": RIGHT["double"]}), "square")
    copied = deepcopy(find(notebook, "double"))
    copied["source"] = answer("square", RIGHT["square"])
    notebook["cells"].append(copied)
    assert answers_of(read(course, notebook)) == {**ALL_RIGHT, "negate": 0.0}


def test_two_answers_merged_into_one_cell_both_count(course):
    notebook = without(answered(RIGHT), "square")
    find(notebook, "double")["source"] += "\n\n" + answer("square", RIGHT["square"])
    submission = read(course, notebook)
    assert answers_of(submission) == ALL_RIGHT


def test_labels_that_were_exchanged_do_not_exchange_answers(course):
    notebook = answered(RIGHT)
    one, other = find(notebook, "double"), find(notebook, "square")
    one["metadata"], other["metadata"] = other["metadata"], one["metadata"]
    one["id"], other["id"] = other["id"], one["id"]
    assert answers_of(read(course, notebook)) == ALL_RIGHT


def test_an_answer_in_a_cell_of_another_type_is_taken(course):
    notebook = answered(RIGHT)
    cell = find(notebook, "double")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]
    submission = read(course, notebook)
    assert answers_of(submission) == ALL_RIGHT
    assert any("type was changed" in note and "double" in note for note in submission.notes)


def test_an_edited_setup_cell_is_run_after_the_courses_own(course):
    notebook = answered(RIGHT)
    find(notebook, "setup-cell")["source"] = "import cmath"
    submission = read(course, notebook)
    assert [cell.source for cell in submission.cells[:2]] == [
        "import math\n\nfrom autograder import check",
        "import cmath",
    ]
    assert [cell.origin for cell in submission.cells[:2]] == ["given", "extra"]


def test_demos_come_from_the_release_and_are_not_run(course):
    notebook = answered(RIGHT)
    find(notebook, "demo-1")["source"] = "import os; os._exit(0)"
    made = put_back(course, notebook)
    assert not [cell for cell in made.cells if "os._exit" in cell.source]
    assert not [cell for cell in submission_of(made, CHAPTER).cells if "demo" in cell.source]


def test_essays_are_kept_with_their_pictures_and_found_without_labels(course):
    picture = {"a.png": {"image/png": "iVBORw0KGgo="}}
    notebook = answered({}, essay="Because. ![](attachment:a.png)")
    find(notebook, ESSAY)["attachments"] = picture
    essay = next(c for c in put_back(course, notebook).cells if c.id == ESSAY)
    assert essay.source.startswith("Because.") and essay.attachments == picture
    find(notebook, ESSAY)["attachments"] = {"a.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}
    assert "attachments" not in next(c for c in put_back(course, notebook).cells if c.id == ESSAY)
    essay = next(c for c in put_back(course, colab(notebook)).cells if c.id == ESSAY)
    assert essay.source.startswith("Because.")


def test_the_language_is_the_one_of_the_notebook(course):
    releases = {language: read_release(release(course, language)) for language in ("en", "zh")}

    def language(notebook: dict) -> str:
        return fitting_release(read_notebook(hand_in(course, "ada", notebook)), releases, "en")

    assert language(answered(RIGHT, language="zh")) == "zh"
    assert language(colab(answered(RIGHT, language="zh"))) == "zh"
    assert language(colab(answered(RIGHT))) == "en"
    assert language({"nbformat": 4, "cells": []}) == "en"
    submission = read(course, without(answered(RIGHT, language="zh"), "square"), "zh")
    assert submission.language == "zh" and any("没有这些练习" in note for note in submission.notes)


def test_every_sentence_is_there_in_both_languages():
    for sentences in (*ERRORS.values(), *NOTES.values()):
        assert len(set(sentences)) == len(sentences) and all(sentences)


# damage of any kind


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged=damaged_notebooks())
def test_no_damage_breaks_the_notebook_or_raises_a_score(course, damaged):
    deserved, notebook = damaged
    made = put_back(course, json.dumps(notebook))
    nbformat.validate(made)
    MetadataValidator().validate_nb(made)
    wanted = release_notebook()
    for cell in (cell for cell in wanted["cells"] if cell["id"] not in (*EXERCISES, ESSAY)):
        same = next(c for c in made.cells if c.get("id") == cell["id"])
        assert same.source == cell["source"] and same.metadata == cell["metadata"]
    submission = submission_of(made, CHAPTER)
    scores = answers_of(submission)
    assert all(scores[name] <= deserved[name] for name in EXERCISES), (scores, deserved)
    assert submission_of(nbformat.reads(nbformat.writes(made), as_version=4), CHAPTER) == submission


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_the_bytes_raises_anything_else(course, data):
    text = bytearray(json.dumps(answered(RIGHT)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(text) - 1))
        how = data.draw(st.integers(0, 2))
        if how == 0:
            del text[i:]
        elif how == 1:
            text[i : i + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=4))
        else:
            text[i] = data.draw(st.integers(0, 255))
        if not text:
            break
    try:
        submission = read(course, bytes(text))
    except SubmissionError as error:
        assert error.message("zh") and error.remedy()
    else:
        assert all(score <= EXERCISES[name] for name, score in answers_of(submission).items())


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id"]), inner
        )
    ),
    max_leaves=20,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(any_json, max_size=5), metadata=any_json)
def test_no_json_raises_anything_else(course, cells, metadata):
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    made = put_back(course, json.dumps(document))
    nbformat.validate(made)
    assert answers_of(submission_of(made, CHAPTER)) == NONE_RIGHT
