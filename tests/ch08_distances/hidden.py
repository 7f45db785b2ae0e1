"""The hidden cases of chapter 8."""

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import operator_calls, vjp

# bfloat16 keeps 8 significant bits, and an answer may round after each of its handful of operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 2e-2}

# the results lie far below every absolute tolerance, so only a relative one can tell
RELATIVE = {"rtol": 1e-5, "atol": 0.0}

DRAWS = {"draws": 2}


def _mse(input, target, reduction="mean"):
    """F.mse_loss, without its warning about shapes that differ."""
    return F.mse_loss(*torch.broadcast_tensors(input, target), reduction=reduction)


def _l1(input, target, reduction="mean"):
    return F.l1_loss(*torch.broadcast_tensors(input, target), reduction=reduction)


# drivers that both losses share


def every_reduction_of_an_odd_shape(loss, draw):
    """三种 reduction，奇数的形状"""
    input, target = draw.normals(2, shape=(3, 5, 7))
    return [loss(input, target, how) for how in ("none", "sum", "mean")]


def targets_that_broadcast(loss, draw):
    """目标需要广播"""
    input = draw.normal(5, 3)
    return [
        loss(input, target, reduction)
        for target in (draw.normal(3), draw.normal(5, 1), draw.normal())
        for reduction in ("mean", "sum", "none")
    ]


def a_column_of_predictions_against_a_row_of_targets(loss, draw):
    """一列预测对一行目标：平均的是广播之后的所有元素"""
    column, row = draw.normal(5, 1), draw.normal(4)
    return loss(column, row), loss(row, column, reduction="sum"), loss(draw.normal(2, 4), draw.normal(3, 1, 4))


def one_number_and_nothing_at_all(loss, draw):
    """一个数；一个数也没有"""
    one, other = draw.normals(2, shape=())
    empty = draw.normal(0, 3)
    return [loss(one, other), loss(empty, empty), loss(empty, empty, "sum"), loss(empty, empty, "none")]


def inputs_that_are_not_contiguous(loss, draw):
    """不连续的输入"""
    input, target = draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT
    return loss(input, target), loss(input, target, "none")


def close_numbers_far_from_zero(loss, draw):
    """离零很远而彼此接近的数"""
    far = draw.normal(3, 5) + (1e9 if draw.dtype == torch.float64 else 1e4)
    near = far + draw.normal(3, 5, scale=0.1)
    return loss(far, near), loss(far, near, "none"), loss(far, near, "sum")


def tiny_differences(loss, draw):
    """极小的差"""
    input, target = draw.normals(2, shape=(3, 5))
    return loss(1e-12 * input, 1e-12 * target), loss(1e-12 * input, 1e-12 * target, "none")


def gradients_of_every_reduction(loss, draw):
    """三种 reduction 的梯度，对预测，也对目标"""
    input, target = draw.normals(2, shape=(3, 5))
    return [vjp(loss, input, target, reduction=how, cotangent=draw) for how in ("none", "sum", "mean")]


def gradients_of_a_target_that_broadcasts(loss, draw):
    """目标被广播时的梯度"""
    return vjp(loss, draw.normal(5, 3), draw.normal(3), cotangent=draw), vjp(
        loss, draw.normal(4), draw.normal(5, 1), cotangent=draw
    )


def one_outlier(loss, draw):
    """一个离群值对每个梯度的影响"""
    target = draw.normal(3, 5)
    target[1, 2] += 1e6
    return vjp(loss, draw.normal(3, 5), target, cotangent=draw)


def bfloat16_in_and_out(loss, draw):
    """输入输出都是 bfloat16"""
    input, target = draw.normals(2, shape=(5, 7))
    return loss(input, target), loss(input, target, "none")


def an_unknown_reduction_is_refused(loss, draw):
    """拒绝不认识的 reduction"""
    return loss(draw.normal(3, 5), draw.normal(3, 5), reduction="average")


def no_reduction_at_all_is_refused(loss, draw):
    """拒绝 None 作为 reduction"""
    return loss(draw.normal(3, 5), draw.normal(3, 5), reduction=None)


def shapes_that_do_not_broadcast_are_refused(loss, draw):
    """拒绝不能广播的形状"""
    return loss(draw.normal(3, 5), draw.normal(3, 4))


