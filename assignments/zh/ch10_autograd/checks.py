"""The visible checks of chapter 10: what a student sees on pressing check. Draws are fixed and public."""

import graphlib
import math
import warnings

import numpy as np
import scipy.interpolate
import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import vjp as gradients_of

# what takes gradients, by name and by what runs
AUTOGRAD = ("grad", "backward", "vjp", "vhp", "jvp", "hvp", "hessian", "jacobian", "jac*", "grad_and_value")
# what gives such a product ready-made; forward-mode differentiation runs on dual numbers
READY_MADE = ("vjp", "vhp", "jvp", "hvp", "hessian", "jacobian", "jac*", "linearize", "*_dual", "dual_level")

RULES = {
    "numerical_gradient": Rules(forbids=(*AUTOGRAD, "*_dual", "approx_fprime", "approx_derivative")),
    "Value": Rules(forbids=("*tensor", "asarray", "full", "zeros", "ones", "empty", "Parameter", "requires_grad")),
    "vjp": Rules(forbids=READY_MADE),
    "jacobian": Rules(forbids=READY_MADE),
    "jvp": Rules(forbids=READY_MADE),
    "hessian_vector_product": Rules(forbids=READY_MADE),
    "mlp_backward": Rules(forbids=(*AUTOGRAD, "*_dual", "requires_grad")),
    "taylor": Rules(forbids=(*READY_MADE, "jet", "approximate_taylor_polynomial", "taylor", "diff", "derivative")),
    "train_network": Rules(forbids=("requires_grad", "Parameter", *READY_MADE)),
}


def derivative_by_numpy(f, x, h):
    """What `numerical_derivative` is, by numpy.gradient: at the middle of three points it is the central difference."""
    values = torch.stack([f(x - h), f(x), f(x + h)])
    return torch.as_tensor(np.gradient(values.numpy(), h, axis=0)[1]).to(x.dtype)


@case("numerical_derivative", agrees_with=derivative_by_numpy)
def a_cubic_with_a_step_of_a_tenth(numerical_derivative, draw):
    """三次函数，步长 0.1"""
    return numerical_derivative(lambda x: x**3 - 2 * x, draw.normal(5), 0.1)


@case("numerical_derivative", agrees_with=derivative_by_numpy)
def a_sine_with_a_step_of_a_half(numerical_derivative, draw):
    """正弦函数，步长 0.5"""
    return numerical_derivative(torch.sin, draw.normal(2, 3), 0.5)


def gradient_by_autograd(f, x):
    """What `numerical_gradient` estimates, by torch.autograd.grad."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


# two thirds of the dtype's digits are asked for
ESTIMATED = {"rtol": 1e-7, "atol": 1e-7, "dtypes": (torch.float64,)}


@case("numerical_gradient", agrees_with=gradient_by_autograd, **ESTIMATED)
def every_coordinate_has_its_derivative(numerical_gradient, draw):
    """每个坐标都有自己的偏导数"""
    slope = draw.normal(5)
    return numerical_gradient(lambda x: (torch.sin(x) * slope).sum() + x[0] * x[1], draw.normal(5))


@case("numerical_gradient", agrees_with=gradient_by_autograd, **ESTIMATED)
def the_gradient_has_the_shape_of_a_matrix(numerical_gradient, draw):
    """对矩阵的梯度，形状与矩阵相同"""
    return numerical_gradient(lambda x: torch.tanh(x @ x.mT).sum(), draw.normal(3, 2))


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


@case("topological_order", agrees_with=order_by_graphlib, dtypes=(torch.float64,))
def parents_come_before_what_they_feed(topological_order, draw):
    """父节点排在它们的结果之前"""
    return what_orders_share(topological_order, [[], [], [0, 1], [2], [2, 1], [3, 4]])


@case("topological_order", agrees_with=order_by_graphlib, dtypes=(torch.float64,))
def a_node_used_twice_is_listed_once(topological_order, draw):
    """用到两次的节点只列一次"""
    return what_orders_share(topological_order, [[], [0, 0], [1, 0]])


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


def derivatives(result, *inputs):
    """The result's number, and after its backward the gradients of the inputs."""
    result.backward()
    return result.data, [x.grad for x in inputs]


@case("Value", **VALUE)
def a_product_plus_a_number(Value, draw):
    """乘积加上一个数"""
    x, y = Value(draw.number(1, 2)), Value(draw.number(-2, -1))
    return derivatives(x * y + 3, x, y)


@case("Value", **VALUE)
def a_value_used_twice_adds_up_its_gradients(Value, draw):
    """用到两次的值，梯度累加"""
    x = Value(draw.number(1, 2))
    return derivatives(x * x + x, x)


@case("Value", **VALUE)
def a_chain_of_functions(Value, draw):
    """函数的复合"""
    x = Value(draw.number(0.5, 1))
    return derivatives(((x.exp() + 1).log().tanh() / 2).relu() ** 3, x)


