"""What students really write in chapter 15, each with the hint it deserves."""

import torch

from autograder.cases import edited, wrong

eps_outside_the_root = edited(
    "rms_norm",
    {"(wide.square().mean(-1, keepdim=True) + eps).sqrt()": "wide.square().mean(-1, keepdim=True).sqrt() + eps"},
    """Small rows come out too large: ε is added to the root. In (15.1), what is it added to?

    很小的行输出偏大：你把 ε 加在了根号外面。(15.1) 里它加在什么上？
    """,
)


@wrong("rms_norm")
def leaves_eps_out(x, weight, eps=1e-6):
    """A row of zeros gives 0/0. Which argument have you not used yet?

    零行给出 0/0。还有哪个参数没有用到？
    """
    if weight.shape != x.shape[-1:]:
        raise ValueError("weight")
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide / wide.square().mean(-1, keepdim=True).sqrt() * weight).to(x.dtype)


@wrong("rms_norm")
def subtracts_the_mean_as_layer_norm_does(x, weight, eps=1e-6):
    """This is layer norm without its bias: a row whose mean is 100 comes out centred. What does (15.1) subtract?

    这是没有偏置的层归一化：均值为 100 的行被拉回了中心。(15.1) 减去了什么吗？
    """
    if weight.shape != x.shape[-1:]:
        raise ValueError("weight")
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    wide = wide - wide.mean(-1, keepdim=True)
    return (wide / torch.sqrt(wide.square().mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


@wrong("rms_norm")
def divides_by_the_norm(x, weight, eps=1e-6):
    """Your rows have length 1. The root mean square divides the sum of squares by d before the root is taken.

    你的每一行长度为 1。均方根在开方之前，要先把平方和除以 d。
    """
    if weight.shape != x.shape[-1:]:
        raise ValueError("weight")
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide / torch.sqrt(wide.square().sum(-1, keepdim=True) + eps) * weight).to(x.dtype)


@wrong("rms_norm")
def takes_one_mean_over_the_whole_tensor(x, weight, eps=1e-6):
    """All rows are divided by the same number, as the printed code torch.mean(x**2) does. Over which dimension does
    the sum in (15.1) run?

    所有行都除以同一个数，正如把 torch.mean(x**2) 照抄下来那样。(15.1) 里的求和沿哪一维？
    """
    if weight.shape != x.shape[-1:]:
        raise ValueError("weight")
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide / torch.sqrt(wide.square().mean() + eps) * weight).to(x.dtype)


divides_by_the_weight_too = edited(
    "rms_norm",
    {"wide / rms * weight": "wide / (rms * weight)"},
    """γ stands below the line in yours, as in some printed code. Does it multiply or divide in (15.1)?

    你的 γ 在分母里，有些印出来的代码也是这样。(15.1) 里是乘还是除？
    """,
)

rounds_before_the_weight = edited(
    "rms_norm",
    {"(wide / rms * weight).to(x.dtype)": "(wide / rms).to(x.dtype) * weight"},
    """Right in float32. In bfloat16 you round twice, once before γ and once after. Where is the only place to round?

    float32 下是对的。bfloat16 下你舍入了两次，乘 γ 之前和之后各一次。应当只在哪里舍入？
    """,
)

computes_in_the_dtype_of_the_input = edited(
    "rms_norm",
    {"x.to(torch.promote_types(x.dtype, torch.float32))": "x"},
    """Right in float32. In bfloat16 the squares and their mean have 8 bits, in float16 they overflow beyond 256.
    In which dtype should the sum be computed?

    float32 下是对的。bfloat16 的平方与均值只有 8 位，float16 超过 256 平方就上溢。求和应当用什么 dtype？
    """,
)

accepts_any_weight_that_broadcasts = edited(
    "rms_norm",
    {"if weight.shape != x.shape[-1:]:": "if False:"},
    """A γ of one element is not one number a feature, though broadcasting accepts it. Raise ValueError.

    只有一个元素的 γ 不是每个特征一个数，尽管广播会接受它。应当抛出 ValueError。
    """,
)

divides_by_the_root_of_a_detached_mean = edited(
    "rms_norm",
    {"mean(-1, keepdim=True)": "mean(-1, keepdim=True).detach()"},
    """The values are right, the gradient is not: the root mean square depends on x as well.

    值是对的，梯度不对：均方根也依赖 x。
    """,
)


