"""The hidden cases of chapter 2."""

import numpy as np
import sklearn.decomposition
import sklearn.linear_model
import torch

from autograder.cases import case
from autograder.operations import operator_calls, vjp

INF = torch.inf
DOUBLE = (torch.float64,)

# bfloat16 keeps 8 significant bits, and an answer may round every product before it is added
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 4e-2}


# matrices with known singular values, so that a case is as hard as its name says and no harder


def orthonormal(draw, *shape):
    """Random orthonormal columns, in double precision."""
    return torch.linalg.qr(draw.normal(*shape).double())[0]


def matrix(draw, m, n, *batch, values=None):
    """A random matrix whose singular values are given, or distinct and between 1 and 3: its condition is mild."""
    k = min(m, n)
    if values is None:
        values = torch.linspace(3, 1, k).double() if k > 1 else torch.tensor([2.0] * k).double()
    left, right = orthonormal(draw, *batch, m, k), orthonormal(draw, *batch, n, k)
    return (left * torch.as_tensor(values).double() @ right.mT).to(draw.dtype)


def symmetric(draw, n, *batch, values):
    """A random symmetric matrix whose eigenvalues are given."""
    q = orthonormal(draw, *batch, n, n)
    a = q * torch.as_tensor(values).double() @ q.mT
    return ((a + a.mT) / 2).to(draw.dtype)


def ill_conditioned(draw, m, n):
    """Condition number 1e7."""
    return matrix(draw, m, n, values=torch.logspace(0, -7, min(m, n)).double())


def size(a):
    """The length of a matrix or vector as one."""
    return torch.linalg.vector_norm(a)


# bmm


@case("bmm", agrees_with=torch.bmm)
def odd_sizes(bmm, draw):
    """奇数大小"""
    return bmm(draw.normal(3, 5, 7), draw.normal(3, 7, 1)), bmm(draw.normal(1, 1, 3), draw.normal(1, 3, 5))


@case("bmm", agrees_with=torch.bmm)
def square_matrices_in_the_given_order(bmm, draw):
    """方阵，次序不可交换"""
    return bmm(draw.normal(3, 3, 3), draw.normal(3, 3, 3))


@case("bmm", facet="numerics", agrees_with=torch.bmm)
def products_of_large_and_tiny_numbers(bmm, draw):
    """极大与极小的数相乘"""
    return bmm(draw.normal(2, 3, 4) * 1e15, draw.normal(2, 4, 3) * 1e-15)


@case("bmm", facet="interface", agrees_with=torch.bmm)
def an_empty_sum_is_zero_and_an_empty_stack_is_empty(bmm, draw):
    """空的求和为 0，空的一摞仍为空"""
    return [
        bmm(draw.normal(2, 3, 0), draw.normal(2, 0, 4)),
        bmm(draw.normal(0, 3, 2), draw.normal(0, 2, 4)),
        bmm(draw.normal(2, 0, 3), draw.normal(2, 3, 4)),
    ]


@case("bmm", agrees_with=torch.bmm)
def stacks_that_are_not_contiguous(bmm, draw):
    """不连续的输入"""
    return bmm(draw.strided(draw.normal(2, 3, 4)), draw.normal(2, 5, 4).mT)


@case("bmm", agrees_with=torch.bmm, **ROUNDED)
def stacks_of_bfloat16(bmm, draw):
    """bfloat16 的输入"""
    return bmm(draw.normal(2, 3, 5), draw.normal(2, 5, 4))


@case("bmm", facet="gradient", agrees_with=torch.bmm)
def gradients_of_both_stacks(bmm, draw):
    """两个输入的梯度"""
    return vjp(bmm, draw.normal(2, 3, 4), draw.normal(2, 4, 5), cotangent=draw)


@case("bmm", facet="interface", raises=ValueError)
def inner_sizes_that_differ_are_refused(bmm, draw):
    """内侧大小不同，应当报错"""
    return bmm(draw.normal(2, 3, 4), draw.normal(2, 3, 4))


@case("bmm", facet="interface", raises=ValueError)
def an_inner_size_of_one_is_not_stretched(bmm, draw):
    """内侧大小为 1 时也不广播"""
    return bmm(draw.normal(2, 3, 1), draw.normal(2, 4, 5))


@case("bmm", facet="interface", raises=ValueError)
def another_number_of_matrices_is_refused(bmm, draw):
    """矩阵个数不同，应当报错"""
    return bmm(draw.normal(1, 3, 4), draw.normal(2, 4, 5))


@case("bmm", facet="interface", raises=ValueError)
def a_single_matrix_on_the_left_is_refused(bmm, draw):
    """左边是单个矩阵，应当报错"""
    return bmm(draw.normal(3, 4), draw.normal(3, 4, 5))


@case("bmm", facet="interface", raises=ValueError)
def a_single_matrix_on_the_right_is_refused(bmm, draw):
    """右边是单个矩阵，应当报错"""
    return bmm(draw.normal(4, 3, 4), draw.normal(4, 5))


@case("bmm", facet="interface", raises=ValueError)
def a_fourth_dimension_is_refused(bmm, draw):
    """多一个维度，应当报错"""
    return bmm(draw.normal(2, 3, 4, 5), draw.normal(2, 4, 5, 3))


@case("bmm", facet="interface", raises=ValueError)
def a_fourth_dimension_on_the_right_is_refused(bmm, draw):
    """右边多一个维度，应当报错"""
    return bmm(draw.normal(2, 3, 4), draw.normal(2, 4, 4, 3))


# einsum


@case("einsum", agrees_with=torch.einsum)
def an_implicit_output_is_alphabetical(einsum, draw):
    """省略输出时按字母顺序"""
    x, y = draw.normal(2, 3), draw.normal(3, 4)
    return einsum("ba,ac", x, y), einsum("ba", x), einsum("zB,Ba", x, y), einsum("i,i", x[0], x[1])


@case("einsum", agrees_with=torch.einsum)
def a_repeated_letter_takes_the_diagonal(einsum, draw):
    """重复的字母取对角线"""
    x = draw.normal(3, 2, 3)
    return [
        einsum("iji->ij", x),
        einsum("iji->j", x),
        einsum("jii->ij", x.transpose(0, 1)),
        einsum("iji", x),
        einsum("iii->i", draw.normal(4, 4, 4)),
        einsum("ii,ij,jj->j", draw.normal(3, 3), draw.normal(3, 4), draw.normal(4, 4)),
    ]


@case("einsum", agrees_with=torch.einsum)
def three_operands_at_once(einsum, draw):
    """三个张量一起"""
    a, b, c = draw.normal(2, 3), draw.normal(3, 4), draw.normal(4, 5)
    return einsum("ij,jk,kl->li", a, b, c), einsum("ij,jk,kl->", a, b, c), einsum("i,j,k->kij", a[0], b[0], c[0])


@case("einsum", agrees_with=torch.einsum)
def ellipses_broadcast_from_the_right(einsum, draw):
    """省略号的维度从右对齐并广播"""
    x, y = draw.normal(2, 1, 3, 4), draw.normal(5, 4, 3)
    return [
        einsum("...ij,...jk->...ik", x, y),
        einsum("...ij,...jk", x, y),
        einsum("i...,...->i...", draw.normal(3, 2, 4), draw.normal(4)),
        einsum("...ij,kj->...k", x, draw.normal(6, 4)),
        einsum("i...j->j...i", x),
    ]


@case("einsum", agrees_with=torch.einsum)
def an_ellipsis_left_out_of_the_output_is_summed(einsum, draw):
    """输出里没有省略号时，把它求和"""
    return einsum("...i->i", draw.normal(2, 3, 4)), einsum("i...,i...->", draw.normal(3, 2), draw.normal(3, 2))


@case("einsum", agrees_with=torch.einsum)
def blanks_and_capital_letters(einsum, draw):
    """空格与大写字母"""
    x, y = draw.normal(2, 3), draw.normal(3, 4)
    return einsum(" iK , K j -> j i ", x, y), einsum("aA->Aa", x)


@case("einsum", agrees_with=torch.einsum)
def a_size_of_one_broadcasts_between_operands(einsum, draw):
    """不同张量之间，大小 1 可以广播"""
    return einsum("ij,jk->ik", draw.normal(2, 1), draw.normal(3, 4)), einsum("ij,ij->j", *draw.normals(2, (1, 4)))


@case("einsum", agrees_with=torch.einsum)
def scalars_and_single_operands(einsum, draw):
    """标量与单个张量"""
    return [
        einsum("->", draw.normal()),
        einsum(",i->i", draw.normal(), draw.normal(3)),
        einsum("ijk->kij", draw.normal(2, 3, 4)),
        einsum("...->...", draw.normal(2, 3)) * 2,
    ]


@case("einsum", facet="interface", agrees_with=torch.einsum)
def a_sum_over_nothing_is_zero(einsum, draw):
    """空的求和为 0"""
    return einsum("ij,jk->ik", draw.normal(2, 0), draw.normal(0, 3)), einsum("ij->j", draw.normal(0, 3))


@case("einsum", agrees_with=torch.einsum)
def operands_that_are_not_contiguous(einsum, draw):
    """不连续的输入"""
    return einsum("bij,jk->bki", draw.strided(draw.normal(2, 3, 4)), draw.normal(5, 4).mT)


@case("einsum", agrees_with=torch.einsum, **ROUNDED)
def operands_of_bfloat16(einsum, draw):
    """bfloat16 的输入"""
    return einsum("bij,bjk->bik", draw.normal(2, 3, 4), draw.normal(2, 4, 5))


@case("einsum", facet="gradient", agrees_with=torch.einsum)
def gradients_of_every_operand(einsum, draw):
    """每个输入的梯度"""
    return vjp(einsum, "iij,jk,...k->...i", draw.normal(3, 3, 2), draw.normal(2, 4), draw.normal(5, 4), cotangent=draw)


