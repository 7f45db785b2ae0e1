"""The hidden cases of chapter 1."""

import torch

from autograder.cases import case
from autograder.operations import operator_calls, shares_memory, vjp


def strides_of_an_empty_tensor(shape):
    return torch.empty(shape, device="meta").stride()


def mT(a):
    return a.mT


def vector_norm_1(x, dim=None):
    return torch.linalg.vector_norm(x, 1, dim)


def vector_norm_2(x, dim=None):
    return torch.linalg.vector_norm(x, 2, dim)


def large(draw):
    """A magnitude whose square still fits in the dtype."""
    return 1e70 if draw.dtype == torch.float64 else 1e15


# The values of a tiny-magnitude case lie below every absolute tolerance, so only a relative one can tell.
RELATIVE = {"rtol": 1.3e-6, "atol": 0.0}
ALL_DTYPES = (torch.float64, torch.float32, torch.bfloat16)


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes, draws=3)
def shapes_are_aligned_at_the_last_dimension(broadcast_shapes, draw):
    """形状从最后一维对齐"""
    m, n, k = (draw.integer(2, 9) for _ in range(3))
    return broadcast_shapes((m, 1, n), (k, 1))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes, draws=3)
def the_longer_shape_may_come_second(broadcast_shapes, draw):
    """较长的形状可以在后"""
    m, n, k = (draw.integer(2, 9) for _ in range(3))
    return broadcast_shapes((n,), (m, k, 1))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes, draws=3)
def five_shapes_at_once(broadcast_shapes, draw):
    """五个形状一起广播"""
    a, b, c, d = (draw.integer(2, 9) for _ in range(4))
    return broadcast_shapes((1, 1, d), (b, 1, 1), (a, 1, c, 1), (), (1, d))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes)
def one_shape_alone_is_itself(broadcast_shapes, draw):
    """只有一个形状时就是它自己"""
    return broadcast_shapes((draw.integer(4, 9), 1, draw.integer(4, 9)))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes)
def a_scalar_goes_with_everything(broadcast_shapes, draw):
    """标量与任何形状都能广播"""
    return broadcast_shapes((), (draw.integer(4, 9), 2))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes)
def ones_everywhere_stay_ones(broadcast_shapes, draw):
    """全是 1 的形状仍是 1"""
    return broadcast_shapes((1,), (1, 1, 1))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes)
def an_empty_dimension_swallows_a_one(broadcast_shapes, draw):
    """大小 0 与大小 1 相遇得 0"""
    return broadcast_shapes((draw.integer(4, 9), 1, 2), (0, 1))


@case("broadcast_shapes", agrees_with=torch.broadcast_shapes)
def sizes_far_too_large_to_allocate(broadcast_shapes, draw):
    """大到无法分配内存的形状"""
    return broadcast_shapes((10**12, 1, 10**12), (10**12, 1))


@case("broadcast_shapes", facet="interface", agrees_with=torch.broadcast_shapes)
def no_shape_and_two_scalars_give_a_scalar(broadcast_shapes, draw):
    """没有形状、或都是标量时得到标量的形状"""
    return broadcast_shapes(), broadcast_shapes((), ())


@case("broadcast_shapes", facet="interface", raises=ValueError)
def an_empty_dimension_refuses_other_sizes(broadcast_shapes, draw):
    """大小 0 与大于 1 的大小不能广播"""
    return broadcast_shapes((3, 0), (3, 5))


@case("broadcast_shapes", facet="interface", raises=ValueError)
def a_multiple_does_not_broadcast(broadcast_shapes, draw):
    """整数倍的大小也不能广播"""
    return broadcast_shapes((6, 2), (3, 2))


@case("broadcast_shapes", facet="interface", raises=ValueError)
def the_third_shape_may_be_the_culprit(broadcast_shapes, draw):
    """不相容的可能是第三个形状"""
    return broadcast_shapes((3, 1), (1, 4), (2, 4))


@case("broadcast_shapes", facet="interface", raises=ValueError)
def a_mismatch_in_front_is_seen(broadcast_shapes, draw):
    """最前面的维度不相容也要发现"""
    return broadcast_shapes((2, 3, 4), (5, 3, 4))


@case("hadamard", agrees_with=torch.mul)
def square_matrices_are_not_multiplied_as_matrices(hadamard, draw):
    """方阵也是逐元素相乘"""
    return hadamard(draw.normal(5, 5), draw.normal(5, 5))


@case("hadamard", agrees_with=torch.mul)
def both_operands_are_stretched(hadamard, draw):
    """两个张量都被广播"""
    return hadamard(draw.normal(2, 1, 5), draw.normal(3, 1))


@case("hadamard", agrees_with=torch.mul)
def vectors_are_not_summed(hadamard, draw):
    """两个向量的积仍是向量"""
    return hadamard(draw.normal(7), draw.normal(7))


@case("hadamard", agrees_with=torch.mul)
def an_integer_times_a_float_is_a_float(hadamard, draw):
    """整数乘浮点数得浮点数"""
    integers = draw.integers(-9, 10, 3, 4)
    return hadamard(integers, draw.normal(3, 4)), hadamard(draw.normal(3, 4), integers)


@case("hadamard", agrees_with=torch.mul, dtypes=[torch.float32, torch.bfloat16])
def the_wider_float_wins(hadamard, draw):
    """两种浮点类型取较宽者"""
    return hadamard(draw.normal(3, 4), draw.normal(3, 4).double()), hadamard(draw.normal(4).double(), draw.normal(4))


@case("hadamard", agrees_with=torch.mul)
def large_integers_stay_exact(hadamard, draw):
    """很大的整数保持精确"""
    return hadamard(draw.integers(2**29, 2**31, 6), draw.integers(2**29, 2**31, 6))


@case("hadamard", agrees_with=torch.mul, dtypes=[torch.bfloat16])
def bfloat16_stays_bfloat16(hadamard, draw):
    """bfloat16 的积仍是 bfloat16"""
    return hadamard(draw.normal(3, 4), draw.normal(4))


@case("hadamard", agrees_with=torch.mul)
def views_that_are_not_contiguous(hadamard, draw):
    """不连续的视图"""
    return hadamard(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT)


