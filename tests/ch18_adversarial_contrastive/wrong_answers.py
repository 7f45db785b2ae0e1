"""What students get wrong in chapter 18, and the hint that each mistake deserves."""

import torch
import torch.nn.functional as F

from autograder.cases import edited, wrong


@wrong("gan_value")
def is_the_loss_of_the_discriminator(d_real, d_fake):
    """Your number is positive. V is what the discriminator maximises: logarithms of probabilities, at most 0.

    你的结果是正数。V 是判别器要最大化的量：概率的对数之和，不超过 0。
    """
    for d in (d_real, d_fake):
        if d.numel() == 0 or ((d < 0) | (d > 1)).any():
            raise ValueError(d)
    return -torch.log(d_real).mean() - torch.log1p(-d_fake).mean()


forgets_to_turn_the_generated_probability_round = edited(
    "gan_value",
    {"torch.log1p(-d_fake)": "torch.log(d_fake)"},
    """You reward the discriminator for calling generated examples real. Which probability does the second term of
    (18.1) take the logarithm of?

    你在奖励判别器把生成样本当成真的。(18.1) 的第二项是对哪个概率取对数？
    """,
)

subtracts_from_one_before_the_logarithm = edited(
    "gan_value",
    {"torch.log1p(-d_fake)": "torch.log(1 - d_fake)"},
    """1 − 1e-20 is 1 in floating point, and its logarithm 0. Which function of torch takes the logarithm of 1 + y
    without adding first?

    浮点数里 1 − 1e-20 就是 1，对数为 0。torch 的哪个函数不先相加就能算 log(1 + y)？
    """,
)


@wrong("gan_value")
def averages_over_both_batches_together(d_real, d_fake):
    """With 2 real and 40 generated examples yours is almost only about the generated ones. (18.1) has two expectations:
    what is divided by which number?

    2 个真实样本、40 个生成样本时，你的结果几乎只看生成样本。(18.1) 里有两个期望：各除以哪个数？
    """
    for d in (d_real, d_fake):
        if d.numel() == 0 or ((d < 0) | (d > 1)).any():
            raise ValueError(d)
    return 2 * torch.cat([torch.log(d_real).flatten(), torch.log1p(-d_fake).flatten()]).mean()


@wrong("gan_value")
def adds_a_small_number_inside_the_logarithms(d_real, d_fake):
    """log(d + 1e-8) stops at −18: a discriminator that is certain and wrong should pay −inf, and a probability of
    1e-20 has an ordinary logarithm.

    log(d + 1e-8) 到 −18 就停了：确信而错误的判别器应当付出 −inf，而 1e-20 的对数是一个普通的数。
    """
    for d in (d_real, d_fake):
        if d.numel() == 0 or ((d < 0) | (d > 1)).any():
            raise ValueError(d)
    return torch.log(d_real + 1e-8).mean() + torch.log(1 - d_fake + 1e-8).mean()


takes_logits_without_a_word = edited(
    "gan_value",
    {"if d.numel() == 0 or ((d < 0) | (d > 1)).any():": "if d.numel() == 0:"},
    """A number outside [0, 1] is no probability: somebody passed logits. Raise ValueError, or the NaN turns up much
    later.

    [0, 1] 之外的数不是概率：有人把 logits 传了进来。应当抛出 ValueError，否则 NaN 会在很久以后才冒出来。
    """,
)


@wrong("optimal_discriminator")
def gives_the_ratio_of_the_densities(p_data, p_g):
    """The ratio of the densities is the odds, from 0 to infinity. What probability belongs to odds of a to b?

    密度之比是几率，从 0 到无穷。几率为 a 比 b 时，概率是多少？
    """
    if (p_data < 0).any() or (p_g < 0).any():
        raise ValueError("negative")
    return p_data / p_g