@case("einsum", facet="interface", raises=ValueError)
def fewer_operands_than_terms_are_refused(einsum, draw):
    """张量少于等式里的项，应当报错"""
    return einsum("ij,jk->ik", draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def more_operands_than_terms_are_refused(einsum, draw):
    """张量多于等式里的项，应当报错"""
    return einsum("ij->ji", draw.normal(2, 3), draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def too_many_letters_are_refused(einsum, draw):
    """字母多于维度，应当报错"""
    return einsum("ijk->ij", draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def too_many_letters_beside_an_ellipsis_are_refused(einsum, draw):
    """有省略号，字母仍多于维度，应当报错"""
    return einsum("ijk...->ij", draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def too_few_letters_without_an_ellipsis_are_refused(einsum, draw):
    """字母少于维度又没有省略号，应当报错"""
    return einsum("i->i", draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def a_digit_is_no_subscript(einsum, draw):
    """数字不能作下标"""
    return einsum("i1->i1", draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def a_letter_only_in_the_output_is_refused(einsum, draw):
    """只出现在输出里的字母，应当报错"""
    return einsum("ij->ik", draw.normal(2, 3))


@case("einsum", facet="interface", raises=ValueError)
def a_letter_twice_in_the_output_is_refused(einsum, draw):
    """输出里重复的字母，应当报错"""
    return einsum("i->ii", draw.normal(3))


@case("einsum", facet="interface", raises=ValueError)
def two_sizes_of_one_letter_are_refused(einsum, draw):
    """同一字母有两种大小，应当报错"""
    return einsum("ij,jk->ik", draw.normal(2, 3), draw.normal(4, 5))


@case("einsum", facet="interface", raises=ValueError)
def a_diagonal_of_an_oblong_matrix_is_refused(einsum, draw):
    """长方形矩阵的对角线，应当报错"""
    return einsum("ii->i", draw.normal(2, 3))


# inverse


@case("inverse", agrees_with=torch.linalg.inv)
def inverses_of_batches_and_odd_sizes(inverse, draw):
    """批量与奇数大小"""
    return [inverse(matrix(draw, n, n, *batch)) for n, batch in ((5, ()), (3, (2, 4)), (1, (4,)), (7, (1,)))]


@case("inverse", agrees_with=torch.linalg.inv)
def zero_pivots_on_the_way(inverse, draw):
    """途中的零主元"""
    a = torch.tensor([[1, 1, 0], [1, 1, 2], [0, 3, 1]], dtype=draw.dtype)
    b = torch.tensor([[0, 0, 2], [4, 0, 0], [0, 1, 0]], dtype=draw.dtype)
    negative = torch.tensor([[0, 1, 0], [-2, 0, 0], [-1, 0, 3]], dtype=draw.dtype)
    return inverse(a), inverse(torch.stack([b, a, 2 * b.mT])), inverse(negative)


@case("inverse", facet="numerics", agrees_with=torch.linalg.inv, weight=2)
def a_tiny_pivot_that_must_not_be_used(inverse, draw):
    """不该采用的极小主元"""
    return inverse(torch.tensor([[1e-20, 1, 2], [1, 1, 0], [3, 0, 1]], dtype=draw.dtype))


# A⁻¹ is as large as the condition number: the comparison is relative to that
@case("inverse", facet="numerics", agrees_with=torch.linalg.inv, dtypes=DOUBLE)
def an_inverse_at_condition_number_1e7(inverse, draw):
    """条件数 10⁷ 的逆矩阵"""
    return inverse(ill_conditioned(draw, 5, 5)) * 1e-7


@case("inverse", facet="numerics", agrees_with=torch.linalg.inv)
def inverses_of_large_and_tiny_matrices(inverse, draw):
    """很大与很小的矩阵"""
    return inverse(matrix(draw, 3, 3) * 1e15) * 1e15, inverse(matrix(draw, 3, 3) * 1e-15) * 1e-15


@case("inverse", agrees_with=torch.linalg.inv)
def the_inverse_of_a_view(inverse, draw):
    """不连续的输入"""
    return inverse(draw.strided(matrix(draw, 3, 3))), inverse(matrix(draw, 4, 4).mT)


@case("inverse", facet="interface", agrees_with=torch.linalg.inv)
def the_inverse_of_no_matrix_and_of_an_empty_one(inverse, draw):
    """零个矩阵与 0×0 的矩阵"""
    return inverse(draw.normal(0, 3, 3)), inverse(draw.normal(0, 0)), inverse(draw.normal(2, 0, 0))


@case("inverse", facet="gradient", agrees_with=torch.linalg.inv)
def the_gradient_of_an_inverse(inverse, draw):
    """逆矩阵的梯度"""
    return vjp(inverse, matrix(draw, 3, 3, 2), cotangent=draw)


@case("inverse", facet="interface", raises=ValueError)
def a_singular_matrix_has_no_inverse(inverse, draw):
    """奇异矩阵，应当报错"""
    return inverse(torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=draw.dtype))


@case("inverse", facet="interface", raises=ValueError)
def one_singular_matrix_among_others_is_refused(inverse, draw):
    """一批里有一个奇异矩阵，应当报错"""
    a = torch.stack([torch.eye(3), torch.ones(3, 3), torch.eye(3)]).to(draw.dtype)
    return inverse(a)


@case("inverse", facet="interface", raises=ValueError)
def the_inverse_of_a_wide_matrix_is_refused(inverse, draw):
    """宽矩阵没有逆，应当报错"""
    return inverse(draw.normal(2, 3))


@case("inverse", facet="interface", raises=ValueError)
def the_inverse_of_a_column_is_refused(inverse, draw):
    """列向量没有逆，应当报错"""
    return inverse(draw.normal(3, 1))


# solve


@case("solve", agrees_with=torch.linalg.solve)
def many_right_hand_sides(solve, draw):
    """许多右端向量"""
    return solve(matrix(draw, 5, 5), draw.normal(5, 7)), solve(matrix(draw, 3, 3), draw.normal(3, 1))


@case("solve", agrees_with=torch.linalg.solve)
def systems_in_a_batch(solve, draw):
    """一批方程组"""
    return [
        solve(matrix(draw, 3, 3, 2, 4), draw.normal(2, 4, 3, 5)),
        solve(matrix(draw, 3, 3, 4), draw.normal(4, 3)),
        solve(matrix(draw, 1, 1, 3), draw.normal(3, 1)),
    ]


@case("solve", agrees_with=torch.linalg.solve)
def zero_pivots_in_some_systems(solve, draw):
    """部分方程组有零主元"""
    a = torch.tensor([[0, 1, 1], [2, 0, 1], [1, 3, 0]], dtype=draw.dtype)
    b = torch.tensor([[1, 1, 0], [1, 1, 2], [0, 3, 1]], dtype=draw.dtype)
    negative = torch.tensor([[0, 1, 0], [-2, 0, 0], [-1, 0, 3]], dtype=draw.dtype)
    return solve(a, draw.normal(3)), solve(torch.stack([a, b, b.mT, negative]), draw.normal(4, 3, 2))


@case("solve", facet="numerics", agrees_with=torch.linalg.solve, weight=2)
def a_pivot_of_1e_20_is_passed_over(solve, draw):
    """跳过 10⁻²⁰ 的主元"""
    return solve(torch.tensor([[1e-20, 1], [1, 1]], dtype=draw.dtype), draw.uniform(2, low=1, high=3))


@case("solve", facet="numerics", agrees_with=torch.linalg.solve, dtypes=DOUBLE)
def a_system_at_condition_number_1e7(solve, draw):
    """条件数 10⁷ 的方程组"""
    a = ill_conditioned(draw, 6, 6)
    return solve(a, a @ draw.normal(6))


# Elimination leaves a residual of a few ε|A||x|, here 1e-15 of it; A⁻¹b leaves κ times that
@case("solve", facet="numerics", agrees_with=torch.linalg.solve, dtypes=DOUBLE, rtol=1e-7, atol=1e-12, weight=2)
def the_residual_is_at_rounding_level(solve, draw):
    """残差只有舍入误差的大小"""
    a = matrix(draw, 6, 6, values=torch.logspace(0, -9, 6).double())
    b = a @ draw.normal(6)
    x = solve(a, b)
    return (a @ x - b) / (size(a) * size(x))


@case("solve", facet="numerics", agrees_with=torch.linalg.solve)
def systems_of_large_and_tiny_numbers(solve, draw):
    """很大与很小的数"""
    return solve(matrix(draw, 3, 3) * 1e15, draw.normal(3)) * 1e15, solve(
        matrix(draw, 3, 3) * 1e-15, draw.normal(3) * 1e-15
    )


@case("solve", agrees_with=torch.linalg.solve)
def a_system_that_is_not_contiguous(solve, draw):
    """不连续的输入"""
    return solve(matrix(draw, 3, 3).mT, draw.strided(draw.normal(3, 2)))


@case("solve", facet="interface", agrees_with=torch.linalg.solve)
def no_systems_and_no_unknowns(solve, draw):
    """没有方程组、没有未知数"""
    return [
        solve(draw.normal(0, 3, 3), draw.normal(0, 3, 2)),
        solve(draw.normal(0, 0), draw.normal(0, 2)),
        solve(matrix(draw, 3, 3), draw.normal(3, 0)),
    ]


@case("solve", facet="gradient", agrees_with=torch.linalg.solve)
def gradients_of_matrix_and_right_hand_side(solve, draw):
    """矩阵与右端的梯度"""
    return vjp(solve, matrix(draw, 4, 4), draw.normal(4, 2), cotangent=draw)


@case("solve", facet="interface", raises=ValueError)
def a_singular_system_is_refused(solve, draw):
    """奇异方程组，应当报错"""
    return solve(torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]], dtype=draw.dtype), draw.normal(3))


@case("solve", facet="interface", raises=ValueError)
def a_batch_with_one_singular_system_is_refused(solve, draw):
    """一批里有一个奇异，应当报错"""
    return solve(torch.stack([torch.eye(2), torch.ones(2, 2)]).to(draw.dtype), draw.normal(2, 2, 1))


@case("solve", facet="interface", raises=ValueError)
def more_equations_than_unknowns_are_refused(solve, draw):
    """方程多于未知数，应当报错"""
    return solve(draw.normal(4, 3), draw.normal(4))


@case("solve", facet="interface", raises=ValueError)
def fewer_equations_than_unknowns_are_refused(solve, draw):
    """方程少于未知数，应当报错"""
    return solve(draw.normal(3, 4), draw.normal(3, 2))


@case("solve", facet="interface", raises=ValueError)
def a_right_hand_side_of_another_length_is_refused(solve, draw):
    """右端长度不符，应当报错"""
    return solve(matrix(draw, 3, 3), draw.normal(4))


# determinant


@case("determinant", agrees_with=torch.linalg.det)
def volumes_of_batches_and_odd_sizes(determinant, draw):
    """批量与奇数大小"""
    return [determinant(matrix(draw, n, n, *batch)) for n, batch in ((5, ()), (3, (2, 4)), (1, (3,)), (6, (2,)))]


@case("determinant", agrees_with=torch.linalg.det, weight=2)
def the_sign_of_every_permutation(determinant, draw):
    """每一种置换的符号"""
    swaps = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3], [1, 2, 0, 3], [1, 2, 3, 0], [3, 2, 1, 0], [0, 3, 2, 1]])
    scales = draw.uniform(4, low=1, high=2)
    return determinant(torch.eye(4, dtype=draw.dtype)[swaps] * scales), determinant(torch.diag(-scales[:3]))


