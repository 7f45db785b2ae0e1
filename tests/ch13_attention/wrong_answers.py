"""What students get wrong in chapter 13, and the hint that each mistake deserves."""

import math

import torch

from autograder.cases import edited, wrong

forgets_the_scale = edited(
    "scaled_dot_product_attention",
    {"scale = query.shape[-1] ** -0.5": "scale = 1.0"},
    """The scores grow with the head size: what divides them so that their variance stays 1?

    分数随头的大小增长：除以什么才能让方差保持为 1？""",
)

divides_by_the_head_size_itself = edited(
    "scaled_dot_product_attention",
    {"** -0.5": "** -1.0"},
    """A sum of e products of independent numbers has variance e. What then is its standard deviation?

    e 个独立乘积之和的方差是 e，那么标准差是多少？""",
)

scales_by_the_width_of_the_values = edited(
    "scaled_dot_product_attention",
    {"query.shape[-1]": "value.shape[-1]"},
    """Which two tensors are multiplied to give a score? The scale comes from their width, not from the values'.

    分数由哪两个张量相乘得到？缩放取决于它们的宽度，而不是 value 的宽度。""",
)

takes_a_scale_of_zero_for_none = edited(
    "scaled_dot_product_attention",
    {"if scale is None:": "if not scale:"},
    """scale=0.0 is a scale. Which test tells it from a scale that was not given?

    scale=0.0 也是一个缩放。怎样判断才能把它与没有给出区分开？""",
)

reads_true_as_forbidden = edited(
    "scaled_dot_product_attention",
    {"masked_fill(~attn_mask": "masked_fill(attn_mask"},
    """Your mask works the other way round: here True means that the query may attend. (Which class of torch
    means the opposite?)

    你的掩码正好反了：这里 True 表示可以看。（torch 的哪个类约定相反？）""",
)

adds_the_bool_mask_to_the_scores = edited(
    "scaled_dot_product_attention",
    {"scores = scores.masked_fill(~attn_mask, -torch.inf)": "scores = scores + attn_mask"},
    """A bool mask added to the scores counts as 0 and 1: a forbidden key then still gets a share. What must its
    score be for a weight of exactly 0?

    bool 掩码加到分数上只是加 0 或 1，被禁止的 key 仍分到权重。分数是多少，权重才恰好为 0？""",
)

fills_with_a_large_negative_number = edited(
    "scaled_dot_product_attention",
    {"masked_fill(~attn_mask, -torch.inf)": "masked_fill(~attn_mask, -1e4)"},
    """When every key of a query gets the same large negative score, softmax makes them equal again, and the query
    averages what it may not see. What should it get?

    如果一个 query 的所有 key 都得到同一个很大的负数，softmax 又会让它们相等，
    于是它平均了不该看的东西。它应当得到什么？""",
)

leaves_not_a_number_where_nothing_may_be_seen = edited(
    "scaled_dot_product_attention",
    {"torch.softmax(scores.masked_fill(fully_masked, 0), dim=-1).masked_fill(fully_masked, 0)": "scores.softmax(-1)"},
    """softmax of a row of −inf is 0/0. Which rows are these, and what must such a query get?

    整行 −inf 的 softmax 是 0/0。哪些行是这样，这种 query 应当得到什么？""",
)

mends_the_value_and_leaves_the_gradient_not_a_number = edited(
    "scaled_dot_product_attention",
    {
        "torch.softmax(scores.masked_fill(fully_masked, 0), dim=-1).masked_fill(fully_masked, 0)": (
            "torch.nan_to_num(torch.softmax(scores, dim=-1))"
        )
    },
    """The output is right, but autograd still goes back through the softmax that gave NaN. Where must the row be
    mended so that no NaN ever arises?

    输出对了，但反向传播仍要经过那个产生 NaN 的 softmax。应当在哪一步处理，才能让 NaN 从不出现？""",
)

counts_causality_from_the_last_key = edited(
    "scaled_dot_product_attention",
    {".tril()": ".tril(key.shape[-2] - query.shape[-2])"},
    """With fewer queries than keys you let query 0 see more than key 0. Here causality counts from the top left.

    query 少于 key 时，你让第 0 个 query 看到了第 0 个之后的 key。这里的因果从左上角算起。""",
)

lets_the_future_through = edited(
    "scaled_dot_product_attention",
    {".tril()": ".triu()"},
    """Your triangle is the other one: query l may see keys 0 … l.

    你取的是另一个三角：query l 能看到的是 key 0 … l。""",
)


