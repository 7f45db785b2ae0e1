"""The hidden cases of chapter 16."""

import scipy.signal
import scipy.special
import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import largest_tensor, operator_calls, vjp

DOUBLE = (torch.float64,)
SINGLE = (torch.float32,)

# what is tiny is asked for with all its digits
RELATIVE = {"rtol": 1e-5, "atol": 0.0}

# bfloat16 keeps 8 significant bits, and an answer may round after each of a dozen operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 5e-2, "atol": 1e-1}


# independent derivations


def _published(n):
    """HiPPO-LegS entry by entry, as it is printed."""
    a = torch.zeros(n, n, dtype=torch.float64)
    for i in range(n):
        for k in range(i):
            a[i, k] = -((2 * i + 1) ** 0.5) * (2 * k + 1) ** 0.5
        a[i, i] = -(i + 1)
    return a.float(), torch.tensor([[(2 * i + 1) ** 0.5] for i in range(n)])


def _by_quadrature(a, b, dt):
    """Ā = exp(ΔA) and B̄ = ∫₀^Δ exp(sA) B ds, by Gauss–Legendre's rule on 16 parts of the step."""
    a64, b64 = a.double(), b.double()
    dt = dt.double() if isinstance(dt, torch.Tensor) else torch.tensor(dt, dtype=torch.float64)
    nodes, weights = (torch.from_numpy(v) for v in scipy.special.roots_legendre(12))
    part = dt / 16
    first = sum(w / 2 * part * torch.matrix_exp((t + 1) / 2 * part * a64) for t, w in zip(nodes, weights, strict=True))
    one = torch.matrix_exp(part * a64)
    whole, power = torch.zeros_like(a64), torch.eye(len(a), dtype=torch.float64)
    for _ in range(16):
        whole = whole + power @ first
        power = power @ one
    return power.to(a.dtype), (whole @ b64).to(a.dtype)


def _cont2discrete(method):
    def oracle(a, b, dt):
        columns = b.reshape(len(b), -1).double().numpy()
        system = a.double().numpy(), columns, columns.T, columns.T @ columns
        a_bar, b_bar, *_ = scipy.signal.cont2discrete(system, float(dt), method)
        return torch.from_numpy(a_bar).to(a.dtype), torch.from_numpy(b_bar).to(a.dtype).reshape(b.shape)

    return oracle


def _trapezoid(a, b, dt):
    """The inverse written out, in double precision; differentiable."""
    eye = torch.eye(len(a), dtype=torch.float64)
    inverse = torch.linalg.inv(eye - a.double() * dt / 2)
    return (inverse @ (eye + a.double() * dt / 2)).to(a.dtype), (inverse @ b.double() * dt).to(a.dtype)


def _powers(a_bar, b_bar, c, length):
    a, b, read = a_bar.double(), b_bar.double(), c.double()
    taps = [read @ torch.linalg.matrix_power(a, j) @ b for j in range(length)]
    return torch.stack(taps).to(a_bar.dtype) if taps else a_bar.new_zeros(0)


def _toeplitz(kernel, x):
    """The convolution as a product with the matrix T_ks = K_{k−s}."""
    taps, length = kernel.shape[-1], x.shape[-1]
    lag = torch.arange(length)[:, None] - torch.arange(length)
    inside = (lag >= 0) & (lag < taps)
    matrix = kernel.double()[..., lag.clamp(0, taps - 1)] * inside
    return (matrix @ x.double()[..., None]).squeeze(-1).to(x.dtype)


def _unrolled(a_bar, b_bar, c, x):
    """The recurrence as a product with the matrix of its kernel."""
    length = x.shape[-1]
    if not length:
        return x.clone()
    return _toeplitz(_powers(a_bar.double(), b_bar.double(), c.double(), length), x)


def _linear_layers(x, w_b, w_c, w_dt, b_dt):
    # torch takes softplus(z) = z beyond a threshold; beyond 30 that is so to 13 digits
    return F.softplus(F.linear(x, w_dt, b_dt), threshold=30), F.linear(x, w_b), F.linear(x, w_c)


def _attention_form(x, dt, a, b, c, d):
    """Every output as a weighted sum over the past: the weight of s in t is C_t exp(a Σ_{s<r≤t} Δ_r) Δ_s B_s."""
    elapsed = dt.double().cumsum(1)
    between = elapsed[:, :, None] - elapsed[:, None, :]
    past = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    decay = torch.exp(between.masked_fill(~past[:, :, None], 0)[..., None] * a.double())
    decay = decay * past[:, :, None, None]
    weights = torch.einsum("btscn,btn,bsn->btsc", decay, c.double(), b.double())
    y = torch.einsum("btsc,bsc,bsc->btc", weights, dt.double(), x.double()) + d.double() * x.double()
    return y.to(x.dtype)


def _loop(gates, values, dim=1):
    h, found = 0, [values.narrow(dim, 0, 0).double()]
    for t in range(values.shape[dim]):
        h = gates.double().narrow(dim, t, 1) * h + values.double().narrow(dim, t, 1)
        found.append(h)
    return torch.cat(found, dim).to(values.dtype)


# inputs


