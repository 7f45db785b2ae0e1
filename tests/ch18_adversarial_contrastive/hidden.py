"""The hidden cases of chapter 18."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon

from autograder.cases import case
from autograder.operations import vjp

# bfloat16 keeps 8 bits: an answer may round each logit, its exponential, its logarithm and the mean of them.
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 4e-2}

# Accurate relative to a result that may be tiny: an exponential of −40, log1p and a mean cost a few roundings; the
# argument of the exponential is rounded to 40 · 6e-8.
RELATIVE = {"rtol": 1e-5, "atol": 0.0}

# Cosines are good to 1e-7 in float32, and a temperature of 0.001 multiplies their errors by 1000.
COLD = {"rtol": 1e-3, "atol": 1e-3}


def by_cross_entropy(d_real, d_fake):
    """Equation 18.1 as two binary cross-entropies, real labelled 1 and generated 0."""
    real = F.binary_cross_entropy(d_real, torch.ones_like(d_real))
    return -real - F.binary_cross_entropy(d_fake, torch.zeros_like(d_fake))


def by_numpy(d_real, d_fake):
    """Equation 18.1 by NumPy in double precision, which caps no logarithm."""
    with np.errstate(divide="ignore"):
        real, fake = np.log(d_real.double().numpy()), np.log1p(-d_fake.double().numpy())
    return torch.tensor(real.mean() + fake.mean()).to(d_real.dtype)


@case("gan_value", agrees_with=by_cross_entropy, draws=2)
def batches_of_any_shape_and_number(gan_value, draw):
    """形状和个数都不同的两批"""
    return [
        gan_value(draw.uniform(7, 1, low=0.01, high=0.99), draw.uniform(3, low=0.01, high=0.99)),
        gan_value(draw.uniform(2, 3, 5, low=0.01, high=0.99), draw.uniform(11, low=0.01, high=0.99)),
        gan_value(draw.uniform(1, low=0.01, high=0.99), draw.uniform(4, low=0.01, high=0.99)),
    ]


def shares(draw, n=5):
    """Two distributions over n events as counts, and the best discriminator between them."""
    first, second = draw.integers(1, 9, n), draw.integers(1, 9, n)
    first[0], second[0] = 9, 1  # so that they differ in every draw
    p, q = first.to(draw.dtype) / first.sum(), second.to(draw.dtype) / second.sum()
    return first, second, p, q


@case("gan_value", agrees_with=by_numpy, weight=2)
def at_the_best_discriminator_it_is_twice_jensen_shannon_less_log_four(gan_value, draw):
    """最优判别器处的值是 2·JSD − log 4"""
    first, second, p, q = shares(draw)
    best = p / (p + q)
    value = gan_value(best.repeat_interleave(first), best.repeat_interleave(second))
    return value, value - (2 * jensenshannon(p.numpy(), q.numpy()) ** 2 - math.log(4))


@case("gan_value", agrees_with=by_cross_entropy)
def a_discriminator_that_cannot_tell_gives_minus_log_four(gan_value, draw):
    """分不清的判别器得到 −log 4"""
    return gan_value(torch.full((3,), 0.5, dtype=draw.dtype), torch.full((5,), 0.5, dtype=draw.dtype))


@case("gan_value", agrees_with=by_numpy)
def a_wrong_certainty_costs_infinitely_much(gan_value, draw):
    """确信而错误，代价无穷大"""
    real, fake = draw.uniform(4, low=0.1, high=0.9), draw.uniform(3, low=0.1, high=0.9)
    no, yes = real.clone(), fake.clone()
    no[1], yes[2] = 0, 1
    return gan_value(no, fake), gan_value(real, yes), gan_value(real, fake)


@case("gan_value", agrees_with=by_numpy)
def a_right_certainty_costs_nothing(gan_value, draw):
    """确信而正确，没有代价"""
    real, fake = draw.uniform(4, low=0.1, high=0.9), draw.uniform(3, low=0.1, high=0.9)
    real[1], fake[2] = 1, 0
    return gan_value(real, fake)


@case("gan_value", facet="numerics", agrees_with=by_numpy, weight=2, **RELATIVE)
def tiny_probabilities_of_generated_examples_still_count(gan_value, draw):
    """生成样本的极小概率仍然算数"""
    return gan_value(torch.ones(3, dtype=draw.dtype), draw.magnitudes(8, low=1e-25, high=1e-15))


@case("gan_value", facet="numerics", agrees_with=by_numpy)
def tiny_probabilities_of_real_examples(gan_value, draw):
    """真实样本的极小概率"""
    return gan_value(draw.magnitudes(6, low=1e-35, high=1e-15), draw.uniform(3))


@case("gan_value", facet="gradient", agrees_with=by_cross_entropy)
def gradients_of_the_value(gan_value, draw):
    """博弈的值的梯度"""
    return vjp(gan_value, draw.uniform(5, low=0.1, high=0.9), draw.uniform(3, 2, low=0.1, high=0.9), cotangent=draw)


@case("gan_value", facet="interface", agrees_with=by_cross_entropy)
def probabilities_in_strided_views(gan_value, draw):
    """不连续的视图；一个数"""
    real, fake = draw.uniform(5, 3, low=0.1, high=0.9).mT, draw.strided(draw.uniform(4, low=0.1, high=0.9))
    return gan_value(real, fake), gan_value(real[0, 0], fake)


@case("gan_value", facet="interface", raises=ValueError)
def logits_are_not_probabilities(gan_value, draw):
    """logits 不是概率"""
    return gan_value(draw.uniform(3, low=1.1, high=1.9), draw.uniform(3))


@case("gan_value", facet="interface", raises=ValueError)
def negative_probabilities_are_refused(gan_value, draw):
    """拒绝负的概率"""
    return gan_value(draw.uniform(3), draw.uniform(3, low=-0.9, high=-0.1))


@case("gan_value", facet="interface", raises=ValueError)
def no_real_examples_have_no_mean(gan_value, draw):
    """没有真实样本就没有平均值"""
    return gan_value(draw.uniform(0), draw.uniform(3))


@case("gan_value", facet="interface", raises=ValueError)
def no_generated_examples_have_no_mean(gan_value, draw):
    """没有生成样本就没有平均值"""
    return gan_value(draw.uniform(3), draw.uniform(0))


def by_the_ratio(p_data, p_g):
    """The share of the data in the mixture of both, in NumPy's longest floating type."""
    p, q = np.broadcast_arrays(p_data.double().numpy().astype("longdouble"), p_g.double().numpy())
    with np.errstate(invalid="ignore"):
        share = p / (p + q)
    return torch.tensor(np.where(p + q == 0, 0.5, share).astype("float64")).to(p_data.dtype)


