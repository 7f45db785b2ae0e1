"""The hidden cases of chapter 4."""

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import largest_tensor, vjp

INF = torch.inf

# bfloat16 keeps 8 significant bits, and an answer may round after each of its handful of operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 1e-2}

# accurate relative to a result that may be tiny: exp, expm1 and a division cost a few roundings, no more
RELATIVE = {"rtol": 1e-5, "atol": 0.0}


# drivers that every function of one number shares


def numbers_of_any_shape(function, draw):
    """任意形状"""
    return [function(draw.normal()), function(draw.normal(0, 3)), function(draw.normal(1, 1, 7))]


def a_view_with_gaps(function, draw):
    """有间隔的视图（不连续）"""
    return function(draw.strided(draw.normal(3, 5))), function(draw.normal(4, 3).mT)


def bfloat16_in_and_out(function, draw):
    """输入输出都是 bfloat16"""
    return function(draw.normal(5, 7, scale=2))


def gradients_at_random_points(function, draw):
    """随机点上的梯度"""
    return vjp(function, draw.normal(3, 7, scale=2), cotangent=draw)


def the_gradient_at_exactly_zero(function, draw):
    """恰好在 0 处的梯度"""
    x = draw.normal(3, 5)
    x[:, 1] = 0
    return vjp(function, x, cotangent=draw)


def plus_and_minus_a_thousand(function, draw):
    """±1000"""
    return function(torch.tensor([-1000.0, -100.0, 0.3, 100.0, 1000.0], dtype=draw.dtype))


def gradients_at_plus_and_minus_a_thousand(function, draw):
    """±1000 处的梯度"""
    return vjp(function, torch.tensor([-1000.0, -100.0, 0.3, 100.0, 1000.0], dtype=draw.dtype), cotangent=draw)


relu_shapes = case("relu", facet="interface", agrees_with=torch.relu)(numbers_of_any_shape)
relu_views = case("relu", facet="interface", agrees_with=torch.relu)(a_view_with_gaps)
relu_bfloat16 = case("relu", agrees_with=torch.relu, **ROUNDED)(bfloat16_in_and_out)


@case("relu", facet="gradient", agrees_with=torch.relu, weight=2)
def the_gradient_at_zero_is_zero(relu, draw):
    """0 处的梯度是 0"""
    x = draw.normal(3, 5)
    x[:, 1] = 0
    return vjp(relu, x, cotangent=draw)


@case("relu", agrees_with=torch.relu, weight=2)
def nan_passes_through(relu, draw):
    """NaN 原样通过"""
    x = draw.normal(3, 5)
    x[1, 2] = torch.nan
    return relu(x)


@case("relu", facet="numerics", agrees_with=torch.relu)
def tiny_huge_and_infinite_numbers(relu, draw):
    """极小、极大与无穷"""
    x = draw.magnitudes(2, 6, low=1e-30, high=1e30) * torch.tensor([[1], [-1]])
    x[:, 0] *= INF
    return relu(x)


sigmoid_shapes = case("sigmoid", facet="interface", agrees_with=torch.sigmoid)(numbers_of_any_shape)
sigmoid_views = case("sigmoid", facet="interface", agrees_with=torch.sigmoid)(a_view_with_gaps)
sigmoid_bfloat16 = case("sigmoid", agrees_with=torch.sigmoid, **ROUNDED)(bfloat16_in_and_out)
sigmoid_gradient = case("sigmoid", facet="gradient", agrees_with=torch.sigmoid)(gradients_at_random_points)
sigmoid_at_zero = case("sigmoid", facet="gradient", agrees_with=torch.sigmoid)(the_gradient_at_exactly_zero)
sigmoid_large = case("sigmoid", facet="numerics", agrees_with=torch.sigmoid)(plus_and_minus_a_thousand)
sigmoid_large_gradient = case("sigmoid", facet="gradient", agrees_with=torch.sigmoid, weight=2)(
    gradients_at_plus_and_minus_a_thousand
)


@case("sigmoid", facet="numerics", agrees_with=torch.sigmoid, weight=2, **RELATIVE)
def the_left_tail_keeps_its_digits(sigmoid, draw):
    """左尾保持有效数字"""
    return sigmoid(draw.uniform(8, low=-80, high=-20))