def stable(draw, n):
    """A random matrix whose spectral radius is below 1: its rows sum to 0.9 in absolute value."""
    a = draw.normal(n, n)
    return 0.9 * a / a.abs().sum(1, keepdim=True)


def hippo(draw, n):
    """The reference's A and B in the dtype of the draw."""
    a, b = _published(n)
    return a.to(draw.dtype), b.to(draw.dtype)


def system(draw, n):
    return stable(draw, n), draw.normal(n), draw.normal(n)


def tokens(draw, batch, length, channels, state):
    """Arguments of a selective scan."""
    x, dt = draw.normal(batch, length, channels), draw.uniform(batch, length, channels, low=0.05, high=1)
    a = -draw.uniform(channels, state, low=0.1, high=2)
    return [x, dt, a, draw.normal(batch, length, state), draw.normal(batch, length, state), draw.normal(channels)]


# hippo_legs


@case("hippo_legs", agrees_with=_published, dtypes=SINGLE)
def one_coefficient_and_odd_numbers_of_them(hippo_legs, draw):
    """一个系数，以及奇数个系数"""
    return [hippo_legs(n) for n in (1, 2, 3, draw.integer(5, 12))]


@case("hippo_legs", agrees_with=_published, dtypes=SINGLE)
def sixty_four_coefficients(hippo_legs, draw):
    """六十四个系数"""
    return hippo_legs(64)


@case("hippo_legs", expected=torch.eye(6)[:, :1], dtypes=SINGLE)
def the_state_of_a_constant_signal_is_that_constant(hippo_legs, draw):
    """常数信号的状态就是这个常数：A e₀ + B = 0"""
    a, b = hippo_legs(6)
    return torch.linalg.solve(a, -b)


@case("hippo_legs", facet="interface", raises=ValueError)
def a_state_of_nothing_is_refused(hippo_legs, draw):
    """拒绝空的状态"""
    return hippo_legs(0)


# discretize_zoh


@case("discretize_zoh", agrees_with=_cont2discrete("zoh"), dtypes=DOUBLE)
def one_column_or_several_or_none_to_speak_of(discretize_zoh, draw):
    """一列、多列，以及写成向量的一列"""
    a = draw.normal(5, 5)
    return [discretize_zoh(a, draw.normal(*shape), 0.4) for shape in ((5,), (5, 1), (5, 3))]


@case("discretize_zoh", agrees_with=_cont2discrete("zoh"), dtypes=DOUBLE)
def a_state_of_one_number(discretize_zoh, draw):
    """只有一个数的状态"""
    return discretize_zoh(draw.normal(1, 1), draw.normal(1), 0.7), discretize_zoh(
        draw.normal(1, 1), draw.normal(1, 2), 2
    )


@case("discretize_zoh", agrees_with=_cont2discrete("zoh"), weight=2, dtypes=DOUBLE)
def a_singular_matrix_of_rank_two(discretize_zoh, draw):
    """秩为 2 的奇异矩阵"""
    a = draw.normal(5, 2) @ draw.normal(2, 5) / 2
    return discretize_zoh(a, draw.normal(5, 2), 0.5)


@case("discretize_zoh", agrees_with=_by_quadrature, weight=2, dtypes=DOUBLE)
def a_nilpotent_matrix_and_zero(discretize_zoh, draw):
    """幂零矩阵与零矩阵"""
    a = draw.normal(4, 4).triu(1)
    return discretize_zoh(a, draw.normal(4), 0.8), discretize_zoh(torch.zeros_like(a), draw.normal(4, 2), 0.3)


@case("discretize_zoh", agrees_with=_by_quadrature, dtypes=DOUBLE)
def nearly_singular_is_no_worse(discretize_zoh, draw):
    """接近奇异时也一样准"""
    a = torch.diag(torch.tensor([-1.0, -1e-3, -1e-6, -1e-9], dtype=draw.dtype)) + draw.normal(4, 4).triu(1)
    return discretize_zoh(a, draw.normal(4), 0.5)


@case("discretize_zoh", facet="numerics", agrees_with=_by_quadrature, weight=2, **RELATIVE)
def a_tiny_step_keeps_its_digits(discretize_zoh, draw):
    """极小的步长保持有效数字"""
    a, b = draw.normal(3, 3), draw.uniform(3, 2, low=1, high=2)
    return [discretize_zoh(a, b, dt)[1] for dt in (1e-3, 1e-6, 1e-9)]


@case("discretize_zoh", facet="numerics", agrees_with=_cont2discrete("zoh"), dtypes=DOUBLE)
def a_long_step_reaches_the_steady_state(discretize_zoh, draw):
    """步长很大时到达稳态"""
    a = -torch.eye(3, dtype=draw.dtype) * 2 + draw.normal(3, 3).triu(1)
    return discretize_zoh(a, draw.normal(3), 60.0)


# torch.matrix_exp of [[A, B], [0, 0]] in float32 squares as often as the norm of B asks for: four digits remain
@case("discretize_zoh", agrees_with=_by_quadrature, dtypes=SINGLE, rtol=1e-3, atol=3e-4)
def single_precision(discretize_zoh, draw):
    """单精度"""
    a, singular = draw.normal(3, 3), draw.normal(3, 1) @ draw.normal(1, 3) / 2
    return discretize_zoh(a, draw.normal(3), 0.5), discretize_zoh(singular, draw.normal(3, 2), 0.5)


