"""Kernels of Triton's as answers: how a stub is made of them, and that no access outside a tensor goes unnoticed."""

from pathlib import Path

import pytest
import torch

from autograder.answers import Cell, Submission
from autograder.cases import Answer, Rules
from autograder.chapters import Chapter
from autograder.course import Limits
from autograder.forbidden import read
from autograder.judgement import provide
from autograder.judging import Judge, load_answer
from autograder.kernels import INTERPRETED, addresses, programs_of, show_programs, watch
from autograder.operations import largest_tensor
from autograder.slicing import Piece, is_stub
from autograder.stubs import mark_solution
from autograder.workshop import Workshop

LAB = Chapter(Path(__file__).parents[2], "lab01_elementwise")
HADAMARD = LAB.solution("fused_hadamard_add")

interpreted = pytest.mark.skipif(not INTERPRETED, reason="only the interpreter looks at every access")


def test_a_kernel_belongs_to_the_function_below_it():
    assert list(LAB.solutions_by_name) == ["fused_hadamard_add", "fused_swiglu"]
    assert HADAMARD.startswith("@triton.jit\ndef hadamard_add_kernel(")
    assert "swiglu" not in HADAMARD


def test_the_body_of_the_kernel_is_to_write_and_what_launches_it_is_given():
    before, rest = mark_solution(HADAMARD, "here").split("    ### BEGIN SOLUTION\n")
    solution, after = rest.split("    ### END SOLUTION\n")
    assert '"""out[i] = a[i] · b[i] + c[i]' in before
    assert solution.count("tl.load") == 3
    assert "hadamard_add_kernel[(programs,)]" in after
    assert "SOLUTION" not in after


def test_untouched_kernels_are_no_attempt():
    before, rest = mark_solution(HADAMARD, "here").split("    ### BEGIN SOLUTION\n")
    after = rest.split("    ### END SOLUTION\n")[1]
    stub = f"{before}    # YOUR CODE HERE\n    raise NotImplementedError()\n{after}"
    assert is_stub(stub, "fused_hadamard_add")
    assert not is_stub(HADAMARD, "fused_hadamard_add")
    begun = stub.replace(
        "    raise NotImplementedError()", "    place = tl.arange(0, BLOCK)\n    raise NotImplementedError()"
    )
    assert not is_stub(begun, "fused_hadamard_add")
    without = stub[: stub.index("def fused_hadamard_add")] + "def fused_hadamard_add(a, b, c):\n    return a * b + c\n"
    assert not is_stub(without, "fused_hadamard_add")  # the kernel is left as it was, and not used


def answer(old: str, new: str):
    source = LAB.program("fused_hadamard_add", HADAMARD.replace(old, new))
    assert new in source
    return source


def called(source):
    function = load_answer(Answer("fused_hadamard_add", "tried", source, "", right=False))
    return function(torch.randn(1500), torch.randn(1500), torch.randn(1500))


@interpreted
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a * b + c, mask=exists", "a * b + c", r"program \(1, 0, 0\) writes 548 elements outside"),
        ("b_ptr + place, mask=exists", "b_ptr + place", r"program \(1, 0, 0\) reads 548 elements outside"),
        ("place < count", "place <= count", r"program \(1, 0, 0\) reads 1 elements outside"),
        ("tl.load(c_ptr + place", "tl.load(c_ptr - place", r"program \(0, 0, 0\) reads 1023 elements outside"),
    ],
)
def test_an_access_outside_the_tensors_is_an_error_that_says_where(old, new, said):
    with pytest.raises(Exception, match=said):
        called(answer(old, new))


def test_an_access_inside_is_none():
    assert called(answer("BLOCK=1024", "BLOCK=256").replace("(), 1024)", "(), 256)")).shape == (1500,)


@interpreted
def test_in_the_sandbox_too_although_the_cell_does_not_ask_for_it():
    exercise = LAB.exercises["fused_hadamard_add"]
    hidden = [c for c in exercise.cases if c.name == "sizes_around_a_block"]
    judge = Judge(exercise.name, hidden, exercise.reference, "a secret", rules=exercise.rules)
    with Workshop(limits=Limits()) as workshop:
        for source, passes in (
            (LAB.program(exercise.name, HADAMARD), True),
            (answer("a * b + c, mask=exists", "a * b + c"), False),
        ):
            submission = Submission(LAB.name, [Cell(source, "answer", exercise.name)])
            (found,) = judge.judge(provide(exercise, submission, workshop)).cases
            assert found.passed == passes, found.message
            assert passes or "writes 1 elements outside the tensors" in found.message


