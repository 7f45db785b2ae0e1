"""What students really write in chapter 20, with the hint that each deserves."""

# ruff: noqa: E501

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import ndtri

from autograder.cases import edited, wrong


@wrong("sequence_log_prob")
def scores_each_token_at_its_own_position(logits, labels, ignore_index=-100):
    """Your position t is asked for the token at t, which the model has already read. Which token do the logits of
    position t speak of?

    你让位置 t 回答位置 t 的 token，而模型已经读过它了。位置 t 的 logits 说的是哪一个 token？
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError("shapes")
    ignored = labels == ignore_index
    chosen = torch.log_softmax(logits, -1).gather(-1, labels.masked_fill(ignored, 0)[..., None])[..., 0]
    return chosen.masked_fill(ignored, 0).sum(-1)


@wrong("sequence_log_prob")
def shifts_the_other_way(logits, labels, ignore_index=-100):
    """You pair the logits of position t + 1 with the token at t: the model predicts the past. Which end of the
    logits has nothing left to predict?

    你把位置 t + 1 的 logits 与位置 t 的 token 配对：模型在预测过去。logits 的哪一端已经没有东西可预测？
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError("shapes")
    targets = labels[..., :-1]
    ignored = targets == ignore_index
    chosen = torch.log_softmax(logits[..., 1:, :], -1).gather(-1, targets.masked_fill(ignored, 0)[..., None])[..., 0]
    return chosen.masked_fill(ignored, 0).sum(-1)


@wrong("sequence_log_prob")
def multiplies_by_the_mask(logits, labels, ignore_index=-100):
    """Where the token that stands in for an ignored one is impossible, your product is 0 · (−inf), which is NaN.
    Which operation drops a number without computing with it?

    如果顶替被忽略 token 的那个 token 恰好是不可能的，你的乘积就是 0 · (−inf)，即 NaN。什么操作可以丢掉一个数而不拿它做计算？
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError("shapes")
    targets = labels[..., 1:]
    counted = targets != ignore_index
    chosen = torch.log_softmax(logits[..., :-1, :], -1).gather(-1, targets.masked_fill(~counted, 0)[..., None])[..., 0]
    return (chosen * counted).sum(-1)


averages_over_the_tokens = edited(
    "sequence_log_prob",
    {
        "return chosen.masked_fill(ignored, 0).sum(-1)": "return chosen.masked_fill(ignored, 0).sum(-1) / (~ignored).sum(-1)"
    },
    """The probability of a text is a product over its tokens. What is its logarithm? There is no division in it.

    文本的概率是各 token 概率的乘积。它的对数是什么？里面没有除法。""",
)

counts_the_ignored_tokens = edited(
    "sequence_log_prob",
    {"chosen.masked_fill(ignored, 0)": "chosen"},
    """The ignored tokens are counted as if each were token 0. What should such a position add to the sum?

    被忽略的 token 都当作 0 号 token 计入了。这样的位置应当给和式加上什么？""",
)

assumes_the_mark_is_minus_100 = edited(
    "sequence_log_prob",
    {"targets == ignore_index": "targets == -100"},
    """Your code knows −100 only. Which argument says how ignored tokens are marked?

    你的代码只认识 −100。哪个参数说明被忽略的 token 用什么标记？""",
)

takes_the_logarithm_after_softmax = edited(
    "sequence_log_prob",
    {"torch.log_softmax(logits[..., :-1, :], dim=-1)": "torch.log(torch.softmax(logits[..., :-1, :], dim=-1))"},
    """A probability below 1e-45 is 0 in float32, and one unlikely token makes the whole text impossible. Chapter 4
    has a function that goes to the logarithm without the probability.

    小于 1e-45 的概率在 float32 里是 0，一个罕见的 token 就让整个文本变成不可能。第 4 章有一个不经过概率、直接得到对数的函数。""",
)


@wrong("sequence_log_prob")
def writes_into_the_labels(logits, labels, ignore_index=-100):
    """The values are right, but the caller's labels have lost their marks: a slice is a view, and you wrote into it.

    值是对的，但调用者的标签失去了标记：切片是视图，而你往里面写了东西。
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError("shapes")
    targets = labels[..., 1:]
    ignored = targets == ignore_index
    targets[ignored] = 0
    chosen = torch.log_softmax(logits[..., :-1, :], -1).gather(-1, targets[..., None])[..., 0]
    return chosen.masked_fill(ignored, 0).sum(-1)


