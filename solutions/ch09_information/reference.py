"""Reference answers of chapter 9, information theory and probabilistic losses."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def entropy(p: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """The average surprise of a distribution, in nats.

    H(P) = −Σ_x P(x) log P(x),  with 0 · log 0 = 0                                  (9.1 with Q = P)

    Args:
        p: probabilities over the last dimension. That they sum to 1 is taken on trust.

    Returns:
        the dtype of `p`, without the last dimension. A rare event, of probability 1e-30 say, keeps its digits. The
        gradient is finite everywhere, so that it can go back through a softmax whose output is exactly 0 somewhere.

    Raises:
        ValueError: a probability is negative.

    Source: Atlas 9.1; agrees with `scipy.stats.entropy`.
    """
    if (p < 0).any():
        raise ValueError("a probability is negative")
    surprise = -torch.log(p.clamp(min=torch.finfo(p.dtype).tiny))
    return (p * surprise).sum(-1)


def cross_entropy_of(p: Float[Tensor, "*#batch n"], q: Float[Tensor, "*#batch n"]) -> Float[Tensor, "*#batch"]:
    """The average surprise of someone who believes Q while events follow P, in nats.

    H(P, Q) = −Σ_x P(x) log Q(x) = H(P) + D_KL(P ‖ Q)                               (9.1, 9.2)

    Args:
        p: true probabilities over the last dimension.
        q: believed probabilities over the last dimension; the leading dimensions broadcast.

    Returns:
        the dtype of `p`, without the last dimension. An event with P(x) = 0 adds 0, also where Q(x) = 0; one with
        P(x) > 0 = Q(x) makes it inf. Where both are 0 the gradients are finite; where only P(x) is, the gradient by
        P(x) is still −log Q(x). That `p` and `q` sum to 1 is taken on trust.

    Raises:
        ValueError: the last dimensions differ, or a probability is negative.

    Source: Atlas 9.1 and 9.2.
    """
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p has {p.shape[-1]} events and q has {q.shape[-1]}")
    if (p < 0).any() or (q < 0).any():
        raise ValueError("a probability is negative")
    surprise = -torch.log(torch.where((p == 0) & (q == 0), 1, q))
    return (p * surprise).sum(-1)


def nll_loss(
    log_probs: Float[Tensor, "..."],
    target: Int[Tensor, "..."],
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Float[Tensor, "..."]:
    """The negative log-likelihood of the right classes.

    l_n = −w_{y_n} log p_{n, y_n}                                                   (9.3, with weights)
    mean: Σ_n l_n / Σ_n w_{y_n}      sum: Σ_n l_n      none: l

    Args:
        log_probs: log-probabilities, (classes,), (batch, classes) or (batch, classes, *positions).
        target: int64, the right class of each distribution: the shape of `log_probs` without `classes`.
        weight: w, one number for each class; 1 if None.
        ignore_index: a target of this value, which need not be a class, takes no part: it adds 0 to the sum and
            nothing to the denominator of the mean, whatever its log-probabilities are.
        reduction: "mean", "sum" or "none".

    Returns:
        the dtype of `log_probs`; a 0-d tensor, or for "none" the shape of `target`. A mean over nothing is NaN.

    Raises:
        ValueError: the shapes do not fit, a target is neither a class nor `ignore_index`, or `reduction` is unknown.

    Source: Atlas 9.3; agrees with `torch.nn.functional.nll_loss`.
    """
    class_dim = 1 if log_probs.dim() > 1 else 0
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    if target.shape != log_probs.shape[:class_dim] + log_probs.shape[class_dim + 1 :]:
        raise ValueError(f"target {tuple(target.shape)} does not fit log_probs {tuple(log_probs.shape)}")
    if weight is not None and weight.shape != log_probs.shape[class_dim : class_dim + 1]:
        raise ValueError(f"weight {tuple(weight.shape)} does not hold one number for each class")

    kept = target != ignore_index
    label = torch.where(kept, target, 0)  # ignore_index need not be a class
    picked = log_probs.gather(class_dim, label.unsqueeze(class_dim)).squeeze(class_dim)
    share = kept.to(log_probs.dtype) if weight is None else torch.where(kept, weight[label], 0)
    losses = torch.where(kept, -share * picked, 0)  # 0 · −inf would be NaN
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / share.sum()


def cross_entropy(
    input: Float[Tensor, "..."],
    target: Int[Tensor, "..."],
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Float[Tensor, "..."]:
    """The loss of a classifier: the negative log-likelihood of the right classes under softmax of the logits.

    l_n = −Σ_c w_c t_{nc} log softmax(x_n)_c                                        (9.3, with weights)
    t_{nc} = (1 − ε) · 1{c = y_n} + ε / C
    mean: Σ_n l_n / Σ_n w_{y_n}      sum: Σ_n l_n      none: l

    Args:
        input: x, logits of any magnitude: (classes,), (batch, classes) or (batch, classes, *positions); −inf marks
            an impossible class.
        target: y, int64, the right class of each row of logits: the shape of `input` without `classes`.
        weight: w, one number for each class; 1 if None. Inside the sum every class has its own weight; the mean
            divides by the weights of the right classes.
        ignore_index: a target of this value, which need not be a class, takes no part in sum or mean.
        reduction: "mean", "sum" or "none".
        label_smoothing: ε in [0, 1]. At 0 a class that is impossible but not the right one adds nothing.

    Returns:
        the dtype of `input`; a 0-d tensor, or for "none" the shape of `target`. A mean over nothing is NaN.

    Raises:
        ValueError: the shapes do not fit, a target is neither a class nor `ignore_index`, `reduction` is unknown, or
            `label_smoothing` is not in [0, 1].

    Source: Atlas 9.3; label smoothing from Szegedy et al. 2015, arXiv:1512.00567; agrees with
    `torch.nn.functional.cross_entropy`.
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], not {label_smoothing}")
    class_dim = 1 if input.dim() > 1 else 0
    log_probs = torch.log_softmax(input, class_dim)
    likelihood = nll_loss(log_probs, target, weight, ignore_index, reduction)
    if label_smoothing == 0:  # 0 · −inf would be NaN
        return likelihood

    weights = input.new_ones(input.shape[class_dim]) if weight is None else weight
    uniform = -(log_probs.movedim(class_dim, -1) * weights).mean(-1)
    uniform = torch.where(target == ignore_index, 0, uniform)
    if reduction != "none":
        uniform = uniform.sum()
    if reduction == "mean":
        uniform = uniform / nll_loss(torch.full_like(input, -1), target, weight, ignore_index, "sum")
    return (1 - label_smoothing) * likelihood + label_smoothing * uniform


