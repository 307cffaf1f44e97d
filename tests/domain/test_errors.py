from pathlib import Path

from pipeline.domain import errors
from pipeline.domain.errors import InternalError, JobError, RateLimited, recorded_error


def all_errors(root: type[JobError] = JobError) -> list[type[JobError]]:
    """Of the pipeline: commands have some of their own, which no document sees."""
    ours = [branch for branch in root.__subclasses__() if branch.__module__ == JobError.__module__]
    return [leaf for branch in ours for leaf in [branch, *all_errors(branch)]]


def test_every_code_is_unique():
    codes = [error.code for error in all_errors()]
    assert len(set(codes)) == len(codes)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("│", " ").replace("├──", " ").replace("└──", " ").split()
        if len(words) >= 2 and hasattr(errors, words[0]):
            drawn[words[0]] = (words[1], words[2], "yes" in words[3:4])
    drawn.pop("JobError")
    assert drawn == {error.__name__: (error.code, error.fault, error.retryable) for error in all_errors()}


def test_every_code_is_explained_in_the_readme():
    table = Path("README.md").read_text().partition("### Error codes")[2].partition("\n## ")[0]
    assert [error.code for error in all_errors() if f"`{error.code}`" not in table] == []


def test_a_recorded_error_is_read_back():
    for error in all_errors():
        again = recorded_error(error.code, "the sentence")
        assert type(again) is error
        assert again.message == "the sentence"


def test_an_unknown_code_is_an_internal_error():
    assert isinstance(recorded_error("no_such_code", None), InternalError)
    assert recorded_error(RateLimited.code, "x").retryable