tanh_shapes = case("tanh", facet="interface", agrees_with=torch.tanh)(numbers_of_any_shape)
tanh_views = case("tanh", facet="interface", agrees_with=torch.tanh)(a_view_with_gaps)
tanh_bfloat16 = case("tanh", agrees_with=torch.tanh, **ROUNDED)(bfloat16_in_and_out)
tanh_gradient = case("tanh", facet="gradient", agrees_with=torch.tanh)(gradients_at_random_points)
tanh_at_zero = case("tanh", facet="gradient", agrees_with=torch.tanh)(the_gradient_at_exactly_zero)
tanh_large = case("tanh", facet="numerics", agrees_with=torch.tanh)(plus_and_minus_a_thousand)
tanh_large_gradient = case("tanh", facet="gradient", agrees_with=torch.tanh, weight=2)(
    gradients_at_plus_and_minus_a_thousand
)


@case("tanh", facet="numerics", agrees_with=torch.tanh, weight=2, **RELATIVE)
def small_numbers_keep_their_digits(tanh, draw):
    """很小的数保持有效数字"""
    return tanh(draw.magnitudes(2, 8, low=1e-12, high=1e-2) * torch.tensor([[1], [-1]]))


silu_shapes = case("silu", facet="interface", agrees_with=F.silu)(numbers_of_any_shape)
silu_views = case("silu", facet="interface", agrees_with=F.silu)(a_view_with_gaps)
silu_bfloat16 = case("silu", agrees_with=F.silu, **ROUNDED)(bfloat16_in_and_out)
silu_gradient = case("silu", facet="gradient", agrees_with=F.silu)(gradients_at_random_points)
silu_at_zero = case("silu", facet="gradient", agrees_with=F.silu)(the_gradient_at_exactly_zero)
silu_large = case("silu", facet="numerics", agrees_with=F.silu)(plus_and_minus_a_thousand)
silu_large_gradient = case("silu", facet="gradient", agrees_with=F.silu, weight=2)(
    gradients_at_plus_and_minus_a_thousand
)


gelu_shapes = case("gelu", facet="interface", agrees_with=F.gelu)(numbers_of_any_shape)
gelu_views = case("gelu", facet="interface", agrees_with=F.gelu)(a_view_with_gaps)
gelu_bfloat16 = case("gelu", agrees_with=F.gelu, **ROUNDED)(bfloat16_in_and_out)
gelu_gradient = case("gelu", facet="gradient", agrees_with=F.gelu)(gradients_at_random_points)
gelu_at_zero = case("gelu", facet="gradient", agrees_with=F.gelu)(the_gradient_at_exactly_zero)
gelu_large = case("gelu", facet="numerics", agrees_with=F.gelu)(plus_and_minus_a_thousand)
gelu_large_gradient = case("gelu", facet="gradient", agrees_with=F.gelu)(gradients_at_plus_and_minus_a_thousand)


@case("gelu", agrees_with=F.gelu, weight=2)
def the_two_forms_where_they_differ_most(gelu, draw):
    """两种形式，在相差最大之处"""
    x = draw.uniform(3, 7, low=1.5, high=3) * torch.tensor([[1], [-1], [1]])
    return gelu(x, approximate="none"), gelu(x, approximate="tanh")


@case("gelu", facet="gradient", agrees_with=F.gelu)
def gradients_of_the_tanh_form(gelu, draw):
    """tanh 形式的梯度"""
    return vjp(gelu, draw.normal(3, 7, scale=2), cotangent=draw, approximate="tanh")


@case("gelu", facet="numerics", agrees_with=F.gelu)
def the_tanh_form_at_plus_and_minus_a_thousand(gelu, draw):
    """±1000 处的 tanh 形式与它的梯度"""
    x = torch.tensor([-1000.0, -100.0, 0.3, 100.0, 1000.0], dtype=draw.dtype)
    return gelu(x, approximate="tanh"), vjp(gelu, x, cotangent=draw, approximate="tanh")


@case("gelu", facet="interface", raises=ValueError)
def an_unknown_form_is_refused(gelu, draw):
    """拒绝不认识的形式"""
    return gelu(draw.normal(3), approximate="sigmoid")


@case("softmax", agrees_with=torch.softmax)
def every_dimension_from_either_end(softmax, draw):
    """每一个维度，从两端数"""
    x = draw.normal(2, 7, 3)
    return [softmax(x, dim) for dim in range(-3, 3)]


@case("softmax", facet="numerics", agrees_with=torch.softmax, weight=2)
def logits_of_ten_thousand(softmax, draw):
    """大小为 10⁴ 的 logits"""
    return softmax(draw.normal(3, 6, scale=1e4), dim=-1)


@case("softmax", facet="numerics", agrees_with=torch.softmax)
def a_shift_of_all_logits_changes_nothing(softmax, draw):
    """所有 logits 平移同一个数，结果不变"""
    x = draw.integers(-3, 4, 5, 6).to(draw.dtype)
    x[:, 0] += 0.5
    return softmax(x, dim=1), softmax(x + 10000, dim=1), softmax(x - 10000, dim=1)


