"""The hidden cases of chapter 6."""

import torch

from autograder.cases import Case, case
from autograder.operations import vjp

# bfloat16 keeps 8 significant bits; the sums before a tanh are rounded a handful of times at magnitudes of up to 8
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 6e-2}


def torch_rnn_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    """What torch.nn.RNNCell calls."""
    return torch.rnn_tanh_cell(x, h, w_ih, w_hh, b_ih, b_hh)


def torch_lstm_cell(x, state, w_ih, w_hh, b_ih, b_hh):
    """What torch.nn.LSTMCell calls."""
    return torch.lstm_cell(x, tuple(state), w_ih, w_hh, b_ih, b_hh)


def torch_gru_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    """What torch.nn.GRUCell calls."""
    return torch.gru_cell(x, h, w_ih, w_hh, b_ih, b_hh)


# of torch's sequence functions: biases, one layer, no dropout, not training, one direction, time first
ONE_LAYER = (True, 1, 0.0, False, False, False)


def torch_rnn(x, h0, *weights):
    """What torch.nn.RNN calls, without the dimension of layers."""
    outputs, h = torch.rnn_tanh(x, h0[None], weights, *ONE_LAYER)
    return outputs, h[0]


def torch_lstm(x, state, *weights):
    """What torch.nn.LSTM calls, without the dimension of layers."""
    outputs, h, c = torch.lstm(x, [s[None] for s in state], weights, *ONE_LAYER)
    return outputs, (h[0], c[0])


def torch_gru(x, h0, *weights):
    """What torch.nn.GRU calls, without the dimension of layers."""
    outputs, h = torch.gru(x, h0[None], weights, *ONE_LAYER)
    return outputs, h[0]


# what the three cells share, and what the three sequences share


class Kind:
    """The sizes of a kind of layer: the blocks of rows in its weights, and the tensors in its state."""

    def __init__(self, gates, states):
        self.gates, self.states = gates, states

    def weights(self, draw, inputs, hidden):
        """w_ih, w_hh, b_ih, b_hh."""
        rows = self.gates * hidden
        return draw.normal(rows, inputs), draw.normal(rows, hidden), draw.normal(rows), draw.normal(rows)

    def exact(self, draw, inputs, hidden):
        """Weights that are multiples of 1/4, so that sums of products with large integers are exact in float32."""
        rows = self.gates * hidden
        shapes = (rows, inputs), (rows, hidden), (rows,), (rows,)
        return [draw.integers(-6, 7, *shape).to(draw.dtype) / 4 for shape in shapes]

    def state(self, draw, batch, hidden, scale=1.0):
        """h, or (h, c)."""
        states = tuple(draw.normal(batch, hidden, scale=scale) for _ in range(self.states))
        return states if self.states > 1 else states[0]


def flat(states):
    """The tensors of nested tuples, in order."""
    if isinstance(states, torch.Tensor):
        return [states]
    return [tensor for part in states for tensor in flat(part)]


RNN, LSTM, GRU = Kind(1, 1), Kind(4, 2), Kind(3, 1)


