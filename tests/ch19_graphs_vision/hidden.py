"""The hidden cases of chapter 19."""

import networkx
import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import vjp
from autograder.watching import OperatorMode

# bfloat16 keeps 8 bits: sums of a dozen products near 1 are off by a few units of 2⁻⁷
BFLOAT16 = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 6e-2}

# numbers are moved and never computed with, so that nothing may differ, however small it is
EXACT = {"rtol": 0.0, "atol": 0.0}

# weights of 10⁻²⁰ to 10²⁵ with a scale of one: what a few roundings of float32 do, relative to the result
RELATIVE = {"rtol": 1e-5, "atol": 0.0}


def weighted_graph(draw, n):
    """An undirected graph: a path through all nodes and some edges besides, with weights between 0.5 and 2."""
    kept = draw.mask(n, n, p=0.3) | torch.ones(n, n, dtype=torch.bool).triu(1).tril(1)
    half = (draw.uniform(n, n, low=0.5, high=2) * kept).triu(1)
    return half + half.mT


def directed_graph(draw, n):
    """A ring in one direction and some edges besides; rows and columns have other sums."""
    ring = torch.ones(n, n, dtype=torch.bool).triu(1).tril(1)
    ring[-1, 0] = True
    a = draw.uniform(n, n, low=0.5, high=2) * (draw.mask(n, n, p=0.3) | ring)
    a[0] *= 3
    return a.fill_diagonal_(0)


def karate_club(draw, weight=None):
    """Zachary's karate club: 34 members, 78 friendships."""
    return torch.tensor(networkx.to_numpy_array(networkx.karate_club_graph(), weight=weight)).to(draw.dtype)


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


def edges(a):
    """The places and weights of a dense graph's edges, in a random enough order to be nobody's."""
    indices = a.nonzero().mT.flip(1)
    return indices, a[tuple(indices)]


class LargestDense(OperatorMode):
    """Notes the elements of the largest dense tensor that is made."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for t in result if isinstance(result, (list, tuple)) else [result]:
            if isinstance(t, torch.Tensor) and t.layout == torch.strided:
                self.elements = max(self.elements, t.numel())
        return result


def on_the_edges(gradient, a):
    """A gradient by an adjacency matrix where it has edges: elsewhere a sum over edges need not have one."""
    return None if gradient is None else gradient.masked_fill(a == 0, 0)


def by_networkx(a):
    """I − L, where L is networkx's normalized Laplacian of the undirected graph with its loops."""
    graph = networkx.from_numpy_array(a.to_dense().numpy())
    graph.add_edges_from([(node, node) for node in graph if not graph.has_edge(node, node)], weight=1.0)
    laplacian = networkx.normalized_laplacian_matrix(graph, nodelist=range(len(a))).toarray()
    result = (torch.eye(len(a)) - torch.tensor(laplacian)).to(a.dtype)
    return result.to_sparse() if a.is_sparse else result


def by_diagonal_matrices(a):
    """D̃^(−1/2) Ã D̃^(−1/2) with three matrices, rows summed, for directed graphs and for gradients."""
    dense = a.to_dense()
    loops = torch.where(dense.diagonal() == 0, torch.ones_like(dense.diagonal()), dense.diagonal())
    with_loops = dense - torch.diag(dense.diagonal()) + torch.diag(loops)
    root = torch.diag(with_loops.sum(1) ** -0.5)
    result = torch.linalg.multi_dot([root, with_loops, root])
    return result.to_sparse() if a.is_sparse else result


# normalized_adjacency


@case("normalized_adjacency", agrees_with=by_networkx)
def a_graph_of_seven_nodes(normalized_adjacency, draw):
    """七个节点的图"""
    return normalized_adjacency(weighted_graph(draw, 7))


@case("normalized_adjacency", agrees_with=by_networkx)
def the_karate_club_with_and_without_weights(normalized_adjacency, draw):
    """空手道俱乐部，有权和无权"""
    return normalized_adjacency(karate_club(draw)), normalized_adjacency(karate_club(draw, "weight"))


@case("normalized_adjacency", agrees_with=by_networkx, weight=2)
def loops_keep_their_weight(normalized_adjacency, draw):
    """已有的自环保留自己的权重"""
    a = weighted_graph(draw, 6)
    a[0, 0], a[2, 2], a[5, 5] = 1.0, draw.number(1.5, 3.0), draw.number(0.1, 0.5)
    return normalized_adjacency(a)


@case("normalized_adjacency", agrees_with=by_networkx, weight=2)
def an_isolated_node_hears_itself_alone(normalized_adjacency, draw):
    """孤立节点只听到自己"""
    a = weighted_graph(draw, 6)
    a[2], a[:, 2] = 0, 0
    lonely = a.clone()
    lonely[2, 2] = 3.0
    return normalized_adjacency(a), normalized_adjacency(lonely)


@case("normalized_adjacency", agrees_with=by_diagonal_matrices)
def a_directed_graph_sums_its_rows(normalized_adjacency, draw):
    """有向图按行求度"""
    return normalized_adjacency(directed_graph(draw, 5))


