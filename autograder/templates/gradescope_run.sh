#!/usr/bin/env bash
# Gradescope runs this, as root, for each submission.
root=${ATLAS_ROOT:-/autograder}
home=${ATLAS_HOME:-/opt/atlas}
results=$root/results/results.json
umask 077
mkdir -p "$root/results"
rm -f "$results"
cd /

OMP_NUM_THREADS=1 "$home/venv/bin/python" -P -m autograder.gradescope \
    --root "$root" --course "$root/source/course" --chapter @CHAPTER@

if [ ! -s "$results" ]; then # not even Python started
    cat >"$results" <<'JSON'
{
 "score": 0,
 "output": "A person must look at this submission: the judge did not start. This is no zero.\n这份提交需要人工查看：评测程序没有启动。这不是零分。",
 "visibility": "visible",
 "stdout_visibility": "hidden",
 "extra_data": {"needs_person": true},
 "tests": []
}
JSON
fi
