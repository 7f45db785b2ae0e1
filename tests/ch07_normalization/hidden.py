"""The hidden cases of chapter 7."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import case
from autograder.operations import parameter_gradients, vjp

# bfloat16 keeps 8 significant bits, and an answer may round after each of its handful of operations, on numbers up to 9
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 1e-1}

# float32 numbers near 1000 lie 6e-5 apart: so much may the mean be off, and with it every result; an answer that
# subtracts E[x]² from E[x²] is off by a tenth and more, and by 1e-9 in float64
FAR_FROM_ZERO = {"rtol": 1e-3, "atol": 1e-3, "dtypes": (torch.float32,)}

# rounding grows from layer to layer, by a part in 1e7 each time in float32
THROUGH_LAYERS = {"rtol": 1e-4, "atol": 1e-5}


def and_statistics(batch_norm, x, running_mean, running_var, weight, bias, training, options):
    """What a call returns, the running statistics as it leaves them, and whether they hold on to the graph."""
    y = batch_norm(x, running_mean, running_var, weight, bias, training, **options)
    return y, running_mean, running_var, running_mean.requires_grad, running_var.requires_grad


def and_statistics_of_two(batch_norm, first, second, running_mean, running_var, weight, bias):
    """Two batches that need a gradient, one after the other on the same statistics, then evaluation on the first."""
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    outputs = [
        batch_norm(x, running_mean, running_var, weight, bias, training)
        for x, training in ((first, True), (second, True), (first, False))
    ]
    held = running_mean.requires_grad, running_var.requires_grad
    return [y.detach() for y in outputs], running_mean.detach(), running_var.detach(), held


def beside(batch_norm, function, *arguments):
    """function(batch_norm, *arguments), run where the answer lives.

    To a sandbox tensors travel as copies, and what a call does to them is not seen here. So the function goes there
    too, and `type(batch_norm).__call__` calls it.
    """
    if not hasattr(batch_norm, "_session"):
        return function(batch_norm, *arguments)
    functions = batch_norm._operate("getattr", ("__class__",), {})
    return functions._operate("getattr", ("__call__",), {})(function, batch_norm, *arguments)


def statistics_of(draw, channels):
    """A running mean and a running variance."""
    return draw.normal(channels), draw.uniform(channels, low=0.5, high=2)


@case("batch_norm", agrees_with=F.batch_norm)
def no_one_or_two_spatial_dimensions(batch_norm, draw):
    """没有、一个、两个、三个空间维"""
    found = []
    for shape in ((7, 5), (3, 5, 7), (2, 5, 3, 1), (2, 5, 2, 3, 2)):
        x, weight, bias = draw.normal(*shape, loc=1.0, scale=2.0), draw.normal(5), draw.normal(5)
        found += [batch_norm(x, None, None, weight, bias, True)]
        found += [batch_norm(x, *statistics_of(draw, 5), weight, bias, False)]
    return found


@case("batch_norm", agrees_with=F.batch_norm)
def weight_without_bias_and_bias_without_weight(batch_norm, draw):
    """只有 weight，只有 bias"""
    x = draw.normal(4, 3, 2)
    return batch_norm(x, None, None, draw.normal(3), None, True), batch_norm(x, None, None, None, draw.normal(3), True)


@case("batch_norm", agrees_with=F.batch_norm, weight=2)
def two_values_a_channel_tell_the_two_variances_apart(batch_norm, draw):
    """每个通道只有两个值：有偏与无偏方差相差一倍"""
    x = draw.uniform(2, 3, low=1, high=3) * torch.tensor([[1], [-1]])
    return beside(batch_norm, and_statistics, x, *statistics_of(draw, 3), None, None, True, {})


@case("batch_norm", agrees_with=F.batch_norm, weight=2)
def the_running_average_of_images_counts_positions_too(batch_norm, draw):
    """图像的滑动统计量也把位置算进去"""
    x, momentum = draw.normal(2, 4, 3, 1, loc=1.0, scale=2.0), draw.number(0.2, 0.8)
    return beside(
        batch_norm, and_statistics, x, *statistics_of(draw, 4), draw.normal(4), None, True, {"momentum": momentum}
    )


@case("batch_norm", agrees_with=F.batch_norm)
def a_momentum_of_one_forgets_and_of_zero_keeps(batch_norm, draw):
    """momentum 为 1 时全忘，为 0 时全留"""
    return [
        beside(
            batch_norm, and_statistics, draw.normal(5, 3), *statistics_of(draw, 3), None, None, True, {"momentum": m}
        )
        for m in (1.0, 0.0)
    ]


@case("batch_norm", agrees_with=F.batch_norm, weight=2)
def evaluation_leaves_the_statistics_as_they_are(batch_norm, draw):
    """推理不改变滑动统计量"""
    x = draw.normal(4, 3, 2, loc=1.0)
    return beside(batch_norm, and_statistics, x, *statistics_of(draw, 3), draw.normal(3), draw.normal(3), False, {})


@case("batch_norm", agrees_with=F.batch_norm)
def two_batches_then_evaluation(batch_norm, draw):
    """先训练两个批次，再推理；滑动统计量不带计算图"""
    batches = draw.normal(5, 3, loc=1.0), draw.normal(4, 3, loc=-1.0, scale=2.0)
    return beside(batch_norm, and_statistics_of_two, *batches, *statistics_of(draw, 3), draw.normal(3), draw.normal(3))


@case("batch_norm", agrees_with=F.batch_norm)
def one_sample_no_sample_and_one_channel(batch_norm, draw):
    """推理时只有一个样本、没有样本；只有一个通道"""
    return [batch_norm(draw.normal(4, 1, 2), None, None, draw.normal(1), draw.normal(1), True)] + [
        batch_norm(draw.normal(n, c), *statistics_of(draw, c), draw.normal(c), draw.normal(c), False)
        for n, c in ((1, 3), (0, 3), (4, 1))
    ]


@case("batch_norm", agrees_with=F.batch_norm)
def epsilon_stands_under_the_root(batch_norm, draw):
    """ε 在根号之内"""
    x, mean, var = draw.normal(6, 3, scale=1e-3), draw.normal(3), draw.uniform(3, low=1e-6, high=1e-4)
    return [
        batch_norm(x, None, None, None, None, True),
        batch_norm(x, None, None, None, None, True, eps=0.5),
        batch_norm(x, mean, var, None, None, False),
        batch_norm(x, mean, var, None, None, False, eps=0.5),
    ]


@case("batch_norm", facet="numerics", agrees_with=F.batch_norm, **FAR_FROM_ZERO)
def batches_far_from_zero(batch_norm, draw):
    """离 0 很远的批次"""
    return batch_norm(draw.normal(20, 3, loc=1000.0), None, None, None, None, True)


@case("batch_norm", facet="numerics", agrees_with=F.batch_norm)
def large_numbers_and_a_constant_channel(batch_norm, draw):
    """很大的数，以及恒定不变的通道"""
    x = draw.normal(8, 4)
    x[:, 1] = 2.0
    x[:, 2] *= 1e10
    return batch_norm(x, None, None, None, None, True)


@case("batch_norm", facet="gradient", agrees_with=F.batch_norm, weight=2)
def gradients_through_the_statistics_of_the_batch(batch_norm, draw):
    """梯度流过批次的统计量"""
    found = []
    for shape in ((5, 3), (2, 3, 4, 2)):
        found += vjp(
            batch_norm,
            draw.normal(*shape),
            None,
            None,
            draw.normal(3),
            draw.normal(3),
            cotangent=draw,
            training=True,
        )
    return found


@case("batch_norm", facet="gradient", agrees_with=F.batch_norm)
def gradients_while_the_statistics_are_updated(batch_norm, draw):
    """在更新滑动统计量的同时求梯度"""
    mean, var = statistics_of(draw, 3)
    options = {"running_mean": mean, "running_var": var, "weight": draw.normal(3), "bias": None, "training": True}
    return vjp(batch_norm, draw.normal(5, 3, scale=2.0), cotangent=draw, **options)


@case("batch_norm", facet="gradient", agrees_with=F.batch_norm)
def gradients_in_evaluation(batch_norm, draw):
    """推理模式下的梯度"""
    mean, var = statistics_of(draw, 3)
    options = {"running_mean": mean, "running_var": var, "weight": draw.normal(3), "bias": None, "training": False}
    return vjp(batch_norm, draw.normal(5, 3, 2), cotangent=draw, **options)


@case("batch_norm", facet="gradient", agrees_with=F.batch_norm)
def gradients_of_a_constant_channel(batch_norm, draw):
    """恒定通道的梯度"""
    x = draw.normal(5, 3)
    x[:, 1] = 2.0
    return vjp(batch_norm, x, None, None, None, None, cotangent=draw, training=True)


@case("batch_norm", agrees_with=F.batch_norm, **ROUNDED)
def batches_in_bfloat16(batch_norm, draw):
    """bfloat16 的批次"""
    x, weight, bias = draw.normal(9, 3, 2), draw.normal(3), draw.normal(3)
    return batch_norm(x, None, None, weight, bias, True), batch_norm(x, *statistics_of(draw, 3), weight, bias, False)


@case("batch_norm", facet="interface", agrees_with=F.batch_norm)
def batches_that_are_not_contiguous(batch_norm, draw):
    """不连续的批次"""
    mean, var = statistics_of(draw, 3)
    return [
        batch_norm(draw.strided(draw.normal(5, 3)), None, None, draw.strided(draw.normal(3)), None, True),
        batch_norm(draw.normal(3, 5).mT, mean, var, None, draw.strided(draw.normal(3)), False),
        batch_norm(draw.normal(2, 4, 5, 3).movedim(-1, 1), None, None, None, None, True),
    ]


@case("batch_norm", facet="interface", raises=ValueError)
def a_single_value_a_channel_has_no_variance(batch_norm, draw):
    """每个通道只有一个值，没有方差可言"""
    return batch_norm(draw.normal(1, 3), None, None, None, None, True)


@case("batch_norm", facet="interface", raises=ValueError)
def evaluation_without_statistics_is_refused(batch_norm, draw):
    """推理时没有滑动统计量是错误"""
    return batch_norm(draw.normal(4, 3), None, None, None, None, False)


@case("batch_norm", facet="interface", raises=ValueError)
def one_weight_for_three_channels_is_refused(batch_norm, draw):
    """三个通道只给一个 weight 是错误"""
    return batch_norm(draw.normal(4, 3), None, None, draw.normal(1), None, True)


@case("batch_norm", facet="interface", raises=ValueError)
def one_bias_for_three_channels_is_refused(batch_norm, draw):
    """三个通道只给一个 bias 是错误"""
    return batch_norm(draw.normal(4, 3), None, None, None, draw.normal(1), True)


@case("batch_norm", facet="interface", raises=ValueError)
def one_running_mean_for_three_channels_is_refused(batch_norm, draw):
    """三个通道只给一个滑动均值是错误"""
    return batch_norm(draw.normal(4, 3), draw.normal(1), draw.uniform(3, low=0.5), None, None, False)


@case("batch_norm", facet="interface", raises=ValueError)
def one_running_variance_for_three_channels_is_refused(batch_norm, draw):
    """三个通道只给一个滑动方差是错误"""
    return batch_norm(draw.normal(4, 3), draw.normal(3), draw.uniform(1, low=0.5), None, None, False)


def batch_norm_state(draw, channels):
    """A state_dict of nn.BatchNorm2d with drawn numbers."""
    return {
        "weight": draw.normal(channels),
        "bias": draw.normal(channels),
        "running_mean": draw.normal(channels),
        "running_var": draw.uniform(channels, low=0.5, high=2),
        "num_batches_tracked": draw.integers(3, 100),
    }


def loaded(module_class, draw, channels, **options):
    """A module that holds a torch module's state_dict of drawn numbers."""
    module = module_class(channels, **options).to(draw.dtype)
    module.load_state_dict(batch_norm_state(draw, channels))
    return module


