"""The visible checks of chapter 17: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Rules, case
from autograder.operations import vjp

PEFT = Rules(forbids=("*peft*", "loralib"))

RULES = {
    "lora_forward": PEFT,
    "LoRALinear": PEFT,
    "merge": PEFT,
    "unmerge": PEFT,
    "lora_svd_init": Rules(forbids=("*peft*", "loralib", "*lowrank")),
}


def through_one_weight(x, w0, a, b, alpha):
    """Equation 17.2 with B and A multiplied out first: the d × k product that LoRA exists to avoid."""
    return F.linear(x, torch.addmm(w0, b, a, alpha=alpha / len(a)))


@case("lora_forward", agrees_with=through_one_weight)
def two_paths_from_five_inputs_to_three_outputs(lora_forward, draw):
    """两条路，从五个输入到三个输出"""
    return lora_forward(draw.normal(4, 5), draw.normal(3, 5), draw.normal(2, 5), draw.normal(3, 2), 4.0)


@case("lora_forward", facet="gradient", agrees_with=through_one_weight)
def gradients_reach_every_matrix_and_the_input(lora_forward, draw):
    """梯度传到每个矩阵，也传到输入"""
    inputs = draw.normal(4, 5), draw.normal(3, 5), draw.normal(2, 5), draw.normal(3, 2)
    return vjp(lora_forward, *inputs, 3.0, cotangent=draw)


def by_making_them(d, k, r):
    """The elements of a module that has A and B as its weights, made without memory for them."""
    pair = nn.Sequential(nn.Linear(k, r, bias=False, device="meta"), nn.Linear(r, d, bias=False, device="meta"))
    return sum(p.numel() for p in pair.parameters())


@case("lora_parameter_count", agrees_with=by_making_them, dtypes=(torch.float64,))
def rank_eight_of_a_square_weight(lora_parameter_count, draw):
    """方阵，秩为 8"""
    return lora_parameter_count(768, 768, 8)


@case("lora_parameter_count", agrees_with=by_making_them, dtypes=(torch.float64,))
def a_weight_that_is_not_square(lora_parameter_count, draw):
    """不是方阵的权重"""
    return lora_parameter_count(11008, 4096, 3)


def linear(draw, inputs, outputs, bias=True):
    """An nn.Linear of drawn numbers, in the draw's dtype."""
    base = nn.Linear(inputs, outputs, bias=bias, dtype=draw.dtype)
    with torch.no_grad():
        base.weight.copy_(draw.normal(outputs, inputs, scale=inputs**-0.5))
        if bias:
            base.bias.copy_(draw.normal(outputs))
    return base


def loaded(module_class, draw, inputs, outputs, r, alpha, bias=True):
    """A module whose A and B are drawn numbers too."""
    module = module_class(linear(draw, inputs, outputs, bias), r, alpha)
    state = {"base.weight": draw.normal(outputs, inputs)}
    if bias:
        state["base.bias"] = draw.normal(outputs)
    module.load_state_dict({**state, "lora_a": draw.normal(r, inputs), "lora_b": draw.normal(outputs, r)})
    return module


class OneWeight(nn.Module):
    """The same module, which multiplies B and A out in every forward pass."""

    def __init__(self, base, r, alpha):
        super().__init__()
        if r < 1:
            raise ValueError(r)
        d, k = base.weight.shape
        for p in base.parameters():
            p.requires_grad = False
        self.base, self.alpha = base, alpha / r
        self.lora_a = nn.Parameter(torch.randn(r, k, dtype=base.weight.dtype) / (3 * k) ** 0.5)
        self.lora_b = nn.Parameter(torch.zeros(d, r, dtype=base.weight.dtype))

    def weight(self):
        return torch.addmm(self.base.weight, self.lora_b, self.lora_a, alpha=self.alpha)

    def forward(self, x):
        return F.linear(x, self.weight(), self.base.bias)

    def merge(self):
        d, k = self.base.weight.shape
        merged = nn.Linear(k, d, bias=self.base.bias is not None, dtype=self.base.weight.dtype)
        state = {"weight": self.weight().detach()}
        if self.base.bias is not None:
            state["bias"] = self.base.bias
        merged.load_state_dict(state)
        return merged


@case("LoRALinear", agrees_with=OneWeight)
def a_new_module_computes_what_its_base_does(module_class, draw):
    """新建的模块与原来的层输出相同"""
    base = linear(draw, 5, 3)
    return module_class(base, 2, 16)(draw.normal(4, 5))


@case("LoRALinear", agrees_with=OneWeight)
def loaded_with_numbers_it_computes_both_paths(module_class, draw):
    """装入数值之后，两条路都算"""
    return loaded(module_class, draw, 5, 3, 2, 4.0)(draw.normal(4, 5))


@case("LoRALinear", agrees_with=OneWeight)
def merged_into_one_layer_it_computes_the_same(module_class, draw):
    """合并成一个层，输出相同"""
    module, x = loaded(module_class, draw, 5, 3, 2, 4.0), draw.normal(4, 5)
    return module(x), module.merge()(x)


def merged(w0, a, b, alpha):
    """Equation 17.5 by torch.addmm."""
    return torch.addmm(w0, b, a, alpha=alpha / len(a))


@case("merge", agrees_with=merged)
def a_change_of_rank_two_is_added(merge, draw):
    """加上秩为 2 的增量"""
    return merge(draw.normal(3, 5), draw.normal(2, 5), draw.normal(3, 2), 4.0)


def unmerged(w, a, b, alpha):
    """Equation 17.5 solved for W₀ by torch.addmm."""
    return torch.addmm(w, b, a, alpha=-alpha / len(a))


@case("unmerge", agrees_with=unmerged)
def a_change_of_rank_two_is_taken_out(unmerge, draw):
    """减去秩为 2 的增量"""
    return unmerge(draw.normal(3, 5), draw.normal(2, 5), draw.normal(3, 2), 4.0)


def with_singular_values(draw, d, k, values):
    """A d × k matrix with these singular values, so that its best parts of low rank are well determined."""
    n = len(values)
    u, v = (torch.linalg.qr(draw.normal(size, n).double()).Q for size in (d, k))
    return (u * torch.tensor(values, dtype=torch.float64) @ v.mT).to(draw.dtype)


def one_component_after_the_other(w0, rank):
    """PiSSA with the right singular vectors from WᵀW, in double precision, and A orthonormal."""
    v = torch.linalg.eigh(w0.double().mT @ w0.double()).eigenvectors.flip(-1)[:, :rank]
    b = w0.double() @ v
    return (w0 - b @ v.mT).to(w0.dtype), v.mT.to(w0.dtype), b.to(w0.dtype)


@case("lora_svd_init", agrees_with=one_component_after_the_other)
def the_two_strongest_directions_and_the_rest(lora_svd_init, draw):
    """最强的两个方向，以及剩下的部分"""
    residual, a, b = lora_svd_init(with_singular_values(draw, 5, 4, [2.0, 1.4, 0.9, 0.3]), 2)
    return residual, b @ a


@case("lora_svd_init", agrees_with=one_component_after_the_other)
def the_parts_add_up_to_the_weight(lora_svd_init, draw):
    """两部分之和就是原来的权重"""
    w0 = with_singular_values(draw, 3, 6, [2.0, 1.3, 0.6])
    residual, a, b = lora_svd_init(w0, 1)
    return residual + b @ a, list(a.shape), list(b.shape)