mse_reductions = case("mse_loss", agrees_with=_mse, **DRAWS)(every_reduction_of_an_odd_shape)
mse_broadcast = case("mse_loss", agrees_with=_mse)(targets_that_broadcast)
mse_column = case("mse_loss", agrees_with=_mse)(a_column_of_predictions_against_a_row_of_targets)
mse_sizes = case("mse_loss", facet="interface", agrees_with=_mse)(one_number_and_nothing_at_all)
mse_views = case("mse_loss", facet="interface", agrees_with=_mse)(inputs_that_are_not_contiguous)
mse_close = case("mse_loss", facet="numerics", agrees_with=_mse, weight=2)(close_numbers_far_from_zero)
mse_tiny = case("mse_loss", facet="numerics", agrees_with=_mse, **RELATIVE)(tiny_differences)
mse_gradients = case("mse_loss", facet="gradient", agrees_with=_mse)(gradients_of_every_reduction)
mse_broadcast_gradients = case("mse_loss", facet="gradient", agrees_with=_mse)(gradients_of_a_target_that_broadcasts)
mse_outlier = case("mse_loss", facet="gradient", agrees_with=_mse)(one_outlier)
mse_bfloat16 = case("mse_loss", agrees_with=_mse, **ROUNDED)(bfloat16_in_and_out)
mse_unknown = case("mse_loss", facet="interface", raises=ValueError)(an_unknown_reduction_is_refused)
mse_none = case("mse_loss", facet="interface", raises=ValueError)(no_reduction_at_all_is_refused)
mse_shapes = case("mse_loss", facet="interface", raises=ValueError)(shapes_that_do_not_broadcast_are_refused)


l1_reductions = case("l1_loss", agrees_with=_l1, **DRAWS)(every_reduction_of_an_odd_shape)
l1_broadcast = case("l1_loss", agrees_with=_l1)(targets_that_broadcast)
l1_column = case("l1_loss", agrees_with=_l1)(a_column_of_predictions_against_a_row_of_targets)
l1_sizes = case("l1_loss", facet="interface", agrees_with=_l1)(one_number_and_nothing_at_all)
l1_views = case("l1_loss", facet="interface", agrees_with=_l1)(inputs_that_are_not_contiguous)
l1_close = case("l1_loss", facet="numerics", agrees_with=_l1)(close_numbers_far_from_zero)
l1_tiny = case("l1_loss", facet="numerics", agrees_with=_l1, **RELATIVE)(tiny_differences)
l1_gradients = case("l1_loss", facet="gradient", agrees_with=_l1)(gradients_of_every_reduction)
l1_broadcast_gradients = case("l1_loss", facet="gradient", agrees_with=_l1)(gradients_of_a_target_that_broadcasts)
l1_outlier = case("l1_loss", facet="gradient", agrees_with=_l1, weight=2)(one_outlier)
l1_bfloat16 = case("l1_loss", agrees_with=_l1, **ROUNDED)(bfloat16_in_and_out)
l1_unknown = case("l1_loss", facet="interface", raises=ValueError)(an_unknown_reduction_is_refused)
l1_none = case("l1_loss", facet="interface", raises=ValueError)(no_reduction_at_all_is_refused)
l1_shapes = case("l1_loss", facet="interface", raises=ValueError)(shapes_that_do_not_broadcast_are_refused)


@case("l1_loss", facet="gradient", agrees_with=_l1, weight=2)
def a_prediction_that_equals_its_target_has_no_gradient(l1_loss, draw):
    """预测恰好等于目标时，梯度是 0"""
    input, target = draw.normals(2, shape=(3, 5))
    target[:, 1] = input[:, 1]
    return vjp(l1_loss, input, target, cotangent=draw), vjp(l1_loss, input, target, reduction="none", cotangent=draw)


@case("l1_loss", facet="numerics", agrees_with=_l1)
def differences_whose_squares_overflow(l1_loss, draw):
    """平方会上溢的差"""
    large = 1e200 if draw.dtype == torch.float64 else 1e30
    input, target = draw.normals(2, shape=(3, 5))
    return l1_loss(large * input, large * target), l1_loss(large * input, large * target, "none")


# drivers that both likelihoods share: the third argument is a variance or a scale


def spreads_from_small_to_large(nll, draw):
    """从小到大的方差或尺度"""
    return nll(draw.normal(5, 7), draw.normal(5, 7), draw.magnitudes(5, 7, low=0.05, high=20))


def spreads_that_broadcast(nll, draw):
    """方差或尺度需要广播"""
    input, target = draw.normals(2, shape=(5, 3))
    spreads = [draw.magnitudes(*shape, low=0.2, high=5) for shape in [(), (3,), (5, 1), (2, 1, 1)]]
    return [nll(input, target, spread) for spread in spreads]


def predictions_and_targets_that_broadcast(nll, draw):
    """预测与目标需要广播"""
    spread = draw.magnitudes(2, 1, 3, low=0.2, high=5)
    return nll(draw.normal(3), draw.normal(5, 1), spread), nll(draw.normal(), draw.normal(2, 5, 3), spread)


