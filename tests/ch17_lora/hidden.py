"""The hidden cases of chapter 17."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import case
from autograder.operations import largest_tensor, shares_memory, vjp

# bfloat16 keeps 8 bits. The inputs are scaled so that every sum is of size 1; an answer may round it, its two parts
# and the product before them, in whichever order it multiplies.
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 4e-2}


def through_one_weight(x, w0, a, b, alpha):
    """Equation 17.2 with B and A multiplied out first, by torch."""
    return F.linear(x, torch.addmm(w0, b, a, alpha=alpha / len(a)))


def matrices(draw, d, k, r):
    """W₀, A and B, each scaled so that it keeps the size of what it is multiplied with."""
    return draw.normal(d, k, scale=k**-0.5), draw.normal(r, k, scale=k**-0.5), draw.normal(d, r, scale=r**-0.5)


@case("lora_forward", agrees_with=through_one_weight, draws=3)
def a_batch_of_sequences(lora_forward, draw):
    """一批序列"""
    return lora_forward(draw.normal(2, 3, 7), *matrices(draw, 5, 7, 3), draw.number(1, 9))


@case("lora_forward", agrees_with=through_one_weight)
def one_vector(lora_forward, draw):
    """一个向量"""
    return lora_forward(draw.normal(5), *matrices(draw, 3, 5, 2), 7.0)


@case("lora_forward", agrees_with=through_one_weight)
def all_sizes_equal(lora_forward, draw):
    """所有大小都相等，转置错了形状也看不出来"""
    return lora_forward(draw.normal(4, 4), *draw.normals(3, (4, 4)), 6.0)


@case("lora_forward", agrees_with=through_one_weight)
def rank_one_and_one_output(lora_forward, draw):
    """秩为 1；一个输出"""
    return [
        lora_forward(draw.normal(3, 5), *matrices(draw, 4, 5, 1), 2.5),
        lora_forward(draw.normal(3, 5), *matrices(draw, 1, 5, 2), 2.5),
        lora_forward(draw.normal(3, 1), *matrices(draw, 4, 1, 2), 2.5),
    ]


@case("lora_forward", agrees_with=through_one_weight)
def a_rank_above_both_sizes(lora_forward, draw):
    """秩超过两个大小"""
    return lora_forward(draw.normal(3, 4), *matrices(draw, 2, 4, 9), 4.0)


@case("lora_forward", agrees_with=through_one_weight, weight=2)
def alpha_over_r_is_not_an_integer(lora_forward, draw):
    """α/r 不是整数；α 是整数、负数、零"""
    x, (w0, a, b) = draw.normal(4, 5), matrices(draw, 6, 5, 3)
    return [lora_forward(x, w0, a, b, alpha) for alpha in (5, 1, 0.5, -2.0, 0)]


@case("lora_forward", agrees_with=through_one_weight, **ROUNDED)
def lora_forward_in_bfloat16(lora_forward, draw):
    """bfloat16"""
    return lora_forward(draw.normal(3, 8), *matrices(draw, 5, 8, 2), 3.0)


@case("lora_forward", facet="gradient", agrees_with=through_one_weight, weight=2)
def the_gradient_of_the_input_comes_through_both_paths(lora_forward, draw):
    """输入的梯度从两条路来"""
    return vjp(lora_forward, draw.normal(2, 3, 7), *matrices(draw, 5, 7, 3), 4.0, cotangent=draw)


@case("lora_forward", facet="gradient", agrees_with=through_one_weight)
def with_b_zero_only_b_gets_a_gradient(lora_forward, draw):
    """B = 0 时，A 的梯度为零，B 的不为零"""
    w0, a, b = matrices(draw, 5, 7, 3)
    return vjp(lora_forward, draw.normal(4, 7), w0, a, torch.zeros_like(b), 4.0, cotangent=draw)


@case("lora_forward", facet="numerics", agrees_with=through_one_weight)
def huge_and_tiny_inputs(lora_forward, draw):
    """极大与极小的输入"""
    x, lora = draw.normal(4, 5), matrices(draw, 3, 5, 2)
    return [lora_forward(x * scale, *lora, 4.0) / scale for scale in (1e30, 1e-30)]


@case("lora_forward", facet="memory", expected=True, weight=3)
def no_tensor_is_as_large_as_the_weight(lora_forward, draw):
    """没有一个张量有权重那么大"""
    # every row of this W₀ is the same memory, so that a view of it is small and a product BA is not
    w0 = draw.normal(1, 300).expand(300, 300)
    a, b = draw.normal(2, 300), draw.normal(300, 2)
    sizes = [largest_tensor(lora_forward, x, w0, a, b, 4.0) for x in (draw.normal(300), draw.normal(3, 300))]
    return max(sizes) < 300 * 300 // 10


@case("lora_forward", facet="interface", agrees_with=through_one_weight)
def no_rows_and_no_outputs(lora_forward, draw):
    """零行；零个输出"""
    return [
        lora_forward(draw.normal(0, 5), *matrices(draw, 3, 5, 2), 4.0),
        lora_forward(draw.normal(4, 5), draw.normal(0, 5), draw.normal(2, 5), draw.normal(0, 2), 4.0),
    ]


@case("lora_forward", facet="interface", agrees_with=through_one_weight)
def inputs_with_gaps_and_transposed_weights(lora_forward, draw):
    """有间隔的输入、转置得到的权重"""
    x, w0 = draw.strided(draw.normal(4, 5)), draw.normal(5, 3).mT
    return lora_forward(x, w0, draw.normal(5, 2).mT, draw.strided(draw.normal(3, 2)), 4.0)


@case("lora_forward", facet="interface", raises=ValueError)
def a_rank_that_differs_between_a_and_b(lora_forward, draw):
    """A 与 B 的秩不同是错误"""
    return lora_forward(draw.normal(4, 5), draw.normal(3, 5), draw.normal(2, 5), draw.normal(3, 4), 4.0)


@case("lora_forward", facet="interface", raises=ValueError)
def a_change_of_one_output_is_not_broadcast_to_three(lora_forward, draw):
    """只有一个输出的增量不会广播成三个"""
    return lora_forward(draw.normal(4, 5), draw.normal(3, 5), draw.normal(2, 5), draw.normal(1, 2), 4.0)


@case("lora_forward", facet="interface", raises=ValueError)
def a_weight_of_one_output_is_not_broadcast_to_three(lora_forward, draw):
    """只有一个输出的权重不会广播成三个"""
    return lora_forward(draw.normal(4, 5), draw.normal(1, 5), draw.normal(2, 5), draw.normal(3, 2), 4.0)


def by_making_them(d, k, r):
    """The elements of a module that has A and B as its weights, made without memory for them."""
    pair = nn.Sequential(nn.Linear(k, r, bias=False, device="meta"), nn.Linear(r, d, bias=False, device="meta"))
    return sum(p.numel() for p in pair.parameters())


@case("lora_parameter_count", agrees_with=by_making_them, dtypes=(torch.float64,), draws=3)
def sizes_and_ranks_at_random(lora_parameter_count, draw):
    """随机的大小和秩"""
    return lora_parameter_count(draw.integer(20, 5000), draw.integer(20, 5000), draw.integer(2, 20))


@case("lora_parameter_count", agrees_with=by_making_them, dtypes=(torch.float64,))
def by_the_names_of_its_arguments(lora_parameter_count, draw):
    """按参数名调用"""
    return lora_parameter_count(r=draw.integer(2, 9), k=draw.integer(10, 99), d=draw.integer(10, 99))


@case("lora_parameter_count", agrees_with=by_making_them, dtypes=(torch.float64,))
def rank_one_and_sizes_of_one(lora_parameter_count, draw):
    """秩为 1，大小为 1"""
    n = draw.integer(5, 50)
    return [lora_parameter_count(*sizes) for sizes in ((n, 2 * n, 1), (1, n, 2), (n, 1, 2), (1, 1, 1))]


@case("lora_parameter_count", agrees_with=by_making_them, dtypes=(torch.float64,))
def a_rank_at_which_nothing_is_saved(lora_parameter_count, draw):
    """秩大到不再节省"""
    n = draw.integer(5, 50)
    return lora_parameter_count(n, n + 3, 2 * n)


@case("lora_parameter_count", facet="interface", expected=True, dtypes=(torch.float64,))
def the_count_is_an_integer(lora_parameter_count, draw):
    """结果是整数"""
    return lora_parameter_count(2**40 + 1, 2**40, 2**20 + 1).bit_length() == 62


@case("lora_parameter_count", facet="interface", raises=ValueError)
def a_rank_of_zero_is_no_adapter(lora_parameter_count, draw):
    """秩为零是错误"""
    return lora_parameter_count(8, 8, 0)


@case("lora_parameter_count", facet="interface", raises=ValueError)
def a_negative_size_is_refused(lora_parameter_count, draw):
    """拒绝负的大小"""
    return lora_parameter_count(8, -8, 2)


@case("lora_parameter_count", facet="interface", raises=ValueError)
def no_outputs_are_refused(lora_parameter_count, draw):
    """拒绝零个输出"""
    return lora_parameter_count(0, 8, 2)


def linear(draw, inputs, outputs, bias=True):
    """An nn.Linear of drawn numbers, in the draw's dtype."""
    base = nn.Linear(inputs, outputs, bias=bias, dtype=draw.dtype)
    with torch.no_grad():
        base.weight.copy_(draw.normal(outputs, inputs, scale=inputs**-0.5))
        if bias:
            base.bias.copy_(draw.normal(outputs))
    return base


