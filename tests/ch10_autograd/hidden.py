"""The hidden cases of chapter 10."""

import graphlib
import math
import warnings

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import largest_tensor
from autograder.operations import vjp as gradients_of

FLOAT64 = {"dtypes": (torch.float64,)}


class Here:
    """A function of this file that is run where an object lives: `thing @ Here(function)` is function(thing).

    Neither a Value nor a function defines @, so Python asks this class. Inside, the thing is as its author made it:
    that is how 10,000 nodes are built without 10,000 requests to a sandbox, and how side effects are seen.
    """

    def __init__(self, function):
        self.function = function

    def __call__(self, thing):
        return self.function(thing)

    __rmatmul__ = __call__


# numerical_derivative


def slope_of_a_parabola(f, x, h):
    """The central difference as the slope at x of the parabola through three points."""
    values = torch.stack([f(x - h), f(x), f(x + h)], -1)
    places = torch.tensor([-1.0, 0.0, 1.0], dtype=x.dtype)
    coefficients = torch.linalg.solve(torch.linalg.vander(places), values[..., None])[..., 0]
    return coefficients[..., 1] / h


@case("numerical_derivative", agrees_with=slope_of_a_parabola)
def steps_of_a_hundredth_and_of_two(numerical_derivative, draw):
    """步长 0.01 和 2"""
    x = draw.normal(7)
    return numerical_derivative(torch.exp, x, 1 / 64), numerical_derivative(torch.exp, x, 2.0)


@case("numerical_derivative", agrees_with=slope_of_a_parabola)
def a_step_that_is_a_random_number(numerical_derivative, draw):
    """随机的步长"""
    return numerical_derivative(lambda x: x**4 - x**3, draw.normal(5), draw.number(0.3, 0.9))


@case("numerical_derivative", facet="interface", agrees_with=slope_of_a_parabola)
def one_number_no_numbers_and_a_matrix(numerical_derivative, draw):
    """一个数、零个数、一个矩阵"""
    inputs = draw.normal(), draw.normal(0, 3), draw.normal(1, 1, 4)
    return [numerical_derivative(torch.cos, x, 0.25) for x in inputs]


@case("numerical_derivative", facet="interface", agrees_with=slope_of_a_parabola)
def points_that_are_not_contiguous(numerical_derivative, draw):
    """不连续的输入"""
    return numerical_derivative(torch.cos, draw.strided(draw.normal(3, 5)), 0.5), numerical_derivative(
        torch.cos, draw.normal(4, 3).mT, 0.5
    )


@case("numerical_derivative", facet="numerics", agrees_with=slope_of_a_parabola)
def large_points_with_a_large_step(numerical_derivative, draw):
    """很大的点，很大的步长"""
    return numerical_derivative(lambda x: torch.sin(x / 1e6) * 1e6, draw.normal(5, scale=1e6), 2.0**17)


@case("numerical_derivative", facet="numerics", agrees_with=slope_of_a_parabola)
def tiny_points_with_a_tiny_step(numerical_derivative, draw):
    """很小的点，很小的步长"""
    return numerical_derivative(lambda x: torch.sin(x * 1e6) / 1e6, draw.normal(5, scale=1e-6), 2.0**-20)


@case("numerical_derivative", facet="gradient", agrees_with=slope_of_a_parabola)
def the_estimate_can_be_differentiated(numerical_derivative, draw):
    """估计值本身可以求导"""
    return gradients_of(numerical_derivative, torch.sin, draw.normal(5), 0.5, cotangent=draw)


@case("numerical_derivative", facet="interface", raises=ValueError)
def a_step_of_zero_is_refused(numerical_derivative, draw):
    """拒绝步长 0"""
    return numerical_derivative(torch.sin, draw.normal(3), 0.0)


@case("numerical_derivative", facet="interface", raises=ValueError)
def a_negative_step_is_refused(numerical_derivative, draw):
    """拒绝负的步长"""
    return numerical_derivative(torch.sin, draw.normal(3), -0.1)


# numerical_gradient


