"""An exercise's verdict as a person reads it: HTML in a notebook or in feedback, a rich table in a terminal, or text.

Pure functions of the verdict. Every string that is not the engine's own is escaped, colours are never the only
sign, and nothing is loaded from elsewhere. HTML carries its styles inline, because notebooks that are not trusted,
and nbgrader's feedback, drop style sheets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from autograder.cases import FACETS
from autograder.language import say
from autograder.verdicts import CaseVerdict, ExerciseVerdict, Status

GOOD = "var(--jp-success-color1,var(--vscode-testing-iconPassed,#1a7f37))"
BAD = "var(--jp-error-color1,var(--vscode-errorForeground,#d1242f))"
NEUTRAL = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,#767676))"
LINE = "var(--jp-border-color2,rgba(128,128,128,.35))"
MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:.9em"
# without these classes MathJax would read dollar signs in a student's error message as mathematics
NO_MATH = "tex2jax_ignore mathjax_ignore"

PRINTED_CHARACTERS = 2000


@dataclass(frozen=True)
class Evidence:
    """What stands beside a failed case.

    picture: SVG made by `autograder.pictures`, inserted as it is.
    call: Python that repeats the call.
    """

    picture: str = ""
    call: str = ""


@dataclass(frozen=True)
class Printed:
    """What the answer printed while it was judged: its beginning, and how many characters there were."""

    text: str = ""
    characters: int = 0


def plain(text: str) -> str:
    """The text without control characters: an escape sequence in it would reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def sign(status: Status | bool) -> str:
    """A sign that reads without colour: ✓ passed, ✗ not, ◐ in part, ○ nothing to judge yet."""
    if isinstance(status, bool):
        return "✓" if status else "✗"
    return {"passed": "✓", "partial": "◐", "not_attempted": "○", "pending_gpu": "○", "judge_error": "○"}.get(
        status, "✗"
    )


def _colour(status: Status | bool) -> str:
    return {"✓": GOOD, "○": NEUTRAL}.get(sign(status), BAD)


def headline(verdict: ExerciseVerdict, language: str = "en", hidden: Mapping[str, int] | None = None) -> str:
    """The verdict in a few words.

    hidden: how many hidden cases of each facet were not run; None when the verdict is of all cases.
    """
    if verdict.status in ("not_attempted", "pending_gpu", "judge_error"):
        return say(f"status_{verdict.status}", language)
    passed, total = sum(c.passed for c in verdict.cases), len(verdict.cases)
    if hidden is None:
        status = say(f"status_{verdict.status}", language)
        points = say("points", language, score=f"{verdict.score:g}", max_score=f"{verdict.max_score:g}")
        cases = say("all_pass", language, passed=passed, total=total)
        return say("comma", language).join([status, points, cases])
    if passed == total:
        return say("visible_pass", language)
    return say("visible_some", language, passed=passed, total=total)


def held_back(hidden: Mapping[str, int] | None, language: str = "en") -> str:
    """How many hidden cases remain, and of which facets: "7 hidden remain: 3 gradient, 2 numerics, 2 value"."""
    counts = {facet: n for facet, n in sorted((hidden or {}).items(), key=lambda item: (-item[1], item[0])) if n}
    if not counts:
        return ""
    facets = say("comma", language).join(
        say("facet_count", language, count=n, facet=say(f"facet_{facet}", language) if facet in FACETS else facet)
        for facet, n in counts.items()
    )
    total = sum(counts.values())
    return say("hidden_remains" if total == 1 else "hidden_remain", language, count=total, facets=facets)


def summary(verdict: ExerciseVerdict, language: str = "en", hidden: Mapping[str, int] | None = None) -> str:
    """The verdict and what was held back, in one line."""
    parts = [headline(verdict, language, hidden), held_back(hidden, language)]
    return say("and", language).join(part for part in parts if part)


def _word(case: CaseVerdict, verdict: ExerciseVerdict, language: str) -> str:
    if verdict.status == "not_attempted":
        return say("to_do", language)
    return say("passed" if case.passed else "failed", language)


def _sign(case: CaseVerdict, verdict: ExerciseVerdict) -> str:
    return sign(verdict.status) if verdict.status == "not_attempted" else sign(case.passed)


