"""What a student sees of lab 11."""

import torch

from autograder.cases import Rules, case

PRODUCTS = ("matmul", "*mm", "*mv", "einsum", "linear", "bilinear", "tensordot", "inner", "multi_dot", "conv*")
RULES = {"grouped_matmul": Rules(forbids=PRODUCTS), "routed_matmul": Rules(forbids=PRODUCTS)}


def _grouped(x, weight, counts):
    rows = x.double().split(counts.tolist())
    return torch.cat([own @ w for own, w in zip(rows, weight.double(), strict=True)]).to(x.dtype)


def _routed(x, weight, expert, gate):
    products = torch.einsum("td,tkdn->tkn", x.double(), weight.double()[expert])
    return torch.einsum("tk,tkn->tn", gate.double(), products).to(x.dtype)


@case("grouped_matmul", agrees_with=_grouped, dtypes=[torch.float32])
def three_experts_whose_rows_fill_their_tiles(grouped_matmul, draw):
    """三个专家，各自的行正好填满各块"""
    return grouped_matmul(draw.normal(64, 32), draw.normal(3, 32, 128, scale=0.2), torch.tensor([16, 32, 16]))


@case("grouped_matmul", agrees_with=_grouped, dtypes=[torch.float32])
def tiles_that_are_not_full_and_an_expert_without_rows(grouped_matmul, draw):
    """没有填满的块，以及一个没有行的专家"""
    return grouped_matmul(draw.normal(30, 20), draw.normal(4, 20, 10, scale=0.2), torch.tensor([5, 0, 17, 8]))


@case("routed_matmul", agrees_with=_routed, dtypes=[torch.float32])
def one_choice_a_token(routed_matmul, draw):
    """每个 token 选一个专家"""
    expert = torch.tensor([[2], [0], [1], [0], [2], [2]])
    return routed_matmul(draw.normal(6, 20), draw.normal(3, 20, 10, scale=0.2), expert, draw.uniform(6, 1))


@case("routed_matmul", agrees_with=_routed, dtypes=[torch.float32])
def two_of_four_experts_a_token(routed_matmul, draw):
    """每个 token 从四个专家中选两个"""
    expert = torch.stack([draw.permutation(4)[:2] for _ in range(24)])
    return routed_matmul(draw.normal(24, 33), draw.normal(4, 33, 17, scale=0.2), expert, draw.uniform(24, 2))