def saved(module):
    """The state_dict as it is now: its tensors are the module's own and change with it."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def a_loaded_module_that_trains_on(module_class, draw):
    """装入权重后继续训练"""
    module = loaded(module_class, draw, 5)
    return module(draw.normal(2, 5, 3, 1, loc=1.0, scale=2.0)), saved(module)


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d, weight=2)
def three_batches_then_evaluation_then_training_again(module_class, draw):
    """训练三个批次，再推理，再训练"""
    module = module_class(3).to(draw.dtype)
    found = [module(draw.normal(2, 3, 2, 2, loc=float(k))) for k in range(3)]
    module.eval()
    found += [module(draw.normal(1, 3, 2, 1)), saved(module)]
    module.train()
    return [*found, module(draw.normal(3, 3, 1, 2)), saved(module)]


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def evaluation_counts_no_batch_and_changes_nothing(module_class, draw):
    """推理不计数，什么也不改变"""
    module = loaded(module_class, draw, 3)
    module.eval()
    return module(draw.normal(3, 3, 2, 2)), module(draw.normal(0, 3, 2, 2)), saved(module)


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d, weight=2)
def without_a_momentum_every_batch_counts_the_same(module_class, draw):
    """momentum 为 None：各批次一视同仁"""
    module = module_class(3, momentum=None).to(draw.dtype)
    found = []
    for k in range(3):
        found += [module(draw.normal(2, 3, 2, 2, loc=float(k))), saved(module)]
    module.eval()
    return [*found, module(draw.normal(2, 3, 2, 2))]


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def a_loaded_count_goes_on_in_the_plain_average(module_class, draw):
    """momentum 为 None 时，从装入的计数接着数"""
    module = loaded(module_class, draw, 2, momentum=None)
    return module(draw.normal(2, 2, 3, 2)), saved(module)


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def epsilon_and_momentum_of_ones_own(module_class, draw):
    """自定的 eps 与 momentum，包括 momentum 为 0"""
    found = []
    for module in (module_class(3, 0.3, 0.7), module_class(3, eps=0.2, momentum=0.0)):
        module = module.to(draw.dtype)
        found += [module(draw.normal(2, 3, 2, 2, loc=1.0)), saved(module)]
    return found


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def a_module_without_weight_and_bias(module_class, draw):
    """没有 weight 与 bias 的模块"""
    module = module_class(1, affine=False).to(draw.dtype)
    y = module(draw.normal(2, 1, 2, 2))
    return y, saved(module)


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def two_modules_keep_statistics_of_their_own(module_class, draw):
    """两个模块各有各的统计量"""
    first, second = module_class(2).to(draw.dtype), module_class(2).to(draw.dtype)
    found = [first(draw.normal(3, 2, 2, 2, loc=2.0)), second(draw.normal(3, 2, 2, 2, loc=-2.0))]
    return [*found, saved(first), saved(second)]


@case("BatchNorm2d", agrees_with=nn.BatchNorm2d)
def the_output_follows_the_weights_that_an_optimizer_changed(module_class, draw):
    """权重改变之后，输出随之改变"""
    module, x = loaded(module_class, draw, 3), draw.normal(2, 3, 2, 2)
    before = module(x)
    module.load_state_dict(batch_norm_state(draw, 3))
    return before, module(x)


@case("BatchNorm2d", facet="gradient", agrees_with=nn.BatchNorm2d)
def gradients_of_weight_and_bias_alone(module_class, draw):
    """有梯度的参数只有 weight 与 bias"""
    module = loaded(module_class, draw, 3)
    found = parameter_gradients(module, draw.normal(2, 3, 2, 3), cotangent=draw)
    module.eval()
    return found, parameter_gradients(module, draw.normal(2, 3, 2, 3), cotangent=draw)


@case("BatchNorm2d", facet="gradient", agrees_with=nn.BatchNorm2d)
def gradients_reach_the_images(module_class, draw):
    """梯度传到图像，训练与推理两种模式"""
    module = loaded(module_class, draw, 3)
    found = vjp(module, draw.normal(2, 3, 2, 3), cotangent=draw)
    module.eval()
    return found, vjp(module, draw.normal(2, 3, 2, 3), cotangent=draw)


@case("BatchNorm2d", facet="interface", agrees_with=nn.BatchNorm2d)
def the_state_dict_is_that_of_torch(module_class, draw):
    """state_dict 的名字、形状、dtype 与初值和 torch 相同"""
    return dict(module_class(4).state_dict())


@case("BatchNorm2d", facet="interface", agrees_with=nn.BatchNorm2d)
def what_was_loaded_is_what_is_saved(module_class, draw):
    """装入什么就存出什么"""
    return dict(loaded(module_class, draw, 3).state_dict())


@case("BatchNorm2d", facet="interface", agrees_with=nn.BatchNorm2d)
def the_statistics_follow_the_module_to_another_dtype(module_class, draw):
    """统计量随模块转换 dtype，计数仍是整数"""
    return dict(module_class(3).to(torch.float64).state_dict()), dict(module_class(3).to(torch.bfloat16).state_dict())


@case("BatchNorm2d", facet="interface", agrees_with=nn.BatchNorm2d)
def images_that_are_not_contiguous(module_class, draw):
    """不连续的图像"""
    return loaded(module_class, draw, 3)(draw.normal(2, 4, 5, 3).movedim(-1, 1))


@case("BatchNorm2d", facet="interface", raises=ValueError)
def a_module_of_no_channels_is_refused(module_class, draw):
    """没有通道的模块是错误"""
    return dict(module_class(0).state_dict())


@case("BatchNorm2d", facet="interface", raises=ValueError)
def rows_are_no_images(module_class, draw):
    """向量不是图像"""
    return module_class(3).to(draw.dtype)(draw.normal(4, 3))


@case("BatchNorm2d", facet="interface", raises=ValueError)
def one_pixel_of_one_image_is_refused_while_training(module_class, draw):
    """训练时一张图像只有一个像素是错误"""
    return module_class(3).to(draw.dtype)(draw.normal(1, 3, 1, 1))


@case("BatchNorm2d", facet="interface", raises=ValueError)
def images_of_another_number_of_channels_are_refused(module_class, draw):
    """通道数不符是错误"""
    return module_class(1).to(draw.dtype)(draw.normal(2, 3, 2, 2))


@case("layer_norm", agrees_with=F.layer_norm)
def one_two_and_three_dimensions(layer_norm, draw):
    """一个、两个、三个维度"""
    x = draw.normal(3, 2, 5, 4, loc=2.0, scale=3.0)
    return [layer_norm(x, shape) for shape in ((4,), (5, 4), (2, 5, 4), (3, 2, 5, 4))]


@case("layer_norm", agrees_with=F.layer_norm)
def weight_and_bias_of_every_shape(layer_norm, draw):
    """各种形状的 weight 与 bias"""
    x = draw.normal(3, 2, 5)
    return [
        layer_norm(x, (5,), draw.normal(5), draw.normal(5)),
        layer_norm(x, (2, 5), weight=draw.normal(2, 5)),
        layer_norm(x, (2, 5), bias=draw.normal(2, 5)),
        layer_norm(x, [3, 2, 5], draw.normal(3, 2, 5), None),
    ]


@case("layer_norm", agrees_with=F.layer_norm, weight=2)
def the_root_covers_epsilon(layer_norm, draw):
    """ε 在根号之内"""
    x = draw.normal(3, 6, scale=1e-3)
    return [layer_norm(x, (6,)), layer_norm(x, (6,), eps=0.5), layer_norm(x, (6,), None, None, 1e-12)]


@case("layer_norm", agrees_with=F.layer_norm, weight=2)
def two_features_tell_the_two_variances_apart(layer_norm, draw):
    """只有两个特征：有偏与无偏方差相差一倍"""
    return layer_norm(draw.normal(4, 2), (2,), eps=0.1)


@case("layer_norm", agrees_with=F.layer_norm)
def a_sample_does_not_depend_on_its_neighbours(layer_norm, draw):
    """样本的结果与同批的其他样本无关"""
    x = draw.normal(3, 5)
    return layer_norm(x, (5,)), layer_norm(x[1], (5,)), layer_norm(x[:1], (5,))


@case("layer_norm", facet="numerics", agrees_with=F.layer_norm, **FAR_FROM_ZERO)
def rows_far_from_zero(layer_norm, draw):
    """离 0 很远的行"""
    return layer_norm(draw.normal(4, 16, loc=1000.0), (16,))


@case("layer_norm", facet="numerics", agrees_with=F.layer_norm)
def rows_of_very_different_sizes(layer_norm, draw):
    """各行的大小相差很远，其中一行恒定"""
    x = draw.normal(5, 8) * torch.tensor([[1e-10], [1e-3], [1], [1e5], [1e15]], dtype=draw.dtype)
    x[2] = 1.5
    return layer_norm(x, (8,))


@case("layer_norm", facet="gradient", agrees_with=F.layer_norm)
def gradients_of_input_weight_and_bias(layer_norm, draw):
    """输入、weight、bias 的梯度"""
    shape = (2, 4)
    inputs = draw.normal(3, 2, 4, scale=2.0), shape, draw.normal(*shape), draw.normal(*shape)
    return vjp(layer_norm, *inputs, cotangent=draw)


@case("layer_norm", facet="gradient", agrees_with=F.layer_norm)
def gradients_of_a_constant_row(layer_norm, draw):
    """恒定的一行的梯度"""
    x = draw.normal(3, 5)
    x[1] = 2.0
    return vjp(layer_norm, x, cotangent=draw, normalized_shape=(5,))


@case("layer_norm", agrees_with=F.layer_norm, **ROUNDED)
def rows_in_bfloat16(layer_norm, draw):
    """bfloat16 的行"""
    return layer_norm(draw.normal(4, 16), (16,), draw.normal(16), draw.normal(16))


@case("layer_norm", facet="interface", agrees_with=F.layer_norm)
def a_single_row_a_single_feature_and_no_rows(layer_norm, draw):
    """单独一行、单个特征、零行"""
    return [
        layer_norm(draw.normal(5), (5,)),
        layer_norm(draw.normal(3, 1), (1,), draw.normal(1), draw.normal(1)),
        layer_norm(draw.normal(0, 5), (5,), draw.normal(5), draw.normal(5)),
        layer_norm(draw.normal(2, 1, 4), (1, 4)),
    ]


@case("layer_norm", facet="interface", agrees_with=F.layer_norm)
def rows_that_are_not_contiguous(layer_norm, draw):
    """不连续的输入"""
    weight = draw.strided(draw.normal(5))
    return layer_norm(draw.strided(draw.normal(3, 5)), (5,), weight), layer_norm(draw.normal(5, 3).mT, torch.Size([5]))


@case("layer_norm", facet="interface", raises=ValueError)
def a_shape_that_the_input_does_not_end_in(layer_norm, draw):
    """输入的末尾不是 normalized_shape"""
    return layer_norm(draw.normal(5, 3), (5,))


@case("layer_norm", facet="interface", raises=ValueError)
def an_empty_shape_is_refused(layer_norm, draw):
    """空的 normalized_shape 是错误"""
    return layer_norm(draw.normal(5, 3), ())


@case("layer_norm", facet="interface", raises=ValueError)
def a_weight_that_would_only_broadcast_is_refused(layer_norm, draw):
    """只是能广播的 weight 是错误"""
    return layer_norm(draw.normal(5, 3), (3,), weight=draw.normal(1))


@case("layer_norm", facet="interface", raises=ValueError)
def a_bias_that_would_only_broadcast_is_refused(layer_norm, draw):
    """只是能广播的 bias 是错误"""
    return layer_norm(draw.normal(2, 5, 3), (5, 3), bias=draw.normal(3))


def backward_by_autograd(grad_output, x, weight, eps=1e-5):
    """The three gradients by torch's own layer norm and autograd."""
    leaves = [x.detach().requires_grad_(), weight.detach().requires_grad_(), torch.zeros_like(weight).requires_grad_()]
    y = F.layer_norm(leaves[0], weight.shape, leaves[1], leaves[2], eps)
    return torch.autograd.grad(y, leaves, grad_output)


