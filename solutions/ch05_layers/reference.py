"""Reference answers of chapter 5, layers."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def linear(
    x: Float[Tensor, "*batch d_in"], weight: Float[Tensor, "d_out d_in"], bias: Float[Tensor, " d_out"] | None = None
) -> Float[Tensor, "*batch d_out"]:
    """Mix the features of every example: one weighted sum for each output.

    y = x Wᵀ + b                                                                    (5.1)

    Args:
        x: features in the last dimension; any number of leading dimensions, also none.
        weight: W, one row an output.
        bias: b; None means no bias.

    Returns:
        one number an output in the last dimension, the leading dimensions and dtype of `x`.

    Raises:
        ValueError: the numbers of features of `x` and `weight`, or of outputs of `weight` and `bias`, differ.

    Source: Atlas 5.1; agrees with `torch.nn.functional.linear`.
    """
    y = x @ weight.mT
    return y if bias is None else y + bias


def linear_backward(
    grad_output: Float[Tensor, "*batch d_out"], x: Float[Tensor, "*batch d_in"], weight: Float[Tensor, "d_out d_in"]
) -> tuple[Float[Tensor, "*batch d_in"], Float[Tensor, "d_out d_in"], Float[Tensor, " d_out"]]:
    """Carry a gradient back through 5.1 by hand, without autograd.

    y_o = Σ_i x_i W_oi + b_o for every example; the loss depends on W and b through all examples.

    Args:
        grad_output: the gradient of the loss with respect to y.
        x: the input of the forward pass; any number of leading dimensions, also none.
        weight: W.

    Returns:
        the gradients with respect to x, W and b, each with the shape of what it belongs to.

    Raises:
        ValueError: `grad_output` has not the shape of y, or `x` and `weight` do not fit each other.

    Source: Atlas 5.1; agrees with `torch.autograd` through `torch.nn.functional.linear`.
    """
    if grad_output.shape != (*x.shape[:-1], weight.shape[0]) or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"no linear layer maps {tuple(x.shape)} to {tuple(grad_output.shape)} by {tuple(weight.shape)}"
        )
    # all leading dimensions as one batch
    gradients, examples = (torch.atleast_2d(t).flatten(0, -2) for t in (grad_output, x))
    return grad_output @ weight, gradients.mT @ examples, gradients.sum(0)


def conv_output_size(
    size: int | tuple[int, int],
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> int | tuple[int, int]:
    """Count the places where a window fits: the output size of a convolution or a pooling.

    H_out = ⌊(H_in + 2·padding − dilation·(kernel_size − 1) − 1) / stride + 1⌋              (5.2)

    Args:
        size: H_in, or the pair (H_in, W_in).
        kernel_size: how many pixels the window looks at, along each axis.
        stride: how far it moves from place to place.
        padding: how many rows and columns are added on *each* side.
        dilation: the distance between two neighbouring pixels of the window.
            With a pair `size`, each of these four is one number for both axes or a pair (height, width).

    Returns:
        an int for an int `size`, a tuple of two ints for a pair.

    Raises:
        ValueError: the window does not fit at any place; or `kernel_size`, `stride` or `dilation` is less than 1,
            or `padding` less than 0, on either axis.

    Source: Atlas 5.2; agrees with the shapes of `torch.nn.Conv2d`.
    """
    if isinstance(size, int):
        span = dilation * (kernel_size - 1) + 1
        room = size + 2 * padding
        if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > room:
            raise ValueError(f"{kernel_size=}, {stride=}, {padding=}, {dilation=} make no window in {size} pixels")
        return (room - span) // stride + 1
    pairs = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding, dilation))
    return tuple(map(conv_output_size, size, *pairs))


def unfold(
    x: Float[Tensor, "*batch channels height width"],
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Float[Tensor, "*batch channels*kernel places"]:
    """Write every window of an image as a column, so that a convolution becomes a matrix product.

    columns[(c, i, j), (h, w)] = x̄[c, h·stride + i·dilation, w·stride + j·dilation],
    x̄ being x with `padding` zeros on each side                                     (the index set of 5.3)

    Args:
        x: (batch, channels, height, width), or one image (channels, height, width).
        kernel_size, stride, padding, dilation: as in 5.2; one number, or a pair (height, width).

    Returns:
        (batch, channels·kernel_h·kernel_w, H_out·W_out), without batch for one image. The rows are ordered channel by
        channel, within a channel by kernel row, then by kernel column; the columns like a page is read, row by row.

    Raises:
        ValueError: whatever `conv_output_size` refuses: a window that does not fit, a negative padding.

    Source: Atlas 5.3; agrees with `torch.nn.functional.unfold`, whose arguments come in another order.
    """
    pairs = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding, dilation))
    (kernel_h, kernel_w), (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w) = pairs
    out_h, out_w = conv_output_size(x.shape[-2:], kernel_size, stride, padding, dilation)
    rows = dilation_h * torch.arange(kernel_h)[:, None] + stride_h * torch.arange(out_h)
    columns = dilation_w * torch.arange(kernel_w)[:, None] + stride_w * torch.arange(out_w)
    padded = F.pad(x, (pad_w, pad_w, pad_h, pad_h))
    windows = padded[..., rows[:, None, :, None], columns[:, None, :]]
    return windows.flatten(-5, -3).flatten(-2)


def conv2d(
    x: Float[Tensor, "*batch c_in height width"],
    weight: Float[Tensor, "c_out c_in/groups kernel_h kernel_w"],
    bias: Float[Tensor, " c_out"] | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Float[Tensor, "*batch c_out h_out w_out"]:
    """Slide a bank of small templates over an image and write down how well each matches, everywhere.

    out[o] = bias[o] + Σ_c weight[o, c] ⋆ x[c]                                      (5.3)

    (f ⋆ g)[h, w] = Σ_ij f[i, j] g[h·stride + i·dilation, w·stride + j·dilation] is cross-correlation: the kernel is not
    flipped. x is padded with `padding` zeros on each side.

    Args:
        x: (batch, c_in, height, width), or one image (c_in, height, width).
        weight: one template for each output channel.
        bias: None means no bias.
        stride, padding, dilation: as in 5.2; one number, or a pair (height, width).
        groups: cuts the input channels and the output channels into as many equal blocks, in order; the outputs of a
            block see the inputs of the same block only.

    Returns:
        (batch, c_out, H_out, W_out) by 5.2, without batch for one image, in the dtype of `x`.

    Raises:
        ValueError: the window does not fit; `groups` does not divide the channels, or `weight` does not fit the
            channels of its group; `bias` has not one number for each output channel.

    Source: Atlas 5.3; agrees with `torch.nn.functional.conv2d`.
    """
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"{weight.shape[0]} output channels need as many biases, not {tuple(bias.shape)}")
    kernel_size = tuple(weight.shape[2:])
    columns = unfold(x, kernel_size, stride, padding, dilation).unflatten(-2, (groups, -1))
    templates = weight.flatten(1).unflatten(0, (groups, -1))
    size = conv_output_size(x.shape[-2:], kernel_size, stride, padding, dilation)
    out = (templates @ columns).flatten(-3, -2).unflatten(-1, size)
    return out if bias is None else out + bias[:, None, None]


def conv2d_backward(
    grad_output: Float[Tensor, "*batch c_out h_out w_out"],
    x: Float[Tensor, "*batch c_in height width"],
    weight: Float[Tensor, "c_out c_in kernel_h kernel_w"],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> tuple[
    Float[Tensor, "*batch c_in height width"], Float[Tensor, "c_out c_in kernel_h kernel_w"], Float[Tensor, " c_out"]
]:
    """Carry a gradient back through 5.3 by hand, without autograd (dilation and groups 1).

    out[o, h, w] = bias[o] + Σ_cij weight[o, c, i, j] x̄[c, h·stride + i, w·stride + j] for every image; the loss depends
    on a pixel through every window that holds it, and on a weight through every place of every image.

    Args:
        grad_output: the gradient of the loss with respect to the output.
        x: the input of the forward pass: a batch, or one image (c_in, height, width).
        weight: the weight of the forward pass.
        stride, padding: of the forward pass; one number, or a pair (height, width).

    Returns:
        the gradients with respect to x, weight and bias, each with the shape of what it belongs to. Pixels that no
        window reaches have gradient 0.

    Raises:
        ValueError: `grad_output` has not the shape of the output, or `weight` does not fit the channels of `x`.

    Source: Atlas 5.3; agrees with `torch.autograd` through `torch.nn.functional.conv2d`.
    """
    (stride_h, stride_w), (pad_h, pad_w) = ((v, v) if isinstance(v, int) else v for v in (stride, padding))
    c_out, c_in, kernel_h, kernel_w = weight.shape
    out_h, out_w = conv_output_size(x.shape[-2:], (kernel_h, kernel_w), stride, padding)
    if grad_output.shape != (*x.shape[:-3], c_out, out_h, out_w) or x.shape[-3] != c_in:
        raise ValueError(f"{tuple(weight.shape)} does not map {tuple(x.shape)} to {tuple(grad_output.shape)}")
    # one matrix product with the columns of `unfold`, backwards
    gradients = grad_output.flatten(-2)
    windows = unfold(x, (kernel_h, kernel_w), stride, padding)
    grad_weight = (gradients @ windows.mT).reshape(-1, *weight.shape).sum(0)
    grad_bias = gradients.sum(-1).reshape(-1, c_out).sum(0)
    grad_columns = (weight.flatten(1).mT @ gradients).unflatten(-1, (out_h, out_w))
    grad_windows = grad_columns.unflatten(-3, (c_in, kernel_h, kernel_w))
    # `unfold` copies a pixel into every window that holds it; backwards the copies are added
    grad_padded = torch.zeros_like(F.pad(x, (pad_w, pad_w, pad_h, pad_h)))
    for i in range(kernel_h):
        for j in range(kernel_w):
            rows = slice(i, i + stride_h * out_h, stride_h)
            columns = slice(j, j + stride_w * out_w, stride_w)
            grad_padded[..., rows, columns] += grad_windows[..., i, j, :, :]
    height, width = x.shape[-2:]
    return grad_padded[..., pad_h : pad_h + height, pad_w : pad_w + width], grad_weight, grad_bias


def max_pool2d(
    x: Float[Tensor, "*batch channels height width"],
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Float[Tensor, "*batch channels h_out w_out"]:
    """Keep the greatest number of every window, in each channel on its own.

    out[c, h, w] = max_ij x̄[c, h·stride + i, w·stride + j]                          (5.4)

    x̄ is x with `padding` rows and columns of −∞ on each side: padding never wins.

    Args:
        x: (batch, channels, height, width), or one image (channels, height, width).
        kernel_size, stride, padding: as in 5.2; one number, or a pair (height, width). A stride of None is the
            kernel size: windows that touch and do not overlap.

    Returns:
        (batch, channels, H_out, W_out) by 5.2, without batch for one image, in the dtype of `x`. NaN in a window
        makes its maximum NaN.

    Raises:
        ValueError: the window does not fit, or the padding is more than half of the kernel, on either axis.

    Source: Atlas 5.4; agrees with `torch.nn.functional.max_pool2d`.
    """
    (kernel_h, kernel_w), (pad_h, pad_w) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, padding))
    if 2 * pad_h > kernel_h or 2 * pad_w > kernel_w:
        raise ValueError(f"padding {padding} is more than half of the kernel {kernel_size}: a window could be empty")
    padded = F.pad(x, (pad_w, pad_w, pad_h, pad_h), value=-torch.inf)
    steps = kernel_size if stride is None else stride
    windows = unfold(padded, kernel_size, steps).unflatten(-2, (x.shape[-3], -1))
    return windows.amax(-2).unflatten(-1, conv_output_size(padded.shape[-2:], kernel_size, steps))


def avg_pool2d(
    x: Float[Tensor, "*batch channels height width"],
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Float[Tensor, "*batch channels h_out w_out"]:
    """Average every window, in each channel on its own.

    out[c, h, w] = 1 / (kernel_h · kernel_w) · Σ_ij x̄[c, h·stride + i, w·stride + j]        (5.4 with a mean)

    x̄ is x with `padding` zeros on each side, and the zeros count: the divisor is the same everywhere.

    Args:
        x: (batch, channels, height, width), or one image (channels, height, width).
        kernel_size, stride, padding: as in `max_pool2d`.

    Returns:
        (batch, channels, H_out, W_out) by 5.2, without batch for one image, in the dtype of `x`.

    Raises:
        ValueError: the window does not fit, or the padding is more than half of the kernel, on either axis.

    Source: Atlas 5.4; agrees with `torch.nn.functional.avg_pool2d`.
    """
    (kernel_h, kernel_w), (pad_h, pad_w) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, padding))
    if 2 * pad_h > kernel_h or 2 * pad_w > kernel_w:
        raise ValueError(f"padding {padding} is more than half of the kernel {kernel_size}: a window could be empty")
    steps = kernel_size if stride is None else stride
    windows = unfold(x, kernel_size, steps, padding).unflatten(-2, (x.shape[-3], -1))
    return windows.mean(-2).unflatten(-1, conv_output_size(x.shape[-2:], kernel_size, steps, padding))


def small_cnn(
    images: Float[Tensor, "batch c_in height width"], state: dict[str, Tensor]
) -> Float[Tensor, "batch classes"]:
    """Run a whole convolutional network, with the layers of this chapter and trained weights.

    images → convolution → ReLU → pooling → convolution → ReLU → pooling → flatten → linear → logits

    Both convolutions have padding 1, both poolings take the maximum of 2 × 2 pixels, and flattening keeps the batch:
    what `nn.Sequential(nn.Conv2d(…, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(…, padding=1), nn.ReLU(),
    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(…))` computes. Numbers of channels, kernel sizes and classes are those of
    the weights.

    Args:
        images: a batch.
        state: the weights by name, as that network's `state_dict()` has them: "0.weight" and "0.bias" of the first
            convolution, "3.weight" and "3.bias" of the second, "7.weight" and "7.bias" of the linear layer.

    Returns:
        one row of logits an image, no softmax.

    Raises:
        ValueError: the weights do not fit the images.

    Source: Atlas 5.1, 5.3, 5.4 and 4.1; agrees with `torch.nn.Sequential` of the layers above.
    """
    hidden = max_pool2d(torch.relu(conv2d(images, state["0.weight"], state["0.bias"], padding=1)), 2)
    hidden = max_pool2d(torch.relu(conv2d(hidden, state["3.weight"], state["3.bias"], padding=1)), 2)
    return linear(hidden.flatten(1), state["7.weight"], state["7.bias"])
