"""What students get wrong in chapter 5, and the hint that each mistake deserves."""

import torch
import torch.nn.functional as F

from autograder.cases import edited, wrong

# linear


@wrong("linear")
def multiplies_without_the_transpose(x, weight, bias=None):
    """`weight` has one row for each output. With which of its dimensions must the features of x be paired?

    `weight` 的每一行对应一个输出。x 的特征应当与它的哪一维配对？
    """
    y = x @ weight
    return y if bias is None else y + bias


@wrong("linear")
def reshapes_instead_of_transposing(x, weight, bias=None):
    """reshape makes the shape fit, but it reads the numbers in their old order. Try it on a 2 × 3 matrix of 0 … 5:
    is that the transpose?

    reshape 只是让形状对上，数字仍按原来的次序读。用 0 … 5 组成的 2 × 3 矩阵试一试：得到的是转置吗？
    """
    y = x @ weight.reshape(weight.shape[1], weight.shape[0])
    return y if bias is None else y + bias


@wrong("linear")
def needs_a_bias(x, weight, bias=None):
    """Without a bias your call fails. What is `bias` when it is not given?

    不给偏置时，你的函数报错。没有给出时，`bias` 是什么？
    """
    return x @ weight.mT + bias


@wrong("linear")
def asks_a_tensor_whether_it_is_true(x, weight, bias=None):
    """`if bias` asks for the truth value of a tensor, which is ambiguous with more than one element, and False for a
    bias of 0. What did you want to ask?

    `if bias` 问的是张量的真假：元素多于一个时有歧义，偏置为 0 时则为假。你想问的是什么？
    """
    y = x @ weight.mT
    return y + bias if bias else y


@wrong("linear")
def knows_a_batch_of_vectors_only(x, weight, bias=None):
    """Fine for (batch, features). What does your transpose or product do with (batch, length, features), or with a
    single vector?

    对 (batch, features) 是对的。遇到 (batch, length, features) 或单个向量，你的转置或乘积会做什么？
    """
    y = torch.mm(x, weight.mT)
    return y if bias is None else y + bias


cuts_the_weight_out_of_the_graph = edited(
    "linear",
    {"weight.mT": "weight.detach().mT"},
    """The values are right, but no gradient reaches the weight: which call cuts it out of the graph?

    值是对的，但梯度传不到权重：哪个调用把它从计算图上剪掉了？
    """,
)


# linear_backward

gives_the_weight_gradient_transposed = edited(
    "linear_backward",
    {"gradients.mT @ examples": "examples.mT @ gradients"},
    """The gradient of W has the shape of W, (outputs, features). Which index comes first in yours?

    W 的梯度与 W 同形，即（输出，特征）。你的结果里哪个指标在前？
    """,
)

multiplies_by_the_transposed_weight = edited(
    "linear_backward",
    {"grad_output @ weight,": "grad_output @ weight.mT,"},
    """Forward, x meets Wᵀ. Write y_o = Σ_i x_i W_oi and differentiate by x_i: over which index of W do you sum?

    前向时 x 乘的是 Wᵀ。写出 y_o = Σ_i x_i W_oi，对 x_i 求导：求和遍历 W 的哪个指标？
    """,
)


@wrong("linear_backward")
def sums_over_the_first_dimension_only(grad_output, x, weight):
    """With (batch, length, features) your gradients of W and b still have a dimension too many. They are shared by
    every example: over how many dimensions must be summed?

    输入是 (batch, length, features) 时，W 和 b 的梯度多出一维。它们为所有样本共用：应当对几个维度求和？
    """
    if grad_output.shape[:-1] != x.shape[:-1] or weight.shape != (grad_output.shape[-1], x.shape[-1]):
        raise ValueError("shapes do not fit")
    grad_weight = (grad_output[..., :, None] * x[..., None, :]).sum(0)
    return grad_output @ weight, grad_weight, grad_output.sum(0)


@wrong("linear_backward")
def averages_over_the_batch(grad_output, x, weight):
    """If the loss is a mean, the 1/n is in `grad_output` already. What does the chain rule do with the contributions
    of several examples to one weight?

    如果损失取了平均，1/n 已经在 `grad_output` 里了。几个样本对同一个权重的贡献，链式法则怎样合并？
    """
    if grad_output.shape[:-1] != x.shape[:-1] or weight.shape != (grad_output.shape[-1], x.shape[-1]):
        raise ValueError("shapes do not fit")
    g, inputs = grad_output.reshape(-1, weight.shape[0]), x.reshape(-1, weight.shape[1])
    return grad_output @ weight, g.mT @ inputs / len(g), g.mean(0)