@case("hadamard", facet="numerics", agrees_with=torch.mul)
def large_times_tiny(hadamard, draw):
    """很大的数乘很小的数"""
    return hadamard(draw.normal(3, 4, scale=large(draw)), draw.normal(3, 4, scale=1 / large(draw)))


@case("hadamard", facet="gradient", agrees_with=torch.mul)
def each_factor_gets_the_other(hadamard, draw):
    """每个因子的梯度是另一个因子"""
    return vjp(hadamard, draw.normal(3, 5), draw.normal(3, 5), cotangent=draw)


@case("hadamard", facet="gradient", agrees_with=torch.mul)
def gradients_of_stretched_operands_are_summed(hadamard, draw):
    """被广播的张量的梯度要求和"""
    return vjp(hadamard, draw.normal(2, 1, 5), draw.normal(3, 1), cotangent=draw)


@case("hadamard", facet="interface", agrees_with=torch.mul)
def scalars_and_empty_tensors_are_legal(hadamard, draw):
    """标量与空张量都合法"""
    return hadamard(draw.normal(), draw.normal()), hadamard(draw.normal(0, 3), draw.normal(1, 3))


@case("hadamard", facet="interface", raises=ValueError)
def shapes_that_do_not_broadcast_are_refused(hadamard, draw):
    """不能广播的形状必须报错"""
    return hadamard(draw.normal(3, 4), draw.normal(4, 3))


@case("power", agrees_with=torch.pow)
def all_powers_from_one_to_nine(power, draw):
    """一次到九次幂"""
    x = draw.normal(7)
    return tuple(power(x, n) for n in range(1, 10))


@case("power", agrees_with=torch.pow)
def all_powers_from_minus_nine_to_minus_one(power, draw):
    """负九次到负一次幂"""
    x = draw.uniform(2, 3, low=0.5, high=2) * (2 * draw.mask(2, 3) - 1)
    return tuple(power(x, n) for n in range(-9, 0))


@case("power", agrees_with=torch.pow, dtypes=[torch.float64], draws=3)
def a_daily_interest_over_many_years(power, draw):
    """许多年的每日复利"""
    return power(1 + draw.uniform(5, low=-1e-3, high=1e-3), draw.integer(1000, 9000))


@case("power", agrees_with=torch.pow)
def zero_to_the_zero_is_one(power, draw):
    """0 的 0 次方是 1"""
    return power(torch.zeros(2, 3, dtype=draw.dtype), 0)


@case("power", agrees_with=torch.pow, dtypes=[torch.bfloat16])
def a_cube_in_bfloat16(power, draw):
    """bfloat16 下的立方"""
    return power(draw.normal(3, 4), 3)


@case("power", agrees_with=torch.pow)
def a_view_keeps_its_shape(power, draw):
    """不连续的视图"""
    return power(draw.strided(draw.normal(3, 5)), 5)


@case("power", facet="numerics", agrees_with=torch.pow, **RELATIVE)
def large_and_tiny_bases(power, draw):
    """很大与很小的底数"""
    scale = 1e30 if draw.dtype == torch.float64 else 1e7
    x = draw.uniform(6, low=1, high=2)
    return power(x * scale, 5), power(x / scale, 5), power(x * scale, -4), power(x / scale, -4)


@case("power", facet="numerics", agrees_with=torch.pow)
def zero_to_a_negative_power_is_infinite(power, draw):
    """0 的负数次方是无穷大"""
    x = draw.uniform(5, low=0.5, high=2)
    x[2] = 0
    return power(x, -3)


@case("power", facet="numerics", agrees_with=torch.pow)
def even_infinity_to_the_zero_is_one(power, draw):
    """无穷大的 0 次方也是 1"""
    x = draw.normal(5)
    x[1], x[3] = torch.inf, -torch.inf
    return power(x, 0)


@case("power", facet="numerics", expected=True, dtypes=[torch.float64])
def a_ten_thousandth_power_takes_at_most_150_operations(power, draw):
    """一万次幂最多用 150 次运算"""
    return operator_calls(power, draw.uniform(3, low=0.999, high=1.001), 10_000 + draw.integer(0, 1000)) <= 150


@case("power", facet="gradient", agrees_with=torch.pow)
def the_slope_is_n_times_the_power_before(power, draw):
    """斜率是 n 乘以低一次的幂"""
    return tuple(vjp(power, draw.normal(3, 4), n, cotangent=draw) for n in (1, 2, 3, 6, 7))


@case("power", facet="gradient", agrees_with=torch.pow)
def the_slope_of_a_negative_power(power, draw):
    """负数次幂的斜率"""
    return vjp(power, draw.uniform(3, 4, low=0.5, high=2), -3, cotangent=draw)


@case("power", facet="gradient", agrees_with=torch.pow)
def the_slope_at_zero(power, draw):
    """在 0 处的斜率"""
    x = draw.normal(5)
    x[1] = 0
    return tuple(vjp(power, x, n, cotangent=draw) for n in (1, 2, 3))


@case("power", facet="gradient", agrees_with=torch.pow)
def the_zeroth_power_is_in_the_graph_with_slope_zero(power, draw):
    """零次幂仍在计算图中，斜率为 0"""
    x = draw.normal(4)
    x[2] = 0
    return vjp(power, x, 0, cotangent=draw)


@case("power", facet="interface", agrees_with=torch.pow)
def numbers_and_empty_tensors_are_legal_bases(power, draw):
    """标量与空张量都可以作底数"""
    return power(draw.normal(), 3), power(draw.normal(0, 3), 2), power(draw.normal(2, 0), -1)