@wrong("optimal_discriminator")
def calls_the_generator_real(p_data, p_g):
    """Where only data can occur, your D is 0. D is the probability of being real.

    在只可能出现真实数据的地方，你的 D 等于 0。D 是“为真”的概率。
    """
    if (p_data < 0).any() or (p_g < 0).any():
        raise ValueError("negative")
    return p_g / (p_data + p_g)


@wrong("optimal_discriminator")
def divides_zero_by_zero(p_data, p_g):
    """Where neither density is above 0 yours is 0/0, and near the greatest number the sum of the two is inf. What can
    both be divided by first, without changing the share?

    两个密度都是 0 的地方，你算的是 0/0；接近最大数时，二者之和是 inf。可以先把两者都除以什么，而不改变所占的份额？
    """
    if (p_data < 0).any() or (p_g < 0).any():
        raise ValueError("negative")
    return p_data / (p_data + p_g)


@wrong("optimal_discriminator")
def adds_a_small_number_to_the_denominator(p_data, p_g):
    """Against 0/0 you add 1e-8, which is large beside a density of 1e-30, and densities in many dimensions are that
    small.

    为了防止 0/0，你加了 1e-8；但与 1e-30 的密度相比它很大，而高维空间里的密度就是这么小。
    """
    if (p_data < 0).any() or (p_g < 0).any():
        raise ValueError("negative")
    return p_data / (p_data + p_g + 1e-8)


@wrong("optimal_discriminator")
def subtracts_logarithms(p_data, p_g):
    """The logit of D* is log p_data − log p_g, that is right. But where a density is 0 its logarithm is −inf: look at
    the gradient there, and at −inf − (−inf).

    D* 的 logit 是 log p_data − log p_g，这没错。但密度为 0 处对数是 −inf：看看那里的梯度，以及 −inf − (−inf)。
    """
    if (p_data < 0).any() or (p_g < 0).any():
        raise ValueError("negative")
    return torch.sigmoid(torch.log(p_data) - torch.log(p_g))


decides_instead_of_weighing = edited(
    "optimal_discriminator",
    {"real / (real + fake)": "1.0 * (real > fake)"},
    """Calling the likelier side right every time is the best *decision*; the best probability under a logarithm says
    how sure one can be.

    每次都判给更可能的一方，是最优的**决策**；在对数计分下，最优的概率要说明有几分把握。
    """,
)

accepts_negative_densities = edited(
    "optimal_discriminator",
    {"if (p_data < 0).any() or (p_g < 0).any():": "if (p_data < 0).any():"},
    """A negative density of the generator passes without a word, and D comes out above 1. Raise ValueError for either.

    生成器的密度为负时，你悄悄放行，D 就超过了 1。两者中任何一个为负，都应当抛出 ValueError。
    """,
)


@wrong("discriminator_loss")
def takes_the_logarithm_of_a_sigmoid(real_logits, fake_logits):
    """σ(−1000) is 0 and its logarithm −inf; σ(40) is 1 in float32, and log(1 − 1) is −inf, too. How does log σ(x) look
    if you simplify it on paper first?

    σ(−1000) 是 0，对数是 −inf；float32 里 σ(40) 是 1，log(1 − 1) 也是 −inf。先在纸上化简，log σ(x) 是什么样子？
    """
    if min(real_logits.numel(), fake_logits.numel()) == 0:
        raise ValueError("empty")
    return -torch.log(torch.sigmoid(real_logits)).mean() - torch.log(1 - torch.sigmoid(fake_logits)).mean()


swaps_real_and_generated = edited(
    "discriminator_loss",
    {"F.softplus(-real_logits)": "F.softplus(real_logits)", "F.softplus(fake_logits)": "F.softplus(-fake_logits)"},
    """Your loss falls when real examples get *low* logits. Whom does a large logit call real?

    真实样本的 logits 越**低**，你的损失越小。logit 大表示什么？
    """,
)