@case("normalized_adjacency", facet="numerics", agrees_with=by_diagonal_matrices, **RELATIVE)
def weights_of_ten_to_the_twenty_five(normalized_adjacency, draw):
    """大小为 10²⁵ 的权重：两个度数的乘积在 float32 中上溢"""
    a = weighted_graph(draw, 5) * 1e25
    a.diagonal().copy_(draw.uniform(5, low=1e24, high=1e25))
    return normalized_adjacency(a)


@case("normalized_adjacency", facet="numerics", agrees_with=by_diagonal_matrices, **RELATIVE)
def weights_of_ten_to_the_minus_twenty_five(normalized_adjacency, draw):
    """大小为 10⁻²⁵ 的权重：两个度数的乘积在 float32 中下溢"""
    a = weighted_graph(draw, 5) * 1e-25
    a.diagonal().copy_(draw.uniform(5, low=1e-25, high=1e-24))
    return normalized_adjacency(a)


@case("normalized_adjacency", facet="gradient", agrees_with=by_diagonal_matrices)
def gradients_reach_the_weights_also_through_the_degrees(normalized_adjacency, draw):
    """梯度传到边的权重，也经过度数"""
    graphs = weighted_graph(draw, 5), directed_graph(draw, 5)
    graphs[1][2, 2] = draw.number(1.5, 3.0)
    return [on_the_edges(*vjp(normalized_adjacency, a, cotangent=draw), a) for a in graphs]


@case("normalized_adjacency", facet="interface", agrees_with=by_diagonal_matrices)
def a_graph_that_is_not_contiguous(normalized_adjacency, draw):
    """不连续的邻接矩阵"""
    return normalized_adjacency(draw.strided(weighted_graph(draw, 5))), normalized_adjacency(directed_graph(draw, 5).mT)


@case("normalized_adjacency", facet="interface")
def one_node_and_none(normalized_adjacency, draw):
    """一个节点、零个节点"""
    inputs = torch.zeros(1, 1, dtype=draw.dtype), draw.uniform(1, 1, low=2, high=3), draw.normal(0, 0)
    return [normalized_adjacency(a) for a in inputs]


@case("normalized_adjacency", agrees_with=by_networkx, weight=2)
def a_sparse_graph_of_seven_nodes(normalized_adjacency, draw):
    """七个节点的稀疏图"""
    a = weighted_graph(draw, 7)
    return normalized_adjacency @ Here(lambda f: plain(f(a.to_sparse())))


@case("normalized_adjacency", agrees_with=by_networkx, weight=2)
def a_sparse_graph_with_loops_and_isolated_nodes(normalized_adjacency, draw):
    """稀疏图，有自环，有孤立节点"""
    a = weighted_graph(draw, 8)
    a[3], a[:, 3], a[6], a[:, 6] = 0, 0, 0, 0
    a[0, 0], a[4, 4], a[6, 6] = 1.0, draw.number(1.5, 3.0), draw.number(0.1, 0.5)
    indices, weights = edges(a)
    return normalized_adjacency @ Here(lambda f: plain(f(torch.sparse_coo_tensor(indices, weights, a.shape))))


@case("normalized_adjacency", agrees_with=by_diagonal_matrices)
def edges_listed_twice_add_up(normalized_adjacency, draw):
    """稀疏图中列出两次的边相加（未 coalesce）"""
    a = weighted_graph(draw, 5)
    a[1, 1] = 0.8
    indices, weights = edges(a)
    twice, halves = torch.cat([indices, indices], 1), torch.cat([0.25 * weights, 0.75 * weights])
    return normalized_adjacency @ Here(lambda f: plain(f(torch.sparse_coo_tensor(twice, halves, a.shape))))


@case("normalized_adjacency", agrees_with=by_diagonal_matrices)
def a_stored_zero_is_no_edge_and_no_loop(normalized_adjacency, draw):
    """存储了的零既不是边也不是自环"""
    a = weighted_graph(draw, 5)
    indices, weights = edges(a)
    indices = torch.cat([indices, torch.tensor([[0, 2, 0, 4], [0, 2, 4, 0]])], 1)
    weights = torch.cat([weights, weights.new_zeros(4)])
    return normalized_adjacency @ Here(lambda f: plain(f(torch.sparse_coo_tensor(indices, weights, a.shape))))


@case("normalized_adjacency", agrees_with=by_diagonal_matrices)
def a_sparse_directed_graph_sums_its_rows(normalized_adjacency, draw):
    """稀疏的有向图按行求度"""
    a = directed_graph(draw, 6)
    return normalized_adjacency @ Here(lambda f: plain(f(a.to_sparse())))


@case("normalized_adjacency", facet="numerics", agrees_with=by_diagonal_matrices, **RELATIVE)
def large_and_tiny_weights_of_sparse_graphs(normalized_adjacency, draw):
    """稀疏图中极大与极小的权重"""
    a = weighted_graph(draw, 5)
    a.diagonal().copy_(draw.uniform(5, low=0.5, high=1))
    return [normalized_adjacency @ Here(lambda f, s=s: plain(f((a * s).to_sparse()))) for s in (1e25, 1e-25)]