@wrong("swish")
def divides_by_one_plus_an_exponential(z, beta=1.0):
    """The values are right, but at z = −1000 the gradient is NaN: exp(1000) is inf, and backward multiplies it by 0.
    Which function of chapter 4 solved that?

    值是对的，但在 z = −1000 处梯度是 NaN：exp(1000) 是 inf，反向传播又把它乘以 0。第 4 章的哪个函数解决了这个问题？
    """
    return z / (1 + torch.exp(-beta * z))


@wrong("swish")
def ignores_beta(z, beta=1.0):
    """Right at β = 1 only. Where does β stand in (15.3)?

    只在 β = 1 时是对的。β 在 (15.3) 的什么位置？
    """
    return z * torch.sigmoid(z)


@wrong("swish")
def scales_the_result_by_beta(z, beta=1.0):
    """You scale the whole result by β. In (15.3) it steepens the gate and leaves the number that passes alone.

    你用 β 缩放了整个结果。(15.3) 里它只让门变陡，不改变通过的数。
    """
    return beta * z * torch.sigmoid(z)


@wrong("swish")
def stretches_the_passing_number_too(z, beta=1.0):
    """This is SiLU(βz), which is β times too large. What multiplies the sigmoid in (15.3), z or βz?

    这是 SiLU(βz)，大了 β 倍。(15.3) 里与 sigmoid 相乘的是 z 还是 βz？
    """
    return beta * z * torch.sigmoid(beta * z)


@wrong("swish")
def gives_the_gate_alone(z, beta=1.0):
    """Your result lies between 0 and 1: this is the gate. What passes through it?

    你的结果在 0 和 1 之间：这只是门。从门里通过的是什么？
    """
    return torch.sigmoid(beta * z)


@wrong("swish")
def cuts_the_gradient_of_the_gate(z, beta=1.0):
    """The values are right, the gradient is not: it needs the product rule, since the gate depends on z as well.

    值是对的，梯度不对：这里要用乘积法则，因为门也依赖 z。
    """
    return z * torch.sigmoid(beta * z).detach()


gates_the_wrong_side = edited(
    "swiglu",
    {"swish(x @ w) * (x @ v)": "(x @ w) * swish(x @ v)"},
    """The two weights have changed places: which of xW and xV goes through Swish in (15.2)?

    两个权重换了位置：(15.2) 里经过 Swish 的是 xW 还是 xV？
    """,
)

gates_with_a_sigmoid = edited(
    "swiglu",
    {"swish(x @ w)": "torch.sigmoid(x @ w)"},
    """This is GLU, the older of the family: its gate is a sigmoid. Which function does the name SwiGLU begin with?

    这是 GLU，家族里较早的一个：它的门是 sigmoid。SwiGLU 这个名字的开头是哪个函数？
    """,
)

transposes_the_weights = edited(
    "swiglu",
    {
        "if w.shape != v.shape:": "if w.shape != v.shape or x.shape[-1] != w.shape[0]:",
        "swish(x @ w) * (x @ v)": "swish(x @ (w if w.shape[0] != w.shape[1] else w.mT)) * (x @ v.reshape(w.shape))",
    },
    """Right unless the weights are square, and those you transpose. (15.2) multiplies xW with W as (in, out).

    除了方阵都是对的，而方阵被你转置了。(15.2) 里是 xW，W 的形状是 (in, out)。
    """,
)

takes_the_weights_as_a_linear_layer_keeps_them = edited(
    "swiglu",
    {"swish(x @ w) * (x @ v)": "swish(torch.nn.functional.linear(x, w)) * torch.nn.functional.linear(x, v)"},
    """F.linear multiplies by the transposed weight, since nn.Linear keeps (out, in). Here they come as (in, out).

    F.linear 乘的是权重的转置，因为 nn.Linear 存的是 (out, in)。这里给的是 (in, out)。
    """,
)

activates_both_sides = edited(
    "swiglu",
    {"* (x @ v)": "* swish(x @ v)"},
    """One of the two sides stays linear in (15.2): it carries the signal that the other side gates.

    (15.2) 里有一边保持线性：它携带信号，另一边只是门。
    """,
)

lets_a_narrow_weight_broadcast = edited(
    "swiglu",
    {"if w.shape != v.shape:": "if False:"},
    """A V of one column is multiplied with every feature of the gate, by broadcasting. Raise ValueError.

    只有一列的 V 经广播与门的每个特征相乘。应当抛出 ValueError。
    """,
)

