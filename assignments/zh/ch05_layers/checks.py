"""The visible checks of chapter 5: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Rules, case

LINEAR = ("*linear", "addmm", "addmv", "addbmm", "baddbmm")
CONVOLUTION = ("conv1d", "conv2d", "conv3d", "conv_t*", "*convolution*", "*convolve*", "*correlate*")
AUTOGRAD = ("grad", "backward", "*_backward", "vjp", "jacobian", "jacrev", "value_and_grad")

RULES = {
    "linear": Rules(forbids=LINEAR),
    "linear_backward": Rules(forbids=(*LINEAR, *AUTOGRAD)),
    "conv_output_size": Rules(forbids=(*CONVOLUTION, "*pool*", "*unfold*", "im2col")),
    "unfold": Rules(forbids=("*unfold*", "im2col", "sliding_window_view")),
    "conv2d": Rules(forbids=CONVOLUTION),
    "conv2d_backward": Rules(forbids=(*CONVOLUTION, *AUTOGRAD)),
    "max_pool2d": Rules(forbids=("*pool*",)),
    "avg_pool2d": Rules(forbids=("*pool*",)),
    "small_cnn": Rules(forbids=(*LINEAR, *CONVOLUTION, "*pool*", "functional_call")),
}


@case("linear", agrees_with=F.linear)
def three_examples_of_five_features_become_four_outputs(linear, draw):
    """三个样本，五个特征变成四个输出"""
    return linear(draw.normal(3, 5), draw.normal(4, 5), draw.normal(4))


@case("linear", agrees_with=F.linear)
def the_bias_may_be_absent(linear, draw):
    """可以没有偏置"""
    return linear(draw.normal(3, 5), draw.normal(4, 5))


def linear_backward_by_autograd(grad_output, x, weight):
    """The three gradients of torch's own linear."""
    leaves = [t.detach().requires_grad_() for t in (x, weight, weight.new_zeros(weight.shape[0]))]
    return torch.autograd.grad(F.linear(*leaves), leaves, grad_output)


@case("linear_backward", agrees_with=linear_backward_by_autograd)
def three_gradients_of_a_batch(backward, draw):
    """一批样本的三个梯度"""
    return backward(draw.normal(3, 4), draw.normal(3, 5), draw.normal(4, 5))


@case("linear_backward", agrees_with=linear_backward_by_autograd)
def three_gradients_of_a_batch_of_sequences(backward, draw):
    """一批序列的三个梯度"""
    return backward(draw.normal(2, 3, 4), draw.normal(2, 3, 5), draw.normal(4, 5))


def size_by_convolving(size, kernel_size, stride=1, padding=0, dilation=1):
    """The shape that torch's own convolution gives."""
    kernel_h, kernel_w = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    if isinstance(size, int):
        image = torch.zeros(1, 1, size)
        return F.conv1d(image, torch.zeros(1, 1, kernel_size), None, stride, padding, dilation).shape[-1]
    image = torch.zeros(1, 1, *size)
    return tuple(F.conv2d(image, torch.zeros(1, 1, kernel_h, kernel_w), None, stride, padding, dilation).shape[-2:])


@case("conv_output_size", agrees_with=size_by_convolving)
def a_kernel_of_three_with_and_without_padding_and_stride(conv_output_size, draw):
    """大小为 3 的卷积核：填充 0 或 1，步长 1 或 2"""
    return [conv_output_size(28, 3), conv_output_size(28, 3, padding=1), conv_output_size(28, 3, stride=2, padding=1)]


@case("conv_output_size", agrees_with=size_by_convolving)
def height_and_width_at_once(conv_output_size, draw):
    """高和宽一起算"""
    return conv_output_size((12, 17), (3, 5), (1, 2), (0, 1), (2, 1))


def unfold_by_torch(x, kernel_size, stride=1, padding=0, dilation=1):
    """torch's own unfold, whose arguments come in another order."""
    return F.unfold(x, kernel_size, dilation, padding, stride)


