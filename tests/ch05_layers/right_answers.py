"""Right answers to chapter 5 that look nothing like the reference; the tests must accept them."""

import math

import torch
import torch.nn.functional as F

from autograder.cases import right


@right("linear")
def as_an_einsum(x, weight, bias=None):
    """Sums named by their indices."""
    y = torch.einsum("...i,oi->...o", x, weight)
    if bias is not None:
        y = y + bias
    return y


@right("linear")
def one_output_at_a_time(x, weight, bias=None):
    """A matrix-vector product for each row of the weight."""
    outputs = [torch.matmul(x, row) for row in weight]
    y = torch.stack(outputs, dim=-1) if outputs else x.new_zeros(*x.shape[:-1], 0)
    return y if bias is None else y + bias


@right("linear_backward")
def flattened_to_one_batch(grad_output, x, weight):
    """All leading dimensions as one, then two matrix products and a sum."""
    if grad_output.shape[:-1] != x.shape[:-1] or weight.shape != (grad_output.shape[-1], x.shape[-1]):
        raise ValueError("shapes do not fit")
    count = math.prod(x.shape[:-1])
    g, inputs = grad_output.reshape(count, -1) if count else grad_output.new_zeros(1, weight.shape[0]), x
    inputs = inputs.reshape(count, -1) if count else inputs.new_zeros(1, weight.shape[1])
    return torch.matmul(grad_output, weight), g.mT @ inputs, g.sum(0)


@right("conv_output_size")
def counts_the_places(size, kernel_size, stride=1, padding=0, dilation=1):
    """Walks over the starting points and counts those whose window ends inside."""
    if not isinstance(size, int):
        options = [[v] * 2 if isinstance(v, int) else v for v in (kernel_size, stride, padding, dilation)]
        return tuple(conv_output_size(n, *(v[axis] for v in options)) for axis, n in enumerate(size))
    if kernel_size < 1 or stride < 1 or padding < 0 or dilation < 1:
        raise ValueError("not a window")
    last_pixel = size + padding - 1
    starts = range(-padding, last_pixel + 1, stride)
    places = sum(start + dilation * (kernel_size - 1) <= last_pixel for start in starts)
    if not places:
        raise ValueError("no window fits")
    return places