def loaded(module_class, draw, inputs, outputs, r, alpha, bias=True):
    """A module all of whose parameters are drawn numbers, loaded by name."""
    w0, a, b = matrices(draw, outputs, inputs, r)
    module = module_class(linear(draw, inputs, outputs, bias), r, alpha)
    biases = {"base.bias": draw.normal(outputs)} if bias else {}
    module.load_state_dict({"base.weight": w0, "lora_a": a, "lora_b": b, **biases})
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
def sequences_through_a_wide_layer(module_class, draw):
    """序列通过较宽的层"""
    return loaded(module_class, draw, 7, 11, 3, 5)(draw.normal(2, 4, 7))


@case("LoRALinear", agrees_with=OneWeight, weight=2)
def at_the_start_b_is_zero_and_nothing_has_changed(module_class, draw):
    """开始时 B = 0，什么也没有改变"""
    module = module_class(linear(draw, 7, 5), 3, 16.0)
    return module(draw.normal(4, 7)), module.state_dict()["lora_b"]


@case("LoRALinear", agrees_with=OneWeight)
def a_layer_without_a_bias(module_class, draw):
    """没有偏置的层"""
    module = loaded(module_class, draw, 5, 4, 2, 3.0, bias=False)
    x = draw.normal(3, 5)
    return module(x), module.merge()(x), sorted(module.state_dict()), sorted(module.merge().state_dict())