@wrong("discriminator_loss")
def averages_all_examples_together(real_logits, fake_logits):
    """Two real and forty generated examples count alike in yours, so the real ones hardly matter. (18.1) adds two
    means.

    两个真实样本和四十个生成样本，你让每个样本同等重要，真实样本就几乎不起作用了。(18.1) 是两个平均值之和。
    """
    if min(real_logits.numel(), fake_logits.numel()) == 0:
        raise ValueError("empty")
    return 2 * F.softplus(torch.cat([-real_logits.flatten(), fake_logits.flatten()])).mean()


halves_the_sum = edited(
    "discriminator_loss",
    {
        "F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()": (
            "(F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()) / 2"
        )
    },
    """Many programs halve the loss, which halves the gradient and nothing else. Here it is −V: a sum of two means.

    很多程序把损失减半，那只是让梯度减半。这里要的就是 −V：两个平均值之和。
    """,
)

returns_the_value_itself = edited(
    "discriminator_loss",
    {
        "F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()": (
            "-F.softplus(-real_logits).mean() - F.softplus(fake_logits).mean()"
        )
    },
    """This is V, which the discriminator wants to be large. An optimizer makes its loss small.

    这是 V，判别器希望它大。而优化器是让损失变小。
    """,
)


@wrong("discriminator_loss")
def clamps_the_logits(real_logits, fake_logits):
    """No overflow any more, but no gradient either beyond ±30: the examples that are worst judged teach nothing.

    不再上溢了，但超出 ±30 之后也没有梯度了：判得最离谱的样本反而什么也教不了。
    """
    if min(real_logits.numel(), fake_logits.numel()) == 0:
        raise ValueError("empty")
    real, fake = real_logits.clamp(-30, 30), fake_logits.clamp(-30, 30)
    return torch.log(1 + torch.exp(-real)).mean() + torch.log(1 + torch.exp(fake)).mean()


lets_an_empty_batch_be_nan = edited(
    "discriminator_loss",
    {"if min(real_logits.numel(), fake_logits.numel()) == 0:": "if real_logits.numel() == 0:"},
    """A mean over no generated examples is NaN, and one step later all weights are. Raise ValueError.

    对零个生成样本取平均得到 NaN，再走一步，所有权重都是 NaN。应当抛出 ValueError。
    """,
)


exchanges_the_two_forms = edited(
    "generator_loss",
    {"if saturating else": "if not saturating else"},
    """Which of the two forms has a gradient left where D is sure that an example is generated? That one is the default.

    判别器确信样本是生成的时，两种形式中哪一种还有梯度？那一种才是默认的。
    """,
)

ascends_the_printed_form = edited(
    "generator_loss",
    {"-F.softplus(fake_logits).mean()": "F.softplus(fake_logits).mean()"},
    """Minimising −log(1 − D) pushes D(G(z)) towards 0: the generator would learn to be found out. Which sign does
    (18.1) give it under min?

    最小化 −log(1 − D) 会把 D(G(z)) 推向 0：生成器会学着被识破。(18.1) 在 min 之下给它的是什么符号？
    """,
)

is_the_loss_of_the_discriminators_second_half = edited(
    "generator_loss",
    {"F.softplus(-fake_logits).mean()": "F.softplus(fake_logits).mean()"},
    """That is what the discriminator pays for generated examples. The generator wants the opposite label.

    那是判别器为生成样本付出的代价。生成器要的是相反的标签。
    """,
)


@wrong("generator_loss")
def takes_logarithms_of_probabilities(fake_logits, saturating=False):
    """At a logit of −1000, σ is 0 and its logarithm −inf; its gradient is NaN. Simplify the logarithm of the sigmoid on
    paper first.

    logit 为 −1000 时，σ 是 0，对数是 −inf，梯度是 NaN。先在纸上化简 sigmoid 的对数。
    """
    if fake_logits.numel() == 0:
        raise ValueError("empty")
    d = torch.sigmoid(fake_logits)
    return torch.log(1 - d).mean() if saturating else -torch.log(d).mean()


@wrong("generator_loss")
def is_always_the_form_that_works(fake_logits, saturating=False):
    """Where does your code look at `saturating`?

    你的代码在哪里用到了 `saturating`？
    """
    if fake_logits.numel() == 0:
        raise ValueError("empty")
    return F.softplus(-fake_logits).mean()