@case("power", facet="interface", raises=ValueError)
def half_a_power_is_refused(power, draw):
    """指数不是整数必须报错"""
    return power(draw.uniform(4, low=1, high=2), 2.5)


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor, draws=3)
def five_dimensions(contiguous_strides, draw):
    """五个维度"""
    return contiguous_strides(tuple(draw.integer(2, 9) for _ in range(5)))


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor)
def a_vector_has_stride_one(contiguous_strides, draw):
    """向量的 stride 是 1"""
    return contiguous_strides((draw.integer(2, 9),))


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor)
def sizes_of_one_are_dimensions_too(contiguous_strides, draw):
    """大小为 1 的维度也有 stride"""
    m, n = draw.integer(2, 9), draw.integer(2, 9)
    return contiguous_strides((1, m, 1, 1, n, 1))


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor)
def an_empty_dimension_counts_as_one(contiguous_strides, draw):
    """大小为 0 的维度按 1 计"""
    m, n = draw.integer(2, 9), draw.integer(2, 9)
    return contiguous_strides((m, 0, n)), contiguous_strides((m, n, 0)), contiguous_strides((0, m, n))


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor)
def more_entries_than_fit_in_memory(contiguous_strides, draw):
    """元素多到内存放不下"""
    return contiguous_strides((2, 10**6 + draw.integer(0, 9), 10**7, 3))


@case("contiguous_strides", facet="interface", agrees_with=strides_of_an_empty_tensor)
def a_scalar_has_no_stride(contiguous_strides, draw):
    """标量没有 stride"""
    return contiguous_strides(())


@case("contiguous_strides", facet="interface", agrees_with=strides_of_an_empty_tensor)
def a_torch_size_is_a_shape(contiguous_strides, draw):
    """torch.Size 也是形状"""
    return contiguous_strides(torch.Size((4, 2, 3)))


@case("transpose", agrees_with=mT)
def two_batch_dimensions_stay(transpose, draw):
    """两个批次维都不动"""
    return transpose(draw.normal(2, 3, 4, 5))


@case("transpose", agrees_with=mT)
def a_square_matrix_is_mirrored(transpose, draw):
    """方阵沿对角线翻转"""
    return transpose(draw.normal(5, 5))


@case("transpose", agrees_with=mT)
def a_row_becomes_a_column(transpose, draw):
    """一行变成一列"""
    return transpose(draw.normal(1, 6)), transpose(draw.normal(6, 1))


@case("transpose", agrees_with=mT)
def strides_that_are_not_contiguous(transpose, draw):
    """步长不连续的张量"""
    return transpose(draw.strided(draw.normal(2, 3, 5)))


@case("transpose", agrees_with=mT)
def a_block_that_does_not_start_at_the_first_entry(transpose, draw):
    """不从第一个元素开始的子块"""
    return transpose(draw.normal(5, 6)[2:, 1:4])


@case("transpose", agrees_with=mT)
def a_row_repeated_by_broadcasting(transpose, draw):
    """由广播重复出来的行"""
    return transpose(draw.normal(1, 4).expand(3, 4))


@case("transpose", agrees_with=mT, dtypes=[torch.bfloat16])
def a_bfloat16_matrix(transpose, draw):
    """bfloat16 的矩阵"""
    return transpose(draw.normal(3, 4))


@case("transpose", agrees_with=mT)
def a_matrix_of_integers(transpose, draw):
    """整数矩阵"""
    return transpose(draw.integers(-99, 99, 3, 4))


@case("transpose", facet="gradient", agrees_with=mT)
def the_gradient_is_transposed_back(transpose, draw):
    """梯度被转置回来"""
    return vjp(transpose, draw.normal(2, 3, 5), cotangent=draw)


@case("transpose", facet="interface", agrees_with=mT, weight=2)
def the_result_is_a_view(transpose, draw):
    """结果是视图"""
    return shares_memory(transpose, draw.normal(3, 4)), shares_memory(transpose, draw.normal(2, 3, 4))


@case("transpose", facet="interface", agrees_with=mT)
def empty_matrices_are_legal(transpose, draw):
    """空矩阵合法"""
    return transpose(draw.normal(0, 3)), transpose(draw.normal(2, 4, 0)), transpose(draw.normal(0, 3, 4))


@case("transpose", facet="interface", raises=ValueError)
def a_vector_has_no_transpose(transpose, draw):
    """向量不能转置"""
    return transpose(draw.normal(4))


@case("transpose", facet="interface", raises=ValueError)
def a_scalar_has_no_transpose(transpose, draw):
    """标量不能转置"""
    return transpose(draw.normal())


@case("dot", agrees_with=torch.dot)
def vectors_of_length_one(dot, draw):
    """长度为 1 的向量"""
    return dot(draw.normal(1), draw.normal(1))


@case("dot", agrees_with=torch.dot)
def long_vectors(dot, draw):
    """很长的向量"""
    return dot(draw.uniform(1001), draw.uniform(1001))


@case("dot", agrees_with=torch.dot)
def every_second_entry_of_a_vector(dot, draw):
    """不连续的向量"""
    return dot(draw.strided(draw.normal(9)), draw.normal(9, 2)[:, 1])


@case("dot", agrees_with=torch.dot)
def vectors_of_large_integers(dot, draw):
    """很大的整数向量"""
    return dot(draw.integers(2**28, 2**29, 5), draw.integers(2**28, 2**29, 5))


@case("dot", agrees_with=torch.dot, dtypes=[torch.bfloat16])
def vectors_in_bfloat16(dot, draw):
    """bfloat16 的向量"""
    return dot(draw.uniform(9, low=1, high=2), draw.uniform(9, low=1, high=2))


@case("dot", facet="numerics", agrees_with=torch.dot, **RELATIVE)
def vectors_of_large_and_of_tiny_entries(dot, draw):
    """元素很大或很小的向量"""
    x, y = draw.uniform(6, low=1, high=2), draw.uniform(6, low=1, high=2)
    return dot(x * large(draw), y * large(draw)), dot(x / large(draw), y / large(draw))


@case("dot", facet="gradient", agrees_with=torch.dot)
def each_vector_gets_the_other(dot, draw):
    """每个向量的梯度是另一个向量"""
    return vjp(dot, draw.normal(7), draw.normal(7), cotangent=draw)


@case("dot", facet="interface", agrees_with=torch.dot)
def empty_vectors_give_zero(dot, draw):
    """空向量的点积是 0"""
    return dot(draw.normal(0), draw.normal(0))


@case("dot", facet="interface", raises=ValueError)
def a_vector_of_length_one_is_not_stretched(dot, draw):
    """长度为 1 的向量不会被广播"""
    return dot(draw.normal(5), draw.normal(1))