@case("softmax", facet="numerics", agrees_with=torch.softmax, weight=2)
def rows_at_very_different_levels(softmax, draw):
    """各行的大小相差很远"""
    return softmax(draw.normal(3, 5) + torch.tensor([[-3000], [0], [3000]]), dim=1)


@case("softmax", facet="numerics", agrees_with=torch.softmax)
def an_impossible_class_has_probability_zero(softmax, draw):
    """−inf 的类别概率为 0"""
    x = draw.normal(3, 6)
    x[:, 2] = -INF
    return softmax(x, dim=-1), softmax(x[:, :2], dim=-1)


@case("softmax", facet="numerics", agrees_with=torch.softmax)
def a_row_of_impossible_classes_is_nan_and_the_others_are_not(softmax, draw):
    """全为 −inf 的行是 NaN，其余的行不是"""
    x = draw.normal(3, 4)
    x[1] = -INF
    return softmax(x, dim=-1)


@case("softmax", facet="gradient", agrees_with=torch.softmax)
def gradients_flow_through_the_normaliser(softmax, draw):
    """梯度也流过分母"""
    return vjp(softmax, draw.normal(3, 5), cotangent=draw, dim=-1), vjp(
        softmax, draw.normal(2, 5, 3), cotangent=draw, dim=1
    )


@case("softmax", facet="gradient", agrees_with=torch.softmax)
def gradients_beside_an_impossible_class_and_ties(softmax, draw):
    """有 −inf 的类别、有并列最大值时的梯度"""
    x = draw.normal(3, 5) + 1000
    x[:, 3] = -INF
    x[:, 1] = x[:, 0] = x.amax(1)
    return vjp(softmax, x, cotangent=draw, dim=-1)


@case("softmax", agrees_with=torch.softmax, **ROUNDED)
def softmax_in_bfloat16(softmax, draw):
    """bfloat16 的 softmax"""
    return softmax(draw.normal(5, 7), dim=-1)


@case("softmax", facet="interface", agrees_with=torch.softmax)
def one_number_one_class_and_no_rows(softmax, draw):
    """一个数、一个类别、零行"""
    return [softmax(draw.normal(), 0), softmax(draw.normal(3, 1), 1), softmax(draw.normal(0, 5), -1)]


@case("softmax", facet="interface", agrees_with=torch.softmax)
def a_view_that_is_not_contiguous(softmax, draw):
    """不连续的视图"""
    return softmax(draw.strided(draw.normal(3, 5)), dim=0), softmax(draw.normal(4, 3).mT, dim=1)


@case("softmax", facet="interface", raises=ValueError)
def softmax_refuses_a_dimension_that_is_not_there(softmax, draw):
    """拒绝不存在的维度"""
    return softmax(draw.normal(3, 5), dim=2)


@case("logsumexp", agrees_with=torch.logsumexp)
def every_dimension_is_summed_away(logsumexp, draw):
    """每一个维度都能求和"""
    x = draw.normal(2, 7, 3)
    return [logsumexp(x, dim) for dim in range(-3, 3)]


@case("logsumexp", agrees_with=torch.logsumexp)
def several_dimensions_and_keepdim(logsumexp, draw):
    """多个维度，以及 keepdim"""
    x = draw.normal(2, 3, 4)
    return [
        logsumexp(x, (0, -1)),
        logsumexp(x, (1, 2), keepdim=True),
        logsumexp(x, (0, 1, 2)),
        logsumexp(x, 1, keepdim=True),
        logsumexp(x, dim=1, keepdim=False),
    ]


@case("logsumexp", facet="numerics", agrees_with=torch.logsumexp)
def terms_of_plus_and_minus_ten_thousand(logsumexp, draw):
    """大小为 ±10⁴ 的项"""
    x = draw.normal(3, 6)
    return logsumexp(x + 10000, dim=1), logsumexp(x - 10000, dim=1), logsumexp(x * 10000, dim=1)


@case("logsumexp", facet="numerics", agrees_with=torch.logsumexp)
def sums_at_very_different_levels(logsumexp, draw):
    """各行的大小相差很远"""
    return logsumexp(draw.normal(3, 5) + torch.tensor([[-3000], [0], [3000]]), dim=1)


