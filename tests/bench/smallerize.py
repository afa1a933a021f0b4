"""smallerize (PyPI), a minimisation in plain Python, in an environment of its own for the bench."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_WAIT_SECONDS = 120

_SCRIPT = """
import contextlib, io, json, random, sys, time
import smallerize
from smallerize import Arm, Factor, Minimizer

subjects, factors, arms = map(int, sys.argv[1:])
names = [f"f{n}" for n in range(factors)]
with contextlib.redirect_stdout(io.StringIO()):
    trial = Minimizer(
        [Factor(name, ["a", "b", "c"]) for name in names],
        [Arm(f"arm {n}") for n in range(arms)],
        d_imbalance_method="range", probability_method="biased_coin", preferred_p=0.8,
    )
random.seed(1)
people = [{name: random.choice("abc") for name in names} for _ in range(subjects)]
start = time.perf_counter()
for one in people:
    trial.assign_participant(one)
took = time.perf_counter() - start
print(json.dumps({"version": smallerize.__version__, "seconds": took}))
"""


def measure_smallerize(subjects: int, factors: int, arms: int) -> dict[str, Any]:
    """Its version and seconds for so many subjects of three-level factors; or the reason why not.

    Needs uv and the package index; whatever fails is the reason, and nothing is raised.
    """
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return {"reason": "uv is not installed"}
    with tempfile.TemporaryDirectory(prefix="ixbench-") as folder:
        python = Path(folder, "venv", "bin", "python")
        try:
            _run(uv, "venv", "--quiet", "--python", sys.executable, str(python.parents[1]))
            _run(uv, "pip", "install", "--quiet", "--python", str(python), "smallerize")
            said = _run(str(python), "-c", _SCRIPT, str(subjects), str(factors), str(arms))
        except subprocess.CalledProcessError as failed:
            lines = str(failed.stderr).strip().splitlines()
            return {"reason": lines[-1] if lines else f"exit {failed.returncode}"}
        except (OSError, subprocess.TimeoutExpired) as failed:
            return {"reason": str(failed)}
    found: dict[str, Any] = json.loads(said)
    return found


def _run(*command: str) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=_WAIT_SECONDS
    )
    return done.stdout