def gradient_by_autograd(f, x):
    """What `numerical_gradient` estimates, by torch.autograd.grad."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


# ε^{2/3} is 4e-11 in float64 and 2e-5 in float32: a step near ε^{1/3} leaves a small multiple of it, and
# a step that is ten times too large or too small a hundred or ten times as much
PRECISE = {"agrees_with": gradient_by_autograd, "rtol": 2e-8, "atol": 2e-9, "dtypes": (torch.float64,)}
SINGLE = {"agrees_with": gradient_by_autograd, "rtol": 2e-3, "atol": 2e-3, "dtypes": (torch.float32,)}


@case("numerical_gradient", **PRECISE)
def two_thirds_of_the_digits_of_float64(numerical_gradient, draw):
    """float64 三分之二的有效数字"""
    slope = draw.normal(7)
    return numerical_gradient(lambda x: (torch.sin(4 * x) * slope).sum(), draw.normal(7))


@case("numerical_gradient", **SINGLE)
def two_thirds_of_the_digits_of_float32(numerical_gradient, draw):
    """float32 三分之二的有效数字"""
    slope = draw.normal(5)
    return numerical_gradient(lambda x: (torch.sin(x) * slope).sum(), draw.normal(5))


@case("numerical_gradient", facet="numerics", **PRECISE)
def coordinates_of_a_million(numerical_gradient, draw):
    """大小为 10⁶ 的坐标"""
    return numerical_gradient(lambda x: torch.sin(x / 1e6).sum() * 1e6, draw.normal(5, scale=1e6))


@case("numerical_gradient", facet="numerics", **SINGLE)
def coordinates_of_a_million_in_float32(numerical_gradient, draw):
    """float32 中大小为 10⁶ 的坐标"""
    return numerical_gradient(lambda x: torch.sin(x / 1e6).sum() * 1e6, draw.normal(5, scale=1e6))


@case("numerical_gradient", facet="numerics", weight=2, **PRECISE)
def tiny_coordinates_and_zero(numerical_gradient, draw):
    """极小的坐标与零"""
    x = draw.normal(5, scale=1e-12)
    x[2] = 0
    slope = draw.normal(5)
    return numerical_gradient(lambda x: (torch.exp(x) * slope).sum(), x)


@case("numerical_gradient", facet="interface", **PRECISE)
def a_number_nothing_and_three_dimensions(numerical_gradient, draw):
    """一个数、零个数、三维"""
    inputs = draw.normal(), draw.normal(0, 2), draw.normal(2, 1, 3)
    return [numerical_gradient(lambda x: torch.sin(x).sum(), x) for x in inputs]


@case("numerical_gradient", facet="interface", **PRECISE)
def a_gradient_at_a_view_with_gaps(numerical_gradient, draw):
    """有间隔的视图上的梯度"""
    slope = draw.normal(3, 4)
    return numerical_gradient(lambda x: (torch.sin(x) * slope).sum(), draw.strided(draw.normal(3, 4)))


@case("numerical_gradient", facet="interface", raises=ValueError)
def a_vector_has_no_gradient(numerical_gradient, draw):
    """向量值函数没有梯度"""
    return numerical_gradient(lambda x: torch.sin(x), draw.normal(3))


# topological_order


class Node:
    """A node of a graph made for a test. Only the last node of a graph is ever sent, as its list of parents."""

    def __init__(self, label, parents):
        self.label = label
        self.parents = parents

    def __call__(self):
        raise TypeError("a node is no function")  # but only what can be called can be sent

    def __reduce__(self):
        return graph, (self.parents_of,)


def graph(parents_of):
    """The last of the nodes 0, 1, …, when node k has the parents `parents_of[k]`."""
    nodes = []
    for label, parents in enumerate(parents_of):
        nodes.append(Node(label, [nodes[i] for i in parents]))
    nodes[-1].parents_of = parents_of
    return nodes[-1]


def order_by_graphlib(root):
    """What `topological_order` is, by graphlib."""
    parents, waiting = {}, [root]
    while waiting:
        node = waiting.pop()
        if node not in parents:
            parents[node] = node.parents
            waiting.extend(node.parents)
    return list(graphlib.TopologicalSorter(parents).static_order())


def what_orders_share(topological_order, parents_of):
    """What is the same in every right order: which nodes, that parents come first, and which is last."""
    order = topological_order(graph(parents_of))
    if not isinstance(order, list):
        raise TypeError("topological_order must return a list")
    labels = [node.label for node in order]
    place = {label: i for i, label in enumerate(labels)}
    before = [place.get(p, -1) < place.get(k, -2) for k, parents in enumerate(parents_of) for p in parents]
    return sorted(labels), before, labels[-1]


ORDERED = {"agrees_with": order_by_graphlib, "dtypes": (torch.float64,)}


@case("topological_order", **ORDERED)
def an_input_alone(topological_order, draw):
    """只有一个输入"""
    return what_orders_share(topological_order, [[]])


def random_graph(draw, nodes):
    """Each node has up to three of the earlier ones as parents, and the last one those that nobody else has."""
    parents_of = [[]]
    for k in range(1, nodes - 1):
        parents_of.append([draw.integer(0, k) for _ in range(draw.integer(0, 4))])
    fed = {p for parents in parents_of for p in parents}
    return [*parents_of, [k for k in range(nodes - 1) if k not in fed]]


@case("topological_order", draws=5, weight=2, **ORDERED)
def random_graphs_of_thirty_nodes(topological_order, draw):
    """三十个节点的随机图"""
    return what_orders_share(topological_order, random_graph(draw, 30))


@case("topological_order", **ORDERED)
def a_short_way_and_a_long_way_to_the_same_node(topological_order, draw):
    """到同一节点有一短一长两条路"""
    shortcut_first = [[], [0], [1], [2], [0, 3]]
    shortcut_last = [[], [0], [1], [2], [3, 0]]
    skipping = [[], [0], [1, 0], [2, 1, 0], [3, 2, 1, 0], [0, 4, 1]]
    return [what_orders_share(topological_order, g) for g in (shortcut_first, shortcut_last, skipping)]


@case("topological_order", weight=2, **ORDERED)
def two_to_the_sixtieth_ways_through_sixty_nodes(topological_order, draw):
    """六十个节点，2⁶⁰ 条路"""
    return what_orders_share(topological_order, [[], *([k, k] for k in range(60))])


@case("topological_order", weight=2, **ORDERED)
def a_chain_of_ten_thousand_nodes(topological_order, draw):
    """一万个节点的链"""
    order = topological_order(graph([[], *([k] for k in range(9999))]))
    if not isinstance(order, list):
        raise TypeError("topological_order must return a list")
    places = [0, 1, 9998, 9999, *draw.integers(0, 10000, 20).tolist()]
    return len(order), [order[i].label for i in places]


# Value


class ValueByTorch:
    """What `Value` is, by torch.autograd: a scalar tensor that keeps its gradient."""

    def __init__(self, data):
        given = isinstance(data, torch.Tensor)
        self.tensor = data if given else torch.tensor(float(data), dtype=torch.float64, requires_grad=True)
        self.tensor.retain_grad()

    data = property(lambda self: self.tensor.item())
    grad = property(lambda self: 0.0 if self.tensor.grad is None else self.tensor.grad.item())

    def backward(self):
        self.tensor.backward(retain_graph=True)


def _by_torch(name):
    def method(self, *others):
        others = [o.tensor if isinstance(o, ValueByTorch) else o for o in others]
        return ValueByTorch(getattr(self.tensor, name)(*others))

    return method


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "neg"):
    setattr(ValueByTorch, f"__{_name}__", _by_torch(f"__{_name}__"))
for _name in ("exp", "log", "tanh", "relu"):
    setattr(ValueByTorch, _name, _by_torch(_name))

# a Value computes in Python's floats, whatever the dtype of a draw
VALUE = {"agrees_with": ValueByTorch, "dtypes": (torch.float64,)}
VALUE_ALONE = {"dtypes": (torch.float64,)}  # what torch has no equal of: the reference says it


def derivatives(result, *inputs):
    """The result's number, and after its backward the gradients of the inputs."""
    result.backward()
    return result.data, [x.grad for x in inputs]


def two_values(Value, draw):
    """A positive and a negative one, away from zero."""
    return Value(draw.number(1, 3)), Value(draw.number(-3, -1))


@case("Value", **VALUE)
def the_four_operations_of_two_values(Value, draw):
    """两个值的四则运算"""
    x, y = two_values(Value, draw)
    return [derivatives(z, x, y) for z in (x + y, x - y, x * y, x / y, y / x, y - x)]


@case("Value", **VALUE)
def plain_numbers_on_the_right(Value, draw):
    """普通的数在右边"""
    x, _ = two_values(Value, draw)
    return [derivatives(y, x) for y in (x + 2, x - 3.5, x * 4, x / 5)]


@case("Value", **VALUE)
def plain_numbers_on_the_left(Value, draw):
    """普通的数在左边"""
    x, _ = two_values(Value, draw)
    return [derivatives(y, x) for y in (2 + x, 3.5 - x, 4 * x, 5 / x, -x)]


@case("Value", **VALUE)
def powers_of_a_positive_number(Value, draw):
    """正数的幂"""
    exponents = (2, 3.5, -1, -2.5, 0.5, 1, 0)
    inputs = [Value(draw.number(0.5, 2)) for _ in exponents]
    return [derivatives(x**n, x) for x, n in zip(inputs, exponents, strict=True)]


@case("Value", **VALUE)
def powers_of_a_negative_number_and_of_zero(Value, draw):
    """负数与零的幂"""
    inputs = [Value(draw.number(-2, -0.5)) for _ in range(3)] + [Value(0.0), Value(0.0), Value(0.0)]
    return [derivatives(x**n, x) for x, n in zip(inputs, (2, 3, -3, 2, 1, 0), strict=True)]