@wrong("generator_loss")
def takes_the_logarithm_of_a_mean(fake_logits, saturating=False):
    """The mean stands outside of the logarithm in (18.1): a single example that is found out must hurt, however well
    the others do.

    (18.1) 里平均值在对数之外：只要有一个样本被识破，就该付出代价，别的样本再好也不行。
    """
    if fake_logits.numel() == 0:
        raise ValueError("empty")
    if saturating:
        return torch.log(torch.sigmoid(-fake_logits).mean())
    return -torch.log(torch.sigmoid(fake_logits).mean())


leaves_the_positive_out_of_the_denominator = edited(
    "info_nce",
    {
        "-torch.log_softmax(torch.cat([positive, negative], -1) / temperature, -1)[..., 0].mean()": (
            "(torch.logsumexp(negative / temperature, -1) - positive[..., 0] / temperature).mean()"
        )
    },
    """Your loss becomes negative, and without negatives it is −inf. The sum in (18.2) begins at i = 0: which key is k₀?

    你的损失会变成负数，没有负样本时是 −inf。(18.2) 的求和从 i = 0 开始：k₀ 是哪个 key？
    """,
)


@wrong("info_nce")
def exponentiates_before_dividing(q, k_pos, k_neg, temperature):
    """exp(1000) is inf, and inf/inf NaN. (18.2) is a cross-entropy over K + 1 keys: which function of chapter 4 takes
    the logarithm of such a quotient safely?

    exp(1000) 是 inf，inf/inf 是 NaN。(18.2) 是 K + 1 个 key 上的交叉熵：第 4 章的哪个函数能安全地计算这种商的对数？
    """
    if temperature <= 0:
        raise ValueError(temperature)
    if q.shape != k_pos.shape or k_neg.shape[:-2] not in ((), q.shape[:-1]) or q.numel() == 0:
        raise ValueError("shapes")
    positive = torch.exp((q * k_pos).sum(-1) / temperature)
    negative = torch.exp((k_neg @ q[..., None])[..., 0] / temperature)
    return -torch.log(positive / (positive + negative.sum(-1))).mean()


multiplies_by_the_temperature = edited(
    "info_nce",
    {"/ temperature": "* temperature"},
    """A low temperature should make the scores differ more. Does yours?

    温度低应当让分数差得更大。你的是这样吗？
    """,
)

normalises_queries_and_keys = edited(
    "info_nce",
    {
        "positive = (q * k_pos)": "positive = (F.normalize(q, dim=-1) * F.normalize(k_pos, dim=-1))",
        "k_neg @ q[..., None]": "F.normalize(k_neg, dim=-1) @ F.normalize(q, dim=-1)[..., None]",
    },
    """(18.2) has dot products, not cosines: whoever wants cosines passes vectors of length 1.

    (18.2) 里是内积，不是余弦：想要余弦的人自己传入长度为 1 的向量。
    """,
)

adds_the_queries_up = edited(
    "info_nce",
    {"[..., 0].mean()": "[..., 0].sum()"},
    """Twice as many queries give twice the loss. The docstring asks for the mean.

    query 多一倍，你的损失就大一倍。题目要的是平均值。
    """,
)

averages_over_the_keys_too = edited(
    "info_nce",
    {"[..., 0].mean()": ".mean()"},
    """You average the log-probabilities of all keys, as if each were the right one. Which of the K + 1 is?

    你把所有 key 的对数概率都平均了，好像每个都是对的。K + 1 个里哪一个才是？
    """,
)

keeps_gradients_from_the_negatives = edited(
    "info_nce",
    {"k_neg @ q": "k_neg.detach() @ q"},
    """The value is right. MoCo's queue of old keys gets no gradient because the keys are detached before they are
    passed; the loss itself must not decide that.

    值是对的。MoCo 队列里的旧 key 没有梯度，是因为传进来之前就 detach 了；这不该由损失函数来决定。
    """,
)