@wrong("scaled_dot_product_attention")
def normalises_over_the_queries(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """The weights of one query over all keys must sum to 1. Along which dimension do yours?

    一个 query 对所有 key 的权重之和应为 1。你的权重沿哪一维求和为 1？
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query @ key.mT * scale
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        bias = (
            torch.zeros_like(scores).masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else attn_mask
        )
        scores = scores + bias
    return torch.softmax(scores, dim=-2) @ value


@wrong("scaled_dot_product_attention")
def masks_after_the_softmax(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """After your mask the weights of a row no longer sum to 1: the forbidden keys were counted in the normaliser.

    掩码之后一行的权重之和不再为 1：被禁止的 key 仍算进了分母。
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query @ key.mT * scale
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    weights = torch.softmax(scores, dim=-1)
    return (weights if attn_mask is None else weights * attn_mask) @ value


takes_only_the_diagonal_of_the_jacobian = edited(
    "attention_backward",
    {
        "(grad_weights - (grad_weights * weights).sum(-1, keepdim=True))": "(1 - weights) * grad_weights",
    },
    """Raising one score lowers the weights of all other keys: the Jacobian of softmax is not diagonal.

    提高一个分数会降低其他所有 key 的权重：softmax 的 Jacobian 矩阵不是对角的。""",
)

sums_over_the_queries = edited(
    "attention_backward",
    {".sum(-1, keepdim=True)": ".sum(-2, keepdim=True)"},
    """Softmax ran along the keys. Along which dimension does its backward take the sum?

    softmax 是沿 key 的方向做的，它的反向应当沿哪一维求和？""",
)

forgets_that_the_scores_were_scaled = edited(
    "attention_backward",
    {"grad_scores @ key * scale, grad_scores.mT @ query * scale": "grad_scores @ key, grad_scores.mT @ query"},
    """The scores were QKᵀ/√e. What does the factor do to dQ and dK?

    分数是 QKᵀ/√e，这个因子对 dQ 和 dK 有什么影响？""",
)

forgets_to_transpose_for_the_keys = edited(
    "attention_backward",
    {"grad_scores.mT @ query": "grad_scores @ query"},
    """dK has one row a key. Write S = QKᵀ with indices: over which index does dK sum?

    dK 每个 key 一行。用下标写出 S = QKᵀ：dK 对哪个下标求和？""",
)

forgets_to_transpose_for_the_values = edited(
    "attention_backward",
    {"weights.mT @ grad_output": "weights @ grad_output"},
    """Value s was handed to every query in the share P[l, s]. Over which index does dV sum?

    第 s 个 value 以 P[l, s] 的比例给了每个 query，dV 对哪个下标求和？""",
)

swaps_the_gradients_of_query_and_key = edited(
    "attention_backward",
    {
        "return grad_scores @ key * scale, grad_scores.mT @ query * scale,": (
            "return grad_scores.mT @ query * scale, grad_scores @ key * scale,"
        ),
    },
    """The order is dQ, dK, dV.

    返回的顺序是 dQ、dK、dV。""",
)

scales_by_the_whole_embedding = edited(
    "multi_head_attention",
    {"query, key, value, attn_mask)": "query / num_heads**0.5, key, value, attn_mask)"},
    """A score is a dot product of two vectors of one head. How long are they?

    一个分数是单个头内两个向量的点积，它们有多长？""",
)

deals_the_features_out_to_the_heads_like_cards = edited(
    "multi_head_attention",
    {
        ".unflatten(-1, (num_heads, -1)).transpose(1, 2)": ".unflatten(-1, (-1, num_heads)).movedim(-1, 1)",
    },
    """Head 0 owns the first embed/h features, one beside the other; yours takes every h-th.

    第 0 个头拥有最前面相邻的 embed/h 个特征；你的头是每隔 h 个取一个。""",
)

reshapes_where_it_should_transpose = edited(
    "multi_head_attention",
    {
        "projection.unflatten(-1, (num_heads, -1)).transpose(1, 2)": (
            "projection.reshape(x.shape[0], num_heads, x.shape[1], x.shape[2] // num_heads)"
        ),
    },
    """The shape of your heads is right, but reshape never moves a number: one head now holds features of different
    positions. Split the last dimension first, then change the order of the dimensions.

    头的形状对了，但 reshape 不会移动数据：一个头里混进了不同位置的特征。先拆开最后一维，再调换维度的顺序。""",
)

forgets_to_bring_the_heads_back = edited(
    "multi_head_attention",
    {"heads.transpose(1, 2).flatten(2)": "heads.reshape(x.shape)"},
    """Concatenation puts the heads of one position side by side. Which dimension must stand before the heads for that?

    拼接是把同一位置的各个头并排放在一起。为此头这一维之前应当是哪一维？""",
)

reads_the_projections_as_key_query_value = edited(
    "multi_head_attention",
    {"query, key, value = (": "key, query, value = ("},
    """in_proj_weight holds the query's rows first, then the key's, then the value's.

    in_proj_weight 依次存放 query、key、value 的行。""",
)

forgets_the_output_projection = edited(
    "multi_head_attention",
    {
        "return F.linear(heads.transpose(1, 2).flatten(2), out_proj_weight, out_proj_bias)": (
            "return heads.transpose(1, 2).flatten(2)"
        )
    },
    """The heads side by side are not yet the result: what does W_O do in 13.2?

    把头并排放好还不是结果：13.2 中的 W_O 做什么？""",
)

uses_torchs_inverted_mask = edited(
    "multi_head_attention",
    {
        "query, key, value, attn_mask)": (
            "query, key, value, ~attn_mask if attn_mask is not None and attn_mask.dtype == torch.bool else attn_mask)"
        )
    },
    """In this course True means attend everywhere; only nn.MultiheadAttention means the opposite.

    本课程中 True 总是表示可以看；只有 nn.MultiheadAttention 相反。""",
)

forgets_to_hand_on_the_mask = edited(
    "multi_head_attention",
    {"query, key, value, attn_mask)": "query, key, value)"},
    """Your output does not change with the mask: where does attn_mask go?

    掩码不影响你的输出：attn_mask 传到哪里去了？""",
)

starts_all_weights_at_zero = edited(
    "MultiHeadAttention",
    {"nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim))": "torch.zeros(3 * embed_dim, embed_dim)"},
    """With all weights at 0 every query, key and value is 0, and so is the gradient that reaches W_O: what could change
    first?

    权重全为 0 时 query、key、value 都是 0，传到 W_O 的梯度也是 0：谁能先动起来？""",
)

starts_from_a_normal_distribution = edited(
    "MultiHeadAttention",
    {"nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim))": "torch.randn(3 * embed_dim, embed_dim)"},
    """A standard deviation of 1 makes the projections grow with √embed. What spread does Xavier's rule give?

    标准差为 1 会让投影的大小随 √embed 增长。Xavier 规则给出的范围是多少？""",
)

keeps_plain_tensors_for_parameters = edited(
    "MultiHeadAttention",
    {
        "nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim)))": (
            "nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim))"
        ),
        "nn.Parameter(torch.zeros(3 * embed_dim))": "torch.zeros(3 * embed_dim)",
    },
    """A plain tensor is in no state_dict and no optimizer sees it. What makes a tensor a parameter of a module?

    普通张量不会进入 state_dict，优化器也看不到它。怎样才能让张量成为模块的参数？""",
)

keeps_one_linear_layer_for_each_projection = edited(
    "MultiHeadAttention",
    {
        "self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim)))": (
            "self.in_proj = nn.Linear(embed_dim, 3 * embed_dim)"
        ),
        "self.in_proj_bias = nn.Parameter(torch.zeros(3 * embed_dim))": "nn.init.zeros_(self.in_proj.bias)",
        "self.in_proj_weight, self.in_proj_bias": "self.in_proj.weight, self.in_proj.bias",
    },
    """Your layer computes the same, but torch's weights do not load: compare the names in both state_dicts.

    你的层算得一样，但装不进 torch 的权重：比较两个 state_dict 中的名字。""",
)

drops_the_mask_on_the_way = edited(
    "MultiHeadAttention",
    {"self.num_heads, attn_mask)": "self.num_heads)"},
    """forward takes attn_mask, but your output does not depend on it.

    forward 收到了 attn_mask，但你的输出与它无关。""",
)

accepts_heads_that_do_not_fit = edited(
    "MultiHeadAttention",
    {"if embed_dim % num_heads:": "if False:"},
    """MultiHeadAttention(10, 3) must be refused when it is made, not at the first forward.

    MultiHeadAttention(10, 3) 应当在构造时就拒绝，而不是等到第一次前向计算。""",
)

tiles_the_key_heads = edited(
    "grouped_query_attention",
    {
        "key.repeat_interleave(heads // groups, dim=-3)": "torch.cat([key] * (heads // groups), dim=-3)",
        "value.repeat_interleave(heads // groups, dim=-3)": "torch.cat([value] * (heads // groups), dim=-3)",
    },
    """With 4 query heads and 2 key heads yours pair up as 0101; which key head does ⌊i g/h⌋ give head 1?

    4 个 query 头、2 个 key 头时，你的配对是 0101；按 ⌊i g/h⌋，第 1 个头应配哪个 key 头？""",
)

uses_the_first_key_head_for_all = edited(
    "grouped_query_attention",
    {
        "key.repeat_interleave(heads // groups, dim=-3)": "key[..., :1, :, :]",
        "value.repeat_interleave(heads // groups, dim=-3)": "value[..., :1, :, :]",
    },
    """That is multi-query attention, g = 1. With g > 1 each group has keys of its own.

    那是 g = 1 的 multi-query 注意力。g > 1 时每组有自己的 key。""",
)

averages_the_queries_of_a_group = edited(
    "grouped_query_attention",
    {
        "return scaled_dot_product_attention(query,": (
            "shared = query.unflatten(-3, (groups, heads // groups)).mean(-3, keepdim=True)\n"
            "    query = shared.expand(*shared.shape[:-3], heads // groups, *shared.shape[-2:]).flatten(-4, -3)\n"
            "    return scaled_dot_product_attention(query,"
        )
    },
    """Only keys and values are shared: every query head keeps its own queries and its own output.

    共用的只有 key 和 value：每个 query 头仍有自己的 query 和自己的输出。""",
)

hands_on_no_options = edited(
    "grouped_query_attention",
    {"key, value, attn_mask, is_causal, scale)": "key, value)"},
    """attn_mask, is_causal and scale mean the same as before: your answer does not use them.

    attn_mask、is_causal 和 scale 的含义不变：你的答案没有用到它们。""",
)

never_rescales_what_was_summed = edited(
    "blockwise_attention",
    {"total * correction": "total", "weighted * correction": "weighted"},
    """When a block brings a larger maximum, the sums so far were taken relative to the old one. What factor turns
    exp(s − m) into exp(s − m')?

    当某一块带来更大的最大值时，之前的和是相对旧最大值的。什么因子能把 exp(s − m) 变成 exp(s − m')？""",
)

rescales_only_the_normaliser = edited(
    "blockwise_attention",
    {"weighted * correction": "weighted"},
    """Both running sums are relative to the maximum: which one did you leave as it was?

    两个累加量都是相对最大值的：你漏了哪一个？""",
)

takes_the_maximum_of_the_block_alone = edited(
    "blockwise_attention",
    {"torch.maximum(peak, scores.amax(-1, keepdim=True))": "scores.amax(-1, keepdim=True)"},
    """If a later block has a smaller maximum, exp(m − m') exceeds 1 and can overflow. A running maximum never falls.

    如果后一块的最大值更小，exp(m − m') 会大于 1，甚至上溢。运行中的最大值从不下降。""",
)

shifts_by_nothing = edited(
    "blockwise_attention",
    {"new_peak = torch.maximum(peak, scores.amax(-1, keepdim=True))": "new_peak = torch.zeros_like(peak)"},
    """exp of a score above 709 (88 in float32) is inf. What do the running sums have to be relative to?

    分数超过 709（float32 为 88）时 exp 是 inf。累加量应当相对什么来算？""",
)

builds_all_scores_first = edited(
    "blockwise_attention",
    {
        "query @ key[..., block, :].mT * scale": "(query @ key.mT * scale)[..., block]",
    },
    """The result is right, but the whole l×s matrix was made on the way. Which product needs only a block of keys?

    结果正确，但中途生成了整个 l×s 矩阵。哪个乘积只需要一块 key？""",
)

leaves_out_the_last_short_block = edited(
    "blockwise_attention",
    {"range(0, key.shape[-2], block_size)": "range(0, key.shape[-2] - block_size + 1, block_size)"},
    """The keys that do not fill a block are missing: try 7 keys in blocks of 3.

    凑不满一块的 key 被漏掉了：试试 7 个 key、每块 3 个。""",
)


@wrong("blockwise_attention")
def averages_the_softmax_of_every_block(query, key, value, block_size):
    """Each of your blocks has its own normaliser, so a block of poor matches weighs as much as one of good matches.

    你的每一块各自归一化，于是匹配很差的一块与匹配很好的一块权重相同。
    """
    scale = query.shape[-1] ** -0.5
    blocks = zip(key.split(block_size, -2), value.split(block_size, -2), strict=True)
    outputs = [torch.softmax(query @ k.mT * scale, dim=-1) @ v for k, v in blocks]
    return sum(outputs) / len(outputs)


counts_causality_from_the_top_left = edited(
    "decode_with_kv_cache",
    {".tril(seen - new)": ".tril()"},
    """Your new token sees only the oldest keys: row 0 of the mask belongs to the first NEW token, which stands behind
    everything in the cache.

    你的新 token 只看到最早的 key：掩码第 0 行对应第一个新 token，它排在整个缓存之后。""",
)

lets_a_prompt_see_its_own_future = edited(
    "decode_with_kv_cache",
    {"scaled_dot_product_attention(q_t, key, value, mask)": "scaled_dot_product_attention(q_t, key, value)"},
    """One new token needs no mask, but several at once must not see those after them.

    一次只来一个 token 时不需要掩码，但同时来几个时，前面的不能看到后面的。""",
)

attends_to_the_past_only = edited(
    "decode_with_kv_cache",
    {".tril(seen - new)": ".tril(seen - new - 1)"},
    """A token also attends to itself: after the first token there is nothing else.

    token 也能看到自己：第一个 token 除了自己没有别的可看。""",
)

puts_the_new_token_in_front = edited(
    "decode_with_kv_cache",
    {
        "torch.cat([cache[0], k_t], dim=-2)": "torch.cat([k_t, cache[0]], dim=-2)",
        "torch.cat([cache[1], v_t], dim=-2)": "torch.cat([v_t, cache[1]], dim=-2)",
    },
    """In which order do the positions of the cache stand, and at which end does the new token belong?

    缓存中的位置按什么顺序排列，新 token 应当接在哪一端？""",
)

returns_the_cache_it_was_given = edited(
    "decode_with_kv_cache",
    {"mask), (key, value)": "mask), ((k_t, v_t) if cache is None else cache)"},
    """The next call needs this token's key and value too: does your cache grow?

    下一次调用也需要这个 token 的 key 和 value：你的缓存变长了吗？""",
)

cuts_the_gradient_of_the_cache = edited(
    "decode_with_kv_cache",
    {"mask), (key, value)": "mask), (key.detach(), value.detach())"},
    """In training, later tokens send gradients to this key and value through the cache: detach cuts them off.

    训练时，后面的 token 会经由缓存把梯度传给这个 key 和 value：detach 把它切断了。""",
)

puts_all_sines_before_all_cosines = edited(
    "sinusoidal_positions",
    {"torch.stack([angles.sin(), angles.cos()], dim=-1)": "torch.stack([angles.sin(), angles.cos()], dim=-2)"},
    """Your columns are all the sines, then all the cosines; 13.7 puts the sine and the cosine of one frequency
    side by side.

    你的列先是所有正弦，再是所有余弦；13.7 把同一频率的正弦和余弦放在相邻两列。""",
)

puts_the_cosine_first = edited(
    "sinusoidal_positions",
    {"[angles.sin(), angles.cos()]": "[angles.cos(), angles.sin()]"},
    """Position 0 should start 0, 1, 0, 1, …

    位置 0 应当是 0, 1, 0, 1, …""",
)

gives_every_column_its_own_frequency = edited(
    "sinusoidal_positions",
    {"/ dim\n": "/ dim / 2\n"},
    """The exponent is 2i/dim, where i counts pairs: it runs from 0 almost to 1.

    指数是 2i/dim，其中 i 数的是一对：它从 0 几乎取到 1。""",
)

counts_positions_from_one = edited(
    "sinusoidal_positions",
    {"torch.arange(length)": "torch.arange(1, length + 1)"},
    """Position 0 should start 0, 1, 0, 1, …: from where does your t count?

    位置 0 应当是 0, 1, 0, 1, …：你的 t 从几开始数？""",
)

loses_the_digits_of_far_positions = edited(
    "sinusoidal_positions",
    {"torch.float64": "torch.float32"},
    """float32 holds an angle of a few thousand only to about 0.0001, and a sine of it no better. In which precision
    must the angles be?

    float32 中几千弧度的角度只精确到约 0.0001，正弦也不会更准。角度应当用什么精度？""",
)


@wrong("sinusoidal_positions")
def accepts_an_odd_width(length, dim):
    """An odd width leaves a sine without its cosine: it must be refused.

    奇数宽度会让一个正弦没有对应的余弦：应当拒绝。
    """
    pairs = [(math.sin, math.cos)[i % 2] for i in range(dim)]
    rows = [[pairs[i](t / 10000 ** ((i - i % 2) / dim)) for i in range(dim)] for t in range(length)]
    return torch.tensor(rows).reshape(length, dim)
