"""What students get wrong in chapter 16, and the hint that each mistake deserves."""

import torch
import torch.nn.functional as F

from autograder.cases import edited, wrong

lets_the_state_grow = edited(
    "hippo_legs",
    {"-torch.outer(b, b).tril(-1) - torch.diag(degree + 1)": "torch.outer(b, b).tril(-1) + torch.diag(degree + 1)"},
    """The paper writes the system as h' = −A h + B x with a positive A. What are the eigenvalues of your A in
    h' = A h + B x, and what does the state do then?

    论文把系统写成 h' = −A h + B x，其中 A 为正。在 h' = A h + B x 里，你的 A 有怎样的特征值，状态会怎样？""",
)

writes_the_upper_triangle = edited(
    "hippo_legs",
    {".tril(-1)": ".triu(1)"},
    """The coefficient of degree i is driven by those of lower degree. In which triangle do the entries i > k stand?

    i 次的系数由更低次的系数驱动。满足 i > k 的元素在哪个三角里？""",
)

counts_the_degrees_from_one_on_the_diagonal = edited(
    "hippo_legs",
    {"degree + 1)": "degree)"},
    """With your diagonal the coefficient of degree 0 never forgets: it is an integral and not a mean. What does the
    formula give for i = k = 0?

    按你的对角线，0 次的系数永远不忘：它成了积分而不是平均。i = k = 0 时公式给出多少？""",
)

gives_b_as_a_vector = edited(
    "hippo_legs",
    {"b[:, None]": "b"},
    """B maps one input to n numbers: as a matrix it has n rows. How many columns?

    B 把一个输入映成 n 个数：作为矩阵它有 n 行，几列？""",
)

takes_the_product_of_the_roots_on_the_diagonal_too = edited(
    "hippo_legs",
    {".tril(-1) - torch.diag(degree + 1)": ".tril()"},
    """That is 2i + 1 on the diagonal. The published matrix has another number there: look at the case i = k.

    这样对角线上是 2i + 1。发表的矩阵在那里是另一个数：看 i = k 的情形。""",
)


@wrong("discretize_zoh")
def divides_by_a_as_it_is_printed(a, b, dt):
    """Formula 16.4 as printed asks for the inverse of ΔA, and A = 0 has none, though h' = Bx is a perfectly good
    system. Which series stays when you divide exp(M) − I by M on paper? And which matrix has that series in a corner
    of its exponential?

    照印出来的 16.4 要对 ΔA 求逆，而 A = 0 没有逆，尽管 h' = Bx 是很正常的系统。在纸上用 M 除 exp(M) − I，剩下什么级数？
    哪个矩阵的指数有一角正是这个级数？
    """
    n = a.shape[0]
    if a.shape != (n, n) or b.shape[0] != n:
        raise ValueError("A and B are not of one state")
    m = dt * a
    a_bar = torch.matrix_exp(m)
    return a_bar, torch.linalg.solve(m, (a_bar - torch.eye(n, dtype=a.dtype)) @ (dt * b))


@wrong("discretize_zoh")
def takes_the_pseudo_inverse(a, b, dt):
    """No error any more, but in the directions that A sends to 0 your B̄ is 0. There the state adds up its input:
    what does ∫₀^Δ B dt give?

    不再报错了，但在 A 映为 0 的方向上，你的 B̄ 是 0。那里状态在累加输入：∫₀^Δ B dt 等于多少？
    """
    n = a.shape[0]
    if a.shape != (n, n) or b.shape[0] != n:
        raise ValueError("A and B are not of one state")
    m = dt * a
    a_bar = torch.matrix_exp(m)
    return a_bar, torch.linalg.pinv(m) @ (a_bar - torch.eye(n, dtype=a.dtype)) @ (dt * b)


@wrong("discretize_zoh")
def adds_a_small_number_to_the_diagonal(a, b, dt):
    """Adding 1e-8 to the diagonal makes a division possible, not a right one: exp(M) − I is then a difference of
    nearly equal numbers, divided by something tiny. Can the division be avoided altogether?

    对角线加 1e-8 使除法可行，却不正确：exp(M) − I 是两个几乎相等的数之差，再除以极小的数。能不能根本不做除法？
    """
    n = a.shape[0]
    if a.shape != (n, n) or b.shape[0] != n:
        raise ValueError("A and B are not of one state")
    eye = torch.eye(n, dtype=a.dtype)
    m = dt * a
    a_bar = torch.matrix_exp(m)
    return a_bar, torch.linalg.solve(m + 1e-8 * eye, (a_bar - eye) @ (dt * b))


