"""Reference answers of chapter 16, state space models."""

import torch
from jaxtyping import Float
from torch import Tensor


def hippo_legs(n: int) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n 1"]]:
    """The system whose state holds the Legendre coefficients of everything it has heard.

    A_ik = −√((2i+1)(2k+1)) for i > k,   −(i+1) for i = k,   0 for i < k;   B_i = √(2i+1)          (16.1)

    Args:
        n: the number of coefficients N, at least 1; i and k count from 0.

    Returns:
        A (n, n) and B (n, 1), in torch's default dtype.

    Raises:
        ValueError: `n` is less than 1.

    Source: Atlas 16.1; HiPPO-LegS of Gu et al. 2020, arXiv:2008.07669, in the sign of h' = Ah + Bx.
    """
    if n < 1:
        raise ValueError(f"a state needs at least one coefficient, not {n}")
    degree = torch.arange(n)
    b = torch.sqrt(2 * degree + 1)
    return -torch.outer(b, b).tril(-1) - torch.diag(degree + 1), b[:, None]


def discretize_zoh(
    a: Float[Tensor, "n n"], b: Float[Tensor, "n *inputs"], dt: float | Float[Tensor, ""]
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n *inputs"]]:
    """One step of h' = Ah + Bx, exact when the input is held constant over the step.

    Ā = exp(ΔA),   B̄ = φ(ΔA) · ΔB,   φ(M) = I + M/2! + M²/3! + …                        (16.3, 16.4)

    φ(M) = M⁻¹(exp(M) − I) wherever M has an inverse, and that is how 16.4 is printed.

    Args:
        a: A, any square matrix, singular ones included.
        b: B, one column (n,) or several (n, m).
        dt: Δ, the length of a step, a number or a tensor of no dimensions; the result is differentiable in it too.

    Returns:
        Ā and B̄, with the shapes and dtype of `a` and `b`; accurate relative to B̄ also where Δ is tiny.

    Raises:
        ValueError: `a` is not square, or `b` has not one row for each of its rows.

    Source: Atlas 16.3 and 16.4, for A without an inverse too; agrees with `scipy.signal.cont2discrete(method="zoh")`.
    """
    n = len(a)
    eye = torch.diag(a.new_ones(n))
    # exp [[M, I], [0, 0]] = [[exp M, φ(M)], [0, I]]
    above = torch.cat([dt * a, eye], dim=1)
    exponential = torch.matrix_exp(torch.cat([above, torch.zeros_like(above)]))
    return exponential[:n, :n], exponential[:n, n:] @ (dt * b)


def discretize_bilinear(
    a: Float[Tensor, "n n"], b: Float[Tensor, "n *inputs"], dt: float | Float[Tensor, ""]
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n *inputs"]]:
    """One step of h' = Ah + Bx by the trapezoidal rule, without an exponential.

    (h_k − h_{k−1}) / Δ = A (h_k + h_{k−1}) / 2 + B x_k,   solved for h_k = Ā h_{k−1} + B̄ x_k         (from 16.1)

    Args:
        a: A, square; 2/Δ is none of its eigenvalues.
        b: B, one column (n,) or several (n, m).
        dt: Δ, the length of a step, a number or a tensor of no dimensions; the result is differentiable in it too.

    Returns:
        Ā and B̄, with the shapes and dtype of `a` and `b`; accurate relative to B̄ also where Δ is tiny.

    Raises:
        ValueError: `a` is not square, or `b` has not one row for each of its rows.

    Source: Tustin's method, used by S4; agrees with `scipy.signal.cont2discrete(method="bilinear")`.
    """
    eye = torch.diag(a.new_ones(len(a)))
    half = dt * a / 2
    return torch.linalg.solve(eye - half, eye + half), torch.linalg.solve(eye - half, dt * b)


def ssm_recurrence(
    a_bar: Float[Tensor, "n n"], b_bar: Float[Tensor, "n"], c: Float[Tensor, "n"], x: Float[Tensor, "*batch length"]
) -> Float[Tensor, "*batch length"]:
    """Run a discrete system over a signal, one step after the other, as a recurrent network does.

    h_k = Ā h_{k−1} + B̄ x_k                                                         (16.5)
    y_k = C h_k,   with h = 0 before the first step                                 (16.6; 16.2 without D)

    Args:
        a_bar, b_bar, c: Ā, B̄ and C of a system with one input and one output.
        x: signals, time in the last dimension; it may be empty.

    Returns:
        y, the shape and dtype of `x`; y_k has heard x_k.

    Raises:
        ValueError: Ā is not square, or B̄ or C has another length.

    Source: Atlas 16.5 and 16.6.
    """
    n = len(c)
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.shape != (n,):
        raise ValueError(f"Ā {[*a_bar.shape]}, B̄ {[*b_bar.shape]} and C {[*c.shape]} are not of one state")
    h, y = torch.zeros_like(b_bar), torch.zeros_like(x)
    for k in range(x.shape[-1]):
        h = h @ a_bar.mT + x[..., k, None] * b_bar
        y[..., k] = h @ c
    return y


def ssm_kernel(
    a_bar: Float[Tensor, "n n"], b_bar: Float[Tensor, "n"], c: Float[Tensor, "n"], length: int
) -> Float[Tensor, "length"]:
    """What a discrete system answers to a single 1 at the first step: the kernel that it convolves with.

    K_j = C Ā^j B̄,   j = 0, …, length − 1                                           (16.5 and 16.6, unrolled)

    Args:
        a_bar, b_bar, c: Ā, B̄ and C of a system with one input and one output; Ā need not have a basis of
            eigenvectors.
        length: the number of taps, 0 or more.

    Returns:
        K (length,), the dtype of `a_bar`.

    Raises:
        ValueError: Ā is not square, B̄ or C has another length, or `length` is negative.

    Source: Atlas 16.5 and 16.6; S4, Gu et al. 2021, arXiv:2111.00396.
    """
    n = len(c)
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.shape != (n,):
        raise ValueError(f"Ā {[*a_bar.shape]}, B̄ {[*b_bar.shape]} and C {[*c.shape]} are not of one state")
    kernel, state = a_bar.new_zeros(length), b_bar
    for j in range(length):
        kernel[j] = c @ state
        state = a_bar @ state
    return kernel


def ssm_convolution(
    kernel: Float[Tensor, "*#batch taps"], x: Float[Tensor, "*#batch length"]
) -> Float[Tensor, "*batch length"]:
    """All outputs of a time-invariant system at once: its signal convolved with its kernel, by the fast Fourier
    transform.

    y_k = Σ_{j=0}^{k} K_j x_{k−j}                                                   (16.5 and 16.6, unrolled)

    Args:
        kernel: K, taps in the last dimension, at least one; there may be fewer or more of them than steps.
        x: signals, time in the last dimension, at least one step. Leading dimensions broadcast.

    Returns:
        y, as many steps as `x`: nothing of the end of the signal comes back at its beginning. The work is
        O(L log L), in at most 100 calls of torch operators, and the memory O(L): no tensor made on the way has more
        than 8 numbers for each tap and step.

    Source: Atlas 16.5 and 16.6; agrees with `scipy.signal.fftconvolve`, cut to the length of `x`.
    """
    length = x.shape[-1]
    n = kernel.shape[-1] + length
    product = torch.fft.rfft(kernel, n) * torch.fft.rfft(x, n)
    return torch.fft.irfft(product, n)[..., :length]


def selective_parameters(
    x: Float[Tensor, "*batch channels"],
    w_b: Float[Tensor, "state channels"],
    w_c: Float[Tensor, "state channels"],
    w_dt: Float[Tensor, "channels channels"],
    b_dt: Float[Tensor, "channels"],
) -> tuple[Float[Tensor, "*batch channels"], Float[Tensor, "*batch state"], Float[Tensor, "*batch state"]]:
    """Let the input decide how long each channel's step is, what is written and what is read.

    B_t = Linear_B(x_t),   C_t = Linear_C(x_t)                                      (16.7)
    Δ_t = softplus(Linear_Δ(x_t)),   softplus(z) = log(1 + exp(z))                  (16.8)

    Args:
        x: any leading dimensions, channels last.
        w_b, w_c, w_dt: weights as nn.Linear keeps them, (out, in); w_dt is channels × channels.
        b_dt: the bias of Linear_Δ; the other two have none.

    Returns:
        Δ, B and C in this order, with the leading dimensions and dtype of `x`. Δ is accurate relative to itself
        also where it is tiny, and finite with its gradient where softplus' argument is ±1000.

    Raises:
        ValueError: a weight has not as many columns as `x` has channels.

    Source: Atlas 16.7 and 16.8; agrees with `torch.nn.functional.linear` and `softplus`.
    """
    z = x @ w_dt.mT + b_dt
    return torch.logaddexp(z, torch.zeros_like(z)), x @ w_b.mT, x @ w_c.mT


def selective_scan(
    x: Float[Tensor, "batch length channels"],
    dt: Float[Tensor, "batch length channels"],
    a: Float[Tensor, "channels state"],
    b: Float[Tensor, "batch length state"],
    c: Float[Tensor, "batch length state"],
    d: Float[Tensor, "channels"],
) -> Float[Tensor, "batch length channels"]:
    """Mamba's layer: every channel has a diagonal system of its own, with a step, an input and an output matrix that
    change from one token to the next.

    h_t = exp(Δ_t a) ⊙ h_{t−1} + Δ_t B_t x_t,   h = 0 before the first token        (16.9)
    y_t = ⟨C_t, h_t⟩ + d x_t                                                        (16.2)

    for every batch and channel by itself: Δ_t, x_t, d are numbers, a, B_t, C_t and h_t have N = state entries.

    Args:
        x: the tokens.
        dt: Δ, positive, one a channel.
        a: the diagonals of A, one row a channel; negative in a stable system, but 0 and positive numbers are legal.
        b, c: B and C, shared by the channels.
        d: the weight of the direct path.

    Returns:
        y, the shape and dtype of `x`. Decay to zero (Δ a = −1000) and long sequences leave everything finite.

    Raises:
        ValueError: a shape is not the one given above; nothing is broadcast.

    Source: Atlas 16.7–16.9 and 16.2; Ā = exp(Δa) and ΔB as in `selective_scan_ref` of Mamba, arXiv:2312.00752.
    """
    batch, length, channels = x.shape
    state = a.shape[1]
    shapes = [tuple(t.shape) for t in (dt, a, b, c, d)]
    if shapes != [(*x.shape,), (channels, state), (batch, length, state), (batch, length, state), (channels,)]:
        raise ValueError("x {}, Δ {}, a {}, B {}, C {}, d {} do not fit".format(tuple(x.shape), *shapes))
    h, y = torch.zeros_like(a), d * x
    for t in range(length):
        step = dt[:, t, :, None]
        h = torch.exp(step * a) * h + step * x[:, t, :, None] * b[:, t, None, :]
        y[:, t] += (h @ c[:, t, :, None]).squeeze(-1)
    return y


def associative_scan(
    gates: Float[Tensor, "*shape"], values: Float[Tensor, "*shape"], dim: int = 1
) -> Float[Tensor, "*shape"]:
    """All states of a gated recurrence in O(log L) steps, because its steps can be joined in any grouping.

    h_t = g_t h_{t−1} + v_t,   h = 0 before the first step                          (16.9)
    (g, v) then (g', v') is (g' g, g' v + v')

    Args:
        gates, values: g and v, of one shape; gates may be 0, negative, tiny or close to 1.
        dim: the time; negative counts from the end.

    Returns:
        h, the shape and dtype of `values`. Twice the length costs at most 40 more calls of torch operators, and
        no tensor made on the way has more than 4 times as many numbers as `values`. On 10,000 steps of one channel it
        is at least 2.5 times as fast as a loop over time.

    Raises:
        ValueError: the two shapes differ, or there is no dimension `dim`.

    Source: Atlas 16.9; Blelloch 1990, "Prefix sums and their applications".
    """
    if gates.shape != values.shape:
        raise ValueError(f"gates {tuple(gates.shape)} and values {tuple(values.shape)} differ in shape")
    g, h = gates.movedim(dim, -1), values.movedim(dim, -1)
    step = 1
    while step < h.shape[-1]:
        h = torch.cat([h[..., :step], g[..., step:] * h[..., :-step] + h[..., step:]], dim=-1)
        g = torch.cat([g[..., :step], g[..., step:] * g[..., :-step]], dim=-1)
        step *= 2
    return h.movedim(-1, dim)