def chain_by_autograd(dy_du, du_dx):
    """What `chain_rule` is, by differentiating y(u(x)) for linear y and u."""
    x = torch.zeros(du_dx.shape[1], dtype=du_dx.dtype, requires_grad=True)
    u = torch.mv(du_dx, x)
    return torch.autograd.grad(torch.dot(dy_du, u), x, create_graph=True)[0]


@case("chain_rule", agrees_with=chain_by_autograd)
def three_ways_from_each_of_two_inputs(chain_rule, draw):
    """两个输入，各有三条路"""
    return chain_rule(draw.normal(3), draw.normal(3, 2))


@case("chain_rule", agrees_with=chain_by_autograd)
def as_many_inputs_as_variables_between(chain_rule, draw):
    """输入与中间变量一样多"""
    return chain_rule(draw.normal(4), draw.normal(4, 4))


def vjp_by_dual_numbers(f, x, v):
    """What `vjp` is, from a whole Jacobian by forward-mode differentiation."""
    return torch.tensordot(v, torch.func.jacfwd(f)(x), dims=v.dim())


def jvp_by_dual_numbers(f, x, v):
    """What `jvp` is, by forward-mode differentiation."""
    return torch.func.jvp(f, (x,), (v,))[1]


def jacobian_by_dual_numbers(f, x):
    """What `jacobian` is, by forward-mode differentiation."""
    return torch.func.jacfwd(f)(x)


def hvp_by_dual_numbers(f, x, v):
    """What `hessian_vector_product` is: the gradient's derivative along v, by forward-mode differentiation."""
    return torch.func.jvp(torch.func.grad(f), (x,), (v,))[1]


def layer(draw, inputs, outputs):
    """A layer with weights from the draw: a function whose Jacobian is not square and not symmetric."""
    weight = draw.normal(outputs, inputs, scale=inputs**-0.5)
    return lambda x: torch.tanh(x @ weight.mT) + x.sum(-1, keepdim=True) / 4


@case("vjp", agrees_with=vjp_by_dual_numbers)
def a_cotangent_goes_back_through_a_layer(vjp, draw):
    """余切向量穿过一层传回去"""
    return vjp(layer(draw, 4, 3), draw.normal(4), draw.normal(3))


@case("vjp", agrees_with=vjp_by_dual_numbers)
def a_scalar_result_and_a_number_as_cotangent(vjp, draw):
    """结果是标量，余切向量是一个数"""
    return vjp(lambda x: (x**3).sum(), draw.normal(5), draw.normal())


@case("jacobian", agrees_with=jacobian_by_dual_numbers)
def three_outputs_by_four_inputs(jacobian, draw):
    """三个输出，四个输入"""
    return jacobian(layer(draw, 4, 3), draw.normal(4))


@case("jacobian", agrees_with=jacobian_by_dual_numbers)
def a_matrix_by_a_matrix_has_four_dimensions(jacobian, draw):
    """矩阵对矩阵的导数有四维"""
    return jacobian(layer(draw, 3, 2), draw.normal(4, 3))


@case("jvp", agrees_with=jvp_by_dual_numbers)
def the_speed_of_three_outputs(jvp, draw):
    """三个输出的变化速度"""
    return jvp(layer(draw, 4, 3), draw.normal(4), draw.normal(4))


@case("jvp", agrees_with=jvp_by_dual_numbers)
def a_square_jacobian_is_not_its_transpose(jvp, draw):
    """方的 Jacobian 矩阵不等于它的转置"""
    return jvp(layer(draw, 4, 4), draw.normal(4), draw.normal(4))


@case("hessian_vector_product", agrees_with=hvp_by_dual_numbers)
def the_curvature_of_a_polynomial(hessian_vector_product, draw):
    """多项式的曲率"""
    return hessian_vector_product(lambda x: (x[0] ** 3 * x[1] + x[1] * x[2] ** 2).sum(), draw.normal(3), draw.normal(3))


@case("hessian_vector_product", agrees_with=hvp_by_dual_numbers)
def the_curvature_of_a_layer(hessian_vector_product, draw):
    """一层网络的曲率"""
    f = layer(draw, 4, 3)
    return hessian_vector_product(lambda x: (f(x) ** 2).sum(), draw.normal(4), draw.normal(4))


class ScaledExpByTorch:
    """What `ScaledExp` is, by torch's own operations."""

    apply = staticmethod(lambda x, scale: scale * torch.exp(x))


class Here:
    """A function of this file that is run where an object lives: `thing @ Here(function)` is function(thing)."""

    def __init__(self, function):
        self.function = function

    def __call__(self, thing):
        return self.function(thing)

    __rmatmul__ = __call__


