"""Calls functions for :mod:`benchmarks.process`, each in a process of its own.

With the path of a job it calls that function in this process. With ``--template`` and names of
modules it imports them, and then forks for each job whose path comes in a line of standard input:
the new process begins with the imports done and nothing else. For each it prints two lines, the
number of the process, and the status it ended with.
"""

import gc
import importlib
import json
import os
import sys
import traceback
from pathlib import Path


def run(job: Path) -> None:
    """Call what a job names and write what it returns beside it."""
    given = json.loads(job.read_text())
    module, name = given["function"].split(":")
    value = getattr(importlib.import_module(module), name)(**given["arguments"])
    job.with_suffix(".result").write_text(json.dumps(value))


def serve(modules: list[str]) -> None:
    """Import modules, and fork for each job."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # or each new process would copy all memory when it first looks for garbage
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not look like an answer
    for line in sys.stdin:
        job = Path(line.strip())
        pid = os.fork()
        if pid == 0:
            _run_and_end(job)
        os.write(answers, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))


def _run_and_end(job: Path) -> None:
    log = os.open(job.with_name("log"), os.O_WRONLY | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    status = 1
    try:
        run(job)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # not what the template registered to be done at its end
        os._exit(status)


if __name__ == "__main__":
    if sys.argv[1] == "--template":
        serve(sys.argv[2:])
    else:
        run(Path(sys.argv[1]))