lets_one_positive_serve_all_queries = edited(
    "info_nce",
    {"q.shape != k_pos.shape or ": ""},
    """A single positive is broadcast to every query without a word. Compare the shapes and raise ValueError.

    唯一的正样本被悄悄广播给了每个 query。先比较形状，不等就抛出 ValueError。
    """,
)

accepts_a_temperature_that_is_not_positive = edited(
    "info_nce",
    {"if temperature <= 0:": "if temperature == 0:"},
    """A negative temperature turns the ranking round: the least similar key wins. Raise ValueError.

    负的温度把次序颠倒了：最不相似的 key 反而获胜。应当抛出 ValueError。
    """,
)


takes_one_direction_only = edited(
    "clip_loss",
    {"(to_text + to_image) / 2": "to_text"},
    """Yours finds the text of every image, but not the image of every text: exchange the arguments, and the loss
    changes.

    你为每张图片找文字，却没有为每段文字找图片：交换两个参数，损失就变了。
    """,
)

adds_both_directions = edited(
    "clip_loss",
    {"(to_text + to_image) / 2": "to_text + to_image"},
    """Twice too large: L is the mean of the two directions.

    大了一倍：L 是两个方向的平均。
    """,
)

uses_plain_dot_products = edited(
    "clip_loss",
    {"F.normalize(image) @ F.normalize(text).mT": "image @ text.mT"},
    """Your loss depends on the lengths of the embeddings, so a model can lower it by making them longer. What is a
    cosine?

    你的损失取决于嵌入的长度，模型把嵌入拉长就能降低它。余弦是什么？
    """,
)

normalises_each_feature_over_the_batch = edited(
    "clip_loss",
    {"F.normalize(image) @ F.normalize(text)": "F.normalize(image, dim=0) @ F.normalize(text, dim=0)"},
    """You divide each feature by its length over the batch. Which dimension of (N, D) does one embedding lie along?

    你是把每个特征除以它在整批中的长度。(N, D) 里，一个嵌入沿哪个维度排列？
    """,
)

compares_with_all_pairs_at_once = edited(
    "clip_loss",
    {
        "torch.log_softmax(scores, dim).diagonal()": (
            "torch.log_softmax(scores.flatten(), 0).view(scores.shape).diagonal()"
        )
    },
    """Your softmax runs over all N² pairs. For one image the alternatives are the N texts: how many probabilities
    should sum to 1?

    你的 softmax 遍历了全部 N² 对。对一张图片来说，可选的是 N 段文字：应当是多少个概率之和为 1？
    """,
)


@wrong("clip_loss")
def exponentiates_cosines_over_the_temperature(image, text, temperature):
    """At τ = 0.01 a cosine of 1 becomes exp(100), which float32 does not have. Take the logarithm of (18.2) first.

    τ = 0.01 时，余弦 1 变成 exp(100)，float32 表示不了。先对 (18.2) 取对数。
    """
    if temperature <= 0:
        raise ValueError(temperature)
    if image.shape != text.shape or image.numel() == 0:
        raise ValueError("shapes")
    e = torch.exp(F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).mT / temperature)
    right = e.diagonal()
    return -(torch.log(right / e.sum(1)) + torch.log(right / e.sum(0))).mean() / 2


scales_with_the_temperature_itself = edited(
    "clip_loss",
    {".mT / temperature": ".mT * temperature"},
    """CLIP's program multiplies by `logit_scale`, which is 1/τ. What is asked for here is τ.

    CLIP 的程序乘的是 `logit_scale`，即 1/τ。这里给的是 τ。
    """,
)

matches_every_text_with_one_image = edited(
    "clip_loss",
    {"image.shape != text.shape or ": ""},
    """Three images and five texts have no pairs, but your code finds a diagonal all the same. Raise ValueError.

    三张图片与五段文字配不成对，你的代码却照样取出了对角线。应当抛出 ValueError。
    """,
)
