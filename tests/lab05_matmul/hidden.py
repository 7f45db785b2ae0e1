"""What the judge runs of lab 5 besides the visible checks."""

import torch
import torch.nn.functional as F

from autograder.cases import case

HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]


def _matmul(a, b):
    return torch.matmul(a.double(), b.double()).to(a.dtype)


def _linear_gelu(x, weight, bias):
    return F.gelu(F.linear(x.double(), weight.double(), bias.double())).to(x.dtype)


def _bmm(a, b):
    return torch.bmm(a.double(), b.double()).to(a.dtype)


def _layer(draw, rows, outputs, inputs):
    return draw.normal(rows, inputs) / inputs**0.5, draw.normal(outputs, inputs), draw.normal(outputs)


def _long(draw, rows, columns):
    """A first product of 2048, to which float16 adds nothing below 1, and 700 others of 0.0125 on average."""
    a, b = draw.uniform(rows, 701, high=0.2), draw.uniform(701, columns, high=0.25)
    a[:, 0], b[0] = 64, 32
    return a, b


# The tolerances are those of torch.testing throughout: one rounding of the dtype, and sums of float32. The first factor
# is divided by √K, so that sums are of the order of 1, where the absolute tolerance means something.


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32], weight=2)
def sizes_around_a_tile(matmul, draw):
    """块大小附近的各种尺寸"""
    sizes = ((65, 33, 129), (64, 32, 128), (63, 65, 127))
    return [matmul(draw.normal(m, k) / k**0.5, draw.normal(k, n)) for m, k, n in sizes]


@case("matmul", agrees_with=_matmul, dtypes=HALVES, weight=2)
def sizes_around_a_tile_in_half_precision(matmul, draw):
    """半精度，块大小附近的尺寸"""
    return matmul(draw.normal(129, 65) / 8, draw.normal(65, 257))


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32], weight=2)
def a_last_group_of_tiles_that_is_lower(matmul, draw):
    """最后一组块比较矮"""
    return matmul(draw.normal(64 * 9 + draw.integer(1, 64), 9) / 3, draw.normal(9, 130))


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32, torch.bfloat16], weight=2)
def matrices_that_are_not_contiguous(matmul, draw):
    """不连续的矩阵"""
    a, b = draw.normal(40, 50) / 6, draw.normal(60, 40)
    return [matmul(draw.strided(a.mT), b.mT), matmul(a.mT, draw.strided(b.mT))]


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32])
def blocks_cut_out_of_a_table_of_nan(matmul, draw):
    """从一张 NaN 表里切出来的块"""
    table = draw.normal(90, 90).fill_(torch.nan)
    table[7:40, 5:50], table[41:86, 6:80] = draw.normal(33, 45) / 7, draw.normal(45, 74)
    return matmul(table[7:40, 5:50], table[41:86, 6:80])


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32])
def one_row_that_stands_for_many(matmul, draw):
    """一行代表很多行（步长为 0）"""
    return matmul(draw.normal(1, 40).expand(30, 40) / 6, draw.normal(40, 1).expand(40, 20))


@case("matmul", agrees_with=_matmul, dtypes=HALVES, facet="numerics", weight=2)
def sums_over_many_places_keep_their_digits(matmul, draw):
    """很长的和不丢位数"""
    return matmul(*_long(draw, 6, 20))


@case("matmul", agrees_with=_matmul, dtypes=[torch.float16], facet="numerics")
def sums_that_half_precision_cannot_hold_on_the_way(matmul, draw):
    """途中会超出半精度范围的和"""
    a, b = draw.integers(20, 26, 5, 400), draw.integers(20, 26, 200, 8)  # float32 sums them without any rounding
    return matmul(a.to(draw.dtype), torch.cat([b, -b]).to(draw.dtype))


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32], facet="numerics")
def an_infinity_stays_in_its_row_and_column(matmul, draw):
    """无穷大只影响它的行和列"""
    a, b = draw.normal(40, 45) / 7, draw.normal(45, 50)
    a[3, 44], b[44, 7] = torch.inf, torch.nan
    return matmul(a, b)


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32], facet="numerics")
def large_and_small_numbers(matmul, draw):
    """很大和很小的数"""
    a, b = draw.normal(20, 50) / 7, draw.normal(50, 30)
    return [matmul(a * 1e15, b * 1e15) / 1e30, matmul(a * 1e-15, b * 1e-15) * 1e30]


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32, torch.bfloat16], facet="interface")
def one_row_one_column_one_product(matmul, draw):
    """一行、一列、单个乘积"""
    return [matmul(draw.normal(m, k) / 4, draw.normal(k, n)) for m, k, n in ((1, 17, 1), (1, 1, 9), (20, 1, 1))]


@case("matmul", agrees_with=_matmul, dtypes=HALVES, facet="interface")
def empty_matrices_and_sums_over_nothing(matmul, draw):
    """空矩阵，以及没有项的和"""
    return [matmul(draw.normal(m, k), draw.normal(k, n)) for m, k, n in ((0, 3, 4), (3, 4, 0), (3, 0, 4))]


