"""The visible checks of chapter 8: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import vjp

LOSSES = ("*mse_loss", "*l1_loss", "huber_loss", "*nll_loss", "log_prob")
DISTANCES = ("cdist", "pdist", "dist", "pairwise_distance", "*euclidean*", "distance_matrix")

RULES = {
    "mse_loss": Rules(forbids=(*LOSSES, "mean_squared_error", "MSELoss")),
    "l1_loss": Rules(forbids=(*LOSSES, "*absolute_error", "L1Loss")),
    "gaussian_nll": Rules(forbids=LOSSES),
    "laplace_nll": Rules(forbids=LOSSES),
    "cosine_similarity": Rules(
        forbids=("cosine", "cosine_similarity", "cosine_embedding_loss", "*cosine_distances", "normalize")
    ),
    "cosine_distance": Rules(
        forbids=("cosine", "cosine_similarity", "cosine_embedding_loss", "*cosine_distances", "normalize")
    ),
    "pairwise_distances": Rules(forbids=DISTANCES),
    "nearest_neighbours": Rules(forbids=DISTANCES),
}


@case("mse_loss", agrees_with=F.mse_loss)
def the_mean_of_the_squares(mse_loss, draw):
    """平方的平均值"""
    return mse_loss(draw.normal(3, 5), draw.normal(3, 5))


@case("mse_loss", agrees_with=F.mse_loss)
def every_square_or_their_sum(mse_loss, draw):
    """逐个的平方，或者它们的和"""
    predictions, targets = draw.normals(2, shape=(3, 5))
    return mse_loss(predictions, targets, reduction="none"), mse_loss(predictions, targets, reduction="sum")


@case("mse_loss", facet="gradient", agrees_with=F.mse_loss)
def the_gradient_grows_with_the_difference(mse_loss, draw):
    """梯度与差成正比"""
    return vjp(mse_loss, draw.normal(3, 5), draw.normal(3, 5), cotangent=draw)


@case("l1_loss", agrees_with=F.l1_loss)
def the_mean_of_the_absolute_differences(l1_loss, draw):
    """差的绝对值的平均"""
    return l1_loss(draw.normal(3, 5), draw.normal(3, 5))


@case("l1_loss", agrees_with=F.l1_loss)
def every_absolute_difference_or_their_sum(l1_loss, draw):
    """逐个的绝对差，或者它们的和"""
    predictions, targets = draw.normals(2, shape=(3, 5))
    return l1_loss(predictions, targets, reduction="none"), l1_loss(predictions, targets, reduction="sum")


@case("l1_loss", facet="gradient", agrees_with=F.l1_loss)
def the_gradient_is_a_sign(l1_loss, draw):
    """梯度只是一个符号"""
    return vjp(l1_loss, draw.normal(3, 5), draw.normal(3, 5), cotangent=draw)


def _gaussian(input, target, var):
    return F.gaussian_nll_loss(input, target, var, full=True, eps=0)


def _laplace(input, target, scale):
    """For one scale: the mean of |x − μ|/b, and log 2b."""
    return F.l1_loss(input / scale, target / scale) + torch.log(2 * scale).mean()


@case("gaussian_nll", agrees_with=_gaussian)
def a_variance_for_every_target(gaussian_nll, draw):
    """每个目标有自己的方差"""
    return gaussian_nll(draw.normal(3, 5), draw.normal(3, 5), draw.uniform(3, 5, low=0.5, high=2))


@case("gaussian_nll", facet="gradient", agrees_with=lambda input, target, var: F.mse_loss(input, target) / (2 * var))
def with_one_variance_its_gradient_is_that_of_the_mse_over_twice_the_variance(gaussian_nll, draw):
    """只有一个方差时，对预测的梯度等于 MSE 的梯度除以方差的两倍"""
    variance = draw.uniform(low=0.5, high=2)
    return vjp(gaussian_nll, draw.normal(3, 5), target=draw.normal(3, 5), var=variance, cotangent=draw)


@case("laplace_nll", agrees_with=_laplace)
def a_scale_for_every_target(laplace_nll, draw):
    """每个目标有自己的尺度"""
    return laplace_nll(draw.normal(3, 5), draw.normal(3, 5), draw.uniform(3, 5, low=0.5, high=2))


@case("laplace_nll", facet="gradient", agrees_with=lambda input, target, scale: F.l1_loss(input, target) / scale)
def with_one_scale_its_gradient_is_that_of_the_l1_loss_over_the_scale(laplace_nll, draw):
    """只有一个尺度时，对预测的梯度等于 L1 损失的梯度除以尺度"""
    scale = draw.uniform(low=0.5, high=2)
    return vjp(laplace_nll, draw.normal(3, 5), target=draw.normal(3, 5), scale=scale, cotangent=draw)


@case("cosine_similarity", agrees_with=F.cosine_similarity)
def row_against_row(cosine_similarity, draw):
    """逐行比较"""
    return cosine_similarity(draw.normal(4, 6), draw.normal(4, 6))


@case("cosine_similarity", agrees_with=F.cosine_similarity)
def the_vectors_lie_along_the_dimension_asked_for(cosine_similarity, draw):
    """向量沿指定的维度"""
    return cosine_similarity(draw.normal(4, 6), draw.normal(4, 6), dim=0)


@case("cosine_similarity", facet="numerics", agrees_with=F.cosine_similarity)
def a_vector_of_zeros_is_similar_to_nothing(cosine_similarity, draw):
    """零向量与谁都不相似"""
    x = draw.normal(4, 6)
    x[1] = 0
    return cosine_similarity(x, draw.normal(4, 6))


def _cosine_distance(x1, x2, dim=1, eps=1e-8):
    return 1 - F.cosine_similarity(x1, x2, dim, eps)


@case("cosine_distance", agrees_with=_cosine_distance)
def the_same_opposite_and_other_directions(cosine_distance, draw):
    """相同、相反与其他的方向"""
    x = draw.normal(3, 4)
    return cosine_distance(x, torch.stack([2 * x[0], -x[1], draw.normal(4)]))


def _cdist(x, y):
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


@case("pairwise_distances", agrees_with=_cdist)
def every_point_against_every_other(pairwise_distances, draw):
    """每个点对每个点"""
    return pairwise_distances(draw.normal(4, 3), draw.normal(5, 3))


@case("pairwise_distances", facet="gradient", agrees_with=_cdist)
def each_point_is_pulled_along_the_line_to_the_other(pairwise_distances, draw):
    """每个点沿着与另一个点的连线受力"""
    return vjp(pairwise_distances, draw.normal(4, 3), draw.normal(5, 3), cotangent=draw)


@case("pairwise_distances", facet="numerics", agrees_with=_cdist)
def neighbours_far_from_the_origin_keep_their_distances(pairwise_distances, draw):
    """远离原点的近邻，距离保持有效数字"""
    far = draw.normal(1, 3, scale=1e4)
    return pairwise_distances(far + draw.normal(4, 3), far + draw.normal(5, 3))


def _neighbours(queries, points, k):
    """scikit-learn's, which takes and returns NumPy arrays."""
    from sklearn.neighbors import NearestNeighbors

    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(points).kneighbors(queries)
    return torch.from_numpy(distances).to(queries.dtype), torch.from_numpy(indices)


@case("nearest_neighbours", agrees_with=_neighbours)
def the_three_nearest_points_and_their_distances(nearest_neighbours, draw):
    """最近的三个点以及它们的距离"""
    return nearest_neighbours(draw.normal(4, 3), draw.normal(9, 3), 3)


@case("nearest_neighbours", facet="interface", raises=ValueError)
def more_neighbours_than_points_are_refused(nearest_neighbours, draw):
    """要的邻居比点还多时，拒绝"""
    return nearest_neighbours(draw.normal(4, 3), draw.normal(5, 3), 6)