@case("determinant", facet="numerics", agrees_with=torch.linalg.det)
def a_zero_pivot_and_a_tiny_one(determinant, draw):
    """零主元与极小的主元"""
    tiny = torch.tensor([[1e-20, 1, 2], [1, 1, 0], [3, 0, 1]], dtype=draw.dtype)
    zero = torch.tensor([[0, 2, 1], [1, 2, 0], [2, 4, 3]], dtype=draw.dtype)
    return determinant(tiny), determinant(torch.stack([zero, tiny]))


def determinants_of_singular(determinant, draw):
    """奇异矩阵的行列式为 0，与不奇异的在同一批里"""
    regular = matrix(draw, 3, 3)
    twice = regular[[0, 1, 0]]
    rank_one = regular[:, :1] * regular[:1]
    return determinant(torch.stack([regular, twice, torch.zeros_like(regular), rank_one, twice.mT, -regular]))


singular_determinants = case("determinant", facet="numerics", agrees_with=torch.linalg.det, weight=2)(
    determinants_of_singular
)


# det is 1e-12 of the product of the norms: relative to itself it keeps 1e-16 · 1e7
@case("determinant", facet="numerics", agrees_with=torch.linalg.det, dtypes=DOUBLE, rtol=1e-6, atol=0.0)
def a_determinant_at_condition_number_1e7(determinant, draw):
    """条件数 10⁷ 的行列式"""
    return determinant(ill_conditioned(draw, 4, 4))


@case("determinant", facet="numerics", agrees_with=torch.linalg.det)
def volumes_of_large_and_tiny_matrices(determinant, draw):
    """很大与很小的矩阵"""
    return determinant(matrix(draw, 3, 3) * 1e10) * 1e-30, determinant(matrix(draw, 3, 3) * 1e-10) * 1e30


@case("determinant", agrees_with=torch.linalg.det)
def the_determinant_of_a_view(determinant, draw):
    """不连续的输入"""
    return determinant(draw.strided(matrix(draw, 3, 3))), determinant(matrix(draw, 4, 4).mT)


@case("determinant", facet="interface", agrees_with=torch.linalg.det)
def the_empty_matrix_has_determinant_one(determinant, draw):
    """0×0 的矩阵行列式为 1"""
    return determinant(draw.normal(0, 0)), determinant(draw.normal(2, 0, 0)), determinant(draw.normal(0, 3, 3))


@case("determinant", facet="gradient", agrees_with=torch.linalg.det)
def gradients_of_regular_matrices(determinant, draw):
    """可逆矩阵处的梯度"""
    return vjp(determinant, matrix(draw, 4, 4, 2), cotangent=draw)


def _by_cofactors(a):
    """Laplace's expansion along the first row: no division, so its gradient is right everywhere."""
    n = a.shape[-1]
    if n == 1:
        return a[..., 0, 0]
    columns = [[c for c in range(n) if c != j] for j in range(n)]
    return sum((-1) ** j * a[..., 0, j] * _by_cofactors(a[..., 1:, columns[j]]) for j in range(n))


@case("determinant", facet="gradient", agrees_with=_by_cofactors, weight=2)
def the_gradient_at_a_singular_matrix_is_not_zero(determinant, draw):
    """奇异矩阵处的梯度不是 0"""
    repeated = matrix(draw, 3, 3)[[0, 1, 0]]
    column = matrix(draw, 3, 3) * torch.tensor([0.0, 1.0, 1.0], dtype=draw.dtype)
    row = column.mT.contiguous()
    return [vjp(determinant, a, cotangent=draw) for a in (repeated, column, row, matrix(draw, 4, 4)[[1, 1, 2, 3]])]


@case("determinant", facet="interface", agrees_with=_by_cofactors)
def the_gradient_at_rank_n_minus_two_is_zero(determinant, draw):
    """秩为 n−2 时梯度是 0"""
    rank_one = torch.tensor([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0], [3.0, 6.0, 12.0]], dtype=draw.dtype)
    return [vjp(determinant, a, cotangent=draw) for a in (rank_one, torch.zeros_like(rank_one))]


@case("determinant", facet="interface", raises=ValueError)
def the_determinant_of_a_wide_matrix_is_refused(determinant, draw):
    """宽矩阵，应当报错"""
    return determinant(draw.normal(2, 3))


@case("determinant", facet="interface", raises=ValueError)
def the_determinant_of_a_tall_matrix_is_refused(determinant, draw):
    """高矩阵，应当报错"""
    return determinant(draw.normal(3, 0))


# slogdet


def _pair(a):
    return tuple(torch.linalg.slogdet(a))


@case("slogdet", agrees_with=_pair)
def logarithms_of_batches_and_odd_sizes(slogdet, draw):
    """批量与奇数大小"""
    return [slogdet(matrix(draw, n, n, *batch)) for n, batch in ((5, ()), (3, (2, 4)), (1, (3,)), (4, (5,)))]


@case("slogdet", facet="numerics", agrees_with=_pair, weight=2)
def where_the_determinant_overflows(slogdet, draw):
    """行列式上溢之处"""
    return slogdet(matrix(draw, 40, 40) * 1e9), slogdet(-matrix(draw, 3, 3) * 1e30)


@case("slogdet", facet="numerics", agrees_with=_pair, weight=2)
def where_the_determinant_underflows(slogdet, draw):
    """行列式下溢之处"""
    return slogdet(matrix(draw, 40, 40) * 1e-9), slogdet(-matrix(draw, 3, 3) * 1e-30)


@case("slogdet", agrees_with=_pair)
def signs_of_row_exchanges(slogdet, draw):
    """换行的符号"""
    swaps = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3], [1, 2, 0, 3], [1, 2, 3, 0], [3, 2, 1, 0]])
    return slogdet(torch.eye(4, dtype=draw.dtype)[swaps] * draw.uniform(4, low=1, high=2))


@case("slogdet", facet="numerics", agrees_with=_pair)
def a_singular_matrix_has_sign_zero_and_logarithm_minus_infinity(slogdet, draw):
    """奇异矩阵：符号为 0，对数为 −inf"""
    regular = matrix(draw, 3, 3)
    twice = torch.tensor([[1, 2, 4], [1, 2, 4], [1, 0, 1]], dtype=draw.dtype)
    empty = regular * torch.tensor([0, 1, 1], dtype=draw.dtype)
    return slogdet(torch.stack([regular, twice, empty, empty * 0, -regular]))


@case("slogdet", facet="numerics", agrees_with=_pair)
def tiny_and_zero_pivots(slogdet, draw):
    """极小的主元与零主元"""
    tiny = torch.tensor([[1e-20, 1, 2], [1, 1, 0], [3, 0, 1]], dtype=draw.dtype)
    zero = torch.tensor([[0, 2, 1], [1, 2, 0], [2, 4, 3]], dtype=draw.dtype)
    return slogdet(torch.stack([zero, tiny]))


@case("slogdet", facet="numerics", agrees_with=_pair, dtypes=DOUBLE)
def a_logarithm_at_condition_number_1e7(slogdet, draw):
    """条件数 10⁷"""
    return slogdet(ill_conditioned(draw, 5, 5))


@case("slogdet", agrees_with=_pair)
def the_logarithm_of_a_view(slogdet, draw):
    """不连续的输入"""
    return slogdet(draw.strided(matrix(draw, 3, 3))), slogdet(matrix(draw, 4, 4).mT * 2)


@case("slogdet", facet="interface", agrees_with=_pair)
def the_empty_matrix_has_logarithm_zero(slogdet, draw):
    """0×0 的矩阵：对数为 0"""
    return slogdet(draw.normal(0, 0)), slogdet(draw.normal(0, 3, 3)), slogdet(draw.normal(2, 0, 0))


@case("slogdet", facet="gradient", agrees_with=_pair)
def the_gradient_is_the_transposed_inverse(slogdet, draw):
    """梯度是转置的逆矩阵"""
    return vjp(slogdet, matrix(draw, 4, 4, 2), cotangent=draw)


@case("slogdet", facet="interface", raises=ValueError)
def the_logarithm_of_a_wide_matrix_is_refused(slogdet, draw):
    """宽矩阵，应当报错"""
    return slogdet(draw.normal(2, 3))


@case("slogdet", facet="interface", raises=ValueError)
def the_logarithm_of_a_tall_matrix_is_refused(slogdet, draw):
    """高矩阵，应当报错"""
    return slogdet(draw.normal(3, 0))


# adjugate


def _cofactors(a):
    """From Laplace's expansion of each minor."""
    n = a.shape[-1]
    rest = [[k for k in range(n) if k != i] for i in range(n)]
    if n == 1:
        return a * 0 + 1
    rows = [
        torch.stack([(-1) ** (i + j) * _by_cofactors(a[..., rest[j], :][..., rest[i]]) for j in range(n)], -1)
        for i in range(n)
    ]
    return torch.stack(rows, -2)


@case("adjugate", agrees_with=_cofactors)
def adjugates_of_batches_and_odd_sizes(adjugate, draw):
    """批量与奇数大小"""
    return [adjugate(matrix(draw, n, n, *batch)) for n, batch in ((5, ()), (3, (2, 4)), (2, (3,)), (4, (1,)))]


@case("adjugate", facet="numerics", agrees_with=_cofactors, weight=2)
def of_rank_n_minus_one_it_has_rank_one(adjugate, draw):
    """秩为 n−1 的矩阵，伴随矩阵的秩为 1"""
    a = matrix(draw, 4, 4, values=[3.0, 2.0, 1.0, 0.0])
    repeated = matrix(draw, 3, 3)[[0, 1, 0]]
    return adjugate(a), adjugate(torch.stack([repeated, repeated.mT, matrix(draw, 3, 3)]))


@case("adjugate", facet="interface", agrees_with=_cofactors)
def of_lower_rank_it_is_zero(adjugate, draw):
    """秩更低时，伴随矩阵为 0"""
    rank_one = torch.tensor([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0], [3.0, 6.0, 12.0]], dtype=draw.dtype)
    return adjugate(rank_one), adjugate(torch.zeros(2, 3, 3, dtype=draw.dtype))


@case("adjugate", facet="interface", agrees_with=_cofactors)
def of_one_number_it_is_one(adjugate, draw):
    """一个数的伴随是 1，即使这个数是 0"""
    return adjugate(draw.normal(1, 1)), adjugate(torch.zeros(2, 1, 1, dtype=draw.dtype)), adjugate(draw.normal(0, 3, 3))