@case("layer_norm_backward", agrees_with=backward_by_autograd)
def no_one_and_two_batch_dimensions(backward, draw):
    """没有、一个、两个批次维"""
    shapes = ((7,), (5, 7), (2, 3, 7))
    return [backward(draw.normal(*s), draw.normal(*s, loc=1.0, scale=2.0), draw.normal(7)) for s in shapes]


@case("layer_norm_backward", agrees_with=backward_by_autograd, weight=2)
def a_weight_of_two_dimensions(backward, draw):
    """二维的 weight"""
    shape = (3, 4, 5)
    return [
        backward(draw.normal(*shape), draw.normal(*shape), draw.normal(4, 5)),
        backward(draw.normal(*shape), draw.normal(*shape), draw.normal(*shape)),
    ]


# in float32 the gradients of so small numbers are differences of large ones
@case("layer_norm_backward", agrees_with=backward_by_autograd, dtypes=(torch.float64,))
def epsilon_is_part_of_the_deviation(backward, draw):
    """ε 也在标准差里"""
    g, x, weight = draw.normal(4, 5), draw.normal(4, 5, scale=3e-3), draw.normal(5)
    return backward(g, x, weight), backward(g, x, weight, eps=0.5), backward(g, x, weight, 1e-3)


@case("layer_norm_backward", agrees_with=backward_by_autograd)
def two_features_and_the_biased_variance(backward, draw):
    """只有两个特征，有偏方差"""
    return backward(draw.normal(4, 2), draw.normal(4, 2), draw.normal(2), eps=0.3)


