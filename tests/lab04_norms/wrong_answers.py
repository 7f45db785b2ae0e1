"""What students get wrong in lab 4."""

from autograder.cases import edited

adds_eps_outside_the_root = edited(
    "rms_norm",
    {
        "1 / tl.sqrt(tl.sum(tl.where(exists, x * x, 0)) / columns + eps)": (
            "1 / (tl.sqrt(tl.sum(tl.where(exists, x * x, 0)) / columns) + eps)"
        )
    },
    """For a row of zeros rstd must be 1/√ε, which is 1000 for ε = 1e-6. On which side of the root does your ε stand?

    全零的一行，rstd 应当是 1/√ε，ε = 1e-6 时就是 1000。你的 ε 在根号的里面还是外面？""",
)

divides_by_the_block = edited(
    "rms_norm",
    {"/ columns + eps": "/ BLOCK + eps"},
    """A mean is the sum over the places that exist, divided by how many of them there are. How many is that?

    均值是对存在的位置求和，再除以它们的个数。个数是多少？""",
)

sums_what_a_masked_load_leaves = edited(
    "rms_norm",
    {"tl.where(exists, x * x, 0)": "x * x"},
    """NaN wherever a row does not fill its block: what is x at the places that the mask keeps out, and does your sum
    look at them?

    凡是没有填满块的行都成了 NaN：被掩码挡掉的位置上，x 是什么？你的求和用到它们了吗？""",
)

takes_the_sum_for_the_mean = edited(
    "rms_norm",
    {" / columns + eps": " + eps"},
    """The root mean square of a row of ones is 1, however long the row is. What is yours?

    全 1 的一行，不管多长，均方根都是 1。你的是多少？""",
)

takes_the_mean_away = edited(
    "rms_norm",
    {"    rstd = 1": "    x = tl.where(exists, x - tl.sum(tl.where(exists, x, 0)) / columns, 0)\n    rstd = 1"},
    """You have taken the mean of the row away first. That is layer norm; does 15.1 have a mean?

    你先减去了这一行的均值。那是层归一化；15.1 里有均值吗？""",
)

takes_the_columns_for_the_stride = edited(
    "rms_norm",
    {"row * row_stride": "row * columns"},
    """You assume that rows lie as far apart as there are columns. A table that was cut out of a
    wider one has another distance.

    你假定行距等于列数。从更宽的表里切出来的表，行距并不是这样。""",
)

takes_columns_for_neighbours = edited(
    "rms_norm",
    {"column * column_stride, mask=exists).to(tl.float32)": "column, mask=exists).to(tl.float32)"},
    """In a transposed table the next column is not the next place in memory. Which argument says where it is?

    在转置的表里，下一列并不是内存中的下一个位置。哪个参数说明它在哪里？""",
)

writes_with_the_stride_of_the_input = edited(
    "rms_norm",
    {"y_ptr + row * columns": "y_ptr + row * row_stride"},
    """The result has no gaps between its rows, whatever x has. How far apart do its rows lie?

    不管 x 怎样，结果的行与行之间没有空隙。它的两行相隔多远？""",
)

writes_without_a_mask = edited(
    "rms_norm",
    {"x * rstd * weight, mask=exists)": "x * rstd * weight)"},
    """A block is longer than a row, unless the row's length is a power of two. Where do the places behind the row lie?

    除非行长恰好是 2 的幂，块总比行长。多出来的位置落在哪里？""",
)

sums_squares_in_half_precision = edited(
    "rms_norm",
    {"column * column_stride, mask=exists).to(tl.float32)": "column * column_stride, mask=exists).to(tl.float16)"},
    """The square of 300 is 90000, more than float16 can hold. In which dtype should a kernel calculate,
    whatever it loads?

    300 的平方是 90000，float16 装不下。不管读进来的是什么，kernel 该用哪种 dtype 计算？""",
)

rounds_before_the_weight = edited(
    "rms_norm",
    {"x * rstd * weight, mask": "(x * rstd).to(y_ptr.dtype.element_ty) * weight, mask"},
    """You round twice: before γ and after. Everything before the store belongs in float32.

    你舍入了两次：乘 γ 之前一次，之后又一次。写入之前的一切都应当用 float32。""",
)