@case("adjugate", facet="numerics", agrees_with=_cofactors, dtypes=DOUBLE)
def an_adjugate_at_condition_number_1e7(adjugate, draw):
    """条件数 10⁷ 的伴随矩阵"""
    return adjugate(matrix(draw, 3, 3, values=[1e3, 1.0, 1e-4]))


@case("adjugate", facet="numerics", agrees_with=_cofactors)
def zero_pivots_in_the_minors(adjugate, draw):
    """子式里的零主元"""
    return adjugate(torch.tensor([[0, 2, 1], [1, 0, 0], [2, 4, 0]], dtype=draw.dtype) * draw.choice([1, 2, 4]))


@case("adjugate", facet="numerics", agrees_with=_cofactors)
def adjugates_of_large_and_tiny_matrices(adjugate, draw):
    """很大与很小的矩阵"""
    return adjugate(matrix(draw, 3, 3) * 1e12) * 1e-24, adjugate(matrix(draw, 3, 3) * 1e-12) * 1e24


@case("adjugate", agrees_with=_cofactors)
def the_adjugate_of_a_view(adjugate, draw):
    """不连续的输入"""
    return adjugate(draw.strided(matrix(draw, 3, 3))), adjugate(matrix(draw, 4, 4).mT)


@case("adjugate", facet="gradient", agrees_with=_cofactors)
def gradients_also_at_a_singular_matrix(adjugate, draw):
    """梯度，奇异矩阵处也要对"""
    repeated = matrix(draw, 3, 3)[[0, 1, 0]]
    return vjp(adjugate, matrix(draw, 4, 4), cotangent=draw), vjp(adjugate, repeated, cotangent=draw)


@case("adjugate", facet="interface", raises=ValueError)
def the_adjugate_of_a_tall_matrix_is_refused(adjugate, draw):
    """高矩阵，应当报错"""
    return adjugate(draw.normal(4, 3))


@case("adjugate", facet="interface", raises=ValueError)
def the_adjugate_of_a_wide_matrix_is_refused(adjugate, draw):
    """宽矩阵，应当报错"""
    return adjugate(draw.normal(3, 4))


# cholesky


@case("cholesky", agrees_with=torch.linalg.cholesky)
def roots_of_batches_and_odd_sizes(cholesky, draw):
    """批量与奇数大小"""
    shapes = ((5, ()), (3, (2, 4)), (1, (3,)), (7, (1,)))
    return [cholesky(symmetric(draw, n, *batch, values=torch.linspace(1, 4, n))) for n, batch in shapes]


@case("cholesky", facet="numerics", agrees_with=torch.linalg.cholesky, dtypes=DOUBLE)
def a_root_at_condition_number_1e7(cholesky, draw):
    """条件数 10⁷ 的正定矩阵"""
    return cholesky(symmetric(draw, 5, values=torch.logspace(0, -7, 5)))


@case("cholesky", facet="numerics", agrees_with=torch.linalg.cholesky)
def roots_of_repeated_eigenvalues_and_scales(cholesky, draw):
    """重特征值，很大与很小的矩阵"""
    a = symmetric(draw, 4, values=[2.0, 2.0, 2.0, 5.0])
    return cholesky(a), cholesky(a * 1e16) * 1e-8, cholesky(a * 1e-16) * 1e8


@case("cholesky", agrees_with=torch.linalg.cholesky)
def the_root_of_a_view(cholesky, draw):
    """不连续的输入"""
    return cholesky(draw.strided(symmetric(draw, 3, values=[1.0, 2.0, 3.0])))


@case("cholesky", facet="interface", agrees_with=torch.linalg.cholesky)
def roots_of_nothing(cholesky, draw):
    """零个矩阵与 0×0 的矩阵"""
    return cholesky(draw.normal(0, 3, 3)), cholesky(draw.normal(0, 0)), cholesky(draw.normal(2, 0, 0))


# a and a.mT are one variable: of a gradient only the symmetric part is determined
@case("cholesky", facet="gradient", agrees_with=torch.linalg.cholesky)
def the_gradient_for_symmetric_changes(cholesky, draw):
    """对称变化下的梯度"""
    (g,) = vjp(cholesky, symmetric(draw, 4, 2, values=[1.0, 2.0, 3.0, 4.0]), cotangent=draw)
    return g + g.mT


@case("cholesky", facet="interface", raises=ValueError)
def a_negative_eigenvalue_is_refused(cholesky, draw):
    """负特征值，应当报错"""
    return cholesky(symmetric(draw, 4, values=[-1.0, 2.0, 3.0, 4.0]))


@case("cholesky", facet="interface", raises=ValueError)
def a_singular_matrix_is_not_positive_definite(cholesky, draw):
    """奇异矩阵不正定，应当报错"""
    return cholesky(torch.ones(2, 2, dtype=draw.dtype) * 4)


@case("cholesky", facet="interface", raises=ValueError)
def one_indefinite_matrix_among_others_is_refused(cholesky, draw):
    """一批里有一个不正定，应当报错"""
    return cholesky(torch.stack([torch.eye(3), -torch.eye(3), torch.eye(3)]).to(draw.dtype))


@case("cholesky", facet="interface", raises=ValueError)
def the_root_of_a_wide_matrix_is_refused(cholesky, draw):
    """宽矩阵，应当报错"""
    return cholesky(torch.eye(2, 3, dtype=draw.dtype))


@case("cholesky", facet="interface", raises=ValueError)
def the_root_of_a_tall_matrix_is_refused(cholesky, draw):
    """高矩阵，应当报错"""
    return cholesky(torch.eye(3, 2, dtype=draw.dtype))


# qr


def factors(qr, a):
    """What is determined of Q and R: the product, the products of columns, and R up to the signs of its rows."""
    q, r = qr(a)
    return q @ r, q.mT @ q, r.abs(), r.tril(-1) == 0


@case("qr", agrees_with=torch.linalg.qr)
def tall_square_and_wide_matrices(qr, draw):
    """高矩阵、方阵与宽矩阵"""
    return [factors(qr, matrix(draw, m, n)) for m, n in ((7, 3), (5, 5), (3, 5), (4, 1), (1, 4), (1, 1))]


@case("qr", agrees_with=torch.linalg.qr)
def factors_of_a_batch(qr, draw):
    """一批矩阵"""
    return factors(qr, matrix(draw, 5, 3, 2, 4)), factors(qr, matrix(draw, 2, 3, 3))


@case("qr", facet="numerics", agrees_with=torch.linalg.qr, rtol=0.0, atol=2e-5, dtypes=(torch.float32,), weight=2)
def orthogonal_in_float32_where_gram_schmidt_fails(qr, draw):
    """float32 中 Gram–Schmidt 失效之处仍然正交"""
    q, _ = qr(matrix(draw, 8, 6, values=torch.logspace(0, -7, 6)))
    return q.mT @ q


# Householder's QᵀQ is I to a few ε = 2e-16, whatever the condition; Gram–Schmidt loses κε, modified or not
@case("qr", facet="numerics", agrees_with=torch.linalg.qr, rtol=0.0, atol=1e-13, dtypes=DOUBLE, weight=2)
def orthogonal_to_machine_precision_at_condition_number_1e7(qr, draw):
    """条件数 10⁷ 时 QᵀQ 仍在机器精度内等于 I"""
    a = ill_conditioned(draw, 8, 5)
    q, r = qr(a)
    return q.mT @ q, q @ r


# the small columns of R are only as accurate as ε times the large ones: Q R and QᵀQ are what is determined
@case("qr", facet="numerics", agrees_with=torch.linalg.qr)
def factors_of_a_rank_deficient_matrix(qr, draw):
    """秩亏矩阵的因子"""
    results = []
    zero = matrix(draw, 5, 3) * torch.tensor([1, 0, 1], dtype=draw.dtype)
    for a in (matrix(draw, 6, 4, values=[3.0, 1.0, 0.0, 0.0]), zero, matrix(draw, 5, 3)[:, [0, 0, 1]]):
        q, r = qr(a)
        results += [q @ r, q.mT @ q, r.tril(-1) == 0]
    q, r = qr(torch.stack([zero, zero * 0]))
    return *results, q @ r, q.mT @ q


@case("qr", facet="numerics", agrees_with=torch.linalg.qr)
def a_column_whose_square_underflows(qr, draw):
    """平方会下溢的列"""
    tiny = 1e-160 if draw.dtype == torch.float64 else 1e-22
    q, r = qr(matrix(draw, 5, 3) * torch.tensor([1, tiny, 1], dtype=draw.dtype))
    return q @ r, q.mT @ q


@case("qr", facet="numerics", agrees_with=torch.linalg.qr)
def columns_that_are_triangular_already(qr, draw):
    """已经是三角形的矩阵"""
    a = torch.tensor([[-2, 1, 3], [0, 4, -1], [0, 0, -5], [0, 0, 0]], dtype=draw.dtype)
    return factors(qr, a), factors(qr, a * torch.tensor([[-1]], dtype=draw.dtype))


@case("qr", facet="numerics", agrees_with=torch.linalg.qr)
def nearly_triangular_columns_without_cancellation(qr, draw):
    """几乎是三角形的列，不发生相消"""
    a = torch.tensor([[0.5, 2], [4e-5, 3], [4e-5, 4]], dtype=draw.dtype)
    b = a * torch.tensor([-1, 1], dtype=draw.dtype)
    return factors(qr, a), factors(qr, b)


@case("qr", facet="numerics", agrees_with=torch.linalg.qr)
def factors_of_large_and_tiny_matrices(qr, draw):
    """很大与很小的矩阵"""
    results = []
    for scale in (1e12, 1e-12):
        q, r = qr(matrix(draw, 4, 3) * scale)
        results += [q @ r / scale, q.mT @ q]
    return results


@case("qr", agrees_with=torch.linalg.qr)
def factors_of_a_view(qr, draw):
    """不连续的输入"""
    return factors(qr, draw.strided(matrix(draw, 5, 3))), factors(qr, matrix(draw, 3, 5).mT)


@case("qr", facet="interface", agrees_with=torch.linalg.qr)
def factors_of_nothing(qr, draw):
    """空矩阵"""
    return [qr(a) for a in (draw.normal(0, 3), draw.normal(3, 0), draw.normal(0, 4, 2))]


# for one column Q R is a sign away from a/‖a‖ and ‖a‖: with the sign taken out the gradient is determined
@case("qr", facet="gradient", agrees_with=torch.linalg.qr)
def the_gradient_for_a_single_column(qr, draw):
    """单独一列的梯度"""
    a = draw.normal(2, 5, 1)
    _, r = qr(a)
    (g,) = vjp(qr, a, cotangent=draw)
    return g * r.sign()


# least_squares


