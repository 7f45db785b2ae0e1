"""What students really write in chapter 7, with the hint that each deserves."""

import torch

from autograder.cases import edited, wrong

normalises_with_the_unbiased_variance = edited(
    "batch_norm",
    {
        "x.var(dims, correction=0)": "x.var(dims)",
        "var.detach() * count / (count - 1)": "var.detach()",
    },
    """Your running statistics are right and your output is a little too small: torch divides by m − 1 unless told
    otherwise. Which of the two variances stands under the root of (7.1)?

    滑动统计量是对的，输出却略微偏小：torch 的方差默认除以 m − 1。(7.1) 的根号下是哪一个方差？
    """,
)

keeps_the_biased_variance_in_the_running_average = edited(
    "batch_norm",
    {"var.detach() * count / (count - 1)": "var.detach()"},
    """The output is right, the running variance a little too small. It is to stand for the variance of all the data,
    of which a batch is a sample: what is divided by then?

    输出是对的，滑动方差却略微偏小。它要代表全部数据的方差，而一个批次只是样本：这时应当除以什么？
    """,
)

counts_samples_but_not_positions = edited(
    "batch_norm",
    {"count = x[:, 0].numel()": "count = x.shape[0]"},
    """Right for vectors; for images the running variance is too large. How many values of a channel went into it?

    对向量是对的，对图像则滑动方差偏大。一个通道有多少个值参与了计算？
    """,
)

gives_the_old_statistics_the_weight_momentum = edited(
    "batch_norm",
    {
        "running_mean.lerp_(mean.detach(), momentum)": "running_mean.lerp_(mean.detach(), 1 - momentum)",
        "count / (count - 1), momentum)": "count / (count - 1), 1 - momentum)",
    },
    """In an optimizer momentum is the share of the old; here, and in torch, it is the share of the new. With 0.1, how
    much of the running mean survives one batch?

    在优化器里 momentum 是旧值的份额；在这里（torch 也一样）它是新值的份额。
    momentum = 0.1 时，一个批次之后滑动均值还剩多少旧值？
    """,
)

uses_the_statistics_of_the_batch_always = edited(
    "batch_norm",
    {"mean, var = running_mean, running_var": "mean, var = x.mean([0, *range(2, x.dim())]), x.var(0).mean()"},
    """In evaluation the result for one sample must not depend on the others. Which statistics are there for that?

    推理时，一个样本的结果不应取决于同批的其他样本。那该用哪些统计量？
    """,
)

updates_the_statistics_in_evaluation_too = edited(
    "batch_norm",
    {"        mean, var = running_mean, running_var": "        mean, var = running_mean, running_var.mul_(0.9)"},
    """The statistics changed in evaluation: a model that is only being tested would drift with what it is tested on.

    推理时统计量也变了：模型只是被测试，却会随着测试数据漂移。
    """,
)

normalises_by_the_running_statistics_while_training = edited(
    "batch_norm",
    {
        "            running_mean.lerp_": "            running_mean.lerp_",
        "    along_channels = (-1,": (
            "    if running_mean is not None:\n        mean, var = running_mean, running_var\n    along_channels = (-1,"
        ),
    },
    """While training the batch is normalised by its own mean and variance; the running ones are only kept for later.

    训练时，批次用自己的均值和方差归一化；滑动统计量只是存起来留待以后用。
    """,
)

averages_over_samples_only = edited(
    "batch_norm",
    {
        "dims = [0, *range(2, x.dim())]": "dims = [0]",
        "count = x[:, 0].numel()": "count = x.shape[0]",
        "mean, var = x.mean(dims), x.var(dims, correction=0)": (
            "mean = x.mean(dims).flatten(1).mean(1) if x.dim() > 2 else x.mean(dims)\n"
            "        var = x.var(dims, correction=0)\n"
            "        var = var.flatten(1).mean(1) if x.dim() > 2 else var"
        ),
    },
    """Right for vectors. For images a channel's variance is that of all its pixels in all samples about one mean, not
    the average of the variances at each pixel.

    对向量是对的。对图像，通道的方差是所有样本的所有像素围绕同一个均值的方差，而不是各像素处方差的平均。
    """,
)