# the gradient of a constant row is divided by √ε and so near 300: float32 is off by 3e-5 then
@case("layer_norm_backward", facet="numerics", agrees_with=backward_by_autograd, rtol=1e-4, atol=1e-3)
def gradients_of_rows_of_very_different_sizes(backward, draw):
    """各行的大小相差很远，其中一行恒定"""
    x = draw.normal(4, 8) * torch.tensor([[1e-2], [1], [1], [1e6]], dtype=draw.dtype)
    x[2] = 1.5
    return backward(draw.normal(4, 8), x, draw.normal(8))


# the mean of numbers near 1000 is off by up to 6e-5 in float32, and the sums add several such errors
@case("layer_norm_backward", facet="numerics", agrees_with=backward_by_autograd, **FAR_FROM_ZERO)
def gradients_of_rows_far_from_zero(backward, draw):
    """离 0 很远的行的梯度"""
    return backward(draw.normal(3, 16), draw.normal(3, 16, loc=1000.0), draw.normal(16))


@case("layer_norm_backward", facet="interface", agrees_with=backward_by_autograd)
def one_row_and_no_rows(backward, draw):
    """一行、零行、单个特征"""
    return [
        backward(draw.normal(1, 5), draw.normal(1, 5), draw.normal(5)),
        backward(draw.normal(0, 5), draw.normal(0, 5), draw.normal(5)),
        backward(draw.normal(3, 1), draw.normal(3, 1), draw.normal(1), eps=0.5),
    ]