def _lstsq(x, y):
    """torch's own, with LAPACK's solver for full rank."""
    solution = torch.linalg.lstsq(x, y[..., None] if y.dim() < x.dim() else y).solution
    return solution[..., 0] if y.dim() < x.dim() else solution


@case("least_squares", agrees_with=_lstsq)
def odd_sizes_and_several_targets(least_squares, draw):
    """奇数大小，多个目标"""
    return [
        least_squares(matrix(draw, 7, 3), draw.normal(7)),
        least_squares(matrix(draw, 9, 5), draw.normal(9, 4)),
        least_squares(matrix(draw, 4, 1), draw.normal(4)),
        least_squares(matrix(draw, 3, 3), draw.normal(3, 1)),
    ]


@case("least_squares", agrees_with=_lstsq)
def a_batch_of_fits(least_squares, draw):
    """一批拟合"""
    return least_squares(matrix(draw, 5, 3, 2, 3), draw.normal(2, 3, 5, 4)), least_squares(
        matrix(draw, 5, 2, 3), draw.normal(3, 5)
    )


# the error is κ ε = 1e-9 where the residual is 0; the normal equations square κ and lose half of the digits
@case("least_squares", facet="numerics", agrees_with=_lstsq, dtypes=DOUBLE, weight=3, draws=3)
def a_fit_at_condition_number_1e7_where_the_normal_equations_fail(least_squares, draw):
    """条件数 10⁷，正规方程失效之处"""
    x = ill_conditioned(draw, 12, 5)
    return least_squares(x, x @ draw.normal(5))


@case("least_squares", facet="numerics", agrees_with=_lstsq)
def fits_of_large_and_tiny_numbers(least_squares, draw):
    """很大与很小的数"""
    return least_squares(matrix(draw, 6, 3) * 1e10, draw.normal(6)) * 1e10, least_squares(
        matrix(draw, 6, 3) * 1e-10, draw.normal(6) * 1e-10
    )


@case("least_squares", agrees_with=_lstsq)
def a_fit_of_views(least_squares, draw):
    """不连续的输入"""
    return least_squares(matrix(draw, 3, 5).mT, draw.strided(draw.normal(5, 2)))


@case("least_squares", facet="interface", agrees_with=_lstsq)
def no_fits_and_no_targets(least_squares, draw):
    """没有拟合、没有目标"""
    return least_squares(draw.normal(0, 5, 3), draw.normal(0, 5, 2)), least_squares(
        matrix(draw, 5, 3), draw.normal(5, 0)
    )


@case("least_squares", facet="gradient", agrees_with=_lstsq)
def gradients_of_inputs_and_targets(least_squares, draw):
    """输入与目标的梯度"""
    return vjp(least_squares, matrix(draw, 6, 3), draw.normal(6), cotangent=draw)


@case("least_squares", facet="interface", raises=ValueError)
def numbers_of_rows_that_differ_are_refused(least_squares, draw):
    """行数不同，应当报错"""
    return least_squares(draw.normal(3, 4), draw.normal(4, 5))


@case("least_squares", facet="interface", raises=ValueError)
def fewer_rows_than_columns_are_refused(least_squares, draw):
    """行少于列，应当报错"""
    return least_squares(draw.normal(3, 4), draw.normal(3))


# linear_regression


def _sklearn_regression(x, y):
    model = sklearn.linear_model.LinearRegression().fit(x.double().numpy(), y.double().numpy())
    return torch.from_numpy(np.array(model.coef_)).to(x.dtype), torch.tensor(model.intercept_, dtype=x.dtype)


def _with_a_column_of_ones(x, y):
    """The intercept as one more coefficient: independent of the centring, and differentiable."""
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones_like(x[:, :1])], 1), y[:, None]).solution[:, 0]
    return solution[:-1], solution[-1]


@case("linear_regression", agrees_with=_sklearn_regression)
def weights_and_intercept_of_noisy_data(linear_regression, draw):
    """带噪声数据的权重与截距"""
    x = draw.normal(31, 5)
    return linear_regression(x, x @ draw.normal(5) - 3 + draw.normal(31))


@case("linear_regression", agrees_with=_sklearn_regression)
def one_feature_whose_mean_is_not_zero(linear_regression, draw):
    """一个均值不为零的特征"""
    x = draw.uniform(15, 1, low=2, high=6)
    return linear_regression(x, 2 * x[:, 0] + 1 + draw.normal(15))


# the means cost the digits that 1e6 and 1e-1 are apart, and no more
@case("linear_regression", facet="numerics", agrees_with=_sklearn_regression, dtypes=DOUBLE, rtol=1e-6, atol=1e-6)
def features_far_from_the_origin(linear_regression, draw):
    """远离原点的特征"""
    x = draw.normal(25, 3) / 10 + 1e6
    weights, intercept = linear_regression(x, (x - 1e6) @ draw.normal(3) + 2 + draw.normal(25) / 100)
    return weights, intercept * 1e-6


@case("linear_regression", facet="numerics", agrees_with=_with_a_column_of_ones, dtypes=DOUBLE, draws=3)
def features_at_condition_number_1e7(linear_regression, draw):
    """条件数 10⁷ 的特征"""
    x = matrix(draw, 20, 4, values=torch.logspace(0, -7, 4))
    return linear_regression(x, (x - x.mean(0)) @ draw.normal(4) + 5)


@case("linear_regression", agrees_with=_sklearn_regression)
def data_in_views(linear_regression, draw):
    """不连续的输入"""
    x = draw.normal(3, 20).mT
    return linear_regression(x, draw.strided(draw.normal(20)))


@case("linear_regression", facet="gradient", agrees_with=_with_a_column_of_ones)
def gradients_of_features_and_targets(linear_regression, draw):
    """特征与目标的梯度"""
    return vjp(linear_regression, draw.normal(20, 3) + 1, draw.normal(20), cotangent=draw)


@case("linear_regression", facet="interface", raises=ValueError)
def targets_of_another_number_are_refused(linear_regression, draw):
    """目标个数不同，应当报错"""
    return linear_regression(draw.normal(10, 3), draw.normal(9))


# symmetric_eigen


def diagonalised(symmetric_eigen, a):
    """What is determined: the eigenvalues, Q Λ Qᵀ and QᵀQ."""
    values, vectors = symmetric_eigen(a)
    return values, vectors * values[..., None, :] @ vectors.mT, vectors.mT @ vectors


@case("symmetric_eigen", agrees_with=torch.linalg.eigh)
def eigenvalues_of_odd_sizes(symmetric_eigen, draw):
    """奇数大小"""
    return [diagonalised(symmetric_eigen, symmetric(draw, n, values=torch.linspace(-2, 3, n))) for n in (1, 2, 3, 5)]


@case("symmetric_eigen", agrees_with=torch.linalg.eigh)
def eigenvectors_of_a_batch(symmetric_eigen, draw):
    """一批矩阵"""
    return diagonalised(symmetric_eigen, symmetric(draw, 3, 2, 4, values=[-1.0, 2.0, 4.0]))


@case("symmetric_eigen", facet="numerics", agrees_with=torch.linalg.eigh, weight=2)
def repeated_eigenvalues(symmetric_eigen, draw):
    """重特征值"""
    a = symmetric(draw, 5, values=[2.0, 2.0, -1.0, 2.0, -1.0])
    return diagonalised(symmetric_eigen, a), diagonalised(symmetric_eigen, torch.eye(3, dtype=draw.dtype) * 2)


# the eigenvectors of a repeated eigenvalue are any basis of their space: the projection onto it is determined
@case("symmetric_eigen", facet="numerics", agrees_with=torch.linalg.eigh)
def the_space_of_a_repeated_eigenvalue(symmetric_eigen, draw):
    """重特征值的特征空间"""
    _, vectors = symmetric_eigen(symmetric(draw, 5, values=[1.0, 1.0, 1.0, 3.0, 4.0]))
    return vectors[:, :3] @ vectors[:, :3].mT, vectors[:, 3:].abs()


@case("symmetric_eigen", facet="numerics", agrees_with=torch.linalg.eigh)
def singular_and_rank_deficient_symmetric_matrices(symmetric_eigen, draw):
    """奇异、秩亏的对称矩阵"""
    a = symmetric(draw, 5, values=[0.0, 0.0, 0.0, 1.0, -2.0])
    return diagonalised(symmetric_eigen, a), diagonalised(symmetric_eigen, torch.ones(4, 4, dtype=draw.dtype))


@case("symmetric_eigen", agrees_with=torch.linalg.eigh)
def a_diagonal_in_the_wrong_order(symmetric_eigen, draw):
    """次序颠倒的对角矩阵"""
    a = torch.diag(torch.tensor([3.0, -1.0, 2.0, -5.0], dtype=draw.dtype))
    values, vectors = symmetric_eigen(a)
    return values, vectors.abs()


@case("symmetric_eigen", facet="numerics", agrees_with=torch.linalg.eigh, dtypes=DOUBLE)
def eigenvalues_at_condition_number_1e7(symmetric_eigen, draw):
    """条件数 10⁷"""
    return diagonalised(symmetric_eigen, symmetric(draw, 5, values=torch.logspace(0, -7, 5)))


@case("symmetric_eigen", facet="numerics", agrees_with=torch.linalg.eigh)
def eigenvalues_of_large_and_tiny_matrices(symmetric_eigen, draw):
    """很大与很小的矩阵"""
    results = []
    for scale in (1e15, 1e-15):
        values, vectors = symmetric_eigen(symmetric(draw, 4, values=[-1.0, 1.0, 2.0, 4.0]) * scale)
        results += [values / scale, vectors.abs()]
    return results


# machine precision: a rotation too few leaves 1e-8
@case("symmetric_eigen", facet="numerics", agrees_with=torch.linalg.eigh, dtypes=DOUBLE, rtol=0.0, atol=1e-12)
def six_dimensions_to_machine_precision(symmetric_eigen, draw):
    """六维，达到机器精度"""
    x = draw.normal(6, 6)
    return diagonalised(symmetric_eigen, x + x.mT)


@case("symmetric_eigen", agrees_with=torch.linalg.eigh)
def eigenvectors_of_a_view(symmetric_eigen, draw):
    """不连续的输入"""
    return diagonalised(symmetric_eigen, draw.strided(symmetric(draw, 3, values=[1.0, 2.0, 4.0])))


@case("symmetric_eigen", facet="interface", agrees_with=torch.linalg.eigh)
def eigenvalues_of_nothing(symmetric_eigen, draw):
    """零个矩阵与 0×0 的矩阵"""
    return tuple(symmetric_eigen(draw.normal(0, 3, 3))), tuple(symmetric_eigen(draw.normal(2, 0, 0)))


