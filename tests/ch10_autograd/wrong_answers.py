"""What students get wrong in chapter 10, and the hint that each mistake deserves."""

import itertools
import math

import torch

from autograder.cases import edited, wrong

# numerical_derivative


@wrong("numerical_derivative")
def looks_ahead_only(f, x, h):
    """Your error shrinks with h, not with h²: halve h, and see. At which two points does (10.2) evaluate f?

    你的误差与 h 成正比，而不是与 h² 成正比。把 h 减半，看看误差。(10.2) 在哪两个点计算 f？
    """
    if h <= 0:
        raise ValueError("h")
    return (f(x + h) - f(x)) / h


@wrong("numerical_derivative")
def divides_by_one_step(f, x, h):
    """Your slope is twice too steep. How far apart are the two points at which you evaluate f?

    你的斜率大了一倍。你计算 f 的两个点相距多远？
    """
    if h <= 0:
        raise ValueError("h")
    return (f(x + h) - f(x - h)) / h


@wrong("numerical_derivative")
def steps_by_half_of_h(f, x, h):
    """This is a central difference, with a step of h/2: compare it with (10.2) for a large h.

    这是步长为 h/2 的中心差分：取一个大的 h，与 (10.2) 比较。
    """
    if h <= 0:
        raise ValueError("h")
    return (f(x + h / 2) - f(x - h / 2)) / h


@wrong("numerical_derivative")
def takes_the_exact_derivative(f, x, h):
    """The exact derivative is not what (10.2) says: with h = 0.5 the estimate has an error, and that is asked for.

    题目要的不是精确的导数：h = 0.5 时，(10.2) 的估计有误差，要的就是这个估计。
    """
    if h <= 0:
        raise ValueError("h")
    return torch.func.grad(lambda z: f(z).sum())(x)


accepts_a_step_of_zero = edited(
    "numerical_derivative",
    {"if h <= 0:": "if h < 0:"},
    """For h = 0 you return 0/0, which is NaN, without a word. Which steps make no sense?

    h = 0 时你不声不响地返回了 0/0，即 NaN。哪些步长没有意义？
    """,
)

# numerical_gradient


@wrong("numerical_gradient")
def moves_all_coordinates_at_once(f, x):
    """A partial derivative moves one coordinate and holds the others. What do you measure when all move together?

    偏导数只动一个坐标，其他坐标不动。所有坐标一起动，你量到的是什么？
    """
    h = torch.finfo(x.dtype).eps ** (1 / 3)
    return torch.full_like(x, 1) * (f(x + h) - f(x - h)) / (2 * h)


@wrong("numerical_gradient")
def takes_the_smallest_step(f, x):
    """A step as small as the dtype's ε leaves one digit in f(x + h) − f(x − h). Between rounding, ε/h, and the
    formula's own error, h², where is the best h?

    步长小到 ε 时，f(x + h) − f(x − h) 只剩一位有效数字。舍入误差 ε/h 与公式误差 h² 之间，最好的 h 在哪里？
    """
    gradient = torch.zeros_like(x)
    h = 10 * torch.finfo(x.dtype).eps
    for i in itertools.product(*map(range, x.shape)):
        e = torch.zeros_like(x)
        e[i] = h
        gradient[i] = (f(x + e) - f(x - e)) / (2 * h)
    return gradient


@wrong("numerical_gradient")
def takes_one_step_for_all_magnitudes(f, x):
    """In float32 a step of 0.005 is lost when it is added to a million. How must the step grow with |x|?

    在 float32 中，把 0.005 加到一百万上等于没加。步长应当如何随 |x| 增大？
    """
    gradient = torch.zeros_like(x)
    h = torch.finfo(x.dtype).eps ** (1 / 3)
    for i in itertools.product(*map(range, x.shape)):
        e = torch.zeros_like(x)
        e[i] = h
        value = f(x + e) - f(x - e)
        gradient[i] = value / (2 * h)
    return gradient