def cell_cases(name, kind, builtin):
    """The cases of a cell that the three cells have in common."""

    @case(name, agrees_with=builtin, draws=2)
    def more_inputs_than_hidden_units(cell, draw):
        """输入维度大于隐藏维度"""
        return cell(draw.normal(5, 7), kind.state(draw, 5, 3), *kind.weights(draw, 7, 3))

    @case(name, agrees_with=builtin)
    def as_many_inputs_as_hidden_units(cell, draw):
        """输入维度等于隐藏维度，转置错了形状也看不出来"""
        return cell(draw.normal(4, 4), kind.state(draw, 4, 4), *kind.weights(draw, 4, 4))

    @case(name, agrees_with=builtin)
    def only_the_bias_of_the_state(cell, draw):
        """只有状态一侧的偏置"""
        w_ih, w_hh, b_ih, b_hh = kind.weights(draw, 2, 3)
        return cell(draw.normal(4, 2), kind.state(draw, 4, 3), w_ih, w_hh, torch.zeros_like(b_ih), 2 * b_hh)

    @case(name, agrees_with=builtin)
    def only_the_bias_of_the_input(cell, draw):
        """只有输入一侧的偏置"""
        w_ih, w_hh, b_ih, b_hh = kind.weights(draw, 2, 3)
        return cell(draw.normal(4, 2), kind.state(draw, 4, 3), w_ih, w_hh, 2 * b_ih, torch.zeros_like(b_hh))

    @case(name, agrees_with=builtin)
    def one_sequence_one_input_one_unit(cell, draw):
        """一个序列、一个输入、一个隐藏单元"""
        results = [cell(draw.normal(1, 1), kind.state(draw, 1, 1), *kind.weights(draw, 1, 1)) for _ in range(3)]
        return [flat(result) for result in results]

    @case(name, facet="numerics", agrees_with=builtin)
    def inputs_of_ten_thousand(cell, draw):
        """大小为 10⁴ 的输入"""
        x = draw.integers(-10, 11, 4, 3).to(draw.dtype) * 1024
        state = tuple(draw.integers(-8, 9, 4, 5).to(draw.dtype) / 8 for _ in range(kind.states))
        return cell(x, state if kind.states > 1 else state[0], *kind.exact(draw, 3, 5))

    @case(name, facet="numerics", agrees_with=builtin)
    def tiny_inputs_and_states(cell, draw):
        """极小的输入与状态"""
        w_ih, w_hh, bias, _ = kind.weights(draw, 2, 3)
        blank = torch.zeros_like(bias)
        result = cell(draw.normal(4, 2, scale=1e-20), kind.state(draw, 4, 3, scale=1e-20), w_ih, w_hh, blank, blank)
        return [state * 1e20 for state in flat(result)]

    @case(name, facet="gradient", agrees_with=builtin)
    def gradients_of_every_argument(cell, draw):
        """每个参数的梯度"""
        return vjp(cell, draw.normal(5, 3), kind.state(draw, 5, 2), *kind.weights(draw, 3, 2), cotangent=draw)

    @case(name, facet="gradient", agrees_with=builtin)
    def gradients_where_half_the_batch_is_saturated(cell, draw):
        """批中一半样本饱和时的梯度"""
        x = draw.normal(4, 3)
        x[::2] *= 1000
        return vjp(cell, x, kind.state(draw, 4, 2), *kind.weights(draw, 3, 2), cotangent=draw)

    @case(name, agrees_with=builtin, **ROUNDED)
    def bfloat16_in_and_out(cell, draw):
        """输入输出都是 bfloat16"""
        return cell(draw.normal(4, 3), kind.state(draw, 4, 5), *kind.weights(draw, 3, 5))

    @case(name, facet="interface", agrees_with=builtin)
    def no_sequences_and_no_inputs(cell, draw):
        """空的批；没有输入特征"""
        return [
            flat(cell(draw.normal(0, 2), kind.state(draw, 0, 3), *kind.weights(draw, 2, 3))),
            flat(cell(draw.normal(4, 0), kind.state(draw, 4, 3), *kind.weights(draw, 0, 3))),
        ]

    @case(name, facet="interface", agrees_with=builtin)
    def views_that_are_not_contiguous(cell, draw):
        """不连续的视图"""
        w_ih, w_hh, b_ih, b_hh = (draw.strided(w) for w in kind.weights(draw, 2, 3))
        state = kind.state(draw, 4, 3)
        state = tuple(draw.strided(s) for s in state) if kind.states > 1 else draw.strided(state)
        return cell(draw.normal(2, 4).mT, state, w_ih, w_hh, b_ih, b_hh)

    @case(name, facet="interface", raises=ValueError)
    def a_state_of_another_batch_is_refused(cell, draw):
        """拒绝批大小不同的状态"""
        return cell(draw.normal(3, 2), kind.state(draw, 1, 4), *kind.weights(draw, 2, 4))

    @case(name, facet="interface", raises=ValueError)
    def one_input_for_many_states_is_refused(cell, draw):
        """拒绝一个输入配多个状态"""
        return cell(draw.normal(1, 2), kind.state(draw, 3, 4), *kind.weights(draw, 2, 4))

    @case(name, facet="interface", raises=ValueError)
    def inputs_that_the_weights_do_not_fit_are_refused(cell, draw):
        """拒绝与权重不符的输入"""
        return cell(draw.normal(3, 5), kind.state(draw, 3, 4), *kind.weights(draw, 2, 4))

    return {f"{name}_{c.name}": c for c in list(locals().values()) if isinstance(c, Case)}


