"""What students get wrong in chapter 6, and the hint that each mistake deserves."""

import torch

from autograder.cases import edited, wrong

forgets_the_bias_of_the_state = edited(
    "rnn_cell",
    {" + b_hh": ""},
    """Set every bias of the input to 0 and yours no longer has any. (6.1) has two: whose is the other?

    把输入一侧的偏置全设为 0，你的公式里就没有偏置了。(6.1) 有两个偏置，另一个属于谁？
    """,
)

adds_the_bias_of_the_input_twice = edited(
    "rnn_cell",
    {" + b_hh": " + b_ih"},
    """One of the two biases enters twice and the other not at all.

    两个偏置中，一个用了两次，另一个没有用到。
    """,
)

multiplies_by_weights_that_are_not_transposed = edited(
    "rnn_cell",
    {"w_ih.mT": "w_ih", "w_hh.mT": "w_hh"},
    """This runs only where there are as many inputs as hidden units, and is wrong even there. (6.1) is written for a
    column x; your x holds its vectors in rows. What becomes of Wx when both sides are transposed?

    只有输入维度与隐藏维度相等时它才跑得通，而且结果也不对。
    (6.1) 里的 x 是列向量，你的 x 把向量放在行里。Wx 两边转置之后是什么？
    """,
)

leaves_out_the_activation = edited(
    "rnn_cell",
    {"return torch.tanh(": "return ("},
    """Your state is not bounded: after a few steps it is as large as the weights allow. What keeps it in (−1, 1)?

    你的状态没有界：几步之后，权重允许多大它就多大。是什么把它限制在 (−1, 1) 之内？
    """,
)

squashes_with_a_sigmoid = edited(
    "rnn_cell",
    {"torch.tanh": "torch.sigmoid"},
    """All your states are positive. Which function of chapter 4 keeps the sign?

    你的状态全是正数。第 4 章的哪个函数保持符号？
    """,
)


@wrong("rnn_cell")
def squashes_the_two_parts_separately(x, h, w_ih, w_hh, b_ih, b_hh):
    """Your states lie between −2 and 2: tanh is applied twice. What does it see in (6.1)?

    你的状态在 −2 与 2 之间：tanh 用了两次。在 (6.1) 里，它作用在什么上面？
    """
    if len(x) != len(h):
        raise ValueError("batch sizes differ")
    return torch.tanh(x @ w_ih.T + b_ih) + torch.tanh(h @ w_hh.T + b_hh)


broadcasts_one_state_over_the_batch = edited(
    "rnn_cell",
    {"if len(x) != len(h):": "if False:"},
    """A state of one sequence is silently shared by all, and one input by all states: broadcasting accepts them.
    Compare the batch sizes and raise ValueError.

    一个序列的状态被悄悄地用于所有序列，一个输入也被用于所有状态：广播不会拒绝。请比较批大小，不同就抛出 ValueError。
    """,
)


@wrong("rnn")
def starts_every_step_from_the_first_state(x, h0, w_ih, w_hh, b_ih, b_hh):
    """Your second output does not depend on the first input. Which state does step t start from?

    你的第二个输出与第一个输入无关。第 t 步从哪个状态出发？
    """
    if not len(x) or x.shape[1] != len(h0):
        raise ValueError("bad sizes")
    outputs = torch.tanh(x @ w_ih.T + b_ih + h0 @ w_hh.T + b_hh)
    return outputs, outputs[-1]


reads_the_sequence_backwards = edited(
    "rnn",
    {"for x_t in x:": "for x_t in x.flip(0):"},
    """Your first output already knows the last input. In which order are the steps taken?

    你的第一个输出已经知道最后一个输入了。各步应按什么顺序进行？
    """,
)

takes_the_batch_for_time = edited(
    "rnn",
    {"for x_t in x:": "for x_t in x.transpose(0, 1):"},
    """You loop over the sequences of the batch instead of the steps. Which dimension of x is time?

    你循环的是批中的序列，而不是时间步。x 的哪一维是时间？
    """,
)

puts_the_first_state_among_the_outputs = edited(
    "rnn",
    {
        "        h = rnn_cell": "        outputs.append(h)\n        h = rnn_cell",
        "outputs.append(h)\n    return": "pass\n    return",
    },
    """Your first output is h_0, and h_length is missing. Is a state recorded before or after its step?

    你的第一个输出是 h_0，而 h_length 不在里面。状态应在该步之前还是之后记录？
    """,
)