adds_epsilon_to_the_root = edited(
    "batch_norm",
    {"torch.sqrt(var.view(along_channels) + eps)": "(torch.sqrt(var.view(along_channels)) + eps)"},
    """ε stands under the root. Outside it the result differs where the variance is small, and a constant channel has
    the gradient NaN: what is the slope of a root at 0?

    ε 在根号之内。放在外面，方差小的地方结果就不同，恒定的通道梯度还会是 NaN：根号在 0 处的斜率是多少？
    """,
)

makes_new_statistics_instead_of_changing_the_old = edited(
    "batch_norm",
    {
        "running_mean.lerp_(mean.detach(), momentum)": "running_mean = running_mean.lerp(mean.detach(), momentum)",
        "running_var.lerp_(var": "running_var = running_var.lerp(var",
    },
    """After the call the caller's statistics are what they were: = gives a name to a new tensor. Which operations
    write into the old one?

    调用之后，调用者手里的统计量一点没变：= 只是让名字指向一个新张量。哪些运算会写入原来的张量？
    """,
)

keeps_the_graph_in_the_running_statistics = edited(
    "batch_norm",
    {"mean.detach(), momentum": "mean, momentum", "var.detach() * count": "var * count"},
    """The numbers are right, but the running statistics now require a gradient: they hold on to the graph of every
    batch so far, until memory is full. What cuts a tensor off from its graph?

    数值是对的，但滑动统计量带上了梯度：它们一直抓着此前每个批次的计算图，直到内存耗尽。怎样让张量脱离计算图？
    """,
)

treats_the_statistics_of_the_batch_as_constants = edited(
    "batch_norm",
    {
        "mean, var = x.mean(dims), x.var(dims, correction=0)": (
            "mean, var = x.mean(dims).detach(), x.var(dims, correction=0).detach()"
        )
    },
    """The values are right, the gradient is not: E[x] and Var[x] depend on x too. Only the running statistics are
    constants.

    值是对的，梯度不对：E[x] 和 Var[x] 也依赖 x。只有滑动统计量才是常数。
    """,
)

subtracts_the_square_of_the_mean = edited(
    "batch_norm",
    {"x.var(dims, correction=0)": "(x.square().mean(dims) - x.mean(dims).square()).clamp(min=0)"},
    """E[x²] − E[x]² is an identity on paper. For numbers near 1000 both terms are near 10⁶, where float32 has steps of
    1/16: what is left of a variance of 1?

    E[x²] − E[x]² 在纸上是恒等式。但数在 1000 附近时两项都在 10⁶ 附近，
    那里 float32 的间隔是 1/16：大小为 1 的方差还剩下什么？
    """,
)

accepts_one_value_a_channel = edited(
    "batch_norm",
    {"if count < 2:": "if False:"},
    """One value minus its own mean is 0 whatever the value: the layer's output would not depend on its input. Raise
    ValueError, as torch does.

    一个值减去自己的均值总是 0，无论它是多少：这一层的输出就与输入无关了。应当像 torch 那样抛出 ValueError。
    """,
)

lets_any_weight_broadcast = edited(
    "batch_norm",
    {"if vector is not None and vector.shape != x.shape[1:2]:": "if False:"},
    """A weight of size 1 broadcasts to every channel without a word. It is one for another layer: raise ValueError.

    大小为 1 的 weight 会不声不响地广播到每个通道。它属于另一个层：应当抛出 ValueError。
    """,
)


keeps_plain_tensors_for_buffers = edited(
    "BatchNorm2d",
    {
        'self.register_buffer("running_mean", torch.zeros(num_features))': (
            "self.running_mean = torch.zeros(num_features)"
        ),
        'self.register_buffer("running_var", torch.ones(num_features))': "self.running_var = torch.ones(num_features)",
    },
    """A plain tensor is in no state_dict, and .to(dtype) passes it by. What makes a tensor part of a module without
    making it a parameter?

    普通张量不进入 state_dict，.to(dtype) 也不会转换它。怎样让张量成为模块的一部分而又不是参数？
    """,
)

makes_parameters_of_the_running_statistics = edited(
    "BatchNorm2d",
    {
        'self.register_buffer("running_mean", torch.zeros(num_features))': (
            "self.running_mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)"
        ),
        'self.register_buffer("running_var", torch.ones(num_features))': (
            "self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)"
        ),
    },
    """The state_dict looks right, but an optimizer gets the running statistics among parameters(), and weight decay
    would pull them to 0. They are not learned: what are tensors of this kind called?

    state_dict 看起来是对的，但优化器会在 parameters() 里拿到滑动统计量，
    weight decay 会把它们拉向 0。它们不是学出来的：这类张量叫什么？
    """,
)

