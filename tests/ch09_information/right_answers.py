"""Right answers to chapter 9 that look nothing like the reference; the tests must accept them."""

import torch

from autograder.cases import right


@right("entropy")
def with_the_impossible_events_removed(p):
    """The sum runs over the events that are possible, scattered back to their rows."""
    if bool((p < 0).any()):
        raise ValueError("negative")
    rows = p.reshape(-1, p.shape[-1])
    row, event = (rows > 0).nonzero(as_tuple=True)
    possible = rows[row, event]
    return torch.zeros_like(rows[:, 0]).index_add(0, row, -possible * possible.log()).reshape(p.shape[:-1])


@right("cross_entropy_of")
def as_an_inner_product_with_masked_logarithms(p, q):
    """einsum of P with the surprise, which is set to 0 where neither believes in the event."""
    if p.size(-1) != q.size(-1) or min(p.min() if p.numel() else 0, q.min() if q.numel() else 0) < 0:
        raise ValueError("not two distributions of the same events")
    p, q = torch.broadcast_tensors(p, q)
    nowhere = (p + q) == 0
    surprise = q.masked_fill(nowhere, 1).log().neg()
    # by hand, since a matrix product may not respect 0 · finite beside an inf
    return torch.stack([a * b for a, b in zip(p.unbind(-1), surprise.unbind(-1), strict=True)]).sum(0)


@right("nll_loss")
def by_looking_up_the_kept_rows(log_probs, target, weight=None, ignore_index=-100, reduction="mean"):
    """Classes moved last and everything flattened; only the rows that are kept are ever touched."""
    if reduction not in {"mean", "sum", "none"}:
        raise ValueError(reduction)
    rows = log_probs if log_probs.dim() == 1 else log_probs.movedim(1, -1)
    if rows.shape[:-1] != target.shape or (weight is not None and weight.numel() != rows.shape[-1]):
        raise ValueError("shapes")
    flat, labels = rows.reshape(-1, rows.shape[-1]), target.reshape(-1)
    (kept,) = (labels != ignore_index).nonzero(as_tuple=True)
    labels = labels[kept]
    if bool(((labels < 0) | (labels >= flat.shape[1])).any()):
        raise ValueError("no such class")
    importance = flat.new_ones(flat.shape[1]) if weight is None else weight
    losses = -flat[kept, labels] * importance[labels]
    if reduction == "none":
        return torch.zeros_like(flat[:, 0]).index_put((kept,), losses).reshape(target.shape)
    return losses.sum() if reduction == "sum" else losses.sum() / importance[labels].sum()