@case("normalized_adjacency", facet="gradient")
def gradients_reach_the_weights_of_a_sparse_graph(normalized_adjacency, draw):
    """梯度传到稀疏图的边权"""
    a = weighted_graph(draw, 6)
    indices, weights = edges(a)
    cotangent = draw.normal(6, 6)

    def gradient(f):
        leaf = weights.clone().requires_grad_()
        result = f(torch.sparse_coo_tensor(indices, leaf, a.shape)).to_dense()
        return torch.autograd.grad(result, leaf, cotangent)

    return normalized_adjacency @ Here(gradient)


@case("normalized_adjacency", facet="interface", agrees_with=by_diagonal_matrices)
def sparse_graphs_without_edges(normalized_adjacency, draw):
    """没有边的稀疏图"""
    empty, loop = torch.zeros(3, 3, dtype=draw.dtype), torch.full((1, 1), 2.0, dtype=draw.dtype)
    return normalized_adjacency @ Here(lambda f: [plain(f(a.to_sparse())) for a in (empty, empty[:1, :1], loop)])


@case("normalized_adjacency", facet="memory", expected=True, weight=2)
def a_sparse_graph_is_never_made_dense(normalized_adjacency, draw):
    """稀疏图从不变成稠密矩阵"""
    n = 300
    nodes = torch.arange(n)
    indices = torch.cat([torch.stack([nodes, nodes.roll(1)]), torch.stack([nodes.roll(1), nodes])], 1)
    weights = draw.uniform(n, low=0.5, high=2).repeat(2)

    def stays_small(f):
        with LargestDense() as mode:
            f(torch.sparse_coo_tensor(indices, weights, (n, n)))
        return mode.elements < n * n // 2

    return normalized_adjacency @ Here(stays_small)


@case("normalized_adjacency", facet="interface", raises=ValueError)
def a_matrix_that_is_not_square_is_refused(normalized_adjacency, draw):
    """拒绝不是方阵的矩阵"""
    return normalized_adjacency(draw.uniform(3, 4))


@case("normalized_adjacency", facet="interface", raises=ValueError)
def one_row_is_not_stretched_to_a_square(normalized_adjacency, draw):
    """一行不会被广播成方阵"""
    return normalized_adjacency(draw.uniform(1, 4))


@case("normalized_adjacency", facet="interface", raises=ValueError)
def a_column_is_not_stretched_to_a_square(normalized_adjacency, draw):
    """一列不会被广播成方阵"""
    return normalized_adjacency(draw.uniform(4, 1))


@case("normalized_adjacency", facet="interface", raises=ValueError)
def a_vector_is_no_graph(normalized_adjacency, draw):
    """拒绝向量"""
    return normalized_adjacency(draw.uniform(4))


# gcn_layer


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
def seven_nodes_and_five_features(gcn_layer, draw):
    """七个节点，五个特征"""
    return gcn_layer(draw.normal(7, 5), weighted_graph(draw, 7), draw.normal(5, 3), torch.tanh)


@case("gcn_layer", agrees_with=by_messages, weight=2)
def the_activation_comes_last_and_sees_the_whole_matrix(gcn_layer, draw):
    """激活函数最后作用，看到整个矩阵"""
    h, a, weight = draw.normal(5, 3), weighted_graph(draw, 5), draw.normal(3, 4)
    over_nodes = gcn_layer(h, a, weight, lambda x: torch.softmax(x, 0))
    return over_nodes, gcn_layer(h, a, weight, lambda x: x.cumsum(1) + 1)


@case("gcn_layer", agrees_with=by_messages, weight=2)
def loops_and_isolated_nodes_of_the_raw_graph(gcn_layer, draw):
    """原始图中的自环和孤立节点"""
    a = weighted_graph(draw, 6)
    a[2], a[:, 2] = 0, 0
    a[0, 0], a[4, 4] = 1.0, draw.number(1.5, 3.0)
    return gcn_layer(draw.normal(6, 3), a, draw.normal(3, 2), None)


@case("gcn_layer", agrees_with=by_messages)
def messages_of_a_directed_graph(gcn_layer, draw):
    """有向图上的消息"""
    return gcn_layer(draw.normal(5, 3), directed_graph(draw, 5), draw.normal(3, 2), torch.relu)


@case("gcn_layer", agrees_with=by_messages, weight=2)
def messages_of_a_sparse_graph(gcn_layer, draw):
    """稀疏图上的消息"""
    h, a, weight = draw.normal(6, 3), weighted_graph(draw, 6), draw.normal(3, 4)
    return gcn_layer @ Here(lambda f: plain(f(h, a.to_sparse(), weight, torch.relu)))


