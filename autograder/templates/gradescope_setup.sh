#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image: Python, torch for the CPU, a user for student code.
set -euo pipefail

root=${ATLAS_ROOT:-/autograder}
home=${ATLAS_HOME:-/opt/atlas}
torch_index=${ATLAS_TORCH_INDEX-https://download.pytorch.org/whl/cpu}
source=$root/source

fits() { # a Python of 3.11 or newer that can make virtual environments
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for python in python3.11 python3.12 python3.13 python3.14 python3; do
        for path in "/usr/bin/$python" "/usr/local/bin/$python"; do
            if [ -x "$path" ] && fits "$path"; then
                echo "$path"
                return
            fi
        done
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    for version in 3.12 3.11 3; do
        if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
            python=$(find_python)
            [ -z "$python" ] || break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "No Python 3.11 or newer: choose a base image with one, such as Ubuntu 24.04 or Debian 12." >&2
    exit 1
fi

id atlas-student >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin atlas-student

mkdir -p "$home"
chmod 755 "$home"
"$python" -m venv "$home/venv"
"$home/venv/bin/python" -m pip install --no-cache-dir --disable-pip-version-check --no-deps \
    ${torch_index:+--extra-index-url "$torch_index"} -r "$source/requirements.txt"

# what no judgement needs: what C++ programs are built from, torch's and sympy's own tests, pip itself
packages=$("$home/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
rm -rf "$packages"/torch/{include,share,test} "$packages"/torch/lib/*.a "$packages"/pip "$packages"/pip-*
find "$packages/torch/bin" -type f ! -name torch_shm_manager -delete
find "$packages" -type d -name tests -prune -exec rm -rf {} +

rm -rf "$home/engine"
cp -r "$source/engine" "$home/engine"
echo "$home/engine" >"$packages/atlas.pth"
chmod -R u+rwX,go+rX,go-w "$home"
"$home/venv/bin/python" -m compileall -q "$home/engine"

# solutions, hidden cases and the secret of the draws are root's alone
chmod -R go-rwx "$source"
"$home/venv/bin/python" -c 'import torch, autograder.gradescope; print("torch", torch.__version__, "is ready")'
