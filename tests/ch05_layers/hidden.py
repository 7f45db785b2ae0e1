"""The hidden cases of chapter 5."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import case
from autograder.operations import vjp

HUGE, TINY = 2.0**60, 2.0**-60

# small integers times a power of two: every sum is exact, whatever its order, unless it is made in logarithms or by a
# Fourier transform; such an answer may err by a thousandth of the unit
LARGE_UNIT = {"rtol": 1e-5, "atol": HUGE * 1e-3}
SMALL_UNIT = {"rtol": 1e-5, "atol": TINY * 1e-3}

# bfloat16 keeps 8 significant bits, and an answer may round after each of a handful of additions
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 8e-2}


def whole_numbers(draw, *shape):
    """Small integers, as floating-point numbers."""
    return draw.integers(-9, 10, *shape).to(draw.dtype)


# linear


@case("linear", agrees_with=F.linear, weight=2)
def any_number_of_leading_dimensions(linear, draw):
    """任意多个前导维度"""
    weight, bias = draw.normal(4, 5), draw.normal(4)
    return [
        linear(draw.normal(5), weight, bias),
        linear(draw.normal(7, 5), weight, bias),
        linear(draw.normal(2, 3, 5), weight, bias),
        linear(draw.normal(2, 1, 3, 5), weight, bias),
        linear(draw.normal(2, 3, 5), weight),
        linear(draw.normal(5), weight, None),
    ]


@case("linear", agrees_with=F.linear)
def as_many_outputs_as_features(linear, draw):
    """输出与特征一样多"""
    return linear(draw.normal(5, 5), draw.normal(5, 5), draw.normal(5))


@case("linear", facet="gradient", agrees_with=F.linear)
def gradients_reach_input_weight_and_bias(linear, draw):
    """梯度传到输入、权重与偏置"""
    return (
        vjp(linear, draw.normal(3, 5), draw.normal(4, 5), draw.normal(4), cotangent=draw),
        vjp(linear, draw.normal(2, 3, 5), draw.normal(4, 5), cotangent=draw),
    )


@case("linear", facet="interface", agrees_with=F.linear)
def one_feature_one_output_and_nothing_at_all(linear, draw):
    """一个特征、一个输出、空维度"""
    return [
        linear(draw.normal(3, 1), draw.normal(4, 1), draw.normal(4)),
        linear(draw.normal(3, 5), draw.normal(1, 5), draw.normal(1)),
        linear(draw.normal(0, 5), draw.normal(4, 5), draw.normal(4)),
        linear(draw.normal(2, 0, 5), draw.normal(4, 5)),
        linear(draw.normal(3, 0), draw.normal(4, 0), draw.normal(4)),
        linear(draw.normal(3, 5), draw.normal(0, 5), draw.normal(0)),
    ]


@case("linear", facet="interface", agrees_with=F.linear)
def features_and_weights_with_gaps(linear, draw):
    """不连续的输入与权重"""
    return (
        linear(draw.strided(draw.normal(3, 5)), draw.strided(draw.normal(4, 5)), draw.strided(draw.normal(4))),
        linear(draw.normal(5, 3).mT, draw.normal(5, 4).mT, draw.normal(4)),
        linear(draw.normal(3, 2, 5).transpose(0, 1), draw.normal(4, 5)),
    )


@case("linear", agrees_with=F.linear, **ROUNDED)
def a_linear_layer_in_bfloat16(linear, draw):
    """bfloat16 的线性层"""
    return linear(draw.normal(3, 5), draw.normal(4, 5), draw.normal(4))


@case("linear", facet="numerics", agrees_with=F.linear, **LARGE_UNIT)
def very_large_features(linear, draw):
    """很大的特征"""
    return linear(whole_numbers(draw, 3, 5) * HUGE, whole_numbers(draw, 4, 5), whole_numbers(draw, 4))


@case("linear", facet="numerics", agrees_with=F.linear, **SMALL_UNIT)
def very_small_features(linear, draw):
    """很小的特征"""
    return linear(whole_numbers(draw, 3, 5), whole_numbers(draw, 4, 5) * TINY, whole_numbers(draw, 4) * TINY)


@case("linear", facet="interface", raises=ValueError)
def linear_refuses_weights_for_other_features(linear, draw):
    """拒绝特征数不符的权重"""
    return linear(draw.normal(3, 5), draw.normal(5, 4))


@case("linear", facet="interface", raises=ValueError)
def linear_refuses_a_bias_for_other_outputs(linear, draw):
    """拒绝长度不符的偏置"""
    return linear(draw.normal(3, 5), draw.normal(4, 5), draw.normal(5))


# linear_backward


def linear_backward_by_autograd(grad_output, x, weight):
    """The three gradients of torch's own linear."""
    leaves = [t.detach().requires_grad_() for t in (x, weight, weight.new_zeros(weight.shape[0]))]
    return torch.autograd.grad(F.linear(*leaves), leaves, grad_output)


linear_backward_case = {"exercise": "linear_backward", "agrees_with": linear_backward_by_autograd}


@case(**linear_backward_case, weight=2)
def gradients_are_summed_over_all_leading_dimensions(backward, draw):
    """梯度对所有前导维度求和"""
    return [backward(draw.normal(*n, 4), draw.normal(*n, 5), draw.normal(4, 5)) for n in [(7,), (2, 3), (2, 1, 3)]]


@case(**linear_backward_case)
def gradients_of_one_example_without_a_batch(backward, draw):
    """没有批维度的单个样本"""
    return backward(draw.normal(4), draw.normal(5), draw.normal(4, 5))


@case(**linear_backward_case)
def gradients_of_a_square_layer(backward, draw):
    """方阵权重的梯度"""
    return backward(draw.normal(5, 5), draw.normal(5, 5), draw.normal(5, 5))