@case("gcn_layer", facet="numerics", agrees_with=by_messages, **RELATIVE)
def features_of_ten_to_the_plus_and_minus_thirty(gcn_layer, draw):
    """大小为 10^±30 的特征"""
    # positive numbers, so that no sum cancels and the comparison can be relative
    h, a, weight = draw.uniform(5, 3, low=1, high=2), weighted_graph(draw, 5), draw.uniform(3, 2, low=1, high=2)
    return [gcn_layer(h * scale, a, weight, None) for scale in (1e30, 1e-30)]


@case("gcn_layer", facet="gradient", agrees_with=by_messages)
def gradients_reach_features_graph_and_weight(gcn_layer, draw):
    """梯度传到特征、图和权重"""
    graph = weighted_graph(draw, 5)
    h, a, weight = vjp(gcn_layer, draw.normal(5, 3), graph, draw.normal(3, 4), cotangent=draw, activation=torch.tanh)
    return h, on_the_edges(a, graph), weight


@case("gcn_layer", facet="interface", agrees_with=by_messages)
def one_node_with_one_feature(gcn_layer, draw):
    """一个节点，一个特征"""
    return gcn_layer(draw.normal(1, 1), torch.zeros(1, 1, dtype=draw.dtype), draw.normal(1, 1), torch.tanh)


@case("gcn_layer", facet="interface")
def a_graph_without_nodes(gcn_layer, draw):
    """没有节点的图"""
    return gcn_layer(draw.normal(0, 3), draw.normal(0, 0), draw.normal(3, 2), torch.relu)


@case("gcn_layer", facet="interface", agrees_with=by_messages)
def features_that_are_not_contiguous(gcn_layer, draw):
    """不连续的输入"""
    h, a, weight = draw.strided(draw.normal(5, 3)), draw.strided(weighted_graph(draw, 5)), draw.normal(4, 3).mT
    return gcn_layer(h, a, weight, torch.tanh)


@case("gcn_layer", facet="interface", raises=ValueError)
def one_row_of_features_for_five_nodes_is_refused(gcn_layer, draw):
    """拒绝五个节点只有一行特征"""
    return gcn_layer(draw.normal(1, 3), weighted_graph(draw, 5), draw.normal(3, 2), torch.relu)


@case("gcn_layer", facet="interface", raises=ValueError)
def weights_for_other_features_are_refused(gcn_layer, draw):
    """拒绝行数与特征数不符的权重"""
    return gcn_layer(draw.normal(5, 3), weighted_graph(draw, 5), draw.normal(2, 4), torch.relu)


# gcn_forward


def layer_by_layer(h, a, weights, activation):
    """Sums over edges, one layer after the other; σ between them."""
    for count, weight in enumerate(weights, 1):
        h = by_messages(h, a, weight, None if count == len(weights) else activation)
    return h


def by_powers(h, a, weights, activation):
    """Dense matrices, the normalisation done once."""
    normalized = by_diagonal_matrices(a).to_dense()
    for weight in weights[:-1]:
        h = activation(normalized @ h @ weight)
    return normalized @ h @ weights[-1]


@case("gcn_forward", agrees_with=by_powers, weight=2)
def two_layers_on_the_karate_club(gcn_forward, draw):
    """空手道俱乐部上的两层"""
    a = karate_club(draw)
    weights = [draw.normal(34, 5), draw.normal(5, 2)]
    return gcn_forward(torch.eye(34, dtype=draw.dtype), a, weights, torch.relu)


@case("gcn_forward", agrees_with=layer_by_layer)
def three_layers_of_different_widths(gcn_forward, draw):
    """宽度不同的三层"""
    weights = [draw.normal(2, 5), draw.normal(5, 3), draw.normal(3, 4)]
    return gcn_forward(draw.normal(6, 2), weighted_graph(draw, 6), weights, torch.tanh)


@case("gcn_forward", agrees_with=layer_by_layer, weight=2)
def the_last_layer_has_no_activation(gcn_forward, draw):
    """最后一层没有激活函数"""
    h, a = draw.normal(5, 3), weighted_graph(draw, 5)
    weights = draw.normals(3, shape=(3, 3))
    return [gcn_forward(h, a, weights[:k], lambda x: torch.sigmoid(x) + 1) for k in (1, 2, 3)]


@case("gcn_forward", agrees_with=by_powers)
def layers_on_a_directed_graph_with_a_loop(gcn_forward, draw):
    """有自环的有向图上的几层"""
    a = directed_graph(draw, 5)
    a[3, 3] = draw.number(1.5, 3.0)
    return gcn_forward(draw.normal(5, 3), a, (draw.normal(3, 4), draw.normal(4, 2)), torch.sigmoid)


@case("gcn_forward", agrees_with=by_powers, weight=2)
def layers_on_a_sparse_graph(gcn_forward, draw):
    """稀疏图上的几层"""
    h, a, weights = draw.normal(6, 3), weighted_graph(draw, 6), [draw.normal(3, 4), draw.normal(4, 2)]
    return gcn_forward @ Here(lambda f: plain(f(h, a.to_sparse(), weights, torch.relu)))


