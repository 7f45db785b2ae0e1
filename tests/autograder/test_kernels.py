"""Kernels of Triton's as answers: how a stub is made of them, and that no access outside a tensor goes unnoticed."""

from pathlib import Path

from autograder.kernels import DEVICE, INTERPRETED, addresses, programs_of, show_programs, watch

# isort: split
# Triton asks the environment when it is imported
import pytest
import torch
import triton
import triton.language as tl

from autograder.answers import Cell, Submission
from autograder.cases import Answer, Rules
from autograder.chapters import Chapter
from autograder.course import Limits, load_course
from autograder.forbidden import is_native, read
from autograder.judgement import provide
from autograder.judging import Judge, load_answer
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


COMPILED_BY_TORCH = """
import torch

@torch.compile(dynamic=True)
def product(a, b, c):
    return (a.float() * b.float() + c.float()).to(a.dtype)
"""
COMPILED_FROM_CPP = """
import torch
from torch.utils.cpp_extension import load_inline

SOURCE = '''
torch::Tensor product(torch::Tensor a, torch::Tensor b, torch::Tensor c) {
    return (a.to(torch::kFloat) * b.to(torch::kFloat) + c.to(torch::kFloat)).to(a.scalar_type());
}
'''
product = load_inline("product", cpp_sources=SOURCE, functions=["product"], extra_cflags=["-O0"]).product
"""
CALLED = """
def fused_hadamard_add(a, b, c):
    if not a.shape == b.shape == c.shape:
        raise ValueError(a.shape)
    return product(a, b, c)
"""


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [COMPILED_BY_TORCH, COMPILED_FROM_CPP], ids=["torch.compile", "cpp_extension"])
def test_an_answer_may_be_compiled_in_the_sandbox(compiled):
    exercise = LAB.exercises["fused_hadamard_add"]
    limits = load_course(LAB.root).chapter(LAB.name).limits
    judge = Judge(exercise.name, exercise.cases, exercise.reference, "a secret", rules=exercise.rules)
    submission = Submission(LAB.name, [Cell(LAB.program(exercise.name, compiled + CALLED), "answer", exercise.name)])
    with Workshop(limits=limits, lab=True) as workshop:
        found = judge.judge(provide(exercise, submission, workshop))
    assert found.status == "passed", [case.message for case in found.cases]


def test_only_a_lab_may_compile_what_no_reader_of_python_sees():
    pieces = [Piece(COMPILED_FROM_CPP + CALLED, tuple(range(5)), "answer", False)]
    assert is_native(pieces)
    assert read(pieces, LAB.exercises["fused_hadamard_add"].rules) is None
    assert read(pieces, Rules(forbids=("addcmul",))).key == "reaches_around"
    whole = [Piece("from torch.utils.cpp_extension import load\n", (0,), "answer", False)]
    assert read(whole, LAB.exercises["fused_hadamard_add"].rules).key == "reaches_around"


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


@triton.jit
def product_kernel(a_ptr, b_ptr, out_ptr, PRECISION: tl.constexpr, N: tl.constexpr):
    place = tl.arange(0, N)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(out_ptr + place, tl.dot(tl.load(a_ptr + place), tl.load(b_ptr + place), input_precision=PRECISION))


def test_bfloat16_is_multiplied_as_numbers():
    a, b = torch.randn(2, 16, 16, device=DEVICE).bfloat16()
    out = torch.empty(16, 16, device=DEVICE)
    product_kernel[(1,)](a, b, out, None, N=16)
    torch.testing.assert_close(out, a.float() @ b.float())