@case("logsumexp", facet="numerics", agrees_with=torch.logsumexp, weight=2)
def the_logarithm_of_zero_is_minus_infinity(logsumexp, draw):
    """全为 −inf 的行是 −inf；有 +inf 的行是 +inf"""
    x = draw.normal(4, 5)
    x[0] = -INF
    x[1, 3] = -INF
    x[2, 1] = INF
    return logsumexp(x, dim=1), logsumexp(x[:2], dim=(0, 1))


@case("logsumexp", facet="gradient", agrees_with=torch.logsumexp)
def the_gradient_is_softmax(logsumexp, draw):
    """梯度是 softmax"""
    return vjp(logsumexp, draw.normal(3, 5), cotangent=draw, dim=-1), vjp(
        logsumexp, draw.normal(2, 5, 3), cotangent=draw, dim=(0, 1)
    )


@case("logsumexp", facet="gradient", agrees_with=torch.logsumexp)
def the_gradient_of_large_terms_with_ties_and_minus_infinity(logsumexp, draw):
    """很大的项、并列最大值与 −inf 处的梯度"""
    x = draw.normal(3, 5) + 1000
    x[:, 3] = -INF
    x[:, 1] = x[:, 0] = x.amax(1)
    return vjp(logsumexp, x, cotangent=draw, dim=-1)


@case("logsumexp", agrees_with=torch.logsumexp, **ROUNDED)
def logsumexp_in_bfloat16(logsumexp, draw):
    """bfloat16 的 logsumexp"""
    return logsumexp(draw.normal(5, 7), dim=-1)


@case("logsumexp", facet="interface", agrees_with=torch.logsumexp)
def one_number_one_term_and_no_rows(logsumexp, draw):
    """一个数、一项、零行"""
    return [logsumexp(draw.normal(), 0), logsumexp(draw.normal(3, 1), 1), logsumexp(draw.normal(0, 5), -1)]


@case("logsumexp", facet="interface", agrees_with=torch.logsumexp)
def terms_that_are_not_contiguous(logsumexp, draw):
    """不连续的输入"""
    return logsumexp(draw.strided(draw.normal(3, 5)), dim=0), logsumexp(draw.normal(4, 3).mT, dim=1)


@case("logsumexp", facet="interface", raises=ValueError)
def logsumexp_refuses_a_dimension_that_is_not_there(logsumexp, draw):
    """拒绝不存在的维度"""
    return logsumexp(draw.normal(3, 5), dim=-3)


@case("log_softmax", agrees_with=torch.log_softmax)
def log_probabilities_along_every_dimension(log_softmax, draw):
    """沿每一个维度"""
    x = draw.normal(2, 7, 3)
    return [log_softmax(x, dim) for dim in range(-3, 3)]


@case("log_softmax", facet="numerics", agrees_with=torch.log_softmax, weight=2)
def large_logits_keep_the_digits_of_their_differences(log_softmax, draw):
    """logits 很大时，它们之差的有效数字不丢失"""
    x = draw.normal(3, 6)
    return log_softmax(x + 10000, dim=1), log_softmax(x - 10000, dim=1)


@case("log_softmax", facet="numerics", agrees_with=torch.log_softmax)
def log_probabilities_at_very_different_levels(log_softmax, draw):
    """各行的大小相差很远"""
    return log_softmax(draw.normal(3, 5) + torch.tensor([[-3000], [0], [3000]]), dim=1)


@case("log_softmax", facet="numerics", agrees_with=torch.log_softmax)
def an_impossible_class_has_log_probability_minus_infinity(log_softmax, draw):
    """−inf 的类别对数概率为 −inf；全为 −inf 的行是 NaN"""
    x = draw.normal(3, 6)
    x[:, 2] = -INF
    x[1] = -INF
    return log_softmax(x, dim=-1)


@case("log_softmax", facet="gradient", agrees_with=torch.log_softmax)
def gradients_flow_through_the_log_normaliser(log_softmax, draw):
    """梯度也流过归一化项"""
    return vjp(log_softmax, draw.normal(3, 5), cotangent=draw, dim=-1), vjp(
        log_softmax, draw.normal(2, 5, 3), cotangent=draw, dim=1
    )


@case("log_softmax", facet="gradient", agrees_with=torch.log_softmax, weight=2)
def gradients_where_probabilities_underflow(log_softmax, draw):
    """概率下溢处的梯度"""
    return vjp(log_softmax, draw.normal(3, 5, scale=1e4), cotangent=draw, dim=-1)


@case("log_softmax", agrees_with=torch.log_softmax, **ROUNDED)
def log_softmax_in_bfloat16(log_softmax, draw):
    """bfloat16 的 log_softmax"""
    return log_softmax(draw.normal(5, 7), dim=-1)


