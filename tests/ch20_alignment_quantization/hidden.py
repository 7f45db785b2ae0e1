"""The hidden cases of chapter 20."""

import itertools
import math

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import vjp

INF = torch.inf

# bfloat16 keeps 8 significant bits, and an answer may round after each of its operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 4e-2}

# accurate relative to a result that may be tiny
RELATIVE = {"rtol": 1e-5, "atol": 0.0}

# the table as bitsandbytes has it
TABLE = torch.tensor(
    [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
        -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
        0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ],
    dtype=torch.float64,
)  # fmt: skip

# The published levels come from quantiles in float32: an answer that computes them in float64, or takes p = 0.9677083
# without rounding, differs from them by up to 7e-7 of a level.
LEVELS = {"rtol": 3e-6, "atol": 0.0}


# sequence_log_prob


def _by_cross_entropy(logits, labels, ignore_index=-100):
    """The negative of torch's own loss, token by token, of texts with any batch dimensions."""
    vocabulary = logits.shape[-1]
    following = labels[..., 1:]
    flat = logits[..., : logits.shape[-2] - 1, :].reshape(-1, vocabulary)
    losses = F.cross_entropy(flat, following.reshape(-1), ignore_index=ignore_index, reduction="none")
    return -losses.reshape(following.shape).sum(-1)


@case("sequence_log_prob", agrees_with=_by_cross_entropy)
def texts_with_any_batch_dimensions(sequence_log_prob, draw):
    """任意批量维度，以及单个文本"""
    return [
        sequence_log_prob(draw.normal(4, 7), draw.integers(0, 7, 4)),
        sequence_log_prob(draw.normal(2, 3, 5, 11), draw.integers(0, 11, 2, 3, 5)),
        sequence_log_prob(draw.normal(1, 2, 3), draw.integers(0, 3, 1, 2)),
    ]


@case("sequence_log_prob", agrees_with=_by_cross_entropy, weight=2)
def ignored_tokens_anywhere(sequence_log_prob, draw):
    """任意位置上被忽略的 token"""
    labels = draw.integers(0, 7, 3, 9)
    labels[0, :4] = -100
    labels[1, 6:] = -100
    labels[2, [0, 3, 8]] = -100
    return sequence_log_prob(draw.normal(3, 9, 7), labels)


@case("sequence_log_prob", agrees_with=_by_cross_entropy)
def another_mark_for_ignored_tokens(sequence_log_prob, draw):
    """用另一个记号表示忽略"""
    labels = draw.integers(1, 7, 3, 6)
    labels[:, 3] = 0
    labels[1, 5] = 0
    other = draw.integers(0, 6, 3, 6)
    other[0, 1:4] = -1
    logits = draw.normal(3, 6, 7)
    return sequence_log_prob(logits, labels, ignore_index=0), sequence_log_prob(logits, other, -1)


@case("sequence_log_prob", agrees_with=_by_cross_entropy)
def a_text_without_counted_tokens_among_others(sequence_log_prob, draw):
    """有一个文本没有计入的 token"""
    labels = draw.integers(0, 7, 3, 5)
    labels[1] = -100
    labels[2, 1:] = -100
    return sequence_log_prob(draw.normal(3, 5, 7), labels)


@case("sequence_log_prob", facet="interface", agrees_with=_by_cross_entropy)
def one_token_one_word_and_no_text(sequence_log_prob, draw):
    """只有一个 token、词表只有一个词、没有文本"""
    ignored = torch.tensor([[0, -100, 0], [0, 0, -100]])
    return [
        sequence_log_prob(draw.normal(2, 1, 5), draw.integers(0, 5, 2, 1)),
        sequence_log_prob(draw.normal(2, 3, 1), ignored),
        sequence_log_prob(draw.normal(0, 3, 5), draw.integers(0, 5, 0, 3)),
    ]


@case("sequence_log_prob", facet="numerics", agrees_with=_by_cross_entropy, weight=2)
def logits_of_a_thousand(sequence_log_prob, draw):
    """大小为 10³ 的 logits"""
    labels = draw.integers(0, 7, 3, 5)
    return sequence_log_prob(draw.normal(3, 5, 7, scale=1e3), labels)


@case("sequence_log_prob", facet="numerics", agrees_with=_by_cross_entropy, weight=2)
def impossible_tokens_where_nothing_counts(sequence_log_prob, draw):
    """不计入的位置上有 −inf"""
    logits, labels = draw.normal(2, 6, 7), draw.integers(1, 6, 2, 6)
    logits[..., 0] = logits[..., 6] = -INF
    labels[:, 2] = labels[1, 4:] = -100
    return sequence_log_prob(logits, labels), vjp(sequence_log_prob, logits, labels, cotangent=draw)


@case("sequence_log_prob", facet="numerics", agrees_with=_by_cross_entropy)
def a_text_with_an_impossible_token_is_impossible(sequence_log_prob, draw):
    """含有不可能的 token 的文本"""
    logits, labels = draw.normal(2, 4, 5), draw.integers(0, 4, 2, 4)
    logits[0, 1, 4] = -INF
    labels[0, 2] = 4
    return sequence_log_prob(logits, labels)