# q_iᵀ G q_i is the share of eigenvalue i in a gradient G, whatever the signs of the eigenvectors
@case("symmetric_eigen", facet="gradient", agrees_with=torch.linalg.eigh)
def the_gradient_of_the_eigenvalues(symmetric_eigen, draw):
    """特征值的梯度"""
    a = symmetric(draw, 4, values=[-1.0, 1.0, 2.0, 4.0])
    _, vectors = symmetric_eigen(a)
    (g,) = vjp(symmetric_eigen, a, cotangent=draw)
    return (vectors.mT @ g @ vectors).diagonal()


@case("symmetric_eigen", facet="interface", raises=ValueError)
def eigenvalues_of_a_tall_matrix_are_refused(symmetric_eigen, draw):
    """高矩阵，应当报错"""
    return symmetric_eigen(draw.normal(3, 1))


@case("symmetric_eigen", facet="interface", raises=ValueError)
def eigenvalues_of_a_wide_matrix_are_refused(symmetric_eigen, draw):
    """宽矩阵，应当报错"""
    return symmetric_eigen(draw.normal(1, 3))


# svd


def _svd(a):
    return torch.linalg.svd(a, full_matrices=False)


def decomposed(svd, a):
    """What is determined: Σ, U Σ Vᵀ, UᵀU and VᵀV."""
    u, s, vh = svd(a)
    return s, u * s[..., None, :] @ vh, u.mT @ u, vh @ vh.mT


@case("svd", agrees_with=_svd)
def tall_wide_and_square(svd, draw):
    """高、宽与方"""
    return [decomposed(svd, matrix(draw, m, n)) for m, n in ((7, 3), (3, 4), (4, 4), (4, 1), (1, 4), (1, 1))]


@case("svd", agrees_with=_svd)
def singular_values_of_a_batch(svd, draw):
    """一批矩阵"""
    return decomposed(svd, matrix(draw, 4, 3, 2, 3)), decomposed(svd, matrix(draw, 2, 3, 3))


@case("svd", facet="numerics", agrees_with=_svd, weight=2)
def rank_deficient_with_orthonormal_factors(svd, draw):
    """秩亏，两个因子仍标准正交"""
    a = matrix(draw, 6, 4, values=[3.0, 1.0, 0.0, 0.0])
    return decomposed(svd, a), decomposed(svd, a.mT), decomposed(svd, torch.ones(4, 3, dtype=draw.dtype))


@case("svd", facet="numerics", agrees_with=_svd)
def columns_of_zeros(svd, draw):
    """全为零的列与行"""
    a = matrix(draw, 5, 3) * torch.tensor([0, 1, 1], dtype=draw.dtype)
    return decomposed(svd, a), decomposed(svd, a.mT), decomposed(svd, torch.stack([a, a * 0]))


@case("svd", facet="numerics", agrees_with=_svd, weight=2)
def repeated_singular_values(svd, draw):
    """重奇异值"""
    a = matrix(draw, 5, 4, values=[3.0, 3.0, 1.0, 1.0])
    return decomposed(svd, a), decomposed(svd, torch.eye(4, 3, dtype=draw.dtype) * 2)


@case("svd", agrees_with=_svd)
def columns_in_the_wrong_order(svd, draw):
    """次序颠倒的列"""
    a = torch.diag(torch.tensor([1.0, -3.0, 2.0, 5.0], dtype=draw.dtype))
    u, s, vh = svd(a)
    return u.abs(), s, vh.abs()


@case("svd", facet="numerics", agrees_with=_svd, dtypes=DOUBLE, rtol=0.0, atol=1e-13)
def orthogonal_at_condition_number_1e7(svd, draw):
    """条件数 10⁷ 时仍正交"""
    return decomposed(svd, ill_conditioned(draw, 6, 4))


# one-sided rotations find a small singular value to κε of itself at worst; the eigenvalues of AᵀA to κ²ε
@case("svd", facet="numerics", agrees_with=_svd, dtypes=DOUBLE, rtol=1e-6, atol=0.0, weight=2)
def the_smallest_singular_value_keeps_its_digits(svd, draw):
    """最小的奇异值不丢失有效数字"""
    return svd(ill_conditioned(draw, 6, 4))[1]


@case("svd", facet="numerics", agrees_with=_svd)
def singular_values_of_large_and_tiny_matrices(svd, draw):
    """很大与很小的矩阵"""
    results = []
    for scale in (1e12, 1e-12):
        u, s, vh = svd(matrix(draw, 4, 3) * scale)
        results += [s / scale, u @ vh, u.mT @ u]
    return results


@case("svd", facet="numerics", agrees_with=_svd, dtypes=DOUBLE, rtol=0.0, atol=1e-12)
def six_columns_to_machine_precision(svd, draw):
    """六列，达到机器精度"""
    return decomposed(svd, draw.normal(7, 6))


@case("svd", agrees_with=_svd)
def singular_values_of_a_view(svd, draw):
    """不连续的输入"""
    return decomposed(svd, draw.strided(matrix(draw, 5, 3))), decomposed(svd, matrix(draw, 5, 3).mT)


@case("svd", facet="interface", agrees_with=_svd)
def singular_values_of_nothing(svd, draw):
    """空矩阵"""
    return [tuple(svd(a)) for a in (draw.normal(0, 3), draw.normal(3, 0), draw.normal(0, 3, 2))]


# u_iᵀ G v_i is the share of singular value i in a gradient G, whatever the signs
@case("svd", facet="gradient", agrees_with=_svd)
def the_gradient_of_the_singular_values(svd, draw):
    """奇异值的梯度"""
    a = matrix(draw, 5, 3)
    u, _, vh = svd(a)
    (g,) = vjp(svd, a, cotangent=draw)
    return (u.mT @ g @ vh.mT).diagonal()


# low_rank_approximation


def _truncated(a, rank):
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    if not 0 <= rank <= s.shape[-1]:
        raise ValueError(rank)
    return u[..., :rank] * s[..., None, :rank] @ vh[..., :rank, :]


@case("low_rank_approximation", agrees_with=_truncated)
def every_rank_of_tall_and_wide_matrices(low_rank_approximation, draw):
    """高矩阵与宽矩阵的每一种秩"""
    tall, wide = matrix(draw, 5, 3), matrix(draw, 3, 4) + 0
    return [low_rank_approximation(a, k) for a in (tall, wide) for k in (1, 2)], low_rank_approximation(tall * 2, 3) * 2


@case("low_rank_approximation", agrees_with=_truncated)
def approximations_of_a_batch(low_rank_approximation, draw):
    """一批矩阵"""
    return low_rank_approximation(matrix(draw, 4, 3, 2, 3), 2), low_rank_approximation(matrix(draw, 4, 3, 1), 2)


@case("low_rank_approximation", agrees_with=_truncated)
def the_error_is_the_next_singular_value(low_rank_approximation, draw):
    """误差等于下一个奇异值"""
    a = matrix(draw, 6, 5)
    errors = [a - low_rank_approximation(a, k) for k in (1, 2, 4)]
    return [(torch.linalg.matrix_norm(e, ord=2), size(e)) for e in errors]


@case("low_rank_approximation", facet="numerics", agrees_with=_truncated)
def a_matrix_of_that_rank_comes_back(low_rank_approximation, draw):
    """本来就是这个秩的矩阵原样返回"""
    return low_rank_approximation(matrix(draw, 6, 4, values=[3.0, 1.0, 0.0, 0.0]), 2) * 2


@case("low_rank_approximation", facet="numerics", agrees_with=_truncated, dtypes=DOUBLE)
def an_approximation_at_condition_number_1e7(low_rank_approximation, draw):
    """条件数 10⁷"""
    a = ill_conditioned(draw, 6, 5)
    return (a - low_rank_approximation(a, 3)) * 1e5, low_rank_approximation(a, 2)


@case("low_rank_approximation", facet="interface", agrees_with=_truncated)
def rank_zero_is_zero_and_full_rank_is_everything(low_rank_approximation, draw):
    """秩 0 得零矩阵，满秩得原矩阵"""
    a = matrix(draw, 4, 3)
    return low_rank_approximation(a, 0), low_rank_approximation(a, 3), low_rank_approximation(a.mT, 3)


@case("low_rank_approximation", agrees_with=_truncated)
def an_approximation_of_a_view(low_rank_approximation, draw):
    """不连续的输入"""
    return low_rank_approximation(draw.strided(matrix(draw, 4, 3)), 2)


@case("low_rank_approximation", facet="gradient", agrees_with=_truncated)
def the_gradient_of_an_approximation(low_rank_approximation, draw):
    """低秩近似的梯度"""
    return vjp(low_rank_approximation, matrix(draw, 4, 3), cotangent=draw, rank=2)


@case("low_rank_approximation", facet="interface", raises=ValueError)
def a_rank_above_the_smaller_side_is_refused(low_rank_approximation, draw):
    """秩大于较短的边，应当报错"""
    return low_rank_approximation(draw.normal(5, 3), 4)


@case("low_rank_approximation", facet="interface", raises=ValueError)
def a_negative_rank_is_refused(low_rank_approximation, draw):
    """负的秩，应当报错"""
    return low_rank_approximation(draw.normal(5, 3), -1)


# pseudo_inverse


def _pinv(a, rtol=None):
    return torch.linalg.pinv(a, rtol=rtol)


@case("pseudo_inverse", agrees_with=_pinv)
def inverses_of_tall_wide_and_square_matrices(pseudo_inverse, draw):
    """高、宽与方矩阵的伪逆"""
    return [pseudo_inverse(matrix(draw, m, n)) for m, n in ((7, 3), (3, 5), (4, 4), (3, 1), (1, 3))]


@case("pseudo_inverse", agrees_with=_pinv)
def pseudo_inverses_of_a_batch(pseudo_inverse, draw):
    """一批矩阵"""
    return pseudo_inverse(matrix(draw, 4, 3, 2, 3))


@case("pseudo_inverse", facet="numerics", agrees_with=_pinv, weight=2)
def the_pseudo_inverse_of_a_rank_deficient_matrix(pseudo_inverse, draw):
    """秩亏矩阵的伪逆"""
    a = matrix(draw, 6, 4, values=[3.0, 1.0, 0.0, 0.0])
    return pseudo_inverse(a), pseudo_inverse(torch.stack([a.mT, matrix(draw, 4, 6)]))


@case("pseudo_inverse", facet="numerics", agrees_with=_pinv)
def the_four_conditions_of_penrose(pseudo_inverse, draw):
    """Penrose 的四个条件"""
    a = matrix(draw, 5, 4, values=[3.0, 2.0, 1.0, 0.0])
    p = pseudo_inverse(a)
    left, right = a @ p, p @ a
    return left @ a - a, right @ p - p, left - left.mT, right - right.mT, left.diagonal().sum()