def sequence_cases(name, kind, builtin):
    """The cases of a sequence that the three kinds have in common."""

    @case(name, agrees_with=builtin, draws=2)
    def seven_steps_of_five_sequences(layer, draw):
        """五个序列，各七步"""
        return layer(draw.normal(7, 5, 3), kind.state(draw, 5, 2), *kind.weights(draw, 3, 2))

    @case(name, agrees_with=builtin)
    def as_many_steps_as_sequences(layer, draw):
        """步数等于序列数，时间与批弄反了形状也看不出来"""
        return layer(draw.normal(4, 4, 3), kind.state(draw, 4, 5), *kind.weights(draw, 3, 5))

    @case(name, agrees_with=builtin)
    def one_step_only(layer, draw):
        """只有一步"""
        return layer(draw.normal(1, 3, 2), kind.state(draw, 3, 4), *kind.weights(draw, 2, 4))

    @case(name, agrees_with=builtin)
    def one_sequence_one_input_one_unit(layer, draw):
        """一个序列、一个输入、一个隐藏单元"""
        return layer(draw.normal(6, 1, 1), kind.state(draw, 1, 1), *kind.weights(draw, 1, 1))

    @case(name, agrees_with=builtin)
    def the_state_before_the_first_step_matters(layer, draw):
        """第一步之前的状态起作用"""
        return layer(draw.normal(2, 3, 2), kind.state(draw, 3, 4, scale=3), *kind.weights(draw, 2, 4))

    @case(name, agrees_with=builtin)
    def two_hundred_steps(layer, draw):
        """两百步"""
        w_ih, w_hh, b_ih, b_hh = kind.weights(draw, 2, 3)
        return layer(draw.normal(200, 2, 2), kind.state(draw, 2, 3), w_ih, 0.3 * w_hh, b_ih, b_hh)

    @case(name, facet="gradient", agrees_with=builtin)
    def gradients_of_every_argument(layer, draw):
        """每个参数的梯度"""
        return vjp(layer, draw.normal(6, 5, 3), kind.state(draw, 5, 2), *kind.weights(draw, 3, 2), cotangent=draw)

    @case(name, facet="gradient", agrees_with=builtin)
    def gradients_over_forty_steps(layer, draw):
        """跨越四十步的梯度"""
        w_ih, w_hh, b_ih, b_hh = kind.weights(draw, 2, 3)
        return vjp(layer, draw.normal(40, 2, 2), kind.state(draw, 2, 3), w_ih, 0.3 * w_hh, b_ih, b_hh, cotangent=draw)

    @case(name, agrees_with=builtin, **ROUNDED)
    def bfloat16_in_and_out(layer, draw):
        """输入输出都是 bfloat16"""
        w_ih, w_hh, b_ih, b_hh = kind.weights(draw, 2, 3)
        return layer(draw.normal(3, 4, 2), kind.state(draw, 4, 3), w_ih, 0.5 * w_hh, b_ih, b_hh)

    @case(name, facet="interface", agrees_with=builtin)
    def an_empty_batch(layer, draw):
        """空的批"""
        return layer(draw.normal(5, 0, 2), kind.state(draw, 0, 3), *kind.weights(draw, 2, 3))

    @case(name, facet="interface", agrees_with=builtin)
    def batch_first_data_seen_as_time_first(layer, draw):
        """批在前的数据转置成时间在前（不连续）"""
        w_ih, w_hh, b_ih, b_hh = (draw.strided(w) for w in kind.weights(draw, 2, 4))
        return layer(draw.normal(3, 5, 2).transpose(0, 1), kind.state(draw, 3, 4), w_ih, w_hh, b_ih, b_hh)

    @case(name, facet="interface", raises=ValueError)
    def a_sequence_without_steps_is_refused(layer, draw):
        """拒绝没有步的序列"""
        return layer(draw.normal(0, 3, 2), kind.state(draw, 3, 4), *kind.weights(draw, 2, 4))

    @case(name, facet="interface", raises=ValueError)
    def a_state_of_another_batch_is_refused(layer, draw):
        """拒绝批大小不同的状态"""
        return layer(draw.normal(5, 3, 2), kind.state(draw, 1, 4), *kind.weights(draw, 2, 4))

    return {f"{name}_{c.name}": c for c in list(locals().values()) if isinstance(c, Case)}


