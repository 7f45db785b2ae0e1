"""Right answers to chapter 6 that look nothing like the reference; the tests must accept them."""

import torch
import torch.nn.functional as F

from autograder.cases import right


@right("rnn_cell")
def one_matrix_for_input_state_and_one(x, h, w_ih, w_hh, b_ih, b_hh):
    """One product of [x, h, 1, 1] with all four weights side by side."""
    ones = x.new_ones(x.shape[0], 2)
    weight = torch.cat([w_ih, w_hh, torch.stack([b_ih, b_hh], dim=1)], dim=1)
    return torch.cat([x, h, ones], dim=1).matmul(weight.t()).tanh()


@right("rnn")
def projects_all_inputs_before_the_loop(x, h0, w_ih, w_hh, b_ih, b_hh):
    """The product with the input needs no state, so one matrix product serves all steps."""
    length, batch, _ = x.shape
    if h0.shape[0] != batch or length == 0:
        raise ValueError("bad sizes")
    projected = F.linear(x, w_ih, b_ih + b_hh)
    outputs = [h0]
    for t in range(length):
        outputs.append(torch.tanh(torch.addmm(projected[t], outputs[-1], w_hh.T)))
    return torch.stack(outputs[1:], dim=0), outputs[-1]


@right("lstm_cell")
def gate_by_gate_with_tanh_for_sigmoid(x, state, w_ih, w_hh, b_ih, b_hh):
    """Four separate layers, and σ(a) = (1 + tanh(a/2)) / 2."""
    h, c = state
    size = h.shape[1]
    if x.shape[0] != h.shape[0] or h.shape != c.shape or w_ih.shape[0] != 4 * size:
        raise ValueError("sizes do not fit")

    def layer(k):
        rows = slice(k * size, (k + 1) * size)
        return F.linear(x, w_ih[rows], b_ih[rows]) + F.linear(h, w_hh[rows], b_hh[rows])

    def gate(k):
        return (1 + torch.tanh(layer(k) / 2)) / 2

    cell = torch.addcmul(gate(1) * c, gate(0), torch.tanh(layer(2)))
    return gate(3) * cell.tanh(), cell


@right("lstm")
def writes_into_tensors_of_the_whole_length(x, state, w_ih, w_hh, b_ih, b_hh):
    """All inputs projected at once; gates unstacked by a view; the outputs of each step concatenated."""
    h, c = state
    length, batch, _ = x.shape
    if not batch == h.shape[0] == c.shape[0] or length == 0:
        raise ValueError("bad sizes")
    size = h.shape[1]
    projected = torch.einsum("tbi,ri->tbr", x, w_ih) + b_ih + b_hh
    outputs = []
    for step in projected.unbind(0):
        i, f, g, o = (step + h @ w_hh.T).reshape(batch, 4, size).unbind(1)
        c = c * f.sigmoid() + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h.unsqueeze(0))
    return torch.cat(outputs), (h, c)


@right("gru_cell")
def moves_from_the_old_state_towards_the_candidate(x, h, w_ih, w_hh, b_ih, b_hh):
    """h + (1 − z)(n − h), with the gates of reset and update from one sigmoid."""
    size = h.size(1)
    if x.size(0) != h.size(0) or w_hh.size(0) != 3 * size:
        raise ValueError("sizes do not fit")
    both = F.linear(x, w_ih[: 2 * size], b_ih[: 2 * size]) + F.linear(h, w_hh[: 2 * size], b_hh[: 2 * size])
    r, z = torch.sigmoid(both).split(size, dim=1)
    from_state = F.linear(h, w_hh[2 * size :], b_hh[2 * size :])
    n = torch.tanh(torch.addcmul(F.linear(x, w_ih[2 * size :], b_ih[2 * size :]), r, from_state))
    return torch.lerp(n, h, z)


@right("gru")
def by_recursion_on_the_length(x, h0, w_ih, w_hh, b_ih, b_hh):
    """The first step, then the rest of the sequence; inputs projected once."""
    if x.shape[0] == 0 or x.shape[1] != h0.shape[0]:
        raise ValueError("bad sizes")
    size = h0.shape[1]

    def rest(steps, h):
        if not steps:
            return []
        hidden = h @ w_hh.T + b_hh
        r, z = (steps[0] + hidden)[:, : 2 * size].sigmoid().chunk(2, 1)
        n = (steps[0][:, 2 * size :] + r * hidden[:, 2 * size :]).tanh()
        h = n + z * (h - n)
        return [h, *rest(steps[1:], h)]

    outputs = rest(list(x @ w_ih.T + b_ih), h0)
    return torch.stack(outputs), outputs[-1]


@right("rnn_gradient_norms")
def the_root_of_the_largest_eigenvalue(w_hh, steps):
    """‖A‖² is the largest eigenvalue of AᵀA; the power is kept at a largest entry of 1, its size as a logarithm."""
    if w_hh.shape[0] != w_hh.shape[1]:
        raise ValueError("w_hh is not square")
    power, log_size, norms = w_hh, torch.zeros((), dtype=torch.float64), []
    for _ in range(steps):
        size = power.abs().max()
        if size == 0:
            norms.append(power.sum() * 0)
            continue
        power = power / size
        log_size = log_size + size.double().log()
        norm = torch.linalg.eigvalsh((power.mT @ power).double())[-1].sqrt()
        norms.append((norm.log() + log_size).exp().to(w_hh.dtype))
        power = power @ w_hh
    return torch.stack(norms)


@right("lstm_that_remembers")
def a_latch_for_every_bit_that_counts_the_steps(n):
    """Two units a bit; the second counts up, 1, 2, 3 …, and its output shuts the first's input gate."""
    weight, bias = torch.zeros(8 * n, n), torch.full((8 * n,), 30.0)
    recurrent = torch.zeros(8 * n, 2 * n)
    for k in range(n):
        weight[4 * n + k, k] = 50.0
        bias[4 * n + k] = 0.0
        recurrent[k, n + k] = -100.0
    return weight, recurrent, torch.zeros(8 * n), bias


@right("lstm_that_remembers")
def forgets_all_but_what_it_shows(n):
    """The forget gate is shut until the latch opens it, and the candidate dies away with the input gate."""
    size, large = n + 2, 60.0
    w_ih, w_hh, b = torch.zeros(4 * size, n), torch.zeros(4 * size, size), torch.zeros(4 * size)
    b[:size] = 25.0
    w_hh[:n, n + 1] = -large
    b[size : 2 * size] = -15.0
    w_hh[size : 2 * size, n + 1] = large
    w_ih[2 * size : 2 * size + n] = 12 * torch.eye(n)
    b[3 * size - 1] = 9.0
    b[3 * size :] = 18.0
    return w_ih, w_hh, b / 2, b / 2