never_counts_the_batches = edited(
    "BatchNorm2d",
    {"self.num_batches_tracked += self.training": "pass", "self.num_batches_tracked.item()": "1"},
    """num_batches_tracked stays at 0. What needs it: how much does the newest of k batches weigh in a plain average?

    num_batches_tracked 一直是 0。什么时候用得到它：k 个批次的普通平均里，最新的一个占多少？
    """,
)

counts_batches_in_evaluation = edited(
    "BatchNorm2d",
    {"self.num_batches_tracked += self.training": "self.num_batches_tracked += 1"},
    """The count grows in evaluation as well, where nothing is averaged.

    推理时计数也在增加，而那时并没有在求平均。
    """,
)

always_trains = edited(
    "BatchNorm2d",
    {"self.weight, self.bias, self.training,": "self.weight, self.bias, True,"},
    """eval() changes nothing in your module. Which attribute of a module do train() and eval() set?

    在你的模块上 eval() 不起作用。train() 和 eval() 设置的是模块的哪个属性？
    """,
)

takes_a_momentum_of_zero_for_none = edited(
    "BatchNorm2d",
    {
        "1 / self.num_batches_tracked.item() if self.training and self.momentum is None else self.momentum": (
            "self.momentum or 1 / max(self.num_batches_tracked.item(), 1)"
        )
    },
    """0 is false in Python, and so is None. A momentum of 0 is legal and means that the statistics stay.

    在 Python 里 0 为假，None 也为假。momentum 为 0 是合法的，意思是统计量保持不变。
    """,
)

averages_with_the_default_momentum_for_none = edited(
    "BatchNorm2d",
    {"1 / self.num_batches_tracked.item() if": "0.1 if"},
    """With momentum=None all batches so far should weigh the same. In the running average of k batches, what is the
    share of the newest?

    momentum=None 时，此前所有批次的权重应当相同。k 个批次的滑动平均里，最新的一个占多少？
    """,
)

starts_with_a_variance_of_zero = edited(
    "BatchNorm2d",
    {
        'self.register_buffer("running_var", torch.ones(num_features))': (
            'self.register_buffer("running_var", torch.zeros(num_features))'
        )
    },
    """A module that is evaluated before it has seen a batch should leave its input almost as it is. Yours divides by
    √ε. At what should the running variance start?

    模块还没见过任何批次就做推理时，应当几乎原样输出。你的模块会除以 √ε。滑动方差应当从多少开始？
    """,
)

has_a_weight_and_a_bias_always = edited(
    "BatchNorm2d",
    {" if affine else None": ""},
    """affine=False asks for a module with nothing to learn; a layer that follows may have a bias of its own.

    affine=False 要的是一个没有可学参数的模块，例如后面的层自己有偏置时。
    """,
)

forgets_epsilon_on_the_way = edited(
    "BatchNorm2d",
    {", momentum, self.eps)": ", momentum)"},
    """BatchNorm2d(3, eps=0.2) computes the same as BatchNorm2d(3). Where does your forward use eps?

    BatchNorm2d(3, eps=0.2) 与 BatchNorm2d(3) 算得一样。你的 forward 在哪里用到了 eps？
    """,
)

makes_a_module_of_no_channels = edited(
    "BatchNorm2d",
    {"if num_features < 1:": "if False:"},
    """BatchNorm2d(0) is a mistake of the caller's: refuse it when the module is made.

    BatchNorm2d(0) 是调用者的错误：应当在构造时就拒绝。
    """,
)

takes_rows_for_images = edited(
    "BatchNorm2d",
    {"if x.dim() != 4:": "if False:"},
    """The 2 in the name means two spatial dimensions: refuse anything but (n, c, h, w) with ValueError.

    名字里的 2 表示两个空间维：除 (n, c, h, w) 以外的输入都应以 ValueError 拒绝。
    """,
)