takes_the_exponential_of_every_entry = edited(
    "discretize_zoh",
    {"torch.matrix_exp(": "torch.exp("},
    """exp of a matrix is the series I + M + M²/2! + …, not the exponential of every entry: what should exp(0) be?

    矩阵的 exp 是级数 I + M + M²/2! + …，不是对每个元素取指数：exp(0) 应当是什么？""",
)

holds_b_by_eulers_rule = edited(
    "discretize_zoh",
    {"exponential[:n, n:] @ (dt * b)": "dt * b"},
    """ΔB is the first term only: over a step the input's effect already decays. (Mamba does use ΔB; this exercise asks
    for the exact step.)

    ΔB 只是第一项：在一步之内，输入的作用已经在衰减。（Mamba 确实用 ΔB；这道题要的是精确的一步。）""",
)

forgets_the_step_in_b = edited(
    "discretize_zoh",
    {"@ (dt * b)": "@ b"},
    """Half as long a step should let in about half as much of the signal. Where does Δ multiply B?

    步长减半，进来的信号也应当大约减半。Δ 在哪里乘 B？""",
)

steps_by_the_forward_difference = edited(
    "discretize_bilinear",
    {"torch.linalg.solve(eye - half, eye + half)": "eye + dt * a"},
    """I + ΔA uses the slope at the start of the step only; it blows up for a fast decay. The trapezoidal rule takes the
    mean of both ends: bring h_k to one side.

    I + ΔA 只用了起点的斜率，衰减一快就发散。梯形法取两端的平均：把 h_k 移到一边。""",
)

swaps_the_two_signs = edited(
    "discretize_bilinear",
    {"torch.linalg.solve(eye - half, eye + half)": "torch.linalg.solve(eye + half, eye - half)"},
    """A negative A should make Ā smaller than 1. Which of I ± ΔA/2 stands on the side of h_k?

    A 为负时 Ā 应当小于 1。I ± ΔA/2 里哪一个在 h_k 这边？""",
)

takes_the_whole_step_at_both_ends = edited(
    "discretize_bilinear",
    {"dt * a / 2": "dt * a"},
    """The mean of two slopes: each counts half.

    两个斜率的平均：各占一半。""",
)

leaves_b_without_the_inverse = edited(
    "discretize_bilinear",
    {"torch.linalg.solve(eye - half, dt * b)": "dt * b"},
    """The equation is solved for h_k: whatever stood beside B x_k is divided as well.

    方程是对 h_k 解出的：B x_k 那一项也要一起“除”。""",
)

scales_b_by_the_root_of_the_step = edited(
    "discretize_bilinear",
    {"dt * b)": "dt ** 0.5 * b)"},
    """The root of Δ belongs to another scaling of the bilinear transform (or to noise). What does B̄ tend to when Δ is
    small?

    √Δ 属于双线性变换的另一种缩放（或者属于噪声）。Δ 很小时 B̄ 趋于什么？""",
)


@wrong("ssm_recurrence")
def answers_before_it_has_heard(a_bar, b_bar, c, x):
    """Your y_k reads the state before x_k has entered: the output is one step late. Control theory counts that way;
    16.5 and 16.6 do not.

    你的 y_k 读的是 x_k 进入之前的状态：输出晚了一步。控制论里这样计，16.5 与 16.6 却不是。
    """
    n = a_bar.shape[0]
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.shape != (n,):
        raise ValueError("not of one state")
    h, y = x.new_zeros(*x.shape[:-1], n), torch.zeros_like(x)
    for k in range(x.shape[-1]):
        y[..., k] = h @ c
        h = h @ a_bar.mT + x[..., k, None] * b_bar
    return y


multiplies_from_the_wrong_side = edited(
    "ssm_recurrence",
    {"h @ a_bar.mT": "h @ a_bar"},
    """Your h is a row, so that h @ Ā is Āᵀh. Which of the two does 16.5 ask for?

    你的 h 是行向量，所以 h @ Ā 是 Āᵀh。16.5 要的是哪一个？""",
)