@case(**linear_backward_case, facet="interface")
def gradients_of_one_feature_one_output_and_no_examples(backward, draw):
    """一个特征、一个输出、零个样本"""
    return [
        backward(draw.normal(3, 4), draw.normal(3, 1), draw.normal(4, 1)),
        backward(draw.normal(3, 1), draw.normal(3, 5), draw.normal(1, 5)),
        backward(draw.normal(0, 4), draw.normal(0, 5), draw.normal(4, 5)),
        backward(draw.normal(2, 0, 4), draw.normal(2, 0, 5), draw.normal(4, 5)),
    ]


@case(**linear_backward_case, facet="interface")
def gradients_of_views_with_gaps(backward, draw):
    """不连续的视图的梯度"""
    return (
        backward(draw.strided(draw.normal(3, 4)), draw.strided(draw.normal(3, 5)), draw.strided(draw.normal(4, 5))),
        backward(draw.normal(3, 2, 4).transpose(0, 1), draw.normal(3, 2, 5).transpose(0, 1), draw.normal(5, 4).mT),
    )


@case(**linear_backward_case, **ROUNDED)
def gradients_in_bfloat16(backward, draw):
    """bfloat16 的梯度"""
    return backward(draw.normal(3, 4), draw.normal(3, 5), draw.normal(4, 5))


@case(**linear_backward_case, facet="numerics", **LARGE_UNIT)
def very_large_gradients(backward, draw):
    """很大的梯度"""
    return backward(whole_numbers(draw, 3, 4) * HUGE, whole_numbers(draw, 3, 5), whole_numbers(draw, 4, 5))


@case(**linear_backward_case, facet="numerics", **SMALL_UNIT)
def very_small_gradients(backward, draw):
    """很小的梯度"""
    return backward(whole_numbers(draw, 3, 4) * TINY, whole_numbers(draw, 3, 5), whole_numbers(draw, 4, 5))


@case("linear_backward", facet="interface", raises=ValueError)
def a_gradient_with_another_number_of_outputs_is_refused(backward, draw):
    """拒绝输出数不符的梯度"""
    return backward(draw.normal(3, 1), draw.normal(3, 5), draw.normal(4, 5))


@case("linear_backward", facet="interface", raises=ValueError)
def a_gradient_of_one_example_for_a_batch_is_refused(backward, draw):
    """拒绝用一个样本的梯度充当一批的梯度"""
    return backward(draw.normal(1, 4), draw.normal(3, 5), draw.normal(4, 5))


@case("linear_backward", facet="interface", raises=ValueError)
def a_flat_gradient_for_a_batch_of_sequences_is_refused(backward, draw):
    """拒绝用摊平的梯度充当一批序列的梯度"""
    return backward(draw.normal(6, 4), draw.normal(2, 3, 5), draw.normal(4, 5))


@case("linear_backward", facet="interface", raises=ValueError)
def an_input_that_does_not_fit_the_weight_is_refused(backward, draw):
    """拒绝与权重不符的输入"""
    return backward(draw.normal(3, 4), draw.normal(3, 6), draw.normal(4, 5))


# conv_output_size


def size_by_convolving(size, kernel_size, stride=1, padding=0, dilation=1):
    """The shape that torch's own convolution gives."""
    pair = isinstance(size, (tuple, list))
    convolve, axes = (F.conv2d, 2) if pair else (F.conv1d, 1)
    kernel = (kernel_size,) * axes if isinstance(kernel_size, int) else kernel_size
    image, template = torch.zeros(1, 1, *(size if pair else (size,))), torch.zeros(1, 1, *kernel)
    shape = convolve(image, template, None, stride, padding, dilation).shape[2:]
    return tuple(shape) if pair else shape[0]


@case("conv_output_size", agrees_with=size_by_convolving, dtypes=(torch.float64,), draws=3, weight=2)
def sizes_that_the_stride_does_not_divide(conv_output_size, draw):
    """步长不能整除的大小"""
    return [conv_output_size(n, draw.integer(1, 6), draw.integer(2, 5), draw.integer(0, 3)) for n in range(8, 24)]


@case("conv_output_size", agrees_with=size_by_convolving, dtypes=(torch.float64,), draws=3)
def everything_at_once(conv_output_size, draw):
    """所有参数一起变"""
    return [
        conv_output_size(
            draw.integer(20, 60), draw.integer(1, 6), draw.integer(1, 5), draw.integer(0, 4), draw.integer(1, 5)
        )
        for _ in range(8)
    ]


@case("conv_output_size", agrees_with=size_by_convolving, dtypes=(torch.float64,), draws=3)
def pairs_of_sizes_with_pairs_and_with_single_numbers(conv_output_size, draw):
    """（高，宽）对，其余参数是对或单个数"""
    size = draw.integer(24, 40), draw.integer(41, 60)
    numbers = [draw.integer(2, 4) for _ in range(8)]
    a, b, c, d = zip(numbers[::2], numbers[1::2], strict=True)
    return [
        conv_output_size(size, 3),
        conv_output_size(size, a, b, c, d),
        conv_output_size(size, a, 2, 1, 3),
        conv_output_size(size, 3, b),
        conv_output_size(size, 3, padding=c),
        conv_output_size(size, 3, dilation=d),
        conv_output_size(size, (1, 4), (3, 1), (0, 2), (1, 5)),
    ]


@case("conv_output_size", agrees_with=size_by_convolving, dtypes=(torch.float64,))
def a_window_that_just_fits(conv_output_size, draw):
    """刚好放得下的窗口"""
    return [
        conv_output_size(5, 5),
        conv_output_size(1, 1),
        conv_output_size(3, 7, padding=2),
        conv_output_size(7, 3, dilation=3),
        conv_output_size(6, 5, stride=4),
        conv_output_size((5, 6), (5, 6)),
        conv_output_size((1, 1), 1, 2),
        conv_output_size(30, 3, stride=7),
    ]