@case("matmul", raises=ValueError, facet="interface", dtypes=[torch.float32])
def inner_sizes_that_differ_are_refused(matmul, draw):
    """拒绝内维不同的矩阵"""
    return matmul(draw.normal(4, 3), draw.normal(4, 3))


@case("matmul", raises=ValueError, facet="interface", dtypes=[torch.float32])
def dtypes_that_differ_are_refused(matmul, draw):
    """拒绝不同的 dtype"""
    return matmul(draw.normal(4, 3), draw.normal(3, 4).half())


@case("matmul", raises=ValueError, facet="interface", dtypes=[torch.float64])
def double_precision_is_refused(matmul, draw):
    """拒绝 float64"""
    return matmul(draw.normal(4, 3), draw.normal(3, 4))


@case("matmul", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_stack_on_the_left_is_refused(matmul, draw):
    """拒绝左边是一叠矩阵"""
    return matmul(draw.normal(2, 4, 3), draw.normal(3, 4))


@case("matmul", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_vector_on_the_right_is_refused(matmul, draw):
    """拒绝右边是向量"""
    return matmul(draw.normal(4, 3), draw.normal(3))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32], weight=2)
def layers_around_a_tile(linear_gelu, draw):
    """块大小附近的层"""
    return [linear_gelu(*_layer(draw, *size)) for size in ((65, 129, 33), (64, 64, 32))]


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=HALVES, weight=2)
def a_layer_around_a_tile_in_half_precision(linear_gelu, draw):
    """半精度，块大小附近的层"""
    return linear_gelu(*_layer(draw, 129, 130, 65))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32], weight=2)
def many_rows_and_a_lower_last_group(linear_gelu, draw):
    """很多行，最后一组块比较矮"""
    return linear_gelu(*_layer(draw, 64 * 9 + draw.integer(1, 64), 70, 9))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32, torch.bfloat16], weight=2)
def leading_dimensions_and_none(linear_gelu, draw):
    """多个前导维度，或没有"""
    x, weight, bias = _layer(draw, 30, 20, 24)
    return [linear_gelu(x.view(2, 5, 3, 24), weight, bias), linear_gelu(x[0], weight, bias)]


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32], weight=2)
def parameters_that_are_not_contiguous(linear_gelu, draw):
    """不连续的参数"""
    x, weight, bias = _layer(draw, 40, 70, 36)
    first = linear_gelu(x.mT.contiguous().mT, weight.mT.contiguous().mT, draw.strided(bias))
    return first, linear_gelu(draw.strided(x), draw.strided(weight), bias[:1].expand(70))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32])
def sequences_with_their_batch_in_the_middle(linear_gelu, draw):
    """批维在中间的序列"""
    x, weight, bias = _layer(draw, 42, 10, 8)
    return linear_gelu(x.view(6, 7, 8).transpose(0, 1), weight, bias)


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32], facet="numerics")
def activations_far_from_zero(linear_gelu, draw):
    """离零很远的激活"""
    x, weight, bias = _layer(draw, 20, 30, 40)
    return linear_gelu(x, weight, torch.cat([bias[:10] * 3, bias[10:20] + 100, bias[20:] - 100]))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=HALVES, facet="numerics")
def a_layer_is_rounded_once(linear_gelu, draw):
    """整层只舍入一次"""
    return linear_gelu(draw.uniform(8, 500) / 5, draw.uniform(20, 500), draw.normal(20) - 25)


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=HALVES, facet="interface")
def one_feature_one_output_and_nothing(linear_gelu, draw):
    """一个特征、一个输出，以及空输入"""
    one = linear_gelu(*_layer(draw, 5, 1, 1))
    bias = draw.normal(4)
    empty = linear_gelu(draw.normal(0, 3), draw.normal(4, 3), bias)
    return one, empty, linear_gelu(draw.normal(2, 0), draw.normal(4, 0), bias)


