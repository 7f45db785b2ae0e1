"""The visible checks of chapter 16: what a student sees on pressing check. Draws are fixed and public."""

import scipy.signal
import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import operator_calls, vjp

RULES = {
    "discretize_zoh": Rules(forbids=("cont2discrete",)),
    "discretize_bilinear": Rules(forbids=("cont2discrete",)),
    "ssm_recurrence": Rules(forbids=("dlsim", "*lfilter*", "dstep")),
    "ssm_kernel": Rules(forbids=("dlsim", "*lfilter*", "dimpulse")),
    "ssm_convolution": Rules(forbids=("*conv*", "*correlate*", "*lfilter*")),
    "selective_parameters": Rules(forbids=("softplus", "logsigmoid")),
    "associative_scan": Rules(forbids=("*lfilter*", "*associative_scan*")),
}


def _cont2discrete(method):
    def oracle(a, b, dt):
        columns = b.reshape(len(b), -1).double().numpy()
        system = a.double().numpy(), columns, columns.T, columns.T @ columns
        a_bar, b_bar, *_ = scipy.signal.cont2discrete(system, float(dt), method)
        return torch.from_numpy(a_bar).to(a.dtype), torch.from_numpy(b_bar).to(a.dtype).reshape(b.shape)

    return oracle


def _dlsim(a_bar, b_bar, c, x):
    """SciPy's system answers from the state before the step: C and D are those of one step later."""
    a, b, read = a_bar.double(), b_bar.double()[:, None], c.double()[None]
    system = a.numpy(), b.numpy(), (a.mT @ c.double())[None].numpy(), (read @ b).numpy(), 1.0
    return torch.from_numpy(scipy.signal.dlsim(system, x.double().numpy())[1][:, 0]).to(x.dtype)


def _powers(a_bar, b_bar, c, length):
    """Every tap from a power of its own."""
    a, b, read = a_bar.double(), b_bar.double(), c.double()
    taps = [read @ torch.linalg.matrix_power(a, j) @ b for j in range(length)]
    return torch.stack(taps).to(a_bar.dtype) if taps else a_bar.new_zeros(0)


def _fftconvolve(kernel, x):
    full = scipy.signal.fftconvolve(x.double().numpy(), kernel.double().numpy(), axes=-1)
    return torch.from_numpy(full[..., : x.shape[-1]]).to(x.dtype)


def _linear_layers(x, w_b, w_c, w_dt, b_dt):
    return F.softplus(F.linear(x, w_dt, b_dt), threshold=30), F.linear(x, w_b), F.linear(x, w_c)


def _attention_form(x, dt, a, b, c, d):
    """Every output as a weighted sum over the past: the weight of s in t is C_t exp(a Σ_{s<r≤t} Δ_r) Δ_s B_s."""
    elapsed = dt.double().cumsum(1)
    between = elapsed[:, :, None] - elapsed[:, None, :]
    past = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    decay = torch.exp(between[..., None] * a.double()).masked_fill(~past[:, :, None, None], 0)
    weights = torch.einsum("btscn,btn,bsn->btsc", decay, c.double(), b.double())
    return (torch.einsum("btsc,bsc,bsc->btc", weights, dt.double(), x.double()) + d * x).to(x.dtype)


def _loop(gates, values, dim=1):
    h, found = 0, []
    for gate, value in zip(gates.double().unbind(dim), values.double().unbind(dim), strict=True):
        h = gate * h + value
        found.append(h)
    return torch.stack(found, dim).to(values.dtype)


def _stable(draw, n):
    """A random matrix whose spectral radius is below 1: its rows sum to 0.9 in absolute value."""
    a = draw.normal(n, n)
    return 0.9 * a / a.abs().sum(1, keepdim=True)


_SQUARES = torch.tensor([[1.0, 0, 0], [3, 4, 0], [5, 15, 9]]), torch.tensor([[1.0], [3], [5]])


@case("hippo_legs", expected=(-_SQUARES[0].sqrt(), _SQUARES[1].sqrt()), dtypes=(torch.float32,))
def the_matrices_of_three_coefficients(hippo_legs, draw):
    """三个系数时的两个矩阵"""
    return hippo_legs(3)


