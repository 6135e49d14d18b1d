"""What the server says on the terminal, and how it ends."""

import logging
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import tuszstore

pytest.importorskip("bokeh")


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_it_quietly(train: tuszstore.Store) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from tuszstore.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "browse", str(train.path), "--no-open"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        assert process.stdout.readline() == "Press Ctrl-C to stop.\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip(), err.strip()) == (0, "", "")


def test_requests_of_others_are_not_reported(
    train: tuszstore.Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = logging.getLogger("tornado.access")
    # Dask, once imported, keeps what tornado logs away from the root
    monkeypatch.setattr(access, "handlers", [caplog.handler])
    monkeypatch.setattr(access, "propagate", False)
    with train.browse() as browsing, caplog.at_level(logging.DEBUG, access.name):
        for path in ("/", "/icon.png"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(re.sub(r"(:\d+)/.*", rf"\1{path}", browsing.url))
        access.warning("of another server in this process")
    assert [record.getMessage() for record in caplog.records if record.name == access.name] == [
        "of another server in this process"
    ]
    assert not access.filters