@case("discretize_zoh", agrees_with=_cont2discrete("zoh"), dtypes=DOUBLE)
def the_hippo_system_is_discretized(discretize_zoh, draw):
    """HiPPO 系统的离散化"""
    return discretize_zoh(*hippo(draw, 8), draw.number(0.01, 0.2))


@case("discretize_zoh", agrees_with=_by_quadrature, dtypes=DOUBLE)
def the_step_may_be_a_tensor(discretize_zoh, draw):
    """步长可以是张量"""
    return discretize_zoh(draw.normal(3, 3), draw.normal(3), draw.uniform(low=0.1, high=0.5))


@case("discretize_zoh", facet="interface", agrees_with=_by_quadrature, dtypes=DOUBLE)
def matrices_that_are_not_contiguous(discretize_zoh, draw):
    """不连续的矩阵"""
    return discretize_zoh(draw.strided(draw.normal(3, 3)), draw.normal(2, 3).mT, 0.5)


@case("discretize_zoh", facet="gradient", agrees_with=_by_quadrature)
def gradients_of_both_matrices_and_the_step(discretize_zoh, draw):
    """对两个矩阵与步长的梯度"""
    step = draw.uniform(low=0.2, high=0.6)
    return vjp(discretize_zoh, draw.normal(3, 3), draw.normal(3, 2), step, cotangent=draw)


@case("discretize_zoh", facet="gradient", agrees_with=_by_quadrature)
def gradients_at_a_singular_matrix(discretize_zoh, draw):
    """奇异矩阵处的梯度"""
    step = draw.uniform(low=0.2, high=0.6)
    return vjp(discretize_zoh, torch.zeros(3, 3, dtype=draw.dtype), draw.normal(3), step, cotangent=draw)


def a_rectangle_is_refused(discretize, draw):
    """拒绝不是方阵的 A"""
    return discretize(draw.normal(3, 4), draw.normal(3), 0.5)


def a_column_too_short_is_refused(discretize, draw):
    """拒绝长度不对的 B"""
    return discretize(draw.normal(3, 3), draw.normal(1), 0.5)


zoh_rectangle = case("discretize_zoh", facet="interface", raises=ValueError)(a_rectangle_is_refused)
zoh_column = case("discretize_zoh", facet="interface", raises=ValueError)(a_column_too_short_is_refused)


# discretize_bilinear


@case("discretize_bilinear", agrees_with=_cont2discrete("bilinear"))
def columns_of_every_kind(discretize_bilinear, draw):
    """一列、多列，以及写成向量的一列"""
    a = draw.normal(5, 5) - 5 * torch.eye(5, dtype=draw.dtype)
    return [discretize_bilinear(a, draw.normal(*shape), 0.4) for shape in ((5,), (5, 1), (5, 3))]


@case("discretize_bilinear", agrees_with=_cont2discrete("bilinear"))
def one_number_and_no_dynamics(discretize_bilinear, draw):
    """一个数，以及 A = 0"""
    zero = torch.zeros(3, 3, dtype=draw.dtype)
    return discretize_bilinear(-draw.uniform(1, 1), draw.normal(1), 0.7), discretize_bilinear(zero, draw.normal(3), 0.5)


# float32 solves a system of condition 30
@case("discretize_bilinear", agrees_with=_cont2discrete("bilinear"), rtol=1e-4, atol=1e-5)
def the_hippo_system_by_the_trapezoidal_rule(discretize_bilinear, draw):
    """用梯形法离散 HiPPO 系统"""
    return discretize_bilinear(*hippo(draw, 8), draw.number(0.01, 0.2))


@case("discretize_bilinear", agrees_with=_trapezoid)
def a_step_that_is_a_tensor(discretize_bilinear, draw):
    """步长是张量"""
    return discretize_bilinear(draw.normal(3, 3), draw.normal(3), draw.uniform(low=0.1, high=0.3))


@case("discretize_bilinear", agrees_with=_trapezoid)
def a_fast_decay_turns_into_an_oscillation(discretize_bilinear, draw):
    """衰减很快时变成振荡"""
    a = -torch.diag(draw.uniform(3, low=100, high=1000)) + draw.normal(3, 3).triu(1)
    return discretize_bilinear(a, draw.normal(3), 1.0)


@case("discretize_bilinear", facet="numerics", agrees_with=_trapezoid, **RELATIVE)
def an_input_over_a_tiny_step_keeps_its_digits(discretize_bilinear, draw):
    """极小步长上的 B̄ 保持有效数字"""
    a, b = draw.normal(3, 3), draw.uniform(3, 2, low=1, high=2)
    return [discretize_bilinear(a, b, dt)[1] for dt in (1e-3, 1e-6, 1e-9)]


@case("discretize_bilinear", facet="interface", agrees_with=_trapezoid)
def matrices_with_gaps(discretize_bilinear, draw):
    """不连续的矩阵"""
    return discretize_bilinear(draw.strided(draw.normal(3, 3)), draw.normal(2, 3).mT, 0.2)


