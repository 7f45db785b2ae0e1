from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode, from_dict
from traitlets import Float

from autograder.submissions import LIMIT_MB, SubmissionError, read_notebook, unsafe_files


class SubmissionExporter(NotebookExporter):
    """A NotebookExporter that can open whatever a student handed in.

    A file that cannot be read becomes an empty notebook that says why under `metadata.atlas.unreadable`, so that
    Reassemble can record it instead of nbgrader skipping the submission and keeping its former grades.
    """

    limit_mb = Float(LIMIT_MB, help="The size in MB above which a submitted notebook is not opened").tag(config=True)

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Convert a notebook file; a submitted one is read with suspicion, one that nbgrader wrote as it stands."""
        path = Path(filename)
        if not self._is_submitted(path):
            return super().from_filename(filename, resources=resources, **kw)
        resources = resources if resources is not None else ResourcesDict()
        resources["metadata"] = ResourcesDict(name=path.stem, path=str(path.parent))
        self._remove_copies_of_links(path.parent, resources)
        try:
            notebook = read_notebook(path, within=path.parent.parent, limit_mb=self.limit_mb)
        except SubmissionError as error:
            self.log.error("%s", error)
            notebook = unreadable_notebook(error)
        return self.from_notebook_node(notebook, resources=resources, **kw)

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> Any:
        """Run the preprocessors on a notebook and write it, as NotebookExporter does but without copying it four times.

        The notebook was read from a file for this alone, so a preprocessor may change it.
        """
        resources = self._init_resources(resources)
        for preprocessor in self._preprocessors:
            nb, resources = preprocessor(nb, resources)
        nbformat.validate(nb, relax_add_props=True)
        resources["output_suffix"] = ".nbconvert"
        return nbformat.v4.writes(nb) + "\n", resources

    def _is_submitted(self, path: Path) -> bool:
        coursedir = getattr(self.parent, "coursedir", None)
        if coursedir is None:
            return True
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, ".", "."))
        return path.is_relative_to(submitted)

    def _remove_copies_of_links(self, submitted: Path, resources: dict[str, Any]) -> None:
        """nbgrader copies the files beside a notebook, through links too, from where they would go into feedback."""
        coursedir = getattr(self.parent, "coursedir", None)
        if coursedir is None:
            return
        ids = resources["nbgrader"]
        copies = Path(coursedir.format_path(coursedir.autograded_directory, ids["student"], ids["assignment"]))
        for path in unsafe_files(submitted):
            self.log.warning("%s: leads out of the submission's folder: left out", path)
            (copies / path.relative_to(submitted)).unlink(missing_ok=True)


def unreadable_notebook(error: SubmissionError) -> NotebookNode:
    """The notebook that stands for a file that cannot be read as one."""
    why = {language: f"{error.message(language)}. {error.remedy(language)}" for language in ("en", "zh")}
    atlas = {"unreadable": {"file": error.path.name, **why}}
    return from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {"atlas": atlas}, "cells": []})
