"""The visible checks of chapter 20: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import vjp

RULES = {
    "sequence_log_prob": Rules(forbids=("*cross_entropy*", "*nll_loss*")),
    "double_quantize": Rules(forbids=("quantize_per_*", "fake_quantize_*")),
}

INF = torch.inf


def _by_cross_entropy(logits, labels, ignore_index=-100):
    """A batch of texts by torch's own loss, text by text."""
    texts = zip(logits, labels, strict=True)
    losses = [
        F.cross_entropy(text[: len(text) - 1], following[1:], ignore_index=ignore_index, reduction="sum")
        for text, following in texts
    ]
    return -torch.stack(losses)


@case("sequence_log_prob", agrees_with=_by_cross_entropy)
def each_position_predicts_the_next_token(sequence_log_prob, draw):
    """每个位置预测下一个 token"""
    return sequence_log_prob(draw.normal(2, 5, 7), draw.integers(0, 7, 2, 5))


@case("sequence_log_prob", agrees_with=_by_cross_entropy)
def the_prompt_does_not_count(sequence_log_prob, draw):
    """提示词不计入"""
    labels = draw.integers(0, 7, 2, 6)
    labels[0, :3] = labels[1, :2] = -100
    return sequence_log_prob(draw.normal(2, 6, 7), labels)


