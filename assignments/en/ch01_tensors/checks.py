"""The visible checks of chapter 1: what a student sees on pressing check. Draws are fixed and public."""

import torch

from autograder.cases import Rules, case

PRODUCTS = (
    "matmul",
    "mm",
    "bmm",
    "mv",
    "dot",
    "vdot",
    "inner",
    "vecdot",
    "linalg_vecdot",
    "linalg_matmul",
    "multi_dot",
    "linalg_multi_dot",
    "chain_matmul",
    "einsum",
    "tensordot",
    "addmm",
    "addmv",
    "addbmm",
    "baddbmm",
    "linear",
    "bilinear",
    "conv*",
)
NORMS = (
    "norm",
    "vector_norm",
    "matrix_norm",
    "linalg_norm",
    "linalg_vector_norm",
    "linalg_matrix_norm",
    "nuclear_norm",
    "renorm",
    "normalize",
    "dist",
    "cdist",
    "pdist",
    "pairwise_distance",
    "l1_loss",
    "mse_loss",
)

# hadamard has no rule: `*` may be used, and `*` is torch.mul
RULES = {
    "broadcast_shapes": Rules(forbids=("broadcast*", "expand*", "empty", "zeros", "ones", "full", "rand", "randn")),
    "power": Rules(
        forbids=(
            "pow",
            "float_power",
            "matrix_power",
            "square",
            "exp",
            "exp2",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "xlogy",
            "prod",
            "cumprod",
            "vander",
        )
    ),
    "contiguous_strides": Rules(
        forbids=("stride", "strides", "contiguous", "empty", "zeros", "ones", "full", "rand", "randn", "arange")
    ),
    "transpose": Rules(
        forbids=(
            "transpose",
            "t",
            "T",
            "mT",
            "H",
            "mH",
            "adjoint",
            "swapaxes",
            "swapdims",
            "permute",
            "movedim",
            "moveaxis",
            "einsum",
            "matrix_transpose",
        )
    ),
    "dot": Rules(forbids=PRODUCTS),
    "matvec": Rules(forbids=PRODUCTS),
    "matmul": Rules(forbids=PRODUCTS),
    "concatenate": Rules(
        forbids=(
            "cat",
            "concat",
            "concatenate",
            "stack",
            "hstack",
            "vstack",
            "dstack",
            "column_stack",
            "row_stack",
            "block_diag",
        )
    ),
    "mean_along": Rules(forbids=("mean", "nanmean", "var_mean", "std_mean", "average", "*avg_pool*")),
    "l1_norm": Rules(forbids=NORMS),
    "l2_norm": Rules(forbids=NORMS),
    "frobenius_norm": Rules(forbids=NORMS),
}


def shape_of_a_broadcast(*shapes):
    return torch.broadcast_tensors(*(torch.empty(shape, device="meta") for shape in shapes))[0].shape


def strides_of_an_empty_tensor(shape):
    return torch.empty(shape, device="meta").stride()


def mT(a):
    return a.mT


def vector_norm_1(x, dim=None):
    return torch.linalg.vector_norm(x, 1, dim)


def vector_norm_2(x, dim=None):
    return torch.linalg.vector_norm(x, 2, dim)


@case("broadcast_shapes", agrees_with=shape_of_a_broadcast)
def a_column_and_a_row_make_a_table(broadcast_shapes, draw):
    """一列与一行合成一张表"""
    return broadcast_shapes((4, 1), (1, 3))


@case("broadcast_shapes", agrees_with=shape_of_a_broadcast)
def a_bias_meets_a_batch(broadcast_shapes, draw):
    """偏置与一个批次相遇"""
    return broadcast_shapes((8, 32, 10), (10,))


@case("broadcast_shapes", facet="interface", raises=ValueError)
def three_and_four_do_not_broadcast(broadcast_shapes, draw):
    """3 与 4 不能广播"""
    return broadcast_shapes((2, 3), (2, 4))


@case("hadamard", agrees_with=torch.mul)
def two_matrices_of_one_shape(hadamard, draw):
    """形状相同的两个矩阵"""
    return hadamard(draw.normal(3, 4), draw.normal(3, 4))


@case("hadamard", agrees_with=torch.mul)
def a_row_scales_every_column(hadamard, draw):
    """一行数逐列缩放一个矩阵"""
    return hadamard(draw.normal(3, 4), draw.normal(4))


@case("power", agrees_with=torch.pow)
def the_cube_of_every_entry(power, draw):
    """每个元素的立方"""
    return power(draw.normal(3, 4), 3)


@case("power", agrees_with=torch.pow)
def the_zeroth_power_is_one(power, draw):
    """零次幂是 1"""
    return power(draw.normal(3, 4), 0)