@case("discretize_bilinear", facet="gradient", agrees_with=_trapezoid)
def gradients_of_the_trapezoidal_step(discretize_bilinear, draw):
    """梯形法的梯度"""
    step = draw.uniform(low=0.1, high=0.3)
    return vjp(discretize_bilinear, draw.normal(3, 3), draw.normal(3, 2), step, cotangent=draw)


bilinear_rectangle = case("discretize_bilinear", facet="interface", raises=ValueError)(a_rectangle_is_refused)
bilinear_column = case("discretize_bilinear", facet="interface", raises=ValueError)(a_column_too_short_is_refused)


# ssm_recurrence


@case("ssm_recurrence", agrees_with=_unrolled)
def signals_of_every_shape(ssm_recurrence, draw):
    """各种形状的信号"""
    return [ssm_recurrence(*system(draw, 4), draw.normal(*shape)) for shape in ((7,), (3, 5), (2, 1, 6), (2, 1))]


@case("ssm_recurrence", agrees_with=_unrolled)
def a_state_of_one_and_a_state_of_seven(ssm_recurrence, draw):
    """一维状态与七维状态"""
    return ssm_recurrence(*system(draw, 1), draw.normal(5)), ssm_recurrence(*system(draw, 7), draw.normal(2, 5))


@case("ssm_recurrence", agrees_with=_unrolled)
def a_delay_line_repeats_the_signal_later(ssm_recurrence, draw):
    """移位寄存器把信号推迟若干步"""
    n = 4
    shift = torch.diag(torch.ones(n - 1, dtype=draw.dtype), -1)
    first, last = torch.eye(n, dtype=draw.dtype)[[0, -1]]
    return ssm_recurrence(shift, first, last, draw.normal(3, 9))


# 300 steps of a slowly decaying state, rounded at every one
@case("ssm_recurrence", facet="numerics", agrees_with=_unrolled, rtol=1e-4, atol=1e-4)
def three_hundred_steps_that_hardly_decay(ssm_recurrence, draw):
    """三百步，几乎不衰减"""
    angle = draw.uniform(low=0.3, high=1)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
    return ssm_recurrence(0.999 * turn, draw.normal(2), draw.normal(2), draw.normal(300))


@case("ssm_recurrence", facet="interface", agrees_with=_unrolled)
def no_steps_and_no_signals(ssm_recurrence, draw):
    """零步，零个信号"""
    return ssm_recurrence(*system(draw, 3), draw.normal(2, 0)), ssm_recurrence(*system(draw, 3), draw.normal(0, 4))


@case("ssm_recurrence", facet="interface", agrees_with=_unrolled)
def signals_that_are_not_contiguous(ssm_recurrence, draw):
    """不连续的输入"""
    a, b, c = system(draw, 3)
    return ssm_recurrence(a.mT, draw.strided(b), draw.strided(c), draw.normal(5, 2).mT)


@case("ssm_recurrence", facet="gradient", agrees_with=_unrolled)
def gradients_of_the_system_and_the_signal(ssm_recurrence, draw):
    """对系统与信号的梯度"""
    return vjp(ssm_recurrence, *system(draw, 3), draw.normal(2, 6), cotangent=draw)


@case("ssm_recurrence", facet="interface", raises=ValueError)
def a_state_matrix_that_is_not_square_is_refused(ssm_recurrence, draw):
    """拒绝不是方阵的 Ā"""
    return ssm_recurrence(draw.normal(1, 3), draw.normal(3), draw.normal(3), draw.normal(4))


@case("ssm_recurrence", facet="interface", raises=ValueError)
def an_input_vector_of_another_state_is_refused(ssm_recurrence, draw):
    """拒绝长度不对的 B̄"""
    return ssm_recurrence(stable(draw, 3), draw.normal(1), draw.normal(3), draw.normal(4))


@case("ssm_recurrence", facet="interface", raises=ValueError)
def an_output_matrix_is_refused(ssm_recurrence, draw):
    """拒绝形状不对的 C"""
    return ssm_recurrence(stable(draw, 1), draw.normal(1), draw.normal(1, 1), draw.normal(4))


# ssm_kernel


@case("ssm_kernel", agrees_with=_powers)
def kernels_of_every_length(ssm_kernel, draw):
    """各种长度的核"""
    return [ssm_kernel(*system(draw, 4), length) for length in (1, 2, 5, 16)]


@case("ssm_kernel", agrees_with=_powers)
def states_of_one_and_of_seven(ssm_kernel, draw):
    """一维状态与七维状态"""
    return ssm_kernel(*system(draw, 1), 6), ssm_kernel(*system(draw, 7), 6)


@case("ssm_kernel", agrees_with=_powers, weight=2)
def a_matrix_without_a_basis_of_eigenvectors(ssm_kernel, draw):
    """没有特征向量基的矩阵"""
    jordan = 0.8 * torch.eye(4, dtype=draw.dtype) + torch.diag(torch.ones(3, dtype=draw.dtype), 1)
    return ssm_kernel(jordan, draw.normal(4), draw.normal(4), 9)