# a case is found by its name in this module
globals().update(cell_cases("rnn_cell", RNN, torch_rnn_cell))
globals().update(cell_cases("lstm_cell", LSTM, torch_lstm_cell))
globals().update(cell_cases("gru_cell", GRU, torch_gru_cell))
globals().update(sequence_cases("rnn", RNN, torch_rnn))
globals().update(sequence_cases("lstm", LSTM, torch_lstm))
globals().update(sequence_cases("gru", GRU, torch_gru))


def cells_and_gates(draw, gates):
    """An input, and weights whose biases push the gates of these numbers far open (30) or shut (−30)."""
    w_ih, w_hh, b_ih, b_hh = LSTM.weights(draw, 2, 3)
    for block, push in enumerate(gates):
        b_hh[3 * block : 3 * block + 3] += push
    return draw.normal(4, 2), (draw.normal(4, 3), draw.normal(4, 3)), w_ih, w_hh, b_ih, b_hh


@case("lstm_cell", agrees_with=torch_lstm_cell, weight=2)
def each_gate_shut_in_turn(lstm_cell, draw):
    """依次关闭每一个门"""
    shut = [[-30 * (block == gate) for block in range(4)] for gate in (0, 1, 3)]
    return [lstm_cell(*cells_and_gates(draw, gates)) for gates in shut]


@case("lstm_cell", agrees_with=torch_lstm_cell)
def a_cell_far_above_one_is_squashed_only_when_shown(lstm_cell, draw):
    """远大于 1 的细胞状态，只在输出时被压缩"""
    x, (h, c), *weights = cells_and_gates(draw, (0, 30, 0, 30))
    return lstm_cell(x, (h, 8 * c), *weights)


@case("lstm_cell", agrees_with=torch_lstm_cell)
def the_gates_read_the_hidden_state_and_not_the_cell(lstm_cell, draw):
    """门读的是隐藏状态，不是细胞状态"""
    x, (h, c), *weights = cells_and_gates(draw, (0, 0, 0, 0))
    zero = torch.zeros_like(h)
    return lstm_cell(x, (zero, c), *weights), lstm_cell(x, (h, zero), *weights)


@case("lstm_cell", facet="interface", raises=ValueError)
def a_cell_state_of_another_batch_is_refused(lstm_cell, draw):
    """拒绝批大小不同的细胞状态"""
    return lstm_cell(draw.normal(3, 2), (draw.normal(3, 4), draw.normal(1, 4)), *LSTM.weights(draw, 2, 4))


@case("lstm_cell", facet="interface", raises=ValueError)
def the_weights_of_a_gru_are_refused(lstm_cell, draw):
    """拒绝 GRU 的权重"""
    return lstm_cell(draw.normal(3, 2), (draw.normal(3, 4), draw.normal(3, 4)), *GRU.weights(draw, 2, 4))


@case("lstm", agrees_with=torch_lstm)
def the_cell_outlives_a_hidden_state_of_zero(lstm, draw):
    """输出门关闭时隐藏状态为零，细胞状态仍在"""
    w_ih, w_hh, b_ih, b_hh = LSTM.weights(draw, 2, 3)
    b_ih[3:6], b_ih[9:] = 30, -30
    outputs, (h, c) = lstm(draw.normal(6, 4, 2), LSTM.state(draw, 4, 3), w_ih, w_hh, b_ih, b_hh)
    return outputs, h, c


@case("gru_cell", agrees_with=torch_gru_cell, weight=2)
def a_shut_reset_gate_also_shuts_out_its_bias(gru_cell, draw):
    """重置门关闭时，b_hn 也被挡在外面"""
    w_ih, w_hh, b_ih, b_hh = GRU.weights(draw, 2, 3)
    b_ih[:3], b_hh[6:] = -30, 2 * b_hh[6:]
    return gru_cell(draw.normal(4, 2), draw.normal(4, 3), w_ih, w_hh, b_ih, b_hh)