@case("Value", **VALUE)
def each_function_at_a_random_number(Value, draw):
    """每个函数在随机点处"""
    a, b, c, d, e = (Value(draw.number(0.3, 1.5)) for _ in range(5))
    f = Value(draw.number(-1.5, -0.3))
    return [
        derivatives(y, x)
        for y, x in (
            (a.exp(), a),
            (b.log(), b),
            (c.tanh(), c),
            (d.relu(), d),
            (f.relu() + f, f),
            ((e * 2).exp().log().tanh(), e),
        )
    ]


@case("Value", **VALUE)
def the_derivative_of_relu_at_zero_is_zero(Value, draw):
    """relu 在 0 处的导数为 0"""
    x = Value(0.0)
    return derivatives(x.relu() * 5 + x * 3, x)


@case("Value", facet="numerics", **VALUE)
def tanh_of_plus_and_minus_a_thousand(Value, draw):
    """tanh 在 ±1000 处"""
    x, y = Value(1000.0), Value(-1000.0)
    return derivatives(x.tanh(), x), derivatives(y.tanh(), y)


@case("Value", facet="numerics", **VALUE)
def very_large_and_very_small_numbers(Value, draw):
    """很大与很小的数"""
    x, y = Value(draw.number(1, 2) * 1e-100), Value(draw.number(1, 2) * 1e100)
    return [derivatives(z, x, y) for z in (x / y, y / x, x * y, (x * y).log(), x - y, (-y).exp() + x)]


@case("Value", weight=2, **VALUE)
def a_value_that_is_used_many_times(Value, draw):
    """多次用到的值"""
    x, y = two_values(Value, draw)
    z = x * y
    return derivatives(z * z + z / x - x * x * x + z.tanh(), x, y, z)


@case("Value", **VALUE)
def a_node_on_a_short_and_a_long_way(Value, draw):
    """同时在短路和长路上的节点"""
    x, y = two_values(Value, draw)
    a = x * 2
    b = a * y
    c = b.tanh() + a
    return derivatives(a * c + c, x, y, a, b, c)


@case("Value", **VALUE)
def the_nodes_in_between_have_their_gradients(Value, draw):
    """中间节点也有梯度"""
    x, y = two_values(Value, draw)
    u = x * y
    w = u + x
    return derivatives(w * w, x, y, u, w)


@case("Value", weight=2, **VALUE)
def a_second_backward_adds_the_same_again(Value, draw):
    """第二次 backward 再加一遍同样的梯度"""
    x, y = two_values(Value, draw)
    u = x * y
    z = u * u + u
    z.backward()
    return derivatives(z, x, y, u, z)


@case("Value", weight=2, **VALUE)
def two_results_that_share_a_node(Value, draw):
    """两个结果共用一个节点"""
    x, y = two_values(Value, draw)
    u = x * y
    first, second = u.tanh(), u * u * x
    first.backward()
    return derivatives(second, x, y, u, first)


@case("Value", **VALUE)
def backward_from_an_input_itself(Value, draw):
    """从输入本身开始 backward"""
    x = Value(draw.number(1, 2))
    return derivatives(x, x)


@case("Value", **VALUE)
def a_value_that_was_not_used_has_no_gradient(Value, draw):
    """没有用到的值梯度为 0"""
    x, y = two_values(Value, draw)
    unused = x.exp() * y
    return derivatives(x * 3, x, y, unused)