returns_the_root_mean_square = edited(
    "rms_norm",
    {"tl.store(rstd_ptr + row, rstd)": "tl.store(rstd_ptr + row, 1 / rstd)"},
    """What you store beside y is the root mean square. rstd is what a row is multiplied by.

    你在 y 之外存下的是均方根。rstd 是每一行要乘上的那个数。""",
)

all_programs_write_one_rstd = edited(
    "rms_norm",
    {"tl.store(rstd_ptr + row, rstd)": "tl.store(rstd_ptr, rstd)"},
    """All programs write their rstd to the same place: which one stays there is chance. Where does row p's belong?

    所有程序都把 rstd 写到同一个位置，最后留下谁的全凭运气。第 p 行的该写在哪里？""",
)

lets_the_gradient_pass_straight = edited(
    "rms_norm_backward",
    {"(grad - along_normalized) * rstd": "grad * rstd"},
    """You treat rstd as a constant. It depends on every x of the row: what does that add to the derivative?

    你把 rstd 当成了常数。它依赖这一行里的每一个 x，导数会因此多出什么？""",
)

projects_before_the_weight = edited(
    "rms_norm_backward",
    {"tl.where(exists, grad * normalized, 0)": "tl.where(exists, grad_output * normalized, 0)"},
    """The mean of g · x̂ is taken of the gradient with respect to x̂, and γ stands between x̂ and y.

    要取均值的 g · x̂ 中，g 是对 x̂ 的梯度，而在 x̂ 和 y 之间还有 γ。""",
)

multiplies_the_gradient_of_the_weight_by_the_weight = edited(
    "rms_norm_backward",
    {"grad_weight += grad_output * normalized": "grad_weight += grad_output * normalized * weight"},
    """y = x̂ γ. What is ∂y/∂γ? γ itself does not stand in it.

    y = x̂ γ，∂y/∂γ 是什么？其中没有 γ 本身。""",
)

forgets_to_normalize_the_projection = edited(
    "rms_norm_backward",
    {"along_normalized = normalized *": "along_normalized = x *"},
    """The part to take away points along x̂, of length √d, not along x: try a row that is ten times as large.

    要减去的部分沿着 x̂（长度为 √d），而不是沿着 x：试试放大十倍的一行。""",
)

all_strips_write_one_partial_sum = edited(
    "rms_norm_backward",
    {"partial_ptr + program * columns + column": "partial_ptr + column"},
    """All programs write their sums to the same row of `partial`, and one of them stays. Which row is program p's?

    所有程序都把和写到 `partial` 的同一行，最后只剩下一个。第 p 个程序的是哪一行？""",
)

strips_overlap_by_a_row = edited(
    "rms_norm_backward",
    {"program * strip + strip, rows)": "program * strip + strip + 1, rows)"},
    """grad_x is right and grad_weight is not: is there a row that two strips count?

    grad_x 是对的，grad_weight 却不对：有没有哪一行被两个条带都算了进去？""",
)

strips_run_past_the_table = edited(
    "rms_norm_backward",
    {"tl.minimum(program * strip + strip, rows)": "program * strip + strip"},
    """The last strip may have fewer rows than the others. Where does yours end?

    最后一个条带的行数可能比别的少。你的在哪里结束？""",
)

takes_every_program_to_have_one_row = edited(
    "rms_norm_backward",
    {
        "range(program * strip, tl.minimum(program * strip + strip, rows))": "range(program, program + 1)",
    },
    """There are fewer programs than rows: program p has a strip of rows, not the row p.

    程序比行少：第 p 个程序负责的是一个条带（若干行），而不是第 p 行。""",
)

adds_up_in_half_precision = edited(
    "rms_norm_backward",
    {"grad_weight += grad_output * normalized": "grad_weight += (grad_output * normalized).to(tl.float16)"},
    """Each of your terms is rounded to the tensors' dtype before it is added. A sum over thousands of rows
    wants float32.

    你的每一项在相加之前都被舍入到了张量的 dtype。对成千上万行求和，要用 float32。""",
)