@case("conv_output_size", facet="interface", raises=ValueError)
def a_window_that_does_not_fit_is_refused(conv_output_size, draw):
    """拒绝放不下的窗口"""
    return conv_output_size(5, 3, dilation=3, padding=0)


@case("conv_output_size", facet="interface", raises=ValueError)
def a_window_that_lacks_one_pixel_is_refused(conv_output_size, draw):
    """拒绝只差一个像素的窗口"""
    return conv_output_size(2, 5, padding=1)


@case("conv_output_size", facet="interface", raises=ValueError)
def a_window_too_wide_for_one_axis_is_refused(conv_output_size, draw):
    """拒绝在一个方向上放不下的窗口"""
    return conv_output_size((9, 4), (5, 5))


@case("conv_output_size", facet="interface", raises=ValueError)
def a_stride_of_zero_is_refused(conv_output_size, draw):
    """拒绝为零的步长"""
    return conv_output_size(8, 3, stride=0)


@case("conv_output_size", facet="interface", raises=ValueError)
def a_negative_stride_is_refused(conv_output_size, draw):
    """拒绝负的步长"""
    return conv_output_size((8, 9), 3, stride=(1, -1))


@case("conv_output_size", facet="interface", raises=ValueError)
def a_dilation_of_zero_is_refused(conv_output_size, draw):
    """拒绝为零的空洞（dilation）"""
    return conv_output_size(8, 3, dilation=0)


@case("conv_output_size", facet="interface", raises=ValueError)
def a_kernel_of_zero_is_refused(conv_output_size, draw):
    """拒绝大小为零的卷积核"""
    return conv_output_size(8, 0)


@case("conv_output_size", facet="interface", raises=ValueError)
def a_negative_padding_is_refused(conv_output_size, draw):
    """拒绝负的填充"""
    return conv_output_size(8, 3, padding=-1)


# unfold


def unfold_by_torch(x, kernel_size, stride=1, padding=0, dilation=1):
    """torch's own unfold, whose arguments come in another order."""
    return F.unfold(x, kernel_size, dilation, padding, stride)


unfold_case = {"exercise": "unfold", "agrees_with": unfold_by_torch}


@case(**unfold_case, weight=2)
def channels_come_before_the_pixels_of_the_window(unfold, draw):
    """先通道，后窗口内的像素"""
    return unfold(draw.normal(2, 4, 5, 7), (2, 3))


@case(**unfold_case)
def each_option_alone_as_a_number_and_as_a_pair(unfold, draw):
    """每个参数单独出现：一个数，或（高，宽）对"""
    x = draw.normal(2, 3, 9, 11)
    return [
        unfold(x, 2, stride=3),
        unfold(x, 2, stride=(3, 2)),
        unfold(x, 3, padding=2),
        unfold(x, 3, padding=(0, 2)),
        unfold(x, 3, dilation=2),
        unfold(x, (3, 2), dilation=(3, 4)),
        unfold(x, (1, 4)),
        unfold(x, (4, 1), (1, 2)),
    ]


@case(**unfold_case)
def the_order_of_the_arguments_is_stride_padding_dilation(unfold, draw):
    """参数次序是 stride、padding、dilation"""
    return unfold(draw.normal(1, 2, 9, 10), 3, 2, 1, 3)


@case(**unfold_case)
def rows_and_columns_that_no_window_reaches(unfold, draw):
    """没有窗口到达的行与列"""
    return unfold(draw.normal(2, 3, 8, 9), 3, stride=(3, 4))


@case(**unfold_case)
def one_image_without_a_batch(unfold, draw):
    """没有批维度的单幅图像"""
    return unfold(draw.normal(3, 5, 6), 2, stride=2, padding=1)


@case(**unfold_case, facet="interface")
def one_pixel_one_channel_one_place_and_no_images(unfold, draw):
    """一个像素、一个通道、一个位置、零幅图像"""
    return [
        unfold(draw.normal(1, 1, 1, 1), 1),
        unfold(draw.normal(2, 1, 3, 4), (3, 4)),
        unfold(draw.normal(2, 3, 1, 5), (1, 2), padding=(0, 1)),
        unfold(draw.normal(2, 3, 4, 4), 1),
        unfold(draw.normal(0, 3, 5, 6), 3),
    ]


@case(**unfold_case, facet="interface")
def images_with_gaps(unfold, draw):
    """不连续的图像"""
    return (
        unfold(draw.strided(draw.normal(2, 3, 5, 6)), 3, padding=1),
        unfold(draw.normal(2, 6, 5, 3).permute(0, 3, 2, 1), (2, 3)),
    )


@case(**unfold_case, dtypes=(torch.bfloat16,))
def windows_in_bfloat16(unfold, draw):
    """bfloat16 的窗口"""
    return unfold(draw.normal(2, 3, 5, 6), 3)


@case(**unfold_case, facet="gradient")
def a_pixel_gathers_the_gradients_of_all_its_windows(unfold, draw):
    """一个像素汇集它所在各个窗口的梯度"""
    return (
        vjp(unfold, draw.normal(2, 3, 5, 6), 3, cotangent=draw),
        vjp(unfold, draw.normal(2, 3, 8, 7), (3, 2), cotangent=draw, stride=(3, 2), padding=1),
        vjp(unfold, draw.normal(3, 8, 7), 3, cotangent=draw, dilation=2),
    )