cuts_the_gradient_between_the_steps = edited(
    "rnn",
    {"rnn_cell(x_t, h, ": "rnn_cell(x_t, h.detach(), "},
    """The values are right, but no gradient goes back from one step to the one before. What cut it?

    值是对的，但梯度传不回上一步。是什么把它切断了？
    """,
)

returns_the_first_state_as_the_last = edited(
    "rnn",
    {"return torch.stack(outputs), h": "return torch.stack(outputs), h0"},
    """The second result is the state from which a caller continues. Is that the one you were given?

    第二个返回值是调用者接着往下算的状态。它就是一开始给你的那个吗？
    """,
)

orders_the_gates_i_f_o_g = edited(
    "lstm_cell",
    {"i, f, g, o =": "i, f, o, g ="},
    """The third block of rows is squashed by σ and the fourth by tanh. In which order does torch stack the gates?

    第三块用了 σ，第四块用了 tanh。torch 按什么顺序堆叠各个门？
    """,
)

orders_the_gates_f_i_g_o = edited(
    "lstm_cell",
    {"i, f, g, o =": "f, i, g, o ="},
    """What should be forgotten is written, and what should be written is forgotten: two gates have changed places.

    该遗忘的被写入，该写入的被遗忘：有两个门换了位置。
    """,
)

forgets_a_bias_of_the_gates = edited(
    "lstm_cell",
    {" + b_hh": ""},
    """Each of (6.2) to (6.5) adds two biases, one for the input and one for the hidden state.

    (6.2) 到 (6.5) 的每一个都加了两个偏置：一个属于输入，一个属于隐藏状态。
    """,
)

returns_the_cell_first = edited(
    "lstm_cell",
    {"return torch.sigmoid(o) * torch.tanh(c), c": "return c, torch.sigmoid(o) * torch.tanh(c)"},
    """Both results are right, in the wrong order: which one is h?

    两个结果都对，顺序反了：哪一个是 h？
    """,
)

takes_the_state_as_c_and_h = edited(
    "lstm_cell",
    {"h, c = state": "c, h = state"},
    """The state comes as (h, c). Which of the two do the gates read, and which is multiplied by the forget gate?

    状态是 (h, c)。门读的是哪一个，乘以遗忘门的又是哪一个？
    """,
)

forgets_the_hidden_state_in_place_of_the_cell = edited(
    "lstm_cell",
    {"torch.sigmoid(f) * c +": "torch.sigmoid(f) * h +"},
    """With the forget gate open and the input gate shut, the cell should come out as it went in; yours comes out as h.

    遗忘门全开、输入门关闭时，细胞状态应当原样出来；你的出来时变成了 h。
    """,
)

shows_the_cell_without_squashing_it = edited(
    "lstm_cell",
    {"torch.sigmoid(o) * torch.tanh(c), c": "torch.sigmoid(o) * c, c"},
    """A cell can count to 100, and your h with it. What does (6.7) do to c before the output gate?

    细胞状态可以一直数到 100，你的 h 也跟着变大。(6.7) 在输出门之前对 c 做了什么？
    """,
)

shows_the_cell_of_the_step_before = edited(
    "lstm_cell",
    {"    c = torch.sigmoid(f)": "    new = torch.sigmoid(f)", "torch.tanh(c), c": "torch.tanh(c), new"},
    """c is right and h is late: it shows the cell as it was before this step.

    c 是对的，h 却晚了一步：它显示的是本步之前的细胞状态。
    """,
)

writes_what_it_forgets = edited(
    "lstm_cell",
    {"torch.sigmoid(i) * torch.tanh(g)": "(1 - torch.sigmoid(f)) * torch.tanh(g)"},
    """Your cell can only write where it forgets, and the rows of the input gate are never used. That is a GRU's way.

    你的细胞状态只有在遗忘之处才能写入，输入门的那些行从未用到。那是 GRU 的做法。
    """,
)

lets_one_state_serve_the_whole_batch = edited(
    "lstm_cell",
    {"if not len(x) == len(h) == len(c):": "if False:"},
    """Broadcasting accepts an h or c of batch size 1 for a batch of 3. Compare the three and raise ValueError.

    批大小为 3 时，批大小为 1 的 h 或 c 也会被广播接受。请比较这三者，不同就抛出 ValueError。
    """,
)