adds_up_only_the_first_tile_of_partial_sums = edited(
    "rms_norm_backward",
    {"range(0, count, ROWS)": "range(0, ROWS, ROWS)"},
    """Right for few rows and wrong for many: how many rows of `partial` does your second kernel look at?

    行少时对，行多时错：你的第二个 kernel 看了 `partial` 的多少行？""",
)

rounds_partial_sums_before_it_adds_them = edited(
    "rms_norm_backward",
    {"mask=exists), 0)": "mask=exists).to(out_ptr.dtype.element_ty), 0)"},
    """Partial sums may be large and cancel each other. When is the time to round them?

    部分和可能很大，又互相抵消。什么时候才该舍入？""",
)

takes_the_difference_of_two_means = edited(
    "layer_norm",
    {"tl.sum(centred * centred) / columns + eps": "tl.sum(tl.where(exists, x * x, 0)) / columns - mean * mean + eps"},
    """E[x²] − E[x]² is exact in mathematics. With a mean of 1000 and a deviation of 1, how many digits of a float32
    are left?

    E[x²] − E[x]² 在数学上是精确的。均值是 1000、标准差是 1 时，float32 还剩下几位有效数字？""",
)

divides_by_one_less = edited(
    "layer_norm",
    {"tl.sum(centred * centred) / columns": "tl.sum(centred * centred) / (columns - 1 + 1e-9)"},
    """Layer norm takes the biased variance, 1/d. Try a row of two columns.

    层归一化用的是有偏方差，除以 d。用两列的一行试试。""",
)

counts_places_that_do_not_exist = edited(
    "layer_norm",
    {
        "column * column_stride, mask=exists)": "column * column_stride, mask=exists, other=0.0)",
        "centred = tl.where(exists, x - mean, 0)": "centred = x - mean",
    },
    """Right if the number of columns is a power of two, wrong otherwise: what is x − mean at a place that does
    not exist?

    列数是 2 的幂时对，否则就错：在不存在的位置上，x − mean 是什么？""",
)

adds_eps_to_the_deviation = edited(
    "layer_norm",
    {"tl.sqrt(tl.sum(centred * centred) / columns + eps)": "(tl.sqrt(tl.sum(centred * centred) / columns) + eps)"},
    """ε stands beside the variance, inside the root.

    ε 和方差在一起，在根号里面。""",
)

scales_the_bias_as_well = edited(
    "layer_norm",
    {"centred * rstd * weight + bias": "(centred * rstd + bias) * weight"},
    """First γ, then β. Your β is multiplied by γ.

    先乘 γ，再加 β。你的 β 也被 γ 乘了。""",
)

forgets_the_mean = edited(
    "layer_norm",
    {"centred = tl.where(exists, x - mean, 0)": "centred = tl.where(exists, x, 0)"},
    """That is RMS norm. What must be taken away from x before it is squared?

    那是 RMS 归一化。在平方之前，要从 x 中减去什么？""",
)

takes_rows_to_lie_side_by_side = edited(
    "layer_norm",
    {"row * row_stride": "row * columns"},
    """From one row to the next it is `row_stride` elements, which may be more than there are columns.

    从一行到下一行相隔 `row_stride` 个元素，可能比列数多。""",
)

calculates_in_half_precision = edited(
    "layer_norm",
    {"column * column_stride, mask=exists).to(tl.float32)": "column * column_stride, mask=exists).to(tl.float16)"},
    """The sum of 65 numbers of about 2000 is more than float16 can hold. Convert what you load before you
    calculate with it.

    65 个两千左右的数之和，float16 装不下。读进来之后，先转换再计算。""",
)

rounds_the_normalized_row = edited(
    "layer_norm",
    {"centred * rstd * weight + bias": "(centred * rstd).to(y_ptr.dtype.element_ty) * weight + bias"},
    """You round twice: x̂ before γ, and the result. Keep x̂ in float32.

    你舍入了两次：乘 γ 之前的 x̂ 一次，结果又一次。让 x̂ 留在 float32。""",
)

returns_the_variance = edited(
    "layer_norm",
    {"tl.store(rstd_ptr + row, rstd)": "tl.store(rstd_ptr + row, 1 / (rstd * rstd))"},
    """The third result is 1/√(Var + ε), not Var + ε.

    第三个结果是 1/√(Var + ε)，不是 Var + ε。""",
)

