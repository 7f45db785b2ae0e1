"""Makes check.png, the README's picture of what a check shows: python docs/images/check.py (needs chromium)."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image, ImageChops

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SETUP = "import torch\nfrom autograder import check"
ANSWER = """\
# exercise: softmax
def softmax(x, dim):
    e = torch.exp(x - x.max())
    return e / e.sum(-1, keepdim=True)"""
WIDTH, HEIGHT, SCALE, MARGIN = 900, 1400, 2, 24


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, ANSWER, "check(softmax)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = ROOT / "source" / "ch04_activations"
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    notebook.cells = notebook.cells[1:]
    with tempfile.TemporaryDirectory() as scratch:
        page, shot = Path(scratch) / "check.html", Path(scratch) / "check.png"
        page.write_text(
            HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True).from_notebook_node(notebook)[0],
            encoding="utf-8",
        )
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={shot}"]
        command += [f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        image = Image.open(shot).convert("RGB")
    box = ImageChops.difference(image, Image.new("RGB", image.size, image.getpixel((0, 0)))).getbbox()
    margin = MARGIN * SCALE // 2
    image = image.crop((box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin))
    image.quantize(64).save(HERE / "check.png", optimize=True)
    print(f"{HERE / 'check.png'}: {image.size[0]} × {image.size[1]}")


if __name__ == "__main__":
    main()
