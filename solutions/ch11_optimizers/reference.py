"""Reference answers of chapter 11, optimizers."""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def gradient_descent(
    f: Callable[[Tensor], Tensor], x0: Float[Tensor, "*shape"], lr: float, steps: int
) -> Float[Tensor, "steps+1 *shape"]:
    """Walk down a function by steps along its negative gradient.

    x_{k+1} = x_k − η ∇f(x_k)                                                       (11.4)

    Args:
        f: a differentiable function from a tensor of the shape of `x0` to a scalar tensor.
        x0: where the walk begins.
        lr: the learning rate η.
        steps: how many steps to take.

    Returns:
        x_0, x_1, …, x_steps, stacked along a new first dimension, without a graph; the dtype of `x0`.

    Raises:
        ValueError: `steps` is negative, or f(x) is not a scalar (torch's own error for that is as good).

    Source: gradient descent; agrees with `torch.optim.SGD` in a loop.
    """
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    path = [x0.detach().clone()]
    for _ in range(steps):
        path.append(path[-1] - lr * torch.func.grad(f)(path[-1]))
    return torch.stack(path)


class Optimizer:
    """What every optimizer of this chapter shares: parameter groups, and gradients set back to None.

    Each later class inherits from it and adds the hyperparameters and the step of its formula.

    Attributes:
        param_groups: a list of dicts. Each has its parameters, a list, under "params" and every hyperparameter under
            its own name ("lr", …). `step` reads them there every time, so that a schedule may write a new
            value into `param_groups[i]["lr"]` between two steps.

    Source: agrees with `torch.optim.Optimizer`.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[dict], defaults: dict):
        """Sort the parameters into groups.

        Args:
            params: the tensors to optimize, or dicts such as {"params": tensors, "lr": 0.1}: groups whose own
                values go before the defaults. Any iterable, a generator such as `model.parameters()` too,
                which can be read only once.
            defaults: the hyperparameters of every group that does not name its own; left as it is.

        Raises:
            TypeError: `params` is one tensor (iterating over it would give its rows).
            ValueError: `params` is empty.
        """
        if isinstance(params, Tensor):
            raise TypeError("params is one tensor: pass an iterable of tensors, such as [w]")
        groups = list(params)
        if not groups:
            raise ValueError("params is empty: there is nothing to optimize")
        if any(isinstance(entry, Tensor) for entry in groups):
            groups = [{"params": groups}]
        self.param_groups = [{**defaults, **group, "params": list(group["params"])} for group in groups]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None (not to zeros: None says that there is none)."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    g_t = ∇L(θ_{t−1}) + λ θ_{t−1}                                                   (11.6)
    v_t = μ v_{t−1} + g_t,  v_0 = 0                                                 (11.1)
    θ_t = θ_{t−1} − η v_t                                                           (11.2)
    θ_t = θ_{t−1} − η (g_t + μ v_t)  with Nesterov's momentum, instead of (11.2)    (11.5)

    Source: Atlas 11.1–11.2; agrees with `torch.optim.SGD`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float = 1e-3,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        """Keep the hyperparameters in every group, under their own names, and begin with no velocity.

        Args:
            params: tensors or groups, as in `Optimizer`.
            lr: the learning rate η; momentum: μ; weight_decay: λ; nesterov: whether to look ahead (11.5).

        Raises:
            ValueError: `lr`, `momentum` or `weight_decay` is negative, or `nesterov` comes without momentum.
        """
        if min(lr, momentum, weight_decay) < 0:
            raise ValueError("lr, momentum and weight_decay must not be negative")
        if nesterov and momentum == 0:
            raise ValueError("Nesterov's momentum needs a momentum above 0")
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov))
        self.velocity: dict[Tensor, Tensor] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient, in place; skip the others, with their state as it is."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                v = group["momentum"] * self.velocity.get(p, 0) + g
                self.velocity[p] = v
                p -= group["lr"] * (g + group["momentum"] * v if group["nesterov"] else v)


class Adagrad(Optimizer):
    """Divide each coordinate's step by the root of the sum of its squared gradients so far.

    g_t = ∇L(θ_{t−1}) + λ θ_{t−1}                                                   (11.6)
    s_t = s_{t−1} + g_t²,   θ_t = θ_{t−1} − η g_t / (√s_t + ε)                      (11.7)

    Source: Duchi, Hazan and Singer (2011); agrees with `torch.optim.Adagrad`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float = 1e-2,
        *,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ):
        """Keep the hyperparameters in every group, under their own names.

        Args:
            params: tensors or groups, as in `Optimizer`.
            lr: the learning rate η; weight_decay: λ; initial_accumulator_value: s_0; eps: ε.

        Raises:
            ValueError: one of the four numbers is negative.
        """
        if min(lr, weight_decay, initial_accumulator_value, eps) < 0:
            raise ValueError("lr, weight_decay, initial_accumulator_value and eps must not be negative")
        defaults = dict(lr=lr, weight_decay=weight_decay, initial_accumulator_value=initial_accumulator_value, eps=eps)
        super().__init__(params, defaults)
        self.square_sum: dict[Tensor, Tensor] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient, in place; skip the others, with their state as it is."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                s = self.square_sum.get(p, group["initial_accumulator_value"]) + g * g
                self.square_sum[p] = s
                p -= group["lr"] * g / (s.sqrt() + group["eps"])


