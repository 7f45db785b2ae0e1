"""Right answers to chapter 16 that look nothing like the reference; the tests must accept them."""

import torch
import torch.nn.functional as F

from autograder.cases import right


@right("hippo_legs")
def entry_by_entry(n):
    """Two loops over the entries, as the matrix is printed."""
    if n < 1:
        raise ValueError(n)
    a = torch.zeros(n, n)
    for i in range(n):
        for k in range(i):
            a[i, k] = -(((2 * i + 1) * (2 * k + 1)) ** 0.5)
        a[i, i] = -(i + 1)
    return a, torch.tensor([[(2 * i + 1) ** 0.5] for i in range(n)])


@right("discretize_zoh")
def with_the_columns_of_b_in_the_augmented_matrix(a, b, dt):
    """exp of [[A, B], [0, 0]] Δ has Ā and B̄ in its upper rows."""
    if a.shape[0] != a.shape[1] or len(b) != len(a):
        raise ValueError("shapes differ")
    n, columns = len(a), b.reshape(len(b), -1)
    m = columns.shape[1]
    augmented = F.pad(torch.cat([a, columns], dim=1), (0, 0, 0, m))
    e = torch.matrix_exp(augmented * dt)
    return e[:n, :n], e[:n, n:].reshape(b.shape)


@right("discretize_zoh")
def by_doubling_the_step(a, b, dt):
    """Taylor's series over a step 2⁻ˢ as long, then s times two steps in one: (Ā, φ) to (Ā², (Ā + 1)φ/2)."""
    if a.shape[0] != a.shape[1] or len(b) != len(a):
        raise ValueError("shapes differ")
    m = a * dt
    rounds = max(0, int(m.detach().abs().sum(1).max().clamp(min=1e-9).log2()) + 3)
    eye = torch.eye(len(a), dtype=a.dtype)
    m, phi = m / 2**rounds, eye
    for k in range(18, 1, -1):
        phi = eye + m @ phi / k
    a_bar = eye + m @ phi
    for _ in range(rounds):
        phi = (a_bar + eye) @ phi / 2
        a_bar = a_bar @ a_bar
    return a_bar, phi @ b * dt


@right("discretize_bilinear")
def by_the_inverse(a, b, dt):
    """One inverse for both; Ā = 2 (I − ΔA/2)⁻¹ − I."""
    if a.shape[0] != a.shape[1] or len(b) != len(a):
        raise ValueError("shapes differ")
    eye = torch.eye(len(a), dtype=a.dtype)
    inverse = torch.linalg.inv(eye - a * (dt / 2))
    return inverse @ (eye + a * (dt / 2)), dt * (inverse @ b)


@right("ssm_recurrence")
def all_states_then_all_outputs(a_bar, b_bar, c, x):
    """States as columns in a list, read with one product."""
    n = len(c)
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.dim() != 1:
        raise ValueError("shapes differ")
    flat = x.reshape(-1, x.shape[-1]) if x.numel() else x
    if not x.numel():
        return x.clone()
    h, states = torch.zeros(n, len(flat), dtype=x.dtype), []
    for column in flat.unbind(-1):
        h = a_bar @ h + torch.outer(b_bar, column)
        states.append(h)
    return torch.einsum("n,lnb->bl", c, torch.stack(states)).reshape(x.shape)


@right("ssm_kernel")
def by_doubling(a_bar, b_bar, c, length):
    """Columns Ā^j B̄ for twice as many j in every round."""
    n = len(c)
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.shape != (n,) or length < 0:
        raise ValueError("shapes differ")
    columns, power = b_bar[:, None], a_bar
    while columns.shape[1] < length:
        columns = torch.cat([columns, power @ columns], dim=1)
        power = power @ power
    return (c @ columns)[:length]


@right("ssm_convolution")
def with_complex_transforms_of_a_power_of_two(kernel, x):
    """fft instead of rfft, padded to a power of two."""
    size = 1 << (kernel.shape[-1] + x.shape[-1]).bit_length()
    spectrum = torch.fft.fft(kernel, size) * torch.fft.fft(x, size)
    return torch.fft.ifft(spectrum).real[..., : x.shape[-1]]


@right("selective_parameters")
def with_the_larger_of_z_and_zero_taken_out(x, w_b, w_c, w_dt, b_dt):
    """softplus(z) = max(z, 0) + log1p(exp(−|z|)), and one einsum a matrix."""
    z = torch.einsum("...i,oi->...o", x, w_dt) + b_dt
    dt = z.clamp(min=0) + torch.log1p(torch.exp(-z.abs()))
    return dt, torch.einsum("...i,oi->...o", x, w_b), torch.einsum("...i,oi->...o", x, w_c)


@right("selective_scan")
def every_gate_first_and_states_by_doubling(x, dt, a, b, c, d):
    """All gates at once, and all states by a scan of log₂ length rounds."""
    batch, length, channels = x.shape
    state = a.shape[1]
    if dt.shape != x.shape or a.shape[0] != channels or d.shape != (channels,):
        raise ValueError("shapes differ")
    if b.shape != (batch, length, state) or c.shape != (batch, length, state):
        raise ValueError("shapes differ")
    g = torch.exp(torch.einsum("blc,cn->blcn", dt, a))
    h = torch.einsum("blc,bln->blcn", dt * x, b)
    step = 1
    while step < length:
        h = h + F.pad(g[:, step:] * h[:, :-step], (0, 0, 0, 0, step, 0))
        g = torch.cat([g[:, :step], g[:, step:] * g[:, :-step]], 1)
        step *= 2
    return torch.einsum("blcn,bln->blc", h, c) + x * d


@right("associative_scan")
def pairs_first_then_the_steps_between(gates, values, dim=1):
    """Neighbours joined in pairs, the half as long sequence solved the same way, the even steps filled in."""
    if gates.shape != values.shape:
        raise ValueError("shapes differ")

    def solve(g, v):
        n = v.shape[0]
        if n < 2:
            return v
        odd = solve(g[1::2] * g[: n - 1 : 2], g[1::2] * v[: n - 1 : 2] + v[1::2])
        even = torch.cat([v[:1], g[2::2] * odd[: (n - 1) // 2] + v[2::2]])
        whole = torch.stack([even[: n // 2], odd], dim=1).flatten(0, 1)
        return torch.cat([whole, even[n // 2 :]])

    return solve(gates.movedim(dim, 0), values.movedim(dim, 0)).movedim(0, dim)


@right("associative_scan")
def up_a_tree_and_down_again(gates, values, dim=1):
    """Blelloch's two sweeps over a length padded to a power of two with steps that change nothing."""
    if gates.shape != values.shape:
        raise ValueError("shapes differ")
    g, v = gates.movedim(dim, -1), values.movedim(dim, -1)
    length = v.shape[-1]
    padding = (1 << max(length - 1, 0).bit_length()) - length
    g, v = F.pad(g, (0, padding), value=1.0), F.pad(v, (0, padding))
    levels = []
    while v.shape[-1] > 1:
        levels.append((g, v))
        v = g[..., 1::2] * v[..., ::2] + v[..., 1::2]
        g = g[..., 1::2] * g[..., ::2]
    before = torch.zeros_like(v)
    for g, v in reversed(levels):
        before = torch.stack([before, g[..., ::2] * before + v[..., ::2]], dim=-1).flatten(-2)
    h = F.pad(gates.movedim(dim, -1), (0, padding)) * before + F.pad(values.movedim(dim, -1), (0, padding))
    return h[..., :length].movedim(-1, dim)