@case("unfold", agrees_with=unfold_by_torch)
def every_window_becomes_a_column(unfold, draw):
    """每个窗口变成一列"""
    return unfold(draw.normal(2, 3, 5, 6), 3)


@case("unfold", agrees_with=unfold_by_torch)
def stride_padding_and_dilation(unfold, draw):
    """步长、填充与空洞"""
    return unfold(draw.normal(2, 3, 7, 8), (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 3))


@case("conv2d", agrees_with=F.conv2d)
def a_bank_of_templates_over_a_batch(conv2d, draw):
    """一组模板扫过一批图像"""
    return conv2d(draw.normal(2, 3, 6, 7), draw.normal(4, 3, 3, 3), draw.normal(4), padding=1)


@case("conv2d", agrees_with=F.conv2d)
def two_groups_and_pairs(conv2d, draw):
    """两个组，参数是（高，宽）对"""
    return conv2d(draw.normal(2, 4, 8, 7), draw.normal(6, 2, 3, 2), stride=(1, 2), dilation=(2, 1), groups=2)


def conv2d_backward_by_autograd(grad_output, x, weight, stride=1, padding=0):
    """The three gradients of torch's own convolution."""
    leaves = [t.detach().requires_grad_() for t in (x, weight, weight.new_zeros(weight.shape[0]))]
    return torch.autograd.grad(F.conv2d(*leaves, stride, padding), leaves, grad_output)


@case("conv2d_backward", agrees_with=conv2d_backward_by_autograd)
def three_gradients_of_a_convolution(backward, draw):
    """卷积的三个梯度"""
    return backward(draw.normal(2, 4, 4, 5), draw.normal(2, 3, 6, 7), draw.normal(4, 3, 3, 3))


@case("conv2d_backward", agrees_with=conv2d_backward_by_autograd)
def gradients_with_stride_and_padding(backward, draw):
    """有步长和填充时的梯度"""
    return backward(draw.normal(2, 4, 3, 4), draw.normal(2, 3, 5, 7), draw.normal(4, 3, 3, 3), stride=2, padding=1)


@case("max_pool2d", agrees_with=F.max_pool2d)
def the_greatest_of_every_two_by_two_pixels(max_pool2d, draw):
    """每 2 × 2 个像素取最大"""
    return max_pool2d(draw.normal(2, 3, 6, 8), 2)


@case("max_pool2d", agrees_with=F.max_pool2d)
def overlapping_windows_with_padding(max_pool2d, draw):
    """有填充、互相重叠的窗口"""
    return max_pool2d(draw.normal(2, 3, 6, 7), 3, stride=2, padding=1)


@case("avg_pool2d", agrees_with=F.avg_pool2d)
def the_mean_of_every_two_by_two_pixels(avg_pool2d, draw):
    """每 2 × 2 个像素取平均"""
    return avg_pool2d(draw.normal(2, 3, 6, 8), 2)


@case("avg_pool2d", agrees_with=F.avg_pool2d)
def padded_zeros_count(avg_pool2d, draw):
    """填充的零计入平均"""
    return avg_pool2d(draw.normal(2, 3, 6, 7), 3, stride=2, padding=1)


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


@case("small_cnn", agrees_with=sequential)
def a_batch_of_digits_becomes_rows_of_logits(small_cnn, draw):
    """一批数字图像变成一行行 logits"""
    state = {
        "0.weight": draw.normal(8, 1, 3, 3, scale=0.3),
        "0.bias": draw.normal(8, scale=0.3),
        "3.weight": draw.normal(16, 8, 3, 3, scale=0.2),
        "3.bias": draw.normal(16, scale=0.3),
        "7.weight": draw.normal(10, 64, scale=0.2),
        "7.bias": draw.normal(10),
    }
    return small_cnn(draw.uniform(5, 1, 8, 8), state)