@case("gcn_forward", agrees_with=by_powers)
def eight_layers(gcn_forward, draw):
    """八层"""
    return gcn_forward(draw.normal(5, 3), weighted_graph(draw, 5), draw.normals(8, shape=(3, 3)), torch.tanh)


@case("gcn_forward", facet="gradient", agrees_with=by_powers)
def gradients_reach_every_layer(gcn_forward, draw):
    """梯度传到每一层"""
    graph, layers = weighted_graph(draw, 5), [draw.normal(3, 4), draw.normal(4, 4), draw.normal(4, 2)]
    h, a, *weights = vjp(gcn_forward, draw.normal(5, 3), graph, layers, cotangent=draw, activation=torch.tanh)
    return h, on_the_edges(a, graph), weights


@case("gcn_forward", facet="numerics", agrees_with=by_powers, **RELATIVE)
def layers_on_features_of_ten_to_the_plus_and_minus_thirty(gcn_forward, draw):
    """特征大小为 10^±30 时的几层"""
    # positive numbers, so that no sum cancels and the comparison can be relative
    h, a = draw.uniform(5, 3, low=1, high=2), weighted_graph(draw, 5)
    weights = [draw.uniform(3, 4, low=1, high=2), draw.uniform(4, 2, low=1, high=2)]
    return [gcn_forward(h * scale, a, weights, torch.relu) for scale in (1e30, 1e-30)]


@case("gcn_forward", facet="interface", agrees_with=by_powers)
def layers_on_inputs_that_are_not_contiguous(gcn_forward, draw):
    """输入不连续时的几层"""
    weights = [draw.strided(draw.normal(3, 4)), draw.normal(2, 4).mT]
    return gcn_forward(draw.strided(draw.normal(5, 3)), draw.strided(weighted_graph(draw, 5)), weights, torch.tanh)


@case("gcn_forward", facet="interface")
def layers_on_one_node_and_on_none(gcn_forward, draw):
    """一个节点、零个节点上的几层"""
    weights = [draw.normal(3, 1), draw.normal(1, 2)]
    return [gcn_forward(draw.normal(n, 3), draw.normal(n, n).abs(), weights, torch.tanh) for n in (1, 0)]


@case("gcn_forward", facet="interface", raises=ValueError)
def layers_that_do_not_fit_are_refused(gcn_forward, draw):
    """拒绝首尾不相接的层"""
    return gcn_forward(draw.normal(5, 3), weighted_graph(draw, 5), [draw.normal(3, 4), draw.normal(3, 2)], torch.tanh)


# patchify


def unfolded(images, patch_size):
    """Patches by torch's unfold."""
    return F.unfold(images, patch_size, stride=patch_size).mT


@case("patchify", agrees_with=unfolded)
def patches_of_odd_sizes(patchify, draw):
    """奇数大小的图像块"""
    return patchify(draw.normal(2, 3, 9, 15), 3), patchify(draw.normal(1, 2, 10, 5), 5)


@case("patchify", agrees_with=unfolded)
def a_patch_of_one_pixel_and_one_of_the_whole_image(patchify, draw):
    """一个像素的块，整幅图像的块"""
    x = draw.normal(2, 3, 4, 4)
    return patchify(x, 1), patchify(x, 4)


@case("patchify", agrees_with=unfolded)
def tall_and_wide_images(patchify, draw):
    """高图像和宽图像"""
    return patchify(draw.normal(1, 2, 8, 2), 2), patchify(draw.normal(1, 2, 2, 8), 2)


@case("patchify", facet="numerics", agrees_with=unfolded, **EXACT)
def tiny_huge_and_infinite_pixels_stay_what_they_are(patchify, draw):
    """极小、极大与无穷的像素原样不变"""
    x = draw.magnitudes(2, 2, 4, 6, low=1e-30, high=1e30)
    x[0, 1, 2, 3], x[1, 0, 0, 5] = torch.inf, torch.nan
    return patchify(x, 2)


@case("patchify", facet="gradient", agrees_with=unfolded)
def gradients_go_back_to_their_pixels(patchify, draw):
    """梯度回到各自的像素"""
    return vjp(patchify, draw.normal(2, 3, 4, 6), cotangent=draw, patch_size=2)


@case("patchify", facet="interface", agrees_with=unfolded)
def images_with_channels_last_in_memory(patchify, draw):
    """内存中通道在最后的图像（不连续）"""
    return patchify(draw.normal(2, 4, 6, 3).permute(0, 3, 1, 2), 2), patchify(draw.strided(draw.normal(1, 2, 6, 6)), 3)


@case("patchify", facet="interface")
def an_empty_batch_of_images(patchify, draw):
    """空的一批图像"""
    return patchify(draw.normal(0, 3, 4, 6), 2)


@case("patchify", facet="interface", agrees_with=unfolded, dtypes=(torch.bfloat16,), **EXACT)
def bfloat16_images_give_bfloat16_patches(patchify, draw):
    """bfloat16 的图像给出 bfloat16 的块"""
    return patchify(draw.normal(2, 3, 4, 6), 2)