@case("linear_gelu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def features_that_differ_are_refused(linear_gelu, draw):
    """拒绝特征数不同"""
    return linear_gelu(draw.normal(4, 5), draw.normal(5, 4), draw.normal(5))


@case("linear_gelu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_bias_of_another_length_is_refused(linear_gelu, draw):
    """拒绝长度不同的偏置"""
    return linear_gelu(draw.normal(4, 5), draw.normal(6, 5), draw.normal(5))


@case("linear_gelu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_stack_of_weights_is_refused(linear_gelu, draw):
    """拒绝一叠权重"""
    return linear_gelu(draw.normal(4, 5), draw.normal(6, 5, 1), draw.normal(6))


@case("linear_gelu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def weights_of_another_dtype_are_refused(linear_gelu, draw):
    """拒绝 dtype 不同的权重"""
    return linear_gelu(draw.normal(4, 5), draw.normal(6, 5).half(), draw.normal(6))


@case("linear_gelu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_bias_of_another_dtype_is_refused(linear_gelu, draw):
    """拒绝 dtype 不同的偏置"""
    return linear_gelu(draw.normal(4, 5), draw.normal(6, 5), draw.normal(6).half())


@case("linear_gelu", raises=ValueError, facet="interface", dtypes=[torch.float64])
def a_layer_in_double_precision_is_refused(linear_gelu, draw):
    """拒绝 float64 的层"""
    return linear_gelu(draw.normal(4, 5), draw.normal(6, 5), draw.normal(6))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32], weight=2)
def stacks_around_a_tile(bmm, draw):
    """块大小附近的各叠矩阵"""
    sizes = ((2, 65, 33, 129), (2, 64, 32, 64))
    return [bmm(draw.normal(p, m, k) / k**0.5, draw.normal(p, k, n)) for p, m, k, n in sizes]


@case("bmm", agrees_with=_bmm, dtypes=HALVES, weight=2)
def a_stack_around_a_tile_in_half_precision(bmm, draw):
    """半精度，块大小附近的一叠"""
    return bmm(draw.normal(2, 129, 65) / 8, draw.normal(2, 65, 130))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32], weight=2)
def many_pairs(bmm, draw):
    """很多对矩阵"""
    pairs = draw.integer(6, 9)
    return bmm(draw.normal(pairs, 9, 12) / 3, draw.normal(pairs, 12, 11))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32, torch.bfloat16], weight=2)
def heads_of_attention(bmm, draw):
    """注意力的各头：步长互不相同"""
    query, key = draw.normals(2, (30, 3, 16))
    return bmm(query.transpose(0, 1) / 4, key.permute(1, 2, 0))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32], weight=2)
def a_matrix_that_stands_for_a_stack(bmm, draw):
    """一个矩阵代表一叠"""
    left = bmm(draw.normal(30, 20).expand(3, 30, 20) / 4, draw.normal(3, 20, 40))
    return left, bmm(draw.strided(draw.normal(3, 9, 20)) / 4, draw.strided(draw.normal(20, 7)).expand(3, 20, 7))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32])
def stacks_cut_out_of_larger_ones(bmm, draw):
    """从更大的一叠里切出来的"""
    a, b = draw.normals(2, (6, 40, 50))
    return bmm(a[1:4, 3:30, 5:45] / 6, b[::2, :, 9:31])


@case("bmm", agrees_with=_bmm, dtypes=HALVES, facet="numerics", weight=2)
def long_sums_in_a_stack_keep_their_digits(bmm, draw):
    """一叠矩阵里很长的和不丢位数"""
    (a, b), (c, d) = _long(draw, 6, 20), _long(draw, 6, 20)
    return bmm(torch.stack([a, c]), torch.stack([b, d]))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32], facet="numerics")
def a_pair_of_nan_spoils_no_other(bmm, draw):
    """一对 NaN 不影响别的矩阵"""
    a, b = draw.normal(3, 20, 45) / 7, draw.normal(3, 45, 10)
    a[1], b[2, 44, 3] = torch.nan, torch.inf
    return bmm(a, b)


@case("bmm", agrees_with=_bmm, dtypes=HALVES, facet="interface")
def small_stacks_and_empty_ones(bmm, draw):
    """很小的和空的叠"""
    sizes = ((1, 1, 5, 1), (3, 1, 1, 2), (0, 2, 3, 4), (2, 0, 3, 4), (2, 3, 0, 4), (2, 3, 4, 0))
    return [bmm(draw.normal(p, m, k), draw.normal(p, k, n)) for p, m, k, n in sizes]


@case("bmm", raises=ValueError, facet="interface", dtypes=[torch.float32])
def nothing_is_broadcast(bmm, draw):
    """不广播"""
    return bmm(draw.normal(4, 3, 5), draw.normal(1, 5, 2))


@case("bmm", raises=ValueError, facet="interface", dtypes=[torch.float32])
def inner_sizes_of_a_stack_that_differ_are_refused(bmm, draw):
    """拒绝内维不同的叠"""
    return bmm(draw.normal(2, 4, 3), draw.normal(2, 4, 3))


@case("bmm", raises=ValueError, facet="interface", dtypes=[torch.float32])
def more_dimensions_on_the_left_are_refused(bmm, draw):
    """拒绝左边多一个维度"""
    return bmm(draw.normal(2, 4, 3, 1), draw.normal(2, 3, 4))


@case("bmm", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_matrix_on_the_right_is_refused(bmm, draw):
    """拒绝右边只有一个矩阵"""
    return bmm(draw.normal(2, 4, 3), draw.normal(2, 3))


@case("bmm", raises=ValueError, facet="interface", dtypes=[torch.float32])
def stacks_of_two_dtypes_are_refused(bmm, draw):
    """拒绝两种 dtype 的叠"""
    return bmm(draw.normal(2, 4, 3), draw.normal(2, 3, 4).half())


@case("bmm", raises=ValueError, facet="interface", dtypes=[torch.float64])
def stacks_in_double_precision_are_refused(bmm, draw):
    """拒绝 float64 的叠"""
    return bmm(draw.normal(2, 4, 3), draw.normal(2, 3, 4))