@pytest.mark.parametrize(("dtype", "least"), [(torch.float16, 16), (torch.float32, 8)])
def test_a_product_of_too_few_places_along_k_is_refused_as_by_the_compiler(dtype, least):
    def multiply(size):
        product_kernel[(1,)](*torch.ones(2, size, size, device=DEVICE, dtype=dtype), out[:size, :size], None, N=size)

    out = torch.empty(least, least, device=DEVICE)
    multiply(least)
    with pytest.raises(Exception, match=f"K >= {least}"):
        multiply(least // 2)


def test_float32_is_multiplied_in_full_only_where_it_is_asked_for():
    a, b = torch.randn(2, 16, 16, device=DEVICE)
    error = {}
    for precision in (None, "tf32", "tf32x3", "ieee"):
        out = torch.empty(16, 16, device=DEVICE)
        product_kernel[(1,)](a, b, out, precision, N=16)
        error[precision] = float((out - a.double() @ b.double()).abs().max())
    assert error[None] == error["tf32"] > 1e-4
    assert max(error["tf32x3"], error["ieee"]) < 1e-5


@triton.jit
def bfloat16_kernel(a_ptr, b_ptr, out_ptr, SELECT: tl.constexpr, N: tl.constexpr):
    place = tl.arange(0, N)
    a, b = tl.load(a_ptr + place), tl.load(b_ptr + place)
    if SELECT == 0:
        out = a * b
    elif SELECT == 1:
        out = a + b
    elif SELECT == 2:
        out = -a
    elif SELECT == 3:
        out = tl.where(a > b, a, 2.0)
    elif SELECT == 4:
        out = a / b
    elif SELECT == 5:
        out = tl.maximum(a, b)
    else:
        out = a.to(tl.float32) * 1.0001
    tl.store(out_ptr + place, out)


def test_bfloat16_is_calculated_with_as_numbers_and_rounded_to_the_nearest():
    a, b = torch.randn(2, 256, device=DEVICE).bfloat16()
    a[:4] = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0])
    expected = (
        a * b, a + b, -a, torch.where(a > b, a, 2.0).bfloat16(), a / b, torch.fmax(a, b),
        (a.float() * 1.0001).bfloat16(),
    )  # fmt: skip
    for select, wanted in enumerate(expected):
        out = torch.empty(256, device=DEVICE, dtype=torch.bfloat16)
        bfloat16_kernel[(1,)](a, b, out, select, N=256)
        torch.testing.assert_close(out, wanted, rtol=0, atol=0, equal_nan=True, msg=lambda m, s=select: f"{s}: {m}")


@triton.jit
def masked_kernel(x_ptr, out_ptr, count, N: tl.constexpr):
    place = tl.arange(0, N)
    tl.store(out_ptr + place, tl.load(x_ptr + place, mask=place < count))


@interpreted
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int32, torch.uint8])
def test_what_a_mask_keeps_out_is_seen_where_it_is_used(dtype):
    out = torch.zeros(8, dtype=dtype)
    masked_kernel[(1,)](torch.ones(8, dtype=dtype), out, 5, N=8)
    assert (out[:5] == 1).all()
    if dtype.is_floating_point:
        assert out[5:].isnan().all()
    else:
        assert (out[5:].long().abs() == max(-torch.iinfo(dtype).min, torch.iinfo(dtype).max)).all()


@triton.jit
def count_kernel(out_ptr, N: tl.constexpr):
    place = tl.arange(0, N)
    tl.atomic_add(out_ptr + place // 2, 1.0)


@interpreted
def test_atomic_additions_are_looked_at_too():
    out = torch.zeros(4)
    count_kernel[(1,)](out, N=8)
    assert (out == 2).all()
    with pytest.raises(Exception, match="writes 2 elements outside"):
        count_kernel[(1,)](torch.zeros(3), N=8)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"num_warp": 4}, "num_warp was specified but unrecognised"),
        ({"num_warps": 6}, "num_warps must be a power of 2"),
        ({"num_warps": 8, "num_stages": 2}, None),
    ],
)
def test_options_of_a_launch_are_those_of_a_gpu(option, said):
    x, out = torch.ones(2, 8, device=DEVICE)
    if said is None:
        masked_kernel[(1,)](x, out, 8, N=8, **option)
    else:
        with pytest.raises(Exception, match=said):
            masked_kernel[(1,)](x, out, 8, N=8, **option)


@interpreted
def test_the_copies_of_the_interpreter_are_not_the_answers():
    a, b, c = torch.randn(3, 100)
    assert largest_tensor(LAB.reference.fused_hadamard_add, a, b, c) <= 300
