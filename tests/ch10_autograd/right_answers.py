"""Right answers to chapter 10 that look nothing like the reference; the tests must accept them."""

import math

import torch

from autograder.cases import right


@right("numerical_derivative")
def as_the_mean_of_both_one_sided_slopes(f, x, h):
    """The mean of the slopes ahead and behind is the central difference."""
    if not h > 0:
        raise ValueError("h")
    here = f(x)
    return ((f(x + h) - here) / h + (here - f(x - h)) / h) / 2


@right("numerical_gradient")
def with_unit_vectors_over_flattened_coordinates(f, x):
    """Flat coordinates, and a step that is a power of two, so that nothing is rounded when it is added."""
    flat = x.detach().reshape(-1)
    found = []
    for i in range(flat.numel()):
        scale = max(1.0, abs(flat[i].item()))
        h = 2.0 ** round(math.log2(torch.finfo(x.dtype).eps ** (1 / 3) * scale))
        e = torch.zeros_like(flat)
        e[i] = h
        found.append((f((flat + e).reshape(x.shape)) - f((flat - e).reshape(x.shape))) / (2 * h))
    return torch.stack(found).reshape(x.shape) if found else torch.zeros_like(x)


@right("numerical_gradient")
def with_four_points_in_each_coordinate(f, x):
    """The formula of order h⁴."""
    gradient = torch.zeros(x.shape, dtype=x.dtype)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in x.shape)).reshape(-1, x.dim()) if x.dim() else [()]:
        index = tuple(int(i) for i in index)
        h = torch.finfo(x.dtype).eps ** 0.25 * float(x[index].abs().clamp(min=1)) / 2
        values = []
        for steps in (-2, -1, 1, 2):
            moved = x.clone()
            moved[index] = moved[index] + steps * h
            values.append(f(moved))
        gradient[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return gradient


@right("topological_order")
def by_counting_the_uses_of_each_node(root):
    """Kahn's algorithm: a node may go when everything that it feeds has gone."""
    uses, waiting, nodes = {}, [root], {id(root): root}
    while waiting:
        for parent in waiting.pop().parents:
            uses[id(parent)] = uses.get(id(parent), 0) + 1
            if id(parent) not in nodes:
                nodes[id(parent)] = parent
                waiting.append(parent)
    order, ready = [], [root]
    while ready:
        node = ready.pop()
        order.append(node)
        for parent in node.parents:
            uses[id(parent)] -= 1
            if uses[id(parent)] == 0:
                ready.append(parent)
    order.reverse()
    return order


@right("topological_order")
def with_iterators_on_a_stack(root):
    """Depth-first, each node on the stack with the parents that are still to be visited."""
    order, seen, stack = [], {root}, [(root, iter(root.parents))]
    while stack:
        node, parents = stack[-1]
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                stack.append((parent, iter(parent.parents)))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def topological_order(root):
    """Stands for the chapter's own function of this name, which an answer that names it gets from reference.py."""
    raise NotImplementedError


@right("Value")
class WithClosures:
    """As micrograd has it: every operation leaves a function that passes a gradient on to its parents."""

    def __init__(self, data, parents=()):
        self.data = float(data)
        self.grad = 0.0
        self.parents = set(parents)
        self.pass_on = lambda gradient: []

    @classmethod
    def of(cls, other):
        return other if isinstance(other, cls) else cls(other)

    def __add__(self, other):
        other = self.of(other)
        out = type(self)(self.data + other.data, (self, other))
        out.pass_on = lambda gradient: [(self, gradient), (other, gradient)]
        return out

    def __mul__(self, other):
        other = self.of(other)
        out = type(self)(self.data * other.data, (self, other))
        out.pass_on = lambda gradient: [(self, gradient * other.data), (other, gradient * self.data)]
        return out

    def __pow__(self, n):
        if not isinstance(n, (int, float)):
            raise TypeError("exponent")
        power = self.data**n
        if isinstance(power, complex):
            raise ValueError("a root of a negative number")
        out = type(self)(power, (self,))
        out.pass_on = lambda gradient: [(self, gradient * n * self.data ** (n - 1) if n != 0 else 0.0)]
        return out

    def exp(self):
        out = type(self)(math.exp(self.data), (self,))
        out.pass_on = lambda gradient: [(self, gradient * out.data)]
        return out

    def log(self):
        out = type(self)(math.log(self.data), (self,))
        out.pass_on = lambda gradient: [(self, gradient / self.data)]
        return out

    def tanh(self):
        out = type(self)(math.tanh(self.data), (self,))
        out.pass_on = lambda gradient: [(self, gradient * (1 - out.data**2))]
        return out

    def relu(self):
        out = type(self)(self.data if self.data > 0 else 0, (self,))
        out.pass_on = lambda gradient: [(self, gradient if self.data > 0 else 0.0)]
        return out

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-self.of(other))

    def __rsub__(self, other):
        return self.of(other) - self

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * self.of(other) ** -1

    def __rtruediv__(self, other):
        return self.of(other) * self**-1

    def backward(self):
        order = topological_order(self)
        before = [node.grad for node in order]
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, gradient in node.pass_on(node.grad):
                parent.grad += gradient
        for node, old in zip(order, before, strict=True):
            node.grad += old


