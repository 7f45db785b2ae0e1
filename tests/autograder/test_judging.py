"""The judge: what passes, what fails, what it says, and how points are split."""

import pytest
import torch

from autograder.cases import Answer, Rules, case
from autograder.errors import JudgeError
from autograder.judging import AnswerFailed, Judge, Local
from autograder.operations import vjp
from autograder.watching import Watched


def square(x):
    return x * x


@case("square", agrees_with=torch.square)
def values(square, draw):
    """值"""
    return square(draw.normal(3, 4))


@case("square", facet="gradient", agrees_with=torch.square)
def gradients(square, draw):
    """梯度"""
    return vjp(square, draw.normal(5), cotangent=draw)


@case("square", facet="interface", raises=ValueError)
def text_is_refused(square, draw):
    """拒绝文本"""
    return square("3")


def reference(x):
    if isinstance(x, str):
        raise ValueError("a tensor, please")
    return x * x


CASES = [values, gradients, text_is_refused]


def judge(answer, cases=CASES, **options):
    return Judge("square", cases, reference, "secret", **options).judge(Local(answer), points=6)


def test_a_right_answer_gets_all_points():
    verdict = judge(reference)
    assert (verdict.status, verdict.score) == ("passed", 6)


def test_points_are_split_by_weight_and_a_wrong_gradient_costs_its_part():
    def detached(x):
        return reference(x).detach()

    verdict = judge(detached)
    assert verdict.status == "partial"
    assert verdict.score == pytest.approx(4)
    assert [c.passed for c in verdict.cases] == [True, False, True]
    assert "does not depend on the inputs" in verdict.cases[1].message


def test_manners_alone_earn_nothing():
    def raises_always(x):
        raise ValueError("no")

    verdict = judge(raises_always)
    assert verdict.cases[2].passed
    assert (verdict.status, verdict.score) == ("failed", 0)
    assert verdict.notes == ["cases of interface and numerics count once at least one value is right"]


def test_a_stub_does_not_pass_the_case_that_asks_for_an_error():
    def stub(x):
        raise NotImplementedError()

    assert not any(c.passed for c in judge(stub).cases)


def test_torch_errors_count_as_value_errors_but_a_missing_attribute_does_not():
    def torch_error(x):
        return x * x if isinstance(x, torch.Tensor) else torch.zeros(2) @ torch.zeros(3)

    def attribute_error(x):
        return x.square()

    assert judge(torch_error).cases[2].passed
    refused = judge(attribute_error).cases[2]
    assert not refused.passed
    assert "must raise ValueError; it raised AttributeError" in refused.message


def test_an_oracle_that_disagrees_is_the_judges_failure_not_the_students():
    @case("square", agrees_with=torch.abs)
    def wrong_builtin(square, draw):
        return square(draw.normal(3))

    with pytest.raises(JudgeError, match="the reference and the builtin disagree"):
        judge(reference, [wrong_builtin])


def test_a_reference_that_raises_is_the_judges_failure():
    @case("square")
    def breaks(square, draw):
        return square("3")

    with pytest.raises(JudgeError, match="the reference raised"):
        judge(reference, [breaks])


def test_a_case_that_nothing_decides_is_refused():
    with pytest.raises(JudgeError, match="nothing says what is right"):
        Judge("square", [case("square")(lambda f, draw: f(draw.normal(2)))], None, "s").judge(Local(reference))


def test_other_dtypes_are_failures_with_their_own_message():
    verdict = judge(lambda x: reference(x).float(), [values])
    assert "expected dtype float64, got float32" in verdict.cases[0].message


def test_draws_depend_on_secret_student_and_case_and_on_nothing_else():
    def record(secret, key):
        seen = []

        @case("square")
        def one(square, draw):
            seen.append(float(draw.normal(1)))
            return square(draw.normal(1))

        Judge("square", [one], reference, secret, key).judge(Local(reference))
        return seen

    assert record("a", ("ch", "ada")) == record("a", ("ch", "ada"))
    assert record("a", ("ch", "ada")) != record("a", ("ch", "kurt"))
    assert record("a", ("ch", "ada")) != record("b", ("ch", "ada"))


WRONG = Answer("square", "doubles", "def square(x):\n    return x + x\n", "It doubles.\n\n它翻倍了。", right=False)


@pytest.mark.parametrize(("language", "hint"), [("en", "It doubles."), ("zh", "它翻倍了。")])
def test_the_hint_of_the_wrong_answer_that_gives_the_same(language, hint):
    verdict = judge(lambda x: 2 * x, [values, gradients], wrong_answers=[WRONG], language=language)
    assert verdict.hints == [hint]
    assert verdict.misconceptions == ["doubles"]


def test_no_hint_for_another_mistake():
    assert judge(lambda x: 3 * x, [values], wrong_answers=[WRONG]).hints == []
    assert judge(reference, [values], wrong_answers=[WRONG]).hints == []


FLATTENS = "def square(x):\n    return x.reshape({}) ** 2\n"


@pytest.mark.parametrize(("theirs", "hints"), [("7", ["It flattens."]), ("9", [])])
def test_a_mistake_that_only_raises_is_known_by_what_the_exception_says(theirs, hints):
    known = Answer("square", "flattens", FLATTENS.format("7"), "It flattens.", right=False)
    namespace = {}
    exec(FLATTENS.format(theirs), namespace)
    assert judge(namespace["square"], [values], wrong_answers=[known]).hints == hints


DOUBLES_IN_PLACE = Answer("square", "in_place", "def square(x):\n    return x.mul_(x)\n", "In place.", right=False)


def test_an_answer_that_changes_its_input_gets_the_hint_of_the_one_that_does_too():
    watched = Watched(lambda x: x.mul_(x), Rules())
    verdict = judge(watched, [values], wrong_answers=[WRONG, DOUBLES_IN_PLACE])
    assert "changed its input x" in verdict.cases[0].message
    assert verdict.misconceptions == ["in_place"]


class Odd(list):
    """A value that cannot be compared."""

    def __len__(self):
        raise OverflowError("odd")


def test_a_value_that_cannot_be_compared_is_the_answers_fault_not_the_judges():
    @case("square")
    def pairs(square, draw):
        return square(draw.normal(3))

    verdict = Judge("square", [pairs], lambda x: (x, x), "s").judge(Local(lambda x: Odd()))
    assert verdict.status == "failed"
    assert "could not be used: OverflowError: odd" in verdict.cases[0].message


class Dying:
    """An answer whose process is lost a few times, then is there."""

    def __init__(self, losses, again=True):
        self.losses = losses
        self.again = again
        self.started = 0

    def answer(self):
        self.started += 1
        if self.losses:
            self.losses -= 1
            raise AnswerFailed("crashed", fatal=True, again=self.again, reason="signal 9")
        return reference

    def discard(self):
        pass

    def leave(self):
        pass


def test_a_lost_process_is_tried_again_and_costs_nothing():
    verdict = Judge("square", CASES, reference, "s").judge(Dying(2))
    assert verdict.status == "passed"


def test_an_answer_that_always_dies_is_given_up_after_a_few_deaths():
    dying = Dying(100, again=False)
    verdict = Judge("square", CASES * 3, reference, "s").judge(dying)
    assert verdict.status == "crashed"
    assert dying.started == 3
    assert len(verdict.cases) == 9