starts_with_the_first_input = edited(
    "ssm_recurrence",
    {"h, y = torch.zeros_like(b_bar)": "h, y = x[..., :1] * b_bar"},
    """Before the first step the state is 0; yours already holds the first input, and hears it twice.

    第一步之前状态是 0；你的状态已经含有第一个输入，等于听了两遍。""",
)

has_no_memory = edited(
    "ssm_recurrence",
    {"h = h @ a_bar.mT + x[..., k, None] * b_bar": "h = x[..., k, None] * b_bar"},
    """Your output at step k depends on x_k alone. What of the past does h_k keep?

    你在第 k 步的输出只取决于 x_k。h_k 保留了过去的什么？""",
)

broadcasts_a_vector_of_one_entry = edited(
    "ssm_recurrence",
    {" or b_bar.shape != (n,) or c.shape != (n,)": ""},
    """A B̄ of one entry goes through by broadcasting, as if all states had the same: compare the shapes and raise.

    只有一个元素的 B̄ 会被广播，好像所有状态都一样：先比较形状，不符就抛出错误。""",
)


starts_at_the_first_power = edited(
    "ssm_kernel",
    {
        "kernel[j] = c @ state\n": "state = a_bar @ state\n",
        "        state = a_bar @ state\n    return": "        kernel[j] = c @ state\n    return",
    },
    """The first tap answers the input of the same step: how often has Ā been applied by then?

    第一个抽头对应同一步的输入：到那时 Ā 作用过几次？""",
)


@wrong("ssm_kernel")
def raises_every_entry_to_the_power(a_bar, b_bar, c, length):
    """`**` raises every entry of a matrix by itself. That is right for a diagonal Ā; what is Ā² in general?

    `**` 对矩阵的每个元素分别求幂。只有对角的 Ā 才可以这样；一般的 Ā² 是什么？
    """
    n = a_bar.shape[0]
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.shape != (n,) or length < 0:
        raise ValueError("not of one state")
    taps = [c @ (a_bar**j if j else torch.eye(n, dtype=a_bar.dtype)) @ b_bar for j in range(length)]
    return torch.stack(taps) if taps else a_bar.new_zeros(0)


@wrong("ssm_kernel")
def changes_to_a_basis_of_eigenvectors(a_bar, b_bar, c, length):
    """Not every matrix has a basis of eigenvectors: a delay line and a Jordan block have one direction only, and the
    division by their eigenvectors gives nothing but noise. Can the taps be had from products with Ā alone?

    并非每个矩阵都有特征向量基：移位寄存器与 Jordan 块只有一个方向，除以它们的特征向量只会得到噪声。
    能不能只用与 Ā 的乘积求出各个抽头？
    """
    n = a_bar.shape[0]
    if a_bar.shape != (n, n) or b_bar.shape != (n,) or c.shape != (n,):
        raise ValueError("not of one state")
    eigenvalues, vectors = torch.linalg.eig(a_bar)
    weights = (c.to(vectors.dtype) @ vectors) * torch.linalg.solve(vectors, b_bar.to(vectors.dtype))
    powers = eigenvalues[:, None] ** torch.arange(length).reshape(length)
    return (weights @ powers).real


runs_backwards = edited(
    "ssm_kernel",
    {"return kernel": "return kernel.flip(0)"},
    """The oldest tap comes first in yours. Which tap meets the newest input?

    你的核把最旧的抽头放在了最前。最新的输入对应哪个抽头？""",
)

swaps_input_and_output = edited(
    "ssm_kernel",
    {"state = a_bar @ state": "state = state @ a_bar"},
    """A vector times Ā is Āᵀ times that vector, and C Āᵀ B̄ is another number than C Ā B̄. Where in 16.5 does
    Ā stand, beside the state?

    向量乘 Ā 等于 Āᵀ 乘这个向量，而 C Āᵀ B̄ 与 C Ā B̄ 是不同的数。16.5 里 Ā 在状态的哪一边？""",
)

checks_ab_only = edited(
    "ssm_kernel",
    {" or c.shape != (n,)": ""},
    """A C with rows makes every tap a vector, or slips in by broadcasting. Compare its shape as well.

    带行的 C 会混进来。它的形状也要比较。""",
)