leaves_the_bias_gradient_one_for_each_example = edited(
    "linear_backward",
    {"gradients.sum(0)": "gradients"},
    """The gradient of b must have the shape of b. Every example adds b: what becomes of their gradients?

    b 的梯度与 b 同形。每个样本都加了 b：它们的梯度应当怎样合并？
    """,
)

takes_a_flat_gradient_for_a_batch_of_sequences = edited(
    "linear_backward",
    {"grad_output.shape != (*x.shape[:-1], weight.shape[0]) or ": ""},
    """A gradient of shape (6, 4) does not belong to an output of shape (2, 3, 4), though both hold 24 numbers. Raise
    ValueError.

    形状 (6, 4) 的梯度不属于形状 (2, 3, 4) 的输出，尽管两者都有 24 个数。应当抛出 ValueError。
    """,
)


# conv_output_size

rounds_up = edited(
    "conv_output_size",
    {"(room - span) // stride + 1": "-((span - room) // stride) + 1"},
    """You count a last window that is only partly inside. Which way does (5.2) round?

    你把最后一个只有一部分在里面的窗口也算进去了。(5.2) 朝哪个方向取整？
    """,
)

rounds_to_the_nearest = edited(
    "conv_output_size",
    {"(room - span) // stride + 1": "round((room - span) / stride + 1)"},
    """round(2.7) is 3, but only two windows fit. Which rounding do the brackets ⌊ ⌋ stand for?

    round(2.7) 是 3，但只放得下两个窗口。⌊ ⌋ 表示哪种取整？
    """,
)

pads_one_side_only = edited(
    "conv_output_size",
    {"room = size + 2 * padding": "room = size + padding"},
    """With padding 1 the image grows by two pixels along each axis. Where is the other one?

    padding 为 1 时，图像在每个方向上增加两个像素。另一个在哪里？
    """,
)

spreads_the_whole_kernel = edited(
    "conv_output_size",
    {"dilation * (kernel_size - 1) + 1": "dilation * kernel_size"},
    """Three pixels at distance 2 reach from 0 to 4. How many gaps lie between three pixels?

    相距为 2 的三个像素从 0 延伸到 4。三个像素之间有几个间隔？
    """,
)

forgets_the_first_window = edited(
    "conv_output_size",
    {"(room - span) // stride + 1": "(room - span) // stride"},
    """You count the steps. How many places are there when the window does not move at all?

    你数的是步数。窗口一步不动时，有几个位置？
    """,
)

takes_the_same_numbers_for_both_axes = edited(
    "conv_output_size",
    {"((v, v) if isinstance(v, int) else v for v": "((v, v) if isinstance(v, int) else (v[0], v[0]) for v"},
    """Height is right, width is not: each axis has its own entry of the pair.

    高是对的，宽不对：每个方向用自己的那个数。
    """,
)

returns_zero_or_less_without_a_word = edited(
    "conv_output_size",
    {" or span > room": ""},
    """A window that fits nowhere makes no output of size 0 or −1: it is a mistake of the caller. Raise ValueError.

    放不下的窗口不该给出 0 或 −1 这样的大小：这是调用者的错误，应当抛出 ValueError。
    """,
)


# unfold

puts_the_window_before_the_channels = edited(
    "unfold",
    {"windows.flatten(-5, -3)": "windows.movedim(-5, -3).flatten(-5, -3)"},
    """The numbers are right, the rows are not in order: all pixels of the first channel's window come first, then
    those of the second. Which dimension changes fastest in yours?

    数是对的，行的次序不对：先是第一个通道窗口内的所有像素，再是第二个通道的。你的结果里哪一维变化最快？
    """,
)

reads_the_places_column_by_column = edited(
    "unfold",
    {".flatten(-2)": ".mT.flatten(-2)"},
    """The columns are in the wrong order: the places are read row by row, as a page is.

    列的次序不对：位置应当像读书一样一行一行地读。
    """,
)

pads_the_top_and_the_left_only = edited(
    "unfold",
    {"(pad_w, pad_w, pad_h, pad_h)": "(2 * pad_w, 0, 2 * pad_h, 0)"},
    """The size is right, but your zeros are all on one side. Padding goes on each of the four.

    大小是对的，但你的零都在一边。四边都要填充。
    """,
)

