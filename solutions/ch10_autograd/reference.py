"""Reference answers of chapter 10, automatic differentiation."""

import itertools
import math
from collections.abc import Callable, Sequence
from operator import mul
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def numerical_derivative(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"], h: float
) -> Float[Tensor, "*shape"]:
    """Estimate f′(x) from two values of f, by the central difference.

    f′(x) ≈ (f(x + h) − f(x − h)) / 2h                                              (10.2)

    Args:
        f: a function of one number, written for tensors: it acts on each element.
        x: where the derivative is wanted; any shape.
        h: the step, positive, the same for every element.

    Returns:
        the estimate at each element, with its error of order h²; the shape and dtype of `x`, and differentiable
        with respect to `x` where f is.

    Raises:
        ValueError: `h` is not positive.

    Source: d2l, calculus; agrees with `numpy.gradient` on three points.
    """
    if h <= 0:
        raise ValueError(f"h must be positive, got {h}")
    return (f(x + h) - f(x - h)) / (2 * h)


def numerical_gradient(f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Estimate all partial derivatives of a scalar function, by central differences in one coordinate at a time.

    ∂f/∂x_i ≈ (f(x + h_i e_i) − f(x − h_i e_i)) / 2h_i                              (10.3)

    Args:
        f: a function from a tensor of the shape of `x` to a scalar tensor; smooth, on the scale of max(1, |x_i|).
        x: where the gradient is wanted; any shape, any magnitude. It is left as it is.

    Returns:
        the gradient, the shape and dtype of `x`. You choose each h_i: two thirds of the dtype's digits are to
        be right (10 in float64, 4 in float32), for coordinates of 10⁶ and of 10⁻¹² too.

    Raises:
        ValueError: f(x) is not a scalar (torch's own error for that is as good).

    Source: d2l, calculus; agrees with `torch.autograd.grad`.
    """
    step = torch.finfo(x.dtype).eps ** (1 / 3) * torch.maximum(x.abs(), torch.ones_like(x))
    gradient = torch.empty_like(x)
    for index in itertools.product(*map(range, x.shape)):
        ahead, behind = x.clone(), x.clone()
        ahead[index] += step[index]
        behind[index] -= step[index]
        # x + h is rounded: what was really added counts
        gradient[index] = (f(ahead) - f(behind)) / (ahead[index] - behind[index])
    return gradient


def topological_order(root: Any) -> list:
    """List everything that a result was computed from, each node after its parents.

    A node is any object with an attribute `parents`: the nodes that it was computed from, none for an input.

    Args:
        root: the node of the result. Its graph may be 10,000 nodes deep, and a node may be reached on many ways.

    Returns:
        a list of the nodes themselves, each once, parents before what they feed; `root` comes last.

    Source: depth-first search; agrees with `graphlib.TopologicalSorter`.
    """
    order: list = []
    seen = set()
    waiting = [(root, False)]
    while waiting:
        node, parents_listed = waiting.pop()
        if parents_listed:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((parent, False) for parent in node.parents)
    return order


class Value:
    """A number that remembers what it was computed from, and can find its derivatives by all of it.

    Attributes:
        data: the number, a Python float.
        grad: the derivatives by this number that `backward` has added so far; 0.0 at first.
        parents: the values that this one was computed from, none for an input.

    In `+ − * /` the other operand may be a `Value` or a plain number, on either side.

    Source: Atlas 10.1; A. Karpathy, micrograd; agrees with `torch.autograd`.
    """

    def __init__(self, data: float, sources: Sequence[tuple["Value", float]] = ()):
        """Begin with a gradient of zero.

        Args:
            data: the number.
            sources: each parent with ∂self/∂parent. This is one way to keep the local derivatives; you may take
                another, as long as `Value(data)` makes an input.
        """
        self.data = float(data)
        self.grad = 0.0
        self.sources = sources
        self.parents = [parent for parent, _ in sources]

    def __add__(self, other: "Value | float") -> "Value":
        """a + b"""
        b = other if isinstance(other, Value) else Value(other)
        return Value(self.data + b.data, [(self, 1.0), (b, 1.0)])

    def __mul__(self, other: "Value | float") -> "Value":
        """a · b"""
        b = other if isinstance(other, Value) else Value(other)
        return Value(self.data * b.data, [(self, b.data), (b, self.data)])

    def __truediv__(self, other: "Value | float") -> "Value":
        """a / b; dividing by zero raises ZeroDivisionError."""
        b = other if isinstance(other, Value) else Value(other)
        ratio = self.data / b.data
        return Value(ratio, [(self, 1 / b.data), (b, -ratio / b.data)])

    def __pow__(self, exponent: float) -> "Value":
        """aⁿ for a plain number n; a Value as exponent raises TypeError, a root of a negative number ValueError."""
        slope = exponent * math.pow(self.data, exponent - 1) if exponent else 0.0
        return Value(math.pow(self.data, exponent), [(self, slope)])

    def __neg__(self) -> "Value":
        """−a"""
        return Value(-self.data, [(self, -1.0)])

    def __sub__(self, other: "Value | float") -> "Value":
        """a − b"""
        return self + -other

    def __radd__(self, other: float) -> "Value":
        """b + a for a plain number b"""
        return self + other

    def __rsub__(self, other: float) -> "Value":
        """b − a for a plain number b"""
        return -self + other

    def __rmul__(self, other: float) -> "Value":
        """b · a for a plain number b"""
        return self * other

    def __rtruediv__(self, other: float) -> "Value":
        """b / a for a plain number b"""
        return Value(other) / self

    def exp(self) -> "Value":
        """e to the power a"""
        y = math.exp(self.data)
        return Value(y, [(self, y)])

    def log(self) -> "Value":
        """The natural logarithm of a; ValueError unless a is positive."""
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def tanh(self) -> "Value":
        """tanh a, also for a = ±1000."""
        y = math.tanh(self.data)
        return Value(y, [(self, 1 - y * y)])

    def relu(self) -> "Value":
        """max(0, a), with derivative 0 at 0."""
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self) -> None:
        """Add ∂self/∂node to the `grad` of every node that this value was computed from, itself included.

        Every call adds once more, as in torch: two calls give twice the gradient, and after calls on two
        results that share nodes every grad is the sum of the two. Works for 10,000 nodes in a row.
        """
        cotangents = {id(self): 1.0}
        for node in reversed(topological_order(self)):
            cotangent = cotangents[id(node)]
            node.grad += cotangent
            for parent, slope in node.sources:
                cotangents[id(parent)] = cotangents.get(id(parent), 0.0) + cotangent * slope


def chain_rule(dy_du: Float[Tensor, " m"], du_dx: Float[Tensor, "m n"]) -> Float[Tensor, " n"]:
    """Derivatives of y(u(x)) for a scalar y: the sum over all ways from x_i to y.

    ∂y/∂x_i = Σ_j ∂y/∂u_j · ∂u_j/∂x_i                                               (10.4)

    Args:
        dy_du: the derivatives of y by the m intermediate variables.
        du_dx: the Jacobian of the intermediate variables by the n inputs.

    Returns:
        the derivatives of y by the inputs, differentiable with respect to both arguments.

    Raises:
        ValueError: the two do not have the same m (torch's own error for that is as good).

    Source: d2l, calculus; agrees with `torch.autograd`.
    """
    return dy_du @ du_dx


def vjp(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "*inputs"], v: Float[Tensor, "*outputs"]
) -> Float[Tensor, "*inputs"]:
    """The vector-Jacobian product: what a backward pass computes, without the Jacobian.

    (vᵀJ)_j = Σ_i v_i ∂f_i/∂x_j                                                     (10.1)

    Args:
        f: a differentiable function from a tensor to a tensor.
        x: where to differentiate. It is left as it is: it gets no .grad, nor does anything that f uses.
        v: the cotangent, of the shape of f(x).

    Returns:
        vᵀJ, of the shape of `x`; zeros if f does not depend on x. It can itself be differentiated, with
        respect to `x` and to `v`.

    Raises:
        ValueError: `v` does not have the shape of f(x) (torch's own error for that is as good).

    Source: Atlas 10.1; agrees with `torch.autograd.functional.vjp`.
    """
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    y = f(x)
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, v, create_graph=True, materialize_grads=True)[0]


def jacobian(f: Callable[[Tensor], Tensor], x: Float[Tensor, "*inputs"]) -> Float[Tensor, "*outputs_inputs"]:
    """The whole Jacobian, row by row: the vector-Jacobian product with each unit vector.

    J_ij = ∂f_i/∂x_j                                                                (10.1)

    Args:
        f: a differentiable function from a tensor to a tensor.
        x: where to differentiate.

    Returns:
        the derivatives of every output by every input: the shape of f(x), followed by the shape of `x`. It can
        itself be differentiated with respect to `x`.

    Source: Atlas 10.1; agrees with `torch.autograd.functional.jacobian`.
    """
    y = f(x)
    units = y.new_zeros(y.numel(), y.numel()).fill_diagonal_(1)
    rows = [vjp(f, x, unit.reshape(y.shape)) for unit in units]
    return torch.stack(rows).reshape(*y.shape, *x.shape) if rows else x.new_zeros(*y.shape, *x.shape)


def jvp(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "*inputs"], v: Float[Tensor, "*inputs"]
) -> Float[Tensor, "*outputs"]:
    """The Jacobian-vector product: how fast f(x) changes when x moves with velocity v.

    (Jv)_i = Σ_j ∂f_i/∂x_j v_j                                                      (10.5)

    Reverse mode gives uᵀJ. As a function of u that is linear, and its own vector-Jacobian product is Jv: this is
    the double-backward trick, which needs neither the Jacobian nor forward-mode differentiation.

    Args:
        f: a differentiable function from a tensor to a tensor.
        x: where to differentiate.
        v: the tangent, of the shape of `x`.

    Returns:
        Jv, of the shape of f(x); zeros if f does not depend on x. No tensor made on the way is as large as the
        Jacobian. It can itself be differentiated, with respect to `x` and to `v`.

    Raises:
        ValueError: `v` does not have the shape of `x` (torch's own error for that is as good).

    Source: J. Townsend, A new trick for calculating Jacobian vector products; agrees with
        `torch.autograd.functional.jvp`.
    """
    return vjp(lambda u: vjp(f, x, u), torch.zeros_like(f(x)), v)


def hessian_vector_product(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "*inputs"], v: Float[Tensor, "*inputs"]
) -> Float[Tensor, "*inputs"]:
    """The product of the Hessian of a scalar function with a vector: the curvature along v, without the Hessian.

    (Hv)_i = Σ_j ∂²f/∂x_i∂x_j v_j                                                   (10.6)

    Args:
        f: a function from a tensor to a scalar tensor, twice differentiable.
        x: where to differentiate.
        v: of the shape of `x`.

    Returns:
        Hv, of the shape of `x`; zeros where f is linear. No tensor made on the way is as large as the Hessian.
        It can itself be differentiated, with respect to `x` and to `v`.

    Raises:
        ValueError: f(x) is not a scalar, or `v` does not have the shape of `x` (torch's own errors are as good).

    Source: Pearlmutter 1994; agrees with `torch.autograd.functional.hvp`.
    """
    one = x.new_ones(())
    return vjp(lambda z: vjp(f, z, one), x, v)


class ScaledExp(torch.autograd.Function):
    """scale · eˣ as one node of torch's own graph, with a backward written by hand.

    y = scale · eˣ,   vᵀJ = v ⊙ ∂y/∂x                                               (10.7)

    `ScaledExp.apply(x, scale)` computes y and tells autograd how to go back. It passes
    `torch.autograd.gradcheck` and `gradgradcheck`: the backward can be differentiated too.

    Source: agrees with `scale * torch.exp(x)`.
    """

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*shape"], scale: float) -> Float[Tensor, "*shape"]:
        """Compute y, and save for `backward` what it needs.

        Args:
            ctx: autograd's notes on this call; tensors are kept with `ctx.save_for_backward`.
            x: any shape.
            scale: a plain number.

        Returns:
            the shape and dtype of `x`.
        """
        y = scale * torch.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, "*shape"], None]:
        """Turn the gradient by y into one gradient for each argument of `forward`.

        Args:
            ctx: what `forward` noted; the saved tensors are `ctx.saved_tensors`.
            grad_output: v, the gradient of the loss by y.

        Returns:
            the gradient by `x`, and None for `scale`, which is no tensor.
        """
        (y,) = ctx.saved_tensors
        return grad_output * y, None


def detach_product(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Multiply x by its square, which counts as a constant for the gradient.

    u = x · x,   z = detach(u) · x                                                  (10.8)

    Args:
        x: any shape; the product acts on each element.

    Returns:
        z, the shape and dtype of `x`: the values are x³, the gradient by x is u.

    Source: d2l, automatic differentiation.
    """
    return (x * x).detach() * x


def control_flow(a: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """A function that loops and branches on its input, and still has a gradient.

    b = 2a, doubled as long as ‖b‖ < 1000; the result is b if the sum of b is positive, and 100 b otherwise.

    Args:
        a: any shape of at least one element; ‖·‖ is the root of the sum of the squares of all elements.

    Returns:
        the shape and dtype of `a`; differentiable.

    Raises:
        ValueError: every element of `a` is zero, so that doubling would never end.

    Source: d2l, automatic differentiation.
    """
    if not a.any():
        raise ValueError("a is zero: no doubling takes its norm to 1000")
    b = 2 * a
    while torch.linalg.vector_norm(b) < 1000:
        b = 2 * b
    return b if b.sum() > 0 else 100 * b


def mlp_backward(
    x: Float[Tensor, "batch inputs"],
    y: Float[Tensor, "batch outputs"],
    w1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, " hidden"],
    w2: Float[Tensor, "outputs hidden"],
    b2: Float[Tensor, " outputs"],
) -> tuple[
    Float[Tensor, ""],
    Float[Tensor, "hidden inputs"],
    Float[Tensor, " hidden"],
    Float[Tensor, "outputs hidden"],
    Float[Tensor, " outputs"],
]:
    """The loss of a network with one hidden layer, and its gradients, by hand.

    h = ReLU(x w1ᵀ + b1),   ŷ = h w2ᵀ + b2,   L = mean of (ŷ − y)² over batch and outputs      (10.9)

    Args:
        x: inputs, at least one row.
        y: targets, of the shape of ŷ.
        w1, b1, w2, b2: weights and biases, as `nn.Linear` keeps them.

    Returns:
        L, ∂L/∂w1, ∂L/∂b1, ∂L/∂w2, ∂L/∂b2; the derivative of ReLU at 0 is 0.

    Raises:
        ValueError: `y` does not have the shape of ŷ. (batch,) against (batch, 1) would broadcast to a matrix.

    Source: Rumelhart, Hinton and Williams 1986; agrees with `torch.autograd`.
    """
    z = x @ w1.mT + b1
    h = z.clamp(min=0)
    output = h @ w2.mT + b2
    if y.shape != output.shape:
        raise ValueError(f"y has shape {tuple(y.shape)}, the network's output {tuple(output.shape)}")
    error = output - y
    grad_output = 2 * error / error.numel()
    grad_z = (grad_output @ w2) * (z > 0)
    return error.square().mean(), grad_z.mT @ x, grad_z.sum(0), grad_output.mT @ h, grad_output.sum(0)


def taylor(f: Callable[[Tensor], Tensor], x0: Float[Tensor, ""], degree: int) -> Float[Tensor, "degree+1"]:
    """The coefficients of the Taylor polynomial of f around x0, by differentiating again and again.

    f(x) ≈ Σ_{k=0}^{degree} c_k (x − x0)ᵏ,   c_k = f⁽ᵏ⁾(x0) / k!                    (10.10)

    Args:
        f: a function of one number, from a scalar tensor to a scalar tensor, as smooth as `degree` asks.
        x0: the centre, a scalar tensor.
        degree: the highest power, 0 or more.

    Returns:
        c_0, c_1, …, c_degree, the lowest power first; the dtype of `x0`, differentiable with respect to it. The
        coefficients of a polynomial beyond its own degree are 0.

    Raises:
        ValueError: `degree` is negative.

    Source: agrees with `scipy.interpolate.approximate_taylor_polynomial`, which samples f instead.
    """
    if degree < 0:
        raise ValueError(f"degree must not be negative, got {degree}")
    one = torch.ones_like(x0)
    derivatives = [f]
    for _ in range(degree):
        derivatives.append(lambda x, g=derivatives[-1]: vjp(g, x, one))
    return torch.stack([g(x0) / math.factorial(k) for k, g in enumerate(derivatives)])


def train_network(
    points: Float[Tensor, "n inputs"],
    targets: Float[Tensor, " n"],
    w1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, " hidden"],
    w2: Float[Tensor, " hidden"],
    b2: Float[Tensor, ""],
    steps: int,
    lr: float,
) -> tuple[
    Float[Tensor, " steps"],
    Float[Tensor, "hidden inputs"],
    Float[Tensor, " hidden"],
    Float[Tensor, " hidden"],
    Float[Tensor, ""],
]:
    """Train a network with one hidden layer by gradient descent, with your own `Value` as the only engine.

    ŷ = Σ_k w2_k tanh(Σ_j w1_kj x_j + b1_k) + b2                                    (10.11)
    L = mean of (ŷ − target)² over the points;   θ ← θ − lr ∂L/∂θ for all parameters at once

    Args:
        points: the inputs x, one row a point.
        targets: one number for each point.
        w1, b1, w2, b2: where the parameters begin; left as they are.
        steps: how many steps to take; the graph is built anew in each.
        lr: the learning rate.

    Returns:
        the losses, each taken before its step, then w1, b1, w2, b2 after the last step. All in the dtype of `w1`,
        computed in Python's floats.

    Raises:
        ValueError: there is not one target for each point.

    Source: Atlas 10.1; agrees with the same loop in torch.
    """
    if len(points) != len(targets):
        raise ValueError(f"{len(points)} points, but {len(targets)} targets")
    rows = [[Value(w) for w in row] for row in w1.tolist()]
    biases = [Value(b) for b in b1.tolist()]
    heights = [Value(w) for w in w2.tolist()]
    shift = Value(b2.item())
    parameters = [*itertools.chain(*rows), *biases, *heights, shift]

    def squared_error(point: list[float], target: float) -> Value:
        hidden = map(lambda row, bias: sum(map(mul, row, point), bias).tanh(), rows, biases)
        return (sum(map(mul, heights, hidden), shift) - target) ** 2

    losses = []
    for _ in range(steps):
        loss = sum(map(squared_error, points.tolist(), targets.tolist())) / len(points)
        losses.append(loss.data)
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data -= lr * p.grad
    trained = [[w.data for w in row] for row in rows], [b.data for b in biases], [w.data for w in heights], shift.data
    return w1.new_tensor(losses), *map(w1.new_tensor, trained)