@wrong("ssm_convolution")
def turns_round_in_a_circle(kernel, x):
    """A product of two transforms of length L is a convolution on a circle: what runs out at the end comes in again at
    the beginning, and the output knows the future. How long must both be for the end to have room?

    两个长度为 L 的变换相乘，得到的是圆周上的卷积：从末尾出去的又从开头进来，输出于是知道了未来。
    要给末尾留出地方，两者各要多长？
    """
    length = max(x.shape[-1], kernel.shape[-1])
    product = torch.fft.rfft(kernel, length) * torch.fft.rfft(x, length)
    return torch.fft.irfft(product, length)[..., : x.shape[-1]]


forgets_that_the_length_is_odd = edited(
    "ssm_convolution",
    {"torch.fft.irfft(product, n)": "torch.fft.irfft(product)"},
    """From half a spectrum alone nobody can tell whether the length was even or odd; irfft then takes the even one.
    Tell it.

    单凭半个频谱看不出长度是奇还是偶，irfft 会取偶数。要告诉它。""",
)

listens_to_the_future = edited(
    "ssm_convolution",
    {"torch.fft.rfft(kernel, n) *": "torch.fft.rfft(kernel, n).conj() *"},
    """With the complex conjugate the kernel runs the other way: that is a correlation, and y_k hears what comes later.

    取共轭后核反向：那是互相关，y_k 听到的是以后的信号。""",
)

keeps_the_middle = edited(
    "ssm_convolution",
    {"[..., :length]": "[..., (n - length) // 2 :][..., :length]"},
    """The middle of the full convolution is what mode="same" gives, for pictures. For a signal in time, which L of the
    outputs have heard no future?

    取完整卷积的中段是 mode="same" 的做法，用于图像。对时间信号，哪 L 个输出没有听到未来？""",
)

gives_the_tail_too = edited(
    "ssm_convolution",
    {"[..., :length]": ""},
    """The full convolution has a tail after the last input. How many outputs does a signal of L steps have?

    完整的卷积在最后一个输入之后还有尾巴。L 步的信号有几个输出？""",
)


@wrong("ssm_convolution")
def writes_out_the_whole_matrix(kernel, x):
    """Right, but a signal of 100,000 steps would need a matrix of 10¹⁰ entries. Which transform makes a convolution a
    product?

    结果是对的，但十万步的信号需要 10¹⁰ 个元素的矩阵。什么变换把卷积变成乘积？
    """
    taps, length = kernel.shape[-1], x.shape[-1]
    lag = torch.arange(length)[:, None] - torch.arange(length)
    matrix = kernel[..., lag.clamp(0, taps - 1)] * ((lag >= 0) & (lag < taps))
    return (matrix @ x[..., None]).squeeze(-1)


takes_the_exponential_for_softplus = edited(
    "selective_parameters",
    {"torch.logaddexp(z, torch.zeros_like(z))": "torch.exp(z)"},
    """Both are positive, but exp grows without measure and softplus like z itself. Which of them does 16.8 name?

    两者都为正，但 exp 的增长没有节制，softplus 则像 z 本身。16.8 写的是哪一个？""",
)

lets_softplus_overflow = edited(
    "selective_parameters",
    {"torch.logaddexp(z, torch.zeros_like(z))": "torch.log(1 + torch.exp(z))"},
    """exp(1000) is inf, and 1 + exp(−50) is 1, of which the logarithm is 0. What can be taken out of the sum before the
    logarithm, as in chapter 4?

    exp(1000) 是 inf，而 1 + exp(−50) 是 1，它的对数为 0。像第 4 章那样，取对数之前可以从和里提出什么？""",
)


@wrong("selective_parameters")
def keeps_positive_steps_with_a_relu(x, w_b, w_c, w_dt, b_dt):
    """A step of exactly 0 lets nothing in and passes no gradient: that channel would stay closed for ever.

    恰好为 0 的步长什么都不放进来，也不传梯度：这个通道就永远关上了。
    """
    return F.relu(x @ w_dt.mT + b_dt), x @ w_b.mT, x @ w_c.mT