@case("dot", facet="interface", raises=ValueError)
def the_first_vector_is_not_stretched_either(dot, draw):
    """第一个向量也不会被广播"""
    return dot(draw.normal(1), draw.normal(5))


@case("dot", facet="interface", raises=ValueError)
def two_matrices_are_refused(dot, draw):
    """两个矩阵没有点积"""
    return dot(draw.normal(3, 4), draw.normal(3, 4))


@case("dot", facet="interface", raises=ValueError)
def two_scalars_are_refused(dot, draw):
    """两个标量没有点积"""
    return dot(draw.normal(), draw.normal())


@case("matvec", agrees_with=torch.mv)
def a_square_matrix_acts_by_its_rows(matvec, draw):
    """方阵按行作用"""
    return matvec(draw.normal(5, 5), draw.normal(5))


@case("matvec", agrees_with=torch.mv)
def one_row_and_one_column(matvec, draw):
    """只有一行，或只有一列"""
    return matvec(draw.normal(1, 6), draw.normal(6)), matvec(draw.normal(6, 1), draw.normal(1))


@case("matvec", agrees_with=torch.mv)
def a_matrix_and_a_vector_that_are_not_contiguous(matvec, draw):
    """不连续的矩阵与向量"""
    return matvec(draw.normal(5, 3).mT, draw.strided(draw.normal(5)))


@case("matvec", agrees_with=torch.mv, dtypes=[torch.bfloat16])
def a_matrix_in_bfloat16(matvec, draw):
    """bfloat16 的矩阵"""
    return matvec(draw.uniform(3, 9, low=1, high=2), draw.uniform(9, low=1, high=2))


@case("matvec", facet="numerics", agrees_with=torch.mv, **RELATIVE)
def a_matrix_of_large_and_of_tiny_entries(matvec, draw):
    """元素很大或很小的矩阵"""
    a, x = draw.uniform(3, 6, low=1, high=2), draw.uniform(6, low=1, high=2)
    return matvec(a * large(draw), x * large(draw)), matvec(a / large(draw), x / large(draw))


@case("matvec", facet="gradient", agrees_with=torch.mv)
def gradients_of_the_matrix_and_of_the_vector(matvec, draw):
    """矩阵与向量的梯度"""
    return vjp(matvec, draw.normal(3, 5), draw.normal(5), cotangent=draw)


@case("matvec", facet="interface", agrees_with=torch.mv)
def a_matrix_without_rows_or_without_columns(matvec, draw):
    """没有行或没有列的矩阵"""
    return matvec(draw.normal(0, 4), draw.normal(4)), matvec(draw.normal(3, 0), draw.normal(0))


@case("matvec", facet="interface", raises=ValueError)
def a_vector_of_length_one_is_refused(matvec, draw):
    """长度为 1 的向量不会被广播"""
    return matvec(draw.normal(3, 4), draw.normal(1))


@case("matvec", facet="interface", raises=ValueError)
def a_matrix_with_one_column_is_not_stretched(matvec, draw):
    """只有一列的矩阵不会被广播"""
    return matvec(draw.normal(3, 1), draw.normal(4))


@case("matvec", facet="interface", raises=ValueError)
def a_column_matrix_is_not_a_vector(matvec, draw):
    """一列的矩阵不是向量"""
    return matvec(draw.normal(4, 4), draw.normal(4, 1))


@case("matvec", facet="interface", raises=ValueError)
def a_vector_is_not_a_matrix(matvec, draw):
    """向量不是矩阵"""
    return matvec(draw.normal(4), draw.normal(4))


@case("matvec", facet="interface", raises=ValueError)
def a_batch_is_not_a_matrix(matvec, draw):
    """一批矩阵不是矩阵"""
    return matvec(draw.normal(2, 3, 4), draw.normal(4))


@case("matvec", facet="interface", raises=ValueError)
def a_vector_that_is_a_number_is_refused(matvec, draw):
    """标量不是向量"""
    return matvec(draw.normal(3, 4), draw.normal())


@case("matmul", agrees_with=torch.matmul)
def square_matrices_in_the_order_given(matmul, draw):
    """方阵按给定的次序相乘"""
    return matmul(draw.normal(5, 5), draw.normal(5, 5))


@case("matmul", agrees_with=torch.matmul)
def batch_dimensions_broadcast(matmul, draw):
    """批次维可以广播"""
    return matmul(draw.normal(2, 1, 3, 4), draw.normal(5, 4, 6))


@case("matmul", agrees_with=torch.matmul)
def one_matrix_serves_the_whole_batch(matmul, draw):
    """一个矩阵用于整个批次"""
    return matmul(draw.normal(4, 3, 5), draw.normal(5, 2)), matmul(draw.normal(2, 3), draw.normal(4, 3, 5))


@case("matmul", agrees_with=torch.matmul)
def a_vector_on_the_right_is_a_column(matmul, draw):
    """右边的向量是列"""
    return matmul(draw.normal(3, 4), draw.normal(4)), matmul(draw.normal(2, 4, 4), draw.normal(4))


@case("matmul", agrees_with=torch.matmul)
def a_vector_on_the_left_is_a_row(matmul, draw):
    """左边的向量是行"""
    return matmul(draw.normal(3), draw.normal(3, 4)), matmul(draw.normal(4), draw.normal(2, 4, 4))


@case("matmul", agrees_with=torch.matmul)
def two_vectors_give_a_number(matmul, draw):
    """两个向量得一个数"""
    return matmul(draw.normal(6), draw.normal(6))


@case("matmul", agrees_with=torch.matmul)
def sizes_of_one_stay_in_the_result(matmul, draw):
    """大小为 1 的维度留在结果里"""
    return (
        matmul(draw.normal(1, 4), draw.normal(4, 1)),
        matmul(draw.normal(3, 1), draw.normal(1, 4)),
        matmul(draw.normal(1), draw.normal(1, 1)),
        matmul(draw.normal(1, 1, 4), draw.normal(4)),
    )


@case("matmul", agrees_with=torch.matmul)
def matrices_that_are_not_contiguous(matmul, draw):
    """不连续的矩阵"""
    return matmul(draw.strided(draw.normal(3, 5)), draw.normal(4, 5).mT)