def as_a_share(p_data, p_g):
    """The share of the data in the mixture of both, where that is a number."""
    return p_data / (p_data + p_g)


@case("optimal_discriminator", agrees_with=by_the_ratio, draws=2)
def densities_of_any_shape(optimal_discriminator, draw):
    """任意形状的密度"""
    shapes = (), (7,), (3, 1), (2, 3, 5)
    return [optimal_discriminator(draw.magnitudes(*s), draw.magnitudes(*s)) for s in shapes]


@case("optimal_discriminator", agrees_with=by_the_ratio)
def shapes_that_broadcast(optimal_discriminator, draw):
    """形状可以广播"""
    return optimal_discriminator(draw.magnitudes(3, 1), draw.magnitudes(4)), optimal_discriminator(
        draw.magnitudes(5), draw.magnitudes(2, 5)
    )


@case("optimal_discriminator", agrees_with=as_a_share, weight=2)
def no_other_discriminator_wins_more(optimal_discriminator, draw):
    """没有别的判别器赢得更多：它的值是 2·JSD − log 4"""
    _, _, p, q = shares(draw)
    best = optimal_discriminator(p, q)
    value = (p * torch.log(best)).sum() + (q * torch.log(1 - best)).sum()
    return best, value - (2 * jensenshannon(p.numpy(), q.numpy()) ** 2 - math.log(4))


@case("optimal_discriminator", agrees_with=by_the_ratio, weight=2)
def where_neither_density_is_the_answer_is_one_half(optimal_discriminator, draw):
    """两个密度都为零时，回答是 1/2"""
    p, q = draw.magnitudes(2, 6)
    p[0], p[3], q[3], q[5] = 0, 0, 0, 0
    return optimal_discriminator(p, q)