@case("sequence_log_prob", facet="gradient", agrees_with=_by_cross_entropy)
def gradients_of_the_logits(sequence_log_prob, draw):
    """对 logits 的梯度"""
    labels = draw.integers(0, 7, 3, 5)
    labels[0, :2] = labels[2, 1:] = -100
    return vjp(sequence_log_prob, draw.normal(3, 5, 7), labels, cotangent=draw)


@case("sequence_log_prob", agrees_with=_by_cross_entropy, **ROUNDED)
def log_probabilities_in_bfloat16(sequence_log_prob, draw):
    """bfloat16 的对数概率"""
    return sequence_log_prob(draw.normal(3, 4, 7), draw.integers(0, 7, 3, 4))


@case("sequence_log_prob", facet="interface", agrees_with=_by_cross_entropy)
def logits_that_are_not_contiguous(sequence_log_prob, draw):
    """不连续的输入"""
    labels = draw.integers(0, 7, 5, 3).mT
    return [
        sequence_log_prob(draw.strided(draw.normal(3, 5, 7)), draw.strided(labels)),
        sequence_log_prob(draw.normal(3, 7, 5).mT, labels),
    ]


@case("sequence_log_prob", facet="interface", raises=ValueError)
def labels_one_shorter_than_the_logits_are_refused(sequence_log_prob, draw):
    """拒绝比 logits 短一个的标签"""
    return sequence_log_prob(draw.normal(2, 5, 7), draw.integers(0, 7, 2, 4))


@case("sequence_log_prob", facet="interface", raises=ValueError)
def labels_of_another_batch_are_refused(sequence_log_prob, draw):
    """拒绝批量大小不同的标签"""
    return sequence_log_prob(draw.normal(3, 5, 7), draw.integers(0, 7, 1, 5))


@case("sequence_log_prob", facet="interface", raises=ValueError)
def a_token_outside_the_vocabulary_is_refused(sequence_log_prob, draw):
    """拒绝词表之外的 token"""
    labels = draw.integers(0, 7, 2, 5)
    labels[1, 3] = draw.choice([7, -100])
    return sequence_log_prob(draw.normal(2, 5, 7), labels, ignore_index=0)


# dpo_loss


def _by_two_classes(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """The cross-entropy of two classes whose logits are the implicit rewards, the chosen one being right."""
    chosen, rejected = (policy_chosen - reference_chosen) * beta, (policy_rejected - reference_rejected) * beta
    rewards = torch.stack([chosen, rejected], dim=-1).reshape(-1, 2)
    return F.cross_entropy(rewards, torch.zeros(len(rewards), dtype=torch.int64))


def _by_softplus(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """log(1 + e^{−margin}), which keeps its digits where it is tiny."""
    margin = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))
    return torch.logaddexp(torch.zeros_like(margin), -margin).mean()


def _log_probs(draw, *shape, scale=1.0):
    """Log-probabilities of the policy and of the reference: negative, apart by about `scale`."""
    reference = draw.uniform(2, *shape, low=-40, high=-20)
    chosen, rejected = reference + draw.normal(2, *shape, scale=scale)
    return chosen, rejected, *reference


@case("dpo_loss", agrees_with=_by_two_classes)
def pairs_of_any_shape(dpo_loss, draw):
    """任意形状的成对回答"""
    return [dpo_loss(*_log_probs(draw, *shape), beta=0.3) for shape in ((5,), (), (1,), (2, 3))]


@case("dpo_loss", agrees_with=_by_two_classes)
def several_betas(dpo_loss, draw):
    """不同的 β"""
    pairs = _log_probs(draw, 7)
    return [dpo_loss(*pairs, beta) for beta in (0.05, 0.1, 1.0, 2.5)]


@case("dpo_loss", agrees_with=_by_two_classes, weight=2)
def the_reference_counts(dpo_loss, draw):
    """参考模型起作用"""
    chosen, rejected, reference_chosen, reference_rejected = _log_probs(draw, 5)
    return [
        dpo_loss(chosen, rejected, reference_chosen, reference_rejected, 1.0),
        dpo_loss(chosen, rejected, reference_chosen + 1, reference_rejected, 1.0),
        dpo_loss(chosen, rejected, reference_chosen, reference_rejected + 1, 1.0),
    ]


@case("dpo_loss", facet="numerics", agrees_with=_by_two_classes, weight=2)
def margins_of_plus_and_minus_a_thousand(dpo_loss, draw):
    """差值为 ±1000"""
    # multiples of 1/8, so that no order of the subtractions rounds
    far = torch.tensor([-1000.0, 1000.0, -200.0, 200.0], dtype=draw.dtype)
    pairs = [draw.integers(-80, 0, 4).to(draw.dtype) / 8 for _ in range(4)]
    return dpo_loss(pairs[0] + far, *pairs[1:], beta=1.0), dpo_loss(pairs[0], pairs[1] + far, *pairs[2:], beta=1.0)


@case("dpo_loss", facet="gradient", agrees_with=_by_softplus, weight=2)
def gradients_at_plus_and_minus_a_thousand(dpo_loss, draw):
    """差值为 ±1000 时的梯度"""
    far = torch.tensor([-1000.0, 1000.0, 0.5, -50.0], dtype=draw.dtype)
    chosen, rejected, reference_chosen, reference_rejected = _log_probs(draw, 4)
    references = {"reference_chosen": reference_chosen, "reference_rejected": reference_rejected}
    return vjp(dpo_loss, chosen + far, rejected, cotangent=draw, beta=1.0, **references)