@case("matmul", agrees_with=torch.matmul)
def a_long_inner_dimension(matmul, draw):
    """很长的内侧维度"""
    return matmul(draw.uniform(3, 777), draw.uniform(777, 2))


@case("matmul", agrees_with=torch.matmul, dtypes=[torch.bfloat16])
def matrices_in_bfloat16(matmul, draw):
    """bfloat16 的矩阵"""
    return matmul(draw.uniform(3, 9, low=1, high=2), draw.uniform(9, 4, low=1, high=2))


@case("matmul", facet="numerics", agrees_with=torch.matmul, **RELATIVE)
def matrices_of_large_and_of_tiny_entries(matmul, draw):
    """元素很大或很小的矩阵"""
    a, b = draw.uniform(3, 6, low=1, high=2), draw.uniform(6, 2, low=1, high=2)
    return matmul(a * large(draw), b * large(draw)), matmul(a / large(draw), b / large(draw))


@case("matmul", facet="gradient", agrees_with=torch.matmul)
def gradients_of_both_matrices(matmul, draw):
    """两个矩阵的梯度"""
    return vjp(matmul, draw.normal(3, 4), draw.normal(4, 5), cotangent=draw)


@case("matmul", facet="gradient", agrees_with=torch.matmul)
def gradients_are_summed_over_the_shared_batch(matmul, draw):
    """共用的矩阵的梯度沿批次求和"""
    return vjp(matmul, draw.normal(2, 1, 3, 4), draw.normal(5, 4, 2), cotangent=draw)


@case("matmul", facet="gradient", agrees_with=torch.matmul)
def gradients_of_vectors(matmul, draw):
    """向量的梯度"""
    return (
        vjp(matmul, draw.normal(4), draw.normal(4, 3), cotangent=draw),
        vjp(matmul, draw.normal(3, 4), draw.normal(4), cotangent=draw),
        vjp(matmul, draw.normal(4), draw.normal(4), cotangent=draw),
    )


@case("matmul", facet="interface", agrees_with=torch.matmul)
def an_empty_inner_dimension_gives_zeros(matmul, draw):
    """空的内侧维度得到零矩阵"""
    return matmul(draw.normal(3, 0), draw.normal(0, 4))


@case("matmul", facet="interface", agrees_with=torch.matmul)
def an_empty_batch_or_row_is_legal(matmul, draw):
    """空的批次或行都合法"""
    return matmul(draw.normal(0, 3, 4), draw.normal(4, 2)), matmul(draw.normal(0, 4), draw.normal(4, 2))


@case("matmul", facet="interface", raises=ValueError)
def an_inner_size_of_one_is_not_stretched(matmul, draw):
    """大小为 1 的内侧维度不会被广播"""
    return matmul(draw.normal(3, 1), draw.normal(4, 2))


@case("matmul", facet="interface", raises=ValueError)
def the_other_inner_size_of_one_is_not_stretched_either(matmul, draw):
    """另一边大小为 1 的内侧维度也不会被广播"""
    return matmul(draw.normal(3, 4), draw.normal(1, 2))


@case("matmul", facet="interface", raises=ValueError)
def a_vector_must_fit_the_inner_size(matmul, draw):
    """向量的长度必须等于内侧维度"""
    return matmul(draw.normal(3, 4), draw.normal(1))


@case("matmul", facet="interface", raises=ValueError)
def batches_that_do_not_broadcast_are_refused(matmul, draw):
    """批次维不能广播必须报错"""
    return matmul(draw.normal(2, 3, 4), draw.normal(3, 4, 5))


@case("matmul", facet="interface", raises=ValueError)
def a_number_is_not_a_matrix(matmul, draw):
    """标量不是矩阵"""
    return matmul(draw.normal(3, 4), draw.normal())


@case("matmul", facet="interface", raises=ValueError)
def a_number_on_the_left_is_no_matrix_either(matmul, draw):
    """左边的标量也不是矩阵"""
    return matmul(draw.normal(), draw.normal(3, 4))


@case("concatenate", agrees_with=torch.cat)
def three_parts_of_unequal_size(concatenate, draw):
    """三段长短不一"""
    return concatenate([draw.normal(2, n, 3) for n in (4, 1, 5)], dim=1)


@case("concatenate", agrees_with=torch.cat)
def a_negative_dimension_counts_from_the_end(concatenate, draw):
    """负的维度从后往前数"""
    return (
        concatenate([draw.normal(3, 4, 2), draw.normal(3, 4, 5)], dim=-1),
        concatenate([draw.normal(2, 4, 2), draw.normal(3, 4, 2)], dim=-3),
    )


@case("concatenate", agrees_with=torch.cat)
def parts_of_equal_size_keep_their_order(concatenate, draw):
    """大小相等的几段保持次序"""
    return concatenate([draw.normal(3, 3), draw.normal(3, 3), draw.normal(3, 3)], dim=1)


@case("concatenate", agrees_with=torch.cat)
def vectors_in_a_tuple(concatenate, draw):
    """元组里的向量"""
    return concatenate((draw.normal(3), draw.normal(1), draw.normal(4)))


@case("concatenate", agrees_with=torch.cat)
def integers_and_floats_become_floats(concatenate, draw):
    """整数与浮点数连接后是浮点数"""
    integers, floats = draw.integers(-9, 10, 3, 2), draw.normal(2, 2)
    return concatenate([integers, floats]), concatenate([floats, integers])


@case("concatenate", agrees_with=torch.cat, dtypes=[torch.bfloat16, torch.float32])
def the_widest_float_wins(concatenate, draw):
    """几种浮点类型取最宽者"""
    parts = [draw.normal(2), draw.normal(3).double(), draw.normal(2).float()]
    return concatenate(parts), concatenate(parts[::2])


@case("concatenate", agrees_with=torch.cat)
def large_integers_are_not_rounded(concatenate, draw):
    """很大的整数不被舍入"""
    return concatenate([draw.integers(2**60, 2**61, 3), draw.integers(0, 9, 2).int()])


@case("concatenate", agrees_with=torch.cat, dtypes=ALL_DTYPES)
def one_tensor_alone(concatenate, draw):
    """只有一个张量"""
    return concatenate([draw.normal(3, 4)], dim=1)