checks_the_hidden_state_and_not_the_cell = edited(
    "lstm_cell",
    {"len(x) == len(h) == len(c)": "len(x) == len(h)"},
    """You compare x with h. The cell state can be of another batch size too.

    你比较了 x 与 h。细胞状态的批大小也可能不同。
    """,
)

starts_every_step_with_an_old_cell = edited(
    "lstm",
    {
        "    outputs = []\n": "    outputs, (h, c) = [], state\n",
        "lstm_cell(x_t, state, ": "lstm_cell(x_t, (h, c), ",
        "outputs.append(state[0])": "h = state[0]\n        outputs.append(h)",
    },
    """The hidden state goes on from step to step, but every step starts with the c_0 of the beginning.

    隐藏状态逐步传了下去，但每一步都从最初的 c_0 出发。
    """,
)

records_the_cells = edited(
    "lstm",
    {"outputs.append(state[0])": "outputs.append(state[1])"},
    """Your outputs are larger than 1: these are cells. Which of the two states does an LSTM show?

    你的输出大于 1：那是细胞状态。LSTM 对外显示的是两个状态中的哪一个？
    """,
)

returns_three_results = edited(
    "lstm",
    {"return torch.stack(outputs), state": "return torch.stack(outputs), *state"},
    """Three results came back. The last state is one of two results, a pair (h, c) that can be passed in again.

    返回了三个结果。应当是两个：最后的状态是一对 (h, c)，可以原样再传进来。
    """,
)

reads_the_last_step_first = edited(
    "lstm",
    {"for x_t in x:": "for x_t in x.flip(0):"},
    """The first output should know the first input only.

    第一个输出只应知道第一个输入。
    """,
)

keeps_the_cell_out_of_the_graph = edited(
    "lstm",
    {"lstm_cell(x_t, state, ": "lstm_cell(x_t, (state[0], state[1].detach()), "},
    """The values are right, but the gradient does not go back through the cell, the one way on which it lasts.

    值是对的，但梯度没有经由细胞状态传回去，而那正是梯度能传得远的那条路。
    """,
)


@wrong("gru_cell")
def resets_the_state_before_the_matrix(x, h, w_ih, w_hh, b_ih, b_hh):
    """You compute W(r ⊙ h) + b. That is how the GRU was first published, and another function: compare the place of r
    in (6.10).

    你计算的是 W(r ⊙ h) + b。GRU 最初发表时就是这样，但那是另一个函数：请对照 (6.10) 中 r 的位置。
    """
    if len(x) != len(h):
        raise ValueError("batch sizes differ")
    r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, 1)
    w_r, w_z, w_n = w_hh.chunk(3, 0)
    b_r, b_z, b_n = b_hh.chunk(3, 0)
    r, z = torch.sigmoid(r_x + h @ w_r.T + b_r), torch.sigmoid(z_x + h @ w_z.T + b_z)
    n = torch.tanh(n_x + (r * h) @ w_n.T + b_n)
    return (1 - z) * n + z * h


@wrong("gru_cell")
def keeps_the_bias_outside_the_reset_gate(x, h, w_ih, w_hh, b_ih, b_hh):
    """Shut the reset gate: by (6.10) nothing of the state's side is left in n_t. In yours b_hn is.

    把重置门关上：按 (6.10)，n_t 里就不再有来自状态一侧的任何东西。你的 b_hn 却还在。
    """
    if len(x) != len(h):
        raise ValueError("batch sizes differ")
    r_x, z_x, n_x = (x @ w_ih.T + b_ih).chunk(3, 1)
    r_h, z_h, n_h = (h @ w_hh.T).chunk(3, 1)
    b_r, b_z, b_n = b_hh.chunk(3, 0)
    r, z = torch.sigmoid(r_x + r_h + b_r), torch.sigmoid(z_x + z_h + b_z)
    n = torch.tanh(n_x + r * n_h + b_n)
    return (1 - z) * n + z * h


swaps_z_and_one_minus_z = edited(
    "gru_cell",
    {"(1 - z) * n + z * h": "z * n + (1 - z) * h"},
    """With z = 1 the state should stay as it is; yours is replaced. Papers differ on this, and (6.11) is
    torch's choice.

    z = 1 时状态应当保持不变，你的却被替换了。各篇论文的写法不同，(6.11) 是 torch 的选择。
    """,
)