def cross_entropy_backward(
    input: Float[Tensor, "batch classes"], target: Int[Tensor, " batch"]
) -> Float[Tensor, "batch classes"]:
    """The gradient of the mean cross-entropy with respect to the logits, in closed form.

    L = −(1/N) Σ_n log softmax(x_n)_{y_n},  returned: ∂L / ∂x                       (the derivative of 9.3)

    Args:
        input: x, logits of any magnitude.
        target: y, int64, the right classes.

    Returns:
        the shape and dtype of `input`, also for an empty batch, computed without autograd. The Jacobian of softmax
        is never formed: no intermediate tensor has more elements than `input`.

    Raises:
        ValueError: `target` is not of shape (batch,), or holds a number that is not a class.

    Source: Atlas 9.3; agrees with `torch.autograd` through `torch.nn.functional.cross_entropy`.
    """
    if target.shape != input.shape[:1]:
        raise ValueError(f"target {tuple(target.shape)} does not fit input {tuple(input.shape)}")
    one_hot = F.one_hot(target, input.shape[1])
    return (torch.softmax(input, 1) - one_hot) / input.shape[0]


def kl_divergence(p: Float[Tensor, "*#batch n"], q: Float[Tensor, "*#batch n"]) -> Float[Tensor, "*#batch"]:
    """What believing Q costs beyond the entropy of P: the relative entropy, in nats.

    D_KL(P ‖ Q) = Σ_x P(x) log(P(x) / Q(x))                                         (9.4)

    Args:
        p: true probabilities over the last dimension.
        q: believed probabilities over the last dimension; the leading dimensions broadcast.

    Returns:
        the dtype of `p`, without the last dimension; accurate also where the two are close and where Q(x) is tiny.
        An event with P(x) = 0 adds 0, also where Q(x) = 0; one with P(x) > 0 = Q(x) makes it inf. An event with
        P(x) = 0 gives Q(x) the gradient 0, also where Q(x) = 0. That `p` and `q` sum to 1 is taken on trust.

    Raises:
        ValueError: the last dimensions differ, or a probability is negative.

    Source: Atlas 9.4; agrees with `scipy.stats.entropy(p, q)`.
    """
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p has {p.shape[-1]} events and q has {q.shape[-1]}")
    if (p < 0).any() or (q < 0).any():
        raise ValueError("a probability is negative")
    log_p, log_q = torch.where(p == 0, 1, p).log(), torch.where(p == 0, 1, q).log()
    return (p * (log_p - log_q)).sum(-1)