@case("patchify", facet="interface", raises=ValueError)
def a_height_that_patches_do_not_tile_is_refused(patchify, draw):
    """拒绝不能整除的高度"""
    return patchify(draw.normal(1, 3, 5, 4), 2)


@case("patchify", facet="interface", raises=ValueError)
def a_width_that_patches_do_not_tile_is_refused(patchify, draw):
    """拒绝不能整除的宽度"""
    return patchify(draw.normal(1, 3, 4, 6), 4)


@case("patchify", facet="interface", raises=ValueError)
def patches_larger_than_the_image_are_refused(patchify, draw):
    """拒绝比图像还大的块"""
    return patchify(draw.normal(1, 3, 4, 4), 5)


@case("patchify", facet="interface", raises=ValueError)
def sides_whose_product_alone_is_divisible_are_refused(patchify, draw):
    """拒绝只有面积能整除的图像"""
    return patchify(draw.normal(1, 4, 2, 8), 4)


@case("patchify", facet="interface", raises=ValueError)
def an_empty_batch_that_patches_do_not_tile_is_refused(patchify, draw):
    """拒绝不能整除的图像，哪怕一幅也没有"""
    return patchify(draw.normal(0, 3, 5, 4), 2)


# unpatchify


def folded(patches, patch_size, channels, height, width):
    """Images by torch's fold."""
    return F.fold(patches.mT, (height, width), patch_size, stride=patch_size)


@case("unpatchify", agrees_with=folded)
def images_of_odd_sizes_are_put_back(unpatchify, draw):
    """拼回奇数大小的图像"""
    return unpatchify(draw.normal(2, 15, 27), 3, 3, 9, 15), unpatchify(draw.normal(1, 2, 50), 5, 2, 10, 5)


@case("unpatchify", agrees_with=folded)
def patches_of_one_pixel_and_of_the_whole_image_are_put_back(unpatchify, draw):
    """拼回一个像素的块，整幅图像的块"""
    return unpatchify(draw.normal(2, 16, 3), 1, 3, 4, 4), unpatchify(draw.normal(2, 1, 48), 4, 3, 4, 4)


@case("unpatchify", agrees_with=folded)
def as_many_channels_as_pixels_in_a_side(unpatchify, draw):
    """通道数等于块边长"""
    return unpatchify(draw.normal(2, 6, 8), 2, 2, 4, 6), unpatchify(draw.normal(2, 6, 8), 2, 2, 6, 4)


@case("unpatchify", facet="numerics", agrees_with=folded, **EXACT)
def tiny_huge_and_infinite_numbers_stay_what_they_are(unpatchify, draw):
    """极小、极大与无穷的数原样不变"""
    x = draw.magnitudes(2, 6, 8, low=1e-30, high=1e30)
    x[0, 1, 2], x[1, 5, 7] = torch.inf, torch.nan
    return unpatchify(x, 2, 2, 4, 6)


@case("unpatchify", facet="gradient", agrees_with=folded)
def gradients_go_back_to_their_patches(unpatchify, draw):
    """梯度回到各自的块"""
    sizes = {"patch_size": 2, "channels": 3, "height": 4, "width": 6}
    return vjp(unpatchify, draw.normal(2, 6, 12), cotangent=draw, **sizes)


@case("unpatchify", facet="interface", agrees_with=folded)
def patches_that_are_not_contiguous(unpatchify, draw):
    """不连续的块"""
    return unpatchify(draw.normal(2, 12, 6).mT, 2, 3, 4, 6), unpatchify(draw.strided(draw.normal(1, 6, 4)), 2, 1, 6, 4)


@case("unpatchify", facet="interface")
def an_empty_batch_of_patches(unpatchify, draw):
    """空的一批块"""
    return unpatchify(draw.normal(0, 6, 12), 2, 3, 4, 6)


@case("unpatchify", facet="interface", agrees_with=folded, dtypes=(torch.bfloat16,), **EXACT)
def bfloat16_patches_give_bfloat16_images(unpatchify, draw):
    """bfloat16 的块给出 bfloat16 的图像"""
    return unpatchify(draw.normal(2, 6, 12), 2, 3, 4, 6)


@case("unpatchify", facet="interface", raises=ValueError)
def a_height_that_patches_cannot_fill_is_refused(unpatchify, draw):
    """拒绝块填不满的高度"""
    return unpatchify(draw.normal(1, 6, 4), 2, 1, 5, 6)


@case("unpatchify", facet="interface", raises=ValueError)
def a_width_that_patches_cannot_fill_is_refused(unpatchify, draw):
    """拒绝块填不满的宽度"""
    return unpatchify(draw.normal(1, 6, 4), 2, 1, 4, 7)


@case("unpatchify", facet="interface", raises=ValueError)
def patches_of_two_images_are_not_one_image(unpatchify, draw):
    """两幅图像的块不能拼成一幅"""
    return unpatchify(draw.normal(2, 3, 4), 2, 1, 4, 6)