@case("ssm_kernel", agrees_with=_powers)
def a_matrix_that_forgets_at_once(ssm_kernel, draw):
    """Ā = 0 与幂零的 Ā"""
    nilpotent = draw.normal(3, 3).triu(1)
    taps = ssm_kernel(nilpotent, draw.normal(3), draw.normal(3), 6)
    return taps, ssm_kernel(torch.zeros_like(nilpotent), draw.normal(3), draw.normal(3), 4)


# 300 products, each rounded
@case("ssm_kernel", facet="numerics", agrees_with=_powers, rtol=1e-4, atol=1e-4)
def three_hundred_taps(ssm_kernel, draw):
    """三百个抽头"""
    angle = draw.uniform(low=0.3, high=1)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
    return ssm_kernel(0.999 * turn, draw.normal(2), draw.normal(2), 300)


@case("ssm_kernel", facet="interface", agrees_with=_powers)
def no_taps(ssm_kernel, draw):
    """零个抽头"""
    return ssm_kernel(*system(draw, 3), 0)


@case("ssm_kernel", facet="interface", agrees_with=_powers)
def systems_that_are_not_contiguous(ssm_kernel, draw):
    """不连续的输入"""
    a, b, c = system(draw, 3)
    return ssm_kernel(a.mT, draw.strided(b), draw.strided(c), 5)


@case("ssm_kernel", facet="gradient", agrees_with=_powers)
def gradients_of_the_taps(ssm_kernel, draw):
    """抽头的梯度"""
    return vjp(ssm_kernel, *system(draw, 3), 6, cotangent=draw)


@case("ssm_kernel", facet="interface", raises=ValueError)
def a_rectangular_state_matrix_is_refused(ssm_kernel, draw):
    """拒绝不是方阵的 Ā"""
    return ssm_kernel(draw.normal(1, 3), draw.normal(3), draw.normal(1), 1)


@case("ssm_kernel", facet="interface", raises=ValueError)
def an_input_matrix_is_refused(ssm_kernel, draw):
    """拒绝形状不对的 B̄"""
    return ssm_kernel(stable(draw, 3), draw.normal(3, 1), draw.normal(3), 4)


@case("ssm_kernel", facet="interface", raises=ValueError)
def an_output_matrix_of_one_row_is_refused(ssm_kernel, draw):
    """拒绝形状不对的 C"""
    return ssm_kernel(stable(draw, 1), draw.normal(1), draw.normal(1, 1), 4)


@case("ssm_kernel", facet="interface", raises=ValueError)
def a_negative_length_is_refused(ssm_kernel, draw):
    """拒绝负的长度"""
    return ssm_kernel(*system(draw, 3), -1)


# ssm_convolution


@case("ssm_convolution", agrees_with=_toeplitz)
def odd_and_even_lengths(ssm_convolution, draw):
    """奇数与偶数的长度"""
    return [ssm_convolution(draw.normal(n), draw.normal(n)) for n in (1, 2, 7, 10, 13)]


@case("ssm_convolution", agrees_with=_toeplitz)
def fewer_taps_and_more_taps_than_steps(ssm_convolution, draw):
    """抽头比信号短，或者比信号长"""
    return [ssm_convolution(draw.normal(k), draw.normal(n)) for k, n in ((3, 10), (10, 3), (1, 6), (6, 1), (4, 7))]


@case("ssm_convolution", agrees_with=_toeplitz, weight=2)
def the_end_of_the_signal_does_not_come_back_at_its_beginning(ssm_convolution, draw):
    """信号的末尾不会绕回开头"""
    x = draw.normal(12)
    x[:9] = 0
    return ssm_convolution(draw.normal(12), x)


@case("ssm_convolution", agrees_with=_toeplitz)
def signals_and_kernels_side_by_side(ssm_convolution, draw):
    """成批的信号与核"""
    x = draw.normal(2, 3, 9)
    return (
        ssm_convolution(draw.normal(9), x),
        ssm_convolution(draw.normal(3, 5), x),
        ssm_convolution(draw.normal(2, 4), x[1, :1]),
    )


@case("ssm_convolution", agrees_with=_toeplitz)
def the_kernel_of_a_system(ssm_convolution, draw):
    """一个系统的核"""
    return ssm_convolution(_powers(*system(draw, 3), 20), draw.normal(4, 20))


@case("ssm_convolution", facet="memory", expected=True, dtypes=DOUBLE)
def memory_grows_with_the_length_and_not_with_its_square(ssm_convolution, draw):
    """内存正比于长度，而不是长度的平方"""
    length = draw.integer(700, 900)
    return largest_tensor(ssm_convolution, draw.normal(length), draw.normal(length)) <= 16 * length


@case("ssm_convolution", facet="numerics", expected=True, dtypes=DOUBLE)
def no_loop_over_the_steps(ssm_convolution, draw):
    """不逐步循环"""
    length = draw.integer(500, 600)
    return operator_calls(ssm_convolution, draw.normal(length), draw.normal(length)) <= 100


@case("ssm_convolution", facet="interface", agrees_with=_toeplitz)
def taps_and_steps_that_are_not_contiguous(ssm_convolution, draw):
    """不连续的输入"""
    return ssm_convolution(draw.strided(draw.normal(5)), draw.normal(7, 2).mT)