@case("gru_cell", agrees_with=torch_gru_cell, weight=2)
def the_reset_gate_acts_after_the_matrix(gru_cell, draw):
    """重置门作用在矩阵乘法之后"""
    w_ih, w_hh, b_ih, b_hh = GRU.weights(draw, 2, 4)
    b_ih[:4] = torch.tensor([-30.0, 30.0, -30.0, 30.0])
    b_hh[8:] = 0
    return gru_cell(draw.normal(4, 2), draw.normal(4, 4), w_ih, w_hh, b_ih, b_hh)


@case("gru_cell", agrees_with=torch_gru_cell)
def an_update_gate_of_zero_takes_the_candidate(gru_cell, draw):
    """更新门为 0 时取候选值"""
    w_ih, w_hh, b_ih, b_hh = GRU.weights(draw, 2, 3)
    b_hh[3:6] -= 30
    return gru_cell(draw.normal(4, 2), draw.normal(4, 3, scale=3), w_ih, w_hh, b_ih, b_hh)


@case("gru_cell", facet="interface", raises=ValueError)
def the_weights_of_an_lstm_are_refused(gru_cell, draw):
    """拒绝 LSTM 的权重"""
    return gru_cell(draw.normal(3, 2), draw.normal(3, 4), *LSTM.weights(draw, 2, 4))


# W^k is a sum in which terms cancel, so k roundings of float32 weigh more in it than in ‖W‖^k
POWERS = {"rtol": 1e-4, "atol": 0.0}


def powers_in_double_precision(w_hh, steps):
    """Every power by itself, in float64, where none of these draws overflows."""
    w = w_hh.double()
    powers = torch.stack([torch.linalg.matrix_power(w, k) for k in range(1, steps + 1)])
    return torch.linalg.svdvals(powers)[:, 0].to(w_hh.dtype)


def rotation(draw, n):
    """A random orthogonal matrix."""
    return torch.linalg.qr(draw.normal(n, n).double()).Q.to(draw.dtype)


def through_torch_rnn(w_hh, steps):
    """The Jacobian of torch's RNN after each number of steps, at the state 0."""
    blank = w_hh.new_zeros(len(w_hh), 1), w_hh.new_zeros(len(w_hh))

    def last_state(h0, k):
        return torch_rnn(w_hh.new_zeros(k, 1, 1), h0[None], blank[0], w_hh, blank[1], blank[1])[1][0]

    start = w_hh.new_zeros(len(w_hh))
    jacobians = [
        torch.autograd.functional.jacobian(lambda h0, k=k: last_state(h0, k), start, create_graph=True)
        for k in range(1, steps + 1)
    ]
    return torch.stack([torch.linalg.matrix_norm(j, 2) for j in jacobians])


@case("rnn_gradient_norms", agrees_with=through_torch_rnn, draws=2, **POWERS)
def a_matrix_drawn_at_random(norms, draw):
    """随机矩阵"""
    return norms(draw.normal(5, 5), 7)


@case("rnn_gradient_norms", agrees_with=powers_in_double_precision, **POWERS)
def a_rotation_that_grows_and_one_that_shrinks(norms, draw):
    """逐步放大与逐步缩小的旋转"""
    return norms(1.1 * rotation(draw, 4), 100), norms(0.9 * rotation(draw, 4), 100)


@case("rnn_gradient_norms", agrees_with=powers_in_double_precision, weight=2, **POWERS)
def small_eigenvalues_do_not_forbid_growth(norms, draw):
    """特征值都小于 1，范数仍可先增大"""
    w = draw.uniform(4, 4, low=0.5, high=2).triu()
    w.diagonal().copy_(draw.uniform(4, low=0.3, high=0.6))
    return norms(w, 12), norms(w.mT, 12)


@case("rnn_gradient_norms", agrees_with=powers_in_double_precision, **POWERS)
def one_unit_and_one_step(norms, draw):
    """一个隐藏单元；一步"""
    return norms(draw.normal(1, 1), 9), norms(draw.normal(3, 3), 1)


# in float32 hundreds of powers, each with its rounding
MANY_POWERS = {"rtol": 1e-3, "atol": 0.0}


@case("rnn_gradient_norms", facet="numerics", agrees_with=powers_in_double_precision, weight=2, **MANY_POWERS)
def growth_beyond_the_largest_number_of_float32(norms, draw):
    """增长到超过 float32 的最大数"""
    return norms(3.0 * rotation(draw, 3), 200), norms(2.0 * rotation(draw, 1), 300)