@case("pseudo_inverse", agrees_with=_pinv)
def what_counts_as_zero_is_relative_to_the_greatest(pseudo_inverse, draw):
    """什么算作 0，要相对于最大的奇异值"""
    a = matrix(draw, 5, 4, values=[20.0, 10.0, 5.0, 1.0])
    return (
        [pseudo_inverse(a, rtol) for rtol in (0.1, 0.3, 0.6)],
        pseudo_inverse(a, rtol=0.01),
        pseudo_inverse(a / 100, 0.3),
    )


@case("pseudo_inverse", facet="numerics", agrees_with=_pinv, dtypes=DOUBLE)
def a_pseudo_inverse_at_condition_number_1e7(pseudo_inverse, draw):
    """条件数 10⁷ 的伪逆"""
    return pseudo_inverse(ill_conditioned(draw, 6, 4)) * 1e-7


# σ = 1e-14 σ₁ stands well above max(m, n)·ε and far below any threshold of habit
@case("pseudo_inverse", facet="numerics", agrees_with=_pinv, dtypes=DOUBLE, rtol=0.05, atol=0.0)
def a_singular_value_of_1e_14_still_counts(pseudo_inverse, draw):
    """10⁻¹⁴ 的奇异值仍然算数"""
    a = matrix(draw, 3, 3, values=[1.0, 0.5, 1e-14])
    return size(pseudo_inverse(a))


@case("pseudo_inverse", facet="numerics", agrees_with=_pinv)
def singular_values_near_the_default_threshold(pseudo_inverse, draw):
    """默认阈值附近的奇异值"""
    eps = torch.finfo(draw.dtype).eps
    results = []
    for shape in ((7, 2), (2, 7), (3, 2)):
        for factor in (0.5, 2):
            a = torch.zeros(50, *shape, dtype=draw.dtype)
            a[:, 0, 0], a[:, 1, 1] = 2, 2 * factor * max(shape) * eps
            results.append(pseudo_inverse(a) * torch.tensor(eps).to(draw.dtype))
    return results


@case("pseudo_inverse", facet="numerics", agrees_with=_pinv)
def pseudo_inverses_of_large_and_tiny_matrices(pseudo_inverse, draw):
    """很大与很小的矩阵"""
    return pseudo_inverse(matrix(draw, 4, 3) * 1e10) * 1e10, pseudo_inverse(matrix(draw, 4, 3) * 1e-10) * 1e-10


@case("pseudo_inverse", facet="interface", agrees_with=_pinv)
def of_zeros_and_of_nothing(pseudo_inverse, draw):
    """零矩阵与空矩阵"""
    zeros = torch.zeros(4, 3, dtype=draw.dtype)
    return [pseudo_inverse(a) for a in (zeros, draw.normal(0, 3), draw.normal(3, 0), draw.normal(0, 3, 2))]


@case("pseudo_inverse", agrees_with=_pinv)
def the_pseudo_inverse_of_a_view(pseudo_inverse, draw):
    """不连续的输入"""
    return pseudo_inverse(draw.strided(matrix(draw, 4, 3)))


@case("pseudo_inverse", facet="gradient", agrees_with=_pinv)
def the_gradient_at_full_rank(pseudo_inverse, draw):
    """满秩处的梯度"""
    return vjp(pseudo_inverse, matrix(draw, 4, 3), cotangent=draw)


# project


def _projection(a, x):
    return a @ (torch.linalg.pinv(a) @ x)


def _by_lstsq(a, x):
    """The residual of LAPACK's least squares, in double precision."""
    a, y = a.double(), x.double()
    return (a @ torch.linalg.lstsq(a, y).solution).to(x.dtype)


@case("project", agrees_with=_projection)
def onto_a_line_a_plane_and_more(project, draw):
    """投影到直线、平面与更高维"""
    return [
        project(matrix(draw, 5, 1), draw.normal(5)),
        project(matrix(draw, 7, 3), draw.normal(7, 4)),
        project(matrix(draw, 4, 2), draw.normal(4, 1)),
    ]


@case("project", agrees_with=_projection)
def columns_that_are_not_orthonormal(project, draw):
    """各列不标准正交"""
    a = torch.tensor([[1, 1], [0, 1], [0, 1], [0, 0]], dtype=draw.dtype) * draw.uniform(2, low=2, high=5)
    return project(a, draw.normal(4))


@case("project", agrees_with=_projection)
def a_second_projection_changes_nothing(project, draw):
    """再投影一次不变"""
    a, x = matrix(draw, 6, 3), draw.normal(6)
    once = project(a, x)
    return once, project(a, once)


@case("project", agrees_with=_projection)
def the_residual_is_orthogonal(project, draw):
    """残差与各列正交"""
    a, x = matrix(draw, 6, 3), draw.normal(6)
    residual = x - project(a, x)
    return a.mT @ residual, residual


@case("project", facet="numerics", agrees_with=_projection, weight=2)
def onto_dependent_columns(project, draw):
    """各列线性相关（秩亏）"""
    a, x = matrix(draw, 5, 2), draw.normal(5)
    return [
        project(a[:, [0, 1, 0]], x),
        project(matrix(draw, 6, 4, values=[3.0, 1.0, 0.0, 0.0]), draw.normal(6)),
        project(a * torch.tensor([1, 0], dtype=draw.dtype), x),
    ]


# the directions of the columns are as sure as κε
@case("project", facet="numerics", agrees_with=_by_lstsq, dtypes=DOUBLE, weight=2)
def onto_columns_at_condition_number_1e7(project, draw):
    """条件数 10⁷ 的各列"""
    return project(ill_conditioned(draw, 8, 4), draw.normal(8, 2))


@case("project", facet="numerics", agrees_with=_projection)
def a_direction_near_the_threshold_of_rank(project, draw):
    """秩的阈值附近的方向"""
    eps = torch.finfo(draw.dtype).eps
    results = []
    for shape in ((7, 2), (3, 2), (2, 7)):
        for factor in (0.5, 2):
            a = torch.zeros(shape, dtype=draw.dtype)
            a[0, 0], a[1, 1] = 2, 2 * factor * max(shape) * eps
            results.append(project(a, draw.normal(shape[0])) + 1)
    return results


@case("project", facet="interface", agrees_with=_projection)
def wide_empty_and_zero_matrices(project, draw):
    """宽矩阵、空矩阵与零矩阵"""
    zeros = torch.zeros(4, 2, dtype=draw.dtype)
    return [
        project(matrix(draw, 3, 5), draw.normal(3)),
        project(draw.normal(3, 0), draw.normal(3)),
        project(zeros, draw.normal(4)),
    ]


@case("project", agrees_with=_projection)
def onto_large_and_tiny_columns(project, draw):
    """很大与很小的列"""
    return project(matrix(draw, 4, 2) * 1e10, draw.normal(4)), project(matrix(draw, 4, 2) * 1e-10, draw.normal(4))


@case("project", agrees_with=_projection)
def onto_the_columns_of_a_view(project, draw):
    """不连续的输入"""
    return project(matrix(draw, 2, 5).mT, draw.strided(draw.normal(5, 3)))


@case("project", facet="gradient", agrees_with=_projection)
def gradients_of_columns_and_vector(project, draw):
    """各列与向量的梯度"""
    return vjp(project, matrix(draw, 5, 2), draw.normal(5), cotangent=draw)


@case("project", facet="interface", raises=ValueError)
def a_vector_of_another_length_is_refused(project, draw):
    """向量长度不符，应当报错"""
    return project(draw.normal(5, 2), draw.normal(4))


# spectral_norm: singular values at least a factor 1.25 apart, so that a hundred iterations are plenty for every start


def _spectral(a, iterations=100):
    return torch.linalg.matrix_norm(a, ord=2)


def gapped(draw, m, n, *batch):
    return matrix(draw, m, n, *batch, values=2.0 ** -torch.arange(min(m, n)))


@case("spectral_norm", agrees_with=_spectral)
def norms_of_tall_wide_and_square_matrices(spectral_norm, draw):
    """高、宽与方矩阵的范数"""
    return [spectral_norm(gapped(draw, m, n) * draw.number(2, 3)) for m, n in ((7, 3), (3, 5), (4, 4), (5, 1), (1, 3))]


@case("spectral_norm", agrees_with=_spectral)
def norms_of_a_batch(spectral_norm, draw):
    """一批矩阵"""
    return spectral_norm(gapped(draw, 4, 3, 2, 3) * draw.uniform(3, 1, 1, low=1, high=3))


@case("spectral_norm", agrees_with=_spectral, weight=2)
def a_dominant_eigenvalue_that_is_negative(spectral_norm, draw):
    """绝对值最大的特征值为负"""
    return spectral_norm(symmetric(draw, 4, values=[-3.5, 2.0, 1.0, 0.5])), spectral_norm(
        symmetric(draw, 3, values=[-2.5, -1.0, 2.5])
    )


@case("spectral_norm", agrees_with=_spectral)
def a_rotation_and_a_matrix_without_eigenvectors(spectral_norm, draw):
    """旋转，以及没有足够特征向量的矩阵"""
    rotation = torch.tensor([[0, -2], [2, 0]], dtype=draw.dtype)
    nilpotent = torch.tensor([[0, 5, 0], [0, 0, 1], [0, 0, 0]], dtype=draw.dtype)
    return spectral_norm(rotation), spectral_norm(nilpotent)


@case("spectral_norm", facet="numerics", agrees_with=_spectral, weight=2)
def a_start_of_ones_would_see_nothing(spectral_norm, draw):
    """从全 1 向量出发什么也看不到"""
    a = torch.tensor([[2, -2], [-2, 2], [1, -1]], dtype=draw.dtype)
    b = torch.tensor([[1, 0, 0], [0, 2, -2], [0, -2, 2]], dtype=draw.dtype)
    return spectral_norm(a), spectral_norm(b), spectral_norm(a.mT), spectral_norm(b[:, [1, 2, 0]])


@case("spectral_norm", facet="numerics", agrees_with=_spectral)
def a_repeated_greatest_singular_value(spectral_norm, draw):
    """最大的奇异值是重的"""
    return spectral_norm(matrix(draw, 5, 3, values=[2.0, 2.0, 1.0])), spectral_norm(
        orthonormal(draw, 4, 4).to(draw.dtype) * 3
    )


@case("spectral_norm", facet="numerics", agrees_with=_spectral, dtypes=DOUBLE)
def a_norm_at_condition_number_1e7(spectral_norm, draw):
    """条件数 10⁷"""
    return spectral_norm(ill_conditioned(draw, 5, 4) * 3)