@wrong("numerical_gradient")
def takes_a_step_in_proportion_to_x(f, x):
    """Where x is 0 your step is 0, and where x is tiny rounding is all that is left. Which step does f's own scale
    ask for there?

    x 为 0 处你的步长也是 0；x 极小处只剩下舍入误差。那里应当按 f 自己的尺度取多大的步长？
    """
    gradient = torch.zeros_like(x)
    for i in itertools.product(*map(range, x.shape)):
        h = torch.finfo(x.dtype).eps ** (1 / 3) * x[i].abs()
        e = torch.zeros_like(x)
        e[i] = h
        gradient[i] = (f(x + e) - f(x - e)) / (2 * h)
    return gradient


@wrong("numerical_gradient")
def looks_ahead_in_each_coordinate(f, x):
    """With f(x + h) − f(x) the error is of order h, and half of the digits is the best you can get.

    用 f(x + h) − f(x)，误差与 h 同阶，最多只能得到一半的有效数字。
    """
    gradient = torch.zeros_like(x)
    for i in itertools.product(*map(range, x.shape)):
        h = torch.finfo(x.dtype).eps ** (1 / 2) * x[i].abs().clamp(min=1)
        e = torch.zeros_like(x)
        e[i] = h
        gradient[i] = (f(x + e) - f(x)) / h
    return gradient


@wrong("numerical_gradient")
def sums_the_values_of_a_vector(f, x):
    """What is the gradient of a function with several values? Adding them up in silence hides the caller's mistake.

    函数有多个值时，“梯度”是什么？悄悄求和会掩盖调用者的错误。
    """
    gradient = torch.zeros_like(x)
    for i in itertools.product(*map(range, x.shape)):
        h = torch.finfo(x.dtype).eps ** (1 / 3) * x[i].abs().clamp(min=1)
        e = torch.zeros_like(x)
        e[i] = h
        gradient[i] = (f(x + e) - f(x - e)).sum() / (2 * h)
    return gradient


# topological_order


@wrong("topological_order")
def visits_depth_first_by_recursion(root):
    """Python stops at about 1,000 nested calls, and a loop of 10,000 steps is a graph 10,000 nodes deep. What could
    you keep in a list of your own instead of the call stack?

    Python 嵌套约 1,000 层调用就会停下，而一万步的循环就是一万个节点深的图。能否用自己的列表代替调用栈？
    """
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(root)
    return order


@wrong("topological_order")
def goes_level_by_level(root):
    """A node that lies one step from the result may also feed a node three steps away. Reversing breadth-first order
    puts it too late: when is a node really finished?

    离结果一步的节点，也可能供给三步之外的节点。把广度优先的次序反过来，会把它排得太晚：一个节点什么时候才算真正完成？
    """
    order, seen, queue = [], {root}, [root]
    while queue:
        node = queue.pop(0)
        order.append(node)
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    return order[::-1]


@wrong("topological_order")
def lists_a_node_for_every_way(root):
    """A node that is used twice stands in your list twice, and with 60 such nodes the list never ends. What must you
    remember?

    用到两次的节点在你的列表里出现了两次；有 60 个这样的节点时，列表永远写不完。你需要记住什么？
    """
    order, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(node.parents)
        if len(order) > 100_000:
            raise RuntimeError("too many nodes")
    return order[::-1]


begins_with_the_result = edited(
    "topological_order",
    {"return order": "return order[::-1]"},
    """Your list begins with the result. Parents come before what they feed.

    你的列表从结果开始。父节点应当排在它们的结果之前。
    """,
)


@wrong("topological_order")
def appends_a_node_when_it_is_first_seen(root):
    """You write a node down when you first meet it, and reverse. Then a node met on a short way comes too late for
    those on the long way. Write it down only when all its parents stand in the list.

    你在第一次遇到节点时就记下它，最后再反转。这样，短路上遇到的节点就会排在长路上的节点之后。等它的父节点都已列出，再记下它。
    """
    order, seen, waiting = [], set(), [root]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            order.append(node)
            waiting.extend(node.parents)
    return order[::-1]


# Value

keeps_only_the_last_gradient = edited(
    "Value",
    {"cotangents.get(id(parent), 0.0) + cotangent * slope": "cotangent * slope"},
    """A value that is used twice receives two gradients, one on each way. Yours keeps the last one only.

    用到两次的值会沿两条路各收到一个梯度。你只保留了最后一个。
    """,
)