@case("rnn_gradient_norms", facet="numerics", agrees_with=powers_in_double_precision, **MANY_POWERS)
def decay_by_thirty_orders_of_magnitude(norms, draw):
    """衰减三十个数量级"""
    return norms(0.3 * rotation(draw, 3), 60)


@case("rnn_gradient_norms", facet="numerics", agrees_with=powers_in_double_precision, **POWERS)
def a_matrix_with_a_power_of_zero(norms, draw):
    """某个幂为零的矩阵"""
    return norms(draw.uniform(4, 4, low=0.5, high=2).triu(1), 6)


@case("rnn_gradient_norms", facet="gradient", agrees_with=through_torch_rnn)
def gradients_of_the_norms(norms, draw):
    """范数的梯度"""
    return vjp(norms, draw.normal(3, 3), cotangent=draw, steps=5)


@case("rnn_gradient_norms", facet="interface", agrees_with=powers_in_double_precision, **POWERS)
def a_matrix_that_is_not_contiguous(norms, draw):
    """不连续的矩阵"""
    return norms(draw.strided(draw.normal(4, 4)), 4)


@case("rnn_gradient_norms", facet="interface", raises=ValueError)
def a_matrix_that_is_not_square_is_refused(norms, draw):
    """拒绝不是方阵的矩阵"""
    return norms(draw.normal(3, 4), 3)


# what the exercise promises
WITHIN = {"rtol": 0.0, "atol": 0.01}


def run(answer, first, later):
    """The cells and the outputs of torch's LSTM, with an answer's weights, along first bits and later inputs."""
    n = first.shape[1]
    w_ih, w_hh, b_ih, b_hh = (w.to(first.dtype) for w in answer(n))
    start = first.new_zeros(len(first), w_hh.shape[1])
    outputs, (_, c) = torch_lstm(torch.cat([first[None], later]), (start, start), w_ih, w_hh, b_ih, b_hh)
    return c[:, :n], outputs[:, :, :n]


def bits(draw, *shape):
    """Numbers that are −1 or 1, both of them there: the second row is the first, inverted."""
    first = 2 * draw.integers(0, 2, *shape).to(draw.dtype) - 1
    first[1] = -first[0]
    return first


@case("lstm_that_remembers", weight=2, **WITHIN)
def bits_that_follow_do_not_change_the_first(answer, draw):
    """后来的比特改变不了第一个"""
    return run(answer, bits(draw, 5, 1), 2 * draw.integers(0, 2, 150, 5, 1).to(draw.dtype) - 1)


@case("lstm_that_remembers", weight=2, **WITHIN)
def several_bits_for_a_thousand_steps(answer, draw):
    """多个比特，一千步"""
    return run(answer, bits(draw, 4, 3), draw.normal(999, 4, 3))


@case("lstm_that_remembers", **WITHIN)
def a_thousand_steps_that_insist_on_the_opposite(answer, draw):
    """一千步都坚持相反的比特"""
    first = bits(draw, 4, 2)
    return run(answer, first, -first.expand(999, -1, -1)), run(answer, first, -10 * first.expand(999, -1, -1))


@case("lstm_that_remembers", **WITHIN)
def a_thousand_steps_that_say_the_same(answer, draw):
    """一千步都重复同一个比特，细胞状态也不增长"""
    first = bits(draw, 4, 2)
    return run(answer, first, first.expand(999, -1, -1)), run(answer, first, 10 * first.expand(999, -1, -1))


@case("lstm_that_remembers", **WITHIN)
def silence_after_the_first_step(answer, draw):
    """第一步之后只有零"""
    first = bits(draw, 4, 5)
    return run(answer, first, torch.zeros_like(first).expand(300, -1, -1))


@case("lstm_that_remembers", **WITHIN)
def loud_noise_up_to_ten(answer, draw):
    """高到 10 的噪声"""
    return run(answer, bits(draw, 3, 4), draw.uniform(400, 3, 4, low=-10, high=10))


@case("lstm_that_remembers", **WITHIN)
def sequences_of_one_and_of_two_steps(answer, draw):
    """一步和两步的序列"""
    first = bits(draw, 4, 3)
    return run(answer, first, draw.normal(0, 4, 3)), run(answer, first, draw.normal(1, 4, 3, scale=3))
