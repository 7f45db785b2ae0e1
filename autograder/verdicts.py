"""What a judgement says, as data: the one format that the gradebook, feedback and reports are made from."""

from typing import Literal, get_args

from pydantic import BaseModel, Field

Facet = Literal["value", "gradient", "numerics", "interface", "memory", "speed"]
FACETS: tuple[Facet, ...] = get_args(Facet)

Status = Literal[
    "passed",
    "partial",
    "failed",
    "not_attempted",
    "timed_out",
    "crashed",
    "pending_gpu",
    "needs_person",
    "judge_error",
]


class Speed(BaseModel):
    """How fast an answer is, as a ratio to a baseline that was timed in turn with it.

    ratio: how many times as fast as the baseline, the median over `pairs` pairs of calls; p20 to p80 is their spread.
    needed: the ratio that the course asks for. machine: the card, its driver, torch and Triton, for a kernel.
    """

    ratio: float
    p20: float
    p80: float
    needed: float
    pairs: int
    baseline: str
    machine: str = ""

    @property
    def words(self) -> dict[str, str]:
        """What `language.SENTENCES` say of a speed."""
        baseline = self.baseline.replace("_", " ")
        return {"ratio": f"{self.ratio:.3g}", "needed": f"{self.needed:g}", "baseline": baseline}


class CaseVerdict(BaseModel):
    """One case: passed or not, and what the student is told; or not decided yet, and what it waits for."""

    name: str
    sentence: str
    facet: str
    visible: bool
    weight: float = 1.0
    passed: bool
    message: str = ""
    speed: Speed | None = None
    waits_for: Literal["", "gpu", "person"] = ""


class ExerciseVerdict(BaseModel):
    """One exercise: its score out of `max_score` points, its status and its cases."""

    name: str
    equation: str = ""
    score: float
    max_score: float
    status: Status
    cases: list[CaseVerdict] = Field(default_factory=list)
    hints: list[str] = Field(default_factory=list)
    misconceptions: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether the score is final; otherwise a person or a later run decides."""
        return self.status not in ("judge_error", "pending_gpu", "needs_person")

    @property
    def judged(self) -> bool:
        """Whether the score says anything: all of it, or what is decided so far."""
        return self.status != "judge_error"


class Verdict(BaseModel):
    """One student's submission of one chapter."""

    chapter: str
    student: str = ""
    language: str = "en"
    score: float = 0.0
    max_score: float = 0.0
    sandbox: str
    seed: str = ""
    engine: str = ""
    exercises: list[ExerciseVerdict] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(e.status == "passed" for e in self.exercises)