def one_number_and_nothing(nll, draw):
    """一个数；一个数也没有"""
    empty = draw.normal(0, 3)
    return nll(draw.normal(), draw.normal(), draw.magnitudes(low=0.2, high=5)), nll(empty, empty, empty)


def views_that_are_not_contiguous(nll, draw):
    """不连续的视图"""
    return nll(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT, draw.strided(draw.uniform(3, 5, low=0.5, high=2)))


def in_bfloat16(nll, draw):
    """bfloat16 的负对数似然"""
    return nll(draw.normal(5, 7), draw.normal(5, 7), draw.uniform(5, 7, low=0.5, high=2))


def gradients_of_prediction_target_and_spread(nll, draw):
    """对预测、目标以及方差或尺度的梯度"""
    input, target = draw.normals(2, shape=(5, 3))
    return vjp(nll, input, target, draw.magnitudes(5, 3, low=0.2, high=5), cotangent=draw)


def gradients_of_what_broadcasts(nll, draw):
    """被广播的输入的梯度"""
    return vjp(nll, draw.normal(3), draw.normal(5, 3), draw.magnitudes(5, 1, low=0.2, high=5), cotangent=draw)


def a_spread_of_zero_is_refused(nll, draw):
    """拒绝为零的方差或尺度"""
    spread = draw.uniform(3, 5, low=0.5, high=2)
    spread[1, 2] = 0
    return nll(draw.normal(3, 5), draw.normal(3, 5), spread)


def a_negative_spread_is_refused(nll, draw):
    """拒绝为负的方差或尺度"""
    spread = draw.uniform(3, 5, low=0.5, high=2)
    spread[2, 0] *= -1
    return nll(draw.normal(3, 5), draw.normal(3, 5), spread)


def targets_of_another_length_are_refused(nll, draw):
    """拒绝长度不同的目标"""
    return nll(draw.normal(3, 5), draw.normal(3, 4), draw.uniform(low=0.5, high=2))


def _normal(input, target, var):
    return -torch.distributions.Normal(input, var.sqrt(), validate_args=False).log_prob(target).mean()


def _laplace(input, target, scale):
    return -torch.distributions.Laplace(input, scale, validate_args=False).log_prob(target).mean()


gaussian_spreads = case("gaussian_nll", agrees_with=_normal, **DRAWS)(spreads_from_small_to_large)
gaussian_broadcast = case("gaussian_nll", agrees_with=_normal)(spreads_that_broadcast)
gaussian_means = case("gaussian_nll", agrees_with=_normal)(predictions_and_targets_that_broadcast)
gaussian_sizes = case("gaussian_nll", facet="interface", agrees_with=_normal)(one_number_and_nothing)
gaussian_views = case("gaussian_nll", facet="interface", agrees_with=_normal)(views_that_are_not_contiguous)
gaussian_bfloat16 = case("gaussian_nll", agrees_with=_normal, **ROUNDED)(in_bfloat16)
gaussian_gradients = case("gaussian_nll", facet="gradient", agrees_with=_normal)(
    gradients_of_prediction_target_and_spread
)
gaussian_broadcast_gradients = case("gaussian_nll", facet="gradient", agrees_with=_normal)(gradients_of_what_broadcasts)
gaussian_zero = case("gaussian_nll", facet="interface", raises=ValueError)(a_spread_of_zero_is_refused)
gaussian_negative = case("gaussian_nll", facet="interface", raises=ValueError)(a_negative_spread_is_refused)
gaussian_shapes = case("gaussian_nll", facet="interface", raises=ValueError)(targets_of_another_length_are_refused)


@case("gaussian_nll", facet="numerics", agrees_with=_normal, weight=2)
def a_variance_of_a_millionth_of_a_millionth(gaussian_nll, draw):
    """10⁻¹² 大小的方差：什么也不截断"""
    variance = draw.magnitudes(3, 5, low=1e-13, high=1e-11)
    target = draw.normal(3, 5, scale=1e-6)
    return gaussian_nll(torch.zeros_like(target), target, variance)


@case("gaussian_nll", facet="numerics", agrees_with=_normal)
def close_numbers_far_from_zero_are_still_likely(gaussian_nll, draw):
    """离零很远而彼此接近的数"""
    far = draw.normal(3, 5) + (1e9 if draw.dtype == torch.float64 else 1e4)
    return gaussian_nll(far, far + draw.normal(3, 5), draw.uniform(3, 5, low=0.5, high=2))


