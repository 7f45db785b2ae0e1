"""An exercise's verdict as a person reads it: HTML in a notebook or in feedback, a rich table in a terminal, or text.

Pure functions of the verdict. Every string that is not the engine's own is escaped, colours are never the only
sign, and nothing is loaded from elsewhere. HTML carries its styles inline, because notebooks that are not trusted,
and nbgrader's feedback, drop style sheets.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from autograder.language import say
from autograder.verdicts import FACETS, CaseVerdict, ExerciseVerdict, Status

# JupyterLab's colours, else VS Code's, else one mixed with the page's text, which is light on a dark page
GOOD = "color-mix(in srgb,var(--jp-success-color1,var(--vscode-testing-iconPassed,#1f9a45)) 70%,currentColor)"
BAD = "color-mix(in srgb,var(--jp-error-color1,var(--vscode-errorForeground,#e5343f)) 75%,currentColor)"
NEUTRAL = "var(--vscode-descriptionForeground,color-mix(in srgb,currentColor 60%,#888))"
LINE = "var(--jp-border-color2,rgba(128,128,128,.35))"
MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:.9em"
# without these classes MathJax would read dollar signs in a student's error message as mathematics
NO_MATH = "tex2jax_ignore mathjax_ignore"

RICH_STYLES = {"✓": "green", "✗": "red", "◐": "yellow", "○": "dim"}

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


WAITING = ("pending_gpu", "needs_person")


def plain(text: str) -> str:
    """The text without control characters: an escape sequence in it would reach the terminal."""
    if all(line.isprintable() for line in re.split(r"[\n\t]", text)):
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def sign(status: Status | bool) -> str:
    """A sign that reads without colour: ✓ passed, ✗ not, ◐ in part, ○ nothing to judge yet."""
    if isinstance(status, bool):
        return "✓" if status else "✗"
    return {"passed": "✓", "partial": "◐", "not_attempted": "○", "judge_error": "○"}.get(
        status, "◐" if status in WAITING else "✗"
    )


def _colour(status: Status | bool) -> str:
    return {"✓": GOOD, "○": NEUTRAL}.get(sign(status), BAD)


def headline(verdict: ExerciseVerdict, language: str = "en", hidden: Mapping[str, int] | None = None) -> str:
    """The verdict in a few words.

    hidden: how many hidden cases of each facet were not run; None when the verdict is of all cases.
    """
    if verdict.status in ("not_attempted", "judge_error"):
        return say(f"status_{verdict.status}", language)
    passed, total = sum(c.passed for c in verdict.cases), len(verdict.cases)
    if hidden is None:
        status = say(f"status_{verdict.status}", language)
        points = say("points", language, score=f"{verdict.score:g}", max_score=f"{verdict.max_score:g}")
        cases = say("all_pass", language, passed=passed, total=total)
        return say("clause", language).join([status, points, cases])
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
    return plain(say("hidden_remains" if total == 1 else "hidden_remain", language, count=total, facets=facets))


def summary(verdict: ExerciseVerdict, language: str = "en", hidden: Mapping[str, int] | None = None) -> str:
    """The verdict and what was held back, in one line."""
    parts = [headline(verdict, language, hidden), held_back(hidden, language)]
    return say("and", language).join(part for part in parts if part)


@dataclass(frozen=True)
class _Row:
    """One case as all three forms show it."""

    case: CaseVerdict
    sign: str
    word: str
    sentence: str
    tag: str
    found: str
    looks: list[str]
    repeated: bool


def _found(message: str, language: str) -> tuple[str, list[str]]:
    """What was found, and where to look next."""
    found, *looks = plain(message).split("\n")
    return found, [say("look_next", language, look=look) for look in looks if look]


def _message(case: CaseVerdict, language: str) -> str:
    """What is said of a failed case; of a result that is only false, what it is that does not hold."""
    if case.message.endswith(say("does_not_hold", language)):
        return case.message + say("colon", language) + plain(case.sentence)
    return case.message


def _shared(verdict: ExerciseVerdict, language: str) -> str:
    """The message of all cases, where several fail for one and the same reason."""
    said = {"" if case.passed else _message(case, language) for case in verdict.cases}
    several = len(verdict.cases) > 1 and verdict.status != "not_attempted"
    return said.pop() if several and len(said) == 1 else ""


def _rows(verdict: ExerciseVerdict, language: str) -> list[_Row]:
    """The cases; a message that stands above already is not said again, and one of all cases not at all."""
    rows: list[_Row] = []
    seen: set[str] = set()
    waiting = verdict.status == "not_attempted"
    silent = waiting or bool(_shared(verdict, language))
    for case in verdict.cases:
        message = "" if case.passed or silent else _message(case, language)
        if case.passed and case.speed:
            message = say("as_fast", language, **case.speed.words)
        found, looks = _found(message, language)
        repeated = bool(found) and message in seen
        seen.add(message)
        if repeated:
            found, looks = say("as_above", language), []
        rows.append(
            _Row(
                case,
                sign("not_attempted") if waiting or case.waits_for else sign(case.passed),
                say(_word(case, waiting), language),
                plain(case.sentence),
                "" if case.visible else say("hidden", language),
                found,
                looks,
                repeated,
            )
        )
    return rows


def _word(case: CaseVerdict, to_do: bool) -> str:
    if to_do or case.waits_for:
        return "to_do" if to_do else "waits"
    return "passed" if case.passed else "failed"


def _hints(verdict: ExerciseVerdict, language: str) -> list[str]:
    """What is said first, below the heading."""
    return [plain(say("hint", language, hint=hint)) for hint in verdict.hints]


def _notes(verdict: ExerciseVerdict) -> list[str]:
    """What is said below the cases."""
    return [plain(note) for note in verdict.notes]


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
    beside = evidence or {}
    rows = "".join(_row(row, language, beside.get(row.case.name)) for row in _rows(verdict, language))
    colour = _colour(verdict.status)
    equation = f' <span style="color:{NEUTRAL}">({_escaped(verdict.equation)})</span>' if verdict.equation else ""
    remaining = held_back(hidden, language)
    if remaining:
        remaining = f'<span style="color:{NEUTRAL}">{escape(say("and", language) + remaining)}</span>'
    head = (
        f'<div style="margin:0 0 4px"><strong style="{MONO}">{_escaped(verdict.name)}</strong>{equation}'
        f' <span style="margin-left:.8em;color:{colour};font-weight:600">{sign(verdict.status)} '
        f"{escape(headline(verdict, language, hidden))}</span>{remaining}</div>"
    )
    table = f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>' if rows else ""
    hints = "".join(f'<div style="margin:0 0 4px;font-weight:600">{_prose(h)}</div>' for h in _hints(verdict, language))
    shared = ""
    if message := _shared(verdict, language):
        said = _said(*_found(message, language), beside.get(verdict.cases[0].name), language)
        shared = f'<div style="margin:0 0 4px">{said}</div>'
    foot = "".join(f'<div style="margin-top:4px">{_prose(note)}</div>' for note in _notes(verdict))
    foot += _printed(printed, language)
    return (
        f'<div class="atlas-check {NO_MATH}" lang="{_lang(language)}" style="{_BOX};'
        f'border-left:3px solid {colour}">{head}{hints}{shared}{table}{foot}</div>'
    )


_BOX = (
    "max-width:62em;margin:2px 0 6px;padding:4px 0 4px 12px;line-height:1.5;text-align:left;white-space:normal;"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-content-font-size1,14px)"
)
_TABLE = (
    "color:inherit;border-collapse:collapse;border:none;margin:0;width:100%;table-layout:auto;font-size:inherit;"
    "background:none"
)
_CELL = (
    "text-align:left;vertical-align:top;padding:4px 12px 4px 0;border:none;white-space:normal;max-width:none;"
    "line-height:1.5"
)


def _lang(language: str) -> str:
    return "zh-Hans" if language == "zh" else "en"


def _escaped(text: str) -> str:
    return escape(plain(text)).replace("\n", "<br>")


def _prose(text: str) -> str:
    """Sentences as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`<]+)`", rf'<code style="{MONO};background:none;padding:0">\1</code>', _escaped(text))


