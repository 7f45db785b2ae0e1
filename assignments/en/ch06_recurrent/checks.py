"""The visible checks of chapter 6: what a student sees on pressing check. Draws are fixed and public."""

import torch
from torch import nn
from torch.func import functional_call

from autograder.cases import Rules, case
from autograder.operations import vjp

RNN = ("*rnn*",)
LSTM = ("*lstm*", "*rnn*")
GRU = ("*gru*", "*rnn*")

RULES = {
    "rnn_cell": Rules(forbids=RNN),
    "rnn": Rules(forbids=RNN),
    "lstm_cell": Rules(forbids=LSTM),
    "lstm": Rules(forbids=LSTM),
    "gru_cell": Rules(forbids=GRU),
    "gru": Rules(forbids=GRU),
}


def weights(draw, gates, inputs, hidden):
    """w_ih, w_hh, b_ih, b_hh of a cell with so many blocks of rows."""
    rows = gates * hidden
    return draw.normal(rows, inputs), draw.normal(rows, hidden), draw.normal(rows), draw.normal(rows)


def through_module(kind, arguments, w_ih, w_hh, b_ih, b_hh, layer=""):
    """What a module of torch computes with these weights."""
    module = kind(w_ih.shape[1], w_hh.shape[1], dtype=w_ih.dtype)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    parameters = {name + layer: w for name, w in zip(names, (w_ih, w_hh, b_ih, b_hh), strict=True)}
    return functional_call(module, parameters, arguments)


def torch_rnn_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    """Equation 6.1 by torch."""
    return through_module(nn.RNNCell, (x, h), w_ih, w_hh, b_ih, b_hh)


def torch_rnn(x, h0, w_ih, w_hh, b_ih, b_hh):
    """Equation 6.1 along a sequence by torch, without the dimension of layers."""
    outputs, h = through_module(nn.RNN, (x, h0[None]), w_ih, w_hh, b_ih, b_hh, layer="_l0")
    return outputs, h[0]


def torch_lstm_cell(x, state, w_ih, w_hh, b_ih, b_hh):
    """Equations 6.2 to 6.7 by torch."""
    return through_module(nn.LSTMCell, (x, state), w_ih, w_hh, b_ih, b_hh)


def torch_lstm(x, state, w_ih, w_hh, b_ih, b_hh):
    """Equations 6.2 to 6.7 along a sequence by torch, without the dimension of layers."""
    h0, c0 = state
    outputs, (h, c) = through_module(nn.LSTM, (x, (h0[None], c0[None])), w_ih, w_hh, b_ih, b_hh, layer="_l0")
    return outputs, (h[0], c[0])


def torch_gru_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    """Equations 6.8 to 6.11 by torch."""
    return through_module(nn.GRUCell, (x, h), w_ih, w_hh, b_ih, b_hh)


def torch_gru(x, h0, w_ih, w_hh, b_ih, b_hh):
    """Equations 6.8 to 6.11 along a sequence by torch, without the dimension of layers."""
    outputs, h = through_module(nn.GRU, (x, h0[None]), w_ih, w_hh, b_ih, b_hh, layer="_l0")
    return outputs, h[0]


@case("rnn_cell", agrees_with=torch_rnn_cell)
def a_state_reads_one_input(rnn_cell, draw):
    """状态读入一个输入"""
    return rnn_cell(draw.normal(3, 2), draw.normal(3, 4), *weights(draw, 1, 2, 4))


@case("rnn_cell", facet="gradient", agrees_with=torch_rnn_cell)
def gradients_reach_input_state_and_weights(rnn_cell, draw):
    """梯度传到输入、状态与权重"""
    return vjp(rnn_cell, draw.normal(3, 2), draw.normal(3, 4), *weights(draw, 1, 2, 4), cotangent=draw)


@case("rnn", agrees_with=torch_rnn)
def every_step_starts_from_the_state_before(rnn, draw):
    """每一步从上一步的状态出发"""
    return rnn(draw.normal(5, 3, 2), draw.normal(3, 4), *weights(draw, 1, 2, 4))


@case("rnn", facet="gradient", agrees_with=torch_rnn)
def gradients_flow_back_through_time(rnn, draw):
    """梯度沿时间反向传播"""
    return vjp(rnn, draw.normal(5, 3, 2), draw.normal(3, 4), *weights(draw, 1, 2, 4), cotangent=draw)


@case("lstm_cell", agrees_with=torch_lstm_cell)
def a_cell_writes_forgets_and_shows(lstm_cell, draw):
    """单元写入、遗忘、输出"""
    return lstm_cell(draw.normal(3, 2), (draw.normal(3, 4), draw.normal(3, 4)), *weights(draw, 4, 2, 4))


@case("lstm_cell", agrees_with=torch_lstm_cell)
def a_forget_gate_wide_open_and_an_input_gate_shut_keep_the_cell(lstm_cell, draw):
    """遗忘门全开、输入门关闭时，细胞状态不变"""
    w_ih, w_hh, b_ih, b_hh = weights(draw, 4, 2, 3)
    b_ih[:3], b_ih[3:6] = -30, 30
    return lstm_cell(draw.normal(4, 2), (draw.normal(4, 3), draw.normal(4, 3)), w_ih, w_hh, b_ih, b_hh)