numbers_the_pairs_from_one = edited(
    "rope_angles",
    {"torch.arange(0, dim, 2)": "torch.arange(2, dim + 2, 2)"},
    """Your first θ is base^(−2/dim). In (15.5) the exponent is −2(i−1)/dim: what is it for the first pair, i = 1?

    你的第一个 θ 是 base^(−2/dim)。(15.5) 的指数是 −2(i−1)/dim：对第一对 i = 1，它是多少？
    """,
)

divides_the_exponent_by_half_the_dimension = edited(
    "rope_angles",
    {"torch.arange(0, dim, 2)": "2 * torch.arange(0, dim, 2)"},
    """Your θ fall too fast, down to 1/base². If you count i over dim/2 pairs, is the factor 2 in already or not?

    你的 θ 降得太快，一直降到 1/base²。i 数的是 dim/2 对，那么因子 2 是不是已经算进去了？
    """,
)

computes_the_frequencies_in_float32 = edited(
    "rope_angles",
    {"torch.arange(0, dim, 2).to(positions) / dim": "torch.arange(0, dim, 2) / dim"},
    """Near position 1,000,000 your angles are off in the second decimal: an arange of integers, divided, is float32.
    A relative error of 1e-7 in θ becomes an absolute one of m·1e-7 in mθ.

    在位置 1,000,000 附近，你的角度从小数点后第二位就错了：整数 arange 做除法得到 float32。
    θ 的相对误差 1e-7，到 mθ 就是绝对误差 m·1e-7。
    """,
)

keeps_the_dtype_of_the_positions = edited(
    "rope_angles",
    {"return positions[..., None] * base**-exponents": "return (positions[..., None] * base**-exponents).float()"},
    """The docstring asks for float64: in float32 an angle near 100,000 is known to 0.004 only.

    文档要求 float64：用 float32 时，100,000 附近的角度只精确到 0.004。
    """,
)

repeats_every_angle = edited(
    "rope_angles",
    {"base**-exponents": "(base**-exponents).repeat_interleave(2)"},
    """You give an angle for every feature. The shape asked for has dim/2 angles, one for each pair.

    你给每个特征一个角度。题目要的形状是 dim/2 个角度，每对一个。
    """,
)

multiplies_by_the_reciprocal_frequencies = edited(
    "rope_angles",
    {"base**-exponents": "base**exponents"},
    """Your angles grow from pair to pair. What is the sign of the exponent in (15.5)?

    你的角度一对比一对大。(15.5) 的指数是什么符号？
    """,
)

accepts_an_odd_number_of_features = edited(
    "rope_angles",
    {"if dim % 2:": "if False:"},
    """Five features are not two pairs and a half: raise ValueError for an odd `dim`.

    五个特征不是两对半：`dim` 为奇数时应当抛出 ValueError。
    """,
)


@wrong("apply_rope")
def returns_the_vectors_as_they_are(x, positions, base=10000.0):
    """Nothing is turned: a vector at position 7 comes out as it would at position 0.

    什么也没有转：位置 7 的向量与位置 0 的一样。
    """
    return x.clone()


pairs_features_half_a_vector_apart = edited(
    "apply_rope",
    {
        "x[..., 0::2], x[..., 1::2]": "x.chunk(2, dim=-1)",
        "torch.stack([": "torch.cat([",
        "turned.flatten(-2).to": "turned.to",
    },
    """You pair feature i with i + d/2, which is the layout of the next exercise. Here the pairs are 0 and 1, 2 and 3, …

    你把特征 i 与 i + d/2 配对，那是下一题的布局。这里的配对是 0 与 1、2 与 3……
    """,
)

turns_the_two_features_in_opposite_ways = edited(
    "apply_rope",
    {"even * sin + odd * cos": "odd * cos - even * sin"},
    """Both sines have the same sign, so this is no rotation: it does not keep the length of a pair. Look at the signs
    in one column of (15.4).

    两个正弦的符号相同，这就不是旋转：它不保持一对特征的长度。看看 (15.4) 里同一列的符号。
    """,
)

leaves_the_pairs_taken_apart = edited(
    "apply_rope",
    {"torch.stack([": "torch.cat([", "turned.flatten(-2).to": "turned.to"},
    """The pairs are turned rightly, but they come out half-split: all first features, then all second ones. Put them
    back where they came from.

    每一对都转对了，但输出被拆成了两半：先是所有第一个特征，再是所有第二个。要把它们放回原来的位置。
    """,
)