def _lines(case: CaseVerdict, verdict: ExerciseVerdict, language: str) -> tuple[str, list[str]]:
    """What a failed case found, and what to look at next."""
    if case.passed or verdict.status == "not_attempted" or not case.message:
        return "", []
    found, *looks = plain(case.message).split("\n")
    return found, [say("look_next", language, look=look) for look in looks if look]


def to_html(
    verdict: ExerciseVerdict,
    language: str = "en",
    *,
    hidden: Mapping[str, int] | None = None,
    evidence: Mapping[str, Evidence] | None = None,
    printed: Printed | None = None,
) -> str:
    """The verdict as HTML that stands in any page.

    hidden: how many hidden cases of each facet were not run; None (as in feedback) when all were, which shows the
        score. evidence: by the case's name. printed: what the answer printed.
    """
    rows = "".join(_row(case, verdict, language, (evidence or {}).get(case.name)) for case in verdict.cases)
    colour = _colour(verdict.status)
    equation = f' <span style="color:{NEUTRAL}">({escape(verdict.equation)})</span>' if verdict.equation else ""
    head = (
        f'<div style="margin:0 0 4px"><strong style="{MONO};font-weight:700">{_escaped(verdict.name)}</strong>{equation}'
        f'<span style="margin-left:1em;color:{colour};font-weight:600">{sign(verdict.status)} '
        f"{_escaped(headline(verdict, language, hidden))}</span></div>"
    )
    table = f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>' if rows else ""
    after = [*(say("hint", language, hint=hint) for hint in verdict.hints), *verdict.notes]
    foot = "".join(f'<div style="margin-top:4px">{_escaped(text)}</div>' for text in after)
    foot += _printed(printed, language)
    if remaining := held_back(hidden, language):
        foot += f'<div style="margin-top:4px;color:{NEUTRAL}">{_escaped(remaining)}</div>'
    return (
        f'<div class="atlas-check {NO_MATH}" lang="{"zh-Hans" if language == "zh" else "en"}" style="{_BOX};'
        f'border-left:3px solid {colour}">{head}{table}{foot}</div>'
    )


_BOX = (
    "max-width:62em;margin:2px 0 6px;padding:4px 0 4px 12px;line-height:1.5;text-align:left;white-space:normal;"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-content-font-size1,14px)"
)
_TABLE = "border-collapse:collapse;border:none;margin:0;width:100%;table-layout:auto;font-size:inherit;background:none"
_CELL = "text-align:left;vertical-align:top;padding:4px 12px 4px 0;border:none;white-space:normal;max-width:none"


def _escaped(text: str) -> str:
    return escape(plain(text)).replace("\n", "<br>")


def _row(case: CaseVerdict, verdict: ExerciseVerdict, language: str, evidence: Evidence | None) -> str:
    colour = NEUTRAL if verdict.status == "not_attempted" else _colour(case.passed)
    found, looks = _lines(case, verdict, language)
    hidden = "" if case.visible else f' <span style="color:{NEUTRAL}">({say("hidden", language)})</span>'
    said = f'<div style="font-weight:{400 if case.passed else 600}">{_escaped(case.sentence)}{hidden}</div>'
    if found:
        said += f'<div style="overflow-wrap:anywhere">{_escaped(found)}</div>'
    said += "".join(f'<div style="color:{NEUTRAL};overflow-wrap:anywhere">{_escaped(look)}</div>' for look in looks)
    if found and evidence:
        said += evidence.picture
        if evidence.call:
            said += _folded(say("run_it_yourself", language), evidence.call)
    return (
        f'<tr style="background:none;border-top:1px solid {LINE}">'
        f'<td style="{_CELL};width:1%;white-space:nowrap;color:{colour};font-weight:600">'
        f"{_sign(case, verdict)} {_word(case, verdict, language)}</td>"
        f'<td style="{_CELL}">{said}</td></tr>'
    )


def _folded(title: str, text: str) -> str:
    return (
        f'<details style="margin-top:4px"><summary style="cursor:pointer;color:{NEUTRAL}">{_escaped(title)}</summary>'
        f'<pre style="{MONO};margin:4px 0;padding:6px 8px;border:1px solid {LINE};border-radius:3px;overflow-x:auto;'
        f'white-space:pre-wrap;background:none">{escape(plain(text))}</pre></details>'
    )