@case("layer_norm_backward", facet="interface", agrees_with=backward_by_autograd)
def gradients_that_are_not_contiguous(backward, draw):
    """不连续的输入"""
    return backward(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT, draw.strided(draw.normal(5)))


@case("layer_norm_backward", facet="interface", raises=ValueError)
def a_gradient_of_another_shape_is_refused(backward, draw):
    """形状不同的梯度是错误"""
    return backward(draw.normal(3, 1), draw.normal(3, 5), draw.normal(5))


@case("layer_norm_backward", facet="interface", raises=ValueError)
def a_weight_of_one_number_is_refused(backward, draw):
    """只有一个数的 weight 是错误"""
    return backward(draw.normal(3, 5), draw.normal(3, 5), draw.normal(1))


def torch_instance_norm(x, eps=1e-5):
    """Equation 7.3 by torch, without running statistics."""
    return F.instance_norm(x, eps=eps)


@case("instance_norm", agrees_with=torch_instance_norm)
def one_two_and_three_spatial_dimensions(instance_norm, draw):
    """一个、两个、三个空间维"""
    shapes = ((2, 3, 7), (3, 2, 4, 5), (2, 3, 2, 1, 4))
    return [instance_norm(draw.normal(*shape, loc=2.0, scale=3.0)) for shape in shapes]


