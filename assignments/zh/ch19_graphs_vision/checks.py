"""The visible checks of chapter 19: what a student sees on pressing check. Draws are fixed and public."""

import networkx
import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

RULES = {
    "normalized_adjacency": Rules(forbids=("*laplacian*", "gcn_norm")),
    "patchify": Rules(forbids=("*unfold*", "im2col", "*conv*", "*pixel_unshuffle*", "sliding_window_view")),
    "unpatchify": Rules(forbids=("fold", "col2im", "*conv*", "*pixel_shuffle*")),
    "patch_embed": Rules(forbids=("*unfold*", "im2col", "*conv*", "*pixel_unshuffle*", "sliding_window_view")),
}


def weighted_graph(draw, n):
    """An undirected graph: a path through all nodes and some edges besides, with weights between 0.5 and 2."""
    kept = draw.mask(n, n, p=0.3) | torch.ones(n, n, dtype=torch.bool).triu(1).tril(1)
    half = (draw.uniform(n, n, low=0.5, high=2) * kept).triu(1)
    return half + half.mT


class Here:
    """A function of this file that is run where an answer lives: `answer @ Here(function)` is function(answer).

    A sparse tensor cannot be sent there and is made inside. Torch cannot tell whether two of them are equal, which the
    guard of an answer's inputs asks; while the function runs it can.
    """

    def __init__(self, function):
        self.function = function

    def __call__(self, answer):
        library = torch.library.Library("aten", "IMPL")
        library.impl("equal", lambda a, b: torch.equal(a.to_dense(), b.to_dense()), "SparseCPU")
        with torch.sparse.check_sparse_tensor_invariants(True):
            return self.function(answer)

    __rmatmul__ = __call__


def plain(result):
    """The layout of a matrix, and the matrix."""
    return str(result.layout), result.to_dense()


def by_networkx(a):
    """I − L, where L is networkx's normalized Laplacian of the undirected graph with its loops."""
    graph = networkx.from_numpy_array(a.to_dense().numpy())
    graph.add_edges_from([(node, node) for node in graph if not graph.has_edge(node, node)], weight=1.0)
    laplacian = networkx.normalized_laplacian_matrix(graph, nodelist=range(len(a))).toarray()
    result = (torch.eye(len(a)) - torch.tensor(laplacian)).to(a.dtype)
    return result.to_sparse() if a.is_sparse else result


@case("normalized_adjacency", agrees_with=by_networkx)
def every_edge_is_divided_by_the_roots_of_two_degrees(normalized_adjacency, draw):
    """每条边除以两端度数的平方根"""
    return normalized_adjacency(weighted_graph(draw, 5))


@case("normalized_adjacency", agrees_with=by_networkx)
def a_loop_that_is_there_is_not_doubled(normalized_adjacency, draw):
    """已有的自环不加倍"""
    a = weighted_graph(draw, 5)
    a[1, 1], a[3, 3] = 1.0, 0.5
    return normalized_adjacency(a)


@case("normalized_adjacency", agrees_with=by_networkx)
def a_sparse_graph_stays_sparse(normalized_adjacency, draw):
    """稀疏的图仍然稀疏"""
    a = weighted_graph(draw, 5)
    return normalized_adjacency @ Here(lambda f: plain(f(a.to_sparse())))


def by_messages(h, a, weight, activation):
    """Equation 19.1 as a sum over edges: node i hears from node j with weight Ã_ij / √(D̃_i D̃_j)."""
    rows = [row.clone() for row in a.to_dense()]
    for i, row in enumerate(rows):
        row[i] = row[i] if row[i] else 1.0
    degrees = [row.sum() for row in rows]
    heard = [
        sum(row[j] / (degrees[i] * degrees[j]).sqrt() * h[j] for j in row.nonzero()[:, 0].tolist())
        for i, row in enumerate(rows)
    ]
    summed = torch.stack(heard) @ weight
    return summed if activation is None else activation(summed)


@case("gcn_layer", agrees_with=by_messages)
def every_node_hears_its_neighbours_and_itself(gcn_layer, draw):
    """每个节点听取邻居和自己的消息"""
    return gcn_layer(draw.normal(5, 3), weighted_graph(draw, 5), draw.normal(3, 4), torch.relu)