@case("ssm_convolution", facet="gradient", agrees_with=_toeplitz)
def gradients_of_the_kernel_and_the_signal(ssm_convolution, draw):
    """对核与信号的梯度"""
    return vjp(ssm_convolution, draw.normal(5), draw.normal(2, 8), cotangent=draw), vjp(
        ssm_convolution, draw.normal(7), draw.normal(7), cotangent=draw
    )


# selective_parameters


def weights(draw, channels, state):
    return [
        draw.normal(state, channels),
        draw.normal(state, channels),
        draw.normal(channels, channels),
        draw.normal(channels),
    ]


@case("selective_parameters", agrees_with=_linear_layers)
def tokens_of_every_shape(selective_parameters, draw):
    """各种形状的 token"""
    return [selective_parameters(draw.normal(*shape, 3), *weights(draw, 3, 5)) for shape in ((), (4,), (2, 3), (1, 1))]


@case("selective_parameters", agrees_with=_linear_layers)
def one_channel_and_one_state(selective_parameters, draw):
    """一个通道，一维状态"""
    x = draw.normal(2, 3, 1)
    return selective_parameters(x, *weights(draw, 1, 1)), selective_parameters(x, *weights(draw, 1, 4))


@case("selective_parameters", agrees_with=_linear_layers)
def as_many_states_as_channels(selective_parameters, draw):
    """状态与通道一样多"""
    return selective_parameters(draw.normal(2, 3, 4), *weights(draw, 4, 4))


@case("selective_parameters", facet="numerics", agrees_with=_linear_layers, weight=2)
def a_step_before_softplus_of_plus_and_minus_a_thousand(selective_parameters, draw):
    """softplus 的自变量为 ±1000"""
    w_b, w_c, w_dt, _ = weights(draw, 3, 2)
    return selective_parameters(
        draw.normal(4, 3), w_b, w_c, w_dt, torch.tensor([-1000.0, 0.0, 1000.0], dtype=draw.dtype)
    )


@case("selective_parameters", facet="numerics", agrees_with=_linear_layers, weight=2, **RELATIVE)
def a_small_step_keeps_its_digits(selective_parameters, draw):
    """很小的步长保持有效数字"""
    w_b, w_c, w_dt, _ = weights(draw, 3, 2)
    return selective_parameters(draw.normal(4, 3), w_b, w_c, 0 * w_dt, draw.uniform(3, low=-60, high=-20))[0]


@case("selective_parameters", facet="gradient", agrees_with=_linear_layers)
def gradients_of_tokens_and_weights(selective_parameters, draw):
    """对 token 与权重的梯度"""
    return vjp(selective_parameters, draw.normal(2, 3, 4), *weights(draw, 4, 3), cotangent=draw)


@case("selective_parameters", facet="gradient", agrees_with=_linear_layers)
def gradients_at_plus_and_minus_a_thousand(selective_parameters, draw):
    """±1000 处的梯度"""
    w_b, w_c, w_dt, _ = weights(draw, 3, 2)
    bias = torch.tensor([-1000.0, 0.5, 1000.0], dtype=draw.dtype)
    return vjp(selective_parameters, draw.normal(4, 3), w_b, w_c, w_dt, bias, cotangent=draw)


@case("selective_parameters", agrees_with=_linear_layers, **ROUNDED)
def parameters_in_bfloat16(selective_parameters, draw):
    """bfloat16 的选择性参数"""
    return selective_parameters(draw.normal(2, 5, 3), *weights(draw, 3, 2))


@case("selective_parameters", facet="interface", agrees_with=_linear_layers)
def no_tokens_and_views(selective_parameters, draw):
    """零个 token，以及不连续的输入"""
    strided = [draw.strided(w) for w in weights(draw, 3, 2)]
    return selective_parameters(draw.normal(0, 5, 3), *strided), selective_parameters(draw.normal(3, 4).mT, *strided)


@case("selective_parameters", facet="interface", raises=ValueError)
def weights_the_other_way_round_are_refused(selective_parameters, draw):
    """拒绝转置的权重"""
    _, _, w_dt, b_dt = weights(draw, 3, 2)
    return selective_parameters(draw.normal(4, 3), draw.normal(3, 2), draw.normal(3, 2), w_dt, b_dt)


# selective_scan


@case("selective_scan", agrees_with=_attention_form)
def scans_of_every_size(selective_scan, draw):
    """各种大小"""
    return [selective_scan(*tokens(draw, *sizes)) for sizes in ((2, 7, 3, 5), (1, 1, 1, 1), (3, 4, 1, 2), (1, 5, 4, 1))]


@case("selective_scan", agrees_with=_attention_form)
def as_many_channels_as_states_and_tokens(selective_scan, draw):
    """通道、状态、token 与批一样多"""
    return selective_scan(*tokens(draw, 4, 4, 4, 4))


@case("selective_scan", agrees_with=_attention_form)
def every_part_alone(selective_scan, draw):
    """只有直接通路，或者只有状态"""
    x, dt, a, b, c, d = tokens(draw, 2, 5, 3, 2)
    return selective_scan(x, dt, a, b, 0 * c, d), selective_scan(x, dt, a, b, c, 0 * d)


