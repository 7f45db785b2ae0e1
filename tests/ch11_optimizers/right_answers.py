"""Right answers to chapter 11 that look nothing like the reference; the tests must accept them."""

import math
from collections import deque

import torch

from autograder.cases import right


class Optimizer:
    """Stands for the chapter's own class of this name, which an answer that names it gets from reference.py."""


@right("gradient_descent")
def by_backward_on_a_leaf(f, x0, lr, steps):
    """With a leaf, backward() and .grad set back."""
    if steps < 0:
        raise ValueError("steps")
    x = torch.nn.Parameter(x0.clone())
    path = torch.empty(steps + 1, *x0.shape, dtype=x0.dtype)
    path[0] = x0
    for k in range(steps):
        x.grad = None
        f(x).backward()
        x.data.sub_(x.grad, alpha=lr)
        path[k + 1] = x.data
    return path


@right("Optimizer")
class FillsTheGroupsByHand:
    """With setdefault, as torch itself does."""

    def __init__(self, params, defaults):
        if torch.is_tensor(params):
            raise TypeError("not one tensor")
        self.defaults = defaults
        self.param_groups = []
        params = [*params]
        if len(params) == 0:
            raise ValueError("empty")
        for entry in params if type(params[0]) is dict else [dict(params=params)]:
            group = entry.copy()
            group["params"] = [*entry["params"]]
            for name, value in defaults.items():
                group.setdefault(name, value)
            self.param_groups.append(group)

    def zero_grad(self, set_to_none=True):
        for p in (p for group in self.param_groups for p in group["params"]):
            p.grad = None


@right("SGD")
class WithBuffersAsTorchHasThem(Optimizer):
    """In place on copies, and no buffer where there is no momentum."""

    def __init__(self, params, lr=1e-3, momentum=0, *, weight_decay=0, nesterov=False):
        for value in (lr, momentum, weight_decay):
            if value < 0:
                raise ValueError("negative")
        if nesterov and not momentum:
            raise ValueError("nesterov")
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov})
        self.state = {}

    def step(self):
        for group in self.param_groups:
            mu = group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                d = p.grad.clone()
                if group["weight_decay"] != 0:
                    d.add_(p.data, alpha=group["weight_decay"])
                if mu != 0:
                    if id(p) in self.state:
                        self.state[id(p)].mul_(mu).add_(d)
                    else:
                        self.state[id(p)] = d.clone()
                    if group["nesterov"]:
                        d.add_(self.state[id(p)], alpha=mu)
                    else:
                        d = self.state[id(p)]
                p.data.add_(d, alpha=-group["lr"])


