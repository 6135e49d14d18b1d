"""The kernel's LZ4 decoder compared with liblz4: ``python -m benchmarks.lz4 STORE``.

A loop in C calls both in turn on the compressed streams of a store, each of which fits into the
core's cache. liblz4 is that of numcodecs, as its maintainers compile it. A C compiler is required.
"""

import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numcodecs.blosc
import numpy as np

import tuszstore
from tuszstore.store.shard import CRC, SIGNAL_CHUNKS, parse_tail, tail_bytes

KERNEL = Path(tuszstore.__file__).parent / "read" / "kernel"
ROUNDS = 15
CODE = r"""
#include "lz4.h"

int own(const char *src, char *dst, int n_src, int size)
{
    const uint8_t *from = (const uint8_t *)src;
    return lz4_decode(from, (size_t)n_src, (uint8_t *)dst, (size_t)size) ? -1 : size;
}

int copied(const char *src, char *dst, int n_src, int size)
{
    memcpy(dst, src, (size_t)n_src); /* a lower bound for any decoder */
    return size;
}

/* Decode all streams, consecutively or, like the kernel, into the same scratch; return how many
have a wrong size. */
int run(int (*decode)(const char *, char *, int, int), const char *content, const int64_t *streams,
        int n, char *out, int keep)
{
    int wrong = 0;
    for (int k = 0; k < n; k++, streams += 3) {
        wrong += decode(content + streams[0], out, (int)streams[1], (int)streams[2]) != streams[2];
        out += keep ? streams[2] : 0;
    }
    return wrong;
}
"""


def streams_of(chunk: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield offset, length and decoded length of each LZ4 stream of a chunk of Blosc."""
    flags, itemsize = chunk[2], chunk[3]
    size, block = (int(number) for number in np.frombuffer(chunk[4:12], "<u4"))
    if flags & 2:  # stored uncompressed
        return
    for number, first in enumerate(range(0, size, block)):
        length = min(block, size - first)
        parts = 1 if flags & 16 or length < block else itemsize
        at = int(np.frombuffer(chunk[16 + 4 * number :][:4], "<u4")[0])
        for _ in range(parts):
            n = int(np.frombuffer(chunk[at : at + 4], "<u4")[0])
            if n != length // parts:
                yield at + 4, n, length // parts
            at += 4 + n


def main() -> None:
    """Print the rate of each decoder, in decoded bytes, and the ratio within a round."""
    path = Path(sys.argv[1])
    geometry = tuszstore.open(path).spec.geometry
    contents, streams, begin = [], [], 0
    for file in sorted(path.glob(f"{SIGNAL_CHUNKS}*/0/0")):
        content = memoryview(file.read_bytes())
        tail = bytes(content[-tail_bytes(geometry.shard) :])
        for first, stop in parse_tail(tail, len(content), geometry.shard).tolist():
            if first >= 0:
                found = streams_of(content[first : stop - CRC])
                streams += [(begin + first + at, n, size) for at, n, size in found]
        contents.append(content)
        begin += len(content)
    table = np.array(streams, np.int64)
    compressed, size = int(table[:, 1].sum()), int(table[:, 2].sum())
    print(
        f"{len(table)} streams, {np.median(table[:, 2]):,.0f} bytes (median), "
        f"{size / 1e6:.1f} MB decoded, {compressed / size:.0%} of it compressed"
    )
    with tempfile.TemporaryDirectory() as folder:
        library = ctypes.CDLL(str(_compiled(Path(folder))))
    upstream = ctypes.CDLL(numcodecs.blosc.__file__).LZ4_decompress_safe
    decoders = {"own": library.own, "liblz4": upstream, "memcpy": library.copied}
    seconds: dict[str, list[float]] = {name: [] for name in decoders}
    whole, outputs, out = b"".join(contents), {}, ctypes.create_string_buffer(size)
    where = table.ctypes.data_as(ctypes.c_void_p)
    for number in range(ROUNDS + 1):
        for name, decoder in decoders.items():
            start = time.thread_time()
            wrong = library.run(decoder, whole, where, len(table), out, number == 0)
            seconds[name].append(time.thread_time() - start)
            assert wrong == 0, f"{name} refuses {wrong} streams"
            if number == 0:  # warms up, and checks that both give equal results
                outputs[name] = out.raw
                seconds[name].clear()
    assert outputs["own"] == outputs["liblz4"]
    for name, taken in seconds.items():
        ratios = [a / b for a, b in zip(seconds["liblz4"], taken, strict=True)]
        print(
            f"{name:8} {size / statistics.median(taken) / 1e6:7,.0f} MB/s, "
            f"{statistics.median(ratios):.2f} times liblz4 ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def _compiled(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        sys.exit("benchmarks.lz4 needs a C compiler: install gcc or clang")
    library = folder / "lz4.so"
    (folder / "lz4.c").write_text(CODE)
    flags = ["-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared"]  # those of setup.py
    command = [compiler, *flags, f"-I{KERNEL}", str(folder / "lz4.c"), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


if __name__ == "__main__":
    main()