@case(**unfold_case, facet="numerics")
def numbers_of_every_size_and_infinities_stay_where_they_are(unfold, draw):
    """各种大小的数与无穷都留在原处"""
    x = draw.magnitudes(1, 2, 4, 5, low=1e-30, high=1e30)
    x[0, 0, 1, 2], x[0, 1, 3, 0] = torch.inf, -torch.inf
    return unfold(x, 2, padding=1)


@case("unfold", facet="interface", raises=ValueError)
def unfold_refuses_a_window_larger_than_the_image(unfold, draw):
    """拒绝比图像还大的窗口"""
    return unfold(draw.normal(2, 3, 5, 2), 3)


@case("unfold", facet="interface", raises=ValueError)
def unfold_refuses_a_negative_padding(unfold, draw):
    """拒绝负的填充"""
    return unfold(draw.normal(2, 3, 5, 5), 3, padding=-1)


# conv2d


@case("conv2d", agrees_with=F.conv2d, weight=2)
def the_kernel_is_not_flipped(conv2d, draw):
    """卷积核不翻转"""
    return [conv2d(draw.normal(1, 1, 5, 6), draw.normal(1, 1, *k)) for k in [(3, 3), (1, 3), (3, 1), (2, 2)]]


@case("conv2d", agrees_with=F.conv2d)
def height_comes_before_width_in_every_pair(conv2d, draw):
    """每一对都是先高后宽"""
    x, weight = draw.normal(2, 3, 9, 11), draw.normal(4, 3, 3, 2)
    return [
        conv2d(x, weight, stride=(2, 3)),
        conv2d(x, weight, padding=(2, 1)),
        conv2d(x, weight, padding=(0, 2)),
        conv2d(x, weight, dilation=(1, 4)),
        conv2d(x, weight, None, (3, 1), (1, 0), (2, 3)),
    ]


@case("conv2d", agrees_with=F.conv2d)
def single_numbers_serve_both_axes(conv2d, draw):
    """一个数用于两个方向"""
    x, weight, bias = draw.normal(2, 3, 9, 11), draw.normal(4, 3, 3, 2), draw.normal(4)
    return [
        conv2d(x, weight, bias),
        conv2d(x, weight, bias, stride=3),
        conv2d(x, weight, bias, padding=2),
        conv2d(x, weight, bias, dilation=3),
        conv2d(x, weight, bias, 2, 1, 2),
    ]


@case("conv2d", agrees_with=F.conv2d, weight=2)
def blocks_of_channels_see_their_own_group_only(conv2d, draw):
    """每组输出只看自己那组输入"""
    return [
        conv2d(draw.normal(2, 6, 5, 6), draw.normal(4, 3, 3, 3), draw.normal(4), groups=2),
        conv2d(draw.normal(2, 6, 5, 6), draw.normal(9, 2, 2, 3), draw.normal(9), 2, 1, 1, 3),
        conv2d(draw.normal(2, 4, 5, 6), draw.normal(4, 1, 3, 3), padding=1, groups=4),
        conv2d(draw.normal(2, 4, 5, 6), draw.normal(8, 1, 3, 3), groups=4, dilation=2),
    ]


@case("conv2d", agrees_with=F.conv2d)
def a_single_image_without_a_batch(conv2d, draw):
    """没有批维度的单幅图像"""
    return (
        conv2d(draw.normal(3, 6, 7), draw.normal(4, 3, 3, 2), draw.normal(4), stride=2),
        conv2d(draw.normal(4, 6, 7), draw.normal(6, 2, 3, 2), padding=1, groups=2),
    )


@case("conv2d", agrees_with=F.conv2d)
def a_kernel_of_one_pixel_is_a_linear_layer_at_every_place(conv2d, draw):
    """1 × 1 的卷积就是每个位置上的线性层"""
    return conv2d(draw.normal(2, 3, 4, 5), draw.normal(6, 3, 1, 1), draw.normal(6))


@case("conv2d", facet="gradient", agrees_with=F.conv2d)
def gradients_reach_image_templates_and_bias(conv2d, draw):
    """梯度传到图像、模板与偏置"""
    return (
        vjp(conv2d, draw.normal(2, 3, 6, 7), draw.normal(4, 3, 3, 2), draw.normal(4), cotangent=draw, padding=1),
        vjp(conv2d, draw.normal(3, 8, 7), draw.normal(4, 3, 2, 3), cotangent=draw, stride=(3, 2)),
    )


@case("conv2d", facet="gradient", agrees_with=F.conv2d)
def gradients_with_groups_and_dilation(conv2d, draw):
    """有分组与空洞时的梯度"""
    inputs = draw.normal(2, 6, 7, 8), draw.normal(4, 3, 3, 2), draw.normal(4)
    return vjp(conv2d, *inputs, cotangent=draw, dilation=(2, 3), groups=2)


@case("conv2d", facet="interface", agrees_with=F.conv2d)
def one_pixel_one_channel_one_template_and_no_images(conv2d, draw):
    """一个像素、一个通道、一个模板、零幅图像"""
    return [
        conv2d(draw.normal(1, 1, 1, 1), draw.normal(1, 1, 1, 1), draw.normal(1)),
        conv2d(draw.normal(2, 3, 4, 5), draw.normal(1, 3, 4, 5), draw.normal(1)),
        conv2d(draw.normal(2, 1, 1, 6), draw.normal(3, 1, 1, 2), draw.normal(3)),
        conv2d(draw.normal(0, 3, 5, 6), draw.normal(4, 3, 3, 3), draw.normal(4)),
    ]


