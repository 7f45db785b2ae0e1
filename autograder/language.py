"""Every sentence that the engine says to a student, in English and Chinese, once."""

SENTENCES: dict[str, tuple[str, str]] = {
    # what a comparison finds
    "type": ("{where}expected {expected}, got {came}", "{where}应为{expected}，得到的是{came}"),
    "length": (
        "{where}expected {expected} items, got {came}",
        "{where}应有 {expected} 项，得到 {came} 项",
    ),
    "keys": ("{where}expected the keys {expected}, got {came}", "{where}键应为 {expected}，得到 {came}"),
    "dtype": ("{where}expected dtype {expected}, got {came}", "{where}dtype 应为 {expected}，得到 {came}"),
    "device": (
        "{where}expected a tensor on {expected}, got one on {came}",
        "{where}张量应在 {expected} 上，得到的在 {came} 上",
    ),
    "shape": (
        "{where}expected shape {expected}, got {came}",
        "{where}形状应为 {expected}，得到 {came}",
    ),
    "untrue": (
        "{where}expected {expected}, got {came}; this does not hold",
        "{where}应为 {expected}，得到 {came}；这一条不成立",
    ),
    "number": ("{where}expected {expected}, got {came}", "{where}应为 {expected}，得到 {came}"),
    "value": (
        "{where}{wrong} of {total} values differ. The worst is at index {index}: expected {expected}, got {came}",
        "{where}{total} 个值中有 {wrong} 个不同。差得最多的在下标 {index}：应为 {expected}，得到 {came}",
    ),
    "scalar": (
        "{where}expected {expected}, got {came}",
        "{where}应为 {expected}，得到 {came}",
    ),
    # what to look at next
    "look_nan": (
        "Places with NaN: {count}. Look for 0/0, inf − inf, or exp of a large number",
        "有 {count} 处是 NaN：检查 0/0、inf − inf，或对很大的数取 exp",
    ),
    "look_inf": (
        "Places with an infinity: {count}. Look for a division by 0, log 0, or exp of a large number",
        "有 {count} 处是无穷大：检查除以 0、log 0，或对很大的数取 exp",
    ),
    "look_lost_nan": (
        "Places that should be NaN and are not: {count}. Look at what a comparison, max or clamp does with NaN",
        "有 {count} 处应为 NaN 而不是：检查比较、max 或 clamp 遇到 NaN 时的结果",
    ),
    "look_lost_inf": (
        "Places that should be infinite and are not: {count}. Look for a clamp, or for an eps that hides a limit",
        "有 {count} 处应为无穷大而不是：检查 clamp，或掩盖了极限的 eps",
    ),
    "look_inf_sign": ("An infinity has the wrong sign", "无穷大的符号不对"),
    "look_sign": (
        "The sign is opposite throughout: look for a minus that is missing or one too many",
        "符号全部相反：是否少了或多了一个负号",
    ),
    "look_factor": (
        "The result is {factor} times what is expected: look for a missing or doubled factor",
        "结果是应有结果的 {factor} 倍：是否漏乘或多乘了一个因子",
    ),
    "look_offset": (
        "Every value is off by the same {offset}: look for a term that is missing or added twice",
        "每个值都差同一个数 {offset}：是否漏加或多加了一项",
    ),
    "look_some_signs": (
        "Every value has the right size, but some have the wrong sign: look for abs, or a minus in one branch",
        "每个值的大小都对，但有些符号相反：检查绝对值，或某个分支里的负号",
    ),
    "look_square": (
        "The result is the square of what is expected: is a root missing?",
        "结果是应有结果的平方：是否漏了开方",
    ),
    "look_root": (
        "The result is the square root of what is expected: is there a root too many?",
        "结果是应有结果的平方根：是否多开了一次方",
    ),
    "look_log": (
        "The result is the logarithm of what is expected: is an exp missing, or a log too many?",
        "结果是应有结果的对数：是否漏了 exp，或多取了一次 log",
    ),
    "look_exp": (
        "The result is exp of what is expected: is a log missing, or an exp too many?",
        "结果是应有结果的 exp：是否漏了 log，或多取了一次 exp",
    ),
    "look_reciprocal": (
        "The result is 1 / what is expected: which is divided by which?",
        "结果是应有结果的倒数：谁除以谁？",
    ),
    "look_complement": (
        "The result is 1 − what is expected: look at which of the two cases is meant",
        "结果等于 1 减去应有结果：检查取的是两种情形中的哪一种",
    ),
    "look_transposed": (
        "The result is the transpose of what is expected: look at the order of the dimensions",
        "结果是应有结果的转置：检查维度的顺序",
    ),
    "look_reversed": (
        "The values along dim {dim} come in reverse order",
        "沿 dim={dim} 的值顺序相反",
    ),
    "look_shifted": (
        "The values along dim {dim} are shifted by one place: look for an index that is off by one",
        "沿 dim={dim} 的值错开了一个位置：检查下标是否差一",
    ),
    "look_order": (
        "The values are right but stand in another order: look at reshape, transpose and indexing",
        "值都对，但位置不对：检查 reshape、转置和下标",
    ),
    "look_normalised": (
        "The result sums to 1 along dim {came}; it should along dim {expected}: look at dim",
        "结果沿 dim={came} 的和为 1，而应当沿 dim={expected}：检查 dim",
    ),
    "look_row_factor": (
        "Along dim {dim} all values are off by one and the same factor: what is it divided by there?",
        "沿 dim={dim} 的值都差同一个倍数：这一维除以的是什么？",
    ),
    "look_row_offset": (
        "Along dim {dim} all values are off by the same amount: what is added or subtracted there?",
        "沿 dim={dim} 的值都差同一个数：这一维上加减的是什么？",
    ),
    "look_first": (
        "Only the first entry along dim {dim} differs: look at how the start is treated",
        "只有 dim={dim} 的第一项不同：检查开头是怎样处理的",
    ),
    "look_last": (
        "Only the last entry along dim {dim} differs: look at how the end is treated",
        "只有 dim={dim} 的最后一项不同：检查末尾是怎样处理的",
    ),
    "look_above": (
        "Only entries above the diagonal differ: look at the mask",
        "只有对角线以上的元素不同：检查掩码",
    ),
    "look_below": (
        "Only entries below the diagonal differ: look at the mask",
        "只有对角线以下的元素不同：检查掩码",
    ),
    "look_diagonal": (
        "Only entries on the diagonal differ: is the diagonal included where it should be?",
        "只有对角线上的元素不同：对角线是否该包含在内",
    ),
    "look_zeros": ("Every value is 0", "所有的值都是 0"),
    "look_zero": ("The value is 0", "值是 0"),
    "look_constant": (
        "Every value is the same, {value}: does the result depend on the input?",
        "所有的值都是同一个数 {value}：结果依赖输入吗",
    ),
    "look_precision": (
        "The digits agree to about {digits} places only: look for a formula that cancels, a lower precision inside, "
        "or a small constant such as eps in the wrong place",
        "只有大约 {digits} 位有效数字相同：检查是否有相近数相减、中途用了更低的精度，或 eps 这样的小常数放错了位置",
    ),
    "look_reduced": (
        "Everything was reduced to one number: over which dimensions should it be?",
        "所有元素被归约成了一个数：应当沿哪些维度归约？",
    ),
    "look_keepdim": (
        "The shapes differ in dimensions of size 1 only: look at keepdim, squeeze and unsqueeze",
        "两个形状只差大小为 1 的维度：检查 keepdim、squeeze 和 unsqueeze",
    ),
    "look_permuted": (
        "The dimensions have the right sizes in another order: look at transpose and permute",
        "各维的大小都对，但顺序不对：检查 transpose 和 permute",
    ),
    "look_reshape": (
        "The number of elements agrees: look at reshape",
        "元素个数相同：检查 reshape",
    ),
    "look_outer": (
        "Broadcasting made every pair of the {n} entries: look for ({n}, 1) meeting ({n},)",
        "广播把 {n} 个元素两两配对了：检查 ({n}, 1) 与 ({n},) 是否相遇",
    ),
    "look_lost_dim": (
        "Dim {dim}, of size {size}, is gone: look at what is summed or averaged over",
        "大小为 {size} 的 dim={dim} 不见了：检查沿哪一维求和或求平均",
    ),
    "look_kept_dim": (
        "Dim {dim}, of size {size}, is still there: something should be summed or averaged over it",
        "大小为 {size} 的 dim={dim} 还在：应当沿它求和或求平均",
    ),
    "look_dtype": (
        "Keep the dtype of the inputs: look for float(), .float(), torch.tensor(...) or a tensor made without dtype=",
        "结果应保持输入的 dtype：检查 float()、.float()、torch.tensor(...)，或创建张量时没有写 dtype=",
    ),
    "look_item": (
        "Return a tensor, not a Python number: look for .item(), float() or the math module",
        "应返回张量而不是 Python 数：检查 .item()、float() 或 math 模块",
    ),
    "look_numpy": (
        "Return a torch tensor: NumPy also cuts the graph that gradients need",
        "应返回 torch 张量：NumPy 还会切断梯度所需的计算图",
    ),
    "look_return": ("Nothing was returned: is there a return?", "没有返回任何东西：是否漏了 return"),
    "look_none": (
        "A gradient that is None means that the result does not depend on this input",
        "梯度是 None，说明结果不依赖这个输入",
    ),
    # what else can go wrong with a call
    "raised": ("the call raised {error}: {message}", "调用时抛出 {error}：{message}"),
    "raised_at": (
        "the call raised {error}: {message} (line {line} of your answer: `{code}`)",
        "调用时抛出 {error}：{message}（你的答案第 {line} 行：`{code}`）",
    ),
    "should_raise": (
        "this call is not legal and must raise {expected}; it returned {came}",
        "这个调用不合法，应当抛出 {expected}；实际却返回了{came}",
    ),
    "wrong_error": (
        "this call must raise {expected}; it raised {error}: {message}",
        "这个调用应当抛出 {expected}；实际抛出 {error}：{message}",
    ),
    "changed_input": (
        "the call changed its input {argument}: work on a copy, or use the out-of-place operation",
        "调用改动了输入 {argument}：请在副本上计算，或使用非原地的运算",
    ),
    "forbidden": (
        "the answer calls {name}, which this exercise asks you to write yourself",
        "答案调用了 {name}，而这正是本练习要你自己写的",
    ),
    "forbidden_source": (
        "line {line} of the answer uses {name}, which this exercise asks you to write yourself",
        "答案第 {line} 行用到了 {name}，而这正是本练习要你自己写的",
    ),
    "reaches_around": (
        "line {line} of the answer uses {name}, which reaches behind torch's public functions and is not accepted: "
        "write the formula with ordinary calls",
        "答案第 {line} 行用到了 {name}，它绕过了 torch 的公开函数，不予接受：请用普通的调用写出公式",
    ),
    "subclass": (
        "the call returned a {came}: return a plain torch.Tensor",
        "调用返回了 {came}：请返回普通的 torch.Tensor",
    ),
    "not_a_result": (
        "the call returned a {came}: expected {expected}",
        "调用返回了 {came}：应为{expected}",
    ),
    "unusable": (
        "what came back could not be used: {message}",
        "返回的结果无法使用：{message}",
    ),
    "too_large": ("the result is larger than {limit} MB", "结果超过了 {limit} MB"),
    "protocol": (
        "the answer disturbed the judge's channel, so this call does not count",
        "答案干扰了评测通道，这次调用不计",
    ),
    "timed_out": ("no result within {seconds} s", "{seconds} 秒内没有结果"),
    "crashed": ("the process ended during the call ({reason})", "进程在调用中退出（{reason}）"),
    "too_slow": (
        "right, but {ratio} times as fast as {baseline}: at least {needed} times is asked for",
        "结果正确，但速度是 {baseline} 的 {ratio} 倍：至少要 {needed} 倍",
    ),
    "as_fast": (
        "{ratio} times as fast as {baseline}; {needed} times was asked for",
        "速度是 {baseline} 的 {ratio} 倍；要求 {needed} 倍",
    ),
    "memory": ("the call used more than {limit} MB of memory", "调用占用的内存超过 {limit} MB"),
    "processes": ("the call started more than {limit} processes", "调用启动了超过 {limit} 个进程"),
    "disk": ("the call wrote more than {limit} MB of files", "调用写入的文件超过 {limit} MB"),
    "not_attempted": ("not attempted yet", "尚未作答"),
    "not_defined": (
        "running the answer's cell did not define `{name}`: {message}",
        "运行答案单元后没有定义 `{name}`：{message}",
    ),
    "not_python": (
        "line {line} of the answer is not Python: {message} (`{code}`)",
        "答案第 {line} 行不是 Python：{message}（`{code}`）",
    ),
    "missing_answer": (
        "the notebook has no cell for `{name}`: keep the comment `# exercise: {name}` in its cell",
        "notebook 中没有 `{name}` 的单元：请保留该单元里的注释 `# exercise: {name}`",
    ),
    "no_value": (
        "cases of interface and numerics count once at least one value is right",
        "至少有一个值正确后，接口与数值稳定性的检查才计分",
    ),
    "judge_error": (
        "the judge itself failed here; this is not your mistake, and a person will look at it",
        "评测程序自身出错；这不是你的错误，会有人处理",
    ),
    # what check was given
    "check_value": (
        "check takes the function itself, not what it returns. It was given {came}: write check({example})",
        "check 的参数是函数本身，而不是它的返回值。得到的是{came}：请写 check({example})",
    ),
    "check_instance": (
        "check takes the class itself, not an object made from it: write check({name})",
        "check 的参数是类本身，而不是它的实例：请写 check({name})",
    ),
    "check_library": (
        "This `{name}` is {library}'s own, not your answer: run the cell of the exercise, then check({example})",
        "这个 `{name}` 是 {library} 自带的，不是你的答案：请先运行练习所在的单元，再执行 check({example})",
    ),
    "check_lambda": (
        "A lambda has no name, so nothing says which exercise it answers: write `def {example}(...)`, "
        "then check({example})",
        "lambda 没有名字，无法知道它回答的是哪个练习：请写成 `def {example}(...)`，再执行 check({example})",
    ),
    "check_unknown": (
        "`{name}` is not an exercise of {chapter}",
        "`{name}` 不是 {chapter} 的练习",
    ),
    "check_nearest": ("Did you mean {name}?", "是不是 {name}？"),
    "check_names": ("The exercises are {names}", "本章的练习有 {names}"),
    "check_undefined": (
        "`{name}` is not defined yet: run the cell of this exercise first",
        "`{name}` 还没有定义：请先运行这个练习所在的单元",
    ),
    "check_no_files": (
        "The chapter's files are not here: check needs checks.py and exercises.json, which come with the notebook. "
        "Put them into {folder}, or start Jupyter in the folder that holds them",
        "这里没有本章的文件：check 需要与 notebook 一同发布的 checks.py 和 exercises.json。"
        "请把它们放进 {folder}，或在它们所在的文件夹中启动 Jupyter",
    ),
    "check_ambiguous": (
        "Several chapters have an exercise `{name}`: {chapters}. Run this in the folder of one of them",
        "有多个章节含有练习 `{name}`：{chapters}。请在其中一章的文件夹中运行",
    ),
    "check_stopped": (
        "Stopped during the check “{sentence}” of `{name}`",
        "检查 `{name}` 的“{sentence}”时被中断",
    ),
    "check_stopped_at": (
        "Stopped during the check “{sentence}” of `{name}`, at line {line} of your answer: `{code}`",
        "检查 `{name}` 的“{sentence}”时被中断，停在你的答案第 {line} 行：`{code}`",
    ),
    "check_failed": (
        "The check itself failed, which is not your mistake. Tell the course's staff: {message}",
        "检查程序自身出错，这不是你的错误。请告诉课程人员：{message}",
    ),
    "still_stub": (
        "line {line} of your answer still raises NotImplementedError: put the formula in its place",
        "你的答案第 {line} 行仍在抛出 NotImplementedError：请用公式代替它",
    ),
    # a verdict as a table
    "passed": ("passed", "通过"),
    "failed": ("failed", "未通过"),
    "waits": ("waits", "待测"),
    "to_do": ("to do", "待作答"),
    "hidden": ("(hidden)", "（隐藏）"),
    "hint": ("Hint: {hint}", "提示：{hint}"),
    "does_not_hold": ("this does not hold", "这一条不成立"),
    "as_above": ("the same as above", "同上"),
    "look_next": ("Look next: {look}", "接下来看：{look}"),
    "points": ("{score} of {max_score} points", "{score} / {max_score} 分"),
    "status_passed": ("passed", "通过"),
    "status_partial": ("partly right", "部分正确"),
    "status_failed": ("failed", "未通过"),
    "status_not_attempted": ("not attempted yet", "尚未作答"),
    "status_timed_out": ("took too long", "运行超时"),
    "status_crashed": ("crashed", "进程崩溃"),
    "status_pending_gpu": ("waits for a GPU", "等待 GPU 评测"),
    "status_needs_person": ("left for a person", "留待人工评定"),
    "status_judge_error": ("could not be judged", "未能评测"),
    "speed_waits": (
        "is measured on a machine with an NVIDIA GPU; until then its points are neither given nor lost",
        "要在有 NVIDIA GPU 的机器上测量；在那之前，这部分分数既不给也不扣",
    ),
    "race_layout": (
        "while it was timed the result had another shape or dtype",
        "计时的时候，结果的形状或 dtype 不对",
    ),
    "race_changed": ("while it was timed it changed its inputs", "计时的时候，它改动了输入"),
    "race_wrong": ("while it was timed its result was wrong: {found}", "计时的时候，结果不对：{found}"),
    "not_credible": (
        "is faster than this device can be; a person looks at it",
        "比这个设备所能达到的还快，需要人工查看",
    ),
    "disturbed": (
        "the builtin took much longer beside this answer's process than alone; a person looks at it",
        "在这个答案的进程旁边，库函数比单独运行时慢得多，需要人工查看",
    ),
    "native": (
        "is fast enough, but compiled from C++ or CUDA: a person looks whether it calls the builtin",
        "够快了，但它由 C++ 或 CUDA 编译而来，需要人工查看它是否调用了库函数",
    ),
    "speed_later": ("is measured when all results are right", "等所有结果都正确之后才测量"),
    "visible_pass": ("visible checks pass", "可见检查全部通过"),
    "visible_some": ("{passed} of {total} visible checks pass", "可见检查 {total} 项，通过 {passed} 项"),
    "all_pass": ("{passed} of {total} cases pass", "用例 {total} 个，通过 {passed} 个"),
    "hidden_remain": ("{count} hidden remain: {facets}", "还有 {count} 个隐藏用例：{facets}"),
    "hidden_remains": ("1 hidden remains: {facets}", "还有 1 个隐藏用例：{facets}"),
    "facet_count": ("{count} {facet}", "{facet} {count} 个"),
    "and": ("; ", "；"),
    "comma": (", ", "、"),
    "colon": (": ", "："),
    "clause": (", ", "，"),
    "facet_value": ("value", "数值"),
    "facet_gradient": ("gradient", "梯度"),
    "facet_numerics": ("numerics", "数值稳定性"),
    "facet_interface": ("interface", "接口"),
    "facet_memory": ("memory", "内存"),
    "facet_speed": ("speed", "速度"),
    "run_it_yourself": ("Run this call yourself", "自己运行这次调用"),
    "printed": ("Your code printed {count} characters", "你的代码打印了 {count} 个字符"),
    "more_characters": ("… and {count} more characters", "……另有 {count} 个字符"),
    "overview": (
        "{passed} of {total} exercises pass their visible checks",
        "练习 {total} 个，其中 {passed} 个通过全部可见检查",
    ),
    "overview_all": ("{passed} of {total} exercises pass", "练习 {total} 个，通过 {passed} 个"),
    "right_result": (
        "the right result: the same call with {name} = {builtin}",
        "正确结果：令 {name} = {builtin}，再作同样的调用",
    ),
    "picture_expected": ("expected", "应为"),
    "picture_came": ("got", "得到"),
    "picture_error": ("|got − expected|", "|得到 − 应为|"),
    "picture_worst": ("worst at {index}", "差得最多处 {index}"),
    "picture_slice": ("shown: {slice}", "图中是 {slice}"),
    # words
    "at": ("in {path} of the result: ", "结果的 {path} 中："),
    "tensor": ("a tensor", "一个张量"),
    "a_number": ("a number", "一个数"),
    "a_sequence": ("a tuple of {count}", "长度为 {count} 的元组"),
    "a_dict": ("a dict", "一个字典"),
    "nothing": ("None", "None"),
}


def say(key: str, language: str = "en", **words: object) -> str:
    """The sentence `key` in `language`, filled in."""
    english, chinese = SENTENCES[key]
    return (chinese if language == "zh" else english).format(**words)
