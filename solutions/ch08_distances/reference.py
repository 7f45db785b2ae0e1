"""Reference answers of chapter 8, distances and similarity."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def mse_loss(
    input: Float[Tensor, "*#shape"], target: Float[Tensor, "*#shape"], reduction: str = "mean"
) -> Float[Tensor, "..."]:
    """Measure how far predictions are from their targets by the square of each difference.

    MSE(y, ŷ) = 1/N · Σ_i (y_i − ŷ_i)² = 1/N · ‖y − ŷ‖₂²                            (8.1)

    Args:
        input: predictions ŷ, any shape.
        target: y; the two shapes are broadcast, and N counts the elements after that.
        reduction: "none" returns every square, "sum" their sum, "mean" their mean.

    Returns:
        the dtype of `input`: a number, or with "none" the broadcast shape. The mean of nothing is NaN. Two numbers
        near 10⁴ that differ by 10⁻² keep the digits of that difference.

    Raises:
        ValueError: an unknown `reduction`, or shapes that do not broadcast.

    Source: Atlas 8.1; agrees with `torch.nn.functional.mse_loss`.
    """
    squares = (input - target).square()
    if reduction == "none":
        return squares
    if reduction == "sum":
        return squares.sum()
    if reduction == "mean":
        return squares.mean()
    raise ValueError(f"reduction must be 'none', 'sum' or 'mean', not {reduction!r}")


def l1_loss(
    input: Float[Tensor, "*#shape"], target: Float[Tensor, "*#shape"], reduction: str = "mean"
) -> Float[Tensor, "..."]:
    """Measure how far predictions are from their targets by the size of each difference.

    MAE(y, ŷ) = 1/N · Σ_i |y_i − ŷ_i| = 1/N · ‖y − ŷ‖₁                              (8.2)

    Args:
        input: predictions ŷ, any shape.
        target: y; the two shapes are broadcast, and N counts the elements after that.
        reduction: "none" returns every distance, "sum" their sum, "mean" their mean.

    Returns:
        the dtype of `input`: a number, or with "none" the broadcast shape. The mean of nothing is NaN. The gradient
        where a prediction equals its target is 0. Any magnitude whose difference the dtype can hold.

    Raises:
        ValueError: an unknown `reduction`, or shapes that do not broadcast.

    Source: Atlas 8.2; agrees with `torch.nn.functional.l1_loss`.
    """
    distances = (input - target).abs()
    if reduction == "none":
        return distances
    if reduction == "sum":
        return distances.sum()
    if reduction == "mean":
        return distances.mean()
    raise ValueError(f"reduction must be 'none', 'sum' or 'mean', not {reduction!r}")


def gaussian_nll(
    input: Float[Tensor, "*#shape"], target: Float[Tensor, "*#shape"], var: Float[Tensor, "*#shape"]
) -> Float[Tensor, ""]:
    """The mean negative log-likelihood of targets that are normal around the predictions.

    NLL = mean of ½ · (log 2πσ² + (x − μ)²/σ²),  from p(x) = exp(−(x − μ)²/2σ²) / √(2πσ²)      (8.1 as a likelihood)

    Args:
        input: μ, the predictions.
        target: x.
        var: σ², a variance and not a standard deviation, in the squared unit of `target`. The three shapes are
            broadcast; the mean is over all elements after that. Nothing is clamped, however small σ² is.

    Returns:
        one number in nats, in the dtype of `input`; below 0 where the density exceeds 1.

    Raises:
        ValueError: some variance is 0 or negative, or the shapes do not broadcast.

    Source: Atlas 8.1; agrees with `-torch.distributions.Normal(μ, σ).log_prob(x).mean()` and with
    `torch.nn.functional.gaussian_nll_loss(μ, x, σ², full=True, eps=0)`.
    """
    if (var <= 0).any():
        raise ValueError("a variance must be positive")
    return (torch.log(2 * math.pi * var) + (target - input).square() / var).mean() / 2


def laplace_nll(
    input: Float[Tensor, "*#shape"], target: Float[Tensor, "*#shape"], scale: Float[Tensor, "*#shape"]
) -> Float[Tensor, ""]:
    """The mean negative log-likelihood of targets that are Laplace around the predictions.

    NLL = mean of log 2b + |x − μ|/b,  from p(x) = exp(−|x − μ|/b) / 2b             (8.2 as a likelihood)

    Args:
        input: μ, the predictions.
        target: x.
        scale: b, in the unit of `target`. The three shapes are broadcast; the mean is over all elements after that.
            Nothing is clamped, however small b is.

    Returns:
        one number in nats, in the dtype of `input`; below 0 where the density exceeds 1. The gradient with respect
        to a prediction that equals its target is 0.

    Raises:
        ValueError: some scale is 0 or negative, or the shapes do not broadcast.

    Source: Atlas 8.2; agrees with `-torch.distributions.Laplace(μ, b).log_prob(x).mean()`.
    """
    if (scale <= 0).any():
        raise ValueError("a scale must be positive")
    return (torch.log(2 * scale) + (target - input).abs() / scale).mean()


def cosine_similarity(
    x1: Float[Tensor, "*#shape"], x2: Float[Tensor, "*#shape"], dim: int = 1, eps: float = 1e-8
) -> Float[Tensor, "..."]:
    """Compare the directions of vectors, whatever their lengths.

    CosSim(u, v) = u·v / (max(‖u‖₂, ε) · max(‖v‖₂, ε))                              (8.3, with ε)

    Args:
        x1, x2: vectors along `dim`; the two shapes are broadcast first.
        dim: the dimension of the broadcast shape that is summed away; negative counts from the end.
        eps: ε, the least length that each of the two vectors is divided by; its square must be a number that the
            dtype can hold.

    Returns:
        numbers between −1 and 1, up to rounding, in the dtype of `x1`: the broadcast shape without `dim`. A vector of
        zeros is similar to nothing: 0. The gradient is that of the formula, so for ‖u‖ < ε the length of u counts as
        a constant; it is finite everywhere, at a vector of zeros too.

    Raises:
        ValueError: there is no dimension `dim`, or the shapes do not broadcast.

    Source: Atlas 8.3; agrees with `torch.nn.functional.cosine_similarity`, but for its gradient at 0 < ‖u‖ < ε.
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    # the root is taken after the maximum, because it has no slope at 0
    norm1 = x1.square().sum(dim).clamp(min=eps**2).sqrt()
    norm2 = x2.square().sum(dim).clamp(min=eps**2).sqrt()
    return (x1 * x2).sum(dim) / (norm1 * norm2)