adds_the_bias_after_softplus = edited(
    "selective_parameters",
    {
        "x @ w_dt.mT + b_dt": "x @ w_dt.mT",
        "torch.logaddexp(z, torch.zeros_like(z))": "torch.logaddexp(z, torch.zeros_like(z)) + b_dt",
    },
    """The bias belongs to the linear layer, inside the softplus: outside, Δ can become negative.

    偏置属于线性层，在 softplus 里面：放在外面，Δ 可能为负。""",
)

takes_the_weights_the_other_way_round = edited(
    "selective_parameters",
    {"x @ w_dt.mT": "x @ w_dt"},
    """nn.Linear keeps its weight as (out, in). A square one hides the mistake: which side is transposed?

    nn.Linear 的权重形状是 (out, in)。方阵会把错误藏起来：哪一边要转置？""",
)

swaps_what_is_written_and_what_is_read = edited(
    "selective_parameters",
    {"x @ w_b.mT, x @ w_c.mT": "x @ w_c.mT, x @ w_b.mT"},
    """The order is Δ, B, C.

    次序是 Δ、B、C。""",
)


holds_b_exactly = edited(
    "selective_scan",
    {"+ step * x[:, t, :, None]": "+ torch.expm1(step * a) / a * x[:, t, :, None]"},
    """That is 16.4 for a diagonal A, which the theory gives; the published Mamba takes ΔB. This exercise is graded
    against the published one.

    这是对角 A 的 16.4，理论上正是如此；但发表的 Mamba 取的是 ΔB。本题以发表的为准。""",
)

steps_the_decay_by_eulers_rule = edited(
    "selective_scan",
    {"torch.exp(step * a)": "(1 + step * a)"},
    """1 + Δa is exp(Δa) for a small step only; for Δ = 1000 it is −1000 and the state explodes.

    只有步长很小时 1 + Δa 才等于 exp(Δa)；Δ = 1000 时它可到 −1000，状态会爆炸。""",
)

leaves_the_step_out_of_the_input = edited(
    "selective_scan",
    {"+ step * x[:, t, :, None]": "+ x[:, t, :, None]"},
    """A token with Δ close to 0 should leave the state as it is. Does yours, when x_t is large?

    Δ 接近 0 的 token 应当让状态保持不变。x_t 很大时，你的状态不变吗？""",
)

forgets_the_direct_path = edited(
    "selective_scan",
    {"torch.zeros_like(a), d * x": "torch.zeros_like(a), torch.zeros_like(x)"},
    """What does d do?

    d 起什么作用？""",
)

reads_before_the_token_is_written = edited(
    "selective_scan",
    {
        "        h = torch.exp": "        before = h\n        h = torch.exp",
        "(h @ c": "(before @ c",
    },
    """Your output at t reads h_{t−1}. The formula reads h_t, which holds x_t already.

    你在 t 处的输出读的是 h_{t−1}。公式读的是 h_t，其中已经有 x_t。""",
)

takes_every_shape_that_broadcasts = edited(
    "selective_scan",
    {"if shapes !=": "if False and shapes !="},
    """A Δ of shape (batch, length, 1) goes through by broadcasting and answers something else than was asked.
    Compare the shapes and raise.

    形状为 (batch, length, 1) 的 Δ 会被广播，算出的不是所要的。先比较形状，不符就抛出错误。""",
)


@wrong("selective_scan")
def divides_by_the_product_of_all_gates(x, dt, a, b, c, d):
    """Dividing by the product of all the gates so far turns the recurrence into one cumulative sum, until that product
    underflows: e⁻¹⁰⁰⁰ is 0, a number divided by it inf, and 0 · inf is NaN.

    除以此前所有门的乘积，递推就变成一次累加和；但那个乘积会下溢：e⁻¹⁰⁰⁰ 是 0，除以它得 inf，而 0 · inf 是 NaN。
    """
    batch, length, channels = x.shape
    state = a.shape[-1]
    if (dt.shape, a.shape, d.shape) != (x.shape, (channels, state), (channels,)):
        raise ValueError("shapes differ")
    if b.shape != (batch, length, state) or c.shape != b.shape:
        raise ValueError("shapes differ")
    decay = torch.exp((dt[..., None] * a).cumsum(1))
    h = decay * ((dt * x)[..., None] * b[:, :, None] / decay).cumsum(1)
    return (h * c[:, :, None]).sum(-1) + d * x


