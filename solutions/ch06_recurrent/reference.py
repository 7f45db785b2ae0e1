"""Reference answers of chapter 6, recurrent layers."""

import torch
from jaxtyping import Float
from torch import Tensor


def rnn_cell(
    x: Float[Tensor, "batch input"],
    h: Float[Tensor, "batch hidden"],
    w_ih: Float[Tensor, "hidden input"],
    w_hh: Float[Tensor, "hidden hidden"],
    b_ih: Float[Tensor, " hidden"],
    b_hh: Float[Tensor, " hidden"],
) -> Float[Tensor, "batch hidden"]:
    """Let a state read one input: one step of a recurrent network.

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)                               (6.1)

    Args:
        x: the input x_t of every sequence in the batch.
        h: the state h_{t−1}.
        w_ih, w_hh: the weights of the input and of the state, one row for each hidden unit.
        b_ih, b_hh: their biases.

    Returns:
        the new state h_t, in the dtype of `h`.

    Raises:
        ValueError: the batch sizes of `x` and `h` differ, or the weights do not fit them.

    Source: Atlas 6.1; agrees with `torch.nn.RNNCell`.
    """
    if len(x) != len(h):
        raise ValueError(f"x holds {len(x)} sequences and h {len(h)}")
    return torch.tanh(x @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh)


def rnn(
    x: Float[Tensor, "length batch input"],
    h0: Float[Tensor, "batch hidden"],
    w_ih: Float[Tensor, "hidden input"],
    w_hh: Float[Tensor, "hidden hidden"],
    b_ih: Float[Tensor, " hidden"],
    b_hh: Float[Tensor, " hidden"],
) -> tuple[Float[Tensor, "length batch hidden"], Float[Tensor, "batch hidden"]]:
    """Read whole sequences, one step after the other, with the same weights at every step.

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh),  t = 1 … length              (6.1)

    Args:
        x: the sequences, time first, of at least one step.
        h0: the state before the first step.
        w_ih, w_hh, b_ih, b_hh: as in `rnn_cell`.

    Returns:
        the states h_1 … h_length, and the last of them once more.

    Raises:
        ValueError: there is no step, the batch sizes of `x` and `h0` differ, or the weights do not fit them.

    Source: Atlas 6.1; agrees with `torch.nn.RNN` of one layer, whose states have one dimension more.
    """
    h, outputs = h0, []
    for x_t in x:
        h = rnn_cell(x_t, h, w_ih, w_hh, b_ih, b_hh)
        outputs.append(h)
    return torch.stack(outputs), h


