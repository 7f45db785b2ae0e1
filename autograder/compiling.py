"""The kernels of a lab, compiled for NVIDIA GPUs by Triton's own compiler, which needs no GPU for it.

python -m autograder.compiling LAB… runs every case on the reference in the interpreter, notes how each kernel is
launched, compiles each kernel for each such launch, and prints the registers, the shared memory and the spilled bytes.
It exits with 1 when a kernel does not compile: the interpreter takes more than the compiler does.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from autograder import kernels
from autograder.chapters import Chapter
from autograder.course import find_root, load_course
from autograder.draws import Draw

ARCHITECTURES = (80, 90)  # A100, H100
POINTERS = {
    torch.float64: "*fp64",
    torch.float32: "*fp32",
    torch.float16: "*fp16",
    torch.bfloat16: "*bf16",
    torch.int64: "*i64",
    torch.int32: "*i32",
    torch.int16: "*i16",
    torch.int8: "*i8",
    torch.uint8: "*u8",
    torch.bool: "*i1",
}


class Launch(BaseModel, frozen=True):
    """How a kernel is compiled for a launch: the type of every argument, and the values that are part of the code."""

    kernel: str
    types: tuple[tuple[str, str], ...]
    constants: tuple[tuple[str, bool | int | float | str | None], ...]
    options: tuple[tuple[str, int], ...]

    @property
    def shown(self) -> str:
        kinds = dict.fromkeys(kind for _, kind in self.types if kind.startswith("*"))
        values = [f"{name}={value}" for name, value in self.constants if name.isupper()]
        return " ".join([self.kernel, *kinds, *values])


@dataclass(frozen=True)
class Compiled:
    """What the compiler made of a launch: registers a thread, bytes of shared memory and of spilled registers."""

    launch: Launch
    architecture: int
    registers: int = 0
    shared: int = 0
    spilled: int = 0
    problem: str = ""


def launch_of(kernel: str, arguments: dict[str, Any], constexprs: list[str], options: dict[str, int]) -> Launch:
    """As Triton's launcher sees the arguments: an integer that is 1 is a constant, like what is None or constexpr."""
    types, constants = [], []
    for name, value in arguments.items():
        if name in constexprs or value is None or (type(value) is int and value == 1):
            types.append((name, "constexpr"))
            constants.append((name, value))
        elif isinstance(value, torch.Tensor):
            types.append((name, POINTERS[value.dtype]))
        elif isinstance(value, bool):
            types.append((name, "i1"))
        elif isinstance(value, int):
            types.append((name, "i32" if abs(value) < 1 << 31 else "i64"))
        else:
            types.append((name, "fp32"))
    return Launch(kernel=kernel, types=tuple(types), constants=tuple(constants), options=tuple(sorted(options.items())))


def launches(chapter: Chapter) -> list[Launch]:
    """Every way in which the reference launches a kernel in the lab's cases."""
    found: dict[Launch, None] = {}

    def noted(kernel: Any, arguments: dict[str, Any], constexprs: list[str], options: dict[str, int]) -> None:
        found[launch_of(kernel.__name__, arguments, constexprs, options)] = None

    with kernels.on_launch(noted):
        for exercise in chapter.exercises.values():
            for case in (case for case in exercise.cases if case.raises is None):
                for dtype in case.dtypes:
                    case.driver(exercise.reference, Draw(0, dtype))
    return list({launch.shown: launch for launch in found}.values())  # not again for every size that is 1


def compiled(chapter: Chapter) -> list[Compiled]:
    """Every launch of a lab, compiled in a process in which Triton does not interpret."""
    told = json.dumps([launch.model_dump() for launch in launches(chapter)])
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "autograder.compiling", "--compile", str(chapter.root), chapter.name],
        input=told,
        capture_output=True,
        text=True,
        env=os.environ | {"TRITON_INTERPRET": "0"},
    )
    if process.returncode:
        raise RuntimeError(process.stderr[-3000:])
    found = json.loads(process.stdout)
    return [Compiled(Launch.model_validate(entry.pop("launch")), **entry) for entry in found]


def compile_launch(kernel: Any, launch: Launch, architecture: int) -> Compiled:
    """One launch for one architecture."""
    import triton  # behind autograder.kernels, which says whether it interprets
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    types = dict(launch.types)
    names = list(kernel.arg_names)
    aligned = {(names.index(name),): [["tt.divisibility", 16]] for name in names if types[name].startswith("*")}
    source = ASTSource(
        fn=kernel,
        signature={name: types[name] for name in names},
        constexprs={(names.index(name),): value for name, value in launch.constants},
        attrs=aligned,
    )
    try:
        made = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=dict(launch.options))
    except Exception as error:
        return Compiled(launch, architecture, problem=f"{type(error).__name__}: {error}")
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
        said = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True).stdout
    used = {name: int(number) for name, number in re.findall(r"(REG|STACK|LOCAL):(\d+)", said)}
    return Compiled(launch, architecture, used.get("REG", 0), made.metadata.shared, used.get("STACK", 0))


def table(found: list[Compiled]) -> list[str]:
    """A line a compiled launch."""
    lines = [f"{'arch':6}{'registers':>10}{'shared':>9}{'spilled':>9}  kernel"]
    for one in found:
        what = f"{one.registers:10}{one.shared:9}{one.spilled:9}" if not one.problem else f"{'failed':>28}"
        lines.append(f"sm_{one.architecture:<3}{what}  {one.launch.shown}")
        if one.problem:
            lines += [f"    {line}" for line in one.problem.splitlines()[-12:]]
    return lines


def main() -> int:
    if sys.argv[1:2] == ["--compile"]:
        reference = Chapter(Path(sys.argv[2]), sys.argv[3]).reference
        asked = [Launch.model_validate(entry) for entry in json.load(sys.stdin)]
        made = [
            compile_launch(getattr(reference, one.kernel), one, arch) for one, arch in product(asked, ARCHITECTURES)
        ]
        json.dump([vars(one) | {"launch": one.launch.model_dump()} for one in made], sys.stdout)
        return 0
    course = load_course(find_root(Path.cwd()))
    failed = False
    for name in sys.argv[1:]:
        found = compiled(Chapter(course.root, name))
        print("\n".join(table(found)))
        failed = failed or any(one.problem for one in found)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