@case("discretize_zoh", agrees_with=_cont2discrete("zoh"), dtypes=(torch.float64,))
def a_step_with_the_input_held(discretize_zoh, draw):
    """输入在一步之内保持不变"""
    return discretize_zoh(draw.normal(4, 4), draw.normal(4, 1), 0.3)


@case("discretize_zoh", agrees_with=_cont2discrete("zoh"))
def a_is_zero_and_the_state_only_adds_up(discretize_zoh, draw):
    """A = 0，状态只做累加"""
    return discretize_zoh(torch.zeros(3, 3, dtype=draw.dtype), draw.normal(3), 0.25)


@case("discretize_bilinear", agrees_with=_cont2discrete("bilinear"))
def a_step_by_the_trapezoidal_rule(discretize_bilinear, draw):
    """用梯形法走一步"""
    return discretize_bilinear(draw.normal(4, 4) - 4 * torch.eye(4, dtype=draw.dtype), draw.normal(4, 1), 0.3)


@case("ssm_recurrence", agrees_with=_dlsim)
def a_signal_goes_through_step_by_step(ssm_recurrence, draw):
    """信号逐步通过系统"""
    return ssm_recurrence(_stable(draw, 3), draw.normal(3), draw.normal(3), draw.normal(9))


@case("ssm_kernel", agrees_with=_powers)
def the_answer_to_a_single_one(ssm_kernel, draw):
    """系统对单个 1 的响应"""
    return ssm_kernel(_stable(draw, 3), draw.normal(3), draw.normal(3), 7)


@case("ssm_convolution", agrees_with=_fftconvolve)
def the_signal_is_convolved_with_the_kernel(ssm_convolution, draw):
    """信号与核做卷积"""
    return ssm_convolution(draw.normal(8), draw.normal(8))


@case("selective_parameters", agrees_with=_linear_layers)
def three_linear_layers_and_a_softplus(selective_parameters, draw):
    """三个线性层，一个 softplus"""
    weights = draw.normal(3, 4), draw.normal(3, 4), draw.normal(4, 4), draw.normal(4)
    return selective_parameters(draw.normal(2, 5, 4), *weights)


@case("selective_scan", agrees_with=_attention_form)
def every_token_has_a_step_of_its_own(selective_scan, draw):
    """每个 token 有自己的步长"""
    x, dt, a = draw.normal(2, 6, 3), draw.uniform(2, 6, 3, low=0.1, high=1), -draw.uniform(3, 4, low=0.2, high=2)
    return selective_scan(x, dt, a, draw.normal(2, 6, 4), draw.normal(2, 6, 4), draw.normal(3))


@case("associative_scan", agrees_with=_loop)
def the_states_of_a_gated_recurrence(associative_scan, draw):
    """门控递推的全部状态"""
    return associative_scan(draw.uniform(2, 8, 3), draw.normal(2, 8, 3))


@case("associative_scan", agrees_with=_loop)
def a_gate_of_zero_forgets(associative_scan, draw):
    """门为 0 时遗忘一切"""
    gates = draw.uniform(2, 7, 3)
    gates[:, 3] = 0
    return associative_scan(gates, draw.normal(2, 7, 3))


@case("associative_scan", facet="numerics", expected=True, dtypes=(torch.float64,))
def twice_the_length_costs_one_more_round(associative_scan, draw):
    """长度加倍，只多一轮"""
    once, twice = (operator_calls(associative_scan, draw.uniform(1, n), draw.normal(1, n)) for n in (300, 600))
    return twice - once <= 40


@case("ssm_recurrence", facet="gradient", agrees_with=lambda a, b, c, x: _toeplitz(_powers(a, b, c, x.shape[-1]), x))
def gradients_go_back_through_time(ssm_recurrence, draw):
    """梯度沿时间传回去"""
    return vjp(ssm_recurrence, _stable(draw, 3), draw.normal(3), draw.normal(3), draw.normal(6), cotangent=draw)


def _toeplitz(kernel, x):
    """The convolution as a product with the matrix T_ks = K_{k−s}."""
    taps, length = kernel.shape[-1], x.shape[-1]
    lag = torch.arange(length)[:, None] - torch.arange(length)
    inside = (lag >= 0) & (lag < taps)
    matrix = kernel.double()[..., lag.clamp(0, taps - 1)] * inside
    return (matrix @ x.double()[..., None]).squeeze(-1).to(x.dtype)