@wrong("associative_scan")
def walks_through_the_steps(gates, values, dim=1):
    """The numbers are right, but every step waits for the one before: 4000 of them for 4000 tokens. Any two
    neighbouring steps can be joined into one; how many rounds does that take?

    数都对，但每一步都要等前一步：4000 个 token 就是 4000 步。任何相邻的两步都可以合成一步，这样要几轮？
    """
    if gates.shape != values.shape:
        raise ValueError("shapes differ")
    h, found = 0, [values.narrow(dim, 0, 0)]
    for t in range(values.shape[dim]):
        h = gates.narrow(dim, t, 1) * h + values.narrow(dim, t, 1)
        found.append(h)
    return torch.cat(found, dim)


@wrong("associative_scan")
def divides_by_the_cumulative_product(gates, values, dim=1):
    """A gate of 0 makes the cumulative product 0 for ever after, and 0 · (1/0) is NaN; many small gates underflow to
    the same. Is there a way to join two steps without any division?

    门为 0 时，累积乘积从此都是 0，而 0 · (1/0) 是 NaN；许多小的门乘起来也会下溢。有没有不用除法就能合并两步的办法？
    """
    if gates.shape != values.shape:
        raise ValueError("shapes differ")
    product = gates.cumprod(dim)
    return product * (values / product).cumsum(dim)


@wrong("associative_scan")
def goes_through_logarithms(gates, values, dim=1):
    """Logarithms of gates work while the gates are positive: log 0 is −inf, −inf − (−inf) is NaN, and a negative gate
    has no logarithm.

    门为正时才能取对数：log 0 是 −inf，−inf − (−inf) 是 NaN，负的门没有对数。
    """
    if gates.shape != values.shape:
        raise ValueError("shapes differ")
    total = gates.log().cumsum(dim)
    return torch.exp(total) * (values * torch.exp(-total)).cumsum(dim)


forgets_to_join_the_gates = edited(
    "associative_scan",
    {"        g = torch.cat([g[..., :step], g[..., step:] * g[..., :-step]], dim=-1)\n": ""},
    """After one round every state has heard two inputs. To fetch what lies two steps back it must pass two gates: where
    do you multiply them?

    一轮之后每个状态听到了两个输入。要取再往前两步的，就得通过两道门：你在哪里把它们乘起来？""",
)

passes_the_gate_of_the_past = edited(
    "associative_scan",
    {"g[..., step:] * h[..., :-step]": "g[..., :-step] * h[..., :-step]"},
    """The past enters through the later gate: h_t = g_t h_{t−1} + v_t. Whose gate do you use?

    过去要通过后来的门：h_t = g_t h_{t−1} + v_t。你用的是谁的门？""",
)

scans_the_second_dimension_always = edited(
    "associative_scan",
    {"movedim(dim, -1)": "movedim(1, -1)", "movedim(-1, dim)": "movedim(-1, 1)"},
    """Time is where `dim` says.

    时间在 `dim` 所说的那一维。""",
)

broadcasts_the_gates = edited(
    "associative_scan",
    {"if gates.shape != values.shape:": "if False:"},
    """Gates of shape (2, 6, 1) are not gates for values of shape (2, 6, 3), though a product broadcasts them.

    形状 (2, 6, 1) 的门不是形状 (2, 6, 3) 的值的门，尽管乘法会广播。""",
)


@wrong("associative_scan")
def builds_the_products_between_all_pairs(gates, values, dim=1):
    """Few operations, but the table of all pairs has L² entries: 16 GB for one channel and 64,000 steps.

    运算次数是少，但所有两两之间的表有 L² 个元素：一个通道、六万四千步就要 16 GB。
    """
    if gates.shape != values.shape:
        raise ValueError("shapes differ")
    g, v = gates.movedim(dim, -1), values.movedim(dim, -1)
    length = g.shape[-1]
    after = torch.ones(length, length, dtype=torch.bool).tril(-1)
    products = torch.where(after, g[..., :, None], torch.ones_like(g[..., :, None])).cumprod(-2).tril()
    return (products @ v[..., None]).squeeze(-1).movedim(-1, dim)