@right("unfold")
def by_strides(x, kernel_size, stride=1, padding=0, dilation=1):
    """The windows as a view of the padded image, by as_strided."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (
        (v, v) if isinstance(v, int) else tuple(v) for v in (kernel_size, stride, padding, dilation)
    )
    if min(ph, pw) < 0:
        raise ValueError("negative padding")
    padded = F.pad(x, (pw, pw, ph, ph)).contiguous()
    *batch, c, height, width = padded.shape
    out_h, out_w = (height - dh * (kh - 1) - 1) // sh + 1, (width - dw * (kw - 1) - 1) // sw + 1
    if min(out_h, out_w) < 1:
        raise ValueError("no window fits")
    if not padded.numel():
        return x.new_zeros(*batch, c * kh * kw, out_h * out_w)
    *outer, step_c, step_h, step_w = padded.stride()
    shape = (*batch, c, kh, kw, out_h, out_w)
    windows = padded.as_strided(shape, (*outer, step_c, dh * step_h, dw * step_w, sh * step_h, sw * step_w))
    return windows.reshape(*batch, c * kh * kw, out_h * out_w)


@right("unfold")
def pixel_by_pixel_of_the_window(x, kernel_size, stride=1, padding=0, dilation=1):
    """One slice of the padded image for each pixel of the window, stacked."""
    options = [[v, v] if isinstance(v, int) else list(v) for v in (kernel_size, stride, padding, dilation)]
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = options
    height, width = x.shape[-2] + 2 * ph, x.shape[-1] + 2 * pw
    reach_h, reach_w = height - dh * (kh - 1), width - dw * (kw - 1)
    if min(reach_h, reach_w) < 1 or min(ph, pw) < 0:
        raise ValueError("no window fits")
    padded = torch.zeros(*x.shape[:-2], height, width, dtype=x.dtype)
    padded[..., ph : height - ph, pw : width - pw] = x
    slices = [
        padded[..., dh * i : dh * i + reach_h : sh, dw * j : dw * j + reach_w : sw].flatten(-2)
        for i in range(kh)
        for j in range(kw)
    ]
    return torch.stack(slices, dim=-2).flatten(-3, -2)


@right("conv2d")
def sums_shifted_images(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One product for each pixel of the kernel: the sum over the kernel as a loop over slices."""
    options = [[v, v] if isinstance(v, int) else list(v) for v in (stride, padding, dilation)]
    (sh, sw), (ph, pw), (dh, dw) = options
    c_out, c_group, kh, kw = weight.shape
    if x.shape[-3] != groups * c_group or c_out % groups or (bias is not None and len(bias) != c_out):
        raise ValueError("channels do not fit")
    padded = F.pad(x, (pw, pw, ph, ph)).unflatten(-3, (groups, c_group))
    reach_h, reach_w = padded.shape[-2] - dh * (kh - 1), padded.shape[-1] - dw * (kw - 1)
    if min(reach_h, reach_w) < 1:
        raise ValueError("the kernel does not fit")
    templates = weight.unflatten(0, (groups, c_out // groups))
    out = 0
    for i in range(kh):
        for j in range(kw):
            pixels = padded[..., dh * i : dh * i + reach_h : sh, dw * j : dw * j + reach_w : sw]
            out = out + torch.einsum("...gchw,goc->...gohw", pixels, templates[..., i, j])
    out = out.flatten(-4, -3)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


@right("conv2d")
def by_views_of_the_windows(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Tensor.unfold makes the windows; each group is convolved on its own."""
    (sh, sw), (ph, pw), (dh, dw) = ((v, v) if isinstance(v, int) else v for v in (stride, padding, dilation))
    c_out, c_group, kh, kw = weight.shape
    if groups * c_group != x.shape[-3] or c_out % groups != 0:
        raise ValueError("channels do not fit")
    if bias is not None and bias.shape != (c_out,):
        raise ValueError("one bias for each output channel")
    padded = F.pad(x, (pw, pw, ph, ph))
    windows = padded.unfold(-2, dh * (kh - 1) + 1, sh).unfold(-2, dw * (kw - 1) + 1, sw)[..., ::dh, ::dw]
    parts = zip(windows.split(c_group, dim=-5), weight.split(c_out // groups), strict=True)
    out = torch.cat([torch.einsum("...chwij,ocij->...ohw", seen, templates) for seen, templates in parts], dim=-3)
    return out if bias is None else out + bias[:, None, None]


@right("conv2d_backward")
def by_unfolding_and_folding(grad_output, x, weight, stride=1, padding=0):
    """Two matrix products on torch's own columns; fold is unfold's transpose."""
    single = x.dim() == 3
    if single:
        grad_output, x = grad_output[None], x[None]
    kernel_size = weight.shape[2:]
    columns = F.unfold(x, kernel_size, padding=padding, stride=stride)
    g = grad_output.flatten(2)
    if g.shape != (x.shape[0], weight.shape[0], columns.shape[2]) or x.shape[1] != weight.shape[1]:
        raise ValueError("shapes do not fit")
    grad_weight = torch.einsum("nol,nkl->ok", g, columns).reshape(weight.shape)
    grad_x = F.fold(weight.flatten(1).mT @ g, x.shape[2:], kernel_size, padding=padding, stride=stride)
    return grad_x[0] if single else grad_x, grad_weight, g.sum((0, 2))


@right("conv2d_backward")
def pixel_by_pixel_of_the_output(grad_output, x, weight, stride=1, padding=0):
    """Every place of the output hands its gradient to the window that it saw."""
    (sh, sw), (ph, pw) = ((v, v) if isinstance(v, int) else v for v in (stride, padding))
    _, c_in, kh, kw = weight.shape
    height, width = x.shape[-2:]
    out_h, out_w = (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
    if grad_output.shape != (*x.shape[:-3], weight.shape[0], out_h, out_w) or x.shape[-3] != c_in:
        raise ValueError("shapes do not fit")
    padded = F.pad(x, (pw, pw, ph, ph))
    grad_x, grad_weight = torch.zeros_like(padded), torch.zeros_like(weight)
    for h in range(out_h):
        for w in range(out_w):
            window = ..., slice(h * sh, h * sh + kh), slice(w * sw, w * sw + kw)
            g = grad_output[..., h, w]
            grad_x[window] += torch.tensordot(g, weight, dims=1)
            grad_weight += torch.einsum("...o,...cij->ocij", g, padded[window])
    flat = grad_output.flatten(-2).sum(-1)
    return grad_x[..., ph : ph + height, pw : pw + width], grad_weight, flat.sum(0) if flat.dim() == 2 else flat


@right("max_pool2d")
def folds_a_maximum_over_slices(x, kernel_size, stride=None, padding=0):
    """torch.maximum of one slice of the padded image for each pixel of the window."""
    stride = kernel_size if stride is None else stride
    (kh, kw), (sh, sw), (ph, pw) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding))
    if ph > kh / 2 or pw > kw / 2:
        raise ValueError("too much padding")
    padded = F.pad(x, (pw, pw, ph, ph), value=float("-inf"))
    reach_h, reach_w = padded.shape[-2] - kh + 1, padded.shape[-1] - kw + 1
    if reach_h < 1 or reach_w < 1:
        raise ValueError("the window does not fit")
    best = None
    for i in range(kh):
        for j in range(kw):
            pixels = padded[..., i : i + reach_h : sh, j : j + reach_w : sw]
            best = pixels if best is None else torch.maximum(best, pixels)
    return best


@right("max_pool2d")
def one_axis_after_the_other(x, kernel_size, stride=None, padding=0):
    """The greatest of rows, then of columns: a maximum is separable."""
    stride = kernel_size if stride is None else stride
    (kh, kw), (sh, sw), (ph, pw) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding))
    if 2 * ph > kh or 2 * pw > kw:
        raise ValueError("too much padding")
    padded = F.pad(x, (pw, pw, ph, ph), value=-torch.inf)
    return padded.unfold(-2, kh, sh).max(-1).values.unfold(-1, kw, sw).max(-1).values


@right("avg_pool2d")
def by_windows_as_views(x, kernel_size, stride=None, padding=0):
    """The mean over the two window dimensions of a view by Tensor.unfold."""
    stride = kernel_size if stride is None else stride
    (kh, kw), (sh, sw), (ph, pw) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding))
    if 2 * ph > kh or 2 * pw > kw:
        raise ValueError("too much padding")
    return F.pad(x, (pw, pw, ph, ph)).unfold(-2, kh, sh).unfold(-2, kw, sw).mean((-2, -1))


@right("avg_pool2d")
def sums_slices_and_divides(x, kernel_size, stride=None, padding=0):
    """One slice of the padded image for each pixel of the window, added up and divided once."""
    stride = kernel_size if stride is None else stride
    (kh, kw), (sh, sw), (ph, pw) = ((v, v) if isinstance(v, int) else v for v in (kernel_size, stride, padding))
    if ph > kh / 2 or pw > kw / 2:
        raise ValueError("too much padding")
    padded = F.pad(x, (pw, pw, ph, ph))
    reach_h, reach_w = padded.shape[-2] - kh + 1, padded.shape[-1] - kw + 1
    if reach_h < 1 or reach_w < 1:
        raise ValueError("the window does not fit")
    slices = [padded[..., i : i + reach_h : sh, j : j + reach_w : sw] for i in range(kh) for j in range(kw)]
    return sum(slices) / (kh * kw)


@right("small_cnn")
def pools_before_it_rectifies(images, state):
    """A maximum and a ReLU may change places; everything by windows and einsum."""
    hidden = images
    for layer in ("0", "3"):
        weight = state[f"{layer}.weight"]
        if hidden.shape[1] != weight.shape[1]:
            raise ValueError("channels do not fit")
        windows = F.pad(hidden, (1, 1, 1, 1)).unfold(2, weight.shape[2], 1).unfold(3, weight.shape[3], 1)
        hidden = torch.einsum("nchwij,ocij->nohw", windows, weight) + state[f"{layer}.bias"][:, None, None]
        hidden = hidden.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5)).clamp(min=0)
    return torch.einsum("ni,oi->no", hidden.flatten(1), state["7.weight"]) + state["7.bias"]
