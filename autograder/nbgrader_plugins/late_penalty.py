import math

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, Integer


class LatePenaltyByDay(LateSubmissionPlugin):
    """A share of the score for each day begun after the due date and a time of grace."""

    per_day = Float(0.0, help="The share of the score lost for each day begun, 0 to 1").tag(config=True)

    at_most = Float(1.0, help="The greatest share of the score that can be lost, 0 to 1").tag(config=True)

    grace_minutes = Integer(0, help="The minutes after the due date that cost nothing").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points that a submission loses, None when it is not late."""
        late = total_seconds_late - 60 * self.grace_minutes
        if late <= 0:
            return None
        return score * min(self.at_most, self.per_day * math.ceil(late / 86400))