@case("optimal_discriminator", facet="gradient", agrees_with=as_a_share)
def gradients_of_the_best_answer(optimal_discriminator, draw):
    """最优回答的梯度，也在一个密度为零处"""
    p, q = draw.magnitudes(2, 6, low=0.1, high=10)
    p[0], q[1] = 0, 0
    return vjp(optimal_discriminator, p, q, cotangent=draw)


def a_share_or_one_half(p_data, p_g):
    """The share, or 1/2 without a gradient where both are 0."""
    total = p_data + p_g
    share = p_data / torch.where(total > 0, total, 1)
    return torch.where(total > 0, share, 0.5)


@case("optimal_discriminator", facet="gradient", agrees_with=a_share_or_one_half)
def no_gradient_flows_where_neither_density_is(optimal_discriminator, draw):
    """两个密度都为零处没有梯度，也没有 NaN"""
    p, q = draw.magnitudes(2, 6, low=0.1, high=10)
    p[2], q[2] = 0, 0
    return vjp(optimal_discriminator, p, q, cotangent=draw)


@case("optimal_discriminator", facet="numerics", agrees_with=by_the_ratio, weight=2)
def densities_near_the_greatest_number(optimal_discriminator, draw):
    """接近最大数的密度"""
    p, q = draw.uniform(2, 6, low=0.6, high=0.95) * torch.finfo(draw.dtype).max
    q[0] = 1
    return optimal_discriminator(p, q)


@case("optimal_discriminator", facet="numerics", agrees_with=by_the_ratio, weight=2)
def densities_near_the_smallest_number(optimal_discriminator, draw):
    """接近最小数的密度"""
    p, q = draw.uniform(2, 6, low=1, high=9) * torch.finfo(draw.dtype).tiny
    return optimal_discriminator(p, q)


@case("optimal_discriminator", facet="interface", agrees_with=by_the_ratio)
def densities_in_strided_views_and_none(optimal_discriminator, draw):
    """不连续的视图；没有点"""
    return optimal_discriminator(draw.magnitudes(5, 3).mT, draw.strided(draw.magnitudes(3, 5))), optimal_discriminator(
        draw.magnitudes(0, 3), draw.magnitudes(3)
    )


@case("optimal_discriminator", facet="interface", raises=ValueError)
def negative_data_densities_are_refused(optimal_discriminator, draw):
    """拒绝负的数据密度"""
    return optimal_discriminator(-draw.magnitudes(3), draw.magnitudes(3))


@case("optimal_discriminator", facet="interface", raises=ValueError)
def a_negative_density_of_the_generator_is_refused(optimal_discriminator, draw):
    """拒绝生成器的负密度"""
    q = draw.magnitudes(3)
    q[1] *= -1
    return optimal_discriminator(draw.magnitudes(3), q)


def with_logits(real_logits, fake_logits):
    """−V as two binary cross-entropies of logits."""
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    return real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


def extremes(draw):
    """Logits at which a sigmoid is 0 or 1, or its exponential overflows, beside one that is neither."""
    return torch.tensor([-1000.0, -100.0, 0.3, 100.0, 1000.0], dtype=draw.dtype)


@case("discriminator_loss", agrees_with=with_logits, draws=2)
def logits_of_any_shape_and_number(discriminator_loss, draw):
    """形状和个数都不同的 logits"""
    return [
        discriminator_loss(draw.normal(7, 1, scale=2), draw.normal(3, scale=2)),
        discriminator_loss(draw.normal(2, 1, 3, 3), draw.normal(5, 1, 2, 2)),
        discriminator_loss(draw.normal(), draw.normal(1)),
    ]


@case("discriminator_loss", agrees_with=with_logits, weight=2)
def many_generated_examples_weigh_no_more_than_few_real_ones(discriminator_loss, draw):
    """生成样本再多，也不比少数真实样本更重"""
    return discriminator_loss(draw.normal(2, loc=2), draw.normal(40, loc=-2)), discriminator_loss(
        draw.normal(40, loc=-1), draw.normal(2, loc=1)
    )


@case("discriminator_loss", facet="numerics", agrees_with=with_logits)
def logits_of_plus_and_minus_a_thousand(discriminator_loss, draw):
    """±1000 的 logits"""
    x = extremes(draw)
    return discriminator_loss(x, draw.normal(4)), discriminator_loss(draw.normal(4), x)