@case("gaussian_nll", facet="gradient", agrees_with=lambda input, target, var: _mse(input, target) / (2 * var))
def the_direction_of_descent_is_that_of_the_mse(gaussian_nll, draw):
    """下降的方向与 MSE 相同"""
    variance = draw.magnitudes(low=1e-2, high=1e2)
    return vjp(gaussian_nll, draw.normal(5, 1), target=draw.normal(5, 7), var=variance, cotangent=draw)


laplace_spreads = case("laplace_nll", agrees_with=_laplace, **DRAWS)(spreads_from_small_to_large)
laplace_broadcast = case("laplace_nll", agrees_with=_laplace)(spreads_that_broadcast)
laplace_means = case("laplace_nll", agrees_with=_laplace)(predictions_and_targets_that_broadcast)
laplace_sizes = case("laplace_nll", facet="interface", agrees_with=_laplace)(one_number_and_nothing)
laplace_views = case("laplace_nll", facet="interface", agrees_with=_laplace)(views_that_are_not_contiguous)
laplace_bfloat16 = case("laplace_nll", agrees_with=_laplace, **ROUNDED)(in_bfloat16)
laplace_gradients = case("laplace_nll", facet="gradient", agrees_with=_laplace)(
    gradients_of_prediction_target_and_spread
)
laplace_broadcast_gradients = case("laplace_nll", facet="gradient", agrees_with=_laplace)(gradients_of_what_broadcasts)
laplace_zero = case("laplace_nll", facet="interface", raises=ValueError)(a_spread_of_zero_is_refused)
laplace_negative = case("laplace_nll", facet="interface", raises=ValueError)(a_negative_spread_is_refused)
laplace_shapes = case("laplace_nll", facet="interface", raises=ValueError)(targets_of_another_length_are_refused)


@case("laplace_nll", facet="numerics", agrees_with=_laplace, weight=2)
def a_scale_of_a_millionth_of_a_millionth(laplace_nll, draw):
    """10⁻¹² 大小的尺度：什么也不截断"""
    target = draw.normal(3, 5, scale=1e-12)
    return laplace_nll(torch.zeros_like(target), target, draw.magnitudes(3, 5, low=1e-13, high=1e-11))


@case("laplace_nll", facet="numerics", agrees_with=_laplace)
def distances_whose_squares_overflow(laplace_nll, draw):
    """平方会上溢的距离"""
    large = 1e200 if draw.dtype == torch.float64 else 1e30
    input, target = draw.normals(2, shape=(3, 5))
    return laplace_nll(large * input, large * target, large * draw.uniform(3, 5, low=0.5, high=2))


@case("laplace_nll", facet="gradient", agrees_with=_laplace)
def the_most_likely_place_has_no_gradient(laplace_nll, draw):
    """预测恰好等于目标时，对预测的梯度是 0"""
    input, target = draw.normals(2, shape=(3, 5))
    target[:, 1] = input[:, 1]
    return vjp(laplace_nll, input, target, draw.uniform(3, 5, low=0.5, high=2), cotangent=draw)


@case("laplace_nll", facet="gradient", agrees_with=lambda input, target, scale: _l1(input, target) / scale)
def the_direction_of_descent_is_that_of_the_l1_loss(laplace_nll, draw):
    """下降的方向与 L1 损失相同"""
    scale = draw.magnitudes(low=1e-2, high=1e2)
    return vjp(laplace_nll, draw.normal(5, 1), target=draw.normal(5, 7), scale=scale, cotangent=draw)


# drivers that the similarity and the distance share


