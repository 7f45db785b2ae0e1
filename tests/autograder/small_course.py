"""A small course made by hand, of one chapter with a function, a class and an essay: for the tests of building."""

from pathlib import Path

COURSE = """\
name: small-course
title: {en: Small course, zh: 小课程}
parts:
  - {name: foundations, title: {en: Foundations, zh: 基石篇}}
chapters:
  - name: ch01_sums
    part: foundations
    title: {en: Sums, zh: 求和}
    written: true
    exercises:
      - {name: add, equation: "1.1, 2.10", points: 2.5, difficulty: 2, minutes: 10}
      - {name: Running, points: 1, difficulty: 5, minutes: 20}
    essays:
      - {name: why_sums, points: 4}
  - {name: ch02_later, part: foundations, title: {en: Later, zh: 以后}}
"""

REFERENCE = '''\
"""Reference answers of a small chapter."""

import math

import torch
from torch import Tensor

from autograder.cases import case


def add(a: Tensor, b: Tensor) -> Tensor:
    """Add two tensors.

    a + b                                                          (1.1)
    """
    # numbers move to the left operand
    moved = b.clone().to(a.dtype)
    return a.clone() + moved


class Running:
    """A running sum."""

    def __init__(self, start: float = 0.0):
        """Begin at `start`."""
        self.total_so_far = float(start)

    @property
    def total(self) -> float:
        return math.fsum([self.total_so_far, 0.0])
'''

CHECKS = '''\
"""Visible checks."""

import torch

from autograder.cases import Rules, case

RULES = {"add": Rules(forbids=("sum", "addmm*"))}


@case("add", agrees_with=torch.add)
def two_vectors(add, draw):
    """两个向量"""
    return add(draw.normal(3), draw.normal(3))


@case("Running", expected=1.5)
def starts_where_it_is_told(Running, draw):
    """从给定的数开始"""
    return Running(1.5).total
'''

HIDDEN = '''\
"""Hidden cases."""

import torch

from autograder.cases import case
from autograder.operations import vjp


@case("add", agrees_with=torch.add)
def a_secret_pair_of_matrices(add, draw):
    """两个矩阵"""
    return add(draw.normal(3, 2), draw.normal(3, 2))


@case("add", facet="gradient", agrees_with=torch.add)
def two_vectors(add, draw):
    """两个向量"""
    return vjp(add, draw.normal(3), draw.normal(3), cotangent=draw)


@case("Running", expected=0.0)
def an_untold_beginning(Running, draw):
    """没有给定的数"""
    return Running().total
'''

TEXT = """\
---
kernelspec: {name: python3, display_name: Python 3}
---

# %(title)s

%(prose)s

$$ a + b \\tag{1.1} $$

```{code-cell} python
:role: setup
```

```{code-cell} python
:tags: [hide-input]
print(torch.ones(2))
```

```{code-cell} python
:exercise: add
```

+++ {"essay": "why_sums"}

%(question)s

+++

%(more)s

```{code-cell} python
:exercise: Running
```
"""

EN = TEXT % {"title": "Sums", "prose": "A sum adds.", "question": "Why do sums add?", "more": "It runs."}
ZH = TEXT % {"title": "求和", "prose": "和就是相加。", "question": "为什么求和是相加？", "more": "累加。"}

EN_MD, ZH_MD = "source/ch01_sums/en.md", "source/ch01_sums/zh.md"
CHECKS_PY, REFERENCE_PY = "source/ch01_sums/checks.py", "solutions/ch01_sums/reference.py"


def make_course(tmp_path: Path) -> Path:
    """Write the course's files and return its root."""
    files = {
        "course.yml": COURSE,
        EN_MD: EN,
        ZH_MD: ZH,
        CHECKS_PY: CHECKS,
        REFERENCE_PY: REFERENCE,
        "tests/ch01_sums/hidden.py": HIDDEN,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_both(root: Path, old: str, new: str) -> None:
    edit(root, EN_MD, old, new)
    edit(root, ZH_MD, old, new)