def softplus_by_numpy(x):
    """log(1 + eˣ) in double precision. torch's loss for the label 0 is x − log σ(x), which cancels at x = −40."""
    return np.logaddexp(0, x.double().numpy())


def sure_by_numpy(real_logits, fake_logits):
    """The two means in double precision."""
    value = softplus_by_numpy(-real_logits).mean() + softplus_by_numpy(fake_logits).mean()
    return torch.tensor(value).to(real_logits.dtype)


@case("discriminator_loss", facet="numerics", agrees_with=sure_by_numpy, weight=2, **RELATIVE)
def a_loss_that_is_almost_zero_keeps_its_digits(discriminator_loss, draw):
    """几乎为零的损失保持有效数字"""
    return discriminator_loss(draw.uniform(5, low=20, high=40), draw.uniform(5, low=-40, high=-20))


@case("discriminator_loss", facet="gradient", agrees_with=with_logits)
def gradients_of_both_batches(discriminator_loss, draw):
    """两批 logits 的梯度"""
    return vjp(discriminator_loss, draw.normal(5, scale=3), draw.normal(2, 3, scale=3), cotangent=draw)


@case("discriminator_loss", facet="gradient", agrees_with=with_logits, weight=2)
def gradients_at_plus_and_minus_a_thousand(discriminator_loss, draw):
    """±1000 处与 0 处的梯度"""
    x = extremes(draw)
    return vjp(discriminator_loss, x, torch.cat([x, 0 * x]), cotangent=draw)


@case("discriminator_loss", agrees_with=with_logits, **ROUNDED)
def a_discriminator_in_bfloat16(discriminator_loss, draw):
    """bfloat16 的判别器损失"""
    return discriminator_loss(draw.normal(8, scale=2), draw.normal(8, scale=2))


@case("discriminator_loss", facet="interface", agrees_with=with_logits)
def logits_in_strided_views(discriminator_loss, draw):
    """不连续的视图"""
    return discriminator_loss(draw.normal(5, 3).mT, draw.strided(draw.normal(4)))


@case("discriminator_loss", facet="interface", raises=ValueError)
def no_real_logits_have_no_mean(discriminator_loss, draw):
    """没有真实样本就没有平均值"""
    return discriminator_loss(draw.normal(0, 1), draw.normal(3, 1))


@case("discriminator_loss", facet="interface", raises=ValueError)
def no_generated_logits_have_no_mean(discriminator_loss, draw):
    """没有生成样本就没有平均值"""
    return discriminator_loss(draw.normal(3, 1), draw.normal(0, 1))


def fooling_with_logits(fake_logits, saturating=False):
    """Generated examples labelled 1; or the negative of the loss with the label 0."""
    if saturating:
        return -F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


@case("generator_loss", agrees_with=fooling_with_logits, draws=2)
def generated_logits_of_any_shape(generator_loss, draw):
    """任意形状的 logits"""
    return [generator_loss(draw.normal(*shape, scale=2)) for shape in ((), (1,), (7, 1), (2, 3, 5))]


@case("generator_loss", agrees_with=fooling_with_logits, weight=2)
def the_form_that_is_printed_is_a_negative_number(generator_loss, draw):
    """书上印的形式是负数，同样要最小化"""
    x = draw.normal(6, scale=2)
    return generator_loss(x, True), generator_loss(x, saturating=True), generator_loss(x, saturating=False)


@case("generator_loss", facet="numerics", agrees_with=fooling_with_logits)
def generated_logits_of_plus_and_minus_a_thousand(generator_loss, draw):
    """±1000 的 logits"""
    x = extremes(draw)
    return generator_loss(x), generator_loss(x, saturating=True)


def fooling_by_numpy(fake_logits, saturating=False):
    """Either form in double precision."""
    value = -softplus_by_numpy(fake_logits).mean() if saturating else softplus_by_numpy(-fake_logits).mean()
    return torch.tensor(value).to(fake_logits.dtype)


@case("generator_loss", facet="numerics", agrees_with=fooling_by_numpy, weight=2, **RELATIVE)
def losses_near_zero_keep_their_digits(generator_loss, draw):
    """接近零的损失保持有效数字"""
    x = draw.uniform(5, low=20, high=40)
    return generator_loss(x), generator_loss(-x, saturating=True)


