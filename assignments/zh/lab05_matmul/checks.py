"""What a student sees of lab 5."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

PRODUCTS = (
    *("matmul", "mm", "bmm", "mv", "addmm", "addbmm", "baddbmm", "addmv", "sparse_mm"),
    *("linear", "bilinear", "einsum", "tensordot", "inner", "chain_matmul", "multi_dot", "conv*"),
)
RULES = {
    "matmul": Rules(forbids=PRODUCTS),
    "linear_gelu": Rules(forbids=(*PRODUCTS, "gelu")),
    "bmm": Rules(forbids=PRODUCTS),
}


def _matmul(a, b):
    return torch.matmul(a.double(), b.double()).to(a.dtype)


def _linear_gelu(x, weight, bias):
    return F.gelu(F.linear(x.double(), weight.double(), bias.double())).to(x.dtype)


def _bmm(a, b):
    return torch.bmm(a.double(), b.double()).to(a.dtype)


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32])
def two_small_matrices(matmul, draw):
    """两个小矩阵"""
    return matmul(draw.normal(5, 7), draw.normal(7, 3))


@case("matmul", agrees_with=_matmul, dtypes=[torch.float32])
def several_tiles_the_last_of_them_not_full(matmul, draw):
    """好几块，最后的块没有填满"""
    return matmul(draw.normal(140, 70) / 8, draw.normal(70, 150))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32])
def a_batch_of_features(linear_gelu, draw):
    """一批特征"""
    return linear_gelu(draw.normal(6, 10), draw.normal(4, 10), draw.normal(4))


@case("linear_gelu", agrees_with=_linear_gelu, dtypes=[torch.float32])
def sequences_of_features_wider_than_a_tile(linear_gelu, draw):
    """特征序列，输出比一块更宽"""
    return linear_gelu(draw.normal(3, 25, 40) / 6, draw.normal(130, 40), draw.normal(130))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32])
def a_stack_of_small_matrices(bmm, draw):
    """一叠小矩阵"""
    return bmm(draw.normal(3, 5, 7), draw.normal(3, 7, 4))


@case("bmm", agrees_with=_bmm, dtypes=[torch.float32])
def one_matrix_for_the_whole_stack(bmm, draw):
    """整叠共用一个矩阵"""
    return bmm(draw.normal(3, 20, 40) / 6, draw.normal(40, 70).expand(3, 40, 70))