@right("cross_entropy")
def with_a_smoothed_target_for_each_class(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """The smoothed target distribution written out, with logsumexp; zeros of it are masked, not multiplied."""
    if reduction not in {"mean", "sum", "none"} or label_smoothing < 0 or label_smoothing > 1:
        raise ValueError("bad option")
    x = input if input.dim() == 1 else input.movedim(1, -1)
    if x.shape[:-1] != target.shape:
        raise ValueError("shapes")
    classes = x.shape[-1]
    kept = target.ne(ignore_index)
    labels = target.masked_fill(~kept, 0)
    if bool((labels < 0).any() or (labels >= classes).any()):
        raise ValueError("no such class")
    right_class = torch.arange(classes) == labels[..., None]
    weights = torch.ones_like(x[..., :1]) if weight is None else weight
    share = (1 - label_smoothing) * right_class.to(x.dtype) + label_smoothing / classes
    shifted = x - x.detach().amax(-1, keepdim=True)
    cost = torch.logsumexp(shifted, -1, keepdim=True) - shifted
    used = (share != 0) & kept[..., None]
    terms = torch.where(used, share * weights * torch.where(used, cost, 0), 0)
    losses = terms.sum(-1)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.sum() / torch.where(right_class & kept[..., None], weights, 0).sum()


@right("cross_entropy_backward")
def by_subtracting_at_the_right_classes(input, target):
    """exp of log-softmax, and the 1 subtracted by index_put at the right classes."""
    rows, classes = input.shape
    if target.shape != (rows,) or any(not 0 <= y < classes for y in target.tolist()):
        raise ValueError("target")
    p = torch.exp(torch.log_softmax(input, dim=1))
    minus = -torch.ones(rows, dtype=input.dtype)
    return p.index_put((torch.arange(rows), target), minus, accumulate=True) / rows


@right("kl_divergence")
def by_the_logarithm_of_the_ratio_where_p_is_positive(p, q):
    """log1p of the relative difference, event by event, skipping what P rules out."""
    if p.shape[-1] != q.shape[-1]:
        raise ValueError("events")
    if bool(torch.lt(p, 0).any()) or bool(torch.lt(q, 0).any()):
        raise ValueError("negative")
    p, q = torch.broadcast_tensors(p, q)
    possible = p > 0
    a, b = p.masked_fill(~possible, 1), q.masked_fill(~possible, 1)
    # for close distributions log1p of (q − p)/p, elsewhere the difference of logarithms
    close = (b - a).abs() < a / 2
    near = -torch.log1p(torch.where(close, (b - a) / a, 0))
    far = torch.log(a) - torch.log(torch.where(close, a, b))
    return (torch.where(possible, p, 0) * torch.where(close, near, far)).sum(-1)


@right("kl_div_loss")
def in_two_sums(input, target, reduction="batchmean", log_target=False):
    """The negative entropy of P less the cross term, each masked where P is 0."""
    if target.shape != input.shape:
        raise ValueError("shapes")
    divide = {
        "none": lambda losses: losses,
        "sum": torch.sum,
        "mean": torch.mean,
        "batchmean": lambda losses: losses.sum() / len(losses),
    }
    if reduction not in divide:
        raise ValueError(reduction)
    p = torch.exp(target) if log_target else target
    impossible = p.eq(0)
    log_p = target.masked_fill(impossible, 0) if log_target else p.masked_fill(impossible, 1).log()
    log_q = input.masked_fill(impossible, 0)
    return divide[reduction](torch.where(impossible, 0, p * log_p - p * log_q))


@right("binary_cross_entropy")
def with_each_element_in_one_of_three_cases(input, target):
    """The interior by the formula; at 0 and at 1 the cost is linear in the target."""
    if input.shape != target.shape or bool((input < 0).any()) or bool((input > 1).any()):
        raise ValueError("not probabilities of this shape")
    inside = (input > 0) & (input < 1)
    p = torch.where(inside, input, 0.5)
    # log(p) through log1p would lose a tiny p: only log(1 − p) is taken that way
    yes = torch.maximum(p.log(), p.new_tensor(-100.0))
    no = torch.maximum(torch.log1p(-p), p.new_tensor(-100.0))
    cost = -torch.lerp(no, yes, target)
    at_zero, at_one = 100 * target, 100 * (1 - target)
    return torch.where(inside, cost, torch.where(input == 0, at_zero, at_one)).mean()


@right("binary_cross_entropy_with_logits")
def by_the_larger_of_two_and_a_correction(input, target, pos_weight=None):
    """max(x, 0) − x·y + log(1 + e^−|x|), with |x| and max written so that their gradients at 0 add up to ½."""
    if input.shape != target.shape:
        raise ValueError("shapes")
    magnitude = torch.where(input < 0, -input, input)
    correction = torch.log1p(torch.exp(-magnitude))
    # at 0: max passes 1 and the correction −½
    loss_no = torch.where(input < 0, torch.zeros_like(input), input) + correction
    loss_yes = loss_no - input
    # where x is large, loss_no − x would cancel: max(−x, 0) keeps the digits
    loss_yes = torch.where(input < 1, loss_yes, correction)
    weight = 1 if pos_weight is None else pos_weight
    return torch.mean(weight * target * loss_yes + (1 - target) * loss_no)


@right("distillation_loss")
def as_a_cross_entropy_less_an_entropy_in_probabilities(student_logits, teacher_logits, temperature):
    """Row by row with logsumexp; classes that the teacher rules out are left out of the sum."""
    if student_logits.shape != teacher_logits.shape or not temperature > 0:
        raise ValueError("bad call")
    s, t = student_logits / temperature, teacher_logits / temperature
    log_p = t - t.logsumexp(-1, keepdim=True)
    log_q = s - s.logsumexp(-1, keepdim=True)
    p = log_p.exp()
    difference = torch.where(p > 0, torch.where(p > 0, log_p, 0) - torch.where(p > 0, log_q, 0), 0)
    per_row = torch.linalg.vecdot(p, difference)
    return per_row.mean() * temperature**2


@right("train_classifier")
def with_the_bias_as_one_more_column(x, y, num_classes, steps, lr):
    """One matrix for weights and bias; probabilities and one-hot targets written out."""
    if y.shape != (x.shape[0],):
        raise ValueError("labels")
    augmented = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    wanted = torch.nn.functional.one_hot(y, num_classes).to(x.dtype)
    theta = torch.zeros(augmented.shape[1], num_classes, dtype=x.dtype)
    for _ in range(steps):
        theta -= lr * augmented.T @ (torch.softmax(augmented @ theta, dim=1) - wanted) / len(x)
    return theta[:-1].T.clone(), theta[-1].clone()
