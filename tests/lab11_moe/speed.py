"""On what lab 11 is timed where there is a GPU: experts of 2048 × 1408, 64 of them, as in DeepSeekMoE 16B."""

import torch

from autograder.workloads import workload


def _expert_after_expert(x, weight, counts):
    out = x.new_empty(len(x), weight.shape[2])
    first = 0
    for expert, count in enumerate(counts.tolist()):
        torch.matmul(x[first : first + count], weight[expert], out=out[first : first + count])
        first += count
    return out


def _searching_the_rows(x, weight, counts):
    expert_of = torch.arange(len(weight), device=x.device).repeat_interleave(counts)
    out = x.new_empty(len(x), weight.shape[2])
    for expert in range(len(weight)):
        (rows,) = torch.where(expert_of == expert)
        out[rows] = x[rows] @ weight[expert]
    return out


def _collecting_the_tokens(x, weight, expert, gate):
    out = x.new_zeros(len(x), weight.shape[2], dtype=torch.float32)
    for e in range(len(weight)):
        token, choice = torch.where(expert == e)
        out.index_add_(0, token, gate[token, choice, None].float() * (x[token] @ weight[e]))
    return out.to(x.dtype)


def _every_expert_on_every_token(x, weight, expert, gate):
    out = x.new_zeros(len(x), weight.shape[2], dtype=torch.float32)
    for e in range(len(weight)):
        out += (gate.float() * (expert == e)).sum(1, keepdim=True) * (x @ weight[e])
    return out.to(x.dtype)


def _layer(draw):
    return draw.normal(64, 2048, 1408, scale=2048**-0.5)


# float32 sums in another order, rounded once each: near 0 they differ by some 10⁻⁶
@workload(
    "grouped_matmul",
    builtin=_expert_after_expert,
    naive=_searching_the_rows,
    sizes=(1024, 4096, 16384),
    dtype=torch.float16,
    flops=lambda x, weight, counts: 2 * x.numel() * weight.shape[2],
    rtol=2**-9,
    atol=1e-4,
)
def rows_of_64_experts_unevenly_spread(draw, rows):
    """64 个专家的行，分布不均"""
    expert = (draw.uniform(rows).float() ** 1.5 * 64).long().clamp(max=63)
    return draw.normal(rows, 2048), _layer(draw), expert.bincount(minlength=64)


# the builtin rounds every product to float16 before its gate, a kernel only the sum of six
@workload(
    "routed_matmul",
    builtin=_collecting_the_tokens,
    naive=_every_expert_on_every_token,
    sizes=(512, 2048, 8192),
    dtype=torch.float16,
    flops=lambda x, weight, expert, gate: 2 * expert.numel() * weight.shape[1] * weight.shape[2],
    rtol=2**-8,
    atol=4e-3,
)
def tokens_with_six_of_64_experts(draw, tokens):
    """64 个专家选六个的 token"""
    expert = draw.uniform(tokens, 64).topk(6).indices
    return draw.normal(tokens, 2048), _layer(draw), expert, draw.uniform(tokens, 6)