@case("log_softmax", facet="interface", agrees_with=torch.log_softmax)
def log_probabilities_of_one_number_and_of_no_rows(log_softmax, draw):
    """一个数、一个类别、零行"""
    return [log_softmax(draw.normal(), 0), log_softmax(draw.normal(3, 1), 1), log_softmax(draw.normal(0, 5), -1)]


@case("log_softmax", facet="interface", agrees_with=torch.log_softmax)
def logits_that_are_not_contiguous(log_softmax, draw):
    """不连续的输入"""
    return log_softmax(draw.strided(draw.normal(3, 5)), dim=0), log_softmax(draw.normal(4, 3).mT, dim=1)


@case("log_softmax", facet="interface", raises=ValueError)
def log_softmax_refuses_a_dimension_that_is_not_there(log_softmax, draw):
    """拒绝不存在的维度"""
    return log_softmax(draw.normal(3, 5), dim=2)


def _aten(grad_output, output, dim):
    """The operator that torch's own backward calls."""
    return torch.ops.aten._softmax_backward_data(grad_output, output, dim, output.dtype)


@case("softmax_backward", agrees_with=_aten)
def back_along_every_dimension(softmax_backward, draw):
    """沿每一个维度传回"""
    x, g = draw.normals(2, shape=(2, 7, 3))
    return [softmax_backward(g, torch.softmax(x, dim), dim) for dim in range(-3, 3)]


@case("softmax_backward", facet="gradient", agrees_with=_aten)
def it_can_be_differentiated_again(softmax_backward, draw):
    """它本身也可以求导"""
    return vjp(softmax_backward, draw.normal(3, 5), torch.softmax(draw.normal(3, 5), 1), cotangent=draw, dim=1)


@case("softmax_backward", facet="numerics", agrees_with=_aten)
def probabilities_of_exactly_zero_and_one(softmax_backward, draw):
    """概率恰为 0 或 1"""
    output = torch.softmax(draw.normal(5, 6, scale=1e3), dim=-1)
    output[0] = torch.softmax(draw.normal(6), dim=-1)
    return softmax_backward(draw.normal(5, 6), output, dim=-1)


@case("softmax_backward", facet="numerics", agrees_with=_aten)
def the_same_gradient_for_every_class_changes_nothing(softmax_backward, draw):
    """所有类别的梯度相同时，logits 的梯度为 0"""
    output = torch.softmax(draw.normal(3, 5), dim=-1)
    return softmax_backward(draw.normal(3, 1).expand(3, 5), output, dim=-1)


@case("softmax_backward", facet="memory", expected=True, weight=2)
def the_jacobian_is_never_stored(softmax_backward, draw):
    """从不存储 Jacobian 矩阵"""
    output = torch.softmax(draw.normal(4, 300), dim=-1)
    return largest_tensor(softmax_backward, draw.normal(4, 300), output, -1) <= output.numel()


@case("softmax_backward", agrees_with=_aten, **ROUNDED)
def softmax_backward_in_bfloat16(softmax_backward, draw):
    """bfloat16 的反向"""
    return softmax_backward(draw.normal(5, 7), torch.softmax(draw.normal(5, 7), dim=-1), dim=-1)


@case("softmax_backward", facet="interface", agrees_with=_aten)
def gradients_of_one_class_and_of_no_rows(softmax_backward, draw):
    """一个类别、零行"""
    return [
        softmax_backward(draw.normal(3, 1), torch.softmax(draw.normal(3, 1), 1), 1),
        softmax_backward(draw.normal(0, 5), torch.softmax(draw.normal(0, 5), 1), 1),
        softmax_backward(draw.normal(4), torch.softmax(draw.normal(4), 0), 0),
    ]


@case("softmax_backward", facet="interface", agrees_with=_aten)
def gradients_that_are_not_contiguous(softmax_backward, draw):
    """不连续的输入"""
    output = torch.softmax(draw.normal(5, 3), dim=0)
    return softmax_backward(draw.strided(draw.normal(3, 5)), output.mT, dim=1)


@case("softmax_backward", facet="interface", raises=ValueError)
def a_gradient_of_another_shape_is_refused(softmax_backward, draw):
    """拒绝形状不同的梯度"""
    return softmax_backward(draw.normal(3, 1), torch.softmax(draw.normal(3, 5), dim=-1), dim=-1)


@case("softmax_backward", facet="interface", raises=ValueError)
def softmax_backward_refuses_a_dimension_that_is_not_there(softmax_backward, draw):
    """拒绝不存在的维度"""
    return softmax_backward(draw.normal(3, 5), torch.softmax(draw.normal(3, 5), dim=-1), dim=2)