def _cosine(x1, x2, dim=1, eps=1e-8):
    """(8.3) with each norm held at eps: unlike torch's own, its gradient is the formula's also below eps."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    norms = [torch.linalg.vector_norm(x, dim=dim).clamp(min=eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / norms[0] / norms[1]


def _one_less(x1, x2, dim=1, eps=1e-8):
    return 1 - _cosine(x1, x2, dim, eps)


def every_dimension_from_either_end(cosine, draw):
    """每一个维度，从两端数"""
    x1, x2 = draw.normals(2, shape=(5, 7, 3))
    return [cosine(x1, x2, dim) for dim in range(-3, 3)]


def shapes_that_broadcast(cosine, draw):
    """需要广播的形状"""
    x = draw.normal(5, 6)
    return [
        cosine(x, draw.normal(6)),
        cosine(draw.normal(6), x, dim=-1),
        cosine(draw.normal(4, 1, 6), draw.normal(5, 6), dim=2),
        cosine(draw.normal(5, 1), x),
        cosine(draw.normal(3, 1, 1), x),
    ]


def vectors_of_very_different_lengths(cosine, draw):
    """长度相差悬殊的向量"""
    x1, x2 = draw.normals(2, shape=(5, 6))
    return cosine(x1 * 1e7, x2 * 1e-6), cosine(x1 * 1e12, x2), cosine(x1 * 1e-6, x2 * 1e-6)


def the_least_length_holds_for_each_of_the_two(cosine, draw):
    """eps 分别作用于两个长度，而不是它们的乘积"""
    x1, x2 = draw.normals(2, shape=(5, 6))
    return [
        cosine(x1 * 1e-9, x2 * 1e3),
        cosine(x1 * 1e3, x2 * 1e-9),
        cosine(x1 * 0.1, x2 * 20, eps=3.0),
        cosine(x1 * 20, x2 * 0.1, 1, 3.0),
        cosine(x1 * 0.01, x2 * 0.02, 1, 0.5),
    ]


def vectors_of_zeros(cosine, draw):
    """零向量"""
    x1, x2 = draw.normals(2, shape=(5, 6))
    x1[1] = x2[3] = x1[4] = x2[4] = 0
    return cosine(x1, x2)


def one_vector_one_component_and_no_rows(cosine, draw):
    """单个向量、一个分量、零行、零个分量"""
    return [
        cosine(draw.normal(6), draw.normal(6), dim=0),
        cosine(draw.normal(3, 1), draw.normal(3, 1)),
        cosine(draw.normal(0, 4), draw.normal(0, 4)),
        cosine(draw.normal(3, 0), draw.normal(3, 0)),
    ]


def vectors_that_are_not_contiguous(cosine, draw):
    """不连续的向量"""
    return cosine(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT)


def vectors_in_bfloat16(cosine, draw):
    """bfloat16 的向量"""
    return cosine(draw.normal(5, 7), draw.normal(5, 7))


def gradients_of_both_vectors(cosine, draw):
    """对两个向量的梯度"""
    x1, x2 = draw.normals(2, shape=(4, 6))
    return vjp(cosine, x1, x2, cotangent=draw), vjp(cosine, x1, draw.normal(6), dim=-1, cotangent=draw)


def gradients_at_vectors_of_zeros(cosine, draw):
    """零向量处的梯度：不是 NaN"""
    x1, x2 = draw.normals(2, shape=(5, 6))
    x1[1] = x2[3] = x1[4] = x2[4] = 0
    return vjp(cosine, x1, x2, cotangent=draw)


def gradients_below_the_least_length(cosine, draw):
    """长度小于 eps 时的梯度：长度算作常数"""
    x1, x2 = draw.normals(2, shape=(4, 6))
    return vjp(cosine, x1 * 0.01, x2, eps=0.5, cotangent=draw), vjp(cosine, x1, x2 * 1e-10, cotangent=draw)


def a_dimension_that_is_not_there_is_refused(cosine, draw):
    """拒绝不存在的维度"""
    return cosine(draw.normal(6), draw.normal(6))


def vectors_of_different_sizes_are_refused(cosine, draw):
    """拒绝分量个数不同的向量"""
    return cosine(draw.normal(3, 5), draw.normal(3, 4))


def _torch_distance(x1, x2, dim=1, eps=1e-8):
    return 1 - F.cosine_similarity(x1, x2, dim, eps)


similarity_dimensions = case("cosine_similarity", agrees_with=F.cosine_similarity)(every_dimension_from_either_end)
similarity_broadcast = case("cosine_similarity", agrees_with=F.cosine_similarity)(shapes_that_broadcast)
similarity_bfloat16 = case("cosine_similarity", agrees_with=F.cosine_similarity, **ROUNDED)(vectors_in_bfloat16)
similarity_lengths = case("cosine_similarity", facet="numerics", agrees_with=F.cosine_similarity)(
    vectors_of_very_different_lengths
)
similarity_eps = case("cosine_similarity", facet="numerics", agrees_with=F.cosine_similarity, weight=2)(
    the_least_length_holds_for_each_of_the_two
)
similarity_zeros = case("cosine_similarity", facet="numerics", agrees_with=F.cosine_similarity, weight=2)(
    vectors_of_zeros
)
similarity_sizes = case("cosine_similarity", facet="interface", agrees_with=F.cosine_similarity)(
    one_vector_one_component_and_no_rows
)
similarity_views = case("cosine_similarity", facet="interface", agrees_with=F.cosine_similarity)(
    vectors_that_are_not_contiguous
)
similarity_gradients = case("cosine_similarity", facet="gradient", agrees_with=_cosine)(gradients_of_both_vectors)
similarity_zero_gradients = case("cosine_similarity", facet="gradient", agrees_with=_cosine, weight=2)(
    gradients_at_vectors_of_zeros
)
similarity_eps_gradients = case("cosine_similarity", facet="gradient", agrees_with=_cosine)(
    gradients_below_the_least_length
)
similarity_dimension = case("cosine_similarity", facet="interface", raises=ValueError)(
    a_dimension_that_is_not_there_is_refused
)
similarity_shapes = case("cosine_similarity", facet="interface", raises=ValueError)(
    vectors_of_different_sizes_are_refused
)


distance_dimensions = case("cosine_distance", agrees_with=_torch_distance)(every_dimension_from_either_end)
distance_broadcast = case("cosine_distance", agrees_with=_torch_distance)(shapes_that_broadcast)
distance_bfloat16 = case("cosine_distance", agrees_with=_torch_distance, **ROUNDED)(vectors_in_bfloat16)
distance_lengths = case("cosine_distance", facet="numerics", agrees_with=_torch_distance)(
    vectors_of_very_different_lengths
)
distance_eps = case("cosine_distance", facet="numerics", agrees_with=_torch_distance)(
    the_least_length_holds_for_each_of_the_two
)
distance_zeros = case("cosine_distance", facet="numerics", agrees_with=_torch_distance)(vectors_of_zeros)
distance_sizes = case("cosine_distance", facet="interface", agrees_with=_torch_distance)(
    one_vector_one_component_and_no_rows
)
distance_views = case("cosine_distance", facet="interface", agrees_with=_torch_distance)(
    vectors_that_are_not_contiguous
)
distance_gradients = case("cosine_distance", facet="gradient", agrees_with=_one_less)(gradients_of_both_vectors)
distance_zero_gradients = case("cosine_distance", facet="gradient", agrees_with=_one_less)(
    gradients_at_vectors_of_zeros
)
distance_eps_gradients = case("cosine_distance", facet="gradient", agrees_with=_one_less)(
    gradients_below_the_least_length
)
distance_dimension = case("cosine_distance", facet="interface", raises=ValueError)(
    a_dimension_that_is_not_there_is_refused
)
distance_shapes = case("cosine_distance", facet="interface", raises=ValueError)(vectors_of_different_sizes_are_refused)


def _cdist(x, y):
    """torch's, without the expanded square that it takes by itself for more than 25 points."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