def _said(found: str, looks: Sequence[str], evidence: Evidence | None, language: str) -> str:
    """What was found, where to look next, and what stands beside it."""
    said = "".join(f'<div style="overflow-wrap:anywhere">{_prose(line)}</div>' for line in (found, *looks))
    if evidence:
        said += evidence.picture
        if evidence.call:
            said += _folded(say("run_it_yourself", language), evidence.call)
    return said


def _row(row: _Row, language: str, evidence: Evidence | None) -> str:
    colour = {"✓": GOOD, "✗": BAD}.get(row.sign, NEUTRAL)
    tag = f' <span style="color:{NEUTRAL};font-weight:400">{row.tag}</span>' if row.tag else ""
    said = f'<div style="font-weight:{600 if row.found else 400}">{_prose(row.sentence)}{tag}</div>'
    if row.found:
        said += _said(row.found, row.looks, None if row.repeated else evidence, language)
    return (
        f'<tr style="background:none;border-top:1px solid {LINE}">'
        f'<td style="{_CELL};width:1%;white-space:nowrap;color:{colour};font-weight:600">{row.sign} {row.word}</td>'
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
    lines = [f"{verdict.name}{equation}  {sign(verdict.status)} {summary(verdict, language, hidden)}"]
    lines += _indented(_hints(verdict, language))
    if message := _shared(verdict, language):
        found, looks = _found(message, language)
        lines += _indented([found, *looks])
    for row in _rows(verdict, language):
        lines.append(f"  {row.sign} {row.word}  {row.sentence} {row.tag}".rstrip())
        lines += [f"      {line}" for line in (row.found, *row.looks) if line]
    lines += _indented(_notes(verdict))
    if printed is not None and printed.characters:
        title, text = _printed_words(printed, language)
        lines += [f"  {title}", *(f"    {line}" for line in text.splitlines())]
    return plain("\n".join(lines))


def _indented(texts: Sequence[str]) -> list[str]:
    return [f"  {line}" for text in texts for line in text.split("\n")]


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

    mark = sign(verdict.status)
    head = Text.assemble((plain(verdict.name), "bold"))
    if verdict.equation:
        head.append(plain(f" ({verdict.equation})"), "dim")
    head.append(f"  {mark} {headline(verdict, language, hidden)}", RICH_STYLES[mark])
    if remaining := held_back(hidden, language):
        head.append(say("and", language) + remaining, "dim")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in _rows(verdict, language):
        said = Text(row.sentence, "bold" if row.found else "")
        if row.tag:
            said.append(f" {row.tag}", "not bold dim")
        for line in (row.found, *row.looks):
            if line:
                said.append("\n" + line, "not bold")
        table.add_row(Text(f"{row.sign} {row.word}", RICH_STYLES[row.sign]), said)
    parts: list[Any] = [head, *(Padding(Text(hint, "bold"), (0, 0, 0, 2)) for hint in _hints(verdict, language))]
    if message := _shared(verdict, language):
        found, looks = _found(message, language)
        parts.append(Padding(Text("\n".join([found, *looks])), (0, 0, 0, 2)))
    parts.append(Padding(table, (0, 0, 0, 2)))
    parts += [Padding(Text(note), (0, 0, 0, 2)) for note in _notes(verdict)]
    if printed is not None and printed.characters:
        title, text = _printed_words(printed, language)
        parts.append(Padding(Text(f"{title}\n", "dim").append(text, "not dim"), (0, 0, 0, 2)))
    return Group(*parts)


def note_html(text: str, language: str = "en", lines: Sequence[str] = ()) -> str:
    """A message that is no verdict, such as what to pass to check."""
    body = "".join(f'<div style="margin-top:2px">{_prose(line)}</div>' for line in lines)
    return (
        f'<div class="atlas-check {NO_MATH}" lang="{_lang(language)}" style="{_BOX};'
        f'border-left:3px solid {NEUTRAL}"><div style="font-weight:600">{_prose(text)}</div>{body}</div>'
    )


Counts = Mapping[str, Mapping[str, int]]


def _overview(
    verdicts: Sequence[ExerciseVerdict], language: str, hidden: Counts | None
) -> tuple[str, list[tuple[ExerciseVerdict, str]]]:
    """What a chapter's exercises come to, and each in a few words."""
    key = "overview_all" if hidden is None else "overview"
    total = say(key, language, passed=sum(v.status == "passed" for v in verdicts), total=len(verdicts))
    if hidden is None:
        score, most = sum(v.score for v in verdicts), sum(v.max_score for v in verdicts)
        total += say("clause", language) + say("points", language, score=f"{score:g}", max_score=f"{most:g}")
    return total, [(v, headline(v, language, None if hidden is None else hidden.get(v.name, {}))) for v in verdicts]


def overview_html(verdicts: Sequence[ExerciseVerdict], language: str = "en", hidden: Counts | None = None) -> str:
    """A chapter's exercises, one line each. hidden: for each exercise as in `to_html`; None when all cases ran."""
    total, lines = _overview(verdicts, language, hidden)
    rows = "".join(
        f'<tr style="background:none;border-top:1px solid {LINE}">'
        f'<td style="{_CELL};width:1%;white-space:nowrap;{MONO}">{_escaped(v.name)}</td>'
        f'<td style="{_CELL};width:1%;white-space:nowrap;color:{NEUTRAL}">{_escaped(v.equation)}</td>'
        f'<td style="{_CELL};color:{_colour(v.status)};font-weight:600">{sign(v.status)} {_escaped(words)}</td></tr>'
        for v, words in lines
    )
    return (
        f'<div class="atlas-check {NO_MATH}" lang="{_lang(language)}" style="{_BOX};border-left:3px solid {NEUTRAL}">'
        f'<div style="font-weight:600">{_escaped(total)}</div>'
        f'<table style="{_TABLE}"><tbody>{rows}</tbody></table></div>'
    )


def overview_text(verdicts: Sequence[ExerciseVerdict], language: str = "en", hidden: Counts | None = None) -> str:
    """The same as plain text."""
    total, lines = _overview(verdicts, language, hidden)
    wide = max((len(v.name) for v in verdicts), default=0)
    return plain("\n".join([total, *(f"  {v.name:{wide}}  {sign(v.status)} {words}" for v, words in lines)]))


def overview_rich(verdicts: Sequence[ExerciseVerdict], language: str = "en", hidden: Counts | None = None) -> Any:
    """The same as a rich renderable."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    total, lines = _overview(verdicts, language, hidden)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for v, words in lines:
        mark = sign(v.status)
        said = Text(f"{mark} {words}", RICH_STYLES[mark])
        table.add_row(Text(plain(v.name), "bold"), Text(plain(v.equation), "dim"), said)
    return Group(Text(total, "bold"), table)
