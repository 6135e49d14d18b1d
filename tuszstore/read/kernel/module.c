/* Reads windows from the chunks of a shard, without holding the interpreter's lock.

   One call reads consecutive blocks of a shard, verifies and decodes them one by one, and writes
   each block to all windows that contain it while it is still in the core's cache. The result is
   the same as that of decode.py, which uses NumPy, numcodecs and crc32c, and which decodes the
   formats that are unknown here. The bytes are not trusted: every length and offset is checked
   before it is used.
*/

#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "blosc.h"
#include "crc32c.h"
#include "rows.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "stored values are little-endian; NumPy reads them on this machine"
#endif

struct layout {
    size_t n_channels, n_samples; /* of a block */
    size_t window;                /* samples */
    size_t itemsize;              /* of stored values */
    float factor;                 /* from int16 to float32; 0 to copy values */
    int compressed, verify;
    const struct rows *rows;      /* sums of channels; null to write the channels themselves */
};

static size_t block_size(const struct layout *l)
{
    return l->n_channels * l->n_samples * l->itemsize;
}

static size_t window_size(const struct layout *l)
{
    if (l->rows)
        return (l->rows->n_sums - l->rows->n_shared) * l->window * sizeof(float);
    return l->n_channels * l->window * (l->factor ? sizeof(float) : l->itemsize);
}

/* Write samples `from` to `from + n` of a block to window `row`, beginning at its sample `to`. */
static void write_part(const uint8_t *block, uint8_t *out, size_t row, size_t from, size_t to,
                       size_t n, const struct layout *l)
{
    size_t channel_bytes = l->n_samples * l->itemsize;
    const uint8_t *src = block + from * l->itemsize;
    uint8_t *window = out + row * window_size(l);
    if (l->rows) {
        write_rows(l->rows, (size_t)l->rows->recordings[row], src, channel_bytes, l->itemsize,
                   (float_at *)window + to, l->window, n);
        return;
    }
    for (size_t channel = 0; channel < l->n_channels; channel++, src += channel_bytes) {
        size_t value = channel * l->window + to;
        if (l->factor)
            scale_row(src, (float_at *)window + value, n, l->factor);
        else
            memcpy(window + value * l->itemsize, src, n * l->itemsize);
    }
}

enum { CRC = 4 }; /* bytes of the checksum after each chunk */

struct job {
    int folder;           /* negative if the bytes were read before */
    const char *name;     /* of the shard, in the folder */
    int64_t begin;        /* offset in the shard of the bytes to read */
    uint8_t *content;     /* destination of the bytes, or the bytes read before */
    size_t n_content;
    const int64_t *spans; /* of chunks in the shard, including checksums */
    size_t n_blocks;
    int64_t first;        /* number of the first block in its run */
    const int64_t *targets;
    size_t n_targets;
    uint8_t *out, *scratch;
};

/* Read the bytes that are in the page cache, and return their number. */
static size_t read_cached(const struct job *j, int file)
{
#ifdef RWF_NOWAIT
    struct iovec all = {j->content, j->n_content};
    ssize_t n = preadv2(file, &all, 1, (off_t)j->begin, RWF_NOWAIT);
    return n > 0 ? (size_t)n : 0; /* the next read reports an error */
#else
    (void)j, (void)file;
    return 0;
#endif
}

/* Read the bytes of a shard; return null or a description of the error, with the system's error in
   `*error`. `*waited` says whether bytes were missing in the page cache. */
static const char *read_shard(const struct job *j, int *error, int *waited)
{
    size_t done;
    /* do not follow links, and do not block on a pipe without a writer */
    int file = openat(j->folder, j->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        *error = errno;
        return errno == ENOENT ? "file is missing" : "cannot be opened";
    }
    done = read_cached(j, file);
    *waited = done < j->n_content;
    while (done < j->n_content) {
        ssize_t n = pread(file, j->content + done, j->n_content - done, j->begin + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            *error = n < 0 ? errno : 0;
            close(file);
            return n < 0 ? "cannot be read" : "file is cut off";
        }
        done += (size_t)n;
    }
    close(file);
    return NULL;
}

/* Fill windows from consecutive blocks; return null, or a description of the error in block
   `*number`. */
static const char *decode(const struct job *j, const struct layout *l, size_t *number)
{
    size_t size = block_size(l), first = 0;
    int64_t samples = (int64_t)l->n_samples, window = (int64_t)l->window;
    for (size_t k = 0; k < j->n_blocks; k++) {
        const uint8_t *block = j->content + (j->spans[2 * k] - j->begin);
        size_t n = (size_t)(j->spans[2 * k + 1] - j->spans[2 * k]) - CRC;
        int64_t begin = (j->first + (int64_t)k) * samples, end = begin + samples;
        *number = k;
        if (l->verify && crc32c(block, n) != read_u32(block + n))
            return "checksum is wrong";
        if (l->compressed) {
            const char *problem =
                blosc_decode(block, n, j->scratch, size, l->itemsize, j->scratch + size);
            if (problem)
                return problem;
            block = j->scratch;
        } else if (n != size) {
            return "has another length than a block";
        }
        /* targets are sorted by their first sample */
        while (first < j->n_targets && j->targets[2 * first + 1] + window <= begin)
            first++;
        for (size_t t = first; t < j->n_targets && j->targets[2 * t + 1] < end; t++) {
            int64_t start = j->targets[2 * t + 1];
            int64_t from = start > begin ? start : begin;
            int64_t to = start + window < end ? start + window : end;
            write_part(block, j->out, (size_t)j->targets[2 * t], (size_t)(from - begin),
                       (size_t)(from - start), (size_t)(to - from), l);
        }
    }
#ifdef __x86_64__
    _mm_sfence();
#endif
    return NULL;
}