@wrong("layer_norm")
def normalises_every_feature_over_the_batch(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """That is batch norm. The dimensions that are averaged over are those of normalized_shape, at the end of x.

    这是批归一化。求平均的应当是 normalized_shape 的那些维，即 x 的最后几维。
    """
    y = (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


normalises_the_last_dimension_only = edited(
    "layer_norm",
    {"dims = tuple(range(-len(shape), 0))": "dims = (-1,)"},
    """Right for one dimension. How many does normalized_shape have?

    只有一维时是对的。normalized_shape 有几维？
    """,
)

adds_epsilon_outside_the_root = edited(
    "layer_norm",
    {
        "torch.sqrt(centred.square().mean(dims, keepdim=True) + eps)": (
            "(torch.sqrt(centred.square().mean(dims, keepdim=True)) + eps)"
        )
    },
    """Where the variance is far below ε your result is about 300 times too large, and a constant row has the gradient
    NaN. Where does ε stand in (7.2)?

    方差远小于 ε 时，你的结果大了约 300 倍；恒定的一行梯度还是 NaN。(7.2) 里 ε 在哪里？
    """,
)

divides_by_one_less = edited(
    "layer_norm",
    {"centred.square().mean(dims, keepdim=True)": "x.var(dims, keepdim=True)"},
    """torch.var divides by m − 1 unless told otherwise. What does (7.2) divide by?

    torch.var 默认除以 m − 1。(7.2) 除以多少？
    """,
)

forgets_to_subtract_the_mean = edited(
    "layer_norm",
    {"y = centred / torch": "y = x / torch"},
    """Your rows have the right spread and the wrong mean.

    你的各行，离散程度对了，均值不对。
    """,
)

scales_by_the_root_mean_square = edited(
    "layer_norm",
    {"centred = x - x.mean(dims, keepdim=True)": "centred = x"},
    """This is RMS norm (15.1), which leaves the mean in place. Which two statistics are there in (7.2)?

    这是 RMS norm（15.1），它不减均值。(7.2) 用了哪两个统计量？
    """,
)

squares_before_it_subtracts = edited(
    "layer_norm",
    {
        "centred.square().mean(dims, keepdim=True)": (
            "(x.square().mean(dims, keepdim=True) - x.mean(dims, keepdim=True).square()).clamp(min=0)"
        )
    },
    """E[x²] − E[x]² loses its digits where the mean is large: near 1000, float32 has steps of 1/16 for x². What can be
    subtracted before squaring?

    均值很大时 E[x²] − E[x]² 会丢掉有效数字：在 1000 附近，x² 在 float32 里的间隔是 1/16。平方之前可以先减去什么？
    """,
)

takes_mean_and_variance_for_constants = edited(
    "layer_norm",
    {
        "x - x.mean(dims, keepdim=True)": "x - x.mean(dims, keepdim=True).detach()",
        "centred.square().mean(dims, keepdim=True)": "centred.square().mean(dims, keepdim=True).detach()",
    },
    """The values are right, the gradient is not: a feature moves the mean and the variance of its row as well.

    值是对的，梯度不对：一个特征变化时，所在行的均值和方差也跟着变。
    """,
)

uses_the_bias_only_beside_a_weight = edited(
    "layer_norm",
    {
        "        y = y * weight\n    if bias is not None:\n        y = y + bias": (
            "        y = y * weight\n        if bias is not None:\n            y = y + bias"
        )
    },
    """weight and bias may each be given without the other.

    weight 和 bias 可以只给其中一个。
    """,
)

takes_any_trailing_shape = edited(
    "layer_norm",
    {"if not shape or x.shape[-len(shape) :] != shape:": "if False:"},
    """normalized_shape says which sizes the last dimensions must have; you only use how many there are. Raise
    ValueError where they differ.

    normalized_shape 规定了最后几维的大小，而你只用到了它有几维。不符时应当抛出 ValueError。
    """,
)

lets_weight_and_bias_broadcast = edited(
    "layer_norm",
    {"if vector is not None and vector.shape != shape:": "if False:"},
    """A weight of another shape than normalized_shape may happen to broadcast. Raise ValueError.

    形状与 normalized_shape 不同的 weight 可能恰好能广播。应当抛出 ValueError。
    """,
)


takes_mean_and_deviation_for_constants = edited(
    "layer_norm_backward",
    {"(grad - along_ones - along_normalized) / deviation": "grad / deviation"},
    """That is the gradient if E[x] and Var[x] were constants. How does the loss change when all features of a row grow
    by the same amount? Sum your grad_x over a row.

    这是把 E[x] 和 Var[x] 当作常数时的梯度。一行的所有特征同时增加同一个数，损失会变吗？把你的 grad_x 沿一行加起来看看。
    """,
)

takes_the_deviation_for_a_constant = edited(
    "layer_norm_backward",
    {"(grad - along_ones - along_normalized) / deviation": "(grad - along_ones) / deviation"},
    """The mean is taken care of; the deviation depends on x as well. What happens to the loss when a row moves along
    its own x̂?

    均值处理对了；但标准差也依赖 x。让一行沿自己的 x̂ 方向移动，损失会怎样？
    """,
)

forgets_the_weight = edited(
    "layer_norm_backward",
    {"grad = grad_output * weight": "grad = grad_output"},
    """Between x̂ and y stands γ. What is ∂loss/∂x̂?

    x̂ 与 y 之间还隔着 γ。∂loss/∂x̂ 是什么？
    """,
)

multiplies_by_the_weight_at_the_end = edited(
    "layer_norm_backward",
    {
        "grad = grad_output * weight": "grad = grad_output",
        "(grad - along_ones - along_normalized) / deviation": (
            "weight * (grad - along_ones - along_normalized) / deviation"
        ),
    },
    """γ differs from feature to feature, so it does not pass through the averages over the features: multiply by it
    first.

    各个特征的 γ 不同，所以它不能从对特征的平均中提出来：应当先乘。
    """,
)

forgets_to_divide_by_the_deviation = edited(
    "layer_norm_backward",
    {"(grad - along_ones - along_normalized) / deviation": "grad - along_ones - along_normalized"},
    """Your grad_x has the right direction and the wrong size. What is ∂x̂/∂x for large rows?

    你的 grad_x 方向对、大小不对。x 的数值很大时，∂x̂/∂x 有多大？
    """,
)

differentiates_the_unbiased_variance = edited(
    "layer_norm_backward",
    {"centred.square().mean(dims, keepdim=True)": "x.var(dims, keepdim=True)"},
    """The forward pass divided by m, not by m − 1.

    前向计算除以的是 m，不是 m − 1。
    """,
)

weighs_the_gradient_of_the_weight = edited(
    "layer_norm_backward",
    {"(grad_output * normalized).sum_to_size": "(grad * normalized).sum_to_size"},
    """y = x̂ γ + β: the derivative by γ does not contain γ.

    y = x̂ γ + β：对 γ 的导数里没有 γ。
    """,
)

sums_over_the_first_dimension_only = edited(
    "layer_norm_backward",
    {
        "(grad_output * normalized).sum_to_size(weight.shape)": "(grad_output * normalized).sum(0)",
        "grad_output.sum_to_size(weight.shape)": "grad_output.sum(0)",
    },
    """Right for one batch dimension. There may be two, or none: over which dimensions was γ shared?

    恰有一个批次维时是对的。也可能有两个，或一个都没有：γ 在哪些维上是共用的？
    """,
)

gives_gradients_for_each_sample = edited(
    "layer_norm_backward",
    {
        "(grad_output * normalized).sum_to_size(weight.shape)": "grad_output * normalized",
        "grad_output.sum_to_size(weight.shape)": "grad_output",
    },
    """γ and β are shared by all samples, so what all samples say of them is added up.

    γ 和 β 由所有样本共用，所以要把所有样本的贡献加起来。
    """,
)

takes_whatever_broadcasts = edited(
    "layer_norm_backward",
    {"if grad_output.shape != x.shape or x.shape[-weight.dim() :] != weight.shape:": "if False:"},
    """A gradient of shape (3, 1) is not one for an input of shape (3, 5), though broadcasting accepts it. Raise
    ValueError.

    形状 (3, 1) 的梯度不属于形状 (3, 5) 的输入，尽管广播会接受它。应当抛出 ValueError。
    """,
)


@wrong("instance_norm")
def normalises_every_sample_over_its_channels_too(x, eps=1e-5):
    """This mixes the channels of a sample. In instance norm every channel has statistics of its own.

    这样会把一个样本的各通道混在一起。实例归一化里，每个通道有自己的统计量。
    """
    if x.shape[2:].numel() < 2:
        raise ValueError("positions")
    dims = tuple(range(1, x.dim()))
    return (x - x.mean(dims, keepdim=True)) / torch.sqrt(x.var(dims, correction=0, keepdim=True) + eps)


@wrong("instance_norm")
def normalises_every_channel_over_the_batch(x, eps=1e-5):
    """That is batch norm: here a sample must not depend on the others.

    这是批归一化：在这里，一个样本不应依赖其他样本。
    """
    if x.shape[2:].numel() < 2:
        raise ValueError("positions")
    dims = (0, *range(2, x.dim()))
    return (x - x.mean(dims, keepdim=True)) / torch.sqrt(x.var(dims, correction=0, keepdim=True) + eps)


@wrong("instance_norm")
def normalises_the_last_dimension_alone(x, eps=1e-5):
    """Right for sequences. An image has two spatial dimensions, and both are positions of the same channel.

    对序列是对的。图像有两个空间维，它们都是同一通道的位置。
    """
    if x.shape[2:].numel() < 2:
        raise ValueError("positions")
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, correction=0, keepdim=True) + eps)