def lstm_cell(
    x: Float[Tensor, "batch input"],
    state: tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]],
    w_ih: Float[Tensor, "4*hidden input"],
    w_hh: Float[Tensor, "4*hidden hidden"],
    b_ih: Float[Tensor, " 4*hidden"],
    b_hh: Float[Tensor, " 4*hidden"],
) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]:
    """Let a gated memory read one input: one step of a long short-term memory.

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t−1} + b_hi)          input gate              (6.2)
    f_t = σ(W_if x_t + b_if + W_hf h_{t−1} + b_hf)          forget gate             (6.3)
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t−1} + b_hg)       candidate               (6.4)
    o_t = σ(W_io x_t + b_io + W_ho h_{t−1} + b_ho)          output gate             (6.5)
    c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t                         cell state              (6.6)
    h_t = o_t ⊙ tanh(c_t)                                   hidden state            (6.7)

    Args:
        x: the input x_t of every sequence in the batch.
        state: (h_{t−1}, c_{t−1}).
        w_ih: W_ii, W_if, W_ig, W_io, stacked in this order along the first dimension.
        w_hh: W_hi, W_hf, W_hg, W_ho, stacked likewise.
        b_ih, b_hh: their biases, stacked likewise.

    Returns:
        (h_t, c_t), in the dtype of `state`.

    Raises:
        ValueError: the batch sizes of `x`, h and c differ, or the weights do not fit them.

    Source: Atlas 6.2–6.7; agrees with `torch.nn.LSTMCell`.
    """
    h, c = state
    if not len(x) == len(h) == len(c):
        raise ValueError(f"x holds {len(x)} sequences, h {len(h)} and c {len(c)}")
    gates = x @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(
    x: Float[Tensor, "length batch input"],
    state: tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]],
    w_ih: Float[Tensor, "4*hidden input"],
    w_hh: Float[Tensor, "4*hidden hidden"],
    b_ih: Float[Tensor, " 4*hidden"],
    b_hh: Float[Tensor, " 4*hidden"],
) -> tuple[Float[Tensor, "length batch hidden"], tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]]:
    """Read whole sequences with an LSTM cell, one step after the other.

    h_t, c_t = the cell of (6.2–6.7) at x_t, h_{t−1}, c_{t−1},  t = 1 … length

    Args:
        x: the sequences, time first, of at least one step.
        state: (h_0, c_0), the state before the first step.
        w_ih, w_hh, b_ih, b_hh: as in `lstm_cell`.

    Returns:
        the hidden states h_1 … h_length, and the last state (h_length, c_length).

    Raises:
        ValueError: there is no step, the batch sizes of `x`, h_0 and c_0 differ, or the weights do not fit them.

    Source: Atlas 6.2–6.7; agrees with `torch.nn.LSTM` of one layer, whose states have one dimension more.
    """
    outputs = []
    for x_t in x:
        state = lstm_cell(x_t, state, w_ih, w_hh, b_ih, b_hh)
        outputs.append(state[0])
    return torch.stack(outputs), state