turns_every_second_pair_the_other_way = edited(
    "apply_rope",
    {
        "angles.cos(), angles.sin()": (
            "angles.cos(), angles.sin() * torch.tensor([1, -1]).repeat(x.shape[-1])[: angles.shape[-1]]"
        )
    },
    """Either direction is right, but it must be the same for all pairs.

    两个方向都可以，但所有的对必须一致。
    """,
)

turns_all_pairs_at_the_same_speed = edited(
    "apply_rope",
    {"rope_angles(positions, x.shape[-1], base)": "rope_angles(positions, x.shape[-1], base)[..., :1]"},
    """All pairs turn by mθ_1. Each pair i has a θ_i of its own.

    所有的对都转了 mθ_1。每一对 i 有自己的 θ_i。
    """,
)

rounds_the_angles_to_the_dtype_of_x = edited(
    "apply_rope",
    {"rope_angles(positions, x.shape[-1], base)": "rope_angles(positions, x.shape[-1], base).to(x.dtype)"},
    """Beyond position 100,000 a float32 angle is off by 0.004, and in bfloat16 already 257 is no number. Round the
    result, or at least not before cosine and sine are taken.

    位置超过 100,000 时，float32 的角度误差达 0.004；在 bfloat16 里连 257 都表示不了。
    应当舍入结果，至少不要在取余弦、正弦之前舍入。
    """,
)

forgets_the_base = edited(
    "apply_rope",
    {"x.shape[-1], base)": "x.shape[-1])"},
    """Your result does not depend on `base`. Who should be told of it?

    你的结果与 `base` 无关。应当把它传给谁？
    """,
)

counts_the_rows_itself = edited(
    "apply_rope",
    {
        "angles = rope_angles(positions,": (
            "torch.broadcast_to(positions, x.shape[:-1])\n    angles = rope_angles(torch.arange(x.shape[:-1].numel())"
            ".reshape(x.shape[:-1]) % x.shape[max(-2, -x.dim())],"
        )
    },
    """You number the rows 0, 1, 2, … yourself. When one token is decoded at a time, its position is not 0: use
    `positions`.

    你自己给行编号 0、1、2……逐个 token 解码时，它的位置并不是 0：要用 `positions`。
    """,
)

pairs_neighbours = edited(
    "apply_rope_half",
    {
        "x.chunk(2, dim=-1)": "x[..., 0::2], x[..., 1::2]",
        "torch.cat([": "torch.stack([",
        "turned.to": "turned.flatten(-2).to",
    },
    """You pair neighbours, as in the exercise before. Here feature i belongs to feature i + d/2.

    你把相邻的特征配对，那是上一题。这里特征 i 与特征 i + d/2 是一对。
    """,
)

rotates_the_halves_without_the_minus = edited(
    "apply_rope_half",
    {"first * cos - second * sin": "first * cos + second * sin"},
    """Both sines have the same sign, so lengths are not kept. `rotate_half` of published code negates one half.

    两个正弦的符号相同，长度就不会保持。公开代码里的 `rotate_half` 会把其中一半取负。
    """,
)

puts_the_halves_back_interleaved = edited(
    "apply_rope_half",
    {"torch.cat([": "torch.stack([", "turned.to": "turned.flatten(-2).to"},
    """The pairs are turned rightly, but come out as neighbours. The result should be laid out as the input was.

    每一对都转对了，输出却成了相邻的布局。结果的布局应当与输入相同。
    """,
)

repeats_the_angles_as_for_neighbours = edited(
    "apply_rope_half",
    {
        "angles = rope_angles(positions, x.shape[-1], base)": (
            "angles = rope_angles(positions, x.shape[-1], base).repeat_interleave(2, dim=-1)"
        ),
        "first * cos - second * sin, first * sin + second * cos": (
            "first * cos[..., : first.shape[-1]] - second * sin[..., : first.shape[-1]], "
            "first * sin[..., first.shape[-1] :] + second * cos[..., first.shape[-1] :]"
        ),
    },
    """The two features of a pair are turned by different angles: repeat_interleave makes θ1, θ1, θ2, θ2, …, which fits
    neighbours. In which order do the angles stand if the halves lie side by side?

    同一对的两个特征转了不同的角度：repeat_interleave 给出 θ1, θ1, θ2, θ2, …，那适合相邻配对。
    两半并排时，角度应当按什么顺序排列？
    """,
)