orders_the_gates_z_r_n = edited(
    "gru_cell",
    {"r_x, z_x, n_x =": "z_x, r_x, n_x =", "r_h, z_h, n_h =": "z_h, r_h, n_h ="},
    """Two gates have changed places. In which order does torch stack them? (Keras has another.)

    有两个门换了位置。torch 按什么顺序堆叠它们？（Keras 的顺序不同。）
    """,
)

never_resets = edited(
    "gru_cell",
    {"n_x + r * n_h": "n_x + n_h"},
    """The reset gate is computed and never used. Where does it enter (6.10)?

    重置门算出来了，却没有用到。它在 (6.10) 的哪里？
    """,
)

forgets_the_biases_of_the_state = edited(
    "gru_cell",
    {"h @ w_hh.mT + b_hh": "h @ w_hh.mT"},
    """Each of (6.8) to (6.10) has two biases; those of the state's side are missing.

    (6.8) 到 (6.10) 各有两个偏置；缺了状态一侧的。
    """,
)

shares_one_state_among_many = edited(
    "gru_cell",
    {"if len(x) != len(h):": "if False:"},
    """Broadcasting accepts a state of batch size 1 for a batch of 3. Compare the two and raise ValueError.

    批大小为 3 时，批大小为 1 的状态也会被广播接受。请比较二者，不同就抛出 ValueError。
    """,
)

never_carries_the_state = edited(
    "gru",
    {"h = gru_cell(x_t, h, ": "h = gru_cell(x_t, h0, "},
    """Each of your outputs knows one input only. Which state does a step start from?

    你的每个输出只知道一个输入。每一步应从哪个状态出发？
    """,
)

runs_from_the_end = edited(
    "gru",
    {"for x_t in x:": "for x_t in x.flip(0):"},
    """Your first output depends on the last input.

    你的第一个输出取决于最后一个输入。
    """,
)

loops_over_the_batch = edited(
    "gru",
    {"for x_t in x:": "for x_t in x.transpose(0, 1):"},
    """x has time first and the batch second. Which of the two do you loop over?

    x 的第一维是时间，第二维是批。你循环的是哪一个？
    """,
)

detaches_the_state = edited(
    "gru",
    {"gru_cell(x_t, h, ": "gru_cell(x_t, h.detach(), "},
    """The values are right; the gradient stops after one step back.

    值是对的，梯度却只传回一步就停了。
    """,
)


@wrong("rnn_gradient_norms")
def takes_powers_of_the_norm(w_hh, steps):
    """‖W‖^k is only a bound of ‖W^k‖: two factors need not stretch the same direction. Multiply the matrices first.

    ‖W‖^k 只是 ‖W^k‖ 的上界：两个因子拉伸的不一定是同一个方向。先把矩阵乘起来。
    """
    if w_hh.shape[0] != w_hh.shape[1]:
        raise ValueError("not square")
    norm = torch.linalg.matrix_norm(w_hh, 2)
    return torch.stack([norm**k for k in range(1, steps + 1)])


@wrong("rnn_gradient_norms")
def takes_powers_of_the_largest_eigenvalue(w_hh, steps):
    """The largest eigenvalue tells what happens after very many steps. Before that a matrix can stretch a vector
    although all its eigenvalues are small: try [[0.5, 2], [0, 0.5]].

    最大特征值说的是很多步之后的事。在那之前，即使特征值都很小，矩阵也可以拉长向量：试试 [[0.5, 2], [0, 0.5]]。
    """
    radius = torch.linalg.eigvals(w_hh).abs().max()
    return torch.stack([radius**k for k in range(1, steps + 1)])


@wrong("rnn_gradient_norms")
def multiplies_until_it_overflows(w_hh, steps):
    """In float32 the 200th power of a matrix that triples is no longer a number: inf − inf is NaN, and no norm can be
    taken. How large need a matrix be whose norm you know?

    在 float32 里，每步放大三倍的矩阵，到 200 次幂已经不是数了：inf − inf 是 NaN，范数也就求不出来。
    一个范数已知的矩阵，有必要存得那么大吗？
    """
    if w_hh.shape[0] != w_hh.shape[1]:
        raise ValueError("not square")
    power, norms = w_hh, []
    for _ in range(steps):
        norms.append(torch.linalg.matrix_norm(power, 2))
        power = power @ w_hh
    return torch.stack(norms)