@case("pairwise_distances", agrees_with=_cdist, draws=2)
def a_table_of_odd_size(pairwise_distances, draw):
    """奇数大小的距离表"""
    return pairwise_distances(draw.normal(7, 5), draw.normal(3, 5)), pairwise_distances(
        draw.normal(3, 1), draw.normal(5, 1)
    )


@case("pairwise_distances", agrees_with=_cdist)
def batches_of_points(pairwise_distances, draw):
    """成批的点，批量维度需要广播"""
    return [
        pairwise_distances(draw.normal(2, 4, 3), draw.normal(2, 5, 3)),
        pairwise_distances(draw.normal(2, 1, 4, 3), draw.normal(3, 5, 3)),
        pairwise_distances(draw.normal(4, 3), draw.normal(4, 5, 3)),
    ]


@case("pairwise_distances", facet="numerics", agrees_with=_cdist, weight=2)
def near_points_far_from_the_origin(pairwise_distances, draw):
    """远离原点、彼此接近的点"""
    far = draw.normal(1, 5, scale=1e8 if draw.dtype == torch.float64 else 1e4)
    return pairwise_distances(far + draw.normal(7, 5), far + draw.normal(6, 5))


@case("pairwise_distances", facet="numerics", agrees_with=_cdist)
def near_points_in_two_clusters_far_apart(pairwise_distances, draw):
    """两个相距很远的簇，簇内的点彼此接近"""
    wide = 1e8 if draw.dtype == torch.float64 else 1e4
    clusters = torch.tensor([[wide], [-wide]], dtype=draw.dtype).repeat(3, 1)
    return pairwise_distances(clusters + draw.normal(6, 4), clusters + draw.normal(6, 4))


# the squares still fit into float32; the small distances lie below every absolute tolerance
@case("pairwise_distances", facet="numerics", agrees_with=_cdist, **RELATIVE)
def tiny_and_huge_coordinates(pairwise_distances, draw):
    """极小与极大的坐标"""
    x, y = draw.normal(4, 3), draw.normal(5, 3)
    return pairwise_distances(1e-12 * x, 1e-12 * y), pairwise_distances(1e15 * x, 1e15 * y)