@case("instance_norm", agrees_with=torch_instance_norm, weight=2)
def two_positions_tell_the_two_variances_apart(instance_norm, draw):
    """只有两个位置：有偏与无偏方差相差一倍"""
    return instance_norm(draw.normal(2, 3, 2), eps=0.1), instance_norm(draw.normal(3, 2, 1, 2), eps=0.1)


@case("instance_norm", agrees_with=torch_instance_norm)
def small_channels_show_where_epsilon_stands(instance_norm, draw):
    """小数值的通道，看 ε 放在哪里"""
    x = draw.normal(2, 3, 5, scale=1e-3)
    return instance_norm(x), instance_norm(x, 0.5), instance_norm(x, eps=1e-12)


@case("instance_norm", agrees_with=torch_instance_norm)
def the_contrast_of_every_channel_is_forgotten(instance_norm, draw):
    """各通道的亮度与对比度都被抹去"""
    contrast = draw.magnitudes(2, 3, 1, 1, low=1e-1, high=1e3)
    return instance_norm(draw.normal(2, 3, 4, 3) * contrast + draw.normal(2, 3, 1, 1))


@case("instance_norm", facet="numerics", agrees_with=torch_instance_norm, **FAR_FROM_ZERO)
def channels_far_from_zero(instance_norm, draw):
    """离 0 很远的通道"""
    return instance_norm(draw.normal(2, 3, 16, loc=1000.0))


@case("instance_norm", facet="numerics", agrees_with=torch_instance_norm)
def constant_channels_and_large_ones(instance_norm, draw):
    """恒定的通道与很大的数"""
    x = draw.normal(2, 3, 8)
    x[0, 1] = 2.0
    x[1, 2] *= 1e12
    return instance_norm(x)


@case("instance_norm", facet="gradient", agrees_with=torch_instance_norm)
def gradients_of_images(instance_norm, draw):
    """图像的梯度"""
    x = draw.normal(2, 3, 2, 4)
    constant = draw.normal(2, 2, 3)
    constant[1, 0] = 1.5
    return vjp(instance_norm, x, cotangent=draw), vjp(instance_norm, constant, cotangent=draw, eps=0.1)