@wrong("rnn_gradient_norms")
def divides_by_a_norm_of_zero(w_hh, steps):
    """A power can be 0 exactly, and then you divide 0 by 0.

    矩阵的幂可以恰好等于 0，这时你在用 0 除以 0。
    """
    power, norm, norms = torch.eye(len(w_hh), dtype=w_hh.dtype), 1.0, []
    for _ in range(steps):
        power = w_hh @ power
        growth = torch.linalg.matrix_norm(power, 2)
        norm, power = norm * growth, power / growth
        norms.append(norm)
    return torch.stack(norms)


measures_the_frobenius_norm = edited(
    "rnn_gradient_norms",
    {"matrix_norm(power, 2)": "matrix_norm(power)"},
    """Without an order, matrix_norm is the Frobenius norm: the root of the sum of squares of all singular values.
    Which of them do you want?

    不指定阶数时，matrix_norm 给出 Frobenius 范数，即所有奇异值平方和的平方根。你要的是其中哪一个？
    """,
)

starts_at_the_power_zero = edited(
    "rnn_gradient_norms",
    {
        "        norm = norm * growth\n": "",
        "        norms.append(norm)\n": "        norms.append(norm)\n        norm = norm * growth\n",
    },
    """Your first number is 1, the norm of W⁰. The exercise starts with one step back.

    你的第一个数是 1，那是 W⁰ 的范数。题目从往回一步算起。
    """,
)


@wrong("rnn_gradient_norms")
def raises_every_entry_to_the_power(w_hh, steps):
    """`**` raises each entry to the power. What does a gradient meet on its way back: entries, or matrices?

    `**` 是逐元素的幂。梯度往回走时遇到的是一个个元素，还是一个个矩阵？
    """
    if w_hh.shape[0] != w_hh.shape[1]:
        raise ValueError("not square")
    return torch.stack([torch.linalg.matrix_norm(w_hh**k, 2) for k in range(1, steps + 1)])


leaves_the_input_gate_open = edited(
    "lstm_that_remembers",
    {"    w_hh[i, :, n] = -large * large\n": ""},
    """Your cell keeps the first bit and adds every later input to it. What could tell the input gate that the first
    step is over? At the first step h is 0, and one unit can be made to be something else ever after.

    你的细胞状态记住了第一个比特，又把后来的每个输入都加了上去。
    什么能告诉输入门第一步已经过去了？第一步时 h 是 0，而可以让某个隐藏单元从此以后不再是 0。
    """,
)

forgets_a_little_at_every_step = edited(
    "lstm_that_remembers",
    {"bias[[i, f, o]] = large": "bias[[i, o]] = large\n    bias[f] = 4"},
    """σ(4) is 0.98: what is 0.98 to the power 1000? How far must the forget gate be from 1?

    σ(4) 是 0.98：0.98 的 1000 次方是多少？遗忘门离 1 最多能有多远？
    """,
)

numbers_the_gates_i_f_o_g = edited(
    "lstm_that_remembers",
    {"i, f, g, o = range(4)": "i, f, o, g = range(4)"},
    """Your blocks of rows are in another order than the LSTM that reads them has.

    你的各块行的顺序，与读取它们的 LSTM 不同。
    """,
)

never_opens_the_input_gate = edited(
    "lstm_that_remembers",
    {"bias[[i, f, o]] = large": "bias[[f, o]] = large\n    bias[i] = -large"},
    """Your cell is well protected, and empty: the input gate is shut at the first step too.

    你的细胞状态保护得很好，里面却是空的：第一步时输入门也关着。
    """,
)

writes_too_softly = edited(
    "lstm_that_remembers",
    {"large = 20.0": "large = 3.0"},
    """The formulas are right; the gates are half open. What goes through σ(−4) in a thousand steps?

    公式是对的，门却没有关严。一千步里，从 σ(−4) 漏过去多少？
    """,
)

shows_nothing = edited(
    "lstm_that_remembers",
    {"bias[[i, f, o]]": "bias[[i, f]]"},
    """The cell is right. The output gate is half open, so that h is only half of tanh(c).

    细胞状态是对的。输出门只开了一半，所以 h 只有 tanh(c) 的一半。
    """,
)

remembers_one_bit_only = edited(
    "lstm_that_remembers",
    {"large * torch.eye(n)": "large * torch.eye(n)[:1]"},
    """Every cell holds the same bit. Which input should cell k write?

    每个细胞状态里都是同一个比特。第 k 个应当写入哪个输入？
    """,
)