@case("pairwise_distances", facet="numerics", agrees_with=_cdist, weight=2)
def a_point_from_itself_is_exactly_zero_away(pairwise_distances, draw):
    """点到它自己的距离恰好是 0"""
    x = draw.normal(6, 4, loc=100)
    distances = pairwise_distances(x, x.clone())
    return distances, (distances.diagonal() == 0).all()


@case("pairwise_distances", facet="gradient", agrees_with=_cdist)
def gradients_through_batches_that_broadcast(pairwise_distances, draw):
    """批量广播时的梯度"""
    return vjp(pairwise_distances, draw.normal(2, 4, 3), draw.normal(5, 3), cotangent=draw)


@case("pairwise_distances", facet="gradient", agrees_with=_cdist, weight=2)
def the_gradient_of_a_distance_of_zero_is_zero(pairwise_distances, draw):
    """距离为 0 处的梯度是 0，不是 NaN"""
    x, y = draw.normal(4, 3), draw.normal(5, 3)
    y[1], y[4] = x[2], x[0]
    return vjp(pairwise_distances, x, y, cotangent=draw)


@case("pairwise_distances", facet="gradient", agrees_with=_cdist)
def gradients_of_near_points(pairwise_distances, draw):
    """近邻之间的梯度：方向仍是单位向量"""
    x, shift = draw.normal(4, 3), draw.normal(4, 3, scale=1e-9)
    return vjp(pairwise_distances, x, x + shift, cotangent=draw)


# The reference runs 10 operators and a loop over the two coordinates 24, however many points there are; a loop over
# the points of one side runs two or more a point, more than 106 here, and a double loop thousands.
@case("pairwise_distances", facet="speed", expected=True, weight=2)
def no_loop_over_points(pairwise_distances, draw):
    """不对点做循环"""
    return operator_calls(pairwise_distances, draw.normal(61, 2), draw.normal(53, 2)) <= 50


@case("pairwise_distances", facet="interface", agrees_with=_cdist)
def one_point_no_points_and_no_coordinates(pairwise_distances, draw):
    """一个点、没有点、没有坐标"""
    return [
        pairwise_distances(draw.normal(1, 3), draw.normal(1, 3)),
        pairwise_distances(draw.normal(0, 3), draw.normal(5, 3)),
        pairwise_distances(draw.normal(4, 3), draw.normal(0, 3)),
        pairwise_distances(draw.normal(4, 0), draw.normal(5, 0)),
        pairwise_distances(draw.normal(0, 4, 3), draw.normal(0, 5, 3)),
    ]


@case("pairwise_distances", facet="interface", agrees_with=_cdist)
def points_that_are_not_contiguous(pairwise_distances, draw):
    """不连续的点"""
    return pairwise_distances(draw.strided(draw.normal(4, 3)), draw.normal(3, 5).mT)


@case("pairwise_distances", facet="interface", raises=ValueError)
def points_of_different_spaces_are_refused(pairwise_distances, draw):
    """拒绝坐标个数不同的点"""
    return pairwise_distances(draw.normal(4, 3), draw.normal(5, 2))


@case("pairwise_distances", facet="interface", raises=ValueError)
def one_coordinate_does_not_stand_for_three(pairwise_distances, draw):
    """一个坐标不能当作三个"""
    return pairwise_distances(draw.normal(4, 3), draw.normal(5, 1))


@case("pairwise_distances", facet="interface", raises=ValueError)
def a_point_that_is_no_table_is_refused(pairwise_distances, draw):
    """拒绝不成表的单个点"""
    return pairwise_distances(draw.normal(3), draw.normal(5, 3))


def a_double_loop(x, y):
    """The definition, one distance at a time."""
    return torch.stack([torch.stack([(a - b).square().sum().sqrt() for b in y]) for a in x])


@case("pairwise_distances", facet="speed", faster_than=a_double_loop)
def thousands_of_distances_at_once(pairwise_distances, draw):
    """一次算出上千个距离"""
    return pairwise_distances(draw.normal(draw.integer(90, 100), 8), draw.normal(70, 8))


def _kneighbors(queries, points, k):
    """scikit-learn's by a tree, which never expands a square; float32 is computed in float64."""
    from sklearn.neighbors import NearestNeighbors

    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(points).kneighbors(queries)
    return torch.from_numpy(distances).to(queries.dtype), torch.from_numpy(indices)


def _sorted(queries, points, k):
    """All distances in order: unlike scikit-learn's it has a gradient."""
    ordered = _cdist(queries, points).sort(dim=1)
    return ordered.values[:, :k], ordered.indices[:, :k]