@case("dpo_loss", facet="gradient", agrees_with=_by_softplus)
def gradients_of_the_policy(dpo_loss, draw):
    """对策略的梯度"""
    chosen, rejected, reference_chosen, reference_rejected = _log_probs(draw, 2, 3)
    references = {"reference_chosen": reference_chosen, "reference_rejected": reference_rejected}
    return vjp(dpo_loss, chosen, rejected, cotangent=draw, beta=0.7, **references)


@case("dpo_loss", facet="numerics", agrees_with=_by_softplus, weight=2, **RELATIVE)
def a_loss_that_is_tiny(dpo_loss, draw):
    """极小的损失"""
    # multiples of 1/8: the margins, 45 to 70, are exact
    pairs = [draw.integers(-80, 0, 3).to(draw.dtype) / 8 for _ in range(3)]
    margin = draw.integers(360, 560, 3).to(draw.dtype) / 8
    return dpo_loss(pairs[0] + pairs[1] - pairs[2] + margin, pairs[0], pairs[1], pairs[2], beta=1.0)


@case("dpo_loss", agrees_with=_by_two_classes, **ROUNDED)
def the_loss_in_bfloat16(dpo_loss, draw):
    """bfloat16 的损失"""
    return dpo_loss(*(draw.normal(5) for _ in range(4)), beta=0.5)


@case("dpo_loss", facet="interface", agrees_with=_by_two_classes)
def log_probabilities_that_are_not_contiguous(dpo_loss, draw):
    """不连续的输入"""
    return dpo_loss(*(draw.strided(t) for t in _log_probs(draw, 3, 4)), beta=0.4)


@case("dpo_loss", facet="interface", raises=ValueError)
def a_reference_that_would_be_broadcast_is_refused(dpo_loss, draw):
    """拒绝会被广播的参考值"""
    chosen, rejected, reference_chosen, reference_rejected = _log_probs(draw, 4)
    return dpo_loss(chosen, rejected, reference_chosen[:, None], reference_rejected[:, None], beta=0.1)


@case("dpo_loss", facet="interface", raises=ValueError)
def one_rejected_answer_for_all_is_refused(dpo_loss, draw):
    """拒绝所有回答共用一个被拒回答"""
    chosen, rejected, reference_chosen, reference_rejected = _log_probs(draw, 4)
    return dpo_loss(chosen, rejected[:1], reference_chosen, reference_rejected, beta=0.1)


# normal_quantiles_codebook: Q from the error function

QUANTILES = [math.sqrt(2) * float(torch.erfinv(torch.tensor(i / 8 - 1, dtype=torch.float64))) for i in range(17)]
PRINTED = torch.tensor([(low + high) / 2 for low, high in itertools.pairwise(QUANTILES)])


@case("normal_quantiles_codebook", dtypes=(torch.float32,), expected=PRINTED)
def the_mean_of_neighbouring_quantiles(normal_quantiles_codebook, draw):
    """相邻分位数的平均"""
    return normal_quantiles_codebook()


@case(
    "normal_quantiles_codebook", dtypes=(torch.float32,), expected=[False, False, -INF, INF], facet="numerics", weight=2
)
def no_level_is_zero_and_the_ends_are_infinite(normal_quantiles_codebook, draw):
    """没有等于 0 的水平，两端无穷"""
    levels = normal_quantiles_codebook()
    return [bool((levels == 0).any()), bool(levels.isnan().any()), float(levels[0]), float(levels[15])]


@case("normal_quantiles_codebook", dtypes=(torch.float32,), expected=True)
def each_level_is_the_negative_of_its_mirror_image(normal_quantiles_codebook, draw):
    """水平关于 0 对称"""
    levels = normal_quantiles_codebook()[1:15].double()
    return bool(torch.allclose(levels, -levels.flip(0), rtol=0, atol=1e-6)) and bool(levels[13] > 1.3)


# nf4_codebook


# 1e-6: the table was computed from quantiles in float32
@case("nf4_codebook", dtypes=(torch.float32,), expected=TABLE.float(), rtol=0.0, atol=1e-6, weight=2)
def the_published_table(nf4_codebook, draw):
    """公布的表"""
    return nf4_codebook()


@case("nf4_codebook", dtypes=(torch.float32,), expected=[-1.0, 0.0, 1.0], rtol=0.0, atol=0.0, weight=2)
def three_levels_are_exact(nf4_codebook, draw):
    """三个水平是精确的"""
    levels = nf4_codebook()
    return [float(levels[i]) for i in (0, 7, 15)]


@case("nf4_codebook", dtypes=(torch.float32,), expected=[7, 1, 8, True], facet="interface")
def seven_negative_one_zero_and_eight_positive_in_order(nf4_codebook, draw):
    """七负、一零、八正，升序"""
    levels = nf4_codebook()
    counts = [int((levels < 0).sum()), int((levels == 0).sum()), int((levels > 0).sum())]
    return [*counts, bool((levels.diff() > 0).all())]


# weights whose codes no rounding can change