@wrong("instance_norm")
def takes_the_unbiased_variance(x, eps=1e-5):
    """Divide by the number of positions, not by one less.

    除以位置的个数，而不是个数减一。
    """
    if x.shape[2:].numel() < 2:
        raise ValueError("positions")
    dims = tuple(range(2, x.dim()))
    return (x - x.mean(dims, keepdim=True)) / torch.sqrt(x.var(dims, keepdim=True) + eps)


@wrong("instance_norm")
def only_subtracts_the_mean(x, eps=1e-5):
    """The brightness of a channel is gone, its contrast is still there.

    通道的亮度去掉了，对比度还在。
    """
    if x.shape[2:].numel() < 2:
        raise ValueError("positions")
    return x - x.mean(tuple(range(2, x.dim())), keepdim=True)


accepts_a_single_position = edited(
    "instance_norm",
    {"if positions.numel() < 2:": "if False:"},
    """With one position the result is 0 whatever the input: refuse it with ValueError, as torch does.

    只有一个位置时，无论输入是什么结果都是 0：应当像 torch 那样以 ValueError 拒绝。
    """,
)


@wrong("group_norm")
def takes_every_gth_channel_into_a_group(x, num_groups, weight=None, bias=None, eps=1e-5):
    """Your groups are channels 0, g, 2g, …; a group should be neighbouring channels. Which of the two new dimensions
    comes first when you split?

    你的组是通道 0、g、2g……；一组应当是相邻的通道。拆分时，两个新维度哪个在前？
    """
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError("groups")
    for vector in (weight, bias):
        if vector is not None and vector.shape != x.shape[1:2]:
            raise ValueError("shape")
    groups = x.unflatten(1, (x.shape[1] // num_groups, num_groups))
    dims = (1, *range(3, groups.dim()))
    var, mean = torch.var_mean(groups, dims, correction=0, keepdim=True)
    y = ((groups - mean) / torch.sqrt(var + eps)).flatten(1, 2)
    ones = (-1, *[1] * (x.dim() - 2))
    y = y if weight is None else y * weight.view(ones)
    return y if bias is None else y + bias.view(ones)


takes_the_number_of_groups_for_their_size = edited(
    "group_norm",
    {"(num_groups, -1)": "(channels // num_groups, -1)"},
    """With 6 channels and num_groups=2 you have 3 groups of 2. What does num_groups count?

    6 个通道、num_groups=2 时，你分出了 3 组、每组 2 个。num_groups 数的是什么？
    """,
)

shares_the_statistics_between_samples = edited(
    "group_norm",
    {
        "y = layer_norm(groups, groups.shape[2:], eps=eps)": (
            "y = groups - groups.mean((0, 2), keepdim=True)\n"
            "    y = y / torch.sqrt(y.square().mean((0, 2), keepdim=True) + eps)\n"
            "    y = y"
        )
    },
    """You average over the batch too. Group norm was made so that it does not: a batch of one must give the same.

    你对批次也求了平均。组归一化正是为了不这样做：只有一个样本的批次也应给出同样的结果。
    """,
)

forgets_the_positions = edited(
    "group_norm",
    {
        "groups = x.flatten(1).unflatten(1, (num_groups, -1))": (
            "groups = x.unflatten(1, (num_groups, -1)).movedim(2, -1)"
        ),
        "layer_norm(groups, groups.shape[2:], eps=eps)": (
            "layer_norm(groups, groups.shape[-1:], eps=eps).movedim(-1, 2).contiguous()"
        ),
    },
    """Each position is normalised by itself over the channels of a group. Mean and variance run over all positions too.

    你在每个位置上各自对组内的通道做归一化。均值和方差还要遍历所有位置。
    """,
)

drops_epsilon = edited(
    "group_norm",
    {"eps=eps)": "eps=1e-5)"},
    """eps=0.5 changes nothing in your result.

    给出 eps=0.5，你的结果没有变化。
    """,
)

ignores_weight_and_bias = edited(
    "group_norm",
    {"if weight is not None:": "if False:", "if bias is not None:": "if False:"},
    """Your result does not depend on weight and bias.

    你的结果与 weight、bias 无关。
    """,
)

multiplies_along_the_last_dimension = edited(
    "group_norm",
    {"along_channels = (-1, *[1] * (x.dim() - 2))": "along_channels = (-1,)"},
    """weight has one number a channel, and broadcasting lines it up with the last dimension. Where are the channels?

    weight 每个通道一个数，而广播会把它与最后一维对齐。通道在哪一维？
    """,
)

accepts_groups_that_do_not_fit = edited(
    "group_norm",
    {"if num_groups < 1 or channels % num_groups:": "if False:"},
    """Four channels with three positions each are twelve numbers, and three groups of four numbers can be had; but they
    cut channels in two. Raise ValueError.

    四个通道各有三个位置，共十二个数，确实能分成三组、每组四个；但这样会把通道切开。应当抛出 ValueError。
    """,
)

lets_one_weight_serve_all = edited(
    "group_norm",
    {"if vector is not None and vector.shape != (channels,):": "if False:"},
    """A weight of another size than the number of channels is a mistake of the caller's, though it may broadcast.

    大小与通道数不同的 weight 是调用者的错误，哪怕它能广播。
    """,
)


normalises_after_the_relu = edited(
    "deep_activations",
    {"torch.relu(norm(x @ weight.mT))": "norm(torch.relu(x @ weight.mT))"},
    """The norm stands between the linear map and the ReLU: what the next layer sees is never negative.

    归一化在线性映射与 ReLU 之间：下一层看到的数从不为负。
    """,
)

normalises_only_what_it_measures = edited(
    "deep_activations",
    {
        "x = torch.relu(norm(x @ weight.mT))": "x = torch.relu(x @ weight.mT)",
        "x.std(correction=0)": "torch.relu(norm(x)).std(correction=0)",
    },
    """The next layer must get the normalised activations, not only the measurement.

    归一化之后的激活要传给下一层，而不是只用来测量。
    """,
)

measures_before_the_relu = edited(
    "deep_activations",
    {
        "x = torch.relu(norm(x @ weight.mT))": "z = norm(x @ weight.mT)\n        x = torch.relu(z)",
        "x.std(correction=0)": "z.std(correction=0)",
    },
    """You measure what goes into the ReLU. h_l is what comes out.

    你测的是进入 ReLU 之前的数。h_l 是出来之后的。
    """,
)

averages_the_deviation_of_every_feature = edited(
    "deep_activations",
    {"x.std(correction=0)": "x.std(0, correction=0).mean()"},
    """One standard deviation over all entries of a layer is not the mean of those of its features: how much the
    features differ from each other counts too.

    一层所有元素的标准差，不等于各特征标准差的平均：特征之间的差异也要算进去。
    """,
)

divides_by_one_less_than_the_entries = edited(
    "deep_activations",
    {"x.std(correction=0)": "x.std()"},
    """torch.std divides by m − 1 unless told otherwise.

    torch.std 默认除以 m − 1。
    """,
)

cuts_the_graph_with_numbers = edited(
    "deep_activations",
    {"x.std(correction=0)": "x.std(correction=0).item()"},
    """The values are right, but .item() makes a Python number of them, through which no gradient flows.

    值是对的，但 .item() 把它变成了 Python 数，梯度传不过去。
    """,
)

ignores_the_norm = edited(
    "deep_activations",
    {"norm(x @ weight.mT)": "x @ weight.mT"},
    """Your curve is the same whatever the norm.

    无论给什么归一化，你的曲线都一样。
    """,
)

feeds_every_layer_the_input = edited(
    "deep_activations",
    {"        x = torch.relu(norm(x @ weight.mT))": "        h = torch.relu(norm(x @ weight.mT))", "x.std(": "h.std("},
    """Layer l gets what layer l − 1 gave, not the input of the network.

    第 l 层的输入是第 l − 1 层的输出，而不是网络的输入。
    """,
)
