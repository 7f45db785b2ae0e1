"""Reference answers of chapter 19, graphs and spatial vision."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def normalized_adjacency(a: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """Divide every edge by the roots of the degrees at its two ends, after each node got a loop to itself.

    Â = D̃^(−1/2) Ã D̃^(−1/2),  Ã = A + I,  D̃_ii = Σ_j Ã_ij                           (in 19.1)

    Args:
        a: A, the weights of the edges, none negative, 0 where there is no edge; symmetric unless the graph is
            directed. Dense, or a sparse COO tensor, coalesced or not. A node that already has a loop
            (A_ii ≠ 0) keeps it with its weight; every other node gets one of weight 1.

    Returns:
        Â in the dtype and the layout of `a`: a sparse graph stays sparse, and no dense n × n matrix is made on
        the way. An isolated node has Â_ii = 1. Weights may be as large as 1e30 and as small as
        1e-30 in float32. Gradients reach the weights of the edges, of a sparse graph too.

    Raises:
        ValueError: `a` is not a square matrix.

    Source: Atlas 19.1; Kipf & Welling 2017, arXiv:1609.02907; for an undirected graph I − Â is
    `networkx.normalized_laplacian_matrix` of the graph with its loops.
    """
    if a.dim() != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"an adjacency matrix is square, not {tuple(a.shape)}")
    if not a.is_sparse:
        a = a + torch.diag(a.diagonal() == 0)
        scale = a.sum(1).rsqrt()
        return scale[:, None] * a * scale
    a = a.coalesce()
    i, j = a.indices()
    has_loop = i.new_zeros(len(a), dtype=torch.bool)
    has_loop[i[(i == j) & (a.values() != 0)]] = True
    (lonely,) = torch.where(~has_loop)
    indices = torch.cat([a.indices(), torch.stack([lonely, lonely])], dim=1)
    weights = torch.cat([a.values(), a.values().new_ones(len(lonely))])
    i, j = indices
    scale = weights.new_zeros(len(a)).index_add(0, i, weights).rsqrt()
    return torch.sparse_coo_tensor(indices, scale[i] * weights * scale[j])  # n × n: every node has a loop


def gcn_layer(
    h: Float[Tensor, "n d_in"],
    a: Float[Tensor, "n n"],
    weight: Float[Tensor, "d_in d_out"],
    activation: Callable[[Tensor], Tensor] | None,
) -> Float[Tensor, "n d_out"]:
    """One round of messages: every node takes a weighted sum over itself and its neighbours.

    H' = σ(Â H W),  Â = D̃^(−1/2) Ã D̃^(−1/2)                                         (19.1)

    Args:
        h: H, a row of features for every node.
        a: A, the adjacency matrix as it is: no loops added, not normalised; dense or sparse COO.
        weight: W.
        activation: σ, called once, on the whole matrix; None for no activation.

    Returns:
        H', dense, in the dtype of `h`.

    Raises:
        ValueError: the sizes do not fit, such as a number of rows of `h` that is not the number of nodes.

    Source: Atlas 19.1; Kipf & Welling 2017, equation 2.
    """
    messages = normalized_adjacency(a) @ (h @ weight)
    return messages if activation is None else activation(messages)


def gcn_forward(
    h: Float[Tensor, "n d_in"],
    a: Float[Tensor, "n n"],
    weights: Sequence[Float[Tensor, "..."]],
    activation: Callable[[Tensor], Tensor],
) -> Float[Tensor, "n d_out"]:
    """A graph convolutional network: one layer (19.1) after the other on the same graph.

    H⁽⁰⁾ = H,  H⁽ˡ⁺¹⁾ = σ(Â H⁽ˡ⁾ W⁽ˡ⁾), the last layer without σ                       (19.1)

    Args:
        h: H, a row of features for every node.
        a: A, the adjacency matrix as it is; dense or sparse COO.
        weights: W⁽⁰⁾, W⁽¹⁾, …, one a layer and at least one, each (its inputs, its outputs).
        activation: σ, between the layers.

    Returns:
        the last layer's features, dense: logits, which a softmax or a loss may follow.

    Raises:
        ValueError: the sizes do not fit, such as a layer that reads another number of features than the one
            before it gives.

    Source: Atlas 19.1; Kipf & Welling 2017, equation 9, without its softmax.
    """
    *hidden, last = weights
    for weight in hidden:
        h = gcn_layer(h, a, weight, activation)
    return gcn_layer(h, a, last, None)


def patchify(images: Float[Tensor, "b c h w"], patch_size: int) -> Float[Tensor, "b n c*p*p"]:
    """Cut images into squares, and lay each square out as one row of numbers.

    N = H·W / P²                                                                    (19.2)

    Args:
        images: a batch of images, channels first.
        patch_size: P, the side of a square in pixels.

    Returns:
        x_p. The patches stand in reading order: the grid's first row from left to right, then its second, …; inside a
        patch (C, P, P) is flattened row-major: all of the first channel, then all of the second, …

    Raises:
        ValueError: P does not divide both the height and the width.

    Source: Atlas 19.2; Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1; agrees with
    `F.unfold(images, P, stride=P).mT`.
    """
    batch, channels, height, width = images.shape
    p, rows, columns = patch_size, height // patch_size, width // patch_size
    if (rows * p, columns * p) != (height, width):
        raise ValueError(f"patches of {p} pixels do not tile an image of {height} × {width}")
    grid = images.reshape(batch, channels, rows, p, columns, p)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * p * p)


def unpatchify(
    patches: Float[Tensor, "b n c*p*p"], patch_size: int, channels: int, height: int, width: int
) -> Float[Tensor, "b c h w"]:
    """Put the squares back: the inverse of `patchify`.

    unpatchify(patchify(x)) = x                                                     (19.2, backwards)

    Args:
        patches: as `patchify` returns them.
        patch_size: P, the side of a square in pixels.
        channels, height, width: of the images.

    Returns:
        the images, channels first.

    Raises:
        ValueError: P does not divide both the height and the width, or `patches` has another number of patches
            or of numbers in one than such images have.

    Source: Atlas 19.2; agrees with `F.fold(patches.mT, (height, width), P, stride=P)`.
    """
    p, rows, columns = patch_size, height // patch_size, width // patch_size
    if (rows * p, columns * p) != (height, width):
        raise ValueError(f"patches of {p} pixels do not tile an image of {height} × {width}")
    if patches.shape[1:] != (rows * columns, channels * p * p):
        raise ValueError(f"patches {tuple(patches.shape)} do not make images of {channels} × {height} × {width}")
    grid = patches.reshape(len(patches), rows, columns, channels, p, p)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), channels, height, width)


def patch_embed(
    images: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "d c p p"],
    bias: Float[Tensor, "d"] | None,
    patch_size: int,
) -> Float[Tensor, "b n d"]:
    """Project every patch of an image to D numbers: the one convolution of a vision transformer.

    y_i = x_p^i E + bias, with a column of E for every filter of `weight`            (x_p^i E in 19.3)

    Args:
        images: a batch of images, channels first.
        weight: D filters, each as large as a patch: as `nn.Conv2d(C, D, P, stride=P)` keeps them.
        bias: one number a filter, or None.
        patch_size: P.

    Returns:
        one row of D numbers a patch, the patches in reading order.

    Raises:
        ValueError: P does not divide both the height and the width, or the filters are not C × P × P.

    Source: Atlas 19.3; agrees with `F.conv2d(images, weight, bias, stride=P).flatten(2).mT`.
    """
    if weight.shape[1:] != (images.shape[1], patch_size, patch_size):
        raise ValueError(f"filters {tuple(weight.shape)} do not fit patches of {images.shape[1]} × {patch_size}²")
    return F.linear(patchify(images, patch_size), weight.flatten(1), bias)


def vit_tokens(
    patches: Float[Tensor, "b n c*p*p"],
    e: Float[Tensor, "c*p*p d"],
    class_token: Float[Tensor, "d"],
    positions: Float[Tensor, "n+1 d"],
) -> Float[Tensor, "b n+1 d"]:
    """What a vision transformer reads: a class token and the projected patches, each told where it stands.

    z₀ = [x_class; x_p^1 E; …; x_p^N E] + E_pos                                     (19.3)

    Args:
        patches: x_p, N patches of each image.
        e: E.
        class_token: x_class, the same for every image.
        positions: E_pos, a row for the class token and one for every patch.

    Returns:
        z₀, the class token first.

    Raises:
        ValueError: `positions` does not have exactly N + 1 rows of D numbers, or E does not fit the patches.

    Source: Atlas 19.3; Dosovitskiy et al. 2021, equation 1.
    """
    shape = patches.shape[1] + 1, e.shape[1]
    if positions.shape != shape:
        raise ValueError(f"{patches.shape[1]} patches need positions of shape {shape}, not {tuple(positions.shape)}")
    first = class_token.expand(len(patches), 1, -1)
    return torch.cat([first, patches @ e], dim=1) + positions