@case("conv2d", facet="interface", agrees_with=F.conv2d)
def images_and_templates_with_gaps(conv2d, draw):
    """不连续的图像与模板"""
    return (
        conv2d(
            draw.strided(draw.normal(2, 3, 5, 6)), draw.strided(draw.normal(4, 3, 3, 3)), draw.strided(draw.normal(4))
        ),
        conv2d(draw.normal(2, 6, 5, 3).permute(0, 3, 2, 1), draw.normal(3, 2, 3, 4).permute(3, 2, 1, 0), padding=1),
    )


@case("conv2d", agrees_with=F.conv2d, **ROUNDED)
def a_convolution_in_bfloat16(conv2d, draw):
    """bfloat16 的卷积"""
    return conv2d(draw.normal(2, 2, 5, 6, scale=0.5), draw.normal(3, 2, 3, 3, scale=0.5), draw.normal(3))


@case("conv2d", facet="numerics", agrees_with=F.conv2d, **LARGE_UNIT)
def very_large_pixels(conv2d, draw):
    """很大的像素值"""
    return conv2d(whole_numbers(draw, 2, 3, 5, 6) * HUGE, whole_numbers(draw, 4, 3, 3, 3), padding=1)


@case("conv2d", facet="numerics", agrees_with=F.conv2d, **SMALL_UNIT)
def very_small_pixels(conv2d, draw):
    """很小的像素值"""
    return conv2d(whole_numbers(draw, 2, 3, 5, 6), whole_numbers(draw, 4, 3, 3, 3) * TINY, padding=1)


@case("conv2d", facet="interface", raises=ValueError)
def templates_for_another_number_of_channels_are_refused(conv2d, draw):
    """拒绝通道数不符的模板"""
    return conv2d(draw.normal(2, 3, 5, 6), draw.normal(4, 1, 3, 3))


@case("conv2d", facet="interface", raises=ValueError)
def groups_that_do_not_divide_the_outputs_are_refused(conv2d, draw):
    """拒绝不能整除输出通道的组数"""
    return conv2d(draw.normal(2, 4, 5, 6), draw.normal(3, 2, 3, 3), groups=2)


@case("conv2d", facet="interface", raises=ValueError)
def groups_that_do_not_divide_the_inputs_are_refused(conv2d, draw):
    """拒绝不能整除输入通道的组数"""
    return conv2d(draw.normal(2, 5, 5, 6), draw.normal(4, 2, 3, 3), groups=2)


@case("conv2d", facet="interface", raises=ValueError)
def a_single_bias_for_many_outputs_is_refused(conv2d, draw):
    """拒绝用一个偏置充当多个"""
    return conv2d(draw.normal(2, 3, 5, 6), draw.normal(4, 3, 3, 3), draw.normal(1))


@case("conv2d", facet="interface", raises=ValueError)
def templates_larger_than_the_image_are_refused(conv2d, draw):
    """拒绝比图像还大的模板"""
    return conv2d(draw.normal(2, 3, 5, 2), draw.normal(4, 3, 3, 3))


# conv2d_backward


def conv2d_backward_by_autograd(grad_output, x, weight, stride=1, padding=0):
    """The three gradients of torch's own convolution."""
    leaves = [t.detach().requires_grad_() for t in (x, weight, weight.new_zeros(weight.shape[0]))]
    return torch.autograd.grad(F.conv2d(*leaves, stride, padding), leaves, grad_output)


conv2d_backward_case = {"exercise": "conv2d_backward", "agrees_with": conv2d_backward_by_autograd}


@case(**conv2d_backward_case, weight=2)
def overlapping_windows_add_their_gradients(backward, draw):
    """重叠的窗口，梯度相加"""
    return [
        backward(draw.normal(3, 4, 3, 4), draw.normal(3, 2, 5, 7), draw.normal(4, 2, 3, 4)),
        backward(draw.normal(1, 1, 4, 4), draw.normal(1, 1, 5, 5), draw.normal(1, 1, 2, 2)),
    ]


@case(**conv2d_backward_case, weight=2)
def pixels_that_no_window_reaches_get_zero(backward, draw):
    """没有窗口到达的像素，梯度为零"""
    return [
        backward(draw.normal(2, 4, 2, 2), draw.normal(2, 3, 8, 9), draw.normal(4, 3, 3, 3), stride=(3, 4)),
        backward(draw.normal(2, 4, 2, 2), draw.normal(2, 3, 6, 7), draw.normal(4, 3, 2, 2), 4, 1),
    ]


@case(**conv2d_backward_case)
def numbers_and_pairs_of_stride_and_padding(backward, draw):
    """步长和填充：一个数，或（高，宽）对"""
    x, weight = draw.normal(2, 3, 6, 7), draw.normal(4, 3, 3, 2)
    return [
        backward(draw.normal(2, 4, 2, 3), x, weight, stride=2),
        backward(draw.normal(2, 4, 4, 2), x, weight, stride=(1, 3)),
        backward(draw.normal(2, 4, 6, 8), x, weight, padding=1),
        backward(draw.normal(2, 4, 4, 10), x, weight, padding=(0, 2)),
        backward(draw.normal(2, 4, 8, 6), x, weight, padding=(2, 0)),
        backward(draw.normal(2, 4, 4, 3), x, weight, (2, 3), (2, 1)),
    ]


@case(**conv2d_backward_case)
def gradients_of_one_image_without_a_batch(backward, draw):
    """没有批维度的单幅图像的梯度"""
    return backward(draw.normal(4, 3, 4), draw.normal(3, 5, 7), draw.normal(4, 3, 3, 3), stride=2, padding=1)


@case(**conv2d_backward_case)
def gradients_of_a_kernel_of_one_pixel(backward, draw):
    """1 × 1 卷积的梯度"""
    return backward(draw.normal(2, 4, 5, 6), draw.normal(2, 3, 5, 6), draw.normal(4, 3, 1, 1))