#define LARGEST ((int64_t)1 << 31) /* blocks of a run; samples of a block or window */

enum { MANY = 1 << 20, ALIGN = 64 }; /* channels; bytes */

/* Return whether all spans and targets are within their buffers. */
static int fits(const struct job *j, const struct layout *l, size_t n_out, size_t n_scratch)
{
    int64_t end = j->begin + (int64_t)j->n_content;
    const struct rows *r = l->rows;
    if ((l->itemsize != 2 && l->itemsize != 4) || (l->factor && l->itemsize != 2) || j->begin < 0 ||
        j->first < 0 || j->first > LARGEST || l->n_channels > MANY ||
        l->n_samples > (size_t)LARGEST || l->window > (size_t)LARGEST ||
        n_scratch / 4 < block_size(l))
        return 0;
    if (r && (!rows_fit(r) ||
              n_scratch - 4 * block_size(l) < (r->n_shared + 1) * TILE * sizeof(float)))
        return 0;
    for (size_t k = 0; k < j->n_blocks; k++)
        if (j->spans[2 * k] < j->begin || j->spans[2 * k + 1] > end ||
            j->spans[2 * k + 1] - j->spans[2 * k] < CRC)
            return 0;
    for (size_t k = 0; k < j->n_targets; k++) {
        int64_t row = j->targets[2 * k], start = j->targets[2 * k + 1];
        if (row < 0 || (size_t)row >= n_out / window_size(l) || start < 0 ||
            start > LARGEST * LARGEST || (k > 0 && start < j->targets[2 * k - 1]))
            return 0;
        if (r && ((size_t)row >= r->n_windows || r->recordings[row] < 0 ||
                  (r->n_recordings > 1 && (size_t)r->recordings[row] >= r->n_recordings)))
            return 0;
    }
    return 1;
}

PyDoc_STRVAR(fill_doc,
"fill(folder, name, begin, content, spans, first, targets, out, scratch, shape, itemsize, scale,\n"
"     compressed, verify, rows=None)\n--\n\n"
"Read consecutive blocks of a shard into all windows that contain them.\n\n"
"Parameters\n----------\n"
"folder : int\n    Descriptor of a folder; -1 if `content` was read before.\n"
"name : str\n    Path of the shard in the folder.\n"
"begin : int\n    Offset in the shard of the first byte to read.\n"
"content : bytes-like\n    Buffer, which is filled with bytes of the shard; or these bytes, if they were read before.\n"
"spans : ndarray of int64, shape (block, 2)\n"
"    Begin and end of each chunk in the shard, including its checksum.\n"
"first : int\n    Number of the first block in its run.\n"
"targets : ndarray of int64, shape (window, 2)\n"
"    Row of `out`, and first sample of the window in the run; sorted by the latter.\n"
"out : ndarray, C-contiguous, shape (window, row, sample)\n"
"scratch : writable bytes-like\n    Space for four blocks; with `rows`, also SHARED bytes for each shared sum plus one.\n"
"shape : (int, int, int)\n    Channels, samples of a block, samples of a window.\n"
"itemsize : {2, 4}\n    Bytes of a stored value.\n"
"scale : float\n    Factor from int16 to float32; 0 to copy stored values unchanged.\n"
"compressed : bool\n    Whether chunks are compressed by Blosc.\n"
"verify : bool\n    Whether checksums are verified.\n"
"rows : tuple, optional\n    Sums of channels: starts, channels, factors, offsets and limits of Rows, number of\n"
"    shared sums, and the recording of each window of `out`.\n\n"
"Returns\n-------\n"
"bool or (int, str)\n    Whether bytes were missing in the page cache. After an error, the number of the block,\n"
"    -1 for the file, and a description; UNKNOWN if only Blosc itself can decode the block.");

enum { STARTS, CHANNELS, FACTORS, OFFSETS, LIMITS, RECORDINGS, N_ROWS_BUFFERS };

/* Parse the tuple `rows`; if its types or sizes are wrong, return -1 with an error set, and nothing to
   release. Its values are checked by rows_fit(). */