@case("generator_loss", facet="gradient", agrees_with=fooling_with_logits, weight=2)
def only_one_form_has_a_gradient_when_the_discriminator_is_sure(generator_loss, draw):
    """判别器很有把握时，只有一种形式还有梯度"""
    x = draw.normal(3, 5, loc=-8, scale=2)
    return vjp(generator_loss, x, cotangent=draw), vjp(generator_loss, x, cotangent=draw, saturating=True)


@case("generator_loss", facet="gradient", agrees_with=fooling_with_logits, weight=2)
def gradients_of_generated_logits_at_the_extremes(generator_loss, draw):
    """±1000 处与 0 处的梯度"""
    x = torch.cat([extremes(draw), torch.zeros(2, dtype=draw.dtype)])
    return vjp(generator_loss, x, cotangent=draw), vjp(generator_loss, x, cotangent=draw, saturating=True)


@case("generator_loss", agrees_with=fooling_with_logits, **ROUNDED)
def a_generator_in_bfloat16(generator_loss, draw):
    """bfloat16 的生成器损失"""
    x = draw.normal(8, scale=2)
    return generator_loss(x), generator_loss(x, saturating=True)


@case("generator_loss", facet="interface", agrees_with=fooling_with_logits)
def generated_logits_in_strided_views(generator_loss, draw):
    """不连续的视图"""
    return generator_loss(draw.normal(5, 3).mT), generator_loss(draw.strided(draw.normal(4)), saturating=True)


@case("generator_loss", facet="interface", raises=ValueError)
def a_mean_over_no_logits_is_refused(generator_loss, draw):
    """拒绝对零个 logits 取平均"""
    return generator_loss(draw.normal(0, 1))


@case("generator_loss", facet="interface", raises=ValueError)
def a_mean_over_no_logits_is_refused_in_the_other_form_too(generator_loss, draw):
    """另一种形式也拒绝对零个 logits 取平均"""
    return generator_loss(draw.normal(0), saturating=True)


def as_classification(q, k_pos, k_neg, temperature):
    """Equation 18.2 as a classification of K + 1 keys in which class 0 is right."""
    k_neg = k_neg.expand(*q.shape[:-1], *k_neg.shape[-2:])
    keys = torch.cat([k_pos[..., None, :], k_neg], dim=-2)
    logits = (keys @ q[..., None])[..., 0].reshape(-1, keys.shape[-2]) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))


@case("info_nce", agrees_with=as_classification, draws=2)
def queries_in_two_dimensions(info_nce, draw):
    """query 排成两维，负样本共用或各有各的"""
    q, k_pos = draw.normals(2, (2, 3, 5))
    return info_nce(q, k_pos, draw.normal(7, 5), 0.7), info_nce(q, k_pos, draw.normal(2, 3, 7, 5), 1.9)


@case("info_nce", agrees_with=as_classification)
def as_many_negatives_as_queries_and_features(info_nce, draw):
    """负样本、query、特征一样多，转置错了形状也看不出来"""
    q, k_pos, k_neg = draw.normals(3, (4, 4))
    return info_nce(q, k_pos, k_neg, 0.8), info_nce(q, k_pos, draw.normal(4, 4, 4), 0.8)


@case("info_nce", agrees_with=as_classification)
def a_single_query_a_single_negative_a_single_feature(info_nce, draw):
    """一个 query、一个负样本、一个特征"""
    return [
        info_nce(draw.normal(3), draw.normal(3), draw.normal(5, 3), 0.5),
        info_nce(draw.normal(1, 3), draw.normal(1, 3), draw.normal(1, 3), 0.5),
        info_nce(draw.normal(4, 1), draw.normal(4, 1), draw.normal(4, 2, 1), 0.5),
    ]


@case("info_nce", agrees_with=as_classification)
def without_negatives_nothing_can_be_wrong(info_nce, draw):
    """没有负样本就不会出错：损失为 0"""
    q, k_pos = draw.normals(2, (4, 3))
    none = info_nce(q, k_pos, draw.normal(0, 3), 0.5), info_nce(q, k_pos, draw.normal(4, 0, 3), 0.5)
    return none, info_nce(q, k_pos, draw.normal(2, 3), 0.5)