@case("selective_scan", agrees_with=_attention_form)
def a_step_of_nearly_nothing_skips_a_token(selective_scan, draw):
    """步长接近 0 时跳过这个 token"""
    x, dt, a, b, c, d = tokens(draw, 2, 6, 3, 2)
    dt[:, 1:5:2] = 1e-9
    return selective_scan(x, dt, a, b, c, d)


@case("selective_scan", facet="numerics", agrees_with=_attention_form, weight=2)
def a_long_step_forgets_what_came_before(selective_scan, draw):
    """步长很大时忘掉之前的一切"""
    x, dt, a, b, c, d = tokens(draw, 2, 6, 3, 2)
    dt[:, 3] = 1000
    return selective_scan(x / 1000, dt, a, b, c, d)


# float32 rounds at every one of 120 steps
@case("selective_scan", facet="numerics", agrees_with=_attention_form, rtol=1e-4, atol=1e-4)
def a_hundred_and_twenty_tokens_with_fast_decay(selective_scan, draw):
    """一百二十个 token，衰减很快"""
    x, dt, a, b, c, d = tokens(draw, 1, 120, 2, 2)
    return selective_scan(x, dt, 20 * a, b, c, d), selective_scan(x, dt, a / 100, b, c, d)


@case("selective_scan", agrees_with=_attention_form)
def a_that_is_zero_or_turns_outward(selective_scan, draw):
    """a 为 0，或者为正"""
    x, dt, a, b, c, d = tokens(draw, 2, 5, 3, 4)
    a[:, 0], a[:, 1] = 0, 0.5
    return selective_scan(x, dt, a, b, c, d)


@case("selective_scan", agrees_with=_attention_form, **ROUNDED)
def a_scan_in_bfloat16(selective_scan, draw):
    """bfloat16 的选择性扫描"""
    return selective_scan(*tokens(draw, 2, 6, 3, 2))


@case("selective_scan", facet="gradient", agrees_with=_attention_form)
def gradients_of_all_six(selective_scan, draw):
    """对六个参数的梯度"""
    return vjp(selective_scan, *tokens(draw, 2, 5, 3, 4), cotangent=draw)


@case("selective_scan", facet="gradient", agrees_with=_attention_form)
def gradients_where_everything_decays(selective_scan, draw):
    """衰减到零处的梯度"""
    x, dt, a, b, c, d = tokens(draw, 1, 5, 2, 2)
    return vjp(selective_scan, x, dt, a * 3000, b, c, d, cotangent=draw)


@case("selective_scan", facet="interface", agrees_with=_attention_form)
def nothing_to_scan(selective_scan, draw):
    """零个 token，零个序列"""
    return selective_scan(*tokens(draw, 2, 0, 3, 4)), selective_scan(*tokens(draw, 0, 5, 3, 4))


@case("selective_scan", facet="interface", agrees_with=_attention_form)
def tokens_that_are_not_contiguous(selective_scan, draw):
    """不连续的输入"""
    x, dt, a, b, c, d = tokens(draw, 4, 5, 3, 2)
    swapped = [draw.strided(t.transpose(0, 1)) for t in (x, dt, b, c)]
    return selective_scan(swapped[0], swapped[1], draw.strided(a), swapped[2], swapped[3], draw.strided(d))


def _refused(index, shape, chinese, name):
    """A case with one argument of a shape that broadcasting would accept; x is (2, 4, 3), the state 5."""

    def driver(selective_scan, draw):
        arguments = tokens(draw, 2, 4, 3, 5)
        arguments[index] = draw.uniform(*shape)
        return selective_scan(*arguments)

    driver.__name__, driver.__doc__ = name, chinese
    return case("selective_scan", facet="interface", raises=ValueError)(driver)


step_of_another_shape = _refused(1, (2, 4, 1), "拒绝形状不对的 Δ", "a_step_shared_by_all_channels_is_refused")
decay_of_another_shape = _refused(2, (1, 5), "拒绝形状不对的 a", "a_decay_shared_by_all_channels_is_refused")
input_of_another_shape = _refused(3, (1, 4, 5), "拒绝批大小不对的 B", "a_b_shared_by_the_batch_is_refused")
input_of_another_length = _refused(3, (2, 6, 5), "拒绝长度不对的 B", "a_b_of_more_tokens_is_refused")
output_of_another_shape = _refused(4, (1, 4, 5), "拒绝批大小不对的 C", "a_c_shared_by_the_batch_is_refused")
direct_of_another_shape = _refused(5, (1,), "拒绝形状不对的 d", "a_direct_path_shared_by_all_channels_is_refused")


# associative_scan


@case("associative_scan", agrees_with=_loop)
def every_length_not_only_powers_of_two(associative_scan, draw):
    """任意长度，不只是 2 的幂"""
    return [associative_scan(draw.uniform(2, n, 3), draw.normal(2, n, 3)) for n in (1, 2, 3, 4, 5, 6, 7, 9, 17, 31)]


@case("associative_scan", agrees_with=_loop)
def along_every_dimension(associative_scan, draw):
    """沿每一个维度"""
    gates, values = draw.uniform(3, 5, 4), draw.normal(3, 5, 4)
    return [associative_scan(gates, values, dim) for dim in range(-3, 3)]