@case("nearest_neighbours", agrees_with=_kneighbors, draws=2)
def more_points_than_queries(nearest_neighbours, draw):
    """点比查询多"""
    return nearest_neighbours(draw.normal(5, 7), draw.normal(31, 7), 4)


@case("nearest_neighbours", agrees_with=_kneighbors)
def more_queries_than_points(nearest_neighbours, draw):
    """查询比点多"""
    return nearest_neighbours(draw.normal(13, 3), draw.normal(6, 3), 2)


@case("nearest_neighbours", agrees_with=_kneighbors)
def the_nearest_alone_and_all_of_them(nearest_neighbours, draw):
    """只要最近的一个；全部都要"""
    queries, points = draw.normal(4, 3), draw.normal(7, 3)
    return nearest_neighbours(queries, points, 1), nearest_neighbours(queries, points, k=7)


@case("nearest_neighbours", agrees_with=_kneighbors)
def a_query_that_is_a_point_finds_itself_first(nearest_neighbours, draw):
    """查询点就在点集之中时，先找到它自己"""
    points = draw.normal(9, 4)
    return nearest_neighbours(points[draw.permutation(9)[:5]], points, 3)


@case("nearest_neighbours", agrees_with=_kneighbors)
def length_matters_and_not_only_direction(nearest_neighbours, draw):
    """长度也算数，不只是方向"""
    return nearest_neighbours(draw.normal(5, 3), draw.normal(12, 3) * draw.magnitudes(12, 1, low=0.1, high=10), 3)


@case("nearest_neighbours", facet="numerics", agrees_with=_kneighbors, weight=2)
def neighbours_far_from_the_origin(nearest_neighbours, draw):
    """远离原点的近邻"""
    far = draw.normal(1, 3, scale=1e8 if draw.dtype == torch.float64 else 1e3)
    return nearest_neighbours(far + draw.normal(5, 3), far + draw.normal(12, 3), 3)


@case("nearest_neighbours", facet="numerics", agrees_with=_kneighbors, **RELATIVE)
def neighbours_at_a_tiny_distance(nearest_neighbours, draw):
    """极近的邻居"""
    return nearest_neighbours(1e-9 * draw.normal(5, 3), 1e-9 * draw.normal(12, 3), 3)


@case("nearest_neighbours", facet="numerics", agrees_with=_kneighbors)
def equal_points_have_equal_distances(nearest_neighbours, draw):
    """重合的点距离相等：只比较距离"""
    points = draw.normal(6, 3).repeat(2, 1)
    return nearest_neighbours(draw.normal(5, 3), points, 5)[0]


@case("nearest_neighbours", facet="gradient", agrees_with=_sorted)
def gradients_reach_queries_and_the_points_that_were_found(nearest_neighbours, draw):
    """梯度传到查询与被找到的点"""
    return vjp(nearest_neighbours, draw.normal(4, 3), draw.normal(9, 3), k=3, cotangent=draw)


@case("nearest_neighbours", facet="interface", agrees_with=_sorted)
def one_point_and_no_queries(nearest_neighbours, draw):
    """一个点；没有查询"""
    return nearest_neighbours(draw.normal(4, 3), draw.normal(1, 3), 1), nearest_neighbours(
        draw.normal(0, 3), draw.normal(5, 3), 2
    )


@case("nearest_neighbours", facet="interface", agrees_with=_sorted)
def queries_and_points_that_are_not_contiguous(nearest_neighbours, draw):
    """不连续的查询与点"""
    return nearest_neighbours(draw.strided(draw.normal(4, 3)), draw.normal(3, 9).mT, 3)


@case("nearest_neighbours", facet="interface", raises=ValueError)
def one_neighbour_too_many_is_refused(nearest_neighbours, draw):
    """多要一个邻居也拒绝，哪怕查询很多"""
    return nearest_neighbours(draw.normal(12, 8), draw.normal(7, 8), 8)


@case("nearest_neighbours", facet="interface", raises=ValueError)
def no_neighbour_at_all_is_refused(nearest_neighbours, draw):
    """拒绝 k = 0"""
    return nearest_neighbours(draw.normal(4, 3), draw.normal(7, 3), 0)


@case("nearest_neighbours", facet="interface", raises=ValueError)
def a_negative_number_of_neighbours_is_refused(nearest_neighbours, draw):
    """拒绝负的 k"""
    return nearest_neighbours(draw.normal(4, 3), draw.normal(7, 3), -2)


@case("nearest_neighbours", facet="interface", raises=ValueError)
def queries_of_another_space_are_refused(nearest_neighbours, draw):
    """拒绝坐标个数不同的查询"""
    return nearest_neighbours(draw.normal(4, 2), draw.normal(7, 3), 2)