def cosine_distance(
    x1: Float[Tensor, "*#shape"], x2: Float[Tensor, "*#shape"], dim: int = 1, eps: float = 1e-8
) -> Float[Tensor, "..."]:
    """Turn the cosine similarity around, so that 0 means the same direction.

    d(u, v) = 1 − CosSim(u, v)                                                      (from 8.3)

    Args:
        x1, x2, dim, eps: as `cosine_similarity` takes them.

    Returns:
        numbers between 0 and 2, up to rounding: 0 for the same direction, 1 for a right angle and for a vector of
        zeros, 2 for opposite directions.

    Raises:
        ValueError: there is no dimension `dim`, or the shapes do not broadcast.

    Source: Atlas 8.3; agrees with `scipy.spatial.distance.cosine` for vectors that are not zero.
    """
    return 1 - cosine_similarity(x1, x2, dim, eps)


def pairwise_distances(x: Float[Tensor, "*#batch m d"], y: Float[Tensor, "*#batch n d"]) -> Float[Tensor, "*batch m n"]:
    """The Euclidean distance of every point of one set from every point of another.

    D_ij = ‖x_i − y_j‖₂ = √(Σ_k (x_ik − y_jk)²)                                     (8.1, before the mean)

    Args:
        x: m points with d coordinates; leading dimensions are a batch.
        y: n points with as many coordinates; the leading dimensions of the two are broadcast.

    Returns:
        m × n distances, in the dtype of `x`, accurate also for points that lie far from the origin and close to each
        other. No loop over points: how many torch operators run depends on neither m nor n. The gradient of a
        distance of 0 is 0, never NaN.

    Raises:
        ValueError: the points have different numbers of coordinates, or `x` or `y` is a single point without the
            dimension that counts points.

    Source: Atlas 8.1; agrees with `torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")`.
    """
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"points with {x.shape[-1]} and with {y.shape[-1]} coordinates have no distance")
    squares = (x[..., :, None, :] - y[..., None, :, :]).square().sum(-1)
    zero = squares == 0  # there the root has no slope: take √1 and cross it out
    return torch.sqrt(squares + zero) * ~zero


def nearest_neighbours(
    queries: Float[Tensor, "m d"], points: Float[Tensor, "n d"], k: int
) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"]]:
    """Find the k points nearest to each query, built on your `pairwise_distances`.

    Args:
        queries: m places to look from.
        points: n points among which to look. A query that is itself one of them finds itself first.
        k: how many to find, 1 ≤ k ≤ n.

    Returns:
        the distances of the k nearest points from each query, nearest first, in the dtype of `queries`, with their
        gradient; and the rows of `points` where those stand, int64. Among equal distances any order is right.

    Raises:
        ValueError: `k` is less than 1 or more than the number of points, or queries and points have different numbers
            of coordinates.

    Source: agrees with `sklearn.neighbors.NearestNeighbors(n_neighbors=k).fit(points).kneighbors(queries)`.
    """
    if not 1 <= k <= len(points):
        raise ValueError(f"there are {len(points)} points, so k must lie between 1 and that, but it is {k}")
    nearest = pairwise_distances(queries, points).topk(k, largest=False)
    return nearest.values, nearest.indices