static int parse_rows(PyObject *tuple, struct rows *r, Py_buffer b[N_ROWS_BUFFERS])
{
    Py_ssize_t n_shared;
    size_t n_rows, n_terms;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "rows must be a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "y*y*y*y*y*ny*:rows", &b[STARTS], &b[CHANNELS], &b[FACTORS],
                          &b[OFFSETS], &b[LIMITS], &n_shared, &b[RECORDINGS]))
        return -1;
    n_terms = (size_t)b[CHANNELS].len / 4, n_rows = (size_t)b[LIMITS].len / 4;
    r->starts = b[STARTS].buf, r->channels = b[CHANNELS].buf, r->factors = b[FACTORS].buf;
    r->offsets = b[OFFSETS].buf, r->limits = b[LIMITS].buf, r->recordings = b[RECORDINGS].buf;
    r->n_terms = n_terms;
    r->n_windows = (size_t)b[RECORDINGS].len / 8;
    r->n_recordings = n_rows ? (size_t)b[OFFSETS].len / 4 / n_rows : 0;
    if (n_shared >= 0 && n_shared < (1 << 20) && n_terms &&
        (size_t)b[STARTS].len == (n_rows + (size_t)n_shared + 1) * 4 &&
        (size_t)b[OFFSETS].len == r->n_recordings * n_rows * 4 &&
        (size_t)b[FACTORS].len == r->n_recordings * n_terms * 4) {
        r->n_shared = (size_t)n_shared, r->n_sums = n_rows + r->n_shared;
        return 0;
    }
    for (int k = 0; k < N_ROWS_BUFFERS; k++)
        PyBuffer_Release(&b[k]);
    PyErr_SetString(PyExc_ValueError, "rows do not fit each other");
    return -1;
}

static PyObject *py_fill(PyObject *module, PyObject *args)
{
    PyObject *bytes, *sums = Py_None;
    Py_buffer content, spans, targets, out, scratch, of_rows[N_ROWS_BUFFERS];
    Py_ssize_t shape[3], itemsize;
    long long begin, first;
    struct layout l;
    struct rows r;
    struct job j;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "isLOy*Ly*w*w*(nnn)nfpp|O:fill", &j.folder, &j.name, &begin,
                          &bytes, &spans, &first, &targets, &out, &scratch, &shape[0], &shape[1],
                          &shape[2], &itemsize, &l.factor, &l.compressed, &l.verify, &sums))
        return NULL;
    l.rows = NULL;
    if (sums != Py_None) {
        if (parse_rows(sums, &r, of_rows))
            goto release;
        r.n_channels = (size_t)shape[0];
        l.rows = &r;
    }
    if (PyObject_GetBuffer(bytes, &content, j.folder < 0 ? PyBUF_SIMPLE : PyBUF_WRITABLE))
        goto release_rows;
    l.n_channels = (size_t)shape[0], l.n_samples = (size_t)shape[1], l.window = (size_t)shape[2];
    l.itemsize = (size_t)itemsize;
    j.begin = begin, j.first = first;
    j.content = content.buf, j.n_content = (size_t)content.len;
    j.spans = spans.buf, j.n_blocks = (size_t)spans.len / 16;
    j.targets = targets.buf, j.n_targets = (size_t)targets.len / 16;
    j.out = out.buf, j.scratch = scratch.buf;
    if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1 ||
        !fits(&j, &l, (size_t)out.len, (size_t)scratch.len)) {
        PyErr_SetString(PyExc_ValueError, "spans, targets or shapes do not fit the buffers");
    } else {
        const char *problem;
        size_t number = 0;
        int error = 0, waited = 0, unread;
        if (l.rows) { /* after the four blocks, aligned */
            uintptr_t free = (uintptr_t)j.scratch + 4 * block_size(&l);
            r.shared = (float *)((free + ALIGN - 1) / ALIGN * ALIGN);
        }
        Py_BEGIN_ALLOW_THREADS
        problem = j.folder < 0 ? NULL : read_shard(&j, &error, &waited);
        unread = problem != NULL;
        if (!unread)
            problem = decode(&j, &l, &number);
        Py_END_ALLOW_THREADS
        if (!problem)
            result = PyBool_FromLong(waited);
        else if (error && error != ENOENT)
            result = Py_BuildValue("nN", (Py_ssize_t)-1,
                                   PyUnicode_FromFormat("%s: %s", problem, strerror(error)));
        else
            result = Py_BuildValue("ns", unread ? (Py_ssize_t)-1 : (Py_ssize_t)number, problem);
    }
    PyBuffer_Release(&content);
release_rows:
    if (l.rows)
        for (int k = 0; k < N_ROWS_BUFFERS; k++)
            PyBuffer_Release(&of_rows[k]);
release:
    PyBuffer_Release(&spans);
    PyBuffer_Release(&targets);
    PyBuffer_Release(&out);
    PyBuffer_Release(&scratch);
    return result;
}

static PyMethodDef methods[] = {
    {"fill", py_fill, METH_VARARGS, fill_doc},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *m)
{
#ifdef __x86_64__
    if (!__builtin_cpu_supports("sse4.2")) {
        PyErr_SetString(PyExc_ImportError, "the kernel needs a processor with SSE 4.2");
        return -1;
    }
#endif
    crc_init();
    rows_init();
    return PyModule_AddStringConstant(m, "UNKNOWN", UNKNOWN) ||
                   PyModule_AddIntConstant(m, "SHARED", TILE * sizeof(float))
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_kernel",
    .m_doc = "Reads windows from the chunks of a shard, without the interpreter's lock.",
    .m_size = 0, .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
