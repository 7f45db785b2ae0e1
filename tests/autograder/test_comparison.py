"""Comparison: what counts as equal, what a difference says in both languages, and what it names as the likely cause."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.comparison import compare, errors
from autograder.diagnosis import name_of_factor
from autograder.language import SENTENCES, say


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def said(came, expected, language="en", **tolerances):
    difference = compare(came, expected, **tolerances)
    assert difference is not None
    return difference.message(language)


class TestEqual:
    @pytest.mark.parametrize(
        ("came", "expected"),
        [
            (torch.ones(2), torch.ones(2)),
            (torch.tensor([math.nan, math.inf]), torch.tensor([math.nan, math.inf])),
            (torch.ones(0, 3), torch.ones(0, 3)),
            (torch.tensor(2.0, requires_grad=True), torch.tensor(2.0)),
            (draw(3) + 1e-9, draw(3)),
            (3, 3),
            (np.float64(0.5), 0.5),
            (torch.tensor(0.5), 0.5),
            (Fraction(1, 2), 0.5),
            (math.nan, math.nan),
            (np.bool_(True), True),
            ("ij", "ij"),
            (None, None),
            ([1, (2.0, torch.ones(1))], (1, [2.0, torch.ones(1)])),
            ({"a": 1.0, "b": None}, {"b": None, "a": 1.0}),
        ],
    )
    def test_what_agrees(self, came, expected):
        assert compare(came, expected) is None

    def test_a_case_s_own_tolerance_decides_also_when_it_is_zero(self):
        a = torch.tensor([1.0, 2.0], dtype=torch.float64)
        assert compare(a + 0.01, a, rtol=0.0, atol=0.1) is None
        assert "1 of 2 values differ" in said(torch.stack([a[0], a[1] + 1e-9]), a, rtol=0.0, atol=0.0)

    @settings(max_examples=500, deadline=None)
    @given(
        st.lists(st.tuples(st.floats(width=16), st.floats(width=16)), max_size=3),
        st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16]),
        st.sampled_from([None, (0.0, 0.0), (1e-5, 0.0), (0.0, 1e-3), (0.5, 1e5)]),
    )
    def test_agreement_is_what_torch_takes_for_it(self, pairs, dtype, tolerances):
        came, expected = (torch.tensor(x, dtype=dtype) for x in ([a for a, _ in pairs], [b for _, b in pairs]))
        finite = expected.nan_to_num(0, 0, 0)
        came, expected = torch.cat([came, finite * (1 + 3e-6)]), torch.cat([expected, finite])
        rtol, atol = tolerances or (None, None)
        try:
            torch.testing.assert_close(came, expected, rtol=rtol, atol=atol, equal_nan=True)
            agrees = True
        except AssertionError:
            agrees = False
        assert (compare(came, expected, rtol, atol) is None) == agrees


class TestWhatIsSaid:
    def test_the_count_the_worst_index_and_both_values(self):
        expected = draw(3, 4)
        came = expected.clone()
        came[1, 2] += 5
        came[0, 0] -= 1
        worst = f"expected {float(expected[1, 2]):.6g}, got {float(came[1, 2]):.6g}"
        assert said(came, expected).startswith(f"2 of 12 values differ. The worst is at index [1, 2]: {worst}")
        assert said(came, expected, "zh").startswith("12 个值中有 2 个不同。差得最多的在下标 [1, 2]：应为 ")

    def test_the_worst_is_the_worst_of_those_that_differ(self):
        expected = torch.tensor([1e9, 1e-3], dtype=torch.float64)
        came = torch.tensor([1e9 + 10, 2e-3], dtype=torch.float64)  # 10 is within 1e-7 of 1e9
        assert "1 of 2 values differ. The worst is at index [1]: expected 0.001, got 0.002" in said(came, expected)

    def test_values_that_print_alike_get_more_digits(self):
        expected = torch.tensor([0.3333331, 1.0], dtype=torch.float64)
        came = torch.tensor([0.3333333, 1.0], dtype=torch.float64)
        assert "expected 0.3333331, got 0.3333333" in said(came, expected)

    def test_where_in_a_result_of_several_parts(self):
        came = (torch.ones(2), {"w": torch.zeros(2)})
        expected = (torch.ones(2), {"w": torch.ones(2)})
        assert said(came, expected).startswith("in [1]['w'] of the result: 2 of 2 values differ")
        assert said(came, expected, "zh").startswith("结果的 [1]['w'] 中：2 个值中有 2 个不同")

    @pytest.mark.parametrize(
        ("came", "expected", "sentence"),
        [
            (torch.ones(3, dtype=torch.float32), torch.ones(3).double(), "expected dtype float64, got float32"),
            (torch.ones(2, device="meta"), torch.ones(2), "expected a tensor on cpu, got one on meta"),
            (torch.eye(2).to_sparse(), torch.eye(2), "expected a tensor, got sparse_coo"),
            (None, torch.ones(2), "expected a tensor, got None"),
            ("x", torch.ones(2), "expected a tensor, got 'x'"),
            (torch.ones(2), 1.0, "expected a number, got a tensor"),
            (True, 1.0, "expected a number, got True"),
            (1, True, "expected True, got a number"),
            (False, True, "expected True, got False; this does not hold"),
            (np.bool_(True), False, "expected False, got True; this does not hold"),
            (torch.tensor(False), torch.tensor(True), "expected True, got False; this does not hold"),
            ((True, False), (True, True), "in [1] of the result: expected True, got False; this does not hold"),
            ("kl", "ij", "expected 'ij', got 'kl'"),
            ((1,), (1, 2), "expected 2 items, got 1"),
            (1, (1, 2), "expected a tuple of 2, got a number"),
            ([], {"a": 1}, "expected a dict, got a tuple of 0"),
            ({"b": 1}, {"a": 1}, "expected the keys 'a', got 'b'"),
            (4, 3, "expected 3, got 4"),
            (1 + 2j, 1.0, "expected 1, got (1+2j)"),
            (10**400, 1.0, "expected 1, got 2**1328…"),
            pytest.param(10**5000, 1, "expected 1, got 2**16609…", id="more digits than Python prints"),
            (2**60 + 1, 2**60, "expected 1152921504606846976, got 1152921504606846977"),
        ],
    )
    def test_other_kinds_of_results(self, came, expected, sentence):
        assert sentence in said(came, expected)

    def test_integers_too_large_for_float64_still_differ(self):
        a = torch.tensor([2**60, 5])
        assert "1 of 2 values differ. The worst is at index [0]" in said(a + torch.tensor([1, 0]), a)

    def test_complex_results(self):
        a = torch.complex(draw(3), draw(3, seed=1))
        assert compare(a.clone(), a) is None
        assert "3 of 3 values differ" in said(a.conj().resolve_conj() + 1, a)

    def test_a_long_text_is_cut(self):
        assert len(said("x" * 10_000, "y")) < 300

    def test_a_message_of_many_lines_is_one_line(self):
        from autograder.judging import AnswerFailed

        failure = AnswerFailed("raised", ["RuntimeError"], error="RuntimeError", message="one\n\n  two\tthree")
        assert failure.difference.message() == "the call raised RuntimeError: one two three"

    def test_braces_in_a_student_s_words_stay_as_they_are(self):
        assert said("{expected}", "x") == "expected 'x', got '{expected}'"

    def test_what_an_answer_writes_into_its_result_later_changes_nothing(self):
        came = draw(3)
        difference = compare(came, came + 1)
        came.zero_()
        assert "off by the same -1" in difference.message()


def softmax(x, dim=-1):
    return torch.softmax(x, dim)


X = draw(4, 5)
P = softmax(X)
SQUARE = draw(5, 5, seed=3)
MASKED = SQUARE.tril()
POSITIVE = X.abs() + 0.5


class TestLookNext:
    @pytest.mark.parametrize(
        ("came", "expected", "look"),
        [
            (torch.where(X > 1, math.nan, X), X, "Places with NaN: "),
            (torch.where(X > 1, math.inf, X), X, "Places with an infinity: "),
            (torch.zeros(2), torch.tensor([math.nan, 0.0]), "Places that should be NaN and are not: 1"),
            (torch.zeros(2), torch.tensor([math.inf, 0.0]), "Places that should be infinite and are not: 1"),
            (torch.tensor([-math.inf, 1.0]), torch.tensor([math.inf, 1.0]), "An infinity has the wrong sign"),
            (torch.zeros_like(X), X, "Every value is 0"),
            (torch.full_like(X, 2.5), X, "Every value is the same, 2.5"),
            (-X, X, "The sign is opposite throughout"),
            (X / 3, X, "The result is 0.333333 (1/3) times what is expected"),
            (X * 8**0.5, X, "The result is 2.82843 (√8) times what is expected"),
            (X.float() / 8**0.5, X.float(), "(1/√8) times"),
            (X - 0.75, X, "Every value is off by the same -0.75"),
            (X.abs(), X, "Every value has the right size, but some have the wrong sign"),
            (POSITIVE**2, POSITIVE, "The result is the square of what is expected"),
            (POSITIVE.sqrt(), POSITIVE, "The result is the square root of what is expected"),
            (POSITIVE.log(), POSITIVE, "The result is the logarithm of what is expected"),
            (POSITIVE.log().exp().exp(), POSITIVE, "The result is exp of what is expected"),
            (1 / POSITIVE, POSITIVE, "The result is 1 / what is expected"),
            (1 - X, X, "The result is 1 − what is expected"),
            (SQUARE.mT, SQUARE, "the transpose of what is expected"),
            (X.flip(1), X, "The values along dim 1 come in reverse order"),
            (X.roll(1, 0), X, "The values along dim 0 are shifted by one place"),
            (X[[2, 0, 1, 3]], X, "The values are right but stand in another order"),
            (softmax(X, 0), P, "The result sums to 1 along dim 0; it should along dim 1"),
            (X.exp(), P, "Along dim 1 all values are off by one and the same factor"),
            (X, torch.log_softmax(X, -1), "Along dim 1 all values are off by the same amount"),
            (torch.cat([X[:1] + 1, X[1:]]), X, "Only the first entry along dim 0 differs"),
            (torch.cat([X[:, :-1], X[:, -1:] ** 3], 1), X, "Only the last entry along dim 1 differs"),
            (torch.where(torch.ones(5, 5).triu(1).bool(), SQUARE, MASKED), MASKED, "above the diagonal differ"),
            (SQUARE.tril(-1) + SQUARE.triu(), SQUARE.triu(), "below the diagonal differ"),
            (SQUARE.tril(-1), MASKED, "Only entries on the diagonal differ"),
            (X * (1 + 1e-5 * SQUARE[:4]), X, "The digits agree to about 5 places only"),
            (torch.tensor(6.0), torch.tensor(2.0), "The result is 3 times"),
            (torch.tensor(-2.0), torch.tensor(2.0), "The sign is opposite"),
            (torch.tensor(0.0), torch.tensor(2.0), "The value is 0"),
            (1 / 7, 1.0, "The result is 0.142857 (1/7) times"),
            (0.49, 0.7, "The result is the square"),
            (1.0001, 1.0, "agree to about 4 places"),
        ],
    )
    def test_the_relation_is_named(self, came, expected, look):
        assert look in said(came, expected).split("\n")[1]

    @pytest.mark.parametrize(
        ("came", "expected"),
        [
            (draw(4, 5, seed=1), draw(4, 5, seed=2)),
            (draw(7, seed=1), draw(7, seed=2)),
            (torch.tensor(1.2345), torch.tensor(-0.567)),
            (0.7, 1.0),
            (0.16834, 6.73359e-31),
            (1e-9, 1.2),
            (torch.relu(X) + X.abs().sqrt(), X),
            (torch.tensor([1, 5, 2, 9]), torch.tensor([3, 3, 4, 1])),
            (torch.tensor([1.0, 2.0, 7.3]), torch.tensor([1.0, 2.0, 3.0])),
        ],
    )
    def test_nothing_is_named_where_nothing_fits(self, came, expected):
        assert "\n" not in said(came, expected)

    def test_random_results_are_rarely_explained(self):
        """A hint that comes by coincidence misleads: of 300 unrelated pairs not one gets any."""
        for seed in range(300):
            a, b = draw(3, 4, seed=2 * seed), draw(3, 4, seed=2 * seed + 1)
            assert "\n" not in said(a, b), seed

    @pytest.mark.parametrize(
        ("came", "expected", "look"),
        [
            ((3, 1), (3,), "dimensions of size 1 only: look at keepdim"),
            ((5, 3), (3, 5), "the right sizes in another order"),
            ((15,), (3, 5), "The number of elements agrees"),
            ((), (3, 5), "Everything was reduced to one number"),
            ((4, 4), (4,), "look for (4, 1) meeting (4,)"),
            ((3,), (3, 5), "Dim 1, of size 5, is gone"),
            ((3, 5), (3,), "Dim 1, of size 5, is still there"),
        ],
    )
    def test_a_wrong_shape(self, came, expected, look):
        message = said(torch.ones(came), torch.ones(expected))
        assert message.startswith(f"expected shape {expected}, got {came}\n")
        assert look in message

    @pytest.mark.parametrize(
        ("came", "look"),
        [
            (2.0, "Return a tensor, not a Python number"),
            (np.float32(2), "Return a tensor, not a Python number"),
            (np.ones(2), "NumPy also cuts the graph"),
            (None, "is there a return?"),
        ],
    )
    def test_a_wrong_kind(self, came, look):
        assert look in said(came, torch.ones(2))

    def test_a_missing_gradient_is_not_a_missing_return(self):
        assert "the result does not depend on this input" in said((torch.ones(1), None), (torch.ones(1), torch.ones(1)))

    def test_a_lower_precision_is_named_only_among_floats(self):
        assert "Keep the dtype" in said(torch.ones(2), torch.ones(2).double())
        assert "Keep the dtype" not in said(torch.ones(2), torch.ones(2).long())


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (0.2, "0.2 (1/5)"),
        (-3.0, "-3"),
        (8**-0.5, "0.353553 (1/√8)"),
        (math.log(2), "0.693147 (ln 2)"),
        (1 / math.log(10), "0.434294 (1/ln 10)"),
        (2 * math.pi, "6.28319 (2π)"),
        (10 / 9, "1.11111 (10/9)"),
        (-1.5, "-1.5 (−3/2)"),
        (0.4567, "0.4567"),
    ],
)
def test_the_name_of_a_factor(factor, name):
    assert name_of_factor(factor) == name


def test_errors_are_zero_where_values_agree_and_infinite_at_nan():
    came = torch.tensor([1.0, math.nan, 3.0, math.inf, math.nan])
    expected = torch.tensor([1.0, 2.0, 3.5, math.inf, math.nan])
    error, wrong = errors(came, expected)
    assert error.tolist() == [0.0, math.inf, 0.5, 0.0, 0.0]
    assert wrong.tolist() == [False, True, True, False, False]


def test_every_sentence_has_the_same_words_in_both_languages():
    from string import Formatter

    for key, (english, chinese) in SENTENCES.items():
        words = [{field for _, field, _, _ in Formatter().parse(text) if field} for text in (english, chinese)]
        assert words[0] == words[1] or key == "a_dict", key
        assert say(key, "zh", **dict.fromkeys(words[0], "x")), key