@case(**conv2d_backward_case, facet="interface")
def gradients_of_one_place_one_channel_and_no_images(backward, draw):
    """一个位置、一个通道、零幅图像的梯度"""
    return [
        backward(draw.normal(2, 4, 1, 1), draw.normal(2, 3, 4, 5), draw.normal(4, 3, 4, 5)),
        backward(draw.normal(2, 1, 3, 4), draw.normal(2, 1, 5, 6), draw.normal(1, 1, 3, 3)),
        backward(draw.normal(0, 4, 3, 4), draw.normal(0, 3, 5, 6), draw.normal(4, 3, 3, 3)),
    ]


@case(**conv2d_backward_case, facet="interface")
def gradients_of_images_with_gaps(backward, draw):
    """不连续的图像的梯度"""
    return (
        backward(
            draw.strided(draw.normal(2, 4, 3, 4)),
            draw.strided(draw.normal(2, 3, 5, 6)),
            draw.strided(draw.normal(4, 3, 3, 3)),
        ),
        backward(
            draw.normal(2, 4, 3, 4).transpose(2, 3),
            draw.normal(2, 6, 5, 3).permute(0, 3, 1, 2),
            draw.normal(3, 3, 3, 4).permute(3, 0, 2, 1),
        ),
    )


@case(**conv2d_backward_case, facet="numerics", **LARGE_UNIT)
def very_large_gradients_of_a_convolution(backward, draw):
    """卷积的很大的梯度"""
    grad_output = whole_numbers(draw, 2, 4, 3, 4) * HUGE
    return backward(grad_output, whole_numbers(draw, 2, 3, 5, 6), whole_numbers(draw, 4, 3, 3, 3))


@case(**conv2d_backward_case, facet="numerics", **SMALL_UNIT)
def very_small_gradients_of_a_convolution(backward, draw):
    """卷积的很小的梯度"""
    grad_output = whole_numbers(draw, 2, 4, 3, 4) * TINY
    return backward(grad_output, whole_numbers(draw, 2, 3, 5, 6), whole_numbers(draw, 4, 3, 3, 3))


@case("conv2d_backward", facet="interface", raises=ValueError)
def a_gradient_of_other_places_is_refused(backward, draw):
    """拒绝位置数不符的梯度"""
    return backward(draw.normal(2, 4, 3, 1), draw.normal(2, 3, 5, 6), draw.normal(4, 3, 3, 3))


@case("conv2d_backward", facet="interface", raises=ValueError)
def a_gradient_of_one_channel_for_many_is_refused(backward, draw):
    """拒绝用一个通道的梯度充当多个"""
    return backward(draw.normal(2, 1, 3, 4), draw.normal(2, 3, 5, 6), draw.normal(4, 3, 3, 3))


@case("conv2d_backward", facet="interface", raises=ValueError)
def a_gradient_of_one_image_for_a_batch_is_refused(backward, draw):
    """拒绝用一幅图像的梯度充当一批的"""
    return backward(draw.normal(1, 4, 3, 4), draw.normal(2, 3, 5, 6), draw.normal(4, 3, 3, 3))


@case("conv2d_backward", facet="interface", raises=ValueError)
def an_image_with_other_channels_than_the_weight_is_refused(backward, draw):
    """拒绝通道数与权重不符的图像"""
    return backward(draw.normal(2, 4, 3, 4), draw.normal(2, 1, 5, 6), draw.normal(4, 3, 3, 3))


# both poolings: drivers that they share


def windows_of_any_shape_that_touch(pool, draw):
    """互相衔接、任意形状的窗口"""
    x = draw.normal(2, 3, 7, 11)
    return [pool(x, 3), pool(x, (2, 3)), pool(x, (7, 1)), pool(x, kernel_size=(1, 4), stride=None), pool(x, (3, 2))]


def windows_that_overlap_or_leave_gaps(pool, draw):
    """重叠的、有间隔的窗口"""
    x = draw.normal(2, 3, 9, 10)
    return [pool(x, 3, 1), pool(x, 3, stride=2), pool(x, 2, stride=3), pool(x, 3, (2, 1)), pool(x, (2, 3), (1, 4))]


def padding_up_to_half_of_the_kernel(pool, draw):
    """填充最多到窗口的一半"""
    x = draw.normal(2, 3, 6, 7)
    return [
        pool(x, 2, padding=1),
        pool(x, 3, 2, 1),
        pool(x, 5, 1, 2),
        pool(x, (3, 2), padding=(1, 0)),
        pool(x, (2, 3), (1, 2), (0, 1)),
        pool(x, (1, 5), (2, 3), (0, 2)),
        pool(x, (5, 4), 3, (1, 2)),
    ]


def a_picture_without_a_batch(pool, draw):
    """没有批维度的单幅图像"""
    return pool(draw.normal(3, 6, 7), 3, 2, 1), pool(draw.normal(1, 4, 5), 2)


def the_window_is_the_whole_picture(pool, draw):
    """窗口就是整幅图像"""
    return pool(draw.normal(2, 3, 4, 5), (4, 5))


def a_single_pixel_a_single_channel_and_no_pictures(pool, draw):
    """一个像素、一个通道、零幅图像"""
    return [
        pool(draw.normal(1, 1, 1, 1), 1),
        pool(draw.normal(2, 1, 1, 6), (1, 2)),
        pool(draw.normal(2, 3, 5, 4), 1),
        pool(draw.normal(0, 3, 5, 6), 2),
    ]


def pictures_with_gaps(pool, draw):
    """不连续的图像"""
    return (
        pool(draw.strided(draw.normal(2, 3, 5, 6)), 3, 2, 1),
        pool(draw.normal(2, 6, 5, 3).permute(0, 3, 2, 1), 2),
    )