pads_the_height_by_the_padding_of_the_width = edited(
    "unfold",
    {"(pad_w, pad_w, pad_h, pad_h)": "(pad_h, pad_h, pad_w, pad_w)"},
    """F.pad starts with the *last* dimension: left, right, then top, bottom. Which entry of the pair comes first?

    F.pad 从*最后*一维开始：左、右，然后上、下。应当先用这一对中的哪一个？
    """,
)

takes_the_arguments_in_the_order_of_torch = edited(
    "unfold",
    {
        "stride: int | tuple[int, int] = 1,\n    padding: int | tuple[int, int] = 0,\n    dilation: int |": (
            "dilation: int | tuple[int, int] = 1,\n    padding: int | tuple[int, int] = 0,\n    stride: int |"
        )
    },
    """F.unfold takes dilation, padding, stride; here the order is that of conv2d: stride, padding, dilation.

    F.unfold 的次序是 dilation、padding、stride；这里与 conv2d 相同：stride、padding、dilation。
    """,
)

forgets_that_the_window_has_holes = edited(
    "unfold",
    {
        "dilation_h * torch.arange(kernel_h)": "torch.arange(kernel_h)",
        "dilation_w * torch.arange(kernel_w)": "torch.arange(kernel_w)",
    },
    """The number of places is right, but the pixels of a window are neighbours in yours. How far apart does
    `dilation` put them?

    位置数是对的，但你的窗口里像素彼此相邻。`dilation` 让它们相距多远？
    """,
)

mixes_the_images_of_a_batch = edited(
    "unfold",
    {".flatten(-5, -3)": ".flatten(0, 3)"},
    """Every image keeps its own columns: how many dimensions has the result for a batch?

    每幅图像有自己的列：一批图像的结果有几个维度？
    """,
)


# conv2d

flips_the_kernel = edited(
    "conv2d",
    {"weight.flatten(1)": "weight.flip(-2, -1).flatten(1)"},
    """This is the convolution of mathematics. What (5.3) and every library compute is cross-correlation: the kernel
    lies on the image as it is.

    这是数学里的卷积。(5.3) 和所有的库算的是互相关：卷积核原样放在图像上，不翻转。
    """,
)

deals_the_channels_out_to_the_groups = edited(
    "conv2d",
    {
        "weight.flatten(1).unflatten(0, (groups, -1))": "weight.flatten(1).unflatten(0, (-1, groups)).transpose(0, 1)",
        "(templates @ columns).flatten(-3, -2)": "(templates @ columns).transpose(-3, -2).flatten(-3, -2)",
    },
    """The shape is right. A group is a block of *consecutive* output channels: with 6 outputs and 2 groups, which
    three belong to the first?

    形状是对的。一组是*连续*的一段输出通道：6 个输出、2 组时，哪三个属于第一组？
    """,
)


