"""A YAML file with the line of every key, so that an error can name it."""

from pathlib import Path
from typing import Any

import yaml

from autograder.errors import refuse

SHOWN_PROBLEMS = 20

Location = tuple[int | str, ...]


class Document:
    """YAML text with the line of every key."""

    def __init__(self, path: Path, text: str):
        self.path = path
        loader = yaml.SafeLoader(text)
        try:
            self.node = loader.get_single_node()
            self._no_duplicate_keys(self.node)
            self.data = loader.construct_document(self.node) if self.node else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            refuse(f"{path}:{line}: not YAML: {error.problem or error.context}: look at the quotes and indents there")
        except (yaml.YAMLError, ValueError) as error:
            refuse(f"{path}: not YAML: {error}")
        finally:
            loader.dispose()
        if not isinstance(self.data, dict):
            refuse(f"{path}:1: expected keys such as `title:` and `chapters:` at the top, got {shown(self.data)}")

    def _no_duplicate_keys(self, node: yaml.Node | None) -> None:
        """YAML forbids a key given twice; PyYAML would silently keep the last."""
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    refuse(f"{self.path}:{key.start_mark.line + 1}: {key.value}: given twice here: remove one")
                seen.add(key.value)
                self._no_duplicate_keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._no_duplicate_keys(item)

    def line(self, location: Location) -> int:
        """The line of a key, or of the nearest thing around it that exists."""
        assert self.node is not None
        node: yaml.Node = self.node
        mark = node.start_mark
        for step in location:
            if isinstance(node, yaml.MappingNode):
                pair = next((p for p in node.value if p[0].value == step), None)
                if pair is None:
                    break
                mark, node = pair[0].start_mark, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.start_mark
            else:
                break
        return mark.line + 1

    def key(self, location: Location) -> str:
        """A location as a person writes it: chapters[ch04_activations].exercises[softmax].points."""
        value: Any = self.data
        words = ""
        for step in location:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
            if isinstance(step, int):
                name = value.get("name") if isinstance(value, dict) else None
                words += f"[{name if isinstance(name, str) else step + 1}]"
            else:
                words += f".{step}" if words else step
        return words

    def refuse(self, problems: list[tuple[Location, str]]) -> None:
        """Raise CourseError with all problems, in the order of their lines; return when there is none."""
        if not problems:
            return
        found = sorted((self.line(where), f"{self.key(where)}: {what}") for where, what in problems)
        lines = [f"{self.path}:{line}: {text}" for line, text in found[:SHOWN_PROBLEMS]]
        if len(found) > SHOWN_PROBLEMS:
            lines.append(f"and {len(found) - SHOWN_PROBLEMS} more")
        refuse("\n".join(lines))


def shown(value: Any) -> str:
    """A value as an error message quotes it."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