@case("power", agrees_with=torch.pow)
def a_negative_power_is_a_reciprocal(power, draw):
    """负指数是倒数的幂"""
    return power(draw.uniform(3, 4, low=0.5, high=2), -2)


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor)
def the_strides_of_a_matrix(contiguous_strides, draw):
    """一个矩阵的 stride"""
    return contiguous_strides((3, 5))


@case("contiguous_strides", agrees_with=strides_of_an_empty_tensor)
def the_strides_of_a_batch_of_images(contiguous_strides, draw):
    """一批图像的 stride"""
    return contiguous_strides((16, 3, 28, 30))


@case("transpose", agrees_with=mT)
def rows_become_columns(transpose, draw):
    """行变成列"""
    return transpose(draw.normal(3, 4))


@case("transpose", agrees_with=mT)
def the_batch_stays_in_front(transpose, draw):
    """批次维留在最前"""
    return transpose(draw.normal(2, 3, 4))


@case("dot", agrees_with=torch.dot)
def two_vectors_become_one_number(dot, draw):
    """两个向量变成一个数"""
    return dot(draw.normal(5), draw.normal(5))


@case("dot", facet="interface", raises=ValueError)
def vectors_of_length_four_and_five_are_refused(dot, draw):
    """长度 4 与 5 的向量不能做点积"""
    return dot(draw.normal(4), draw.normal(5))


@case("matvec", agrees_with=torch.mv)
def a_matrix_acts_on_a_vector(matvec, draw):
    """矩阵作用于向量"""
    return matvec(draw.normal(3, 4), draw.normal(4))


@case("matvec", facet="interface", raises=ValueError)
def a_vector_as_long_as_a_column_is_refused(matvec, draw):
    """与列等长而不与行等长的向量不合法"""
    return matvec(draw.normal(3, 4), draw.normal(3))


@case("matmul", agrees_with=torch.matmul)
def a_product_of_two_matrices(matmul, draw):
    """两个矩阵的乘积"""
    return matmul(draw.normal(3, 4), draw.normal(4, 5))


@case("matmul", agrees_with=torch.matmul)
def a_batch_of_products(matmul, draw):
    """一批乘积"""
    return matmul(draw.normal(6, 3, 4), draw.normal(6, 4, 2))


@case("matmul", facet="interface", raises=ValueError)
def inner_sizes_that_differ_are_refused(matmul, draw):
    """内侧维度不等必须报错"""
    return matmul(draw.normal(3, 4), draw.normal(5, 3))


@case("concatenate", agrees_with=torch.cat)
def one_matrix_below_another(concatenate, draw):
    """上下相接"""
    return concatenate([draw.normal(2, 3), draw.normal(4, 3)])


@case("concatenate", agrees_with=torch.cat)
def one_matrix_beside_another(concatenate, draw):
    """左右相接"""
    return concatenate([draw.normal(3, 2), draw.normal(3, 4)], dim=1)


@case("mean_along", agrees_with=torch.mean)
def the_mean_of_every_column(mean_along, draw):
    """每一列的平均"""
    return mean_along(draw.normal(3, 4), 0)


@case("mean_along", agrees_with=torch.mean)
def the_mean_over_two_dimensions_at_once(mean_along, draw):
    """同时对两个维度求平均"""
    return mean_along(draw.normal(2, 3, 5), (0, 2))


@case("mean_along", agrees_with=torch.mean)
def the_averaged_dimension_is_kept_on_demand(mean_along, draw):
    """需要时保留被平均的维度"""
    return mean_along(draw.normal(3, 4), 1, keepdim=True)


@case("l1_norm", agrees_with=vector_norm_1)
def the_sum_of_the_sizes_of_entries(l1_norm, draw):
    """各元素绝对值之和"""
    x = draw.uniform(7, low=0.5, high=2)
    x[::2] *= -1
    return l1_norm(x)


@case("l1_norm", agrees_with=vector_norm_1)
def the_l1_norm_of_each_row(l1_norm, draw):
    """每一行的 L1 范数"""
    return l1_norm(draw.normal(3, 4), dim=1)


@case("l2_norm", agrees_with=vector_norm_2)
def the_length_of_a_vector(l2_norm, draw):
    """向量的长度"""
    return l2_norm(draw.normal(7))


@case("l2_norm", agrees_with=vector_norm_2)
def the_length_of_each_row(l2_norm, draw):
    """每一行的长度"""
    return l2_norm(draw.normal(3, 4), dim=1)


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm)
def the_norm_of_a_matrix(frobenius_norm, draw):
    """一个矩阵的范数"""
    return frobenius_norm(draw.normal(3, 4))


@case("frobenius_norm", agrees_with=torch.linalg.matrix_norm)
def one_norm_for_each_matrix_of_a_batch(frobenius_norm, draw):
    """一批矩阵，每个一个范数"""
    return frobenius_norm(draw.normal(5, 3, 4))