@wrong("conv2d")
def lets_every_output_see_every_channel(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """You repeat the weights until they cover all channels, so that every group sees all of them. What of the other
    groups' channels should an output see?

    你把权重重复到覆盖全部通道，于是每一组都看到了所有输入。一个输出应当看到别组的通道吗？
    """
    if x.shape[-3] != weight.shape[1] * groups:
        raise ValueError("channels do not fit")
    weight = weight.repeat(1, groups, 1, 1)
    (sh, sw), (ph, pw), (dh, dw) = ((v, v) if isinstance(v, int) else v for v in (stride, padding, dilation))
    kh, kw = weight.shape[2:]
    windows = F.pad(x, (pw, pw, ph, ph)).unfold(-2, dh * (kh - 1) + 1, sh).unfold(-2, dw * (kw - 1) + 1, sw)
    out = torch.einsum("...chwij,ocij->...ohw", windows[..., ::dh, ::dw], weight)
    return out if bias is None else out + bias[:, None, None]


adds_the_bias_along_the_width = edited(
    "conv2d",
    {"bias[:, None, None]": "bias"},
    """One bias for each output *channel*. Along which dimension does broadcasting lay a vector of that length?

    每个输出*通道*一个偏置。广播会把这个长度的向量对齐到哪一维？
    """,
)

takes_width_before_height = edited(
    "conv2d",
    {
        "columns = unfold(": (
            "stride, padding, dilation = (v if isinstance(v, int) else v[::-1] for v in (stride, padding, dilation))\n"
            "    columns = unfold("
        )
    },
    """Right for single numbers, wrong for pairs: a pair is (height, width), and the image is (…, height, width) too.

    单个数时是对的，成对时不对：一对数是（高，宽），图像也是 (…, 高, 宽)。
    """,
)

ignores_the_padding = edited(
    "conv2d",
    {"padding, dilation).unflatten": "0, dilation).unflatten"},
    """The number of places does not come out. How large is the image that your windows walk over?

    位置数对不上。你的窗口走过的图像有多大？
    """,
)

spreads_one_bias_over_all_channels = edited(
    "conv2d",
    {"if bias is not None and bias.shape != weight.shape[:1]:": "if False:"},
    """A bias of one number for four output channels is a mistake that broadcasting hides. Raise ValueError.

    四个输出通道只给一个偏置，是广播掩盖了的错误。应当抛出 ValueError。
    """,
)

knows_batches_only = edited(
    "conv2d",
    {"kernel_size = tuple(": "batch, _, _, _ = x.shape\n    kernel_size = tuple("},
    """One image (channels, height, width) is a legal input too. Which of your lines needs the batch?

    单幅图像（通道，高，宽）也是合法的输入。你的哪一行要用到批维度？
    """,
)


# conv2d_backward

lets_the_last_window_overwrite_the_others = edited(
    "conv2d_backward",
    {"+= grad_windows": "= grad_windows"},
    """A pixel lies in several windows, and the loss depends on it through each. What becomes of their gradients?

    一个像素在好几个窗口里，损失通过每个窗口都依赖它。这些梯度应当怎样合并？
    """,
)

turns_the_kernel_twice = edited(
    "conv2d_backward",
    {"grad_windows[..., i, j, :, :]": "grad_windows[..., -1 - i, -1 - j, :, :]"},
    """A full convolution with the flipped kernel gives the gradient of x, but you already walk from the output to the
    pixels, which is the flip. Through which weight does pixel (h·s + i, w·s + j) reach place (h, w)?

    与翻转的卷积核做完全卷积，得到 x 的梯度；但你已经从输出走回像素，这本身就是翻转。
    像素 (h·s + i, w·s + j) 通过哪个权重影响位置 (h, w)？
    """,
)

leaves_the_padding_on = edited(
    "conv2d_backward",
    {"return grad_padded[..., pad_h : pad_h + height, pad_w : pad_w + width]": "return grad_padded"},
    """Your gradient of x has the shape of the padded image. Whose gradient is on the rim, and who asked for it?

    x 的梯度与填充后的图像同形。边上那一圈是谁的梯度？有人要它吗？
    """,
)

crops_from_the_corner = edited(
    "conv2d_backward",
    {"pad_h : pad_h + height, pad_w : pad_w + width": ":height, :width"},
    """The shape is right, the gradient is shifted. Where does the image lie in the padded one?

    形状是对的，梯度却错开了。图像在填充后的图像里位于何处？
    """,
)

averages_the_weight_gradient_over_the_images = edited(
    "conv2d_backward",
    {"reshape(-1, *weight.shape).sum(0)": "reshape(-1, *weight.shape).mean(0)"},
    """Your weight gradient is the mean over the images. The chain rule knows sums only; a mean in the loss is already
    in `grad_output`.

    你的权重梯度是对各图像的平均。链式法则只有求和；损失里若取了平均，已经在 `grad_output` 里了。
    """,
)

keeps_a_bias_gradient_for_every_image = edited(
    "conv2d_backward",
    {"gradients.sum(-1).reshape(-1, c_out).sum(0)": "gradients.sum(-1)"},
    """The gradient of the bias must have the shape of the bias. Where is one and the same bias added?

    偏置的梯度与偏置同形。同一个偏置加在了哪些地方？
    """,
)


@wrong("conv2d_backward")
def forgets_the_stride_on_the_way_back(grad_output, x, weight, stride=1, padding=0):
    """Right for stride 1. With a stride, place (h, w) saw the window that starts at pixel (h·s, w·s): which pixels
    does your slice take?

    步长为 1 时是对的。有步长时，位置 (h, w) 看的窗口从像素 (h·s, w·s) 开始：你的切片取的是哪些像素？
    """
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    _, c_in, kh, kw = weight.shape
    out_h, out_w = grad_output.shape[-2:]
    if x.shape[-3] != c_in or grad_output.shape[:-2] != (*x.shape[:-3], weight.shape[0]):
        raise ValueError("shapes do not fit")
    if stride == 1 and (out_h, out_w) != (x.shape[-2] + 2 * ph - kh + 1, x.shape[-1] + 2 * pw - kw + 1):
        raise ValueError("shapes do not fit")
    padded = F.pad(x, (pw, pw, ph, ph))
    grad_x, grad_weight = torch.zeros_like(padded), torch.zeros_like(weight)
    for i in range(kh):
        for j in range(kw):
            met = ..., slice(i, i + out_h), slice(j, j + out_w)
            grad_weight[:, :, i, j] = torch.einsum("...ohw,...chw->oc", grad_output, padded[met])
            grad_x[met] += torch.einsum("...ohw,oc->...chw", grad_output, weight[:, :, i, j])
    height, width = x.shape[-2:]
    return grad_x[..., ph : ph + height, pw : pw + width], grad_weight, torch.einsum("...ohw->o", grad_output)


broadcasts_one_channel_of_gradient = edited(
    "conv2d_backward",
    {"grad_output.shape != (*x.shape[:-3], c_out, out_h, out_w) or ": ""},
    """A gradient with one channel does not belong to an output with four, though broadcasting accepts it. Raise
    ValueError.

    只有一个通道的梯度不属于四个通道的输出，尽管广播会接受它。应当抛出 ValueError。
    """,
)


# max_pool2d

pads_with_zeros = edited(
    "max_pool2d",
    {", value=-torch.inf": ""},
    """At the rim of an all-negative picture you answer 0, a number that is nowhere in the picture. Which number loses
    against every other?

    在全是负数的图像边缘，你给出 0，而图像里根本没有 0。哪个数与任何数相比都输？
    """,
)

pads_with_a_large_negative_number = edited(
    "max_pool2d",
    {"-torch.inf": "-1e9"},
    """−10⁹ is not the least number there is: beside −10²⁰ your padding wins. Which number loses against every other?

    −10⁹ 不是最小的数：在 −10²⁰ 旁边，你的填充反而赢了。哪个数与任何数相比都输？
    """,
)

moves_one_pixel_by_default = edited(
    "max_pool2d",
    {"kernel_size if stride is None else stride": "1 if stride is None else stride"},
    """Without a stride your windows overlap. What does a stride of None stand for in a pooling?

    不给步长时，你的窗口重叠了。池化里，步长为 None 表示什么？
    """,
)

takes_the_greatest_of_all_channels = edited(
    "max_pool2d",
    {".unflatten(-2, (x.shape[-3], -1))": ".unflatten(-2, (1, -1))"},
    """A pooling leaves the number of channels as it is: each has its own maximum.

    池化不改变通道数：每个通道有自己的最大值。
    """,
)

returns_the_smallest = edited(
    "max_pool2d",
    {"amax": "amin", "-torch.inf": "torch.inf"},
    """You keep the least of every window.

    你取的是每个窗口里最小的数。
    """,
)

accepts_a_window_of_padding_alone = edited(
    "max_pool2d",
    {"if 2 * pad_h > kernel_h or 2 * pad_w > kernel_w:": "if False:"},
    """With this much padding a window can lie outside the picture altogether, and its maximum is −∞. Raise ValueError
    where the padding is more than half of the kernel.

    填充这么多，窗口可能整个落在图像之外，最大值就成了 −∞。填充超过窗口的一半时，应当抛出 ValueError。
    """,
)

turns_nan_into_a_number = edited(
    "max_pool2d",
    {"windows.amax(-2)": "windows.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf).amax(-2)"},
    """A NaN in a window is the sign of an accident upstream. Who would notice if the maximum passes it over?

    窗口里的 NaN 说明前面出了事故。如果取最大值时跳过它，还有谁会发现？
    """,
)


# avg_pool2d


@wrong("avg_pool2d")
def divides_by_the_pixels_inside_only(x, kernel_size, stride=None, padding=0):
    """At the rim you divide by the number of pixels inside the picture. That is count_include_pad=False; by default
    the zeros count.

    在边缘处你除以图像内的像素数。那是 count_include_pad=False；默认情况下零也要计数。
    """
    stride = kernel_size if stride is None else stride
    (kh, kw), (sh, sw), (ph, pw) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding))
    if 2 * ph > kh or 2 * pw > kw:
        raise ValueError("too much padding")
    windows, inside = (
        F.pad(image, (pw, pw, ph, ph)).unfold(-2, kh, sh).unfold(-2, kw, sw).sum((-2, -1))
        for image in (x, torch.ones_like(x))
    )
    return windows / inside


