"""Right answers to chapter 8 that look nothing like the reference; the tests must accept them."""

import math

import torch

from autograder.cases import right


@right("mse_loss")
def as_an_inner_product(input, target, reduction="mean"):
    """The sum of the squares is d·d, over the elements in a row."""
    d = torch.sub(input, target)
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(reduction)
    if reduction == "none":
        return d * d
    total = torch.einsum("i,i->", d.flatten(), d.flatten())
    return total if reduction == "sum" else total / d.numel()


@right("mse_loss")
def with_its_own_backward(input, target, reduction="mean"):
    """Both directions written out as a torch.autograd.Function on broadcast inputs."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a - b)
            return (a - b) ** 2

        @staticmethod
        def backward(ctx, grad_output):
            (d,) = ctx.saved_tensors
            return 2 * d * grad_output, -2 * d * grad_output

    reduce = {"none": torch.clone, "sum": torch.sum, "mean": torch.mean}
    if reduction not in reduce:
        raise ValueError(reduction)
    return reduce[reduction](Square.apply(*torch.broadcast_tensors(input, target)))


@right("l1_loss")
def as_the_larger_of_two_differences(input, target, reduction="mean"):
    """|d| = max(d, −d); at d = 0 the two halves of the gradient cancel."""
    d = input - target
    distances = torch.maximum(d, -d)
    if reduction == "none":
        return distances
    if reduction not in ("sum", "mean"):
        raise ValueError(reduction)
    total = distances.sum()
    return total if reduction == "sum" else total / distances.numel()


@right("l1_loss")
def as_a_difference_times_its_sign(input, target, reduction="mean"):
    """|d| = d · sgn d."""
    d = input - target
    distances = d * torch.sgn(d.detach())
    match reduction:
        case "none":
            return distances
        case "sum":
            return distances.sum()
        case "mean":
            return distances.mean()
    raise ValueError(reduction)


@right("gaussian_nll")
def by_the_standardised_difference(input, target, var):
    """½z² + log σ + ½ log 2π, with z = (x − μ)/σ."""
    if bool(torch.any(var <= 0)):
        raise ValueError("var")
    sigma = var.sqrt()
    z = (target - input) / sigma
    return torch.mean(0.5 * z * z + torch.log(sigma) + 0.5 * math.log(2 * math.pi))


@right("gaussian_nll")
def from_the_mse_of_the_chapter(input, target, var):
    """The chapter's own mse_loss, weighted."""
    if not bool((var > 0).all()):
        raise ValueError("var")
    squares = mse_loss(input, target, reduction="none")
    return ((squares / var + torch.log(var)) / 2).mean() + math.log(2 * math.pi) / 2


@right("laplace_nll")
def from_the_l1_loss_of_the_chapter(input, target, scale):
    """The chapter's own l1_loss, of the inputs in units of the scale."""
    if not bool((scale > 0).all()):
        raise ValueError("scale")
    return (l1_loss(input / scale, target / scale, "none") + scale.log() + math.log(2)).mean()


@right("cosine_similarity")
def as_an_inner_product_of_unit_vectors(x1, x2, dim=1, eps=1e-8):
    """Each vector over the larger of its norm and eps."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    if not -x1.dim() <= dim < x1.dim():
        raise IndexError(dim)
    u = x1.movedim(dim, -1)
    v = x2.movedim(dim, -1)
    u = u / torch.linalg.vector_norm(u, dim=-1, keepdim=True).clamp(min=eps)
    v = v / torch.linalg.vector_norm(v, dim=-1, keepdim=True).clamp(min=eps)
    return torch.einsum("...i,...i->...", u, v)


@right("cosine_similarity")
def by_reciprocal_roots(x1, x2, dim=1, eps=1e-8):
    """Where a norm is below eps its square is replaced before the reciprocal root, so no slope is infinite."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    result = (x1 * x2).sum(dim)
    for x in (x1, x2):
        square = (x * x).sum(dim)
        result = result * torch.where(square < eps**2, eps**2, square).rsqrt()
    return result


@right("cosine_distance")
def without_the_similarity(x1, x2, dim=1, eps=1e-8):
    """(8.3) written out once more."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    norms = [torch.linalg.vector_norm(x, dim=dim).clamp(min=eps) for x in (x1, x2)]
    product = norms[0] * norms[1]
    return (product - (x1 * x2).sum(dim)) / product


@right("pairwise_distances")
def by_the_norm_of_torch(x, y):
    """All differences at once, and torch's norm, whose gradient at 0 is 0."""
    if x.dim() < 2 or y.dim() < 2 or x.size(-1) != y.size(-1):
        raise ValueError("two tables with rows of one length are needed")
    return torch.linalg.vector_norm(x.unsqueeze(-2) - y.unsqueeze(-3), dim=-1)


@right("pairwise_distances")
def one_coordinate_at_a_time(x, y):
    """Sums the squares over a loop of the coordinates, so that nothing larger than m × n is stored."""
    if x.dim() < 2 or y.dim() < 2 or x.size(-1) != y.size(-1):
        raise ValueError("two tables with rows of one length are needed")
    squares = (x.sum(-1)[..., :, None] - y.sum(-1)[..., None, :]) * 0
    for a, b in zip(x.unbind(-1), y.unbind(-1), strict=True):
        squares = squares + (a[..., :, None] - b[..., None, :]) ** 2
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)


@right("nearest_neighbours")
def by_sorting_everything(queries, points, k):
    """A stable sort of every row, cut after k."""
    if k < 1 or k > points.size(0):
        raise ValueError(k)
    distances = pairwise_distances(queries, points)
    order = torch.argsort(distances, dim=1, stable=True)[:, :k]
    return torch.gather(distances, 1, order), order


@right("nearest_neighbours")
def one_neighbour_after_another(queries, points, k):
    """k rounds: take the nearest that is left, and cross it out."""
    if k < 1 or k > points.size(0):
        raise ValueError(k)
    distances = pairwise_distances(queries, points)
    left, found = distances.detach().clone(), []
    for _ in range(k):
        found.append(left.argmin(dim=1, keepdim=True))
        left = left.scatter(1, found[-1], torch.inf)
    indices = torch.cat(found, dim=1)
    return distances.gather(1, indices), indices
