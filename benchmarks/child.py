"""Calls functions for :mod:`benchmarks.process`, each in its own process.

With the path of a job, it calls the job's function in this process. With ``--template`` and names
of modules, it imports them, and then forks for each job whose path is a line of standard input, so
that the new process starts with the imports done. For each job it prints two lines: the process id
and the exit status.
"""

import gc
import importlib
import json
import os
import sys
import traceback
from pathlib import Path


def run(job: Path) -> None:
    """Call the function of a job, and write its result beside the job."""
    given = json.loads(job.read_text())
    module, name = given["function"].split(":")
    value = getattr(importlib.import_module(module), name)(**given["arguments"])
    job.with_suffix(".result").write_text(json.dumps(value))


def serve(modules: list[str]) -> None:
    """Import modules, and fork for each job."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # otherwise each new process would copy all memory in its first garbage collection
    answers = os.dup(1)
    os.dup2(2, 1)  # output of libraries must not be mistaken for an answer
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
        # without the exit handlers of the template
        os._exit(status)


if __name__ == "__main__":
    if sys.argv[1] == "--template":
        serve(sys.argv[2:])
    else:
        run(Path(sys.argv[1]))