sums_without_dividing = edited(
    "avg_pool2d",
    {"windows.mean(-2)": "windows.sum(-2)"},
    """Your numbers grow with the window. By what is a sum divided to become a mean?

    你的结果随窗口增大。和除以什么才是平均？
    """,
)

divides_by_the_square_of_the_height = edited(
    "avg_pool2d",
    {"windows.mean(-2)": "(windows.sum(-2) / kernel_h**2)"},
    """Right for square windows. How many pixels has a window of 2 × 3?

    窗口是正方形时是对的。2 × 3 的窗口有几个像素？
    """,
)

moves_by_one_unless_told = edited(
    "avg_pool2d",
    {"kernel_size if stride is None else stride": "1 if stride is None else stride"},
    """Without a stride your windows overlap. What does a stride of None stand for in a pooling?

    不给步长时，你的窗口重叠了。池化里，步长为 None 表示什么？
    """,
)

pads_with_minus_infinity_here_too = edited(
    "avg_pool2d",
    {
        "unfold(x, kernel_size, steps, padding)": (
            "unfold(F.pad(x, (pad_w, pad_w, pad_h, pad_h), value=-torch.inf), kernel_size, steps)"
        )
    },
    """−∞ never wins a maximum, but what does it do to a mean?

    −∞ 在取最大值时不起作用，可它对平均值有什么影响？
    """,
)