@case("LoRALinear", agrees_with=OneWeight)
def rank_one_one_input_one_output_no_rows(module_class, draw):
    """秩为 1、一个输入、一个输出、零行"""
    return [
        loaded(module_class, draw, inputs, outputs, r, 3.0)(draw.normal(rows, inputs))
        for inputs, outputs, r, rows in ((4, 3, 1, 2), (1, 3, 2, 2), (4, 1, 2, 2), (4, 3, 2, 0))
    ]


@case("LoRALinear", agrees_with=OneWeight)
def the_scale_is_alpha_over_r_in_both_methods(module_class, draw):
    """前向与合并的缩放都是 α/r"""
    x, found = draw.normal(4, 5), []
    for r, alpha in ((3, 1), (2, 7.5), (4, 0), (5, -2)):
        module = loaded(module_class, draw, 5, 3, r, alpha)
        found += [module(x), module.merge()(x)]
    return found


@case("LoRALinear", agrees_with=OneWeight, **ROUNDED)
def a_module_in_bfloat16(module_class, draw):
    """bfloat16 的模块"""
    module = loaded(module_class, draw, 8, 5, 2, 3.0)
    x = draw.normal(3, 8)
    return module(x), module.merge()(x)


def one_step_of_descent(module):
    """One step down the mean square of the outputs over all parameters of the adapter, as a training loop does it."""
    if hasattr(module, "lora_a"):
        k = module.lora_a.shape[1]
        x = torch.linspace(-1, 2, 3 * k, dtype=module.lora_a.dtype).reshape(3, k)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        module(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


@case("LoRALinear", facet="gradient", agrees_with=OneWeight, weight=3)
def a_training_step_moves_a_and_b_alone(module_class, draw):
    """一步训练只改变 A 和 B"""
    module = loaded(module_class, draw, 5, 4, 2, 3.0)
    module.apply(one_step_of_descent)
    return dict(module.state_dict())


@case("LoRALinear", facet="gradient", agrees_with=OneWeight)
def the_first_step_moves_b_alone(module_class, draw):
    """第一步只改变 B，第二步起 A 也动"""
    module = module_class(linear(draw, 5, 4), 2, 3.0)
    a = draw.normal(2, 5)
    module.load_state_dict({"lora_a": a}, strict=False)
    module.apply(one_step_of_descent)
    once = dict(module.state_dict())
    moved = once["lora_a"] - a, once["lora_b"].clone()
    module.apply(one_step_of_descent)
    return moved, dict(module.state_dict())


@case("LoRALinear", facet="gradient", agrees_with=OneWeight, weight=2)
def the_gradient_of_the_input_passes_the_frozen_path_too(module_class, draw):
    """输入的梯度也通过冻结的那条路"""
    return vjp(loaded(module_class, draw, 5, 4, 2, 3.0), draw.normal(3, 5), cotangent=draw)


def fill_with_sevens(layer):
    """Overwrite every parameter of a layer."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(7)


@case("LoRALinear", agrees_with=OneWeight, weight=2)
def merging_leaves_the_module_as_it_was(module_class, draw):
    """合并之后模块保持原样，再合并一次结果也相同"""
    module, x = loaded(module_class, draw, 5, 4, 2, 3.0), draw.normal(3, 5)
    first = module.merge()
    second = module.merge()
    weight = second.state_dict()["weight"].clone()
    first.apply(fill_with_sevens)
    return module(x), weight, dict(module.state_dict()), second(x)


@case("LoRALinear", agrees_with=OneWeight)
def what_is_merged_is_a_plain_linear_layer(module_class, draw):
    """合并得到的是普通的 nn.Linear"""
    module = loaded(module_class, draw, 5, 4, 2, 3.0)
    layer = module.merge()
    return module(draw.normal(3, 5)), layer.in_features, layer.out_features, dict(layer.state_dict())


@case("LoRALinear", agrees_with=OneWeight)
def two_modules_have_matrices_of_their_own(module_class, draw):
    """两个模块各有自己的矩阵"""
    first, second = (loaded(module_class, draw, 5, 3, r, 4.0) for r in (2, 3))
    x = draw.normal(2, 5)
    return first(x), second(x)


@case("LoRALinear", facet="interface", agrees_with=OneWeight)
def names_shapes_and_dtypes_of_the_state_dict(module_class, draw):
    """state_dict 的名字、形状和 dtype"""
    state = module_class(linear(draw, 7, 4), 3, 1.0).state_dict()
    return {name: [list(tensor.shape), str(tensor.dtype)] for name, tensor in state.items()}


# A has n = 16 · 1600 entries of mean 0 and standard deviation σ. The sample's deviation scatters by σ/√(2n) = 0.0044 σ
# if they are normal and by less if uniform, its mean by σ/√n = 0.00625 σ: 4 % and 6.4 standard deviations are exceeded
# with a chance of 2e-19 and 2e-10, for each of two modules and dtypes.
@case("LoRALinear", facet="interface", expected=[True] * 5, weight=2, false_alarm=1e-9)
def a_begins_random_and_of_the_right_size(module_class, draw):
    """A 的初值是随机的，大小合适"""
    first, second = (module_class(linear(draw, 1600, 4), 16, 3.0).state_dict()["lora_a"].double() for _ in range(2))
    sigma = 4800**-0.5
    size = [bool((a.std() / sigma - 1).abs() < 0.04) for a in (first, second)]
    mean = [bool(a.mean().abs() < 0.04 * sigma) for a in (first, second)]
    return [*size, *mean, not torch.equal(first, second)]


@case("LoRALinear", facet="memory", expected=True, weight=2)
def the_forward_pass_makes_no_tensor_as_large_as_the_weight(module_class, draw):
    """前向传播不产生与权重一样大的张量"""
    base = linear(draw, 300, 300)
    base.weight = nn.Parameter(draw.normal(1, 300).expand(300, 300))  # one row of memory: see lora_forward
    return largest_tensor(module_class(base, 2, 4.0), draw.normal(3, 300)) < 300 * 300 // 10


@case("LoRALinear", facet="numerics", agrees_with=OneWeight)
def a_module_takes_huge_and_tiny_inputs(module_class, draw):
    """极大与极小的输入"""
    module, x = loaded(module_class, draw, 5, 3, 2, 4.0, bias=False), draw.normal(3, 5)
    return [module(x * scale) / scale for scale in (1e30, 1e-30)]


@case("LoRALinear", facet="interface", agrees_with=OneWeight)
def inputs_with_gaps(module_class, draw):
    """有间隔的输入"""
    module = loaded(module_class, draw, 5, 3, 2, 4.0)
    return module(draw.strided(draw.normal(3, 5))), module(draw.normal(5, 2).mT)


@case("LoRALinear", facet="interface", raises=ValueError)
def a_module_of_rank_zero_is_refused(module_class, draw):
    """拒绝秩为零的模块"""
    return module_class(linear(draw, 5, 3), 0, 4.0)(draw.normal(2, 5))


@case("LoRALinear", facet="interface", raises=ValueError)
def inputs_of_another_width_are_refused(module_class, draw):
    """拒绝宽度不符的输入"""
    return loaded(module_class, draw, 5, 3, 2, 4.0)(draw.normal(2, 4))


def merged(w0, a, b, alpha):
    """Equation 17.5 by torch.addmm."""
    return torch.addmm(w0, b, a, alpha=alpha / len(a))


def unmerged(w, a, b, alpha):
    """Equation 17.5 solved for W₀ by torch.addmm."""
    return torch.addmm(w, b, a, alpha=-alpha / len(a))


# drivers that merge and unmerge share


def a_wide_and_a_tall_weight(function, draw):
    """又宽又矮、又高又窄的权重"""
    return function(*matrices(draw, 3, 11, 2), 5.0), function(*matrices(draw, 11, 3, 4), 0.5)


def square_matrices(function, draw):
    """三个方阵，次序错了形状也看不出来"""
    return function(*draw.normals(3, (4, 4)), 6.0)


def whole_and_fractional_alpha(function, draw):
    """α/r 不是整数；α 是整数、负数、零"""
    lora = matrices(draw, 4, 5, 3)
    return [function(*lora, alpha) for alpha in (5, 1, 0.5, -2.0, 0)]


def rank_one_and_a_single_number(function, draw):
    """秩为 1；只有一个数"""
    return function(*matrices(draw, 4, 5, 1), 3.0), function(*matrices(draw, 1, 1, 2), 3.0)


def gradients_of_the_three_matrices(function, draw):
    """三个矩阵的梯度"""
    return vjp(function, *matrices(draw, 4, 5, 3), 2.0, cotangent=draw)


def in_bfloat16(function, draw):
    """bfloat16"""
    return function(*matrices(draw, 4, 8, 2), 3.0)


def huge_and_tiny_matrices(function, draw):
    """极大与极小的矩阵"""
    w0, a, b = matrices(draw, 4, 5, 3)
    return [function(w0 * s, a * s, b, 2.0) / s for s in (1e30, 1e-30)]


def views_and_no_outputs(function, draw):
    """不连续的视图；零个输出"""
    a, b = draw.normal(5, 2).mT, draw.strided(draw.normal(3, 2))
    none = function(draw.normal(0, 5), draw.normal(2, 5), draw.normal(0, 2), 3.0)
    return function(draw.strided(draw.normal(3, 5)), a, b, 4.0), none


def a_new_tensor_also_where_nothing_changes(function, draw):
    """增量为零时也返回新的张量"""
    w0, a, b = matrices(draw, 4, 5, 2)
    return shares_memory(function, w0, a, torch.zeros_like(b), 3.0)


def ranks_that_differ(function, draw):
    """A 与 B 的秩不同是错误"""
    return function(draw.normal(4, 5), draw.normal(2, 5), draw.normal(4, 3), 3.0)


def a_change_of_one_column_is_not_broadcast(function, draw):
    """只有一列的增量不会广播"""
    return function(draw.normal(4, 5), draw.normal(2, 1), draw.normal(4, 2), 3.0)


def a_change_of_one_row_is_not_broadcast(function, draw):
    """只有一行的增量不会广播"""
    return function(draw.normal(4, 5), draw.normal(2, 5), draw.normal(1, 2), 3.0)


def a_weight_of_one_row_is_not_broadcast(function, draw):
    """只有一行的权重不会广播"""
    return function(draw.normal(1, 5), draw.normal(2, 5), draw.normal(4, 2), 3.0)


merge_shapes = case("merge", agrees_with=merged, draws=2)(a_wide_and_a_tall_weight)
merge_square = case("merge", agrees_with=merged)(square_matrices)
merge_scale = case("merge", agrees_with=merged, weight=2)(whole_and_fractional_alpha)
merge_small = case("merge", agrees_with=merged)(rank_one_and_a_single_number)
merge_gradient = case("merge", facet="gradient", agrees_with=merged)(gradients_of_the_three_matrices)
merge_bfloat16 = case("merge", agrees_with=merged, **ROUNDED)(in_bfloat16)
merge_magnitudes = case("merge", facet="numerics", agrees_with=merged)(huge_and_tiny_matrices)
merge_views = case("merge", facet="interface", agrees_with=merged)(views_and_no_outputs)
merge_new = case("merge", facet="interface", expected=False, weight=2)(a_new_tensor_also_where_nothing_changes)
merge_ranks = case("merge", facet="interface", raises=ValueError)(ranks_that_differ)
merge_column = case("merge", facet="interface", raises=ValueError)(a_change_of_one_column_is_not_broadcast)
merge_row = case("merge", facet="interface", raises=ValueError)(a_change_of_one_row_is_not_broadcast)
merge_weight = case("merge", facet="interface", raises=ValueError)(a_weight_of_one_row_is_not_broadcast)

unmerge_shapes = case("unmerge", agrees_with=unmerged, draws=2)(a_wide_and_a_tall_weight)
unmerge_square = case("unmerge", agrees_with=unmerged)(square_matrices)
unmerge_scale = case("unmerge", agrees_with=unmerged, weight=2)(whole_and_fractional_alpha)
unmerge_small = case("unmerge", agrees_with=unmerged)(rank_one_and_a_single_number)
unmerge_gradient = case("unmerge", facet="gradient", agrees_with=unmerged)(gradients_of_the_three_matrices)
unmerge_bfloat16 = case("unmerge", agrees_with=unmerged, **ROUNDED)(in_bfloat16)
unmerge_magnitudes = case("unmerge", facet="numerics", agrees_with=unmerged)(huge_and_tiny_matrices)
unmerge_views = case("unmerge", facet="interface", agrees_with=unmerged)(views_and_no_outputs)
unmerge_new = case("unmerge", facet="interface", expected=False, weight=2)(a_new_tensor_also_where_nothing_changes)
unmerge_ranks = case("unmerge", facet="interface", raises=ValueError)(ranks_that_differ)
unmerge_column = case("unmerge", facet="interface", raises=ValueError)(a_change_of_one_column_is_not_broadcast)
unmerge_row = case("unmerge", facet="interface", raises=ValueError)(a_change_of_one_row_is_not_broadcast)
unmerge_weight = case("unmerge", facet="interface", raises=ValueError)(a_weight_of_one_row_is_not_broadcast)


@case("unmerge", agrees_with=unmerged)
def a_merged_weight_gives_back_the_old_one(unmerge, draw):
    """合并过的权重还原成原来的"""
    w0, a, b = matrices(draw, 4, 5, 2)
    return unmerge(w0 + 3.5 * (b @ a), a, b, 7.0)


def by_numpy(w0, rank):
    """PiSSA from NumPy's singular value decomposition, all singular values in B."""
    u, s, vh = np.linalg.svd(w0.double().numpy(), full_matrices=False)
    best = u[:, :rank] * s[:rank] @ vh[:rank]
    found = w0.double().numpy() - best, vh[:rank], u[:, :rank] * s[:rank]
    return tuple(torch.from_numpy(part).to(w0.dtype) for part in found)


def with_singular_values(draw, d, k, values):
    """A d × k matrix with these singular values, so that its best parts of low rank are well determined."""
    n = len(values)
    u, v = (torch.linalg.qr(draw.normal(size, n).double()).Q for size in (d, k))
    return (u * torch.tensor(values, dtype=torch.float64) @ v.mT).to(draw.dtype)


def parts(lora_svd_init, w0, rank):
    """What is determined of an answer: the residual, the product of B and A, and the shapes."""
    residual, a, b = lora_svd_init(w0, rank)
    return residual, b @ a, list(a.shape), list(b.shape)


SPECTRUM = [2.0, 1.5, 1.1, 0.8, 0.4]


@case("lora_svd_init", agrees_with=by_numpy, draws=2)
def every_rank_of_a_tall_matrix(lora_svd_init, draw):
    """高矩阵，每一个秩"""
    w0 = with_singular_values(draw, 9, 5, SPECTRUM)
    return [parts(lora_svd_init, w0, rank) for rank in range(1, 6)]


@case("lora_svd_init", agrees_with=by_numpy, draws=2)
def every_rank_of_a_wide_matrix(lora_svd_init, draw):
    """宽矩阵，每一个秩"""
    w0 = with_singular_values(draw, 5, 8, SPECTRUM)
    return [parts(lora_svd_init, w0, rank) for rank in range(1, 6)]


@case("lora_svd_init", agrees_with=by_numpy)
def a_square_matrix(lora_svd_init, draw):
    """方阵"""
    return parts(lora_svd_init, with_singular_values(draw, 5, 5, SPECTRUM), 3)


@case("lora_svd_init", agrees_with=by_numpy)
def a_single_row_a_single_column_a_single_number(lora_svd_init, draw):
    """一行、一列、一个数"""
    return [
        parts(lora_svd_init, draw.normal(1, 6), 1),
        parts(lora_svd_init, draw.normal(6, 1), 1),
        parts(lora_svd_init, draw.normal(1, 1), 1),
    ]


@case("lora_svd_init", agrees_with=by_numpy)
def a_matrix_of_rank_two_leaves_nothing(lora_svd_init, draw):
    """秩为 2 的矩阵，取秩 2 或 3 都不剩下什么"""
    w0 = with_singular_values(draw, 6, 7, [2.0, 1.2])
    return [parts(lora_svd_init, w0, rank) for rank in (1, 2, 3)]


@case("lora_svd_init", agrees_with=by_numpy, weight=2)
def a_strong_part_beside_a_weak_one(lora_svd_init, draw):
    """一个方向比别的弱一千倍"""
    w0 = with_singular_values(draw, 6, 5, [2.0, 1.5, 1e-3, 1e-4])
    residual, a, b = lora_svd_init(w0, 3)
    return residual, b @ a


@case("lora_svd_init", agrees_with=by_numpy)
def equal_singular_values_leave_the_choice_open(lora_svd_init, draw):
    """奇异值相等时选法不唯一，但强度是确定的"""
    w0 = with_singular_values(draw, 5, 6, [1.5, 1.5, 1.5, 1.5])
    residual, a, b = lora_svd_init(w0, 2)
    return residual + b @ a, torch.linalg.svdvals(residual), torch.linalg.svdvals(b @ a)


@case("lora_svd_init", agrees_with=by_numpy)
def with_alpha_equal_to_r_the_network_starts_where_it_was(lora_svd_init, draw):
    """取 α = r，网络从原处开始"""
    w0, x = with_singular_values(draw, 5, 7, SPECTRUM), draw.normal(3, 7)
    residual, a, b = lora_svd_init(w0, 2)
    return F.linear(x, residual) + F.linear(F.linear(x, a), b), torch.linalg.svdvals(residual)


@case("lora_svd_init", facet="numerics", agrees_with=by_numpy, weight=2)
def huge_and_tiny_weights(lora_svd_init, draw):
    """极大与极小的权重"""
    w0, found = with_singular_values(draw, 5, 4, SPECTRUM[:4]), []
    for scale in (1e30, 1e-30):
        residual, a, b = lora_svd_init(w0 * scale, 2)
        found += [residual / scale, b @ a / scale]
    return found


@case("lora_svd_init", facet="numerics", agrees_with=by_numpy, dtypes=(torch.float64,), rtol=1e-6, atol=1e-15, weight=2)
def directions_a_billion_times_weaker(lora_svd_init, draw):
    """弱十亿倍的方向，仍要分得清"""
    # the small singular values of a float64 matrix are good to 4e-16 of the greatest one, here 4e-7 of themselves at
    # worst; the eigenvalues of WᵀW know nothing below 1e-8 of it
    w0 = torch.diag(torch.tensor([3e-9, 1.0, 1e-9, 7e-9], dtype=draw.dtype))[:, draw.permutation(4)]
    return [parts(lora_svd_init, w0, rank)[:2] for rank in (2, 3)]


@case("lora_svd_init", facet="memory", expected=True)
def a_long_matrix_has_no_square_factor(lora_svd_init, draw):
    """很长的矩阵，不产生很大的方阵因子"""
    shapes = (3, 200), (200, 3)
    return max(largest_tensor(lora_svd_init, draw.normal(*shape), 2) for shape in shapes) <= 600


@case("lora_svd_init", facet="interface", agrees_with=by_numpy)
def matrices_that_are_not_contiguous(lora_svd_init, draw):
    """不连续的矩阵"""
    w0 = with_singular_values(draw, 6, 5, SPECTRUM)
    return parts(lora_svd_init, draw.strided(w0), 2), parts(lora_svd_init, w0.mT, 2)


@case("lora_svd_init", facet="interface", raises=ValueError)
def rank_zero_is_refused(lora_svd_init, draw):
    """拒绝秩 0"""
    return lora_svd_init(draw.normal(4, 3), 0)


@case("lora_svd_init", facet="interface", raises=ValueError)
def a_negative_rank_is_refused(lora_svd_init, draw):
    """拒绝负的秩"""
    return lora_svd_init(draw.normal(4, 3), -1)


@case("lora_svd_init", facet="interface", raises=ValueError)
def a_rank_above_the_smaller_size_is_refused(lora_svd_init, draw):
    """拒绝超过较小边长的秩"""
    return lora_svd_init(draw.normal(5, 3), 4)