forgets_the_gradient_through_the_mean = edited(
    "layer_norm_backward",
    {"grad - along_ones - along_normalized": "grad - along_normalized"},
    """A constant added to a row changes nothing, so the entries of a row of grad_x must sum to 0. Do yours?

    给一行加上同一个常数，结果不变，所以 grad_x 每一行的和必定是 0。你的是吗？""",
)

forgets_the_gradient_through_the_variance = edited(
    "layer_norm_backward",
    {"grad - along_ones - along_normalized": "grad - along_ones"},
    """A row times a constant has the same x̂, so grad_x must be orthogonal to x̂, apart from ε. Is yours?

    一行乘上常数，x̂ 不变，所以除了 ε 的影响，grad_x 必定与 x̂ 正交。你的是吗？""",
)

leaves_the_weight_out_of_one_mean = edited(
    "layer_norm_backward",
    {"tl.where(exists, grad, 0)": "tl.where(exists, grad_output, 0)"},
    """Both means are those of the gradient with respect to x̂, and γ stands between x̂ and y.

    两个均值用的都是对 x̂ 的梯度，而在 x̂ 和 y 之间还有 γ。""",
)

weighs_the_gradient_of_the_bias = edited(
    "layer_norm_backward",
    {"        grad_bias += grad_output\n": "        grad_bias += grad_output * weight\n"},
    """β is added after γ. Does γ stand in ∂y/∂β?

    β 是在 γ 之后加上的。∂y/∂β 中有 γ 吗？""",
)

forgets_to_centre = edited(
    "layer_norm_backward",
    {"(x - tl.load(mean_ptr + row)) * rstd": "x * rstd + 0 * tl.load(mean_ptr + row)"},
    """x̂ = (x − mean) · rstd. Yours still has its mean.

    x̂ = (x − mean) · rstd。你的 x̂ 还带着均值。""",
)

both_shares_land_in_one_table = edited(
    "layer_norm_backward",
    {"begin + tl.num_programs(0) * columns, grad_bias": "begin, grad_bias"},
    """Your second store overwrites the first. Where does the second table of `partial` begin?

    第二次写入覆盖了第一次。`partial` 的第二张表从哪里开始？""",
)

the_second_table_begins_after_one_row = edited(
    "layer_norm_backward",
    {"begin + tl.num_programs(0) * columns": "begin + columns"},
    """Behind program p's row lies program p + 1's. How many rows has the first table?

    第 p 个程序那一行的后面，是第 p + 1 个程序的行。第一张表有多少行？""",
)

adds_up_one_table_twice = edited(
    "layer_norm_backward",
    {"(table * count + row)[:, None]": "row[:, None]"},
    """grad_bias comes out equal to grad_weight. What does the second number of a program in the second kernel tell?

    grad_bias 与 grad_weight 相等。在第二个 kernel 里，程序的第二个编号说明什么？""",
)

normalizes_every_row_with_the_first_ones_rstd = edited(
    "layer_norm_backward",
    {"rstd = tl.load(rstd_ptr + row)": "rstd = tl.load(rstd_ptr + program * strip)"},
    """Every row of a strip has an rstd of its own.

    一个条带里的每一行都有自己的 rstd。""",
)

loses_the_last_strip = edited(
    "layer_norm_backward",
    {"(row < count)[:, None]": "(row < count - 1)[:, None]"},
    """For a table of a single strip your sums are 0. Which rows of `partial` does your mask let through?

    只有一个条带的表，你的和是 0。你的掩码放过了 `partial` 的哪些行？""",
)

keeps_sums_in_the_dtype_of_the_tensors = edited(
    "layer_norm_backward",
    {"tl.store(begin, grad_weight, mask": "tl.store(begin, grad_weight.to(grad_x_ptr.dtype.element_ty), mask"},
    """`partial` is float32 so that a strip's share is not rounded. What do you round before you store it?

    `partial` 是 float32，为的是不舍入每个条带的部分和。你在写入之前舍入了什么？""",
)