def _weights(draw, *shape, block_size=64, low=1e-2, high=1e2):
    """Numbers no nearer than a fifth of a gap to the middle between two levels, each block with a scale of its own.

    One number of each block has the block's greatest absolute value, at a random place and with a random sign.
    """
    size = math.prod(shape)
    blocks = -(-size // block_size)
    codes = draw.integers(0, 16, size)
    shift = draw.uniform(size, low=-0.3, high=0.3).double()
    gaps = torch.where(shift < 0, TABLE[codes] - TABLE[(codes - 1).clamp(min=0)], 0)
    gaps = torch.where(shift > 0, TABLE[(codes + 1).clamp(max=15)] - TABLE[codes], gaps)
    numbers = TABLE[codes] + shift * gaps
    for block in range(blocks):
        length = min(block_size, size - block * block_size)
        numbers[block * block_size + draw.integer(0, length)] = draw.choice([-1.0, 1.0])
    scale = draw.magnitudes(blocks, low=low, high=high).double()
    return (numbers * scale.repeat_interleave(block_size)[:size]).reshape(shape).to(draw.dtype)


def _by_distances(x, block_size=64):
    """Number by number, block by block, with the published table."""
    flat = x.reshape(-1).double()
    codes, absmax = [], []
    for block in flat.split(block_size) if len(flat) else ():
        largest = max(float(block.max()), -float(block.min()))
        absmax.append(largest)
        for number in block.tolist():
            distances = [abs(number / largest - level) if largest else abs(level) for level in TABLE.tolist()]
            codes.append(distances.index(min(distances)))
    codes += [7] * (len(codes) % 2)
    packed = [16 * high + low for high, low in zip(codes[::2], codes[1::2], strict=True)]
    return torch.tensor(packed, dtype=torch.uint8), torch.tensor(absmax, dtype=x.dtype)


@case("quantize_nf4", agrees_with=_by_distances, weight=2)
def several_blocks_with_the_last_one_full(quantize_nf4, draw):
    """若干块，最后一块是满的"""
    return quantize_nf4(_weights(draw, 128))


@case("quantize_nf4", agrees_with=_by_distances, weight=2)
def a_last_block_that_is_short(quantize_nf4, draw):
    """最后一块较短"""
    return quantize_nf4(_weights(draw, 5, 14, block_size=16), block_size=16), quantize_nf4(_weights(draw, 6))


@case("quantize_nf4", agrees_with=_by_distances, weight=2)
def an_odd_number_of_numbers(quantize_nf4, draw):
    """奇数个数"""
    return quantize_nf4(_weights(draw, 7, 3, block_size=8), block_size=8), quantize_nf4(_weights(draw, 1))


@case("quantize_nf4", agrees_with=_by_distances)
def blocks_of_an_odd_size(quantize_nf4, draw):
    """块的大小是奇数"""
    return [quantize_nf4(_weights(draw, n, block_size=5), block_size=5) for n in (15, 18, 19)]


@case("quantize_nf4", agrees_with=_by_distances)
def each_number_a_block_of_its_own(quantize_nf4, draw):
    """每个数自成一块"""
    return quantize_nf4(_weights(draw, 7, block_size=1), block_size=1)


# 1e-5: the scales 1e-30 and 1e30 are themselves rounded to float32, and nothing else is
@case("quantize_nf4", agrees_with=_by_distances, facet="numerics", weight=2, rtol=1e-5, atol=0.0)
def tiny_and_huge_weights(quantize_nf4, draw):
    """极小与极大的权重"""
    tiny = _weights(draw, 3, 16, block_size=16, low=1e-30, high=1e-12)
    return quantize_nf4(tiny, block_size=16), quantize_nf4(
        _weights(draw, 3, 16, block_size=16, low=1e20, high=1e30), block_size=16
    )


@case("quantize_nf4", agrees_with=_by_distances, facet="numerics", weight=2)
def a_block_of_zeros(quantize_nf4, draw):
    """全零的块"""
    x = _weights(draw, 3, 9, block_size=9)
    x[1] = 0
    return quantize_nf4(x, block_size=9), quantize_nf4(torch.zeros(5, dtype=draw.dtype))


@case("quantize_nf4", agrees_with=_by_distances)
def the_greatest_weight_of_a_block_is_negative(quantize_nf4, draw):
    """块中绝对值最大的是负数"""
    x = _weights(draw, 40, block_size=8)
    return quantize_nf4(-x.abs(), block_size=8), quantize_nf4(x.abs(), block_size=8)


@case("quantize_nf4", agrees_with=_by_distances, dtypes=(torch.bfloat16,))
def weights_in_bfloat16(quantize_nf4, draw):
    """bfloat16 的权重"""
    return quantize_nf4(_weights(draw, 6, 9, block_size=16), block_size=16)


@case("quantize_nf4", facet="interface", agrees_with=_by_distances)
def a_transposed_weight_and_one_with_gaps(quantize_nf4, draw):
    """转置的权重、有间隔的权重"""
    x = _weights(draw, 6, 7, block_size=6)
    by_columns = _weights(draw, 7, 6, block_size=1).mT
    return quantize_nf4(draw.strided(x), block_size=6), quantize_nf4(by_columns, block_size=1)


@case("quantize_nf4", facet="interface", agrees_with=_by_distances)
def one_number_and_none(quantize_nf4, draw):
    """一个数，以及一个也没有"""
    return quantize_nf4(_weights(draw)), quantize_nf4(draw.normal(0, 4)), quantize_nf4(draw.normal(0), block_size=3)


@case("quantize_nf4", facet="interface", raises=ValueError)
def a_block_without_numbers_is_refused(quantize_nf4, draw):
    """拒绝空的块"""
    return quantize_nf4(draw.normal(8), block_size=0)


@case("quantize_nf4", facet="interface", raises=ValueError)
def a_negative_block_size_is_refused(quantize_nf4, draw):
    """拒绝负的块大小"""
    return quantize_nf4(draw.normal(8), block_size=-4)


# dequantize_nf4


def _stored(draw, *shape, block_size=64, low=1e-2, high=1e2):
    """Random codes and scales for numbers of a shape."""
    size = math.prod(shape)
    packed = draw.integers(0, 256, -(-size // 2)).to(torch.uint8)
    return packed, draw.magnitudes(-(-size // block_size), low=low, high=high), shape


def _code_by_code(packed, absmax, shape, block_size=64):
    """Each number looked up in the published table by its place."""
    values = []
    for i in range(math.prod(shape)):
        byte = int(packed[i // 2])
        values.append(TABLE[byte % 16 if i % 2 else byte // 16].to(absmax.dtype) * absmax[i // block_size])
    return torch.stack(values).reshape(shape) if values else absmax.new_zeros(shape)


@case("dequantize_nf4", agrees_with=_code_by_code, weight=2, **LEVELS)
def two_blocks_of_64(dequantize_nf4, draw):
    """两块，每块 64 个"""
    return dequantize_nf4(*_stored(draw, 8, 16))


@case("dequantize_nf4", agrees_with=_code_by_code, **LEVELS)
def every_one_of_the_256_bytes(dequantize_nf4, draw):
    """全部 256 个字节"""
    packed = draw.permutation(256).to(torch.uint8)
    return dequantize_nf4(packed, draw.magnitudes(8), (512,))


@case("dequantize_nf4", agrees_with=_code_by_code, weight=2, **LEVELS)
def odd_numbers_and_short_blocks(dequantize_nf4, draw):
    """奇数个数、较短的最后一块"""
    return [
        dequantize_nf4(*_stored(draw, 3, 5, block_size=4), block_size=4),
        dequantize_nf4(*_stored(draw, 7, 3, block_size=5), 5),
        dequantize_nf4(*_stored(draw, 1, 6, 1)),
    ]


@case("dequantize_nf4", agrees_with=_code_by_code, **LEVELS)
def a_scale_for_every_number(dequantize_nf4, draw):
    """每个数有自己的尺度"""
    return dequantize_nf4(*_stored(draw, 3, 3, block_size=1), block_size=1)


@case("dequantize_nf4", agrees_with=_code_by_code, facet="numerics", **LEVELS)
def tiny_huge_and_zero_scales(dequantize_nf4, draw):
    """极小、极大与零的尺度"""
    packed, absmax, shape = _stored(draw, 6, 8, block_size=8)
    absmax = absmax * torch.tensor([1e-30, 1e30, 0, 1, 1e-12, 1e12], dtype=draw.dtype)
    return dequantize_nf4(packed, absmax, shape, block_size=8)


@case("dequantize_nf4", agrees_with=_code_by_code, **ROUNDED)
def scales_in_bfloat16(dequantize_nf4, draw):
    """bfloat16 的尺度"""
    return dequantize_nf4(*_stored(draw, 4, 7, block_size=8, low=0.5, high=4), block_size=8)


# 1e-6 in a sum of levels: the published table, see LEVELS
@case("dequantize_nf4", facet="gradient", agrees_with=_code_by_code, rtol=1e-5, atol=1e-5)
def the_gradient_of_a_scale_is_a_sum_over_its_block(dequantize_nf4, draw):
    """尺度的梯度是块内之和"""
    packed, absmax, shape = _stored(draw, 5, 7, block_size=8)
    return vjp(dequantize_nf4, packed, absmax, shape, cotangent=draw, block_size=8)


@case("dequantize_nf4", facet="interface", agrees_with=_code_by_code, **LEVELS)
def bytes_and_scales_that_are_not_contiguous(dequantize_nf4, draw):
    """不连续的输入"""
    packed, absmax, shape = _stored(draw, 4, 8, block_size=8)
    return dequantize_nf4(draw.strided(packed), draw.strided(absmax), shape, block_size=8)


@case("dequantize_nf4", facet="interface", agrees_with=_code_by_code, **LEVELS)
def one_number_without_dimensions_and_no_numbers(dequantize_nf4, draw):
    """零维的一个数，以及一个也没有"""
    return dequantize_nf4(*_stored(draw)), dequantize_nf4(*_stored(draw, 0, 3)), dequantize_nf4(*_stored(draw, 2, 0))


def _refused(packed, absmax, shape, block_size):
    def driver(dequantize_nf4, draw):
        codes = draw.integers(0, 256, packed).to(torch.uint8)
        return dequantize_nf4(codes, draw.magnitudes(absmax), shape, block_size=block_size)

    return driver


@case("dequantize_nf4", facet="interface", raises=ValueError)
def too_few_bytes_are_refused(dequantize_nf4, draw):
    """拒绝过少的字节"""
    return _refused(3, 1, (8,), 8)(dequantize_nf4, draw)


@case("dequantize_nf4", facet="interface", raises=ValueError)
def too_many_bytes_are_refused(dequantize_nf4, draw):
    """拒绝过多的字节"""
    return _refused(5, 1, (8,), 8)(dequantize_nf4, draw)


@case("dequantize_nf4", facet="interface", raises=ValueError)
def too_few_scales_are_refused(dequantize_nf4, draw):
    """拒绝过少的尺度"""
    return _refused(6, 1, (3, 4), 8)(dequantize_nf4, draw)


@case("dequantize_nf4", facet="interface", raises=ValueError)
def too_many_scales_are_refused(dequantize_nf4, draw):
    """拒绝过多的尺度"""
    return _refused(6, 3, (3, 4), 8)(dequantize_nf4, draw)


# nf4_bits_per_parameter


def _by_counting(block_size=64, absmax_block_size=None):
    """All bits of a weight that fills its blocks, over the number of its entries."""
    groups = 3
    scales = groups * (absmax_block_size or 1)
    weights = scales * block_size
    stored = 32 * scales if absmax_block_size is None else 8 * scales + 32 * groups
    return (4 * weights + stored) / weights


@case("nf4_bits_per_parameter", agrees_with=_by_counting)
def blocks_of_several_sizes(nf4_bits_per_parameter, draw):
    """不同的块大小"""
    return [nf4_bits_per_parameter(), *(nf4_bits_per_parameter(size) for size in (1, 16, 32, 128, 4096))]


@case("nf4_bits_per_parameter", agrees_with=_by_counting, weight=2)
def scales_that_are_quantized_too(nf4_bits_per_parameter, draw):
    """尺度也被量化"""
    pairs = ((64, 256), (32, 128), (64, 1), (1, 7), (draw.integer(2, 100), draw.integer(2, 100)))
    return [nf4_bits_per_parameter(*pair) for pair in pairs]


@case("nf4_bits_per_parameter", expected=[4.126953125, 0.126953125, 0.373046875], weight=2)
def at_64_and_256_half_a_bit_becomes_an_eighth(nf4_bits_per_parameter, draw):
    """64 与 256：0.5 比特变成 0.127，省 0.373"""
    double = nf4_bits_per_parameter(absmax_block_size=256)
    return [double, double - 4, nf4_bits_per_parameter() - double]


# scales whose codes no rounding can change


def _scales(draw, size, block_size=256, mean=1.0, low=0.02, high=0.2):
    """Numbers around a mean whose codes lie no nearer than 0.2 to the middle between two integers.

    In each group every deviation stands with both signs, so that the mean of all is the one asked for up to rounding.
    """
    groups = []
    for start in range(0, size, block_size):
        length = min(block_size, size - start)
        half = draw.integers(-126, 127, length // 2) + draw.uniform(length // 2, low=-0.3, high=0.3).double()
        half[:1] = 127.0
        group = torch.cat([half, -half, half.new_zeros(length % 2)])
        groups.append(group[draw.permutation(length)] * draw.number(low, high) / 127)
    return (mean * (1 + torch.cat(groups))).to(draw.dtype)


def _group_by_group(absmax, block_size=256):
    """In float64, one group after the other."""
    wide = absmax.double()
    mean = wide.sum() / len(wide)
    codes, scales = [], []
    for group in (wide - mean).split(block_size):
        scale = max(float(group.max()), -float(group.min())) / 127
        scales.append(scale)
        codes += [round(d / scale) if scale else 0 for d in group.tolist()]
    return torch.tensor(codes, dtype=torch.int8), torch.tensor(scales, dtype=absmax.dtype), mean.to(absmax.dtype)


# A scale is a difference from the mean: in float32 the mean's own rounding, 6e-8, is 3e-6 of a deviation of 0.02.
DEVIATIONS = {"rtol": 2e-5, "atol": 0.0}


@case("double_quantize", agrees_with=_group_by_group, weight=2, **DEVIATIONS)
def two_groups_of_256(double_quantize, draw):
    """两组，每组 256 个"""
    return double_quantize(_scales(draw, 512))


@case("double_quantize", agrees_with=_group_by_group, weight=2, **DEVIATIONS)
def a_last_group_that_is_short(double_quantize, draw):
    """最后一组较短"""
    return double_quantize(_scales(draw, 300)), double_quantize(_scales(draw, 29, block_size=8), block_size=8)


@case("double_quantize", agrees_with=_group_by_group, **DEVIATIONS)
def groups_of_several_sizes(double_quantize, draw):
    """不同的组大小"""
    return [double_quantize(_scales(draw, n, block_size=size), size) for n, size in ((9, 3), (11, 4), (5, 16))]


@case("double_quantize", agrees_with=_group_by_group, **DEVIATIONS)
def each_scale_a_group_of_its_own(double_quantize, draw):
    """每个尺度自成一组"""
    deviations = draw.uniform(4, low=0.1, high=0.5)
    return double_quantize(torch.cat([1 + deviations, 1 - deviations]), block_size=1)


@case("double_quantize", facet="numerics", agrees_with=_group_by_group, **DEVIATIONS)
def tiny_and_huge_scales(double_quantize, draw):
    """极小与极大的尺度"""
    return double_quantize(_scales(draw, 12, mean=1e-20), block_size=12), double_quantize(
        _scales(draw, 12, mean=1e20), block_size=12
    )


@case("double_quantize", facet="numerics", agrees_with=_group_by_group, weight=2, **DEVIATIONS)
def a_group_without_deviations(double_quantize, draw):
    """没有偏差的组"""
    # 1 ± 1/4 and ones: the mean is 1 in every dtype, whatever the order of the sum
    absmax = torch.ones(12, dtype=draw.dtype)
    absmax[draw.integer(0, 2)], absmax[draw.integer(2, 4)] = 1.25, 0.75
    return double_quantize(absmax, block_size=4), double_quantize(draw.magnitudes(1))


@case("double_quantize", facet="interface", agrees_with=_group_by_group, **DEVIATIONS)
def scales_with_gaps(double_quantize, draw):
    """有间隔的尺度"""
    return double_quantize(draw.strided(_scales(draw, 20, block_size=8)), block_size=8)


@case("double_quantize", facet="interface", raises=ValueError)
def a_group_without_scales_is_refused(double_quantize, draw):
    """拒绝空的组"""
    return double_quantize(draw.magnitudes(8), block_size=0)


@case("double_quantize", facet="interface", raises=ValueError)
def a_negative_group_size_is_refused(double_quantize, draw):
    """拒绝负的组大小"""
    return double_quantize(draw.magnitudes(8), block_size=-4)


# double_dequantize


def _place_by_place(codes, scales, mean, block_size=256):
    """Each number by itself."""
    return torch.stack([scales[i // block_size] * int(code) + mean for i, code in enumerate(codes)])


def _double_stored(draw, size, block_size=256):
    codes = draw.integers(-127, 128, size).to(torch.int8)
    return codes, draw.magnitudes(-(-size // block_size), low=1e-2, high=1), draw.magnitudes()


@case("double_dequantize", agrees_with=_place_by_place)
def two_groups_of_256_codes(double_dequantize, draw):
    """两组，每组 256 个编码"""
    return double_dequantize(*_double_stored(draw, 512))


@case("double_dequantize", agrees_with=_place_by_place, weight=2)
def short_groups_of_codes(double_dequantize, draw):
    """较短的组"""
    return [
        double_dequantize(*_double_stored(draw, 300)),
        double_dequantize(*_double_stored(draw, 11, 4), 4),
        double_dequantize(*_double_stored(draw, 1)),
        double_dequantize(*_double_stored(draw, 3, 1), block_size=1),
    ]


@case("double_dequantize", agrees_with=_place_by_place)
def codes_at_both_ends_do_not_wrap_around(double_dequantize, draw):
    """两端的编码不溢出"""
    codes = torch.tensor([127, -127, 126, -126, 0], dtype=torch.int8)
    return double_dequantize(codes, draw.magnitudes(2, low=5, high=50), draw.magnitudes(), block_size=3)


@case("double_dequantize", facet="gradient", agrees_with=_place_by_place)
def gradients_of_the_scales_and_of_the_mean(double_dequantize, draw):
    """对尺度与均值的梯度"""
    return vjp(double_dequantize, *_double_stored(draw, 11, 4), cotangent=draw, block_size=4)


@case("double_dequantize", facet="interface", agrees_with=_place_by_place)
def codes_that_are_not_contiguous(double_dequantize, draw):
    """不连续的输入"""
    codes, scales, mean = _double_stored(draw, 10, 4)
    return double_dequantize(draw.strided(codes), draw.strided(scales), mean, block_size=4)


@case("double_dequantize", facet="numerics", agrees_with=_place_by_place, rtol=1e-5, atol=0.0)
def tiny_and_huge_groups(double_dequantize, draw):
    """极小与极大的组"""
    codes, scales, mean = _double_stored(draw, 8, 4)
    return double_dequantize(codes, scales * 1e-20, mean * 1e-20, block_size=4), double_dequantize(
        codes, scales * 1e20, mean * 1e20, block_size=4
    )


@case("double_dequantize", facet="interface", raises=ValueError)
def too_many_group_scales_are_refused(double_dequantize, draw):
    """拒绝过多的组尺度"""
    codes, scales, mean = _double_stored(draw, 8, 4)
    return double_dequantize(codes, torch.cat([scales, scales]), mean, block_size=4)


@case("double_dequantize", facet="interface", raises=ValueError)
def one_group_scale_for_all_is_refused(double_dequantize, draw):
    """拒绝所有组共用一个尺度"""
    codes, scales, mean = _double_stored(draw, 8, 4)
    return double_dequantize(codes, scales[:1], mean, block_size=4)


# qlora_forward


def _with_whole_matrices(x, packed, absmax, shape, a, b, alpha, block_size=64):
    """W₀ + α/r·BA in float64, and one product."""
    weight = _code_by_code(packed, absmax.double(), shape, block_size).to(x.dtype).double()
    change = b.double() @ a.double()
    return (x.double() @ (weight + alpha / a.shape[0] * change).mT).to(x.dtype)


def _thin_first(x, packed, absmax, shape, a, b, alpha, block_size=64):
    """The same with the two thin products in x's dtype, for what overflows otherwise."""
    weight = _code_by_code(packed, absmax, shape, block_size).to(x.dtype)
    return F.linear(x, weight) + F.linear(F.linear(x, a), b) * (alpha / len(a))


# The published table (see LEVELS) in sums of a few terms of order 1
SUMS = {"rtol": 1e-5, "atol": 1e-5}


def _layer(draw, d, k, rank, block_size=64):
    packed, absmax, shape = _stored(draw, d, k, block_size=block_size, low=0.5, high=2)
    return packed, absmax, shape, draw.normal(rank, k), draw.normal(d, rank)


@case("qlora_forward", agrees_with=_with_whole_matrices, weight=2, **SUMS)
def inputs_with_any_batch_dimensions(qlora_forward, draw):
    """任意批量维度"""
    layer = _layer(draw, 5, 7, 3)
    return [qlora_forward(draw.normal(*shape, 7), *layer, alpha=2.0) for shape in ((4,), (), (2, 3), (1,), (0,))]


@case("qlora_forward", agrees_with=_with_whole_matrices, **SUMS)
def layers_of_odd_sizes(qlora_forward, draw):
    """奇数大小的层"""
    return [
        qlora_forward(draw.normal(2, k), *_layer(draw, d, k, rank, size), 3, block_size=size)
        for d, k, rank, size in ((3, 5, 1, 4), (1, 7, 2, 3), (6, 1, 2, 64), (3, 2, 5, 1))
    ] + [qlora_forward(draw.normal(2, 15), *_layer(draw, 9, 15, 2), alpha=1)]


@case("qlora_forward", agrees_with=_with_whole_matrices, weight=2, **SUMS)
def alpha_is_divided_by_the_rank(qlora_forward, draw):
    """α 除以秩"""
    x = draw.normal(3, 6)
    return [qlora_forward(x, *_layer(draw, 4, 6, rank), alpha=alpha) for rank, alpha in ((1, 16), (2, 8.0), (4, 0.5))]


@case("qlora_forward", agrees_with=_with_whole_matrices, **SUMS)
def b_of_zeros_leaves_the_stored_weight(qlora_forward, draw):
    """B 为零时只剩存储的权重"""
    packed, absmax, shape, a, b = _layer(draw, 5, 9, 2)
    return qlora_forward(draw.normal(3, 9), packed, absmax, shape, a, torch.zeros_like(b), alpha=4)


@case("qlora_forward", facet="interface", agrees_with=_with_whole_matrices, **SUMS)
def scales_in_float32_whatever_the_input(qlora_forward, draw):
    """尺度为 float32，与输入的 dtype 无关"""
    packed, absmax, shape, a, b = _layer(draw, 5, 9, 2)
    return qlora_forward(draw.normal(3, 9), packed, absmax.float(), shape, a, b, alpha=4)


# bfloat16 rounds W₀, both thin products and the sum, whose terms are of order 5
@case("qlora_forward", agrees_with=_with_whole_matrices, dtypes=(torch.bfloat16,), rtol=4e-2, atol=0.2)
def inputs_in_bfloat16_and_scales_in_float32(qlora_forward, draw):
    """输入为 bfloat16，尺度为 float32"""
    packed, absmax, shape, a, b = _layer(draw, 5, 9, 2)
    return qlora_forward(draw.normal(3, 9), packed, absmax.float(), shape, a, b, alpha=2)


@case("qlora_forward", facet="numerics", agrees_with=_thin_first, weight=2, **SUMS)
def the_product_of_b_and_a_would_overflow(qlora_forward, draw):
    """BA 会上溢"""
    packed, absmax, shape, a, b = _layer(draw, 5, 9, 2)
    large = torch.finfo(draw.dtype).max ** 0.6
    return qlora_forward(draw.normal(3, 9) / large, packed, absmax, shape, a * large, b * large, alpha=2) / large


@case("qlora_forward", facet="gradient", agrees_with=_with_whole_matrices, weight=2, **SUMS)
def gradients_reach_x_a_and_b(qlora_forward, draw):
    """梯度传到 x、A 和 B"""
    packed, absmax, shape, a, b = _layer(draw, 5, 7, 3)
    x, *_, grad_a, grad_b = vjp(
        qlora_forward, draw.normal(4, 7), packed, absmax, shape, a, b, cotangent=draw, alpha=1.5
    )
    return x, grad_a, grad_b


@case("qlora_forward", facet="interface", agrees_with=_with_whole_matrices, **SUMS)
def matrices_that_are_not_contiguous(qlora_forward, draw):
    """不连续的矩阵"""
    packed, absmax, shape, a, b = _layer(draw, 5, 7, 3)
    x = draw.normal(7, 4).mT
    return qlora_forward(x, draw.strided(packed), absmax, shape, draw.strided(a), b.mT.contiguous().mT, alpha=1.5)


@case("qlora_forward", facet="interface", raises=ValueError)
def a_row_of_b_that_would_be_broadcast_is_refused(qlora_forward, draw):
    """拒绝会被广播的 B"""
    packed, absmax, shape, a, b = _layer(draw, 5, 7, 3)
    return qlora_forward(draw.normal(4, 7), packed, absmax, shape, a, b[:1], alpha=1)


@case("qlora_forward", facet="interface", raises=ValueError)
def a_and_b_of_different_ranks_are_refused(qlora_forward, draw):
    """拒绝秩不同的 A 与 B"""
    packed, absmax, shape, a, b = _layer(draw, 5, 7, 3)
    return qlora_forward(draw.normal(4, 7), packed, absmax, shape, a, b[:, :1], alpha=1)


@case("qlora_forward", facet="interface", raises=ValueError)
def an_a_for_other_inputs_is_refused(qlora_forward, draw):
    """拒绝输入维度不同的 A"""
    packed, absmax, shape, a, b = _layer(draw, 5, 7, 3)
    return qlora_forward(draw.normal(4, 7), packed, absmax, shape, a[:, :6], b, alpha=1)