class RMSprop(Optimizer):
    """Divide each coordinate's step by the root of a moving average of its squared gradients.

    g_t = ∇L(θ_{t−1}) + λ θ_{t−1}                                                   (11.6)
    v_t = α v_{t−1} + (1−α) g_t²,  v_0 = 0,   θ_t = θ_{t−1} − η g_t / (√v_t + ε)    (11.8)

    Source: Tieleman and Hinton (2012); agrees with `torch.optim.RMSprop`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        """Keep the hyperparameters in every group, under their own names, and begin with no average.

        Args:
            params: tensors or groups, as in `Optimizer`.
            lr: the learning rate η; alpha: α; eps: ε; weight_decay: λ.

        Raises:
            ValueError: one of the four numbers is negative.
        """
        if min(lr, alpha, eps, weight_decay) < 0:
            raise ValueError("lr, alpha, eps and weight_decay must not be negative")
        super().__init__(params, dict(lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay))
        self.square_average: dict[Tensor, Tensor] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient, in place; skip the others, with their state as it is."""
        for group in self.param_groups:
            alpha = group["alpha"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                v = alpha * self.square_average.get(p, 0) + (1 - alpha) * g * g
                self.square_average[p] = v
                p -= group["lr"] * g / (v.sqrt() + group["eps"])


class Adam(Optimizer):
    """Momentum divided by the root of a moving average of squared gradients, both freed of their bias.

    g_t = ∇L(θ_{t−1}) + λ θ_{t−1}                                                   (11.6)
    m_t = β₁ m_{t−1} + (1−β₁) g_t,   v_t = β₂ v_{t−1} + (1−β₂) g_t²,   m_0 = v_0 = 0 (11.9)
    m̂_t = m_t / (1−β₁ᵗ),   v̂_t = v_t / (1−β₂ᵗ)                                      (11.10)
    θ_t = θ_{t−1} − η m̂_t / (√v̂_t + ε)                                              (11.11)

    t counts the steps in which the parameter had a gradient.

    Source: Atlas section 11.2; Kingma and Ba (2015); agrees with `torch.optim.Adam`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        """Keep the hyperparameters in every group, under their own names, and begin with no moments.

        Args:
            params: tensors or groups, as in `Optimizer`.
            lr: the learning rate η; betas: (β₁, β₂); eps: ε; weight_decay: λ.

        Raises:
            ValueError: `lr`, `eps` or `weight_decay` is negative, or a β is not in [0, 1).
        """
        if min(lr, eps, weight_decay, *betas) < 0 or max(betas) >= 1:
            raise ValueError("lr, eps and weight_decay must not be negative, and the betas must be in [0, 1)")
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))
        self.moments: dict[Tensor, tuple[int, Tensor, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient, in place; skip the others, with their state as it is."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                t, m, v = self.moments.get(p, (0, 0, 0))
                t = t + 1
                m = beta1 * m + (1 - beta1) * g
                v = beta2 * v + (1 - beta2) * g * g
                self.moments[p] = t, m, v
                m_hat = m / (1 - beta1**t)
                v_hat = v / (1 - beta2**t)
                p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])


class AdamW(Optimizer):
    """Adam with the weight decay taken out of the gradient.

    g_t = ∇L(θ_{t−1})
    m_t = β₁ m_{t−1} + (1−β₁) g_t,   v_t = β₂ v_{t−1} + (1−β₂) g_t²,   m_0 = v_0 = 0 (11.9)
    m̂_t = m_t / (1−β₁ᵗ),   v̂_t = v_t / (1−β₂ᵗ)                                      (11.10)
    θ_t = θ_{t−1} − η (m̂_t / (√v̂_t + ε) + λ θ_{t−1})                                (11.3)

    t counts the steps in which the parameter had a gradient.

    Source: Atlas 11.3; Loshchilov and Hutter (2019); agrees with `torch.optim.AdamW`.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        """Keep the hyperparameters in every group, under their own names, and begin with no moments.

        Args:
            params: tensors or groups, as in `Optimizer`.
            lr: the learning rate η; betas: (β₁, β₂); eps: ε; weight_decay: λ.

        Raises:
            ValueError: `lr`, `eps` or `weight_decay` is negative, or a β is not in [0, 1).
        """
        if min(lr, eps, weight_decay, *betas) < 0 or max(betas) >= 1:
            raise ValueError("lr, eps and weight_decay must not be negative, and the betas must be in [0, 1)")
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))
        self.moments: dict[Tensor, tuple[int, Tensor, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient, in place; skip the others, with their state as it is."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                t, m, v = self.moments.get(p, (0, 0, 0))
                t = t + 1
                m = beta1 * m + (1 - beta1) * p.grad
                v = beta2 * v + (1 - beta2) * p.grad * p.grad
                self.moments[p] = t, m, v
                m_hat = m / (1 - beta1**t)
                v_hat = v / (1 - beta2**t)
                p -= group["lr"] * (m_hat / (v_hat.sqrt() + group["eps"]) + group["weight_decay"] * p)


def clip_grad_norm(grads: Sequence[Tensor], max_norm: float) -> tuple[list[Tensor], Float[Tensor, ""]]:
    """Shorten gradients that are too long together, without turning them.

    ‖g‖ = √(Σ_i ‖g_i‖²) over all tensors,   ĝ_i = min(1, c / (‖g‖ + 10⁻⁶)) g_i      (11.12)

    Args:
        grads: the gradients of a model's parameters, at least one, of any shapes.
        max_norm: c, the greatest norm that all of them together may have.

    Returns:
        the clipped gradients, new tensors in a list, and the norm before clipping, a tensor without dimensions.

    Raises:
        ValueError: `max_norm` is negative.

    Source: Pascanu, Mikolov and Bengio (2013); agrees with `torch.nn.utils.clip_grad_norm_`, which works in place.
    """
    if max_norm < 0:
        raise ValueError(f"max_norm must not be negative, got {max_norm}")
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
    scale = torch.clamp(max_norm / (norm + 1e-6), max=1)
    return [scale * g for g in grads], norm


def cosine_schedule(step: int, total: int, lr_max: float, lr_min: float = 0.0, warmup: int = 0) -> float:
    """The learning rate of a step: up along a line, then down along half a cosine.

    η(s) = η_max s / w                                                for s < w
    η(s) = η_min + ½ (η_max − η_min) (1 + cos(π (s − w) / (T − w)))   for w ≤ s ≤ T (11.13)
    η(s) = η_min                                                      for s > T

    Args:
        step: s, counted from 0.
        total: T, the step at which η_min is reached.
        lr_max: η_max, reached at step w; lr_min: η_min.
        warmup: w, the length of the linear part; with 0 the schedule begins at η_max.

    Returns:
        η(s), a Python float.

    Raises:
        ValueError: `step` is negative, or `warmup` is not in [0, total).

    Source: Loshchilov and Hutter (2017); agrees with `torch.optim.lr_scheduler`'s LinearLR, then CosineAnnealingLR.
    """
    if step < 0 or not 0 <= warmup < total:
        raise ValueError(f"needs 0 ≤ step and 0 ≤ warmup < total, got {step=}, {warmup=}, {total=}")
    if step < warmup:
        return lr_max * step / warmup
    progress = min((step - warmup) / (total - warmup), 1)
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * progress)) / 2