def gradients_of_a_pooling(pool, draw):
    """池化的梯度"""
    return (
        vjp(pool, draw.normal(2, 3, 6, 7), 2, cotangent=draw),
        vjp(pool, draw.normal(2, 3, 6, 7), 3, cotangent=draw, stride=(1, 2), padding=1),
        vjp(pool, draw.normal(3, 8, 9), (2, 3), cotangent=draw, stride=3),
    )


def a_window_larger_than_the_picture(pool, draw):
    """拒绝比图像还大的窗口"""
    return pool(draw.normal(2, 3, 5, 2), 3)


def padding_of_more_than_half_of_the_height(pool, draw):
    """拒绝超过窗口高度一半的填充"""
    return pool(draw.normal(2, 3, 5, 6), (1, 3), 1, padding=1)


def padding_of_more_than_half_of_the_width(pool, draw):
    """拒绝超过窗口宽度一半的填充"""
    return pool(draw.normal(2, 3, 5, 6), (4, 3), 1, padding=2)


max_touching = case("max_pool2d", agrees_with=F.max_pool2d)(windows_of_any_shape_that_touch)
max_strides = case("max_pool2d", agrees_with=F.max_pool2d)(windows_that_overlap_or_leave_gaps)
max_padding = case("max_pool2d", agrees_with=F.max_pool2d)(padding_up_to_half_of_the_kernel)
max_unbatched = case("max_pool2d", agrees_with=F.max_pool2d)(a_picture_without_a_batch)
max_whole = case("max_pool2d", agrees_with=F.max_pool2d)(the_window_is_the_whole_picture)
max_gradient = case("max_pool2d", facet="gradient", agrees_with=F.max_pool2d)(gradients_of_a_pooling)
max_small = case("max_pool2d", facet="interface", agrees_with=F.max_pool2d)(
    a_single_pixel_a_single_channel_and_no_pictures
)
max_views = case("max_pool2d", facet="interface", agrees_with=F.max_pool2d)(pictures_with_gaps)
max_too_large = case("max_pool2d", facet="interface", raises=ValueError)(a_window_larger_than_the_picture)
max_pad_height = case("max_pool2d", facet="interface", raises=ValueError)(padding_of_more_than_half_of_the_height)
max_pad_width = case("max_pool2d", facet="interface", raises=ValueError)(padding_of_more_than_half_of_the_width)


# erratum 5.4: the formula as printed says nothing of padding, and zeros would win here
@case("max_pool2d", agrees_with=F.max_pool2d, weight=3)
def padding_never_wins_over_negative_numbers(max_pool2d, draw):
    """填充永远赢不过负数"""
    x = draw.uniform(2, 3, 6, 7, low=-5, high=-1)
    return max_pool2d(x, 3, 2, 1), max_pool2d(x, (2, 4), 1, (1, 2))


@case("max_pool2d", facet="gradient", agrees_with=F.max_pool2d)
def the_gradient_beside_padding_is_not_lost(max_pool2d, draw):
    """填充旁边的梯度不会丢失"""
    return vjp(max_pool2d, draw.uniform(2, 3, 6, 7, low=-5, high=-1), 3, cotangent=draw, stride=2, padding=1)


@case("max_pool2d", facet="numerics", agrees_with=F.max_pool2d)
def hugely_negative_and_infinite_numbers_beside_padding(max_pool2d, draw):
    """填充旁边绝对值极大的负数与负无穷"""
    x = -draw.magnitudes(2, 2, 5, 6, low=1e20, high=1e30)
    x[0, 0], x[1, 1, 2, 3] = -torch.inf, torch.inf
    return max_pool2d(x, 3, 2, 1)


@case("max_pool2d", facet="numerics", agrees_with=F.max_pool2d, rtol=1e-5, atol=0.0)  # tiny, but copied
def tiny_numbers_keep_their_order(max_pool2d, draw):
    """很小的数也分得出大小"""
    return max_pool2d(draw.normal(2, 3, 6, 6) * 1e-30, 2)


@case("max_pool2d", facet="numerics", agrees_with=F.max_pool2d)
def a_nan_wins_its_windows(max_pool2d, draw):
    """NaN 所在窗口的结果是 NaN"""
    x = draw.normal(2, 3, 6, 6)
    x[0, 1, 2, 3] = torch.nan
    return max_pool2d(x, 3, 1, 1)


@case("max_pool2d", agrees_with=F.max_pool2d, dtypes=(torch.bfloat16,))
def the_greatest_in_bfloat16(max_pool2d, draw):
    """bfloat16 的最大值"""
    return max_pool2d(draw.normal(2, 3, 6, 7), 3, 2, 1)


avg_touching = case("avg_pool2d", agrees_with=F.avg_pool2d)(windows_of_any_shape_that_touch)
avg_strides = case("avg_pool2d", agrees_with=F.avg_pool2d)(windows_that_overlap_or_leave_gaps)
avg_padding = case("avg_pool2d", agrees_with=F.avg_pool2d)(padding_up_to_half_of_the_kernel)
avg_unbatched = case("avg_pool2d", agrees_with=F.avg_pool2d)(a_picture_without_a_batch)
avg_whole = case("avg_pool2d", agrees_with=F.avg_pool2d)(the_window_is_the_whole_picture)
avg_gradient = case("avg_pool2d", facet="gradient", agrees_with=F.avg_pool2d)(gradients_of_a_pooling)
avg_small = case("avg_pool2d", facet="interface", agrees_with=F.avg_pool2d)(
    a_single_pixel_a_single_channel_and_no_pictures
)
avg_views = case("avg_pool2d", facet="interface", agrees_with=F.avg_pool2d)(pictures_with_gaps)
avg_too_large = case("avg_pool2d", facet="interface", raises=ValueError)(a_window_larger_than_the_picture)
avg_pad_height = case("avg_pool2d", facet="interface", raises=ValueError)(padding_of_more_than_half_of_the_height)
avg_pad_width = case("avg_pool2d", facet="interface", raises=ValueError)(padding_of_more_than_half_of_the_width)


