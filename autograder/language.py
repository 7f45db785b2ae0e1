"""Every sentence that the engine says to a student, in English and Chinese, once."""

SENTENCES: dict[str, tuple[str, str]] = {
    # what a comparison finds
    "type": ("{where}expected {expected}, came {came}", "{where}应为{expected}，得到的是{came}"),
    "length": (
        "{where}expected {expected} items, came {came}",
        "{where}应有 {expected} 项，得到 {came} 项",
    ),
    "keys": ("{where}expected the keys {expected}, came {came}", "{where}键应为 {expected}，得到 {came}"),
    "dtype": (
        "{where}expected dtype {expected}, came {came}: keep the dtype of the inputs",
        "{where}dtype 应为 {expected}，得到 {came}：结果应保持输入的 dtype",
    ),
    "shape": (
        "{where}expected shape {expected}, came {came}",
        "{where}形状应为 {expected}，得到 {came}",
    ),
    "number": ("{where}expected {expected}, came {came}", "{where}应为 {expected}，得到 {came}"),
    "value": (
        "{where}{wrong} of {total} values differ. The worst is at index {index}: expected {expected}, came {came}",
        "{where}{total} 个值中有 {wrong} 个不同。差得最多的在下标 {index}：应为 {expected}，得到 {came}",
    ),
    "scalar": (
        "{where}expected {expected}, came {came}",
        "{where}应为 {expected}，得到 {came}",
    ),
    # what to look at next
    "look_nan": (
        "{count} values are NaN: look for 0/0, inf − inf, or exp of a large number",
        "有 {count} 个 NaN：检查 0/0、inf − inf，或对很大的数取 exp",
    ),
    "look_inf": (
        "{count} values are infinite: look for a division by 0, log 0, or exp of a large number",
        "有 {count} 个无穷大：检查除以 0、log 0，或对很大的数取 exp",
    ),
    "look_sign": (
        "Every value has the opposite sign: look for a minus that is missing or one too many",
        "每个值的符号都相反：是否少了或多了一个负号",
    ),
    "look_factor": (
        "Every value is {factor} times what is expected: look for a missing or doubled factor",
        "每个值都是应有值的 {factor} 倍：是否漏乘或多乘了一个因子",
    ),
    "look_offset": (
        "Every value is off by the same {offset}: look for a term that is missing or added twice",
        "每个值都差同一个数 {offset}：是否漏加或多加了一项",
    ),
    "look_transposed": (
        "The result is the transpose of what is expected: look at the order of the dimensions",
        "结果是应有结果的转置：检查维度的顺序",
    ),
    "look_zeros": ("Every value is 0", "所有的值都是 0"),
    "look_precision": (
        "The digits agree to about {digits} places only: look for a formula that cancels, or a lower precision inside",
        "只有大约 {digits} 位有效数字相同：检查是否有相近数相减，或中途用了更低的精度",
    ),
    "look_broadcast": (
        "The number of elements agrees: look at keepdim, reshape and the order of the dimensions",
        "元素个数相同：检查 keepdim、reshape 和维度的顺序",
    ),
    "look_none": (
        "No gradient reached this input: the result does not depend on it",
        "梯度没有传到这个输入：结果不依赖它",
    ),
    # what else can go wrong with a call
    "raised": ("the call raised {error}: {message}", "调用时抛出 {error}：{message}"),
    "raised_at": (
        "the call raised {error}: {message} (line {line} of your answer: `{code}`)",
        "调用时抛出 {error}：{message}（你的答案第 {line} 行：`{code}`）",
    ),
    "should_raise": (
        "this call is not legal and must raise {expected}; it returned {came}",
        "这个调用不合法，应当抛出 {expected}；实际却返回了 {came}",
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
    "memory": ("the call used more than {limit} MB of memory", "调用占用的内存超过 {limit} MB"),
    "processes": ("the call started more than {limit} processes", "调用启动了超过 {limit} 个进程"),
    "not_attempted": ("not attempted yet", "尚未作答"),
    "not_defined": (
        "running the answer's cell did not define `{name}`: {message}",
        "运行答案单元后没有定义 `{name}`：{message}",
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
    # words
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