def lbfgs_direction(grad: Float[Tensor, "n"], s: Float[Tensor, "m n"], y: Float[Tensor, "m n"]) -> Float[Tensor, "n"]:
    """The quasi-Newton direction −H g from the last m steps, without ever forming the n×n matrix H.

    H_0 = γ I with γ = s_mᵀy_m / y_mᵀy_m                                            (11.15)
    H_i = (I − ρ_i s_i y_iᵀ) H_{i−1} (I − ρ_i y_i s_iᵀ) + ρ_i s_i s_iᵀ,  ρ_i = 1/s_iᵀy_i,  i = 1 … m (11.16)

    The two-loop recursion gets −H_m g with O(mn) numbers and operations.

    Args:
        grad: g, the gradient here.
        s: changes of the parameters, s_i = x_{i+1} − x_i, oldest first; m = 0 is legal and gives −g.
        y: changes of the gradient in the same steps, with s_iᵀy_i > 0.

    Returns:
        −H_m g.

    Raises:
        ValueError: `s` and `y` have different shapes.

    Source: Nocedal and Wright, Numerical Optimization, algorithm 7.4; agrees with `scipy.optimize.LbfgsInvHessProduct`.
    """
    if s.shape != y.shape:
        raise ValueError(f"s and y must have one shape, got {tuple(s.shape)} and {tuple(y.shape)}")
    rho = 1 / (s * y).sum(dim=1)
    alpha = {}
    q = grad
    for i in reversed(range(len(s))):
        alpha[i] = rho[i] * (s[i] @ q)
        q = q - alpha[i] * y[i]
    if len(s):
        q = q * (s[-1] @ y[-1]) / (y[-1] @ y[-1])
    for i in range(len(s)):
        beta = rho[i] * (y[i] @ q)
        q = q + (alpha[i] - beta) * s[i]
    return -q