@case("info_nce", agrees_with=as_classification, weight=2)
def the_positive_is_one_of_those_in_the_denominator(info_nce, draw):
    """分母里也有正样本"""
    q, k_pos = draw.normals(2, (5, 4))
    return info_nce(q, 2 * q, draw.normal(2, 4), 1.0), info_nce(q, k_pos, k_pos[:1], 1.0)


@case("info_nce", agrees_with=as_classification, weight=2)
def long_vectors_are_not_shortened(info_nce, draw):
    """不做归一化：长向量就是长的"""
    q, k_pos, k_neg = draw.normal(4, 3, scale=3), draw.normal(4, 3, scale=0.3), draw.normal(6, 3, scale=2)
    return info_nce(q, k_pos, k_neg, 2.0), info_nce(q / 3, k_pos * 3, k_neg * 3, 2.0)


@case("info_nce", agrees_with=as_classification)
def temperatures_from_cold_to_hot(info_nce, draw):
    """从低温到高温"""
    q, k_pos, k_neg = draw.normal(4, 3), draw.normal(4, 3), draw.normal(6, 3)
    return [info_nce(q, k_pos, k_neg, temperature) for temperature in (0.2, 1, 3, 100.0)]


def whole_numbers(draw):
    """Queries and keys of integers, whose dot products over 1/64 are exact and reach the thousands in either sign.

    The first query's negative is the query itself, so that at least its loss is large.
    """
    q, k_pos, k_neg = (draw.integers(-6, 7, n, 4).to(draw.dtype) for n in (5, 5, 6))
    q[0, 0], k_pos[0] = 5, -q[0]
    k_neg[3] = q[0]
    return q, k_pos, k_neg


@case("info_nce", facet="numerics", agrees_with=as_classification, weight=2)
def scores_in_the_thousands(info_nce, draw):
    """数以千计的分数"""
    q, k_pos, k_neg = whole_numbers(draw)
    return info_nce(q, k_pos, k_neg, 1 / 64), info_nce(q, k_pos, k_neg.expand(5, 6, 4), 1 / 64)


@case("info_nce", facet="numerics", agrees_with=as_classification)
def all_scores_far_below_zero(info_nce, draw):
    """所有分数都远小于零"""
    q = draw.integers(1, 5, 5, 4).to(draw.dtype)
    k_pos, k_neg = (-draw.integers(60, 64, n, 4).to(draw.dtype) for n in (5, 6))
    return info_nce(q, k_pos, k_neg, 0.5)


# 1 + 3e-5 is rounded to 1e-16 in float64, so the logarithm is good to 4e-12 of itself; in float32 to 2e-3 only
@case("info_nce", facet="numerics", agrees_with=as_classification, dtypes=(torch.float64,), rtol=1e-7, atol=0.0)
def a_positive_that_stands_out_leaves_a_tiny_loss(info_nce, draw):
    """正样本遥遥领先时，损失很小但不为零"""
    q = torch.eye(4, dtype=draw.dtype)
    return info_nce(q, 12 * q, draw.integers(-1, 2, 5, 4).to(draw.dtype) * 0.5, 1.0)


@case("info_nce", facet="gradient", agrees_with=as_classification, weight=2)
def gradients_of_queries_positives_and_negatives(info_nce, draw):
    """query、正样本与负样本的梯度"""
    q, k_pos = draw.normals(2, (4, 3))
    return vjp(info_nce, q, k_pos, draw.normal(6, 3), 0.5, cotangent=draw), vjp(
        info_nce, q, k_pos, draw.normal(4, 6, 3), 0.5, cotangent=draw
    )


@case("info_nce", facet="gradient", agrees_with=as_classification)
def the_gradient_of_a_learned_temperature(info_nce, draw):
    """可学习的温度的梯度"""
    temperature = torch.tensor(draw.number(0.3, 0.9), dtype=draw.dtype)
    return vjp(info_nce, *draw.normals(2, (4, 3)), draw.normal(6, 3), temperature, cotangent=draw)


@case("info_nce", facet="gradient", agrees_with=as_classification)
def gradients_of_scores_in_the_thousands(info_nce, draw):
    """数以千计的分数的梯度"""
    return vjp(info_nce, *whole_numbers(draw), 1 / 64, cotangent=draw)