@case("concatenate", agrees_with=torch.cat)
def a_part_may_be_empty(concatenate, draw):
    """其中一段可以是空的"""
    return concatenate([draw.normal(3, 2), draw.normal(3, 0), draw.normal(3, 1)], dim=1)


@case("concatenate", agrees_with=torch.cat)
def parts_that_are_not_contiguous(concatenate, draw):
    """不连续的几段"""
    return concatenate([draw.strided(draw.normal(2, 3)), draw.normal(3, 4).mT], dim=0)


@case("concatenate", facet="numerics", agrees_with=torch.cat)
def infinity_stays_in_its_place(concatenate, draw):
    """无穷大留在原处"""
    x = draw.normal(2, 3)
    x[0, 1], x[1, 2] = torch.inf, torch.nan
    return concatenate([draw.normal(2, 3), x, draw.normal(1, 3)])


@case("concatenate", facet="numerics", agrees_with=torch.cat, rtol=0.0, atol=0.0)
def tiny_numbers_beside_huge_ones_are_copied_exactly(concatenate, draw):
    """很小与很大的数都原样复制"""
    # Copying does no arithmetic, so nothing may change.
    return concatenate([draw.normal(3, scale=1 / large(draw)), draw.normal(2, scale=large(draw))])


@case("concatenate", facet="gradient", agrees_with=torch.cat)
def every_part_gets_its_own_gradient(concatenate, draw):
    """每一段得到自己的梯度"""
    return vjp(concatenate, [draw.normal(3, 2), draw.normal(3, 4), draw.normal(3, 1)], cotangent=draw, dim=1)


@case("concatenate", facet="interface", agrees_with=torch.cat)
def nothing_but_empty_parts(concatenate, draw):
    """全是空的几段"""
    return concatenate([draw.normal(0, 3), draw.normal(0, 3)]), concatenate([draw.normal(2, 0), draw.normal(3, 0)])


@case("concatenate", facet="interface", raises=ValueError)
def other_sizes_that_differ_are_refused(concatenate, draw):
    """其余维度大小不等必须报错"""
    return concatenate([draw.normal(2, 3), draw.normal(2, 4)], dim=0)


@case("concatenate", facet="interface", raises=ValueError)
def a_size_of_one_is_not_stretched(concatenate, draw):
    """大小为 1 的维度不会被广播"""
    return concatenate([draw.normal(2, 4), draw.normal(3, 1)], dim=0)


@case("concatenate", facet="interface", raises=ValueError)
def a_matrix_and_a_vector_are_refused(concatenate, draw):
    """矩阵与向量不能连接"""
    return concatenate([draw.normal(2, 3), draw.normal(3)], dim=0)


@case("concatenate", facet="interface", raises=ValueError)
def numbers_without_dimension_are_refused(concatenate, draw):
    """标量没有可以连接的维度"""
    return concatenate([draw.normal(), draw.normal()])


@case("concatenate", facet="interface", raises=ValueError)
def no_tensor_at_all_is_refused(concatenate, draw):
    """一个张量也没有必须报错"""
    return concatenate([])


@case("concatenate", facet="interface", raises=ValueError)
def a_dimension_that_does_not_exist_is_refused(concatenate, draw):
    """不存在的维度必须报错"""
    return concatenate([draw.normal(3, 3), draw.normal(3, 3)], dim=2)


@case("concatenate", facet="interface", raises=ValueError)
def a_negative_dimension_that_does_not_exist_is_refused(concatenate, draw):
    """不存在的负维度必须报错"""
    return concatenate([draw.normal(3, 3), draw.normal(3, 3)], dim=-3)


@case("mean_along", agrees_with=torch.mean, dtypes=ALL_DTYPES)
def the_last_dimension_counted_from_the_end(mean_along, draw):
    """从后往前数的最后一维"""
    return mean_along(draw.uniform(2, 3, 5, low=1, high=2), -1)


@case("mean_along", agrees_with=torch.mean)
def the_dimension_in_the_middle(mean_along, draw):
    """中间的维度"""
    return mean_along(draw.normal(2, 7, 3), 1)


@case("mean_along", agrees_with=torch.mean)
def several_dimensions_in_any_order(mean_along, draw):
    """几个维度，次序任意"""
    x = draw.normal(2, 3, 5, 4)
    return mean_along(x, (3, 0)), mean_along(x, (0, 1, 2)), mean_along(x, (2, 1))


@case("mean_along", agrees_with=torch.mean)
def several_negative_dimensions(mean_along, draw):
    """几个负的维度"""
    x = draw.normal(2, 3, 5, 4)
    return mean_along(x, (-1, -3)), mean_along(x, (-4, 2))


@case("mean_along", agrees_with=torch.mean)
def all_dimensions_give_one_number(mean_along, draw):
    """全部维度平均成一个数"""
    return mean_along(draw.normal(3, 4), (0, 1))


@case("mean_along", agrees_with=torch.mean)
def a_tuple_of_one_dimension(mean_along, draw):
    """只含一个维度的元组"""
    return mean_along(draw.normal(3, 4), (1,)), mean_along(draw.normal(3, 4), (-2,), keepdim=True)


@case("mean_along", agrees_with=torch.mean)
def several_dimensions_are_kept_on_demand(mean_along, draw):
    """需要时保留几个维度"""
    x = draw.normal(2, 3, 5)
    return mean_along(x, (0, 2), keepdim=True), mean_along(x, -2, True)


@case("mean_along", agrees_with=torch.mean)
def a_dimension_of_size_one(mean_along, draw):
    """大小为 1 的维度"""
    return mean_along(draw.normal(3, 1, 4), 1), mean_along(draw.normal(1, 5), (0, 1))


@case("mean_along", agrees_with=torch.mean)
def the_mean_of_a_view_that_is_not_contiguous(mean_along, draw):
    """不连续的视图的平均"""
    return mean_along(draw.strided(draw.normal(3, 5)), 0), mean_along(draw.normal(4, 3, 2).mT, (0, 1))


