"""The visible checks of chapter 18: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import vjp

BINARY = ("*cross_entropy*", "BCE*", "*margin_loss", "*MarginLoss", "Bernoulli", "kl_div*")
CATEGORICAL = ("*cross_entropy*", "*CrossEntropy*", "*nll_loss*", "NLLLoss*", "*Categorical")

RULES = {
    "gan_value": Rules(forbids=BINARY),
    "discriminator_loss": Rules(forbids=BINARY),
    "generator_loss": Rules(forbids=BINARY),
    "info_nce": Rules(forbids=CATEGORICAL),
    "clip_loss": Rules(forbids=CATEGORICAL),
}


def by_cross_entropy(d_real, d_fake):
    """Equation 18.1 as two binary cross-entropies, real labelled 1 and generated 0."""
    real = F.binary_cross_entropy(d_real, torch.ones_like(d_real))
    return -real - F.binary_cross_entropy(d_fake, torch.zeros_like(d_fake))


@case("gan_value", agrees_with=by_cross_entropy)
def a_batch_of_real_and_a_batch_of_generated(gan_value, draw):
    """一批真实样本，一批生成样本"""
    return gan_value(draw.uniform(6, low=0.1, high=0.9), draw.uniform(6, low=0.1, high=0.9))


@case("gan_value", agrees_with=by_cross_entropy)
def batches_of_unequal_size(gan_value, draw):
    """两批的大小不同"""
    return gan_value(draw.uniform(3, low=0.1, high=0.9), draw.uniform(7, low=0.1, high=0.9))


def by_log_odds(p_data, p_g):
    """The discriminator whose logit is the logarithm of the ratio of the densities."""
    return torch.sigmoid(torch.log(p_data) - torch.log(p_g))


@case("optimal_discriminator", agrees_with=by_log_odds)
def the_best_answer_at_five_points(optimal_discriminator, draw):
    """五个点上的最优回答"""
    return optimal_discriminator(draw.uniform(5, low=0.1, high=2), draw.uniform(5, low=0.1, high=2))


@case("optimal_discriminator", agrees_with=by_log_odds)
def where_one_density_is_zero_the_answer_is_certain(optimal_discriminator, draw):
    """有一个密度为零时，答案是确定的"""
    p_data, p_g = draw.uniform(4, low=0.1, high=2), draw.uniform(4, low=0.1, high=2)
    p_data[0], p_g[1] = 0, 0
    return optimal_discriminator(p_data, p_g)


def with_logits(real_logits, fake_logits):
    """−V as two binary cross-entropies of logits."""
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    return real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


@case("discriminator_loss", agrees_with=with_logits)
def logits_of_real_and_generated_examples(discriminator_loss, draw):
    """真实样本与生成样本的 logits"""
    return discriminator_loss(draw.normal(5, scale=2), draw.normal(5, scale=2))


@case("discriminator_loss", facet="numerics", agrees_with=with_logits)
def a_discriminator_that_is_very_sure(discriminator_loss, draw):
    """非常自信的判别器"""
    sure = torch.tensor([-1000.0, -100.0, 0.3, 100.0, 1000.0], dtype=draw.dtype)
    return discriminator_loss(sure, sure + draw.normal(5))


def fooling_with_logits(fake_logits, saturating=False):
    """Generated examples labelled 1; or the negative of the loss with the label 0."""
    if saturating:
        return -F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


@case("generator_loss", agrees_with=fooling_with_logits)
def the_form_that_does_not_saturate_is_the_default(generator_loss, draw):
    """默认是不饱和的形式"""
    return generator_loss(draw.normal(5, scale=2))


@case("generator_loss", facet="gradient", agrees_with=fooling_with_logits)
def both_forms_push_the_logits_up(generator_loss, draw):
    """两种形式都把 logits 往上推"""
    x = draw.normal(5, scale=2)
    return vjp(generator_loss, x, cotangent=draw), vjp(generator_loss, x, cotangent=draw, saturating=True)


def as_classification(q, k_pos, k_neg, temperature):
    """Equation 18.2 as a classification of K + 1 keys in which class 0 is right."""
    k_neg = k_neg.expand(*q.shape[:-1], *k_neg.shape[-2:])
    keys = torch.cat([k_pos[..., None, :], k_neg], dim=-2)
    logits = (keys @ q[..., None])[..., 0].reshape(-1, keys.shape[-2]) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))


@case("info_nce", agrees_with=as_classification)
def four_queries_and_six_negatives_for_all(info_nce, draw):
    """四个 query，共用六个负样本"""
    return info_nce(draw.normal(4, 3), draw.normal(4, 3), draw.normal(6, 3), 0.5)


@case("info_nce", agrees_with=as_classification)
def every_query_has_negatives_of_its_own(info_nce, draw):
    """每个 query 有自己的负样本"""
    return info_nce(draw.normal(4, 3), draw.normal(4, 3), draw.normal(4, 6, 3), 0.5)


def both_classifications(image, text, temperature):
    """CLIP's loss by two cross-entropies whose labels are 0 … N−1."""
    scores = F.cosine_similarity(image[:, None], text[None], dim=-1) / temperature
    labels = torch.arange(len(image))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.mT, labels)) / 2


@case("clip_loss", agrees_with=both_classifications)
def five_images_and_their_texts(clip_loss, draw):
    """五张图片和它们的文字"""
    return clip_loss(draw.normal(5, 3), draw.normal(5, 3), 0.2)


@case("clip_loss", agrees_with=both_classifications)
def the_lengths_of_the_embeddings_do_not_matter(clip_loss, draw):
    """嵌入的长度不影响结果"""
    image, text = draw.normal(4, 3), draw.normal(4, 3)
    return clip_loss(image, text, 0.5), clip_loss(100 * image, text / 100, 0.5)