rounds_the_half_split_angles = edited(
    "apply_rope_half",
    {"rope_angles(positions, x.shape[-1], base)": "rope_angles(positions, x.shape[-1], base).to(x.dtype)"},
    """Beyond position 100,000 a float32 angle is off by 0.004, and in bfloat16 already 257 is no number. Round the
    result, or at least not before cosine and sine are taken.

    位置超过 100,000 时，float32 的角度误差达 0.004；在 bfloat16 里连 257 都表示不了。
    应当舍入结果，至少不要在取余弦、正弦之前舍入。
    """,
)

reverses_the_second_half = edited(
    "apply_rope_half",
    {"first, second = x.chunk(2, dim=-1)": "first, second = x.chunk(2, dim=-1)\n    second = second.flip(-1)"},
    """You pair feature i with feature d − 1 − i. Its partner is i + d/2.

    你把特征 i 与特征 d − 1 − i 配对了。它的伙伴是 i + d/2。
    """,
)


@wrong("half_split_order")
def gives_the_way_back(dim):
    """This order leads from the half-split layout back to neighbours. Try it on dim = 6: what comes second?

    这个次序是从两半的布局回到相邻的布局。拿 dim = 6 试试：第二个应当是谁？
    """
    if dim % 2:
        raise ValueError("dim")
    return torch.arange(dim).reshape(2, dim // 2).T.flatten()


@wrong("half_split_order")
def keeps_the_features_where_they_are(dim):
    """Nothing moves. In x[..., p] the first d/2 features should be the first ones of every pair.

    什么也没有动。x[..., p] 的前 d/2 个特征应当是每一对的第一个。
    """
    if dim % 2:
        raise ValueError("dim")
    return torch.arange(dim)


@wrong("half_split_order")
def puts_the_second_ones_first(dim):
    """The second features of the pairs come first: this mirrors every pair, which turns it the other way.

    每一对的第二个特征排在了前面：这会把每一对翻转，于是转的方向相反。
    """
    if dim % 2:
        raise ValueError("dim")
    return torch.cat([torch.arange(1, dim, 2), torch.arange(0, dim, 2)])


@wrong("half_split_order")
def makes_an_order_for_an_odd_number(dim):
    """An odd number of features has no pairs: raise ValueError.

    奇数个特征不能配对：应当抛出 ValueError。
    """
    return torch.cat([torch.arange(0, dim, 2), torch.arange(1, dim, 2)])


@wrong("top_k_routing")
def takes_the_softmax_of_all_and_keeps_the_best(logits, k):
    """Your weights sum to less than 1. Over which experts does the sum in the denominator of (15.6) run?

    你的权重之和小于 1。(15.6) 分母里的和遍历哪些专家？
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k")
    p = torch.softmax(logits, dim=-1)
    values, chosen = p.topk(k)
    return torch.zeros_like(p).scatter(-1, chosen, values)


@wrong("top_k_routing")
def sets_the_other_scores_to_zero_before_the_softmax(logits, k):
    """A score of 0 is not a weight of 0: exp(0) = 1. Which score gives the weight 0?

    分数为 0 不等于权重为 0：exp(0) = 1。什么样的分数给出权重 0？
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k")
    values, chosen = logits.topk(k)
    return torch.softmax(torch.zeros_like(logits).scatter(-1, chosen, values), dim=-1)


@wrong("top_k_routing")
def exponentiates_the_chosen_scores(logits, k):
    """exp(10000) is inf, and inf/inf is NaN: the softmax of chapter 4 was careful about that.

    exp(10000) 是 inf，inf/inf 是 NaN：第 4 章的 softmax 对此很小心。
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k")
    values, chosen = logits.topk(k)
    weights = torch.exp(values)
    return torch.zeros_like(logits).scatter(-1, chosen, weights / weights.sum(-1, keepdim=True))


@wrong("top_k_routing")
def gives_the_k_weights_alone(logits, k):
    """The result has k columns. (15.6) has a weight for every expert, most of them 0.

    你的结果只有 k 列。(15.6) 给每个专家一个权重，多数为 0。
    """
    return torch.softmax(logits.topk(k).values, dim=-1)


@wrong("top_k_routing")
def shares_equally_among_the_chosen(logits, k):
    """Every chosen expert gets 1/k, and no gradient reaches the router: it can never learn whom to choose.

    每个选中的专家都得 1/k，于是没有梯度到达路由：它永远学不会该选谁。
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k")
    return torch.zeros_like(logits).scatter(-1, logits.topk(k).indices, 1 / k)


@wrong("top_k_routing")
def chooses_by_magnitude(logits, k):
    """You choose the k scores of the greatest magnitude: a score of −9 is a bad one.

    你选了绝对值最大的 k 个分数：−9 分是很差的分数。
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("k")
    chosen = logits.abs().topk(k).indices
    return torch.zeros_like(logits).scatter(-1, chosen, torch.softmax(logits.gather(-1, chosen), dim=-1))


routes_to_nobody_without_a_word = edited(
    "top_k_routing",
    {"if not 1 <= k <=": "if not 0 <= k <="},
    """With k = 0 every row is 0 and the layer forgets its input. Raise ValueError.

    k = 0 时每一行都是 0，这一层把输入忘得一干二净。应当抛出 ValueError。
    """,
)

runs_every_expert_on_every_token = edited(
    "moe",
    {
        "    (rows,) = torch.where(gate)\n    ": "",
        "output.index_add(0, rows, gate[rows, None] * expert(tokens[rows]))": "output + gate[:, None] * expert(tokens)",
    },
    """The result is right, but every expert computes on all tokens, and most of it is multiplied by 0. The layer is
    made for not doing that: give each expert its own rows.

    结果是对的，但每个专家都计算了所有 token，其中大部分又乘以 0。这一层的意义就在于不这样做：只把属于专家的行给它。
    """,
)

forgets_the_weights = edited(
    "moe",
    {"gate[rows, None] * expert(tokens[rows])": "expert(tokens[rows])"},
    """The k experts of a token are added up unweighted. Where is G(x) of (15.7)?

    一个 token 的 k 个专家不加权就相加了。(15.7) 的 G(x) 在哪里？
    """,
)

weights_the_input_of_the_expert = edited(
    "moe",
    {"gate[rows, None] * expert(tokens[rows])": "expert(gate[rows, None] * tokens[rows])"},
    """You weight what goes into the expert. An expert is not linear: in (15.7) the weight stands before E(x).

    你给专家的输入加了权。专家不是线性的：(15.7) 里权重乘在 E(x) 前面。
    """,
)

keeps_the_last_expert_of_a_token = edited(
    "moe",
    {"output.index_add(": "output.index_copy("},
    """A token with two experts keeps the second one's result only: rows are overwritten where they should be added.

    有两个专家的 token 只留下了后一个的结果：该相加的行被覆盖了。
    """,
)

gives_the_tokens_in_a_row = edited(
    "moe",
    {"output.reshape(x.shape)": "output"},
    """A batch of sequences goes in and one long list of tokens comes out. Which shape should the result have?

    输入是一批序列，输出却成了一长串 token。结果应当是什么形状？
    """,
)

leaves_out_experts_without_a_word = edited(
    "moe",
    {"strict=True": "strict=False"},
    """zip stops at the shorter of the two: an expert or a column of the router is left out without a word. Raise
    ValueError.

    zip 到较短的一个为止：多出的专家或路由的列不声不响地被略去了。应当抛出 ValueError。
    """,
)


@wrong("moe")
def weights_with_the_softmax_of_all_experts(x, router_weight, experts, k):
    """The weights of a token sum to less than 1: renormalise them over the chosen experts, as `top_k_routing` does.

    一个 token 的权重之和小于 1：应当在选中的专家上归一化，`top_k_routing` 就是这样做的。
    """
    if len(experts) != router_weight.shape[-1] or not 1 <= k <= len(experts):
        raise ValueError("experts")
    tokens = x.reshape(-1, x.shape[-1])
    scores = tokens @ router_weight
    p, chosen = torch.softmax(scores, dim=-1), scores.topk(k).indices
    output = torch.zeros_like(tokens)
    for i, expert in enumerate(experts):
        rows = (chosen == i).any(-1).nonzero()[:, 0]
        output = output.index_add(0, rows, p[rows, i, None] * expert(tokens[rows]))
    return output.reshape(x.shape)


cuts_the_graph_to_the_router = edited(
    "moe",
    {"top_k_routing(tokens @ router_weight, k)": "top_k_routing(tokens @ router_weight, k).detach()"},
    """The values are right, but no gradient reaches the router: it would never learn whom to choose.

    值是对的，但没有梯度到达路由：它永远学不会该选谁。
    """,
)

averages_over_the_tokens_routed = edited(
    "load_balancing_loss",
    {"count * (share": "k * count * (share"},
    """A router that spreads evenly gives k where it should give 1: n tokens have n·k slots, and f is a share of those.

    均匀的路由得到的是 k，而应当是 1：n 个 token 有 n·k 个名额，f 是其中的份额。
    """,
)

leaves_out_the_number_of_experts = edited(
    "load_balancing_loss",
    {"return count * (share": "return (share"},
    """A router that spreads evenly gives 1/N where it should give 1. Which factor stands before the sum?

    均匀的路由得到的是 1/N，而应当是 1。求和号前面是什么因子？
    """,
)

multiplies_the_shares_by_themselves = edited(
    "load_balancing_loss",
    {"(share * probabilities).sum()": "(share * share).sum() + 0 * probabilities.sum()"},
    """f counts slots, and a count has no gradient: a loss of f² teaches the router nothing. What is f multiplied by?

    f 是计数，计数没有梯度：f² 这样的损失教不会路由任何东西。f 应当与什么相乘？
    """,
)

multiplies_the_mean_probabilities_by_themselves = edited(
    "load_balancing_loss",
    {"(share * probabilities).sum()": "(probabilities * probabilities).sum()"},
    """P says how likely an expert is on average, but not how often it is chosen. Where does k enter your result?

    P 是专家的平均概率，不是它被选中的次数。k 在你的结果里起作用了吗？
    """,
)


@wrong("load_balancing_loss")
def takes_the_mean_of_the_sparse_weights(logits, k):
    """P is the mean of the weights after the top-k. Then an expert that nobody chooses has P = 0 and no gradient ever
    brings it back: take the softmax over all N experts.

    你的 P 是 top-k 之后权重的均值。这样没人选的专家 P = 0，没有梯度能把它带回来：softmax 应当取遍全部 N 个专家。
    """
    count = logits.shape[-1]
    if not 1 <= k <= count:
        raise ValueError("k")
    logits = logits.reshape(-1, count)
    values, chosen = logits.topk(k)
    gates = torch.zeros_like(logits).scatter(-1, chosen, torch.softmax(values, dim=-1))
    share = torch.bincount(chosen.flatten(), minlength=count).to(logits.dtype) / chosen.numel()
    return count * (share * gates.mean(0)).sum()


@wrong("load_balancing_loss")
def counts_the_weights_that_are_not_zero(logits, k):
    """A chosen expert whose weight underflows to 0 still takes a slot, but you count weights above 0. Count what
    top-k chose.

    选中的专家即使权重下溢成 0，也占着一个名额，而你数的是大于 0 的权重。应当数 top-k 选中的。
    """
    count = logits.shape[-1]
    if not 1 <= k <= count:
        raise ValueError("k")
    logits = logits.reshape(-1, count)
    values, chosen = logits.topk(k)
    gates = torch.zeros_like(logits).scatter(-1, chosen, torch.softmax(values, dim=-1))
    share = (gates > 0).to(logits.dtype).mean(0) / k
    return count * (share * torch.softmax(logits, dim=-1).mean(0)).sum()


cuts_the_gradient_of_the_probabilities = edited(
    "load_balancing_loss",
    {".mean(0)": ".mean(0).detach()"},
    """The value is right, but nothing depends on the logits any more. f counts and has no gradient; P must have one.

    值是对的，但它不再依赖 logits。f 是计数，没有梯度；P 必须有。
    """,
)


@wrong("load_balancing_loss")
def averages_the_loss_of_every_sequence(logits, k):
    """You balance every sequence for itself and average. f and P are means over all tokens of the batch.

    你让每个序列各自平衡再取平均。f 与 P 是对整批所有 token 求的均值。
    """
    count = logits.shape[-1]
    if not 1 <= k <= count:
        raise ValueError("k")
    logits = logits.reshape(1, -1, count) if logits.dim() < 3 else logits.flatten(0, -3)
    slots = torch.nn.functional.one_hot(logits.topk(k).indices, count).to(logits.dtype)
    share = slots.mean((1, 2))
    return (count * (share * torch.softmax(logits, dim=-1).mean(1)).sum(-1)).mean()