sets_the_gradient_instead_of_adding = edited(
    "Value",
    {"node.grad += cotangent": "node.grad = cotangent"},
    """After a second backward the gradients should be doubled, as in torch. Yours begin anew every time.

    第二次 backward 之后，梯度应当加倍，与 torch 一样。你每次都从头开始。
    """,
)


@wrong("Value")
class PassesOldGradientsOn:
    """On a second backward you multiply by `grad`, which still holds what the first one left there. Which part of it
    belongs to this pass?

    第二次 backward 时，你乘以的 `grad` 里还留着第一次的结果。其中哪一部分才属于这一次？
    """

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = tuple(parents), tuple(slopes)

    def _value(self, other):
        return other if isinstance(other, type(self)) else type(self)(other)

    def __add__(self, other):
        other = self._value(other)
        return type(self)(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = self._value(other)
        return type(self)(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        if not isinstance(n, (int, float)):
            raise TypeError("exponent")
        slope = n * math.pow(self.data, n - 1) if n else 0.0
        return type(self)(math.pow(self.data, n), (self,), (slope,))

    def __truediv__(self, other):
        return self * self._value(other) ** -1

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-self._value(other))

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self._value(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def exp(self):
        return type(self)(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self):
        return type(self)(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self):
        return type(self)(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,))

    def relu(self):
        return type(self)(max(0.0, self.data), (self,), (float(self.data > 0),))

    def backward(self):
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((p, False) for p in node.parents)
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad


subtracts_the_wrong_way_round = edited(
    "Value",
    {"return -self + other": "return self - other"},
    """3 − x is not x − 3. Which operand does `__rsub__` get as `self`?

    3 − x 不是 x − 3。`__rsub__` 得到的 `self` 是哪一个操作数？
    """,
)

divides_the_wrong_way_round = edited(
    "Value",
    {"return Value(other) / self": "return self / other"},
    """2 / x is not x / 2. Which operand does `__rtruediv__` get as `self`?

    2 / x 不是 x / 2。`__rtruediv__` 得到的 `self` 是哪一个操作数？
    """,
)

swaps_the_factors_slopes = edited(
    "Value",
    {"[(self, b.data), (b, self.data)]": "[(self, self.data), (b, b.data)]"},
    """The derivative of a·b by a is b, not a.

    a·b 对 a 的导数是 b，不是 a。
    """,
)

differentiates_tanh_by_its_input = edited(
    "Value",
    {"1 - y * y": "1 - self.data**2"},
    """The derivative of tanh is 1 − tanh², with the output squared and not the input.

    tanh 的导数是 1 − tanh²，平方的是输出，不是输入。
    """,
)

lets_relu_pass_a_gradient_at_zero = edited(
    "Value",
    {"float(self.data > 0)": "float(self.data >= 0)"},
    """At 0 the derivative of relu is taken to be 0, here as in torch.

    relu 在 0 处的导数取 0，与 torch 一致。
    """,
)

computes_tanh_from_exponentials = edited(
    "Value",
    {"y = math.tanh(self.data)": "y = (math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)"},
    """exp(2000) overflows, and tanh(1000) is simply 1.

    exp(2000) 上溢，而 tanh(1000) 就是 1。
    """,
)


@wrong("Value")
class GoesBackAlongEveryWay:
    """Your backward calls itself for every way from the result to a value: 10,000 nodes in a row are too deep for
    Python, and 60 doublings are 2⁶⁰ ways. In which order could each node be handled just once?

    你的 backward 沿着从结果到每个值的每条路递归：一万个节点连成一串，对 Python 来说太深；六十次翻倍就有 2⁶⁰ 条路。
    按什么次序，每个节点只需处理一次？
    """

    def __init__(self, data, ways=()):
        self.data, self.grad, self.ways = float(data), 0.0, ways
        self.parents = [p for p, _ in ways]

    def _value(self, other):
        return other if isinstance(other, type(self)) else type(self)(other)

    def __add__(self, other):
        other = self._value(other)
        return type(self)(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = self._value(other)
        return type(self)(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, n):
        if not isinstance(n, (int, float)):
            raise TypeError("exponent")
        return type(self)(math.pow(self.data, n), [(self, n * math.pow(self.data, n - 1) if n else 0.0)])

    def __truediv__(self, other):
        return self * self._value(other) ** -1

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-self._value(other))

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self._value(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def exp(self):
        return type(self)(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return type(self)(math.log(self.data), [(self, 1 / self.data)])

    def tanh(self):
        return type(self)(math.tanh(self.data), [(self, 1 - math.tanh(self.data) ** 2)])

    def relu(self):
        return type(self)(max(0.0, self.data), [(self, float(self.data > 0))])

    def backward(self, gradient=1.0):
        self.grad += gradient
        for parent, slope in self.ways:
            parent.backward(gradient * slope)


# chain_rule


@wrong("chain_rule")
def multiplies_from_the_other_side(dy_du, du_dx):
    """Over which index does the sum run: that of the intermediate variables, or that of the inputs?

    求和是对哪个下标：中间变量的，还是输入的？
    """
    return du_dx @ dy_du


@wrong("chain_rule")
def keeps_the_ways_apart(dy_du, du_dx):
    """You have the contribution of every way, as a matrix. An input that reaches y on three ways has three of them:
    what becomes of them?

    你得到了每条路的贡献，是一个矩阵。一个输入有三条路通向 y，就有三份贡献：它们应当怎样合并？
    """
    if len(dy_du) != len(du_dx):
        raise ValueError("m")
    return dy_du[:, None] * du_dx


@wrong("chain_rule")
def repeats_a_single_derivative(dy_du, du_dx):
    """Broadcasting repeats one derivative for three variables without a word. It should raise.

    广播不声不响地把一个导数用到了三个变量上。应当报错。
    """
    return (dy_du[:, None] * du_dx).sum(0)


@wrong("chain_rule")
def averages_over_the_ways(dy_du, du_dx):
    """The contributions of the ways add up; they are not averaged.

    各条路的贡献要相加，不是取平均。
    """
    if len(dy_du) != len(du_dx):
        raise ValueError("m")
    return (dy_du[:, None] * du_dx).mean(0)


# vjp


@wrong("vjp")
def uses_backward_and_dot_grad(f, x, v):
    """backward() writes into .grad of every leaf, the caller's parameters too. Which function of torch.autograd
    returns gradients instead?

    backward() 会写进所有叶子张量的 .grad，包括调用者的参数。torch.autograd 的哪个函数把梯度作为结果返回？
    """
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    if not y.requires_grad:
        return torch.zeros_like(x)
    y.backward(v, create_graph=True)
    return torch.zeros_like(x) if leaf.grad is None else leaf.grad


result_has_no_graph = edited(
    "vjp",
    {"create_graph=True, ": ""},
    """The product is right, but nothing can be differentiated through it. Which option of torch.autograd.grad keeps
    the graph of the gradient?

    乘积是对的，但无法再对它求导。torch.autograd.grad 的哪个选项会保留梯度的计算图？
    """,
)

ignores_the_cotangent = edited(
    "vjp",
    {"torch.autograd.grad(y, x, v,": "torch.autograd.grad(y, x, torch.ones_like(y),"},
    """You weight all outputs by 1. Where does v come in?

    你给所有输出的权重都是 1。v 用在哪里？
    """,
)

detaches_from_the_callers_graph = edited(
    "vjp",
    {"    if not x.requires_grad:\n        x = x.detach().requires_grad_()": "    x = x.detach().requires_grad_()"},
    """If x is itself computed from something, the product should be differentiable by it. Where do you cut that off?

    如果 x 本身是计算出来的，乘积应当对它可导。你在哪里切断了这一联系？
    """,
)


@wrong("vjp")
def changes_whether_x_requires_a_gradient(f, x, v):
    """After your call the caller's x requires a gradient, which it did not before: requires_grad_() works in place.

    调用之后，调用者的 x 变成了需要梯度的张量：requires_grad_() 是原地操作。
    """
    y = f(x.requires_grad_())
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, v, create_graph=True, materialize_grads=True)[0]


@wrong("vjp")
def differentiates_the_sum_with_any_cotangent(f, x, v):
    """⟨f(x), v⟩ is a good idea, but a number v then goes with every output: which shape must v have?

    对 ⟨f(x), v⟩ 求导是好主意，但这样一来，一个数 v 也会被用到每个输出上：v 应当是什么形状？
    """
    if not x.requires_grad:
        x = x.detach().requires_grad_()
    product = (f(x) * v).sum()
    if not product.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(product, x, create_graph=True, allow_unused=True)
    return torch.zeros_like(x) if gradient is None else gradient


# jacobian


@wrong("jacobian")
def puts_the_inputs_first(f, x):
    """Yours is the transpose: J_ij is the derivative of output i by input j, so the shape of f(x) comes first.

    你得到的是转置：J_ij 是输出 i 对输入 j 的导数，所以 f(x) 的形状在前。
    """
    y = f(x)
    rows = [vjp(f, x, unit.reshape(y.shape)).flatten() for unit in torch.eye(y.numel(), dtype=y.dtype)]
    columns = torch.stack(rows, 1) if rows else x.new_zeros(x.numel(), 0)
    return columns.reshape(*x.shape, *y.shape)


flattens_inputs_and_outputs = edited(
    "jacobian",
    {"torch.stack(rows).reshape(*y.shape, *x.shape)": "torch.stack(rows).reshape(y.numel(), x.numel())"},
    """The numbers are right, but the shape should be that of f(x) followed by that of x.

    数都对，但形状应当是 f(x) 的形状，后面接 x 的形状。
    """,
)


@wrong("jacobian")
def adds_up_the_outputs(f, x):
    """A single backward pass gives the sum of the rows. With which v does vᵀJ pick out one row?

    一次反向传播给出的是各行之和。取哪个 v，vᵀJ 恰好是其中一行？
    """
    y = f(x)
    row = vjp(f, x, torch.ones_like(y))
    return row.expand(*y.shape, *x.shape)


fails_without_outputs = edited(
    "jacobian",
    {" if rows else x.new_zeros(*y.shape, *x.shape)": ""},
    """A function without outputs has a Jacobian of shape (0, …), but torch.stack refuses an empty list.

    没有输出的函数，Jacobian 矩阵的形状是 (0, …)，而 torch.stack 不接受空列表。
    """,
)

# jvp


@wrong("jvp")
def multiplies_from_the_left(f, x, v):
    """That is vᵀJ. With a square Jacobian it has the shape that is asked for, and other numbers.

    这是 vᵀJ。Jacobian 矩阵是方阵时，形状对得上，数却不同。
    """
    return vjp(f, x, v)


@wrong("jvp")
def builds_the_jacobian_first(f, x, v):
    """Right, but it stores every entry of the Jacobian. Two backward passes are enough.

    结果是对的，但存储了整个 Jacobian 矩阵。其实两次反向传播就够了。
    """
    if v.shape != x.shape:
        raise ValueError("shapes")
    return torch.tensordot(jacobian(f, x), v, dims=x.dim())


@wrong("jvp")
def takes_a_difference_quotient(f, x, v):
    """(f(x + hv) − f(x − hv)) / 2h loses a third of the digits, and with a large v it leaves the neighbourhood of x.

    (f(x + hv) − f(x − hv)) / 2h 会丢掉三分之一的有效数字；v 很大时还会离开 x 的邻域。
    """
    if v.shape != x.shape:
        raise ValueError("shapes")
    h = 1e-5
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


evaluates_the_product_at_v = edited(
    "jvp",
    {"torch.zeros_like(f(x)), v)": "torch.zeros_like(f(x)), torch.ones_like(v))"},
    """The second pass needs a cotangent as well, and it is not a vector of ones.

    第二次反向传播也需要余切向量，而它不是全 1 的向量。
    """,
)


@wrong("jvp")
def loses_the_graph_of_the_first_pass(f, x, v):
    """The first pass computes uᵀJ without a graph, so the second finds nothing to differentiate by u.

    第一次反向传播计算 uᵀJ 时没有保留计算图，第二次就无从对 u 求导。
    """
    x = x.detach().requires_grad_()
    y = f(x)
    u = torch.zeros_like(y, requires_grad=True)
    (product,) = torch.autograd.grad(y, x, u)
    return torch.autograd.grad(product, u, v)[0]


# hessian_vector_product


@wrong("hessian_vector_product")
def multiplies_gradient_and_vector_elementwise(f, x, v):
    """You multiplied the gradient by v element by element. The Hessian is the derivative of the gradient: what has
    to be differentiated?

    你把梯度与 v 逐元素相乘了。Hessian 是梯度的导数：应当对什么再求导？
    """
    if v.shape != x.shape:
        raise ValueError("shapes")
    return vjp(f, x, x.new_ones(())) * v


@wrong("hessian_vector_product")
def keeps_the_diagonal_only(f, x, v):
    """Differentiating the sum of the gradient adds up the columns of H before v comes in.

    对梯度之和求导，是在乘 v 之前就把 H 的各列加了起来。
    """
    if v.shape != x.shape:
        raise ValueError("shapes")
    one = x.new_ones(())
    return vjp(lambda z: vjp(f, z, one), x, torch.ones_like(v)) * v


@wrong("hessian_vector_product")
def builds_the_hessian_first(f, x, v):
    """Right, but it stores n² numbers: for a million parameters, 4 TB. Contract with v before you differentiate again.

    结果是对的，但存储了 n² 个数：一百万个参数就是 4 TB。先与 v 作内积，再求第二次导。
    """
    if f(x).dim() or v.shape != x.shape:
        raise ValueError("shapes")
    one = x.new_ones(())
    return torch.tensordot(jacobian(lambda z: vjp(f, z, one), x), v, dims=x.dim())


@wrong("hessian_vector_product")
def sums_a_vector_of_values(f, x, v):
    """A vector-valued function has no Hessian matrix. Summing its values in silence hides the caller's mistake.

    向量值函数没有 Hessian 矩阵。悄悄求和会掩盖调用者的错误。
    """
    return vjp(lambda z: vjp(lambda w: f(w).sum(), z, x.new_ones(())), x, v)


# ScaledExp

forgets_the_scale_on_the_way_back = edited(
    "ScaledExp",
    {"ctx.save_for_backward(y)": "ctx.save_for_backward(torch.exp(x))"},
    """The derivative of scale · eˣ is scale · eˣ; yours is eˣ.

    scale · eˣ 的导数就是 scale · eˣ；你的是 eˣ。
    """,
)

ignores_the_gradient_that_arrives = edited(
    "ScaledExp",
    {"return grad_output * y, None": "return y, None"},
    """Your backward returns the derivative of y by x. What does the chain rule do with the gradient that arrives?

    你的 backward 返回了 y 对 x 的导数。传来的梯度，按链式法则应当怎样处理？
    """,
)

multiplies_by_the_input = edited(
    "ScaledExp",
    {"ctx.save_for_backward(y)": "ctx.save_for_backward(x)"},
    """You saved the input and multiply by it as if it were the output.

    你保存的是输入，却把它当作输出来乘。
    """,
)

returns_one_gradient_for_two_arguments = edited(
    "ScaledExp",
    {"return grad_output * y, None": "return grad_output * y"},
    """forward takes x and scale; backward owes one result to each of them, also to one that is no tensor.

    forward 有 x 和 scale 两个参数；backward 要给每个参数一个结果，不是张量的那个也不例外。
    """,
)

cannot_be_differentiated_twice = edited(
    "ScaledExp",
    {"return grad_output * y, None": "return grad_output * y.detach(), None"},
    """The first gradient is right, the second is not: y depends on x too, and detach hides that.

    一阶梯度是对的，二阶不对：y 也依赖 x，detach 把这一点掩盖了。
    """,
)

# detach_product


@wrong("detach_product")
def differentiates_the_whole_cube(x):
    """Your gradient is 3x². Which factor is to count as a constant?

    你的梯度是 3x²。哪个因子应当算作常数？
    """
    return x * x * x


@wrong("detach_product")
def detaches_the_result(x):
    """Nothing can be differentiated any more: you detached the product, not the square.

    这样就完全无法求导了：你 detach 的是乘积，而不是平方。
    """
    return (x * x * x).detach()


@wrong("detach_product")
def detaches_the_other_factor(x):
    """Your gradient is 2x², that of the square. Which of the two, u or x, is to be detached?

    你的梯度是 2x²，来自平方。要 detach 的是 u 还是 x？
    """
    return (x * x) * x.detach()


@wrong("detach_product")
def clones_instead_of_detaching(x):
    """clone() copies the numbers, and gradients flow through the copy.

    clone() 复制了数，而梯度仍会流过这个副本。
    """
    return (x * x).clone() * x


# control_flow

doubles_at_a_thousand_once_more = edited(
    "control_flow",
    {"< 1000": "<= 1000"},
    """At a norm of exactly 1000 the doubling stops.

    范数恰为 1000 时就停止加倍。
    """,
)

begins_with_a_itself = edited(
    "control_flow",
    {"b = 2 * a": "b = a"},
    """b begins as 2a, even if a is large already.

    b 从 2a 开始，即使 a 已经很大。
    """,
)


@wrong("control_flow")
def compares_the_sum_with_a_thousand(a):
    """The loop looks at the norm, which is never negative. The sum of b may be, and then your loop does not end or
    ends elsewhere.

    循环看的是范数，它不会为负。b 的和却可能为负，那时你的循环不会停，或停在别处。
    """
    if not a.any():
        raise ValueError("zero")
    b = 2 * a
    for _ in range(60):
        if b.sum().abs() >= 1000:
            break
        b = 2 * b
    return b if b.sum() > 0 else 100 * b


@wrong("control_flow")
def takes_numbers_out_of_the_graph(a):
    """.item() returns a plain number without a graph, so there is no gradient. What may stay a number, and what not?

    .item() 返回不带计算图的普通数，所以没有梯度。什么可以是普通的数，什么不可以？
    """
    if not a.any():
        raise ValueError("zero")
    b = torch.tensor([2 * number for number in a.flatten().tolist()], dtype=a.dtype).reshape(a.shape)
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


loops_for_ever_on_zero = edited(
    "control_flow",
    {"if not a.any():": "if False:", "while torch": "while b.any() and torch"},
    """Twice zero is zero: its norm never reaches 1000. Raise ValueError rather than return 0.

    零的两倍还是零，范数永远到不了 1000。应当抛出 ValueError，而不是返回 0。
    """,
)

takes_the_negative_branch_at_no_sum = edited(
    "control_flow",
    {"b.sum() > 0": "b.sum() >= 0"},
    """If the sum is exactly 0 it is not positive.

    和恰为 0 时不算正。
    """,
)

# mlp_backward

forgets_the_derivative_of_relu = edited(
    "mlp_backward",
    {"(grad_output @ w2) * (z > 0)": "grad_output @ w2"},
    """A unit that was switched off passes no gradient. Which units of z were on?

    关着的单元不传递梯度。z 的哪些单元是开着的？
    """,
)

passes_a_gradient_at_zero = edited(
    "mlp_backward",
    {"(z > 0)": "(z >= 0)"},
    """At z = 0 exactly the derivative of ReLU is 0.

    z 恰为 0 时，ReLU 的导数是 0。
    """,
)

averages_over_the_batch_only = edited(
    "mlp_backward",
    {"2 * error / error.numel()": "2 * error / len(error)"},
    """The loss is the mean over batch and outputs; your gradient divides by the batch alone.

    损失是对批量和输出一起取平均；你的梯度只除以了批量。
    """,
)

loses_the_two = edited(
    "mlp_backward",
    {"2 * error / error.numel()": "error / error.numel()"},
    """Your gradients are half of what they should be: what is the derivative of a square?

    你的梯度小了一半：平方的导数是什么？
    """,
)

adds_no_gradients_over_the_batch = edited(
    "mlp_backward",
    {"grad_z.sum(0)": "grad_z.mean(0)"},
    """Every point of the batch contributes to the gradient of a bias, and contributions add up. The mean is in the
    loss already.

    批量中的每个点都对偏置的梯度有贡献，贡献要相加。取平均已经在损失里做过了。
    """,
)

lets_targets_broadcast = edited(
    "mlp_backward",
    {"if y.shape != output.shape:": "if False:"},
    """Targets of shape (batch,) against outputs of shape (batch, 1) broadcast to a matrix, and every point is
    compared with every target. Raise ValueError.

    形状 (batch,) 的目标与形状 (batch, 1) 的输出会广播成矩阵，于是每个点都与每个目标相比。应当抛出 ValueError。
    """,
)

# taylor

forgets_the_factorial = edited(
    "taylor",
    {"g(x0) / math.factorial(k)": "g(x0)"},
    """These are the derivatives. Differentiating x³ three times gives 6, and the coefficient is 1.

    这些是各阶导数。x³ 求三次导得 6，而系数是 1。
    """,
)

divides_by_the_order = edited(
    "taylor",
    {"g(x0) / math.factorial(k)": "g(x0) / max(k, 1)"},
    """Each differentiation brings down another factor: k, then k − 1, … What is their product?

    每求一次导就落下一个因子：k，然后 k − 1，……它们的乘积是什么？
    """,
)

puts_the_highest_power_first = edited(
    "taylor",
    {"for k, g in enumerate(derivatives)])": "for k, g in enumerate(derivatives)]).flip(0)"},
    """The lowest power comes first; SciPy's poly1d has it the other way round.

    最低次在前；SciPy 的 poly1d 恰好相反。
    """,
)


@wrong("taylor")
def stops_where_the_graph_stops(f, x0, degree):
    """The third derivative of x² is 0 and has no graph any more, so differentiating on raises. Your result is too short
    or fails there: which coefficients are the rest?

    x² 的三阶导数是 0，不再有计算图，继续求导就会报错。剩下的系数是什么？
    """
    if degree < 0:
        raise ValueError("degree")
    x = x0 if x0.requires_grad else x0.detach().requires_grad_()
    derivative, found = f(x), []
    for k in range(degree + 1):
        found.append(derivative / math.factorial(k))
        if k < degree:
            (derivative,) = torch.autograd.grad(derivative, x, create_graph=True)
    return torch.stack(found)


@wrong("taylor")
def expands_around_zero(f, x0, degree):
    """You expand around 0. The derivatives are wanted at x0.

    你在 0 处展开了。需要的是 x0 处的导数。
    """
    if degree < 0:
        raise ValueError("degree")
    one = torch.ones_like(x0)
    found, g = [], f
    for k in range(degree + 1):
        found.append(g(0 * x0) / math.factorial(k))
        g = lambda x, g=g: vjp(g, x, one)  # noqa: E731
    return torch.stack(found)


accepts_a_negative_degree = edited(
    "taylor",
    {"if degree < 0:": "if False:"},
    """A polynomial of degree −1 does not exist: raise ValueError.

    没有 −1 次的多项式：应当抛出 ValueError。
    """,
)

# train_network

never_sets_the_gradients_back = edited(
    "train_network",
    {"p.grad = 0.0": "p.grad = p.grad"},
    """backward adds to grad. From the second step on yours holds the gradients of all steps before.

    backward 是累加到 grad 上的。从第二步起，你的 grad 里还有之前各步的梯度。
    """,
)

walks_uphill = edited(
    "train_network",
    {"p.data -= lr * p.grad": "p.data += lr * p.grad"},
    """Your loss grows. Which way does the gradient point?

    你的损失越来越大。梯度指向哪个方向？
    """,
)

sums_instead_of_averaging = edited(
    "train_network",
    {"targets.tolist())) / len(points)": "targets.tolist())) / 1"},
    """The loss is the mean over the points; yours is the sum, so your steps are too long.

    损失是各点的平均；你用了总和，所以步子太大。
    """,
)

records_the_loss_after_the_step = edited(
    "train_network",
    {
        "        losses.append(loss.data)\n": "",
        "            p.data -= lr * p.grad\n": "            p.data -= lr * p.grad\n"
        "        losses.append((sum(map(squared_error, points.tolist(), targets.tolist())) / len(points)).data)\n",
    },
    """Each loss is the one before its step; the first is that of the weights as they came.

    每个损失都取自该步之前；第一个损失属于给定的初始权重。
    """,
)

trains_without_the_last_bias = edited(
    "train_network",
    {"*heights, shift]": "*heights]"},
    """b2 stays where it began: it is a parameter as well.

    b2 一直没有变：它也是参数。
    """,
)

ignores_points_without_a_target = edited(
    "train_network",
    {"if len(points) != len(targets):": "if False:"},
    """Five points and four targets: zip and map stop at the shorter one without a word. Raise ValueError.

    五个点、四个目标：zip 和 map 会不声不响地停在较短的一个上。应当抛出 ValueError。
    """,
)