@case("lstm", agrees_with=torch_lstm)
def both_states_are_carried_from_step_to_step(lstm, draw):
    """两个状态都逐步传下去"""
    return lstm(draw.normal(5, 3, 2), (draw.normal(3, 4), draw.normal(3, 4)), *weights(draw, 4, 2, 4))


@case("lstm", facet="gradient", agrees_with=torch_lstm)
def gradients_flow_back_through_both_states(lstm, draw):
    """梯度经由两个状态反向传播"""
    state = draw.normal(3, 4), draw.normal(3, 4)
    return vjp(lstm, draw.normal(5, 3, 2), state, *weights(draw, 4, 2, 4), cotangent=draw)


@case("gru_cell", agrees_with=torch_gru_cell)
def a_state_is_mixed_with_a_candidate(gru_cell, draw):
    """状态与候选值混合"""
    return gru_cell(draw.normal(3, 2), draw.normal(3, 4), *weights(draw, 3, 2, 4))


@case("gru_cell", agrees_with=torch_gru_cell)
def an_update_gate_of_one_keeps_the_state(gru_cell, draw):
    """更新门为 1 时状态不变"""
    w_ih, w_hh, b_ih, b_hh = weights(draw, 3, 2, 3)
    b_ih[3:6] = 30
    return gru_cell(draw.normal(4, 2), draw.normal(4, 3), w_ih, w_hh, b_ih, b_hh)


@case("gru", agrees_with=torch_gru)
def a_gru_reads_five_steps(gru, draw):
    """GRU 读五步"""
    return gru(draw.normal(5, 3, 2), draw.normal(3, 4), *weights(draw, 3, 2, 4))


@case("gru", facet="gradient", agrees_with=torch_gru)
def gradients_flow_back_through_the_gates(gru, draw):
    """梯度经由门反向传播"""
    return vjp(gru, draw.normal(5, 3, 2), draw.normal(3, 4), *weights(draw, 3, 2, 4), cotangent=draw)


# W^k is a sum in which terms cancel, so k roundings of float32 weigh more in it than in ‖W‖^k
POWERS = {"rtol": 1e-4, "atol": 0.0}


def through_autograd(w_hh, steps):
    """The Jacobian of every state of torch's RNN with respect to the first, at the state 0 with inputs of 0."""
    hidden = len(w_hh)
    blank = w_hh.new_zeros(steps, 1, 1), w_hh.new_zeros(hidden, 1), w_hh.new_zeros(hidden)

    def states(h0):
        return torch_rnn(blank[0], h0[None], blank[1], w_hh, blank[2], blank[2])[0][:, 0]

    jacobians = torch.autograd.functional.jacobian(states, w_hh.new_zeros(hidden), create_graph=True)
    return torch.linalg.svdvals(jacobians)[:, 0]


@case("rnn_gradient_norms", agrees_with=through_autograd, **POWERS)
def the_norms_of_five_jacobians(norms, draw):
    """五个 Jacobian 矩阵的范数"""
    return norms(draw.normal(3, 3), 5)


@case("rnn_gradient_norms", agrees_with=through_autograd, **POWERS)
def a_norm_may_rise_before_it_falls(norms, draw):
    """范数可能先升后降"""
    w = draw.uniform(4, 4, low=0.5, high=2).triu()
    w.diagonal().copy_(draw.uniform(4, low=0.3, high=0.6))
    return norms(w, 8)


# what the exercise promises
WITHIN = {"rtol": 0.0, "atol": 0.01, "dtypes": (torch.float32,)}


def remembered(answer, x):
    """What the first cells and outputs of torch's LSTM hold at the end and on the way, with an answer's weights."""
    n = x.shape[2]
    w_ih, w_hh, b_ih, b_hh = (w.to(x.dtype) for w in answer(n))
    start = x.new_zeros(x.shape[1], w_hh.shape[1])
    outputs, (_, c) = torch_lstm(x, (start, start), w_ih, w_hh, b_ih, b_hh)
    return c[:, :n], outputs[:, :, :n]


def first_bits_and_waves(bits, length):
    """Sequences that start with these bits and go on with waves of height 1."""
    bits = torch.tensor(bits, dtype=torch.float32)
    waves = torch.sin(torch.arange(length)[:, None, None] + bits * torch.arange(1, bits.shape[1] + 1))
    waves[0] = bits
    return waves


@case("lstm_that_remembers", expected=torch.tensor([[1.0], [-1.0]]), **WITHIN)
def one_bit_is_still_in_the_cell_after_100_steps(answer, draw):
    """100 步之后，一个比特仍在细胞状态里"""
    return remembered(answer, first_bits_and_waves([[1.0], [-1.0]], 100))[0]


@case("lstm_that_remembers", expected=torch.tensor([[1.0, 1.0, -1.0], [-1.0, 1.0, -1.0]]).tanh(), **WITHIN)
def three_bits_are_still_shown_after_500_steps(answer, draw):
    """500 步之后，三个比特仍在输出里"""
    return remembered(answer, first_bits_and_waves([[1.0, 1.0, -1.0], [-1.0, 1.0, -1.0]], 500))[1][-1]
