"""The visible checks of chapter 7: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Rules, case
from autograder.operations import vjp

# the norms of torch, their kernels and their modules; torch.linalg.vector_norm is none of them
NORMS = ("*batch_norm*", "*layer_norm*", "*instance_norm*", "*group_norm*", "*rms_norm*", "local_response_norm")
MODULES = ("*BatchNorm*", "*InstanceNorm*", "LayerNorm", "GroupNorm", "RMSNorm", "LocalResponseNorm")
AUTOGRAD = ("grad", "backward", "*_backward", "*_backward_data", "vjp", "jacobian", "jacrev", "value_and_grad")

RULES = {
    "batch_norm": Rules(forbids=(*NORMS, *MODULES), may_change=("running_mean", "running_var")),
    "BatchNorm2d": Rules(forbids=(*NORMS, *MODULES)),
    "layer_norm": Rules(forbids=(*NORMS, *MODULES)),
    "layer_norm_backward": Rules(forbids=(*NORMS, *MODULES, *AUTOGRAD)),
    "instance_norm": Rules(forbids=(*NORMS, *MODULES)),
    "group_norm": Rules(forbids=(*NORMS, *MODULES)),
}


def and_statistics(batch_norm, x, running_mean, running_var, weight, bias, training, options):
    """What a call returns, and the running statistics as it leaves them."""
    y = batch_norm(x, running_mean, running_var, weight, bias, training, **options)
    return y, running_mean, running_var


def with_statistics(batch_norm, x, running_mean, running_var, weight=None, bias=None, training=True, **options):
    """`and_statistics`, run beside the answer: a sandbox gets copies of tensors, and keeps what it does to them."""
    arguments = batch_norm, x, running_mean, running_var, weight, bias, training, options
    if not hasattr(batch_norm, "_session"):
        return and_statistics(*arguments)
    functions = batch_norm._operate("getattr", ("__class__",), {})
    return functions._operate("getattr", ("__call__",), {})(and_statistics, *arguments)


@case("batch_norm", agrees_with=F.batch_norm)
def every_channel_is_normalised_over_the_batch(batch_norm, draw):
    """每个通道在整个批次上归一化"""
    x = draw.normal(6, 3, loc=2.0, scale=3.0)
    return batch_norm(x, None, None, draw.normal(3), draw.normal(3), training=True)


@case("batch_norm", agrees_with=F.batch_norm)
def images_are_averaged_over_samples_and_positions(batch_norm, draw):
    """图像：对样本和位置一起求平均"""
    return batch_norm(draw.normal(2, 3, 4, 5, loc=1.0), None, None, None, None, training=True)


@case("batch_norm", agrees_with=F.batch_norm)
def the_running_statistics_move_towards_those_of_the_batch(batch_norm, draw):
    """滑动统计量向当前批次靠拢"""
    return with_statistics(batch_norm, draw.normal(4, 3, loc=1.0), draw.normal(3), draw.uniform(3, low=0.5, high=2))


@case("batch_norm", agrees_with=F.batch_norm)
def evaluation_uses_the_running_statistics(batch_norm, draw):
    """推理时使用滑动统计量"""
    statistics = draw.normal(3), draw.uniform(3, low=0.5, high=2)
    return batch_norm(draw.normal(5, 3), *statistics, draw.normal(3), draw.normal(3), training=False)


def batch_norm_state(draw, channels):
    """A state_dict of nn.BatchNorm2d with drawn numbers."""
    return {
        "weight": draw.normal(channels),
        "bias": draw.normal(channels),
        "running_mean": draw.normal(channels),
        "running_var": draw.uniform(channels, low=0.5, high=2),
        "num_batches_tracked": draw.integers(3, 100),
    }


def saved(module):
    """The state_dict as it is now: its tensors are the module's own and change with it."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def a_fresh_module_normalises_its_first_batch(module_class, draw):
    """新建的模块归一化第一个批次"""
    module = module_class(3).to(draw.dtype)
    return module(draw.normal(4, 3, 2, 2, loc=1.0, scale=2.0)), saved(module)


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def a_loaded_module_in_evaluation(module_class, draw):
    """装入权重后，在推理模式下运行"""
    module = module_class(3).to(draw.dtype)
    module.load_state_dict(batch_norm_state(draw, 3))
    module.eval()
    return module(draw.normal(2, 3, 3, 2))