@case("instance_norm", agrees_with=torch_instance_norm, **ROUNDED)
def images_in_bfloat16(instance_norm, draw):
    """bfloat16 的图像"""
    return instance_norm(draw.normal(2, 3, 4, 4))


@case("instance_norm", facet="interface", agrees_with=torch_instance_norm)
def one_image_one_channel_and_no_images(instance_norm, draw):
    """一张图像、一个通道、零张图像"""
    return [instance_norm(draw.normal(*s)) for s in ((1, 3, 2, 2), (2, 1, 5), (0, 3, 4))]


@case("instance_norm", facet="interface", agrees_with=torch_instance_norm)
def channels_last_in_memory(instance_norm, draw):
    """内存中通道在最后（不连续）"""
    return instance_norm(draw.normal(2, 4, 5, 3).movedim(-1, 1)), instance_norm(draw.strided(draw.normal(2, 3, 4)))


@case("instance_norm", facet="interface", raises=ValueError)
def a_single_position_is_refused(instance_norm, draw):
    """只有一个位置是错误"""
    return instance_norm(draw.normal(4, 3, 1, 1))


@case("instance_norm", facet="interface", raises=ValueError)
def vectors_have_no_positions(instance_norm, draw):
    """向量没有空间维，是错误"""
    return instance_norm(draw.normal(4, 3))


@case("group_norm", agrees_with=F.group_norm)
def every_number_of_groups(group_norm, draw):
    """各种组数，从一组到每个通道一组"""
    x = draw.normal(2, 6, 5, loc=2.0) * draw.magnitudes(1, 6, 1, low=0.1, high=10.0)
    return [group_norm(x, groups) for groups in (1, 2, 3, 6)]


@case("group_norm", agrees_with=F.group_norm)
def no_one_two_and_three_spatial_dimensions(group_norm, draw):
    """没有、一个、两个、三个空间维"""
    shapes = ((3, 10), (2, 10, 7), (3, 10, 5, 2), (1, 10, 2, 1, 3))
    return [group_norm(draw.normal(*s, loc=1.0, scale=2.0), 2, draw.normal(10), draw.normal(10)) for s in shapes]


@case("group_norm", agrees_with=F.group_norm)
def weight_alone_and_bias_alone(group_norm, draw):
    """只有 weight，只有 bias"""
    x = draw.normal(2, 6, 3)
    return group_norm(x, 3, weight=draw.normal(6)), group_norm(x, 3, bias=draw.normal(6))


@case("group_norm", agrees_with=F.group_norm, weight=2)
def neighbouring_channels_form_a_group(group_norm, draw):
    """相邻的通道组成一组，而不是隔着取"""
    x = draw.normal(2, 6, 4) + torch.tensor([0, 0, 0, 5, 5, 5])[:, None]
    return group_norm(x, 2), group_norm(x, 3)


@case("group_norm", agrees_with=F.group_norm, weight=2)
def samples_do_not_share_their_groups(group_norm, draw):
    """样本之间互不影响"""
    x = draw.normal(3, 4, 5) * torch.tensor([1, 10, 100])[:, None, None]
    return group_norm(x, 2), group_norm(x[1:2], 2)


@case("group_norm", agrees_with=F.group_norm)
def small_groups_small_numbers_and_epsilon(group_norm, draw):
    """小组、小数值与 ε"""
    x = draw.normal(3, 4, scale=1e-3)
    return group_norm(x, 2), group_norm(x, 2, eps=0.5), group_norm(draw.normal(3, 4), 2, None, None, 0.1)


@case("group_norm", facet="numerics", agrees_with=F.group_norm, **FAR_FROM_ZERO)
def groups_far_from_zero(group_norm, draw):
    """离 0 很远的组"""
    return group_norm(draw.normal(2, 4, 8, loc=1000.0), 2)


@case("group_norm", facet="numerics", agrees_with=F.group_norm)
def constant_groups_and_large_ones(group_norm, draw):
    """恒定的组与很大的数"""
    x = draw.normal(2, 4, 4)
    x[0, :2] = 1.5
    x[1, 2:] *= 1e12
    return group_norm(x, 2)


@case("group_norm", facet="gradient", agrees_with=F.group_norm)
def gradients_of_input_and_channels(group_norm, draw):
    """输入、weight 与 bias 的梯度"""
    return vjp(group_norm, draw.normal(2, 6, 3, scale=2.0), 2, draw.normal(6), draw.normal(6), cotangent=draw), vjp(
        group_norm, draw.normal(3, 4), cotangent=draw, num_groups=2
    )


@case("group_norm", agrees_with=F.group_norm, **ROUNDED)
def groups_in_bfloat16(group_norm, draw):
    """bfloat16 的组"""
    return group_norm(draw.normal(2, 4, 3, 3), 2, draw.normal(4), draw.normal(4))


@case("group_norm", facet="interface", agrees_with=F.group_norm)
def one_sample_one_channel_and_no_samples(group_norm, draw):
    """一个样本、一个通道、零个样本"""
    return [
        group_norm(draw.normal(1, 4, 3), 2),
        group_norm(draw.normal(2, 1, 5), 1),
        group_norm(draw.normal(0, 4, 3), 2),
    ]