@case("avg_pool2d", agrees_with=F.avg_pool2d, weight=3)
def the_zeros_of_the_padding_count(avg_pool2d, draw):
    """填充的零计入除数"""
    x = draw.uniform(2, 3, 6, 7, low=1, high=5)
    return avg_pool2d(x, 3, 2, 1), avg_pool2d(x, (2, 4), 1, (1, 2))


@case("avg_pool2d", facet="numerics", agrees_with=F.avg_pool2d, **LARGE_UNIT)
def means_of_very_large_numbers(avg_pool2d, draw):
    """很大的数的平均"""
    return avg_pool2d(whole_numbers(draw, 2, 3, 6, 6) * HUGE, (2, 3))


@case("avg_pool2d", facet="numerics", agrees_with=F.avg_pool2d, **SMALL_UNIT)
def means_of_very_small_numbers(avg_pool2d, draw):
    """很小的数的平均"""
    return avg_pool2d(whole_numbers(draw, 2, 3, 6, 6) * TINY, (2, 3))


@case("avg_pool2d", agrees_with=F.avg_pool2d, **ROUNDED)
def means_in_bfloat16(avg_pool2d, draw):
    """bfloat16 的平均"""
    return avg_pool2d(draw.normal(2, 3, 6, 7), 3, 2, 1)


# small_cnn


def sequential(images, state):
    """The same network as torch.nn modules."""
    first, second, last = (state[f"{i}.weight"] for i in (0, 3, 7))
    network = nn.Sequential(
        nn.Conv2d(first.shape[1], first.shape[0], first.shape[2:], padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(second.shape[1], second.shape[0], second.shape[2:], padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(last.shape[1], last.shape[0]),
    )
    return torch.func.functional_call(network, state, (images,), strict=True)


def weights(draw, c_in, hidden, c_out, places, classes, kernel=3):
    """A state_dict of the network, with activations near 1."""

    def matrix(rows, *columns):
        fan_in = columns[0] * (columns[1] * columns[2] if len(columns) == 3 else 1)
        return draw.normal(rows, *columns, scale=(2 / fan_in) ** 0.5)

    return {
        "0.weight": matrix(hidden, c_in, kernel, kernel),
        "0.bias": draw.normal(hidden, scale=0.3),
        "3.weight": matrix(c_out, hidden, kernel, kernel),
        "3.bias": draw.normal(c_out, scale=0.3),
        "7.weight": matrix(classes, c_out * places),
        "7.bias": draw.normal(classes, scale=0.3),
    }


cnn_case = {"exercise": "small_cnn", "agrees_with": sequential}


@case(**cnn_case, draws=3)
def a_batch_of_small_pictures(small_cnn, draw):
    """一批小图像"""
    return small_cnn(draw.normal(3, 1, 8, 8), weights(draw, 1, 4, 6, 4, 10))


@case(**cnn_case)
def colour_pictures_that_are_not_square(small_cnn, draw):
    """不是正方形的彩色图像"""
    return small_cnn(draw.normal(2, 3, 8, 13), weights(draw, 3, 4, 5, 6, 7))


@case(**cnn_case)
def odd_sizes_lose_their_last_row_and_column(small_cnn, draw):
    """奇数大小，最后一行一列不进入池化"""
    return small_cnn(draw.normal(2, 2, 11, 7), weights(draw, 2, 3, 4, 2, 5))


@case(**cnn_case)
def kernels_of_another_size(small_cnn, draw):
    """别的大小的卷积核"""
    return small_cnn(draw.normal(2, 1, 12, 13), weights(draw, 1, 3, 4, 1, 3, kernel=5))


@case(**cnn_case)
def logits_are_neither_rectified_nor_normalised(small_cnn, draw):
    """logits 既不经过 ReLU 也不归一化"""
    state = weights(draw, 1, 4, 6, 4, 10)
    state["7.bias"] = state["7.bias"] - 5
    return small_cnn(draw.normal(3, 1, 8, 8), state)


@case(**cnn_case, facet="gradient")
def gradients_reach_the_pixels(small_cnn, draw):
    """梯度传到像素"""
    return vjp(small_cnn, draw.normal(3, 2, 8, 9), weights(draw, 2, 4, 6, 4, 10), cotangent=draw)


@case(**cnn_case, facet="interface")
def a_batch_of_one_of_none_and_with_gaps(small_cnn, draw):
    """一幅、零幅与不连续的图像"""
    state = weights(draw, 1, 4, 6, 4, 10)
    return [
        small_cnn(draw.normal(1, 1, 8, 8), state),
        small_cnn(draw.normal(0, 1, 8, 8), state),
        small_cnn(draw.strided(draw.normal(2, 1, 8, 8)), state),
        small_cnn(draw.normal(2, 1, 8, 8).mT, state),
    ]


@case("small_cnn", facet="interface", raises=ValueError)
def pictures_with_other_channels_are_refused(small_cnn, draw):
    """拒绝通道数不符的图像"""
    return small_cnn(draw.normal(2, 3, 8, 8), weights(draw, 1, 4, 6, 4, 10))


@case("small_cnn", facet="interface", raises=ValueError)
def pictures_of_another_size_are_refused(small_cnn, draw):
    """拒绝大小与线性层不符的图像"""
    return small_cnn(draw.normal(2, 1, 12, 12), weights(draw, 1, 4, 6, 4, 10))