def _by_binary_cross_entropy(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """Preferring the chosen answer is a binary classification with the target 1."""
    margin = beta * (policy_chosen - policy_rejected - reference_chosen + reference_rejected)
    return F.binary_cross_entropy_with_logits(margin, torch.ones_like(margin))


@case("dpo_loss", agrees_with=_by_binary_cross_entropy)
def the_loss_of_three_pairs(dpo_loss, draw):
    """三对回答的损失"""
    return dpo_loss(*draw.normals(4, (3,)), beta=0.5)


@case("dpo_loss", facet="gradient", agrees_with=_by_binary_cross_entropy)
def the_gradient_reaches_the_policy(dpo_loss, draw):
    """梯度传到策略"""
    chosen, rejected, reference_chosen, reference_rejected = draw.normals(4, (3,))
    references = {"reference_chosen": reference_chosen, "reference_rejected": reference_rejected}
    return vjp(dpo_loss, chosen, rejected, cotangent=draw, beta=0.5, **references)


@case("normal_quantiles_codebook", expected=(16, [-INF, INF], True), dtypes=(torch.float32,))
def sixteen_ascending_levels_with_infinite_ends(normal_quantiles_codebook, draw):
    """十六个升序的水平，两端无穷"""
    levels = normal_quantiles_codebook()
    return len(levels), [float(levels[0]), float(levels[15])], bool((levels[1:] > levels[:-1]).all())


# eight digits stand here
@case(
    "normal_quantiles_codebook",
    expected=[-0.07865534, 0.07865534, 0.58163308],
    dtypes=(torch.float32,),
    rtol=0.0,
    atol=1e-6,
)
def the_two_levels_around_zero_and_one_further_out(normal_quantiles_codebook, draw):
    """0 两侧的两个水平，以及靠外的一个"""
    levels = normal_quantiles_codebook()
    return [float(levels[i]) for i in (7, 8, 11)]


@case("nf4_codebook", expected=(16, [-1.0, 0.0, 1.0]), dtypes=(torch.float32,), rtol=0.0, atol=0.0)
def minus_one_zero_and_one_are_levels(nf4_codebook, draw):
    """−1、0、1 都是水平"""
    levels = nf4_codebook()
    return len(levels), [float(levels[i]) for i in (0, 7, 15)]


# the published table was computed from quantiles in float32, which are off by up to 1.1e-7
@case("nf4_codebook", expected=[-0.6961928, 0.7229568], dtypes=(torch.float32,), rtol=0.0, atol=1e-6)
def the_two_sides_differ(nf4_codebook, draw):
    """正负两侧不对称"""
    levels = nf4_codebook()
    return [float(levels[1]), float(levels[14])]


BYTES = torch.tensor([0x0F, 0x7B], dtype=torch.uint8)


@case("quantize_nf4", expected=(BYTES, torch.tensor([2.0])), dtypes=(torch.float32,))
def four_numbers_become_two_bytes(quantize_nf4, draw):
    """四个数变成两个字节"""
    return quantize_nf4(torch.tensor([-2.0, 2.0, 0.0, 0.68]), block_size=4)


TWO_BLOCKS = (torch.tensor([0x0B, 0xF7, 0xF0, 0x77], dtype=torch.uint8), torch.tensor([4.0, 0.01]))


@case("quantize_nf4", expected=TWO_BLOCKS, dtypes=(torch.float32,))
def each_block_has_its_own_scale(quantize_nf4, draw):
    """每一块有自己的尺度"""
    return quantize_nf4(torch.tensor([[-4.0, 1.36, 4.0, 0.1], [0.01, -0.01, 0.0, 0.0]]), block_size=4)


# −0.6961928 and 0.7229568 of 8, with the 1.1e-7 by which the published table is off
@case(
    "dequantize_nf4",
    expected=torch.tensor([[-8.0, 8.0], [0.0, -5.5695424]]),
    dtypes=(torch.float32,),
    rtol=1e-6,
    atol=0.0,
)
def two_bytes_become_four_numbers(dequantize_nf4, draw):
    """两个字节变回四个数"""
    return dequantize_nf4(torch.tensor([0x0F, 0x71], dtype=torch.uint8), torch.tensor([8.0]), (2, 2))


@case("dequantize_nf4", expected=torch.tensor([3.0, 0.0, -5.0]), dtypes=(torch.float32,))
def an_odd_number_of_codes_and_a_short_block(dequantize_nf4, draw):
    """奇数个编码，最后一块较短"""
    return dequantize_nf4(torch.tensor([0xF7, 0x07], dtype=torch.uint8), torch.tensor([3.0, 5.0]), (3,), 2)


@case("nf4_bits_per_parameter", expected=4.5)
def a_scale_of_32_bits_for_64_weights(nf4_bits_per_parameter, draw):
    """每 64 个权重一个 32 位的尺度"""
    return nf4_bits_per_parameter()


@case("nf4_bits_per_parameter", expected=0.373046875)
def what_double_quantization_saves(nf4_bits_per_parameter, draw):
    """双重量化省下的比特数"""
    return nf4_bits_per_parameter(64) - nf4_bits_per_parameter(64, 256)


def _by_torch(absmax, block_size=256):
    """Two equal groups by torch's own integer quantization."""
    mean = absmax.mean()
    groups = (absmax - mean).reshape(2, block_size)
    scales = groups.abs().amax(1) / 127
    zeros = torch.zeros(2, dtype=torch.int32)
    rounded = torch.fake_quantize_per_channel_affine(groups, scales, zeros, 0, -127, 127)
    codes = torch.round(rounded / scales[:, None]).to(torch.int8)
    return codes.flatten(), scales, mean


CODES = torch.tensor([127, -64, -63, 0], dtype=torch.int8)
SCALES = torch.tensor([0.25], dtype=torch.float64)
MEAN = torch.tensor(100.0, dtype=torch.float64)


@case("double_quantize", expected=(CODES, SCALES, MEAN), dtypes=(torch.float64,))
def four_scales_become_four_integers(double_quantize, draw):
    """四个尺度变成四个整数"""
    return double_quantize(torch.tensor([131.75, 84.0, 84.25, 100.0], dtype=torch.float64))


@case("double_quantize", agrees_with=_by_torch, dtypes=(torch.float32,))
def two_groups_of_four_scales(double_quantize, draw):
    """两组，每组四个尺度"""
    # codes no rounding can change, whose deviations add up to nothing: multiples of 1/4096 around 1
    first = torch.tensor([254.0, -100.5, 30.25, -183.75]) * draw.integer(1, 5) / 1024
    second = torch.tensor([-127.0, 45.25, 15.75, 66.0]) * draw.integer(1, 5) / 1024
    return double_quantize(1 + torch.cat([first, second]), block_size=4)


@case("double_dequantize", expected=torch.tensor([131.75, 84.0, 84.25, 100.0]), dtypes=(torch.float64,))
def four_integers_become_four_scales(double_dequantize, draw):
    """四个整数变回四个尺度"""
    return double_dequantize(CODES.clone(), SCALES.clone(), MEAN.clone())


# Bytes whose codes stand for −1, 0 and 1 alone, so that the weight is known without a codebook:
# [[-2, 0, 2], [2, 0, 0]] with absmax 2
SIGNS = torch.tensor([0x07, 0xFF, 0x77], dtype=torch.uint8)


def _with_whole_matrices(x, packed, absmax, shape, a, b, alpha, block_size=64):
    """The weight above, to which BA is added before the product."""
    weight = torch.tensor([[-2.0, 0.0, 2.0], [2.0, 0.0, 0.0]], dtype=x.dtype)
    return F.linear(x, weight + alpha / len(a) * (b @ a))


@case("qlora_forward", agrees_with=_with_whole_matrices)
def a_weight_of_minus_two_zero_and_two(qlora_forward, draw):
    """权重只有 −2、0 和 2"""
    absmax = torch.tensor([2.0], dtype=draw.dtype)
    a, b = draw.normal(2, 3), draw.normal(2, 2)
    return qlora_forward(draw.normal(4, 3), SIGNS.clone(), absmax, (2, 3), a, b, alpha=3.0)