@case("layer_norm", agrees_with=F.layer_norm)
def every_row_is_normalised(layer_norm, draw):
    """每一行各自归一化"""
    return layer_norm(draw.normal(3, 5, loc=2.0, scale=3.0), (5,))


@case("layer_norm", agrees_with=F.layer_norm)
def two_dimensions_with_weight_and_bias(layer_norm, draw):
    """两个维度，带 weight 与 bias"""
    return layer_norm(draw.normal(2, 3, 4), (3, 4), draw.normal(3, 4), draw.normal(3, 4))


@case("layer_norm", facet="gradient", agrees_with=F.layer_norm)
def the_gradient_flows_through_mean_and_variance(layer_norm, draw):
    """梯度也流过均值和方差"""
    return vjp(layer_norm, draw.normal(3, 5), cotangent=draw, normalized_shape=(5,))


def backward_by_autograd(grad_output, x, weight, eps=1e-5):
    """The three gradients by torch's own layer norm and autograd."""
    leaves = [x.detach().requires_grad_(), weight.detach().requires_grad_(), torch.zeros_like(weight).requires_grad_()]
    y = F.layer_norm(leaves[0], weight.shape, leaves[1], leaves[2], eps)
    return torch.autograd.grad(y, leaves, grad_output)


@case("layer_norm_backward", agrees_with=backward_by_autograd)
def three_gradients_of_a_batch_of_rows(backward, draw):
    """一批行向量的三个梯度"""
    return backward(draw.normal(4, 5), draw.normal(4, 5, scale=2.0), draw.normal(5))


@case("layer_norm_backward", agrees_with=backward_by_autograd)
def a_single_row_without_a_batch(backward, draw):
    """单独一行，没有批次维"""
    return backward(draw.normal(6), draw.normal(6), draw.normal(6))


def torch_instance_norm(x, eps=1e-5):
    """Equation 7.3 by torch, without running statistics."""
    return F.instance_norm(x, eps=eps)


@case("instance_norm", agrees_with=torch_instance_norm)
def every_channel_of_every_image_by_itself(instance_norm, draw):
    """每张图像的每个通道各自归一化"""
    return instance_norm(draw.normal(2, 3, 4, 5, loc=2.0, scale=3.0))


@case("instance_norm", agrees_with=torch_instance_norm)
def sequences_have_one_spatial_dimension(instance_norm, draw):
    """序列只有一个空间维"""
    return instance_norm(draw.normal(2, 3, 7))


@case("group_norm", agrees_with=F.group_norm)
def six_channels_in_two_groups(group_norm, draw):
    """六个通道分成两组"""
    return group_norm(draw.normal(2, 6, 3, 2, loc=1.0, scale=2.0), 2)


@case("group_norm", agrees_with=F.group_norm)
def weight_and_bias_belong_to_channels(group_norm, draw):
    """weight 与 bias 属于通道，而不是组"""
    return group_norm(draw.normal(3, 4, 5), 2, draw.normal(4), draw.normal(4))


def by_functional(x, weights, norm):
    """The same numbers from F.linear and the mean of squares."""
    sizes = []
    for weight in weights:
        x = norm(F.linear(x, weight)).clamp(min=0)
        sizes.append((x - x.mean()).square().mean().sqrt())
    return torch.stack(sizes) if sizes else x.new_zeros(0)


def unchanged(h):
    """No norm at all."""
    return h


def rows_to_unit_size(h):
    """A norm that needs no layer norm: every row divided by the root of its mean square."""
    return h / (h.square().mean(-1, keepdim=True) + 1e-3).sqrt()


@case("deep_activations", agrees_with=by_functional)
def three_layers_without_a_norm(deep_activations, draw):
    """三层，没有归一化"""
    return deep_activations(draw.normal(8, 5), [draw.normal(9, 5), draw.normal(8, 9), draw.normal(7, 8)], unchanged)


@case("deep_activations", agrees_with=by_functional)
def three_layers_with_a_norm(deep_activations, draw):
    """三层，带归一化"""
    weights = [draw.normal(9, 5), draw.normal(8, 9), draw.normal(7, 8)]
    return deep_activations(draw.normal(8, 5), weights, rows_to_unit_size)