def kl_div_loss(
    input: Float[Tensor, "*shape"],
    target: Float[Tensor, "*shape"],
    reduction: str = "batchmean",
    log_target: bool = False,
) -> Float[Tensor, "..."]:
    """The KL divergence as the libraries compute it: the model comes first, as logarithms.

    l = P · (log P − log Q),  with `input` = log Q and `target` = P                  (9.4, element by element)
    batchmean: Σ l / (size of the first dimension)      mean: Σ l / (number of elements)      sum: Σ l      none: l

    Args:
        input: log Q, log-probabilities of the model.
        target: P, probabilities; with `log_target`, log P.
        reduction: "batchmean", "mean", "sum" or "none". Only "batchmean" and "sum" are the divergence of (9.4).
        log_target: whether `target` holds logarithms.

    Returns:
        the dtype of `input`; a 0-d tensor, or for "none" the shape of `input`. Where P is 0, that is log P = −inf,
        the element is 0 and its gradient by `input` is 0, also where log Q = −inf. With `log_target` the logarithms
        are used as given: where P underflows, or is so close to 1 that log P is tiny, no digit is lost.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.

    Source: Atlas 9.4; agrees with `torch.nn.functional.kl_div`, whose default reduction is "mean".
    """
    if input.shape != target.shape:
        raise ValueError(f"input {tuple(input.shape)} and target {tuple(target.shape)} differ in shape")
    if reduction not in ("batchmean", "mean", "sum", "none"):
        raise ValueError(f"reduction must be 'batchmean', 'mean', 'sum' or 'none', not {reduction!r}")
    p = target.exp() if log_target else target
    # 0 · log(0 / q) is 0, and must not become 0 · inf
    log_p = torch.where(p == 0, 0, target) if log_target else torch.where(p == 0, 1, p).log()
    losses = p * (log_p - torch.where(p == 0, 0, input))
    if reduction == "none":
        return losses
    count = {"batchmean": input.shape[0], "mean": input.numel(), "sum": 1}[reduction]
    return losses.sum() / count