def gru_cell(
    x: Float[Tensor, "batch input"],
    h: Float[Tensor, "batch hidden"],
    w_ih: Float[Tensor, "3*hidden input"],
    w_hh: Float[Tensor, "3*hidden hidden"],
    b_ih: Float[Tensor, " 3*hidden"],
    b_hh: Float[Tensor, " 3*hidden"],
) -> Float[Tensor, "batch hidden"]:
    """Let a gated state read one input: one step of a gated recurrent unit.

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t−1} + b_hr)               reset gate         (6.8)
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t−1} + b_hz)               update gate        (6.9)
    n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t−1} + b_hn))    candidate          (6.10)
    h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t−1}                        new state          (6.11)

    Args:
        x: the input x_t of every sequence in the batch.
        h: the state h_{t−1}.
        w_ih: W_ir, W_iz, W_in, stacked in this order along the first dimension.
        w_hh: W_hr, W_hz, W_hn, stacked likewise.
        b_ih, b_hh: their biases, stacked likewise.

    Returns:
        the new state h_t, in the dtype of `h`.

    Raises:
        ValueError: the batch sizes of `x` and `h` differ, or the weights do not fit them.

    Source: Atlas 6.8–6.11; agrees with `torch.nn.GRUCell`.
    """
    if len(x) != len(h):
        raise ValueError(f"x holds {len(x)} sequences and h {len(h)}")
    r_x, z_x, n_x = (x @ w_ih.mT + b_ih).chunk(3, dim=1)
    r_h, z_h, n_h = (h @ w_hh.mT + b_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
    n = torch.tanh(n_x + r * n_h)
    return (1 - z) * n + z * h


def gru(
    x: Float[Tensor, "length batch input"],
    h0: Float[Tensor, "batch hidden"],
    w_ih: Float[Tensor, "3*hidden input"],
    w_hh: Float[Tensor, "3*hidden hidden"],
    b_ih: Float[Tensor, " 3*hidden"],
    b_hh: Float[Tensor, " 3*hidden"],
) -> tuple[Float[Tensor, "length batch hidden"], Float[Tensor, "batch hidden"]]:
    """Read whole sequences with a GRU cell, one step after the other.

    h_t = the cell of (6.8–6.11) at x_t, h_{t−1},  t = 1 … length

    Args:
        x: the sequences, time first, of at least one step.
        h0: the state before the first step.
        w_ih, w_hh, b_ih, b_hh: as in `gru_cell`.

    Returns:
        the states h_1 … h_length, and the last of them once more.

    Raises:
        ValueError: there is no step, the batch sizes of `x` and `h0` differ, or the weights do not fit them.

    Source: Atlas 6.8–6.11; agrees with `torch.nn.GRU` of one layer, whose states have one dimension more.
    """
    h, outputs = h0, []
    for x_t in x:
        h = gru_cell(x_t, h, w_ih, w_hh, b_ih, b_hh)
        outputs.append(h)
    return torch.stack(outputs), h


def rnn_gradient_norms(w_hh: Float[Tensor, "hidden hidden"], steps: int) -> Float[Tensor, " steps"]:
    """How much a gradient can grow on its way back through 1, 2, 3 … steps of a recurrent network.

    ‖∂h_{t+k} / ∂h_t‖ = ‖W_hh^k‖,  k = 1 … steps                                    (from 6.1 at h = 0)

    where ‖·‖ is the spectral norm, the largest singular value. It is the slope of tanh, 1 at 0 and less everywhere
    else, that makes this an equation at the state 0; W_hh^k is the k-th power of the matrix.

    Args:
        w_hh: the weights of the state.
        steps: how many powers, at least 1.

    Returns:
        the norms, in the dtype of `w_hh`; inf where a norm is greater than the largest number of that dtype, and 0
        where the power is 0 or smaller than the smallest. Differentiable in `w_hh`.

    Raises:
        ValueError: `w_hh` is not square.

    Source: Atlas 6.1; Pascanu et al. 2013, arXiv:1211.5063; agrees with autograd through `torch.nn.RNN`.
    """
    power = torch.eye(len(w_hh)).to(w_hh)
    norm, norms = w_hh.new_ones(()), []
    for _ in range(steps):
        power = w_hh @ power
        growth = torch.linalg.matrix_norm(power, 2)
        norm = norm * growth
        norms.append(norm)
        # kept at norm 1, so that it neither overflows nor underflows; the power of a nilpotent matrix stays 0
        power = power / growth.clamp(min=torch.finfo(w_hh.dtype).tiny)
    return torch.stack(norms)


def lstm_that_remembers(
    n: int,
) -> tuple[
    Float[Tensor, "4*hidden n"],
    Float[Tensor, "4*hidden hidden"],
    Float[Tensor, " 4*hidden"],
    Float[Tensor, " 4*hidden"],
]:
    """Set the weights of an LSTM by hand, so that it keeps the first input it reads and ignores all others.

    The LSTM starts from h_0 = c_0 = 0. Its first input x_1 holds n bits, each −1 or 1; all later inputs are any
    numbers between −10 and 10. After every step t = 1 … 1000, whatever came,

    c_t[:, :n] = x_1,  h_t[:, :n] = tanh(x_1),  to within 0.01                      (6.6, 6.7)

    Args:
        n: how many bits, at least 1.

    Returns:
        w_ih, w_hh, b_ih, b_hh, as `lstm` takes them (gates in the order i, f, g, o). How many hidden units the LSTM
        has is yours to choose, n or more; the first n of them hold the bits.

    Source: Hochreiter & Schmidhuber 1997; judged by running `torch.nn.LSTM` with these weights.
    """
    i, f, g, o = range(4)
    hidden = n + 1  # the last unit is 0 before the first step and tanh(1) ever after
    large = 20.0
    w_ih, w_hh, bias = torch.zeros(4, hidden, n), torch.zeros(4, hidden, hidden), torch.zeros(4, hidden)
    bias[[i, f, o]] = large
    w_ih[g, :n] = large * torch.eye(n)
    bias[g, n] = large
    w_hh[i, :, n] = -large * large
    return w_ih.flatten(0, 1), w_hh.flatten(0, 1), bias.flatten(), torch.zeros_like(bias).flatten()