@case("gcn_layer", agrees_with=by_messages)
def without_an_activation(gcn_layer, draw):
    """没有激活函数"""
    return gcn_layer(draw.normal(4, 2), weighted_graph(draw, 4), draw.normal(2, 3), None)


def layer_by_layer(h, a, weights, activation):
    """Sums over edges, one layer after the other; σ between them."""
    for count, weight in enumerate(weights, 1):
        h = by_messages(h, a, weight, None if count == len(weights) else activation)
    return h


@case("gcn_forward", agrees_with=layer_by_layer)
def two_layers(gcn_forward, draw):
    """两层"""
    weights = [draw.normal(3, 4), draw.normal(4, 2)]
    return gcn_forward(draw.normal(5, 3), weighted_graph(draw, 5), weights, torch.tanh)


@case("gcn_forward", agrees_with=layer_by_layer)
def one_layer_is_the_last(gcn_forward, draw):
    """只有一层时，它就是最后一层"""
    return gcn_forward(draw.normal(5, 3), weighted_graph(draw, 5), [draw.normal(3, 4)], torch.relu)


def unfolded(images, patch_size):
    """Patches by torch's unfold."""
    return F.unfold(images, patch_size, stride=patch_size).mT


@case("patchify", agrees_with=unfolded)
def six_patches_of_a_wide_image(patchify, draw):
    """一幅宽图像的六个图像块"""
    return patchify(draw.normal(1, 1, 4, 6), 2)


@case("patchify", agrees_with=unfolded)
def a_batch_of_colour_images(patchify, draw):
    """一批彩色图像"""
    return patchify(draw.normal(2, 3, 6, 9), 3)


def folded(patches, patch_size, channels, height, width):
    """Images by torch's fold."""
    return F.fold(patches.mT, (height, width), patch_size, stride=patch_size)


@case("unpatchify", agrees_with=folded)
def a_wide_image_is_put_back(unpatchify, draw):
    """拼回一幅宽图像"""
    return unpatchify(draw.normal(1, 6, 4), 2, 1, 4, 6)


@case("unpatchify", agrees_with=folded)
def a_batch_of_colour_images_is_put_back(unpatchify, draw):
    """拼回一批彩色图像"""
    return unpatchify(draw.normal(2, 6, 27), 3, 3, 6, 9)


def convolved(images, weight, bias, patch_size):
    """Every patch embedded by torch's convolution, its stride the patch size."""
    return F.conv2d(images, weight, bias, stride=patch_size).flatten(2).mT


@case("patch_embed", agrees_with=convolved)
def six_patches_become_five_numbers_each(patch_embed, draw):
    """六个图像块，每块变成五个数"""
    return patch_embed(draw.normal(2, 3, 4, 6), draw.normal(5, 3, 2, 2), draw.normal(5), 2)


@case("patch_embed", agrees_with=convolved)
def there_may_be_no_bias(patch_embed, draw):
    """可以没有偏置"""
    return patch_embed(draw.normal(1, 2, 3, 6), draw.normal(4, 2, 3, 3), None, 3)


def tokens_by_sums(patches, e, class_token, positions):
    """Positions first, then what stands there is added."""
    tokens = positions.repeat(len(patches), 1, 1)
    projected = torch.einsum("bnp,pd->bnd", patches, e)
    return tokens + torch.cat([class_token.repeat(len(patches), 1)[:, None], projected], 1)


@case("vit_tokens", agrees_with=tokens_by_sums)
def a_class_token_and_four_patches(vit_tokens, draw):
    """一个类别 token 和四个图像块"""
    return vit_tokens(draw.normal(1, 4, 6), draw.normal(6, 3), draw.normal(3), draw.normal(5, 3))


@case("vit_tokens", agrees_with=tokens_by_sums)
def every_image_of_a_batch_gets_the_same_class_token(vit_tokens, draw):
    """一批图像中每一幅都得到同一个类别 token"""
    return vit_tokens(draw.normal(3, 2, 4), draw.normal(4, 5), draw.normal(5), draw.normal(3, 5))