def an_instance(ScaledExp):
    """An object with the class's `apply`: a driver reaches attributes of objects only. Torch warns of making one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ScaledExp()


def differentiated_twice(f, x, first, second):
    """The gradient of ⟨f(x), first⟩, and the gradient of ⟨that, second⟩ by x and by `first`."""
    x, first = x.clone().requires_grad_(), first.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(x), x, first, create_graph=True)
    return gradient, torch.autograd.grad(gradient, (x, first), second)


@case("ScaledExp", agrees_with=ScaledExpByTorch)
def the_exponential_is_scaled(ScaledExp, draw):
    """指数函数乘以系数"""
    return an_instance(ScaledExp).apply(draw.normal(3, 4), 2.5)


@case("ScaledExp", facet="gradient", agrees_with=ScaledExpByTorch)
def its_gradient_is_right(ScaledExp, draw):
    """梯度正确"""
    return gradients_of(an_instance(ScaledExp).apply, draw.normal(3, 4), -1.5, cotangent=draw)


@case("ScaledExp", facet="gradient", agrees_with=ScaledExpByTorch)
def the_gradient_has_a_gradient(ScaledExp, draw):
    """梯度的梯度也正确"""
    x, first, second = draw.normal(3, 4), draw.normal(3, 4), draw.normal(3, 4)
    return an_instance(ScaledExp) @ Here(lambda e: differentiated_twice(lambda x: e.apply(x, 2.5), x, first, second))


class Frozen(torch.autograd.Function):
    """x³ with the gradient that `detach_product` has, written as a function of torch's own."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x**2


def frozen(x):
    """What `detach_product` is."""
    return Frozen.apply(x)


@case("detach_product", agrees_with=frozen)
def the_values_are_cubes(detach_product, draw):
    """值是立方"""
    return detach_product(draw.normal(3, 4))


@case("detach_product", facet="gradient", agrees_with=frozen)
def the_gradient_is_a_square_without_a_three(detach_product, draw):
    """梯度是平方，没有系数 3"""
    return gradients_of(detach_product, draw.normal(3, 4), cotangent=draw)


def flow_by_logarithm(a):
    """What `control_flow` is, from the number of doublings, which the norm tells."""
    norm = float(torch.linalg.vector_norm(a.detach().double()))
    doublings = max(1, math.ceil(math.log2(1000 / norm)))
    return a * 2.0**doublings * (1 if a.sum() > 0 else 100)


@case("control_flow", agrees_with=flow_by_logarithm)
def doubled_until_the_norm_is_a_thousand(control_flow, draw):
    """加倍到范数至少为 1000"""
    a = draw.uniform(low=0.5, high=3)
    return control_flow(a), control_flow(-a)


@case("control_flow", facet="gradient", agrees_with=flow_by_logarithm)
def the_gradient_follows_the_branch_taken(control_flow, draw):
    """梯度沿着实际走过的分支"""
    a = draw.uniform(low=0.5, high=3)
    return gradients_of(control_flow, a, cotangent=draw), gradients_of(control_flow, -a, cotangent=draw)


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
def five_points_four_hidden_units(mlp_backward, draw):
    """五个点，四个隐藏单元"""
    return mlp_backward(*network(draw, 5, 3, 4, 2))


@case("mlp_backward", agrees_with=mlp_by_autograd)
def a_batch_of_one(mlp_backward, draw):
    """批量为 1"""
    return mlp_backward(*network(draw, 1, 2, 5, 1))


def taylor_by_scipy(f, x0, degree):
    """What `taylor` is, by scipy.interpolate.approximate_taylor_polynomial, which samples f around x0."""
    polynomial = scipy.interpolate.approximate_taylor_polynomial(
        lambda x: f(torch.as_tensor(x)).numpy(), x0.item(), degree, scale=1.0, order=degree + 12
    )
    # highest power first, and none that is zero at the front
    lowest_first = torch.as_tensor(polynomial.coeffs[::-1].copy())
    return torch.cat([lowest_first, torch.zeros(degree + 1 - len(lowest_first))]).to(x0.dtype)


# SciPy samples f on an interval of length 1 and fits a polynomial: to about ten digits
SAMPLED = {"agrees_with": taylor_by_scipy, "rtol": 1e-6, "atol": 1e-6, "dtypes": (torch.float64,)}


@case("taylor", **SAMPLED)
def four_terms_of_an_exponential(taylor, draw):
    """指数函数的四次展开"""
    return taylor(torch.exp, draw.normal(scale=0.5), 4)


@case("taylor", **SAMPLED)
def a_product_away_from_zero(taylor, draw):
    """不以零为中心的乘积"""
    return taylor(lambda x: x * torch.sin(x), draw.uniform(low=1, high=2), 5)


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


@case("train_network", agrees_with=training_by_torch)
def three_steps_on_five_points(train_network, draw):
    """五个点上的三步"""
    return train_network(*training(draw, 5, 2, 3), steps=3, lr=0.1)


@case("train_network", agrees_with=training_by_torch)
def one_step_with_one_hidden_unit(train_network, draw):
    """一个隐藏单元的一步"""
    return train_network(*training(draw, 4, 1, 1), steps=1, lr=0.5)