accepts_any_padding = edited(
    "avg_pool2d",
    {"if 2 * pad_h > kernel_h or 2 * pad_w > kernel_w:": "if False:"},
    """With this much padding a window can hold nothing of the picture. Raise ValueError where the padding is more than
    half of the kernel.

    填充这么多，窗口里可能没有一个图像的像素。填充超过窗口的一半时，应当抛出 ValueError。
    """,
)


# small_cnn

forgets_the_activations = edited(
    "small_cnn",
    {"torch.relu(": "("},
    """Which layer of the list stands between each convolution and its pooling?

    网络里，每个卷积与它后面的池化之间还有哪一层？
    """,
)

averages_where_it_should_take_the_greatest = edited(
    "small_cnn",
    {"max_pool2d(": "avg_pool2d("},
    """The network has nn.MaxPool2d. Which pooling do you call?

    网络里是 nn.MaxPool2d。你调用的是哪种池化？
    """,
)

flattens_channels_last = edited(
    "small_cnn",
    {"hidden.flatten(1)": "hidden.permute(0, 2, 3, 1).flatten(1)"},
    """The linear layer was trained on features in another order: nn.Flatten reads channel by channel.

    线性层训练时见到的特征是另一种次序：nn.Flatten 一个通道一个通道地读。
    """,
)

normalises_the_logits = edited(
    "small_cnn",
    {'state["7.bias"])': 'state["7.bias"]).softmax(1)'},
    """The last layer of the network is linear. Cross-entropy, which comes after it, has its softmax inside.

    网络的最后一层是线性层。它后面的交叉熵里已经含有 softmax。
    """,
)

rectifies_the_logits_too = edited(
    "small_cnn",
    {
        'return linear(hidden.flatten(1), state["7.weight"], state["7.bias"])': (
            'return torch.relu(linear(hidden.flatten(1), state["7.weight"], state["7.bias"]))'
        )
    },
    """A logit may be negative. After which layers does the network have a ReLU?

    logit 可以是负数。网络在哪些层之后有 ReLU？
    """,
)

convolves_without_padding = edited(
    "small_cnn",
    {", padding=1": ""},
    """With kernels of 3 pixels the picture shrinks by 2 in your convolutions, and the linear layer no longer fits.
    What do the convolutions of the network do at the rim?

    卷积核是 3 个像素时，图像在你的卷积里小了 2，线性层就接不上了。网络的卷积在边缘处做什么？
    """,
)

uses_the_first_bias_twice = edited(
    "small_cnn",
    {'state["3.bias"]': 'state["0.bias"].repeat(9)[: len(state["3.bias"])]'},
    """The second convolution has a bias of its own: which name has it in the state_dict?

    第二个卷积有自己的偏置：它在 state_dict 里叫什么？
    """,
)