@case("mean_along", facet="numerics", agrees_with=torch.mean, **RELATIVE)
def means_of_large_and_of_tiny_numbers(mean_along, draw):
    """很大与很小的数的平均"""
    x = draw.uniform(3, 4, low=1, high=2)
    return mean_along(x * large(draw) ** 2, 1), mean_along(x / large(draw) ** 2, 1)


@case("mean_along", facet="numerics", agrees_with=torch.mean)
def nothing_to_average_gives_nan(mean_along, draw):
    """没有可平均的数时得 NaN"""
    return mean_along(draw.normal(3, 0), 1)


@case("mean_along", facet="gradient", agrees_with=torch.mean)
def every_entry_gets_an_equal_share(mean_along, draw):
    """每个元素分得相等的梯度"""
    return vjp(mean_along, draw.normal(2, 3, 5), cotangent=draw, dim=(0, 2))


@case("mean_along", facet="gradient", agrees_with=torch.mean)
def gradients_of_a_mean_that_keeps_its_dimension(mean_along, draw):
    """保留维度时的梯度"""
    return vjp(mean_along, draw.normal(3, 5), cotangent=draw, dim=-1, keepdim=True)


@case("mean_along", facet="interface", agrees_with=torch.mean)
def an_empty_result_is_legal(mean_along, draw):
    """结果可以是空的"""
    return mean_along(draw.normal(0, 3), 1), mean_along(draw.normal(2, 0, 3), (0, 2), keepdim=True)


@case("mean_along", facet="interface", raises=ValueError)
def a_dimension_beyond_the_last_is_refused(mean_along, draw):
    """超出范围的维度必须报错"""
    return mean_along(draw.normal(3, 4), 2)


@case("mean_along", facet="interface", raises=ValueError)
def a_dimension_named_twice_is_refused(mean_along, draw):
    """同一维度写两次必须报错"""
    return mean_along(draw.normal(3, 4), (1, -1))


@case("l1_norm", agrees_with=vector_norm_1, dtypes=ALL_DTYPES)
def negative_entries_count_by_their_size(l1_norm, draw):
    """负的元素按绝对值计"""
    return l1_norm(-draw.uniform(9, low=0.5, high=2))


@case("l1_norm", agrees_with=vector_norm_1)
def all_entries_of_a_tensor_as_one_vector(l1_norm, draw):
    """整个张量看作一个向量"""
    return l1_norm(draw.normal(2, 3, 4))


@case("l1_norm", agrees_with=vector_norm_1)
def each_column_and_each_last_dimension(l1_norm, draw):
    """逐列，以及沿最后一维"""
    x = draw.normal(3, 4, 2)
    return l1_norm(x, 0), l1_norm(x, dim=-1), l1_norm(x, dim=-2)


@case("l1_norm", agrees_with=vector_norm_1)
def a_vector_spread_over_two_dimensions(l1_norm, draw):
    """占两个维度的向量"""
    return l1_norm(draw.normal(2, 3, 4), dim=(0, -1))


@case("l1_norm", agrees_with=vector_norm_1)
def one_entry_alone(l1_norm, draw):
    """只有一个元素"""
    return l1_norm(draw.normal(1)), l1_norm(draw.normal()), l1_norm(draw.normal(3, 1), dim=1)


@case("l1_norm", agrees_with=vector_norm_1)
def the_l1_norm_of_a_view(l1_norm, draw):
    """不连续的视图的 L1 范数"""
    return l1_norm(draw.strided(draw.normal(3, 5)), dim=0), l1_norm(draw.normal(3, 5).mT, dim=0)


@case("l1_norm", facet="numerics", agrees_with=vector_norm_1, **RELATIVE)
def l1_norms_of_large_and_of_tiny_vectors(l1_norm, draw):
    """很大与很小的向量的 L1 范数"""
    signs = torch.tensor([1, -1, 1, 1, -1, 1], dtype=draw.dtype)  # of one sign, |Σx| would be right as well
    x, y = draw.uniform(6, low=0.5, high=2) * signs, draw.uniform(6, low=0.5, high=2) * signs
    return l1_norm(x * large(draw) ** 2), l1_norm(y / large(draw) ** 2)


@case("l1_norm", facet="gradient", agrees_with=vector_norm_1)
def the_gradient_is_the_sign(l1_norm, draw):
    """梯度是符号"""
    return vjp(l1_norm, draw.normal(3, 5), cotangent=draw, dim=1)


@case("l1_norm", facet="gradient", agrees_with=vector_norm_1)
def the_gradient_at_zero_is_zero(l1_norm, draw):
    """在 0 处梯度为 0"""
    x = draw.normal(6)
    x[1] = x[4] = 0
    return vjp(l1_norm, x, cotangent=draw)


@case("l1_norm", facet="interface", agrees_with=vector_norm_1)
def the_l1_norm_of_nothing_is_zero(l1_norm, draw):
    """空向量的 L1 范数是 0"""
    return l1_norm(draw.normal(0)), l1_norm(draw.normal(3, 0), dim=1), l1_norm(draw.normal(3, 0), dim=0)


@case("l1_norm", facet="interface", raises=ValueError)
def an_l1_norm_along_a_missing_dimension_is_refused(l1_norm, draw):
    """沿不存在的维度必须报错"""
    return l1_norm(draw.normal(3, 4), dim=2)


@case("l2_norm", agrees_with=vector_norm_2, dtypes=ALL_DTYPES)
def signs_do_not_cancel(l2_norm, draw):
    """正负不会抵消"""
    return l2_norm(draw.uniform(9, low=0.5, high=2) * (2 * draw.mask(9) - 1))


@case("l2_norm", agrees_with=vector_norm_2)
def a_whole_tensor_as_one_vector(l2_norm, draw):
    """整个张量看作一个向量"""
    return l2_norm(draw.normal(2, 3, 4))


@case("l2_norm", agrees_with=vector_norm_2)
def columns_and_last_dimensions(l2_norm, draw):
    """逐列，以及沿最后一维"""
    x = draw.normal(3, 4, 2)
    return l2_norm(x, 0), l2_norm(x, dim=-1), l2_norm(x, dim=-2)


@case("l2_norm", agrees_with=vector_norm_2)
def a_vector_that_fills_two_dimensions(l2_norm, draw):
    """占两个维度的向量"""
    return l2_norm(draw.normal(2, 3, 4), dim=(0, -1))