@case("info_nce", agrees_with=as_classification, **ROUNDED)
def info_nce_in_bfloat16(info_nce, draw):
    """bfloat16"""
    return info_nce(draw.normal(4, 8, scale=0.4), draw.normal(4, 8, scale=0.4), draw.normal(6, 8, scale=0.4), 1.0)


@case("info_nce", facet="interface", agrees_with=as_classification)
def queries_and_keys_in_strided_views(info_nce, draw):
    """不连续的视图"""
    q, k_pos = draw.normal(3, 4).mT, draw.strided(draw.normal(4, 3))
    return info_nce(q, k_pos, draw.normal(3, 6).mT, 0.5), info_nce(q, k_pos, draw.normal(6, 4, 3).transpose(0, 1), 0.5)


@case("info_nce", facet="interface", raises=ValueError)
def a_temperature_of_zero_is_refused(info_nce, draw):
    """拒绝温度 0"""
    return info_nce(draw.normal(4, 3), draw.normal(4, 3), draw.normal(6, 3), 0.0)


@case("info_nce", facet="interface", raises=ValueError)
def a_negative_temperature_is_refused(info_nce, draw):
    """拒绝负的温度"""
    return info_nce(draw.normal(4, 3), draw.normal(4, 3), draw.normal(6, 3), -0.5)


@case("info_nce", facet="interface", raises=ValueError)
def one_positive_is_not_broadcast_to_all_queries(info_nce, draw):
    """一个正样本不会广播给所有 query"""
    return info_nce(draw.normal(4, 3), draw.normal(1, 3), draw.normal(6, 3), 0.5)


@case("info_nce", facet="interface", raises=ValueError)
def negatives_of_one_query_are_not_broadcast_to_all(info_nce, draw):
    """一个 query 的负样本不会广播给所有 query"""
    return info_nce(draw.normal(4, 3), draw.normal(4, 3), draw.normal(1, 6, 3), 0.5)


@case("info_nce", facet="interface", raises=ValueError)
def negatives_of_another_width_are_refused(info_nce, draw):
    """拒绝宽度不符的负样本"""
    return info_nce(draw.normal(4, 3), draw.normal(4, 3), draw.normal(6, 2), 0.5)


@case("info_nce", facet="interface", raises=ValueError)
def no_queries_have_no_mean(info_nce, draw):
    """没有 query 就没有平均值"""
    return info_nce(draw.normal(0, 3), draw.normal(0, 3), draw.normal(6, 3), 0.5)


def both_classifications(image, text, temperature):
    """CLIP's loss by two cross-entropies whose labels are 0 … N−1."""
    image = image / torch.linalg.vector_norm(image, dim=-1, keepdim=True)
    text = text / torch.linalg.vector_norm(text, dim=-1, keepdim=True)
    scores = torch.einsum("id,jd->ij", image, text) / temperature
    labels = torch.arange(len(image))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.mT, labels)) / 2


@case("clip_loss", agrees_with=both_classifications, draws=2)
def seven_pairs_of_five_features(clip_loss, draw):
    """七对，五个特征"""
    return clip_loss(draw.normal(7, 5), draw.normal(7, 5), 0.3)


@case("clip_loss", agrees_with=both_classifications)
def as_many_pairs_as_features(clip_loss, draw):
    """对数与特征数相同，转置错了形状也看不出来"""
    return clip_loss(*draw.normals(2, (4, 4)), 0.4)


@case("clip_loss", agrees_with=both_classifications)
def one_pair_two_pairs_one_feature(clip_loss, draw):
    """一对、两对、一个特征"""
    return [
        clip_loss(draw.normal(1, 3), draw.normal(1, 3), 0.5),
        clip_loss(draw.normal(2, 3), draw.normal(2, 3), 0.5),
        clip_loss(draw.normal(5, 1), draw.normal(5, 1), 0.5),
    ]


@case("clip_loss", agrees_with=both_classifications, weight=2)
def a_text_that_attracts_all_images(clip_loss, draw):
    """一段文字吸引了所有图片：两个方向的损失不同"""
    image, text = draw.normal(5, 4), draw.normal(5, 4)
    text[2] = 3 * image.sum(0)
    return clip_loss(image, text, 0.2), clip_loss(text, image, 0.2)