def chain_of(count):
    """A function of `Value` that builds a chain of so many operations and goes back through it."""

    def build(Value):
        x, y = Value(0.75), Value(1.0 / count)
        z = x
        for k in range(count // 2):
            z = z * 0.9999 if k % 2 else z + y
            z = z.tanh() if k % 1000 == 0 else z - 1e-4
        z.backward()
        return z.data, x.grad, y.grad

    return build


@case("Value", weight=3, **VALUE)
def ten_thousand_operations_in_a_row(Value, draw):
    """一万次运算连成一串"""
    return Value @ Here(chain_of(10_000))


@case("Value", weight=2, **VALUE)
def two_to_the_sixtieth_ways_back(Value, draw):
    """2⁶⁰ 条反向的路"""

    def build(Value):
        x = Value(1.5)
        z = x
        for _ in range(60):
            z = z + z
        z.backward()
        return z.data, x.grad

    return Value @ Here(build)


@case("Value", **VALUE_ALONE)
def the_parents_are_what_it_was_computed_from(Value, draw):
    """parents 就是参与计算的值"""

    def build(Value):
        x, y = Value(2.0), Value(-5.0)
        product, power, curve = x * y, x**3, y.tanh()
        found = [sorted(p.data for p in z.parents) for z in (x, x + y, product, power, curve)]
        return found, [any(p is x for p in z.parents) for z in (product, power, curve)]

    return Value @ Here(build)


@case("Value", facet="interface", **VALUE)
def numbers_before_and_after_backward(Value, draw):
    """backward 前后的数"""

    def build(Value):
        x, y = Value(3), Value(0.5)
        z = x * y + x
        before = [v.data for v in (x, y, z)], [v.grad for v in (x, y, z)]
        z.backward()
        return before, [v.data for v in (x, y, z)], isinstance(x.grad, float), isinstance((x + 1).data, float)

    return Value @ Here(build)


@case("Value", facet="interface", raises=ZeroDivisionError, weight=0.5)
def division_by_zero_raises(Value, draw):
    """除以零要报错"""
    return (Value(draw.number(1, 2)) / Value(0.0)).data


@case("Value", facet="interface", raises=ValueError, weight=0.5)
def the_logarithm_of_a_negative_number_raises(Value, draw):
    """负数的对数要报错"""
    return Value(draw.number(-2, -1)).log().data


@case("Value", facet="interface", raises=ValueError, weight=0.5)
def the_root_of_a_negative_number_raises(Value, draw):
    """负数的平方根要报错"""
    return (Value(draw.number(-2, -1)) ** 0.5).data


@case("Value", facet="interface", raises=TypeError, weight=0.5)
def a_value_as_exponent_raises(Value, draw):
    """Value 作指数要报错"""
    return (Value(draw.number(1, 2)) ** Value(2.0)).data


# chain_rule


def chain_by_autograd(dy_du, du_dx):
    """What `chain_rule` is, by differentiating y(u(x)) for linear y and u."""
    x = torch.zeros(du_dx.shape[1], dtype=du_dx.dtype, requires_grad=True)
    u = torch.mv(du_dx, x)
    return torch.autograd.grad(torch.dot(dy_du, u), x, create_graph=True)[0]


@case("chain_rule", agrees_with=chain_by_autograd)
def more_inputs_than_variables_between(chain_rule, draw):
    """输入比中间变量多"""
    return chain_rule(draw.normal(3), draw.normal(3, 7))


@case("chain_rule", agrees_with=chain_by_autograd)
def a_single_variable_and_a_single_input(chain_rule, draw):
    """一个中间变量，一个输入"""
    return [chain_rule(draw.normal(m), draw.normal(m, n)) for m, n in ((1, 1), (1, 4), (4, 1))]


@case("chain_rule", facet="interface", agrees_with=chain_by_autograd)
def no_variables_between_or_no_inputs(chain_rule, draw):
    """没有中间变量，或没有输入"""
    return chain_rule(draw.normal(0), draw.normal(0, 3)), chain_rule(draw.normal(3), draw.normal(3, 0))


@case("chain_rule", facet="interface", agrees_with=chain_by_autograd)
def a_transposed_jacobian(chain_rule, draw):
    """转置得到的 Jacobian 矩阵"""
    return chain_rule(draw.strided(draw.normal(5)), draw.normal(2, 5).mT)


@case("chain_rule", facet="numerics", agrees_with=chain_by_autograd)
def large_and_tiny_derivatives(chain_rule, draw):
    """很大与很小的导数"""
    return chain_rule(draw.magnitudes(4, low=1e-12, high=1e12), draw.magnitudes(4, 3, low=1e-6, high=1e6))


@case("chain_rule", facet="gradient", agrees_with=chain_by_autograd)
def the_sum_can_be_differentiated(chain_rule, draw):
    """结果可以继续求导"""
    return gradients_of(chain_rule, draw.normal(3), draw.normal(3, 4), cotangent=draw)


@case("chain_rule", facet="interface", raises=ValueError)
def two_and_three_variables_between_are_refused(chain_rule, draw):
    """拒绝数目不同的中间变量"""
    return chain_rule(draw.normal(2), draw.normal(3, 2))


@case("chain_rule", facet="interface", raises=ValueError)
def one_derivative_is_not_repeated(chain_rule, draw):
    """一个导数不能广播成三个"""
    return chain_rule(draw.normal(1), draw.normal(3, 4))


# vjp, jacobian, jvp, hessian_vector_product


def vjp_by_dual_numbers(f, x, v):
    """What `vjp` is, from a whole Jacobian by forward-mode differentiation."""
    return torch.tensordot(v, torch.func.jacfwd(f)(x), dims=v.dim())


def vjp_by_torch(f, x, v):
    """What `vjp` is, by torch.autograd.functional."""
    return torch.autograd.functional.vjp(f, x.detach(), v)[1]


def jvp_by_torch(f, x, v):
    """What `jvp` is, by torch.autograd.functional."""
    return torch.autograd.functional.jvp(f, x, v, create_graph=x.requires_grad)[1]


def hvp_by_torch(f, x, v):
    """What `hessian_vector_product` is, by torch.autograd.functional."""
    return torch.autograd.functional.hvp(f, x, v, create_graph=x.requires_grad)[1]


jacobian_by_torch = torch.autograd.functional.jacobian


def layer(draw, inputs, outputs):
    """A layer with weights from the draw: a function whose Jacobian is not square and not symmetric."""
    weight = draw.normal(outputs, inputs, scale=inputs**-0.5)
    return lambda x: torch.tanh(x @ weight.mT) + x.sum(-1, keepdim=True) / 4


def energy(draw, inputs):
    """A scalar function whose Hessian is full and depends on x."""
    f = layer(draw, inputs, inputs + 1)
    return lambda x: (f(x) ** 2).sum() + torch.sin(x).prod()


@case("vjp", agrees_with=vjp_by_dual_numbers)
def a_batch_through_a_layer(vjp, draw):
    """一批输入穿过一层"""
    return vjp(layer(draw, 5, 3), draw.normal(2, 5), draw.normal(2, 3))


@case("vjp", agrees_with=vjp_by_torch)
def as_many_outputs_as_inputs(vjp, draw):
    """输出与输入一样多"""
    return vjp(layer(draw, 4, 4), draw.normal(4), draw.normal(4))


@case("vjp", agrees_with=vjp_by_torch)
def a_function_of_part_of_its_input(vjp, draw):
    """只用到一部分输入的函数"""
    return vjp(lambda x: x[1:3] * x[0], draw.normal(5), draw.normal(2))


@case("vjp", facet="numerics", agrees_with=vjp_by_torch)
def cotangents_large_and_tiny(vjp, draw):
    """很大与很小的余切向量"""
    v = draw.magnitudes(3, low=1e-20, high=1e20)
    return vjp(lambda x: x[:3] ** 2 * 3 - x[3], draw.normal(4), v)


@case("vjp", facet="interface", agrees_with=vjp_by_torch)
def a_function_that_does_not_depend_on_its_input(vjp, draw):
    """与输入无关的函数"""
    weight = draw.normal(3)
    x = draw.normal(2, 4)
    return (
        vjp(lambda x: weight * 2, x, draw.normal(3)),
        vjp(lambda x: weight.clone().requires_grad_() * 2, x, draw.normal(3)),
        vjp(lambda x: weight + x.sum(), x, draw.normal(3)),
    )


@case("vjp", facet="interface", agrees_with=vjp_by_torch)
def numbers_views_and_nothing(vjp, draw):
    """一个数、视图与零个数"""
    return (
        vjp(lambda x: torch.sin(x), draw.normal(), draw.normal()),
        vjp(lambda x: torch.sin(x) * 2, draw.strided(draw.normal(3, 4)), draw.normal(4, 3).mT),
        vjp(lambda x: torch.sin(x), draw.normal(0, 3), draw.normal(0, 3)),
        vjp(lambda x: x, draw.normal(4), draw.normal(4)),
    )


@case("vjp", facet="gradient", agrees_with=vjp_by_dual_numbers, weight=2)
def the_product_can_be_differentiated(vjp, draw):
    """乘积可以再求导：对 x，也对 v"""
    return gradients_of(vjp, layer(draw, 4, 3), draw.normal(4), draw.normal(3), cotangent=draw)


def leaves_no_trace(product):
    """Whether a product leaves its input, and a parameter of f, without a gradient."""
    x = torch.ones(3, dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    weight = torch.full((3,), 2.0, dtype=torch.float64, requires_grad=True)
    product(lambda z: (weight * z**2).sum(), x)
    product(lambda z: (weight * z**2).sum(), leaf)
    return x.requires_grad, leaf.requires_grad, x.grad is None, leaf.grad is None, weight.grad is None


@case("vjp", facet="interface", expected=(False, True, True, True, True), **FLOAT64)
def the_input_gets_no_grad_and_neither_do_parameters(vjp, draw):
    """输入和参数都没有留下 .grad"""
    one = torch.ones((), dtype=torch.float64)
    return vjp @ Here(lambda vjp: leaves_no_trace(lambda f, x: vjp(f, x, one)))


@case("vjp", facet="interface", raises=ValueError)
def a_cotangent_of_another_shape_is_refused(vjp, draw):
    """拒绝形状不同的余切向量"""
    return vjp(layer(draw, 4, 3), draw.normal(2, 4), draw.normal(3))


@case("vjp", facet="interface", raises=ValueError)
def a_number_is_no_cotangent_of_a_vector(vjp, draw):
    """一个数不是向量的余切向量"""
    return vjp(layer(draw, 4, 3), draw.normal(4), draw.normal())


@case("jacobian", agrees_with=jacobian_by_torch)
def a_jacobian_that_is_square(jacobian, draw):
    """方的 Jacobian 矩阵"""
    return jacobian(layer(draw, 4, 4), draw.normal(4))


@case("jacobian", agrees_with=jacobian_by_torch)
def a_scalar_of_a_matrix_and_a_matrix_of_a_scalar(jacobian, draw):
    """矩阵的标量函数，标量的矩阵函数"""
    weight = draw.normal(2, 3)
    return jacobian(lambda x: (x**3).sum(), draw.normal(3, 2)), jacobian(lambda x: torch.sin(weight * x), draw.normal())


@case("jacobian", agrees_with=jacobian_by_torch)
def outputs_of_three_dimensions(jacobian, draw):
    """三维的输出"""
    weight = draw.normal(2, 1, 3)
    return jacobian(lambda x: torch.sin(x[:, None] * weight), draw.normal(4, 3)[:2])


# torch's own jacobian fails where f(x) is empty: the shape says what is right
@case("jacobian", facet="interface")
def no_outputs_no_inputs_and_one_of_each(jacobian, draw):
    """没有输出、没有输入、各有一个"""
    return (
        jacobian(lambda x: torch.sin(x[:0]), draw.normal(3)),
        jacobian(lambda x: x.sum() + torch.zeros(2, dtype=x.dtype), draw.normal(0, 4)),
        jacobian(torch.sin, draw.normal(1)),
    )


@case("jacobian", facet="interface", agrees_with=jacobian_by_torch)
def outputs_that_do_not_depend_on_the_input(jacobian, draw):
    """有的输出与输入无关"""
    weight = draw.normal(2)
    x = draw.normal(3)
    return jacobian(lambda x: torch.cat([weight, x[:1] ** 2]), x), jacobian(lambda x: weight * 2, x)


@case("jacobian", facet="interface", agrees_with=jacobian_by_torch)
def inputs_that_are_views(jacobian, draw):
    """输入是视图"""
    return jacobian(layer(draw, 3, 2), draw.strided(draw.normal(2, 3))), jacobian(
        layer(draw, 2, 3), draw.normal(2, 4).mT
    )


@case("jacobian", facet="numerics", agrees_with=jacobian_by_torch)
def derivatives_large_and_tiny(jacobian, draw):
    """很大与很小的导数"""
    scale = draw.magnitudes(5, low=1e-15, high=1e15)
    return jacobian(lambda x: scale * torch.sin(x[:1] * 2), draw.normal(2))


def jacobian_by_dual_numbers(f, x):
    """What `jacobian` is, by forward-mode differentiation."""
    return torch.func.jacfwd(f)(x)


@case("jacobian", facet="gradient", agrees_with=jacobian_by_dual_numbers)
def the_jacobian_can_be_differentiated(jacobian, draw):
    """Jacobian 矩阵可以再求导"""
    return gradients_of(jacobian, layer(draw, 4, 3), draw.normal(4), cotangent=draw)


@case("jvp", agrees_with=jvp_by_torch)
def velocities_of_a_batch(jvp, draw):
    """一批输入的速度"""
    return jvp(layer(draw, 5, 3), draw.normal(2, 5), draw.normal(2, 5))


@case("jvp", agrees_with=jvp_by_torch)
def a_scalar_of_a_matrix_moves(jvp, draw):
    """矩阵的标量函数在变"""
    f = energy(draw, 3)
    return jvp(f, draw.normal(2, 3), draw.normal(2, 3)), jvp(lambda x: torch.sin(x), draw.normal(), draw.normal())


@case("jvp", agrees_with=jvp_by_torch)
def a_linear_function_moves_as_its_input(jvp, draw):
    """线性函数"""
    weight = draw.normal(3, 5)
    return jvp(lambda x: weight @ x, draw.normal(5), draw.normal(5))


@case("jvp", facet="numerics", agrees_with=jvp_by_torch)
def tangents_large_and_tiny(jvp, draw):
    """很大与很小的切向量"""
    return jvp(lambda x: torch.sin(x) * 3, draw.normal(4), draw.magnitudes(4, low=1e-20, high=1e20))


@case("jvp", facet="interface", agrees_with=jvp_by_torch)
def outputs_that_stand_still(jvp, draw):
    """不动的输出"""
    weight = draw.normal(3)
    x, v = draw.normal(2, 4), draw.normal(2, 4)
    return jvp(lambda x: weight * 2, x, v), jvp(lambda x: torch.cat([weight, x[0] ** 2]), x, v)


@case("jvp", facet="interface", agrees_with=jvp_by_torch)
def tangents_that_are_views_and_empty_ones(jvp, draw):
    """视图与空的切向量"""
    f = layer(draw, 3, 2)
    return jvp(f, draw.normal(3, 4).mT, draw.strided(draw.normal(4, 3))), jvp(f, draw.normal(0, 3), draw.normal(0, 3))


@case("jvp", facet="gradient", agrees_with=jvp_by_torch)
def the_velocity_can_be_differentiated(jvp, draw):
    """速度可以再求导"""
    return gradients_of(jvp, layer(draw, 4, 3), draw.normal(4), draw.normal(4), cotangent=draw)


def roughly_diagonal(x):
    """300 outputs of 300 inputs: the Jacobian and the Hessian of its sum have 90,000 entries."""
    return torch.sin(x) * x.roll(1)


@case("jvp", facet="memory", agrees_with=jvp_by_torch, **FLOAT64)
def no_jacobian_is_stored_by_jvp(jvp, draw):
    """jvp 不存储 Jacobian 矩阵"""
    return largest_tensor(jvp, roughly_diagonal, draw.normal(300), draw.normal(300)) <= 3000


@case("jvp", facet="interface", raises=ValueError)
def a_tangent_of_another_shape_is_refused(jvp, draw):
    """拒绝形状不同的切向量"""
    return jvp(layer(draw, 4, 3), draw.normal(4), draw.normal(3))


@case("hessian_vector_product", agrees_with=hvp_by_torch)
def the_curvature_of_an_energy(hessian_vector_product, draw):
    """能量函数的曲率"""
    return hessian_vector_product(energy(draw, 5), draw.normal(5), draw.normal(5))


@case("hessian_vector_product", agrees_with=hvp_by_torch)
def the_curvature_by_a_matrix(hessian_vector_product, draw):
    """对矩阵的曲率"""
    return hessian_vector_product(energy(draw, 3), draw.normal(2, 3), draw.normal(2, 3))


@case("hessian_vector_product", agrees_with=hvp_by_torch)
def a_quadratic_form_that_is_not_symmetric(hessian_vector_product, draw):
    """不对称的二次型"""
    weight = draw.normal(4, 4)
    return hessian_vector_product(lambda x: x @ weight @ x, draw.normal(4), draw.normal(4))


@case("hessian_vector_product", facet="numerics", agrees_with=hvp_by_torch)
def directions_large_and_tiny(hessian_vector_product, draw):
    """很大与很小的方向"""
    return hessian_vector_product(
        lambda x: torch.sin(x).sum() * 4, draw.normal(4), draw.magnitudes(4, low=1e-20, high=1e20)
    )


@case("hessian_vector_product", facet="interface", agrees_with=hvp_by_torch)
def a_function_without_curvature(hessian_vector_product, draw):
    """没有曲率的函数"""
    weight = draw.normal(3)
    x, v = draw.normal(3), draw.normal(3)
    return hessian_vector_product(lambda x: (weight * x).sum(), x, v), hessian_vector_product(
        lambda x: weight.sum() * 2, x, v
    )


@case("hessian_vector_product", facet="interface", agrees_with=hvp_by_torch)
def a_number_views_and_nothing(hessian_vector_product, draw):
    """一个数、视图与零个数"""
    f = energy(draw, 3)
    return (
        hessian_vector_product(lambda x: x**3, draw.normal(), draw.normal()),
        hessian_vector_product(f, draw.strided(draw.normal(2, 3)), draw.normal(3, 2).mT),
        hessian_vector_product(lambda x: (x**2).sum(), draw.normal(0, 2), draw.normal(0, 2)),
    )


@case("hessian_vector_product", facet="gradient", agrees_with=hvp_by_torch)
def the_curvature_can_be_differentiated(hessian_vector_product, draw):
    """曲率可以再求导"""
    f = layer(draw, 4, 3)
    return gradients_of(
        hessian_vector_product, lambda x: (f(x) ** 3).sum(), draw.normal(4), draw.normal(4), cotangent=draw
    )


@case("hessian_vector_product", facet="memory", agrees_with=hvp_by_torch, **FLOAT64)
def no_hessian_is_stored(hessian_vector_product, draw):
    """不存储 Hessian 矩阵"""
    x, v = draw.normal(300), draw.normal(300)
    return largest_tensor(hessian_vector_product, lambda x: roughly_diagonal(x).sum(), x, v) <= 3000


@case("hessian_vector_product", facet="interface", raises=ValueError)
def a_vector_has_no_hessian_here(hessian_vector_product, draw):
    """拒绝向量值函数"""
    return hessian_vector_product(lambda x: x**2, draw.normal(3), draw.normal(3))


@case("hessian_vector_product", facet="interface", raises=ValueError)
def a_direction_of_another_shape_is_refused(hessian_vector_product, draw):
    """拒绝形状不同的方向"""
    return hessian_vector_product(lambda x: (x**2).sum(), draw.normal(3), draw.normal(1))


# ScaledExp


class ScaledExpByTorch:
    """What `ScaledExp` is, by torch's own operations."""

    apply = staticmethod(lambda x, scale: scale * torch.exp(x))


def an_instance(ScaledExp):
    """An object with the class's `apply`: a driver reaches attributes of objects only. Torch warns of making one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ScaledExp()


@case("ScaledExp", agrees_with=ScaledExpByTorch)
def scales_positive_negative_and_zero(ScaledExp, draw):
    """正的、负的与零的系数"""
    function = an_instance(ScaledExp).apply
    return [function(draw.normal(2, 3), scale) for scale in (3.0, -0.5, 0.0, 1)]


@case("ScaledExp", facet="interface", agrees_with=ScaledExpByTorch)
def exponentials_of_any_shape(ScaledExp, draw):
    """任意形状"""
    function = an_instance(ScaledExp).apply
    return [function(x, 2.0) for x in (draw.normal(), draw.normal(0, 3), draw.strided(draw.normal(3, 5)))]


@case("ScaledExp", facet="numerics", agrees_with=ScaledExpByTorch)
def exponents_from_minus_a_hundred_to_eighty(ScaledExp, draw):
    """指数从 −100 到 80"""
    x = torch.tensor([-1000.0, -80.0, 0.3, 80.0], dtype=draw.dtype)
    function = an_instance(ScaledExp).apply
    return function(x, 2.0), gradients_of(function, x, 2.0, cotangent=draw)


@case("ScaledExp", facet="gradient", agrees_with=ScaledExpByTorch)
def gradients_through_views_and_numbers(ScaledExp, draw):
    """视图与单个数的梯度"""
    function = an_instance(ScaledExp).apply
    return [gradients_of(function, x, 0.7, cotangent=draw) for x in (draw.normal(), draw.normal(5, 3).mT)]


@case("ScaledExp", facet="gradient", agrees_with=ScaledExpByTorch)
def a_gradient_inside_a_longer_graph(ScaledExp, draw):
    """处在更长的计算图中"""
    x = draw.normal(3, 4)

    def build(e):
        leaf = x.clone().requires_grad_()
        y = torch.sin(e.apply(leaf * 2, 1.5)) + e.apply(torch.tanh(e.apply(leaf, -0.5)), 3.0)
        return torch.autograd.grad(y.sum(), leaf)

    return an_instance(ScaledExp) @ Here(build)


@case("ScaledExp", facet="gradient", agrees_with=ScaledExpByTorch, weight=2)
def gradcheck_and_gradgradcheck_agree(ScaledExp, draw):
    """gradcheck 与 gradgradcheck 通过"""
    x = draw.normal(2, 3)

    def build(e):
        leaf = x.clone().requires_grad_()
        checks = torch.autograd.gradcheck, torch.autograd.gradgradcheck
        return [check(e.apply, (leaf, 1.5), raise_exception=False) for check in checks]

    return an_instance(ScaledExp) @ Here(build)


@case("ScaledExp", facet="gradient", agrees_with=ScaledExpByTorch, weight=2)
def three_derivatives_in_a_row(ScaledExp, draw):
    """连求三次导"""
    x, v = draw.normal(3), draw.normals(3, (3,))

    def build(e):
        leaf = x.clone().requires_grad_()
        found = [e.apply(leaf, 1.5)]
        for cotangent in v:
            found += torch.autograd.grad(found[-1], leaf, cotangent, create_graph=True)
        return [t.detach() for t in found]

    return an_instance(ScaledExp) @ Here(build)


# detach_product


def frozen_by_no_grad(x):
    """What `detach_product` is, with the square computed where nothing is recorded."""
    with torch.no_grad():
        square = torch.square(x)
    return torch.mul(square, x)


@case("detach_product", agrees_with=frozen_by_no_grad)
def cubes_of_any_shape(detach_product, draw):
    """任意形状的立方"""
    return [detach_product(x) for x in (draw.normal(), draw.normal(1, 1, 3), draw.normal(0, 2), draw.normal(7))]


@case("detach_product", facet="interface", agrees_with=frozen_by_no_grad)
def cubes_of_a_view(detach_product, draw):
    """视图的立方"""
    return detach_product(draw.strided(draw.normal(3, 5))), detach_product(draw.normal(4, 3).mT)


@case("detach_product", facet="numerics", agrees_with=frozen_by_no_grad)
def cubes_large_and_tiny(detach_product, draw):
    """很大与很小的立方"""
    return detach_product(draw.magnitudes(2, 6, low=1e-9, high=1e9) * torch.tensor([[1], [-1]]))


@case("detach_product", facet="gradient", agrees_with=frozen_by_no_grad, weight=2)
def gradients_at_negative_numbers_and_zero(detach_product, draw):
    """负数与零处的梯度"""
    x = draw.normal(3, 5)
    x[1] = -x[1].abs()
    x[2, 2] = 0
    return gradients_of(detach_product, x, cotangent=draw), gradients_of(detach_product, draw.normal(), cotangent=draw)


# control_flow


def flow_by_logarithm(a):
    """What `control_flow` is, from the number of doublings, which the norm tells."""
    norm = float(torch.linalg.vector_norm(a.detach().double()))
    doublings = max(1, math.ceil(math.log2(1000 / norm)))
    return a * 2.0**doublings * (1 if a.sum() > 0 else 100)


@case("control_flow", agrees_with=flow_by_logarithm)
def vectors_whose_norm_decides(control_flow, draw):
    """由范数决定的向量"""
    a = draw.uniform(7, low=0.1, high=2)
    return control_flow(a), control_flow(-a.reshape(7, 1)), control_flow(draw.normal(2, 3).abs())


@case("control_flow", agrees_with=flow_by_logarithm)
def a_norm_of_exactly_a_thousand_stops(control_flow, draw):
    """范数恰为 1000 时停下"""
    inputs = [[125.0], [-500.0], [150.0, 200.0], [500.25], [499.75], [31.28125]]
    return [control_flow(torch.tensor(numbers, dtype=draw.dtype)) for numbers in inputs]


@case("control_flow", agrees_with=flow_by_logarithm)
def large_inputs_are_doubled_once(control_flow, draw):
    """很大的输入只加倍一次"""
    a = draw.uniform(3, low=600, high=5000)
    return control_flow(a), control_flow(-a)


@case("control_flow", agrees_with=flow_by_logarithm)
def sums_that_are_zero_or_nearly(control_flow, draw):
    """和为零或接近零"""
    inputs = [[1.0, -1.0], [800.0, -799.75], [-800.0, 799.75], [600.0, -600.0]]
    return [control_flow(torch.tensor(numbers, dtype=draw.dtype)) for numbers in inputs]


@case("control_flow", facet="numerics", agrees_with=flow_by_logarithm)
def inputs_as_small_as_a_millionth(control_flow, draw):
    """小到百万分之一的输入"""
    a = draw.magnitudes(4, low=1e-8, high=1e-5)
    return control_flow(a), control_flow(-a)


@case("control_flow", facet="gradient", agrees_with=flow_by_logarithm, weight=2)
def gradients_of_vectors(control_flow, draw):
    """向量的梯度"""
    a = draw.uniform(5, low=0.1, high=2)
    return [gradients_of(control_flow, x, cotangent=draw) for x in (a, -a, a[:1] * 1000)]


@case("control_flow", facet="interface", agrees_with=flow_by_logarithm)
def an_input_that_is_a_view(control_flow, draw):
    """输入是视图"""
    return control_flow(draw.strided(draw.uniform(3, 4, low=0.1, high=2)))


@case("control_flow", facet="interface", raises=ValueError)
def zero_never_reaches_a_thousand(control_flow, draw):
    """零永远到不了 1000"""
    return control_flow(torch.zeros(3, dtype=draw.dtype))


# mlp_backward


def mlp_by_autograd(x, y, w1, b1, w2, b2):
    """What `mlp_backward` is, by torch.autograd."""
    leaves = [p.detach().clone().requires_grad_() for p in (w1, b1, w2, b2)]
    loss = F.mse_loss(F.linear(F.relu(F.linear(x, leaves[0], leaves[1])), leaves[2], leaves[3]), y)
    return loss.detach(), *torch.autograd.grad(loss, leaves)


def network(draw, batch, inputs, hidden, outputs):
    """Inputs, targets and weights of a network with one hidden layer."""
    w1, w2 = draw.normal(hidden, inputs, scale=inputs**-0.5), draw.normal(outputs, hidden, scale=hidden**-0.5)
    x, y = draw.normal(batch, inputs), draw.normal(batch, outputs)
    return x, y, w1, draw.normal(hidden, scale=0.3), w2, draw.normal(outputs, scale=0.3)


@case("mlp_backward", agrees_with=mlp_by_autograd)
def all_sizes_odd_and_unequal(mlp_backward, draw):
    """各个大小都是奇数，互不相同"""
    return mlp_backward(*network(draw, 11, 5, 7, 3))


@case("mlp_backward", agrees_with=mlp_by_autograd)
def all_sizes_equal(mlp_backward, draw):
    """各个大小都相等"""
    return mlp_backward(*network(draw, 4, 4, 4, 4))


@case("mlp_backward", agrees_with=mlp_by_autograd)
def one_of_each(mlp_backward, draw):
    """各只有一个"""
    x, y, w1, b1, w2, b2 = network(draw, 1, 1, 1, 1)
    return mlp_backward(x.abs(), y, w1.abs(), b1.abs(), w2, b2)


@case("mlp_backward", agrees_with=mlp_by_autograd)
def units_that_are_exactly_zero(mlp_backward, draw):
    """恰好为零的单元"""
    x, y, w1, b1, w2, b2 = network(draw, 6, 3, 5, 2)
    w1[1], b1[1] = 0, 0
    x[2], b1[3] = 0, 0
    return mlp_backward(x, y, w1, b1, w2, b2)


@case("mlp_backward", agrees_with=mlp_by_autograd)
def units_that_are_dead(mlp_backward, draw):
    """“死”的单元"""
    x, y, w1, b1, w2, b2 = network(draw, 6, 3, 5, 2)
    b1[2:] = -100
    return mlp_backward(x, y, w1, b1, w2, b2)


# float64: the large terms of a sum over the batch may cancel
@case("mlp_backward", facet="numerics", agrees_with=mlp_by_autograd, **FLOAT64)
def inputs_large_and_targets_tiny(mlp_backward, draw):
    """输入很大，目标很小"""
    x, y, *weights = network(draw, 5, 3, 4, 2)
    return mlp_backward(x * 1e4, y * 1e-4, *weights), mlp_backward(x * 1e-4, y * 1e4, *weights)


@case("mlp_backward", facet="interface", agrees_with=mlp_by_autograd)
def weights_and_inputs_that_are_views(mlp_backward, draw):
    """权重与输入是视图"""
    x, y, w1, b1, w2, b2 = network(draw, 5, 3, 4, 2)
    return mlp_backward(draw.strided(x), y.mT.contiguous().mT, draw.strided(w1), b1, w2.mT.contiguous().mT, b2)


@case("mlp_backward", facet="interface", raises=ValueError)
def targets_without_their_last_dimension_are_refused(mlp_backward, draw):
    """拒绝缺了最后一维的目标"""
    x, y, *weights = network(draw, 5, 3, 4, 1)
    return mlp_backward(x, y[:, 0], *weights)


@case("mlp_backward", facet="interface", raises=ValueError)
def one_target_for_all_points_is_refused(mlp_backward, draw):
    """拒绝所有点共用一个目标"""
    x, y, *weights = network(draw, 5, 3, 4, 2)
    return mlp_backward(x, y[:1], *weights)


@case("mlp_backward", facet="interface", raises=ValueError)
def targets_with_more_columns_are_refused(mlp_backward, draw):
    """拒绝列数更多的目标"""
    x, _, *weights = network(draw, 5, 3, 4, 1)
    return mlp_backward(x, draw.normal(5, 3), *weights)


# taylor


def exponential_series(f, x0, degree):
    """e^{x0} / k!, the coefficients of e^x."""
    return torch.stack([torch.exp(x0) / math.factorial(k) for k in range(degree + 1)])


def geometric_series(f, x0, degree):
    """(1 − x0)^{−k−1}, the coefficients of 1/(1 − x)."""
    return torch.stack([(1 - x0) ** (-k - 1) for k in range(degree + 1)])


def quartic_series(f, x0, degree):
    """The coefficients of x⁴ − 3x² around x0, by the binomial theorem."""
    powers = [x0**4 - 3 * x0**2, 4 * x0**3 - 6 * x0, 6 * x0**2 - 3, 4 * x0, torch.ones_like(x0)]
    return torch.stack(powers + [torch.zeros_like(x0)] * max(0, degree - 4))[: degree + 1]


@case("taylor", agrees_with=exponential_series)
def seven_terms_of_an_exponential(taylor, draw):
    """指数函数的七项"""
    return taylor(torch.exp, draw.normal(), 6)


@case("taylor", agrees_with=geometric_series)
def five_terms_of_a_fraction(taylor, draw):
    """分式的五项"""
    return taylor(lambda x: 1 / (1 - x), draw.uniform(low=-1, high=0.5), 5)


@case("taylor", agrees_with=quartic_series, weight=2)
def a_polynomial_beyond_its_degree(taylor, draw):
    """超过多项式自身次数的展开"""
    return taylor(lambda x: x**4 - 3 * x**2, draw.normal(), 7), taylor(lambda x: x**4 - 3 * x**2, draw.normal(), 3)


@case("taylor", facet="numerics", agrees_with=quartic_series)
def a_polynomial_far_from_zero(taylor, draw):
    """远离零的多项式"""
    x0 = draw.uniform(low=1e3, high=2e3)
    return taylor(lambda x: x**4 - 3 * x**2, x0, 5), taylor(lambda x: x**4 - 3 * x**2, -x0, 2)


@case("taylor", agrees_with=exponential_series)
def degree_zero_and_degree_one(taylor, draw):
    """零次与一次"""
    x0 = draw.normal()
    return taylor(torch.exp, x0, 0), taylor(torch.exp, x0, 1)


def constant_series(f, x0, degree):
    """The value, then zeros."""
    return torch.cat([f(x0)[None], torch.zeros(degree, dtype=x0.dtype)])


@case("taylor", facet="interface", agrees_with=constant_series)
def a_constant_has_one_coefficient(taylor, draw):
    """常数函数只有一个系数"""
    number = draw.normal()
    return taylor(lambda x: number * 2, draw.normal(), 3)


@case("taylor", facet="numerics", agrees_with=exponential_series)
def a_factorial_that_int32_does_not_hold(taylor, draw):
    """int32 放不下的阶乘"""
    return taylor(torch.exp, draw.normal() + 20, 14)


@case("taylor", facet="gradient", agrees_with=geometric_series, weight=2)
def the_coefficients_can_be_differentiated(taylor, draw):
    """系数可以对展开中心求导"""
    return gradients_of(taylor, lambda x: 1 / (1 - x), draw.uniform(low=-1, high=0.5), 4, cotangent=draw)


@case("taylor", facet="interface", raises=ValueError)
def a_negative_degree_is_refused(taylor, draw):
    """拒绝负的次数"""
    return taylor(torch.exp, draw.normal(), -1)


# train_network


def training_by_torch(points, targets, w1, b1, w2, b2, steps, lr):
    """What `train_network` is, by torch.autograd in float64."""
    w1, b1, w2, b2 = parameters = [p.detach().clone().double().requires_grad_() for p in (w1, b1, w2, b2)]
    losses = []
    for _ in range(steps):
        loss = F.mse_loss(torch.tanh(points.double() @ w1.mT + b1) @ w2 + b2, targets.double())
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, gradient in zip(parameters, gradients, strict=True):
                p -= lr * gradient
    trained = torch.tensor(losses, dtype=torch.float64), *(p.detach() for p in parameters)
    return tuple(t.to(points.dtype) for t in trained)


def training(draw, points, inputs, hidden):
    """Points, targets and weights to begin with."""
    x = draw.uniform(points, inputs, low=-1, high=1)
    weights = draw.normal(hidden, inputs), draw.normal(hidden), draw.normal(hidden), draw.normal()
    return x, draw.normal(points), *weights


@case("train_network", agrees_with=training_by_torch, weight=2)
def thirty_steps_on_seven_points(train_network, draw):
    """七个点上的三十步"""
    return train_network(*training(draw, 7, 2, 3), steps=30, lr=0.05)


@case("train_network", agrees_with=training_by_torch)
def three_inputs_and_five_units(train_network, draw):
    """三个输入，五个单元"""
    return train_network(*training(draw, 4, 3, 5), steps=4, lr=0.1)


@case("train_network", agrees_with=training_by_torch)
def a_single_point(train_network, draw):
    """只有一个点"""
    return train_network(*training(draw, 1, 1, 2), steps=3, lr=0.1)


@case("train_network", agrees_with=training_by_torch)
def no_steps_leave_the_parameters(train_network, draw):
    """零步时参数不变"""
    return train_network(*training(draw, 3, 2, 2), steps=0, lr=0.1)


@case("train_network", facet="numerics", agrees_with=training_by_torch)
def units_that_are_saturated(train_network, draw):
    """饱和的单元"""
    x, y, w1, b1, w2, b2 = training(draw, 5, 2, 3)
    b1[0], b1[1] = 1000, -1000
    return train_network(x, y, w1, b1, w2, b2, steps=3, lr=0.1)


@case("train_network", facet="interface", agrees_with=training_by_torch)
def points_and_weights_that_are_views(train_network, draw):
    """点与权重是视图"""
    x, y, w1, b1, w2, b2 = training(draw, 5, 2, 3)
    return train_network(draw.strided(x), draw.strided(y), w1.mT.contiguous().mT, b1, w2, b2, steps=2, lr=0.1)


@case("train_network", facet="interface", raises=ValueError)
def five_points_and_four_targets_are_refused(train_network, draw):
    """拒绝五个点、四个目标"""
    x, y, *weights = training(draw, 5, 2, 3)
    return train_network(x, y[:4], *weights, steps=2, lr=0.1)


@case("train_network", facet="interface", raises=ValueError)
def four_points_and_five_targets_are_refused(train_network, draw):
    """拒绝四个点、五个目标"""
    x, y, *weights = training(draw, 5, 2, 3)
    return train_network(x[:4], y, *weights, steps=2, lr=0.1)