@case("spectral_norm", facet="numerics", agrees_with=_spectral)
def norms_of_large_tiny_and_rank_deficient_matrices(spectral_norm, draw):
    """很大、很小与秩亏的矩阵"""
    return [
        spectral_norm(gapped(draw, 4, 3) * 1e15) * 1e-15 + 1,
        spectral_norm(gapped(draw, 4, 3) * 1e-15) * 1e15 + 1,
        spectral_norm(matrix(draw, 6, 4, values=[3.0, 1.0, 0.0, 0.0])),
    ]


@case("spectral_norm", facet="interface", agrees_with=_spectral)
def the_norm_of_zeros_is_zero(spectral_norm, draw):
    """零矩阵的范数是 0"""
    zeros = torch.zeros(3, 2, dtype=draw.dtype)
    return (
        spectral_norm(zeros),
        spectral_norm(torch.stack([zeros, gapped(draw, 3, 2)])),
        spectral_norm(draw.normal(0, 3, 2)),
    )


@case("spectral_norm", agrees_with=_spectral)
def one_iteration_is_enough_at_rank_one(spectral_norm, draw):
    """秩 1 的矩阵一次迭代就够"""
    return spectral_norm(draw.normal(5, 1) * draw.normal(1, 4), iterations=1)


@case("spectral_norm", facet="interface", expected=True, dtypes=DOUBLE)
def the_work_grows_with_the_iterations(spectral_norm, draw):
    """迭代次数越多，计算越多"""
    a = gapped(draw, 4, 3)
    return operator_calls(spectral_norm, a, 40) > operator_calls(spectral_norm, a, iterations=10) + 30


@case("spectral_norm", agrees_with=_spectral)
def the_norm_of_a_view(spectral_norm, draw):
    """不连续的输入"""
    return spectral_norm(draw.strided(gapped(draw, 4, 3) * 3)), spectral_norm(gapped(draw, 4, 3).mT * 2)


@case("spectral_norm", facet="gradient", agrees_with=_spectral)
def the_gradient_is_u_times_v(spectral_norm, draw):
    """梯度是 u vᵀ"""
    return vjp(spectral_norm, gapped(draw, 4, 3, 2), cotangent=draw)


# condition_number


def _cond(a):
    """torch's ratio of singular values, with what is below the precision of the dtype taken for 0."""
    s = torch.linalg.svdvals(a.double())
    zero = s[..., -1] <= max(a.shape[-2:]) * torch.finfo(a.dtype).eps * s[..., 0]
    return torch.where(zero, INF, s[..., 0] / s[..., -1]).to(a.dtype)


@case("condition_number", agrees_with=torch.linalg.cond)
def ratios_of_tall_wide_and_square_matrices(condition_number, draw):
    """高、宽与方矩阵"""
    values = torch.linspace(draw.number(4, 6), 1, 3).double()
    return [condition_number(matrix(draw, m, n, values=values)) for m, n in ((7, 3), (3, 5), (3, 3))]


@case("condition_number", agrees_with=torch.linalg.cond)
def ratios_of_a_batch(condition_number, draw):
    """一批矩阵"""
    return condition_number(matrix(draw, 4, 3, 2, 3) * draw.uniform(2, 3, 1, 3, low=1, high=3))


@case("condition_number", agrees_with=_cond)
def a_single_column_has_condition_number_one(condition_number, draw):
    """单独一列的条件数是 1"""
    return (
        condition_number(draw.normal(5, 1)),
        condition_number(draw.normal(2, 1, 1)),
        condition_number(matrix(draw, 2, 2)),
    )


@case("condition_number", facet="numerics", agrees_with=_cond, weight=2)
def every_singular_matrix_has_an_infinite_one(condition_number, draw):
    """每个奇异矩阵都是无穷大"""
    regular = matrix(draw, 4, 4)
    random = matrix(draw, 4, 4, values=[3.0, 2.0, 1.0, 0.0])
    return condition_number(
        torch.stack([regular, random, regular[[0, 1, 2, 0]], regular * 0, regular / 2])
    ), condition_number(matrix(draw, 6, 3, values=[2.0, 1.0, 0.0]))


@case("condition_number", facet="numerics", agrees_with=_cond, dtypes=DOUBLE, rtol=1e-6, atol=0.0, weight=2)
def a_condition_number_of_1e7(condition_number, draw):
    """条件数恰为 10⁷"""
    return condition_number(ill_conditioned(draw, 5, 4)), condition_number(ill_conditioned(draw, 3, 6))


# on diagonal matrices the singular values are exact, so the threshold can be seen from both sides
@case("condition_number", facet="numerics", agrees_with=_cond)
def the_threshold_of_singularity(condition_number, draw):
    """奇异性的阈值"""
    eps = torch.finfo(draw.dtype).eps
    results = []
    for shape in ((7, 2), (2, 7), (3, 2)):
        for factor in (0.5, 2):
            a = torch.zeros(50, *shape, dtype=draw.dtype)
            a[:, 0, 0], a[:, 1, 1] = 2, 2 * factor * max(shape) * eps
            results.append(condition_number(a))
    return results


@case("condition_number", facet="numerics", agrees_with=_cond)
def it_does_not_depend_on_the_scale(condition_number, draw):
    """与整体的大小无关"""
    a = matrix(draw, 4, 3)
    return condition_number(a * 1e10), condition_number(a * 1e-10)


@case("condition_number", agrees_with=_cond)
def the_condition_number_of_a_view(condition_number, draw):
    """不连续的输入"""
    return condition_number(draw.strided(matrix(draw, 4, 3) + 1))


@case("condition_number", facet="interface", agrees_with=_cond)
def no_matrices_have_no_condition_numbers(condition_number, draw):
    """零个矩阵"""
    return condition_number(draw.normal(0, 3, 2))


@case("condition_number", facet="gradient", agrees_with=torch.linalg.cond)
def the_gradient_of_a_condition_number(condition_number, draw):
    """条件数的梯度"""
    return vjp(condition_number, matrix(draw, 4, 3, 2), cotangent=draw)


# pca


def _sklearn_pca(x, n_components):
    model = sklearn.decomposition.PCA(n_components, svd_solver="full")
    scores = model.fit_transform(x.double().numpy())
    parts = (model.components_, scores, model.explained_variance_)
    return tuple(torch.from_numpy(np.array(part)).to(x.dtype) for part in parts)


def _torch_pca(x, n_components):
    u, s, vh = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return vh[:n_components], (u * s)[:, :n_components], (s**2 / (len(x) - 1))[:n_components]


def cloud(draw, samples, features):
    """Points whose variances differ: centred they have singular values 3 to 1, times the root of their number."""
    x = matrix(draw, samples, features)
    return (x - x.mean(0)) * samples**0.5


def analysed(pca, x, k):
    """What is determined: the coordinates back in space, the directions up to sign, the variances."""
    components, scores, variance = pca(x, k)
    return scores @ components, components.abs(), scores.abs(), variance


@case("pca", agrees_with=_sklearn_pca)
def every_number_of_components(pca, draw):
    """每一种成分个数"""
    x = cloud(draw, 15, 4)
    return [analysed(pca, x, k) for k in (1, 2, 4)]


@case("pca", agrees_with=_sklearn_pca, weight=2)
def a_cloud_far_from_the_origin(pca, draw):
    """远离原点的点云"""
    return analysed(pca, cloud(draw, 15, 3) + torch.tensor([5.0, -20.0, 10.0], dtype=draw.dtype), 2)


@case("pca", agrees_with=_sklearn_pca)
def the_variance_divides_by_n_minus_one(pca, draw):
    """方差除以 n−1"""
    return pca(cloud(draw, 4, 3), 2)[2], pca(cloud(draw, 3, 2), 1)[2]


@case("pca", agrees_with=_sklearn_pca)
def more_features_than_samples(pca, draw):
    """特征多于样本"""
    x = matrix(draw, 5, 9, values=[5.0, 4.0, 3.0, 2.0, 1.0])
    return analysed(pca, x, 2)


@case("pca", facet="numerics", agrees_with=_sklearn_pca)
def a_cloud_in_a_plane(pca, draw):
    """落在平面上的点云（秩亏）"""
    x = cloud(draw, 12, 2) @ matrix(draw, 2, 5)
    components, scores, variance = pca(x, 4)
    return scores @ components, components @ components.mT, variance


@case("pca", facet="numerics", agrees_with=_sklearn_pca)
def a_round_cloud_with_repeated_variances(pca, draw):
    """方差相等的点云"""
    x = draw.normal(16, 3)
    round_ = torch.linalg.qr((x - x.mean(0)).double())[0].to(draw.dtype) * 4
    components, scores, variance = pca(round_, 3)
    return scores @ components, components @ components.mT, variance


# a covariance matrix squares the condition: variances below ε of the greatest drown in it
@case("pca", facet="numerics", agrees_with=_sklearn_pca, dtypes=DOUBLE, rtol=1e-5, atol=0.0, weight=2)
def deviations_at_condition_number_1e7(pca, draw):
    """标准差相差 10⁷ 倍"""
    x = draw.normal(20, 4)
    x = torch.linalg.qr(x - x.mean(0))[0] * torch.logspace(0, -7, 4, dtype=torch.float64)
    return pca(x @ orthonormal(draw, 4, 4), 4)[2]


@case("pca", agrees_with=_sklearn_pca)
def the_components_of_a_view(pca, draw):
    """不连续的输入"""
    return analysed(pca, draw.strided(cloud(draw, 10, 3)), 2)


# for one feature w = ±1, and a gradient is G = G_λ ± G_scores; twice the cloud gives 2 G_λ ± G_scores: so G_λ is
# determined
@case("pca", facet="gradient", agrees_with=_torch_pca)
def the_gradient_of_the_variance(pca, draw):
    """方差的梯度"""
    x, seed = draw.normal(8, 1), draw.fresh_seed()
    sign, sign_of_twice = (pca(scale * x, 1)[0].sign() for scale in (1, 2))
    ((g,), (of_twice,)) = (vjp(pca, scale * x, 1, cotangent=seed) for scale in (1, 2))
    return (sign * g - sign_of_twice * of_twice) / (sign - 2 * sign_of_twice)


@case("pca", facet="interface", raises=ValueError)
def no_components_are_refused(pca, draw):
    """零个成分，应当报错"""
    return pca(draw.normal(6, 3), 0)


@case("pca", facet="interface", raises=ValueError)
def more_components_than_samples_are_refused(pca, draw):
    """成分多于样本，应当报错"""
    return pca(draw.normal(3, 6), 4)