def _printed(printed: Printed | None, language: str) -> str:
    if printed is None or not printed.characters:
        return ""
    title, text = _printed_words(printed, language)
    return _folded(title, text)


def _printed_words(printed: Printed, language: str) -> tuple[str, str]:
    text = printed.text[:PRINTED_CHARACTERS]
    left = printed.characters - len(text)
    if left:
        text += "\n" + say("more_characters", language, count=left)
    return say("printed", language, count=printed.characters), plain(text)


def to_text(
    verdict: ExerciseVerdict,
    language: str = "en",
    *,
    hidden: Mapping[str, int] | None = None,
    printed: Printed | None = None,
) -> str:
    """The verdict as plain text."""
    equation = f" ({verdict.equation})" if verdict.equation else ""
    lines = [f"{plain(verdict.name)}{equation}  {sign(verdict.status)} {headline(verdict, language, hidden)}"]
    for case in verdict.cases:
        tag = "" if case.visible else f" ({say('hidden', language)})"
        lines.append(f"  {_sign(case, verdict)} {_word(case, verdict, language)}  {plain(case.sentence)}{tag}")
        found, looks = _lines(case, verdict, language)
        lines += [f"      {line}" for line in (found, *looks) if line]
    lines += [f"  {plain(line)}" for hint in verdict.hints for line in say("hint", language, hint=hint).split("\n")]
    lines += [f"  {plain(note)}" for note in verdict.notes]
    if printed is not None and printed.characters:
        title, text = _printed_words(printed, language)
        lines += [f"  {title}", *(f"    {line}" for line in text.splitlines())]
    if remaining := held_back(hidden, language):
        lines.append(f"  {remaining}")
    return "\n".join(lines)


def to_rich(
    verdict: ExerciseVerdict,
    language: str = "en",
    *,
    hidden: Mapping[str, int] | None = None,
    printed: Printed | None = None,
) -> Any:
    """The verdict as a rich renderable."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    styles = {"✓": "green", "✗": "red", "◐": "yellow", "○": "dim"}
    mark = sign(verdict.status)
    head = Text(plain(verdict.name), "bold")
    if verdict.equation:
        head.append(f" ({verdict.equation})", "dim")
    head.append(f"  {mark} {headline(verdict, language, hidden)}", styles[mark])
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for case in verdict.cases:
        own = _sign(case, verdict)
        said = Text(plain(case.sentence), "" if case.passed else "bold")
        if not case.visible:
            said.append(f" ({say('hidden', language)})", "dim")
        found, looks = _lines(case, verdict, language)
        if found:
            said.append("\n" + found, "not bold")
        for look in looks:
            said.append("\n" + look, "not bold dim")
        table.add_row(Text(f"{own} {_word(case, verdict, language)}", styles[own]), said)
    parts: list[Any] = [head, Padding(table, (0, 0, 0, 2))]
    after = [*(say("hint", language, hint=hint) for hint in verdict.hints), *verdict.notes]
    parts += [Padding(Text(plain(text)), (0, 0, 0, 2)) for text in after]
    if printed is not None and printed.characters:
        title, text = _printed_words(printed, language)
        parts.append(Padding(Text(f"{title}\n", "dim").append(text, "not dim"), (0, 0, 0, 2)))
    if remaining := held_back(hidden, language):
        parts.append(Padding(Text(remaining, "dim"), (0, 0, 0, 2)))
    return Group(*parts)


def note_html(text: str, language: str = "en", lines: Sequence[str] = ()) -> str:
    """A message that is no verdict, such as what to pass to check."""
    body = "".join(f'<div style="margin-top:2px">{_escaped(line)}</div>' for line in lines)
    return (
        f'<div class="atlas-check {NO_MATH}" lang="{"zh-Hans" if language == "zh" else "en"}" style="{_BOX};'
        f'border-left:3px solid {NEUTRAL}"><div style="font-weight:600">{_escaped(text)}</div>{body}</div>'
    )