def binary_cross_entropy(input: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """The cross-entropy of independent yes-or-no answers, from their probabilities.

    L = −(1/N) Σ_i [y_i log p_i + (1 − y_i) log(1 − p_i)],  each logarithm at least −100      (9.5)

    Args:
        input: p, probabilities of yes.
        target: y, in [0, 1], of the same shape.

    Returns:
        a 0-d tensor of the dtype of `input`: the mean over all N elements. It is finite for p = 0 and p = 1 because
        of the bound on the logarithms, and so is the gradient; in between the gradient is that of the formula, also for
        a p of 1e-20. A small p with y = 0 keeps its digits.

    Raises:
        ValueError: the shapes differ, or a probability is outside [0, 1].

    Source: Atlas 9.5; agrees with `torch.nn.functional.binary_cross_entropy`.
    """
    if input.shape != target.shape:
        raise ValueError(f"input {tuple(input.shape)} and target {tuple(target.shape)} differ in shape")
    if ((input < 0) | (input > 1)).any():
        raise ValueError("a probability is outside [0, 1]")
    # log 0 is set apart: clamp alone would leave 0 · inf in the gradient
    log_yes = torch.where(input == 0, -100, torch.log(torch.where(input == 0, 1, input)).clamp(min=-100))
    log_no = torch.where(input == 1, -100, torch.log1p(-torch.where(input == 1, 0, input)))
    return -(target * log_yes + (1 - target) * log_no).mean()


def binary_cross_entropy_with_logits(
    input: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"], pos_weight: Float[Tensor, "..."] | None = None
) -> Float[Tensor, ""]:
    """The cross-entropy of independent yes-or-no answers, from their logits.

    L = −(1/N) Σ_i [w y_i log σ(x_i) + (1 − y_i) log(1 − σ(x_i))]                   (9.5 at p = σ(x))

    Args:
        input: x, logits of any magnitude.
        target: y, in [0, 1], of the same shape.
        pos_weight: w, how much the positive answers count, broadcast against `input`, such as one number for each
            entry of the last dimension; 1 if None.

    Returns:
        a 0-d tensor of the dtype of `input`: the mean over all N elements. Nothing is clamped: a logit of 1000 with
        y = 0 costs 1000, and its gradient is that of the formula. At x = 0 the gradient is (½ − y)/N without weights.

    Raises:
        ValueError: the shapes of `input` and `target` differ.

    Source: Atlas 9.5; agrees with `torch.nn.functional.binary_cross_entropy_with_logits`.
    """
    if input.shape != target.shape:
        raise ValueError(f"input {tuple(input.shape)} and target {tuple(target.shape)} differ in shape")
    zero = torch.zeros_like(input)
    yes = target * torch.logaddexp(zero, -input)  # log(1 + e^−x) is −log σ(x)
    no = (1 - target) * torch.logaddexp(zero, input)
    return (yes + no).mean() if pos_weight is None else (pos_weight * yes + no).mean()


def distillation_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    temperature: float,
) -> Float[Tensor, ""]:
    """How far a student's softened answers are from its teacher's.

    L = T² · (1/N) Σ_n D_KL(softmax(t_n / T) ‖ softmax(s_n / T))                    (9.4 at temperature T)

    Args:
        student_logits: s, of any magnitude.
        teacher_logits: t, of any magnitude; a class that both rule out with −inf adds nothing.
        temperature: T > 0; the larger, the more the small probabilities count.

    Returns:
        a 0-d tensor of the dtype of `student_logits`: the mean over the batch. The factor T² keeps its gradient by s
        from fading as T grows.

    Raises:
        ValueError: the shapes differ, or `temperature` is not positive.

    Source: Hinton, Vinyals & Dean 2015, arXiv:1503.02531; agrees with T² times `torch.nn.functional.kl_div`.
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    student = torch.log_softmax(student_logits / temperature, 1)
    teacher = torch.log_softmax(teacher_logits / temperature, 1)
    return temperature**2 * kl_div_loss(student, teacher, log_target=True)


def train_classifier(
    x: Float[Tensor, "batch features"], y: Int[Tensor, " batch"], num_classes: int, steps: int, lr: float
) -> tuple[Float[Tensor, "num_classes features"], Float[Tensor, " num_classes"]]:
    """Softmax regression by gradient descent on the mean cross-entropy of the whole batch.

    z = x Wᵀ + b,   W ← W − η ∂L/∂W,   b ← b − η ∂L/∂b,   L the mean of (9.3) at the logits z

    Args:
        x: features, one row an example.
        y: int64, the right classes, from 0 to num_classes − 1.
        num_classes: C.
        steps: how many updates, each from the gradient at the weights before it.
        lr: η, the learning rate.

    Returns:
        W and b after the last step, of the dtype of `x`. They start from zeros. No autograd: the gradient by the
        logits is the closed form of `cross_entropy_backward`.

    Raises:
        ValueError: `y` is not of shape (batch,), or holds a number that is not a class.

    Source: Atlas 9.3; agrees with `torch.autograd` and `torch.optim.SGD` on the same loop.
    """
    weight, bias = x.new_zeros(num_classes, x.shape[1]), x.new_zeros(num_classes)
    for _ in range(steps):
        grad_logits = cross_entropy_backward(x @ weight.mT + bias, y)
        weight = weight - lr * grad_logits.mT @ x
        bias = bias - lr * grad_logits.sum(0)
    return weight, bias