@right("Adagrad")
class OnItsOwn:
    """Without the base class, the sums made at once."""

    def __init__(self, params, lr=1e-2, *, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
        if lr < 0 or weight_decay < 0 or initial_accumulator_value < 0 or eps < 0:
            raise ValueError("negative")
        params = list(params)
        if not isinstance(params[0], dict):
            params = [{"params": params}]
        own = dict(lr=lr, weight_decay=weight_decay, initial_accumulator_value=initial_accumulator_value, eps=eps)
        self.param_groups = [own | group | {"params": list(group["params"])} for group in params]
        self.sums = [
            [torch.full_like(p, group["initial_accumulator_value"]) for p in group["params"]]
            for group in self.param_groups
        ]

    def zero_grad(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def step(self):
        with torch.no_grad():
            for group, sums in zip(self.param_groups, self.sums, strict=True):
                for p, total in zip(group["params"], sums, strict=True):
                    if p.grad is not None:
                        g = p.grad.add(p, alpha=group["weight_decay"])
                        total.addcmul_(g, g)
                        p.addcdiv_(g, total.sqrt().add_(group["eps"]), value=-group["lr"])


@right("RMSprop")
class ByInterpolation(Optimizer):
    """The average by lerp, the state beside the parameters."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0):
        if any(value < 0 for value in (lr, alpha, eps, weight_decay)):
            raise ValueError("negative")
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay})
        for group in self.param_groups:
            group["squares"] = [torch.zeros_like(p) for p in group["params"]]

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p, square in zip(group["params"], group["squares"], strict=True):
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                square.lerp_(g.square(), 1 - group["alpha"])
                p.addcdiv_(g, square.sqrt() + group["eps"], value=-group["lr"])


@right("Adam")
class WithTheCorrectionInTheStepSize(Optimizer):
    """As torch computes it: the corrections are numbers, the tensors are changed in place."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        if lr < 0 or eps < 0 or weight_decay < 0 or any(not 0 <= beta < 1 for beta in betas):
            raise ValueError("out of range")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.state = {}

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p not in self.state:
                    self.state[p] = {"step": 0, "m": torch.zeros_like(p), "v": torch.zeros_like(p)}
                state = self.state[p]
                state["step"] += 1
                g = p.grad.add(p, alpha=group["weight_decay"])
                state["m"].lerp_(g, 1 - b1)
                state["v"].mul_(b2).addcmul_(g, g, value=1 - b2)
                scale = math.sqrt(1 - b2 ** state["step"])
                denominator = state["v"].sqrt().div_(scale).add_(group["eps"])
                p.addcdiv_(state["m"], denominator, value=-group["lr"] / (1 - b1 ** state["step"]))


@right("AdamW")
class ShrinksFirst(Optimizer):
    """Shrinks the parameter first, then takes Adam's step, as torch does."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        if lr < 0 or eps < 0 or weight_decay < 0 or any(not 0 <= beta < 1 for beta in betas):
            raise ValueError("out of range")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.state = {}

    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                g = p.grad
                if g is None:
                    continue
                t, m, v = self.state.get(p, (1, torch.zeros_like(g), torch.zeros_like(g)))
                m = torch.lerp(m, g, 1 - b1)
                v = torch.lerp(v, g**2, 1 - b2)
                self.state[p] = (t + 1, m, v)
                p.data.mul_(1 - group["lr"] * group["weight_decay"])
                p.data.sub_(group["lr"] * (m / (1 - b1**t)) / (torch.sqrt(v / (1 - b2**t)) + group["eps"]))


@right("clip_grad_norm")
def by_one_long_vector(grads, max_norm):
    """All gradients in one vector, whose norm is written out."""
    if max_norm < 0:
        raise ValueError("max_norm")
    flat = torch.cat([g.reshape(-1) for g in grads])
    norm = (flat * flat).sum().sqrt()
    factor = torch.minimum(max_norm / (norm + 1e-6), torch.ones_like(norm))
    return [g * factor for g in grads], norm


@right("cosine_schedule")
def by_the_half_angle(step, total, lr_max, lr_min=0.0, warmup=0):
    """With cos² of half the angle, as an interpolation."""
    if step < 0 or warmup < 0 or warmup >= total:
        raise ValueError("out of range")
    if warmup and step <= warmup:
        return step / warmup * lr_max
    if step >= total:
        return lr_min
    weight = math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2
    return weight * lr_max + (1 - weight) * lr_min


@right("lbfgs_direction")
def by_recursion(grad, s, y):
    """H applied to a vector by calling itself: the newest update around the older ones."""
    if s.shape != y.shape:
        raise ValueError("shapes")

    def apply(vector, pairs):
        if pairs == 0:
            return vector if len(s) == 0 else vector * (torch.dot(s[-1], y[-1]) / torch.dot(y[-1], y[-1]))
        s_i, y_i = s[pairs - 1], y[pairs - 1]
        rho = 1 / torch.dot(s_i, y_i)
        inner = apply(vector - rho * torch.dot(s_i, vector) * y_i, pairs - 1)
        return inner - rho * torch.dot(y_i, inner) * s_i + rho * torch.dot(s_i, vector) * s_i

    return -apply(grad, len(s))


@right("minimize_lbfgs")
def with_a_queue_and_strong_conditions(f, x0, history=10, tolerance=1e-7, max_steps=500):
    """Pairs in a queue, its own two loops, and a search that also refuses a slope that is steep the other way."""

    def evaluate(point):
        leaf = point.detach().requires_grad_()
        value = f(leaf)
        return value.item(), torch.autograd.grad(value, leaf)[0]

    x = x0.detach().clone()
    value, gradient = evaluate(x)
    pairs = deque(maxlen=history)
    for _ in range(max_steps):
        if float(gradient.abs().max()) <= tolerance:
            return x
        d, alphas = -gradient, []
        for s, y, rho in reversed(pairs):
            alphas.append(rho * torch.dot(s, d))
            d = d - alphas[-1] * y
        if pairs:
            s, y, _ = pairs[-1]
            d = d * (torch.dot(s, y) / torch.dot(y, y))
        for s, y, rho in pairs:
            d = d + (alphas.pop() - rho * torch.dot(y, d)) * s
        slope = float(torch.dot(gradient, d))
        low, high, t = 0.0, math.inf, 1.0 if pairs else min(1.0, 1.0 / float(gradient.abs().sum()))
        for _ in range(60):
            new_value, new_gradient = evaluate(x + t * d)
            new_slope = float(torch.dot(new_gradient, d))
            if math.isnan(new_value) or new_value > value + 1e-4 * t * slope or new_slope > -0.9 * slope:
                high = t
            elif new_slope < 0.9 * slope:
                low = t
            else:
                break
            t = 2 * t if math.isinf(high) else 0.5 * (low + high)
        s, y = t * d, new_gradient - gradient
        if float(torch.dot(s, y)) <= 0:
            return x
        pairs.append((s, y, 1 / torch.dot(s, y)))
        x, value, gradient = x + s, new_value, new_gradient
    return x


@right("lagrange_equality")
def by_projection(q, c, a, b):
    """With the projection P onto the null space of A: a particular solution, then the free minimum there."""
    if torch.linalg.matrix_rank(a) < len(b):
        raise ValueError("dependent equations")
    pinv = a.mT @ torch.linalg.inv(a @ a.mT)
    row = pinv @ a
    p = torch.eye(len(c), dtype=q.dtype) - row
    x = pinv @ b
    x = x - p @ torch.linalg.solve(p @ q @ p + row, p @ (c + q @ x))
    return x, -pinv.mT @ (q @ x + c)