def minimize_lbfgs(
    f: Callable[[Tensor], Tensor],
    x0: Float[Tensor, "n"],
    history: int = 10,
    tolerance: float = 1e-7,
    max_steps: int = 500,
) -> Float[Tensor, "n"]:
    """Find a minimiser of a smooth function by L-BFGS.

    x_{k+1} = x_k + t d,  d = −H_k ∇f(x_k) from the last `history` steps, with t such that (Wolfe's conditions)
    f(x_k + t d) ≤ f(x_k) + c₁ t ∇f(x_k)ᵀd   and   ∇f(x_k + t d)ᵀd ≥ c₂ ∇f(x_k)ᵀd   (11.17)

    c₁ = 10⁻⁴ and c₂ = 0.9 are usual. Try t = 1 first. The second condition makes sᵀy > 0, without which H is
    not positive definite. A point where f is NaN is too far, like one where f is too large.

    Args:
        f: a differentiable function from a tensor of the shape of `x0` to a scalar tensor.
        x0: where to begin.
        history: how many pairs (s, y) to keep; memory must stay O(history · n).
        tolerance: stop when no |∂f/∂x_i| is greater.
        max_steps: stop after as many steps in any case.

    Returns:
        the minimiser, or the last point when rounding leaves no t that meets the conditions; without a graph.

    Source: Liu and Nocedal (1989); agrees with `scipy.optimize.minimize(method="L-BFGS-B")` and `torch.optim.LBFGS`.
    """
    x = x0.detach().clone()
    gradient, value = torch.func.grad_and_value(f)(x)
    s = y = x.new_zeros(0, len(x))
    for _ in range(max_steps):
        if gradient.abs().max() <= tolerance:
            break
        direction = lbfgs_direction(gradient, s, y)
        slope = gradient @ direction
        low, high, t = 0.0, math.inf, 1.0
        for _ in range(40):
            x_new = x + t * direction
            gradient_new, value_new = torch.func.grad_and_value(f)(x_new)
            if not value_new <= value + 1e-4 * t * slope:
                high = t
            elif gradient_new @ direction < 0.9 * slope:
                low = t
            else:
                break
            t = (low + high) / 2 if high < math.inf else 2 * low
        else:
            return x
        s = torch.cat([s, (x_new - x)[None]])[-history:]
        y = torch.cat([y, (gradient_new - gradient)[None]])[-history:]
        x, gradient, value = x_new, gradient_new, value_new
    return x


def lagrange_equality(
    q: Float[Tensor, "n n"], c: Float[Tensor, "n"], a: Float[Tensor, "m n"], b: Float[Tensor, "m"]
) -> tuple[Float[Tensor, "n"], Float[Tensor, "m"]]:
    """Minimise a quadratic under linear equations by Lagrange's multipliers.

    minimise ½ xᵀQx + cᵀx subject to Ax = b                                         (11.18)
    Qx + c + Aᵀλ = 0,  Ax = b                                                       (11.19)

    Args:
        q: Q, symmetric. It may be singular, as long as it is positive definite on the vectors with Ax = 0.
        c: the linear part.
        a: A, with independent rows; m = 0 is legal.
        b: the right-hand side.

    Returns:
        x, and λ with the sign of (11.19).

    Raises:
        ValueError: the rows of A depend on one another. A linear solver does not always notice: compare A's rank.

    Source: Lagrange's multipliers; x agrees with `scipy.optimize.minimize(method="SLSQP")`.
    """
    n, m = len(c), len(b)
    if torch.linalg.matrix_rank(a) < m:
        raise ValueError("the rows of A depend on one another")
    kkt = torch.cat([torch.cat([q, a.mT], dim=1), torch.cat([a, a.new_zeros(m, m)], dim=1)])
    solution = torch.linalg.solve(kkt, torch.cat([-c, b]))
    return solution[:n], solution[n:]