@interpreted
def test_every_access_is_recorded_with_the_program_that_made_it():
    a, b, c = torch.randn(3, 2500)
    with watch() as accesses:
        out = LAB.reference.fused_hadamard_add(a, b, c)
    for tensor, verb in ((a, "reads"), (c, "reads"), (out, "writes")):
        last, times = programs_of(accesses, tensor, verb)
        assert (last == torch.arange(2500).numpy() // 1024).all()
        assert (times == 1).all()
    assert not programs_of(accesses, b, "writes")[1].any()
    LAB.reference.fused_hadamard_add(a, b, c)
    assert len(accesses) == 3 * 4  # nothing is added behind the block


@interpreted
def test_the_elements_of_a_view_are_told_from_what_lies_between_them():
    wide = torch.randn(6, 40)
    view = wide[:, 4:24]
    with watch() as accesses:
        LAB.reference.fused_swiglu(view)
    assert (programs_of(accesses, view)[1] == 1).all()
    last, times = programs_of(accesses, wide)
    assert times[:, :4].sum() == times[:, 24:].sum() == 0
    assert (last[:, 4:24] == torch.arange(6).numpy()[:, None]).all()


@interpreted
def test_the_picture_says_how_often_elements_were_touched():
    x = torch.randn(5, 12)
    with watch() as accesses:
        out = LAB.reference.fused_swiglu(x)
    figure = show_programs(accesses, x=x, out=out, other=torch.zeros(3))
    assert [axis.get_title() for axis in figure.axes] == ["x: read 1×", "out: written 1×", "other: untouched"]
    assert [text.get_text() for text in figure.axes[1].texts] == list("01234")


TABLE = """
import autograder.kernels
import torch
import triton
import triton.language as tl
from autograder.kernels import addresses

@triton.jit
def add_one_kernel(table_ptr, size_ptr, BLOCK: tl.constexpr):
    begin = tl.load(table_ptr + tl.program_id(0)).to(tl.pointer_type(tl.float32))
    place = tl.arange(0, BLOCK)
    exists = place < tl.load(size_ptr + tl.program_id(0))
    tl.store(begin + place, tl.load(begin + place, mask=exists) + 1, mask=exists)

def add_one(tensors, sizes=None):
    sizes = torch.tensor(sizes or [t.numel() for t in tensors])
    add_one_kernel[(len(tensors),)](addresses(tensors), sizes.to(tensors[0].device), BLOCK=64)
"""


def add_one():
    return load_answer(Answer("add_one", "tried", TABLE, "", right=False))


@interpreted
def test_a_table_of_addresses_stands_for_tensors():
    wide = torch.zeros(3, 40)
    tensors = [torch.zeros(7), wide[1], torch.zeros(0), torch.nn.Parameter(torch.zeros(64), requires_grad=False)]
    with watch() as accesses:
        add_one()(tensors)
    assert [tensor.sum() for tensor in tensors] == [7, 40, 0, 64]
    assert wide.sum() == 40
    assert programs_of(accesses, wide)[0].tolist() == [[-1] * 40, [1] * 40, [-1] * 40]
    for sizes, said in (([8, 40], r"\(0, 0, 0\) reads 1 elements"), ([7, 64], r"\(1, 0, 0\) reads 24 elements")):
        with pytest.raises(Exception, match=said):
            add_one()(tensors[:2], sizes)


def test_a_table_holds_the_addresses_of_first_elements():
    tensors = [torch.zeros(3), torch.zeros(5)[2:]]
    assert addresses(tensors).tolist() == [tensor.data_ptr() for tensor in tensors]
    assert addresses([]).shape == (0,)


def test_an_answer_may_ask_for_addresses_and_for_nothing_else_of_that_module():
    def finding(source):
        return read([Piece(source, (0, 1), "answer", False)], Rules(forbids=("adamw",)))

    body = "\ndef f(x):\n    return {}(x)"
    assert finding("from autograder.kernels import addresses" + body.format("addresses")) is None
    for name in ("watch", "on_launch", "_watchers"):
        assert finding(f"from autograder.kernels import {name}" + body.format(name)).key == "reaches_around"


@interpreted
def test_bfloat16_is_multiplied_as_numbers():
    import triton
    import triton.language as tl

    @triton.jit
    def product_kernel(a_ptr, b_ptr, out_ptr, N: tl.constexpr):
        row = tl.arange(0, N)[:, None] * N + tl.arange(0, N)[None, :]
        tl.store(out_ptr + row, tl.dot(tl.load(a_ptr + row), tl.load(b_ptr + row)))

    a, b = torch.randn(2, 16, 16).bfloat16()
    out = torch.empty(16, 16)
    product_kernel[(1,)](a, b, out, N=16)
    torch.testing.assert_close(out, a.float() @ b.float())


@interpreted
def test_the_copies_of_the_interpreter_are_not_the_answers():
    a, b, c = torch.randn(3, 100)
    assert largest_tensor(LAB.reference.fused_hadamard_add, a, b, c) <= 300