@case("unpatchify", facet="interface", raises=ValueError)
def numbers_and_patches_changed_places_are_refused(unpatchify, draw):
    """拒绝块数与每块数字个数颠倒的输入"""
    return unpatchify(draw.normal(2, 12, 6), 2, 3, 4, 6)


@case("unpatchify", facet="interface", raises=ValueError)
def an_empty_batch_that_cannot_fill_its_images_is_refused(unpatchify, draw):
    """拒绝填不满的图像，哪怕一幅也没有"""
    return unpatchify(draw.normal(0, 6, 4), 2, 1, 5, 6)


# patch_embed


def convolved(images, weight, bias, patch_size):
    """Every patch embedded by torch's convolution, its stride the patch size."""
    return F.conv2d(images, weight, bias, stride=patch_size).flatten(2).mT


@case("patch_embed", agrees_with=convolved)
def embeddings_of_odd_sizes(patch_embed, draw):
    """奇数大小的嵌入"""
    return patch_embed(draw.normal(2, 3, 9, 15), draw.normal(7, 3, 3, 3, scale=0.3), draw.normal(7), 3)


@case("patch_embed", agrees_with=convolved)
def one_pixel_one_filter_and_the_whole_image(patch_embed, draw):
    """一个像素、一个滤波器、整幅图像"""
    x = draw.normal(2, 3, 4, 4)
    return [
        patch_embed(x, draw.normal(5, 3, 1, 1), draw.normal(5), 1),
        patch_embed(x, draw.normal(1, 3, 2, 2), draw.normal(1), 2),
        patch_embed(x, draw.normal(5, 3, 4, 4, scale=0.3), draw.normal(5), 4),
    ]


@case("patch_embed", agrees_with=convolved)
def no_bias_on_a_tall_image(patch_embed, draw):
    """高图像，没有偏置"""
    return patch_embed(draw.normal(1, 2, 8, 2), draw.normal(3, 2, 2, 2), None, 2)


@case("patch_embed", facet="numerics", agrees_with=convolved, **RELATIVE)
def images_of_ten_to_the_plus_and_minus_thirty(patch_embed, draw):
    """大小为 10^±30 的图像"""
    # positive numbers, so that no sum cancels and the comparison can be relative
    x, weight = draw.uniform(1, 2, 4, 6, low=1, high=2), draw.uniform(3, 2, 2, 2, low=1, high=2)
    return [patch_embed(x * scale, weight, None, 2) for scale in (1e30, 1e-30)]


@case("patch_embed", facet="gradient", agrees_with=convolved)
def gradients_reach_images_filters_and_bias(patch_embed, draw):
    """梯度传到图像、滤波器和偏置"""
    inputs = draw.normal(2, 3, 4, 6), draw.normal(5, 3, 2, 2), draw.normal(5)
    return vjp(patch_embed, *inputs, cotangent=draw, patch_size=2)


@case("patch_embed", facet="interface", agrees_with=convolved)
def images_and_filters_that_are_not_contiguous(patch_embed, draw):
    """不连续的图像和滤波器"""
    images, weight = draw.normal(2, 4, 6, 3).permute(0, 3, 1, 2), draw.normal(5, 2, 2, 3).permute(0, 3, 1, 2)
    return patch_embed(images, weight, draw.strided(draw.normal(5)), 2)


@case("patch_embed", facet="interface")
def embeddings_of_an_empty_batch(patch_embed, draw):
    """空的一批图像的嵌入"""
    return patch_embed(draw.normal(0, 3, 4, 6), draw.normal(5, 3, 2, 2), draw.normal(5), 2)


@case("patch_embed", agrees_with=convolved, **BFLOAT16)
def embeddings_in_bfloat16(patch_embed, draw):
    """bfloat16 的嵌入"""
    return patch_embed(draw.normal(2, 3, 4, 6), draw.normal(5, 3, 2, 2), draw.normal(5), 2)


@case("patch_embed", facet="interface", raises=ValueError)
def an_image_that_patches_do_not_tile_is_refused(patch_embed, draw):
    """拒绝块不能铺满的图像"""
    return patch_embed(draw.normal(1, 3, 5, 4), draw.normal(5, 3, 2, 2), draw.normal(5), 2)


@case("patch_embed", facet="interface", raises=ValueError)
def filters_of_another_shape_and_as_many_numbers_are_refused(patch_embed, draw):
    """拒绝数字个数相同而形状不同的滤波器"""
    return patch_embed(draw.normal(1, 3, 4, 4), draw.normal(5, 3, 1, 4), draw.normal(5), 2)


@case("patch_embed", facet="interface", raises=ValueError)
def filters_for_other_channels_are_refused(patch_embed, draw):
    """拒绝通道数不符的滤波器"""
    return patch_embed(draw.normal(1, 4, 4, 4), draw.normal(5, 1, 4, 4), draw.normal(5), 2)


# vit_tokens