@case("group_norm", facet="interface", agrees_with=F.group_norm)
def groups_that_are_not_contiguous(group_norm, draw):
    """不连续的输入"""
    return [
        group_norm(draw.normal(2, 5, 3, 4).movedim(-1, 1), 2, draw.strided(draw.normal(4))),
        group_norm(draw.strided(draw.normal(2, 4, 3)), 2, None, draw.strided(draw.normal(4))),
    ]


@case("group_norm", facet="interface", raises=ValueError)
def four_channels_in_three_groups_are_refused(group_norm, draw):
    """四个通道分成三组是错误"""
    return group_norm(draw.normal(3, 4, 3), 3)


@case("group_norm", facet="interface", raises=ValueError)
def fewer_than_one_group_is_refused(group_norm, draw):
    """少于一组是错误"""
    return group_norm(draw.normal(2, 4, 3), -2)


@case("group_norm", facet="interface", raises=ValueError)
def a_weight_for_each_group_is_refused(group_norm, draw):
    """每组一个 weight 是错误"""
    return group_norm(draw.normal(2, 4, 2), 2, weight=draw.normal(1))


@case("group_norm", facet="interface", raises=ValueError)
def a_bias_for_each_group_is_refused(group_norm, draw):
    """每组一个 bias 是错误"""
    return group_norm(draw.normal(2, 4, 2), 2, bias=draw.normal(1))


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


def over_features(h):
    """Layer norm without weight and bias."""
    return F.layer_norm(h, h.shape[-1:])


def over_the_batch(h):
    """Batch norm without weight, bias and running statistics."""
    return F.batch_norm(h, None, None, training=True)


def shifted(h):
    """A norm that makes every number positive, so that a ReLU in front of it is seen."""
    return h.sigmoid() - 0.3


def layers(draw, widths, gain=1.0):
    """Weights with variance gain²/in between layers of these widths."""
    return [draw.normal(n, m, scale=gain / m**0.5) for m, n in pairwise(widths)]


@case("deep_activations", agrees_with=by_functional)
def widths_that_differ_from_layer_to_layer(deep_activations, draw):
    """各层宽度不同"""
    return deep_activations(draw.normal(7, 5), layers(draw, (5, 9, 4, 6, 3, 8), gain=1.5), unchanged)


@case("deep_activations", agrees_with=by_functional, weight=2)
def a_layer_norm_or_a_batch_norm_in_every_layer(deep_activations, draw):
    """每层一个 layer norm，或一个 batch norm"""
    x, weights = draw.normal(9, 5, loc=0.5), layers(draw, (5, 8, 8, 6, 7))
    return deep_activations(x, weights, over_features), deep_activations(x, weights, over_the_batch)


@case("deep_activations", agrees_with=by_functional, weight=2)
def the_norm_stands_before_the_relu(deep_activations, draw):
    """归一化在 ReLU 之前"""
    return deep_activations(draw.normal(6, 5), layers(draw, (5, 8, 6, 7), gain=3.0), shifted)


@case("deep_activations", agrees_with=by_functional, **THROUGH_LAYERS)
def fifty_layers(deep_activations, draw):
    """五十层"""
    x, weights = draw.normal(8, 16), layers(draw, (16,) * 51, gain=2**0.5)
    return deep_activations(x, weights, over_features)


# without a norm the standard deviations run through many orders of magnitude, so only relative errors tell anything
@case("deep_activations", facet="numerics", agrees_with=by_functional, rtol=1e-4, atol=0.0)
def a_signal_that_grows_or_dies(deep_activations, draw):
    """越来越大或越来越小的信号"""
    x = draw.normal(8, 32)
    return deep_activations(x, layers(draw, (32,) * 13, 6.0), unchanged), deep_activations(
        x, layers(draw, (32,) * 13, 0.3), unchanged
    )


@case("deep_activations", facet="gradient", agrees_with=by_functional)
def gradients_of_the_standard_deviations(deep_activations, draw):
    """标准差的梯度"""
    return vjp(deep_activations, draw.normal(6, 5), layers(draw, (5, 7, 6)), over_features, cotangent=draw)


@case("deep_activations", facet="interface", agrees_with=by_functional)
def no_layer_and_one_layer(deep_activations, draw):
    """没有层；只有一层，一个样本"""
    x = draw.normal(1, 5)
    return deep_activations(x, [], unchanged), deep_activations(x, layers(draw, (5, 6)), over_features)


@case("deep_activations", facet="interface", agrees_with=by_functional)
def weights_that_are_not_contiguous(deep_activations, draw):
    """不连续的权重与输入"""
    weights = [draw.normal(5, 6).mT, draw.strided(draw.normal(4, 6))]
    return deep_activations(draw.strided(draw.normal(7, 5)), weights, unchanged)


@case("deep_activations", facet="interface", raises=ValueError)
def weights_that_do_not_fit_together_are_refused(deep_activations, draw):
    """前后不相接的权重是错误"""
    return deep_activations(draw.normal(7, 5), [draw.normal(6, 5), draw.normal(6, 4)], unchanged)