scores_any_shape_of_labels = edited(
    "sequence_log_prob",
    {"if labels.shape != logits.shape[:-1]:": "if False:"},
    """Labels that do not belong to these logits were scored without a word. Raise ValueError where the shapes differ.

    与 logits 对不上的标签，你也不声不响地算了。形状不符时应当抛出 ValueError。""",
)


@wrong("dpo_loss")
def types_the_printed_logarithm(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """At a margin of −1000 the sigmoid is 0 and its logarithm −inf; at +50 it is 1 and the loss 0, not 2e-22.
    Which function of torch has the logarithm inside?

    差值为 −1000 时 sigmoid 为 0，对数是 −inf；为 +50 时它是 1，损失成了 0 而不是 2e-22。torch 的哪个函数把对数含在里面？
    """
    if len({t.shape for t in (policy_chosen, policy_rejected, reference_chosen, reference_rejected)}) > 1:
        raise ValueError("shapes")
    margin = beta * (policy_chosen - reference_chosen - policy_rejected + reference_rejected)
    return -torch.log(torch.sigmoid(margin)).mean()


@wrong("dpo_loss")
def exponentiates_the_negative_margin(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """log(1 + e^{−m}) is an identity, but e^{1000} is inf, and 1 + e^{−50} is 1. On which side of 0 is each form safe?

    log(1 + e^{−m}) 是恒等式，但 e^{1000} 是 inf，1 + e^{−50} 是 1。在 0 的哪一侧，哪种写法是安全的？
    """
    if len({t.shape for t in (policy_chosen, policy_rejected, reference_chosen, reference_rejected)}) > 1:
        raise ValueError("shapes")
    margin = beta * (policy_chosen - reference_chosen - policy_rejected + reference_rejected)
    return torch.log(1 + torch.exp(-margin)).mean()


@wrong("dpo_loss")
def adds_a_small_number_inside_the_logarithm(
    policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta
):
    """log(σ + 1e-8) stops at −18.4: a pair that is ranked utterly wrong costs no more than that, and its gradient is 0.

    log(σ + 1e-8) 到 −18.4 就不再下降：排序完全错误的一对，损失也不过如此，而且梯度为 0。
    """
    if len({t.shape for t in (policy_chosen, policy_rejected, reference_chosen, reference_rejected)}) > 1:
        raise ValueError("shapes")
    margin = beta * (policy_chosen - reference_chosen - policy_rejected + reference_rejected)
    return -torch.log(torch.sigmoid(margin) + 1e-8).mean()


prefers_the_rejected_answer = edited(
    "dpo_loss",
    {"chosen_reward - rejected_reward": "rejected_reward - chosen_reward"},
    """Your loss falls when the rejected answer becomes more likely. Which of the two rewards should be the larger?

    被拒的回答变得更可能时，你的损失反而下降。两个奖励中，应当让哪一个更大？""",
)

leaves_the_reference_out = edited(
    "dpo_loss",
    {"policy_chosen - reference_chosen": "policy_chosen", "policy_rejected - reference_rejected": "policy_rejected"},
    """A reward in (20.1) is a ratio of two models, a difference of logarithms. Where is π_ref in yours?

    (20.1) 里的奖励是两个模型之比，取对数后就是差。你的式子里 π_ref 在哪里？""",
)

applies_beta_to_the_policy_only = edited(
    "dpo_loss",
    {
        "beta * (policy_chosen - reference_chosen)": "beta * policy_chosen - reference_chosen",
        "beta * (policy_rejected - reference_rejected)": "beta * policy_rejected - reference_rejected",
    },
    """Set the policy equal to the reference: the loss should be log 2 for every β. What does β multiply in (20.1)?

    令策略等于参考模型：无论 β 是多少，损失都应当是 log 2。(20.1) 里 β 乘的是什么？""",
)

adds_the_losses_up = edited(
    "dpo_loss",
    {".mean()": ".sum()"},
    """Your loss grows with the number of pairs. What does the expectation in (20.1) become on a batch?

    你的损失随成对数据的数目增长。(20.1) 中的期望，在一个批量上变成什么？""",
)

takes_the_sigmoid_of_the_mean_margin = edited(
    "dpo_loss",
    {"(chosen_reward - rejected_reward).mean()": "((chosen_reward - rejected_reward).mean())"},
    """You averaged the margins first: one pair that is far right hides those that are wrong. In (20.1), is the
    expectation inside the logarithm or outside?

    你先对差值取了平均：一对遥遥领先，就掩盖了排错的那些。(20.1) 的期望在对数里面还是外面？""",
)

accepts_shapes_that_differ = edited(
    "dpo_loss",
    {"if len(shapes) != 1:": "if False:"},
    """A column of references against a row of policies was broadcast: every answer met every other one's reference.
    Raise ValueError where the shapes differ.

    一列参考值与一行策略值发生了广播：每个回答都与别人的参考值相减。形状不同时应当抛出 ValueError。""",
)


@wrong("normal_quantiles_codebook")
def takes_the_quantiles_of_the_middles():
    """You took Q at the middle of each interval; (20.2) takes the middle of two values of Q. At the ends the
    difference is infinite.

    你取的是每个区间中点处的 Q；(20.2) 取的是两个 Q 值的中点。在两端，二者相差无穷大。
    """
    return torch.tensor(ndtri((np.arange(16) + 0.5) / 16), dtype=torch.float32)


cuts_the_infinite_ends_off = edited(
    "normal_quantiles_codebook",
    {"ndtri(np.arange(17) / 16)": "ndtri((np.arange(17) / 16).clip(1e-3, 1 - 1e-3))"},
    """You made the two ends finite. Here the formula is asked for as it is printed: what is Q(0)?

    你把两端变成了有限的数。这里要的是公式原样：Q(0) 是多少？""",
)

divides_by_fifteen = edited(
    "normal_quantiles_codebook",
    {"np.arange(17) / 16": "np.arange(17) / 15"},
    """Q of a number above 1 is NaN. Sixteen levels lie in sixteen intervals: how many ends do these have?

    Q 的自变量超过 1 就是 NaN。十六个水平在十六个区间里：这些区间一共有多少个端点？""",
)

forgets_the_half = edited(
    "normal_quantiles_codebook",
    {"(quantiles[:-1] + quantiles[1:]) / 2": "(quantiles[:-1] + quantiles[1:])"},
    """Your levels are twice too far out: the middle of two numbers is half of their sum.

    你的水平远了一倍：两个数的中点是它们之和的一半。""",
)


@wrong("nf4_codebook")
def scales_the_printed_quantiles():
    """Without the two infinite ends, the levels of (20.2) are symmetric: none is 0, and 14 are left. A weight of
    exactly 0, a pruned one or padding, would never come back as 0.

    去掉无穷的两端后，(20.2) 的水平是对称的：没有一个是 0，而且只剩 14 个。恰好为 0 的权重（剪枝、填充）再也回不到 0。
    """
    quantiles = ndtri(np.arange(1, 16) / 16)
    inner = (quantiles[:-1] + quantiles[1:]) / 2
    return torch.tensor([-1.0, *(inner / 1.5).tolist(), 1.0], dtype=torch.float32)


is_as_long_on_the_negative_side = edited(
    "nf4_codebook",
    {
        "np.linspace(0.5, 0.9677083, 8))[1:]": "np.linspace(0.5, 0.9677083, 9))[1:]",
        "np.flip(negative)": "np.flip(negative)[:-1]",
    },
    """Your negative side has the spacing of the positive one. Into how many steps is each side divided?

    你的负半边用了正半边的间隔。两边各分成几步？""",
)

puts_the_larger_half_below_zero = edited(
    "nf4_codebook",
    {"return torch.tensor(levels / levels.max()": "return torch.tensor(-np.flip(levels) / levels.max()"},
    """You have eight negative levels and seven positive ones. Which sign has the extra level?

    你有八个负水平、七个正水平。多出来的一个应当在哪一边？""",
)

has_zero_twice = edited(
    "nf4_codebook",
    {"0.9677083, 8))[1:]": "0.9677083, 8))"},
    """Q(1/2) = 0 belongs to both halves, and you kept it twice: 17 levels do not fit in four bits.

    Q(1/2) = 0 同属两半，你保留了两次：四个比特放不下 17 个水平。""",
)

never_scales_to_one = edited(
    "nf4_codebook",
    {"levels / levels.max()": "levels"},
    """Your largest level is 1.85, the quantile itself. A block is divided by its absmax, so where should the levels end?

    你的最大水平是 1.85，即分位数本身。块要除以自己的 absmax，那么水平的端点应当在哪里？""",
)

spaces_the_levels_evenly = edited(
    "nf4_codebook",
    {
        "ndtri(np.linspace(0.5, 0.9677083, 9))": "np.linspace(0, 1, 9)",
        "ndtri(np.linspace(0.5, 0.9677083, 8))": "np.linspace(0, 1, 8)",
    },
    """These are evenly spaced levels, an integer grid. Where does the normal distribution come in?

    这是等间隔的水平，即整数网格。正态分布在哪里起作用？""",
)

rounds_the_quantile_to_two_digits = edited(
    "nf4_codebook",
    {"0.9677083": "0.97"},
    """Your levels are off in the third digit, so weights stored by a library come back a little wrong. How many digits
    has p?

    你的水平从第三位起就不对，所以库存下来的权重读回来会有偏差。p 有几位数字？""",
)


puts_the_earlier_number_in_the_low_bits = edited(
    "quantize_nf4",
    {"high << 4 | low": "low << 4 | high"},
    """Each of your bytes has its two codes exchanged. Which number of a pair stands in the high four bits?

    你的每个字节里两个编码对调了。一对数中哪一个放在高四位？""",
)

takes_the_greatest_number_not_the_greatest_absolute_value = edited(
    "quantize_nf4",
    {"blocks.abs().amax(dim=1)": "blocks.amax(dim=1)"},
    """In a block whose largest entry in size is negative, your scaled numbers fall below −1. What is absmax the
    maximum of?

    绝对值最大的元素为负时，你缩放后的数会小于 −1。absmax 是什么的最大值？""",
)

takes_the_level_below = edited(
    "quantize_nf4",
    {"(levels[:-1] + levels[1:]) / 2": "levels[1:]"},
    """A number halfway and more to the next level should go there; yours never goes to the nearest. Where is the border
    between two neighbouring codes?

    过了一半的数应当归到下一个水平，而你总是归到同一侧。相邻两个编码的分界在哪里？""",
)

divides_a_block_of_zeros_by_zero = edited(
    "quantize_nf4",
    {"blocks / absmax.clamp(min=torch.finfo(x.dtype).tiny)[:, None]": "blocks / absmax[:, None]"},
    """A block of zeros gives 0/0, which is NaN, and NaN gets some code or other. Padding and pruned weights are full of
    such blocks.

    全零的块得到 0/0，即 NaN，而 NaN 会落到某个编码上。填充和剪枝过的权重里，这样的块很多。""",
)

adds_a_small_number_to_the_scale = edited(
    "quantize_nf4",
    {"blocks / absmax.clamp(min=torch.finfo(x.dtype).tiny)[:, None]": "blocks / (absmax + 1e-8)[:, None]"},
    """1e-8 is no small number for a block whose weights are 1e-12: all of them become 0. Only one absmax needs help.

    对于权重只有 1e-12 的块，1e-8 可不是小数：它们全都变成了 0。需要照顾的只有一种 absmax。""",
)


@wrong("quantize_nf4")
def has_one_scale_for_the_whole_tensor(x, block_size=64):
    """One outlier now sets the scale of every number. Over which numbers does the maximum run?

    现在一个离群值就决定了所有数的尺度。最大值应当在哪些数中取？
    """
    if block_size < 1:
        raise ValueError("block_size")
    flat = x.flatten()
    absmax = flat.abs().amax() if len(flat) else x.new_ones(())
    levels = nf4_codebook().to(x)
    scaled = flat / absmax.clamp(min=torch.finfo(x.dtype).tiny)
    codes = F.pad(torch.bucketize(scaled, (levels[:-1] + levels[1:]) / 2), (0, len(flat) % 2), value=7)
    packed = (codes[::2] << 4 | codes[1::2]).to(torch.uint8)
    return packed, absmax.expand(math.ceil(len(flat) / block_size)).clone()


@wrong("quantize_nf4")
def makes_a_block_of_every_row(x, block_size=64):
    """Your blocks are the rows of the matrix. The blocks asked for run through the flattened tensor, `block_size`
    numbers each, across the ends of rows.

    你把矩阵的每一行当作一块。题目要的块，是把张量展平后每 `block_size` 个数一块，可以跨越行尾。
    """
    if block_size < 1:
        raise ValueError("block_size")
    rows = x.reshape(-1, x.shape[-1] if x.dim() and x.shape[-1] else 1)
    absmax = rows.abs().amax(1)
    levels = nf4_codebook().to(x)
    scaled = (rows / absmax.clamp(min=torch.finfo(x.dtype).tiny)[:, None]).flatten()
    codes = F.pad(torch.bucketize(scaled, (levels[:-1] + levels[1:]) / 2), (0, len(scaled) % 2), value=7)
    return (codes[::2] << 4 | codes[1::2]).to(torch.uint8), absmax


rounds_to_an_integer_grid = edited(
    "quantize_nf4",
    {
        "codes = torch.bucketize(scaled.flatten()[:size], (levels[:-1] + levels[1:]) / 2)": "codes = torch.round(scaled.flatten()[:size] * 7.5 + 7.5).long()"
    },
    """These are the codes of sixteen evenly spaced levels. Which levels does NF4 compare with?

    这是十六个等间隔水平的编码。NF4 与哪些水平比较？""",
)


@wrong("quantize_nf4")
def drops_the_last_block_when_it_is_short(x, block_size=64):
    """The numbers after the last full block are gone. How many blocks have 70 numbers, if a block has 64?

    最后一个满块之后的数全丢了。每块 64 个，70 个数有几块？
    """
    if block_size < 1:
        raise ValueError("block_size")
    flat = x.flatten()
    blocks = flat[: len(flat) // block_size * block_size].reshape(-1, block_size)
    absmax = blocks.abs().amax(1)
    levels = nf4_codebook().to(x)
    scaled = (blocks / absmax.clamp(min=torch.finfo(x.dtype).tiny)[:, None]).flatten()
    codes = F.pad(torch.bucketize(scaled, (levels[:-1] + levels[1:]) / 2), (0, len(scaled) % 2), value=7)
    return (codes[::2] << 4 | codes[1::2]).to(torch.uint8), absmax


keeps_the_scales_in_float32 = edited(
    "quantize_nf4",
    {"high << 4 | low, absmax": "high << 4 | low, absmax.float()"},
    """The codes are right, the scales have another dtype than `x`: float64 weights lose half the digits of absmax.

    编码是对的，但尺度的 dtype 与 `x` 不同：float64 的权重丢掉了 absmax 一半的数字。""",
)


exchanges_the_two_codes_of_a_byte = edited(
    "dequantize_nf4",
    {"[packed >> 4, packed & 15]": "[packed & 15, packed >> 4]"},
    """Neighbours are exchanged in what you read. Which four bits of a byte hold the earlier number?

    你读出来的相邻两数对调了。字节的哪四位存的是前一个数？""",
)

reads_all_high_codes_first = edited(
    "dequantize_nf4",
    {"torch.stack([packed >> 4, packed & 15], dim=1).flatten()": "torch.cat([packed >> 4, packed & 15])"},
    """You read the first numbers of all pairs, then the second ones. In which order do two numbers leave one byte?

    你先读出每一对的第一个数，再读第二个。一个字节里的两个数，应当按什么次序出来？""",
)

repeats_the_whole_list_of_scales = edited(
    "dequantize_nf4",
    {"absmax.repeat_interleave(block_size)": "absmax.repeat(block_size)"},
    """Your scales go round after every number. A block is a run of consecutive numbers: how often does each scale follow
    itself?

    你的尺度每个数换一次、周而复始。块是一段连续的数：每个尺度应当连续出现多少次？""",
)

indexes_with_bytes = edited(
    "dequantize_nf4",
    {"levels[codes.int()]": "levels[codes]"},
    """torch takes a uint8 index for a mask, an old habit. Which dtypes are indices?

    torch 把 uint8 下标当作掩码，这是旧时的习惯。哪些 dtype 才是下标？""",
)

spreads_the_codes_evenly = edited(
    "dequantize_nf4",
    {"levels[codes.int()]": "(codes.to(absmax) / 7.5 - 1)"},
    """You read the codes as sixteen evenly spaced numbers. They are places in a codebook.

    你把编码当作十六个等间隔的数来读。它们其实是码本里的位置。""",
)

accepts_any_number_of_scales = edited(
    "dequantize_nf4",
    {" or absmax.numel() != -(-size // block_size)": ""},
    """With the scales of another tensor, or another block size, you read wrong weights without a word. Check how many
    scales there must be, and raise ValueError.

    给你的是别的张量的尺度、或者块大小不同，你却不声不响地读出错误的权重。请检查应有多少个尺度，否则抛出 ValueError。""",
)

gives_a_flat_tensor = edited(
    "dequantize_nf4",
    {".reshape(shape)": ""},
    """The numbers are right and lie in one row. What is `shape` for?

    数是对的，但排成了一行。`shape` 是做什么用的？""",
)

detaches_the_scales = edited(
    "dequantize_nf4",
    {"* absmax.repeat_interleave": "* absmax.detach().repeat_interleave"},
    """The values are right, but no gradient reaches the scales: the graph was cut.

    值是对的，但没有梯度传到尺度：计算图被切断了。""",
)


@wrong("nf4_bits_per_parameter")
def counts_the_codes_only(block_size=64, absmax_block_size=None):
    """Four bits are the codes alone. What else must be stored to read a block back, and how many weights share it?

    四个比特只是编码。读回一块还需要存什么，由多少个权重分摊？
    """
    return 4.0 + 0.0 * block_size


takes_a_scale_of_sixteen_bits = edited(
    "nf4_bits_per_parameter",
    {"4 + 32 / block_size\n": "4 + 16 / block_size\n"},
    """You count 16 bits for an absmax. How many has the number that the text speaks of?

    你给每个 absmax 算了 16 位。题目说的是多少位的数？""",
)

forgets_the_scales_of_the_scales = edited(
    "nf4_bits_per_parameter",
    {" + 32 / (block_size * absmax_block_size)": ""},
    """The 8-bit codes of the absmax need scales themselves. How many weights share one of those?

    absmax 的 8 位编码自己也需要尺度。这样一个尺度由多少个权重分摊？""",
)

shares_the_second_scale_among_too_few = edited(
    "nf4_bits_per_parameter",
    {"(block_size * absmax_block_size)": "absmax_block_size"},
    """A scale of the second level serves 256 absmax, and each of these serves a block of weights. Among how many
    weights is it shared?

    第二级的一个尺度管 256 个 absmax，每个 absmax 又管一块权重。它由多少个权重分摊？""",
)


subtracts_no_mean = edited(
    "double_quantize",
    {"F.pad(absmax - mean,": "F.pad(absmax,"},
    """An absmax is never negative, so half of your codes are never used. What is taken away first?

    absmax 从不为负，所以你的编码有一半从来用不上。先要减去什么？""",
)

subtracts_the_mean_of_each_group = edited(
    "double_quantize",
    {
        "groups = F.pad(absmax - mean, (0, -absmax.numel() % block_size)).reshape(-1, block_size)": "groups = F.pad(absmax, (0, -absmax.numel() % block_size)).reshape(-1, block_size)\n"
        "    groups = groups - groups.mean(dim=1, keepdim=True)"
    },
    """Each of your groups has a mean of its own, but only one mean is stored. Over what does it run?

    你的每一组都减去了自己的均值，可是存下来的均值只有一个。它是对什么取的？""",
)

stores_the_maximum_for_a_scale = edited(
    "double_quantize",
    {
        "scales = groups.abs().amax(dim=1) / 127": "scales = groups.abs().amax(dim=1)",
        "groups / scales.clamp": "127 * groups / scales.clamp",
    },
    """The codes are right. But code times scale should be the deviation again: for the code 127, what is your product?

    编码是对的。但编码乘尺度应当还原出偏差：编码为 127 时，你的乘积是多少？""",
)

divides_by_128 = edited(
    "double_quantize",
    {"/ 127": "/ 128"},
    """The largest deviation gets the code 128, which int8 does not have: it wraps around to −128. What is the
    greatest int8?

    最大的偏差得到编码 128，而 int8 没有这个数：它绕回成 −128。int8 最大是多少？""",
)

cuts_the_fraction_off = edited(
    "double_quantize",
    {"torch.round(": "torch.trunc("},
    """Your codes lean towards 0: a conversion to an integer drops the fraction. 3.9 should become 4.

    你的编码都偏向 0：转成整数会丢掉小数部分。3.9 应当变成 4。""",
)

has_one_scale_for_all_groups = edited(
    "double_quantize",
    {"groups.abs().amax(dim=1) / 127": "(groups.abs().amax() / 127).repeat(len(groups))"},
    """All your groups share the scale of the widest one. Over what does the maximum run?

    你的所有组共用最宽一组的尺度。最大值应当在什么范围里取？""",
)

gives_bytes_without_a_sign = edited(
    "double_quantize",
    {"torch.int8": "torch.uint8"},
    """Deviations have both signs, and a uint8 has none: −1 becomes 255.

    偏差有正有负，而 uint8 没有符号：−1 成了 255。""",
)


never_adds_the_mean_back = edited(
    "double_dequantize",
    {" + mean": ""},
    """You give back deviations, some of them negative. What was taken away before the codes were made?

    你还原出来的是偏差，有些是负的。编码之前减去了什么？""",
)

scales_the_mean_as_well = edited(
    "double_dequantize",
    {
        "codes * scales.repeat_interleave(block_size)[: codes.numel()] + mean": "(codes + mean) * scales.repeat_interleave(block_size)[: codes.numel()]"
    },
    """The mean was subtracted from absmax itself, before any scale was known. In which order are the two steps undone?

    均值是直接从 absmax 里减去的，那时还没有尺度。撤销这两步，应当按什么次序？""",
)

repeats_the_scales_in_turn = edited(
    "double_dequantize",
    {"scales.repeat_interleave(block_size)": "scales.repeat(block_size)"},
    """Your scales go round after every code. A group is a run of consecutive codes.

    你的尺度每个编码换一次、周而复始。一组是一段连续的编码。""",
)

multiplies_in_eight_bits = edited(
    "double_dequantize",
    {"codes * scales.repeat_interleave(block_size)": "codes * scales.to(torch.int8).repeat_interleave(block_size)"},
    """You made the scales integers: a scale below 1 becomes 0. In which dtype is the product to be?

    你把尺度变成了整数：小于 1 的尺度成了 0。乘积应当是什么 dtype？""",
)

accepts_one_scale_for_many_groups = edited(
    "double_dequantize",
    {"if scales.numel() != -(-codes.numel() // block_size):": "if False:"},
    """Scales that do not belong to these codes were used without a word. How many groups are there? Raise ValueError.

    不属于这些编码的尺度，你也不声不响地用了。一共有多少组？不符时应当抛出 ValueError。""",
)


forms_the_product_of_b_and_a = edited(
    "qlora_forward",
    {"alpha / rank * (x @ a.mT) @ b.mT": "alpha / rank * x @ (b @ a).mT"},
    """Right on paper, but BA is a second matrix of the size of the weight, in full precision: what QLoRA saved is spent
    again, and here it overflows. Which product of the three can be taken first instead?

    纸上没错，但 BA 是又一个与权重一样大的全精度矩阵：QLoRA 省下的又花掉了，而且在这里它会上溢。三者相乘，可以先算哪两个？""",
)

leaves_the_rank_out = edited(
    "qlora_forward",
    {"alpha / rank *": "alpha *"},
    """The change grows with the rank in yours. By what is α divided in (17.2)?

    在你的式子里，改变量随秩增大。(17.2) 里 α 除以什么？""",
)

applies_the_weight_untransposed = edited(
    "qlora_forward",
    {"x @ weight.mT": "x @ weight.reshape(in_features, out_features)"},
    """The shapes fit, the numbers do not: W₀ is (d, k), one row for each output. What is the difference between a
    transposed matrix and a reshaped one?

    形状对了，数不对：W₀ 是 (d, k)，每个输出一行。转置与改变形状有什么区别？""",
)

forgets_the_block_size = edited(
    "qlora_forward",
    {"(packed, absmax, shape, block_size)": "(packed, absmax, shape)"},
    """The weight is read in blocks of 64 whatever the caller says. Which argument was not passed on?

    无论调用者怎么说，权重总是按 64 一块来读。哪个参数没有传下去？""",
)

keeps_the_dtype_of_the_scales = edited(
    "qlora_forward",
    {".to(x)": ""},
    """float32 weights and bfloat16 inputs do not multiply. NF4 is for storage: into which dtype goes the weight before
    the product?

    float32 的权重与 bfloat16 的输入不能相乘。NF4 只用于存储：相乘之前，权重要转成什么 dtype？""",
)

trains_nothing = edited(
    "qlora_forward",
    {"(x @ a.mT) @ b.mT": "(x @ a.detach().mT) @ b.detach().mT"},
    """The values are right, but A and B receive no gradient, and they are all that is to be trained.

    值是对的，但 A 和 B 得不到梯度，而要训练的只有它们。""",
)

cuts_the_gradient_of_the_input = edited(
    "qlora_forward",
    {"x @ weight.mT": "(x.detach() @ weight.mT)"},
    """A frozen weight gets no gradient itself, but gradients go through it to the layers below. What does the input of
    this layer depend on?

    冻结的权重自己不需要梯度，但梯度要穿过它传到下面的层。这一层的输入依赖什么？""",
)