def tokens_by_sums(patches, e, class_token, positions):
    """Positions first, then what stands there is added."""
    tokens = positions.repeat(len(patches), 1, 1)
    projected = torch.einsum("bnp,pd->bnd", patches, e)
    return tokens + torch.cat([class_token.repeat(len(patches), 1)[:, None], projected], 1)


@case("vit_tokens", agrees_with=tokens_by_sums)
def tokens_of_odd_sizes(vit_tokens, draw):
    """奇数大小的 token"""
    return vit_tokens(draw.normal(3, 7, 12), draw.normal(12, 5), draw.normal(5), draw.normal(8, 5))


@case("vit_tokens", agrees_with=tokens_by_sums, weight=2)
def the_class_token_has_a_position_too(vit_tokens, draw):
    """类别 token 也有位置"""
    patches, e, class_token = draw.normal(2, 3, 4), draw.normal(4, 3), draw.normal(3)
    return vit_tokens(patches, e, class_token, draw.normal(4, 3, scale=10.0))


@case("vit_tokens", agrees_with=tokens_by_sums)
def as_many_features_as_numbers_in_a_patch(vit_tokens, draw):
    """特征数等于块中数字的个数"""
    return vit_tokens(draw.normal(2, 3, 4), draw.normal(4, 4), draw.normal(4), draw.normal(4, 4))


@case("vit_tokens", agrees_with=tokens_by_sums)
def one_image_one_patch_one_feature_and_no_patches(vit_tokens, draw):
    """一幅图像、一个块、一个特征，以及没有块"""
    return [
        vit_tokens(draw.normal(1, 1, 1), draw.normal(1, 1), draw.normal(1), draw.normal(2, 1)),
        vit_tokens(draw.normal(2, 0, 4), draw.normal(4, 3), draw.normal(3), draw.normal(1, 3)),
    ]


@case("vit_tokens", facet="numerics", agrees_with=tokens_by_sums, **RELATIVE)
def tokens_of_ten_to_the_plus_and_minus_thirty(vit_tokens, draw):
    """大小为 10^±30 的 token"""
    # positive numbers, so that no sum cancels and the comparison can be relative
    patches, e = draw.uniform(2, 3, 4, low=1, high=2), draw.uniform(4, 3, low=1, high=2)
    others = draw.uniform(3, low=1, high=2), draw.uniform(4, 3, low=1, high=2)
    return [vit_tokens(patches * scale, e, *(x * scale for x in others)) for scale in (1e30, 1e-30)]


@case("vit_tokens", facet="gradient", agrees_with=tokens_by_sums)
def gradients_reach_all_four(vit_tokens, draw):
    """梯度传到四个输入"""
    inputs = draw.normal(3, 4, 6), draw.normal(6, 2), draw.normal(2), draw.normal(5, 2)
    return vjp(vit_tokens, *inputs, cotangent=draw)


@case("vit_tokens", facet="interface", agrees_with=tokens_by_sums)
def tokens_of_an_empty_batch(vit_tokens, draw):
    """空的一批图像的 token"""
    return vit_tokens(draw.normal(0, 4, 6), draw.normal(6, 2), draw.normal(2), draw.normal(5, 2))


@case("vit_tokens", facet="interface", agrees_with=tokens_by_sums)
def inputs_that_are_not_contiguous(vit_tokens, draw):
    """不连续的输入"""
    patches, e = draw.normal(2, 6, 4).mT, draw.normal(3, 6).mT
    return vit_tokens(patches, e, draw.strided(draw.normal(3)), draw.strided(draw.normal(5, 3)))


@case("vit_tokens", agrees_with=tokens_by_sums, **BFLOAT16)
def tokens_in_bfloat16(vit_tokens, draw):
    """bfloat16 的 token"""
    return vit_tokens(draw.normal(2, 4, 12), draw.normal(12, 5), draw.normal(5), draw.normal(5, 5))


@case("vit_tokens", facet="interface", raises=ValueError)
def positions_without_one_for_the_class_token_are_refused(vit_tokens, draw):
    """拒绝缺少类别 token 那一行的位置"""
    return vit_tokens(draw.normal(2, 4, 6), draw.normal(6, 3), draw.normal(3), draw.normal(4, 3))


@case("vit_tokens", facet="interface", raises=ValueError)
def one_position_for_all_is_refused(vit_tokens, draw):
    """拒绝所有 token 共用一个位置"""
    return vit_tokens(draw.normal(2, 4, 6), draw.normal(6, 3), draw.normal(3), draw.normal(1, 3))


@case("vit_tokens", facet="interface", raises=ValueError)
def positions_of_one_feature_are_refused(vit_tokens, draw):
    """拒绝只有一个特征的位置"""
    return vit_tokens(draw.normal(2, 4, 6), draw.normal(6, 3), draw.normal(3), draw.normal(5, 1))


@case("vit_tokens", facet="interface", raises=ValueError)
def a_projection_of_other_patches_is_refused(vit_tokens, draw):
    """拒绝与块不符的投影矩阵"""
    return vit_tokens(draw.normal(2, 4, 6), draw.normal(5, 3), draw.normal(3), draw.normal(5, 3))