@case("associative_scan", agrees_with=_loop)
def along_the_second_dimension_unless_told(associative_scan, draw):
    """不指定时沿第二维"""
    line = associative_scan(draw.uniform(9), draw.normal(9), dim=0)
    return (
        associative_scan(draw.uniform(3, 6), draw.normal(3, 6)),
        associative_scan(draw.uniform(2, 5, 3, 2), draw.normal(2, 5, 3, 2)),
        line,
    )


@case("associative_scan", agrees_with=_loop, weight=2)
def gates_that_are_zero_or_negative(associative_scan, draw):
    """门为零或为负"""
    gates = draw.uniform(3, 11, low=-1, high=1) * draw.mask(3, 11, p=0.6)
    gates[:, 4:6] = 0
    return associative_scan(gates, draw.normal(3, 11))


@case("associative_scan", facet="numerics", agrees_with=_loop, weight=2)
def gates_whose_product_underflows(associative_scan, draw):
    """乘积下溢的门"""
    return associative_scan(draw.magnitudes(2, 40, low=1e-30, high=1e-8), draw.normal(2, 40))


# products of a hundred gates, rounded each; all terms positive, so nothing cancels
@case("associative_scan", facet="numerics", agrees_with=_loop, rtol=1e-5, atol=0.0)
def gates_near_one_over_a_long_time(associative_scan, draw):
    """接近 1 的门，很长的序列"""
    return associative_scan(draw.uniform(1, 777, low=0.999, high=1), draw.uniform(1, 777, low=0.5, high=1))


@case("associative_scan", facet="numerics", expected=True, dtypes=DOUBLE, weight=2)
def the_number_of_rounds_is_a_logarithm(associative_scan, draw):
    """轮数是长度的对数"""
    n = draw.integer(900, 1000)
    once, twice = (operator_calls(associative_scan, draw.uniform(1, m), draw.normal(1, m)) for m in (n, 2 * n))
    return twice - once <= 40


@case("associative_scan", facet="memory", expected=True, dtypes=DOUBLE)
def memory_grows_with_the_length(associative_scan, draw):
    """内存正比于长度"""
    n = draw.integer(200, 300)
    return largest_tensor(associative_scan, draw.uniform(2, n), draw.normal(2, n)) <= 4 * 2 * n


@case("associative_scan", agrees_with=_loop, **ROUNDED)
def joined_in_bfloat16(associative_scan, draw):
    """bfloat16 的结合扫描"""
    return associative_scan(draw.uniform(2, 11, 3), draw.normal(2, 11, 3))


@case("associative_scan", facet="gradient", agrees_with=_loop)
def gradients_of_gates_and_values(associative_scan, draw):
    """对门与值的梯度"""
    return vjp(associative_scan, draw.uniform(2, 7, 3), draw.normal(2, 7, 3), cotangent=draw), vjp(
        associative_scan, draw.uniform(6, 2), draw.normal(6, 2), cotangent=draw, dim=0
    )


@case("associative_scan", facet="gradient", agrees_with=_loop)
def gradients_through_gates_of_zero(associative_scan, draw):
    """零门处的梯度"""
    gates = draw.uniform(2, 9)
    gates[:, [0, 3, 4, 8]] = 0
    return vjp(associative_scan, gates, draw.normal(2, 9), cotangent=draw)


@case("associative_scan", facet="interface", agrees_with=_loop)
def nothing_to_join(associative_scan, draw):
    """零步，零个序列"""
    return associative_scan(draw.uniform(2, 0, 3), draw.normal(2, 0, 3)), associative_scan(
        draw.uniform(0, 4), draw.normal(0, 4)
    )


@case("associative_scan", facet="interface", agrees_with=_loop)
def gates_that_are_not_contiguous(associative_scan, draw):
    """不连续的输入"""
    return associative_scan(draw.strided(draw.uniform(3, 5)), draw.normal(5, 3).mT)


@case("associative_scan", facet="interface", raises=ValueError)
def gates_shared_by_the_channels_are_refused(associative_scan, draw):
    """拒绝形状不同的门"""
    return associative_scan(draw.uniform(2, 6, 1), draw.normal(2, 6, 3))


@case("associative_scan", facet="interface", raises=ValueError)
def a_dimension_that_is_not_there_is_refused(associative_scan, draw):
    """拒绝不存在的维度"""
    return associative_scan(draw.uniform(6), draw.normal(6))


def a_loop_over_time(gates, values, dim=1):
    """The recurrence as it stands, one step after another."""
    h, states = torch.zeros_like(values.select(dim, 0)), []
    for g, v in zip(gates.unbind(dim), values.unbind(dim), strict=True):
        h = g * h + v
        states.append(h)
    return torch.stack(states, dim)


@case("associative_scan", facet="speed", faster_than=a_loop_over_time)
def thousands_of_steps_at_once(associative_scan, draw):
    """一次走完上万步"""
    length = draw.integer(9_000, 10_000)
    return associative_scan(draw.uniform(length, 1), draw.normal(length, 1), dim=0)