@case("l2_norm", agrees_with=vector_norm_2)
def the_length_of_one_entry_is_its_size(l2_norm, draw):
    """单个元素的长度是它的绝对值"""
    return l2_norm(draw.normal(1)), l2_norm(draw.normal()), l2_norm(draw.normal(3, 1), dim=1)


@case("l2_norm", agrees_with=vector_norm_2)
def the_l2_norm_of_a_view(l2_norm, draw):
    """不连续的视图的 L2 范数"""
    return l2_norm(draw.strided(draw.normal(3, 5)), dim=0), l2_norm(draw.normal(3, 5).mT, dim=0)


@case("l2_norm", facet="numerics", agrees_with=vector_norm_2, **RELATIVE)
def l2_norms_of_large_and_of_tiny_vectors(l2_norm, draw):
    """很大与很小的向量的 L2 范数"""
    return l2_norm(draw.normal(6, scale=large(draw))), l2_norm(draw.normal(6, scale=1 / large(draw)))


@case("l2_norm", facet="numerics", agrees_with=vector_norm_2)
def an_infinite_entry_makes_an_infinite_length(l2_norm, draw):
    """有无穷大的元素则长度为无穷大"""
    x = draw.normal(3, 4)
    x[1, 2], x[2, 0] = -torch.inf, torch.nan
    return l2_norm(x, dim=1)


@case("l2_norm", facet="gradient", agrees_with=vector_norm_2)
def the_gradient_is_the_direction(l2_norm, draw):
    """梯度是单位方向"""
    return vjp(l2_norm, draw.normal(3, 5), cotangent=draw, dim=1)


@case("l2_norm", facet="gradient", agrees_with=vector_norm_2)
def a_row_of_zeros_gets_the_gradient_zero(l2_norm, draw):
    """全零的一行梯度为 0"""
    x = draw.normal(4, 5)
    x[2] = 0
    return vjp(l2_norm, x, cotangent=draw, dim=1)


@case("l2_norm", facet="gradient", agrees_with=vector_norm_2)
def a_vector_of_zeros_gets_the_gradient_zero(l2_norm, draw):
    """零向量的梯度为 0"""
    return vjp(l2_norm, torch.zeros(4, dtype=draw.dtype), cotangent=draw)


@case("l2_norm", facet="gradient", agrees_with=vector_norm_2)
def short_vectors_have_the_gradients_of_long_ones(l2_norm, draw):
    """很短的向量的梯度与长的一样"""
    return vjp(l2_norm, draw.normal(3, 5, scale=1e-30), cotangent=draw, dim=0)


@case("l2_norm", facet="interface", agrees_with=vector_norm_2)
def the_length_of_nothing_and_of_zeros_is_zero(l2_norm, draw):
    """空向量与零向量的长度是 0"""
    return (
        l2_norm(draw.normal(0)),
        l2_norm(draw.normal(3, 0), dim=1),
        l2_norm(draw.normal(3, 0), dim=0),
        l2_norm(torch.zeros(2, 3, dtype=draw.dtype), dim=1),
    )


@case("l2_norm", facet="interface", raises=ValueError)
def a_length_along_a_missing_dimension_is_refused(l2_norm, draw):
    """沿不存在的维度必须报错"""
    return l2_norm(draw.normal(3, 4), dim=2)


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm, dtypes=ALL_DTYPES)
def two_batch_dimensions_of_matrices(frobenius_norm, draw):
    """两个批次维的矩阵"""
    return frobenius_norm(draw.normal(2, 3, 4, 5))


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm)
def it_is_not_the_largest_singular_value(frobenius_norm, draw):
    """它不是最大奇异值"""
    return frobenius_norm(torch.diag(draw.uniform(4, low=1, high=2)))


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm)
def a_square_matrix_with_negative_entries(frobenius_norm, draw):
    """含负元素的方阵"""
    return frobenius_norm(-draw.uniform(5, 5))


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm)
def matrices_of_one_row_or_one_column(frobenius_norm, draw):
    """只有一行或一列的矩阵"""
    return frobenius_norm(draw.normal(1, 5)), frobenius_norm(draw.normal(2, 5, 1)), frobenius_norm(draw.normal(1, 1))


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm)
def the_norm_of_matrices_that_are_not_contiguous(frobenius_norm, draw):
    """不连续的矩阵的范数"""
    return frobenius_norm(draw.strided(draw.normal(2, 3, 5))), frobenius_norm(draw.normal(3, 5).mT)


@case("frobenius_norm", facet="numerics", agrees_with=torch.linalg.matrix_norm, **RELATIVE)
def norms_of_large_and_of_tiny_matrices(frobenius_norm, draw):
    """很大与很小的矩阵的范数"""
    a = draw.normal(2, 3, 4)
    return frobenius_norm(a * large(draw)), frobenius_norm(a / large(draw))


@case("frobenius_norm", facet="gradient", agrees_with=torch.linalg.matrix_norm)
def the_gradient_is_the_normalised_matrix(frobenius_norm, draw):
    """梯度是归一化的矩阵"""
    return vjp(frobenius_norm, draw.normal(2, 3, 4), cotangent=draw)


@case("frobenius_norm", facet="gradient", agrees_with=torch.linalg.matrix_norm)
def a_matrix_of_zeros_in_a_batch_gets_the_gradient_zero(frobenius_norm, draw):
    """批次中的零矩阵梯度为 0"""
    a = draw.normal(3, 2, 4)
    a[1] = 0
    return vjp(frobenius_norm, a, cotangent=draw)


@case("frobenius_norm", facet="interface", agrees_with=torch.linalg.matrix_norm)
def empty_matrices_and_empty_batches(frobenius_norm, draw):
    """空矩阵与空批次"""
    return frobenius_norm(draw.normal(2, 0, 3)), frobenius_norm(draw.normal(0, 3, 4))


@case("frobenius_norm", facet="interface", raises=ValueError)
def a_vector_has_no_frobenius_norm(frobenius_norm, draw):
    """向量没有 Frobenius 范数"""
    return frobenius_norm(draw.normal(4))