@case("clip_loss", agrees_with=both_classifications, weight=2)
def lengths_are_divided_out(clip_loss, draw):
    """长度被除掉"""
    image, text = draw.normal(5, 4), draw.normal(5, 4)
    lengths = draw.magnitudes(5, 1, low=1e-2, high=1e2)
    return clip_loss(image * lengths, text / lengths, 0.3), clip_loss(image, text, 0.3)


@case("clip_loss", agrees_with=both_classifications)
def clip_temperatures_from_cold_to_hot(clip_loss, draw):
    """从低温到高温"""
    image, text = draw.normal(5, 4), draw.normal(5, 4)
    return [clip_loss(image, text, temperature) for temperature in (0.1, 1, 10.0)]


@case("clip_loss", facet="numerics", agrees_with=both_classifications, weight=2, **COLD)
def temperatures_of_a_hundredth_and_less(clip_loss, draw):
    """百分之一以下的温度"""
    image, text = draw.normal(5, 4), draw.normal(5, 4)
    text[0], text[1] = image[1], image[0]  # two pairs are exchanged, so that the loss is large
    return clip_loss(image, text, 0.01), clip_loss(image, text, 0.001)


@case("clip_loss", facet="numerics", agrees_with=both_classifications)
def huge_and_tiny_embeddings(clip_loss, draw):
    """极大与极小的嵌入"""
    image, text = draw.normal(5, 4), draw.normal(5, 4)
    return clip_loss(image * 1e12, text * 1e-5, 0.3)


@case("clip_loss", facet="gradient", agrees_with=both_classifications, weight=2)
def gradients_of_images_and_texts(clip_loss, draw):
    """图片与文字的梯度"""
    return vjp(clip_loss, *draw.normals(2, (5, 4)), 0.3, cotangent=draw)


@case("clip_loss", facet="gradient", agrees_with=both_classifications)
def the_gradient_of_clips_learned_temperature(clip_loss, draw):
    """可学习的温度的梯度"""
    temperature = torch.tensor(draw.number(0.3, 0.9), dtype=draw.dtype)
    return vjp(clip_loss, *draw.normals(2, (5, 4)), temperature, cotangent=draw)


@case("clip_loss", facet="gradient", agrees_with=both_classifications)
def gradients_at_a_temperature_of_a_thousandth(clip_loss, draw):
    """温度为千分之一时的梯度"""
    image, text = draw.normal(5, 4), draw.normal(5, 4)
    text[0], text[1] = image[1], image[0]
    return vjp(clip_loss, image, text, 0.001, cotangent=draw)


@case("clip_loss", agrees_with=both_classifications, **ROUNDED)
def clip_in_bfloat16(clip_loss, draw):
    """bfloat16"""
    return clip_loss(draw.normal(5, 8), draw.normal(5, 8), 1.0)


@case("clip_loss", facet="interface", agrees_with=both_classifications)
def embeddings_in_strided_views(clip_loss, draw):
    """不连续的视图"""
    return clip_loss(draw.normal(4, 5).mT, draw.strided(draw.normal(5, 4)), 0.3)


@case("clip_loss", facet="interface", raises=ValueError)
def more_texts_than_images_are_no_pairs(clip_loss, draw):
    """文字多于图片，不成对"""
    return clip_loss(draw.normal(3, 4), draw.normal(5, 4), 0.3)


@case("clip_loss", facet="interface", raises=ValueError)
def embeddings_of_two_widths_are_refused(clip_loss, draw):
    """拒绝宽度不同的嵌入"""
    return clip_loss(draw.normal(3, 4), draw.normal(3, 2), 0.3)


@case("clip_loss", facet="interface", raises=ValueError)
def no_pairs_have_no_mean(clip_loss, draw):
    """没有成对的样本就没有平均值"""
    return clip_loss(draw.normal(0, 4), draw.normal(0, 4), 0.3)


@case("clip_loss", facet="interface", raises=ValueError)
def clip_refuses_a_temperature_of_zero(clip_loss, draw):
    """拒绝温度 0"""
    return clip_loss(draw.normal(3, 4), draw.normal(3, 4), 0.0)


@case("clip_loss", facet="interface", raises=ValueError)
def clip_refuses_a_negative_temperature(clip_loss, draw):
    """拒绝负的温度"""
    return clip_loss(draw.normal(3, 4), draw.normal(3, 4), -1.0)
