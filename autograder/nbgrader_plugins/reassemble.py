import os
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode, from_dict
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List, Unicode, default

from autograder.nbgrader_plugins.exporter import unreadable_notebook
from autograder.nbgrader_plugins.feedback import notes_cell
from autograder.submissions import SubmissionError, check_chapter, fitting_release, read_release, reassemble


class Reassemble(NbGraderPreprocessor):
    """A preprocessor that puts what a student handed in back onto the release notebook.

    It replaces DeduplicateIds, OverwriteKernelspec and OverwriteCells: every cell that was given comes from the
    release notebook, so nothing that a student did to one has an effect, and the notebook that feedback and formgrader
    show is whole whatever was submitted.
    """

    root = Unicode(help="The course's folder; the folder that nbgrader works in unless given").tag(config=True)

    release = Unicode(
        "assignments/{language}/{assignment}/{notebook}.ipynb",
        help="The path of a release notebook below the course's folder",
    ).tag(config=True)

    languages = List(
        Unicode(),
        ["en", "zh"],
        help="The languages that notebooks are released in; the first is the one of a submission that tells none",
    ).tag(config=True)

    @default("root")
    def _root_default(self) -> str:
        return os.getcwd()

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        releases = self._releases(resources)
        language = fitting_release(nb, releases, self.languages[0])
        release = releases[language]
        path = Path(resources["metadata"]["path"]) / f"{resources['nbgrader']['notebook']}.ipynb"
        try:
            check_chapter(nb, release, path)
        except SubmissionError as error:
            self.log.error("%s", error)
            nb = unreadable_notebook(error)
        made = reassemble(nb, release)
        unreadable = nb.metadata.get("atlas", {}).get("unreadable")
        if unreadable:
            made.metadata.atlas["unreadable"] = from_dict(unreadable)
            made.metadata.atlas["notes"] = [f"{unreadable['file']}: {unreadable[language]}"]
        for note in made.metadata.atlas["notes"]:
            self.log.warning("%s: %s", path, note)
        if made.metadata.atlas["notes"]:
            made.cells.insert(0, notes_cell(made.metadata.atlas["notes"], language))
        return made, resources

    def _releases(self, resources: ResourcesDict) -> dict[str, NotebookNode]:
        assignment, notebook = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
        found = {}
        for language in self.languages:
            path = Path(self.root) / self.release.format(language=language, assignment=assignment, notebook=notebook)
            if path.is_file():
                found[language] = read_release(path)
        if not found:
            raise FileNotFoundError(f"{path}: no release notebook. Run `atlas build --chapter {assignment}`")
        return found