@right("chain_rule")
def by_summing_scaled_rows(dy_du, du_dx):
    """Row by row of the Jacobian."""
    if dy_du.shape[0] != du_dx.shape[0]:
        raise ValueError("m")
    return (dy_du.unsqueeze(1) * du_dx).sum(dim=0)


@right("chain_rule")
def by_einsum(dy_du, du_dx):
    """The sum over j, written out."""
    if dy_du.shape != du_dx.shape[:1]:
        raise ValueError("m")
    return torch.einsum("j,ji->i", dy_du, du_dx)


@right("vjp")
def by_differentiating_an_inner_product(f, x, v):
    """The gradient of ⟨f(x), v⟩."""
    x = x if x.requires_grad else x.clone().requires_grad_(True)
    y = f(x)
    if y.shape != v.shape:
        raise ValueError("v")
    if not y.requires_grad:
        return x.new_zeros(x.shape)
    (gradient,) = torch.autograd.grad(torch.sum(y * v), [x], create_graph=True, allow_unused=True)
    return gradient if gradient is not None else torch.zeros_like(x)


@right("jacobian")
def by_autograd_on_one_graph(f, x):
    """One forward pass, and a backward pass through its graph for each output."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    y = f(x)
    result = torch.zeros(y.shape + x.shape, dtype=y.dtype)
    if not y.requires_grad or not y.numel():
        return result
    rows = []
    for output in y.reshape(-1).unbind():
        (row,) = torch.autograd.grad(output, x, create_graph=True, allow_unused=True)
        rows.append(torch.zeros_like(x) if row is None else row)
    return torch.stack(rows).view(result.shape)


@right("jvp")
def by_two_passes_written_out(f, x, v):
    """torch.autograd.grad twice, the second time by the cotangent of the first."""
    if v.shape != x.shape:
        raise ValueError("v")
    z = x if x.requires_grad else x.detach().requires_grad_()
    y = f(z)
    if not y.requires_grad:
        return torch.zeros_like(y)
    u = torch.ones_like(y).requires_grad_()
    (product,) = torch.autograd.grad(y, z, u, create_graph=True)
    return torch.autograd.grad((product * v).sum(), u, create_graph=True)[0]


@right("hessian_vector_product")
def by_the_gradient_of_an_inner_product(f, x, v):
    """∇⟨∇f, v⟩, with torch.autograd.grad."""
    if v.shape != x.shape:
        raise ValueError("v")
    z = x if x.requires_grad else x.detach().requires_grad_()
    y = f(z)
    if y.dim():
        raise ValueError("f(x) is not a scalar")
    if not y.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(y, z, create_graph=True)
    directional = (gradient * v).sum()
    if not directional.requires_grad:
        return torch.zeros_like(x)
    (product,) = torch.autograd.grad(directional, z, create_graph=True, allow_unused=True)
    return torch.zeros_like(x) if product is None else product


@right("hessian_vector_product")
def by_the_jacobian_vector_product_of_the_gradient(f, x, v):
    """H is the Jacobian of the gradient, so Hv is its jvp."""
    if f(x).dim():
        raise ValueError("f(x) is not a scalar")
    return jvp(lambda z: vjp(f, z, torch.ones_like(f(z))), x, v)


@right("ScaledExp")
class WithSetupContext(torch.autograd.Function):
    """forward without ctx, and the input saved instead of the output."""

    @staticmethod
    def forward(x, scale):
        return torch.exp(x).mul(scale)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.scale = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, v):
        (x,) = ctx.saved_tensors
        return v * ctx.scale * x.exp(), None


@right("detach_product")
def by_data(x):
    """Powers, and the old way of detaching."""
    return x.data.pow(2) * x


@right("control_flow")
def by_counting_doublings(a):
    """The factor is counted first, and applied once."""
    norm = a.detach().double().square().sum().sqrt().item()
    if norm == 0:
        raise ValueError("zero")
    factor = 2.0
    while norm * factor < 1000:
        factor *= 2
    if not (a.detach().sum() * factor) > 0:
        factor *= 100
    return a * factor


@right("mlp_backward")
def by_einsum_over_the_batch(x, y, w1, b1, w2, b2):
    """Every sum written out with einsum, and the mask multiplied in early."""
    pre = torch.einsum("bi,hi->bh", x, w1) + b1
    on = torch.gt(pre, 0).to(x.dtype)
    hidden = pre * on
    out = torch.einsum("bh,oh->bo", hidden, w2) + b2
    if out.shape != y.shape:
        raise ValueError("y")
    difference = out - y
    delta2 = difference * (2 / difference.numel())
    delta1 = torch.einsum("bo,oh,bh->bh", delta2, w2, on)
    return (
        (difference**2).sum() / difference.numel(),
        torch.einsum("bh,bi->hi", delta1, x),
        torch.einsum("bh->h", delta1),
        torch.einsum("bo,bh->oh", delta2, hidden),
        torch.einsum("bo->o", delta2),
    )


@right("taylor")
def by_dividing_after_every_differentiation(f, x0, degree):
    """c_k is the derivative of c_{k−1} divided by k."""
    if degree < 0:
        raise ValueError("degree")
    x = x0 if x0.requires_grad else x0.detach().requires_grad_()
    coefficient = f(x)
    found = [coefficient]
    for k in range(1, degree + 1):
        if coefficient.requires_grad:
            (slope,) = torch.autograd.grad(coefficient, x, create_graph=True, allow_unused=True)
        else:
            slope = None
        coefficient = torch.zeros_like(x0) if slope is None else slope / k
        found.append(coefficient)
    return torch.stack(found)


@right("train_network")
def point_by_point_with_one_list_of_parameters(points, targets, w1, b1, w2, b2, steps, lr):
    """One flat list of values that is made anew in every step, and a backward for each point."""
    n, d = points.shape
    if targets.shape[0] != n:
        raise ValueError("targets")
    m = b1.shape[0]
    numbers = [*w1.flatten().tolist(), *b1.tolist(), *w2.tolist(), float(b2)]
    losses = []
    for _ in range(steps):
        theta = [Value(number) for number in numbers]
        total = 0.0
        for x, t in zip(points.tolist(), targets.tolist(), strict=True):
            y = theta[-1]
            for k in range(m):
                z = theta[m * d + k]
                for j in range(d):
                    z = z + theta[k * d + j] * x[j]
                y = y + z.tanh() * theta[m * d + m + k]
            loss = (y - t) * (y - t) * (1 / n)
            loss.backward()
            total += loss.data
        losses.append(total)
        numbers = [p.data - lr * p.grad for p in theta]
    result = torch.tensor(numbers, dtype=torch.float64).to(w1.dtype)
    first, second, third, fourth = result.split([m * d, m, m, 1])
    return torch.tensor(losses, dtype=torch.float64).to(w1.dtype), first.reshape(m, d), second, third, fourth.squeeze()
