/* From the chunks of a shard to the windows of a batch, without the interpreter's lock.

   One call reads consecutive blocks of a shard, checks and decodes one after the other, and writes
   each to all windows that hold it while it is still in the core's cache. It does what decode.py
   does with NumPy, numcodecs and crc32c, and what is not known here is left to them. Nothing that
   is read is trusted: every length and offset is checked before it is used.
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

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "stored values are little-endian; on this machine NumPy reads them"
#endif

/* Write int16 values as float32, multiplied by a factor. */
static void scale_row(const uint8_t *src, float *dst, size_t n, float factor)
{
    size_t k = 0;
#ifdef __x86_64__
    /* past the caches: a batch is larger than they are, and reading before writing costs as much */
    if (((uintptr_t)dst & 15) == 0) {
        __m128 factors = _mm_set1_ps(factor);
        for (; k + 8 <= n; k += 8) {
            __m128i x = _mm_loadu_si128((const __m128i *)(src + 2 * k));
            __m128i low = _mm_srai_epi32(_mm_unpacklo_epi16(x, x), 16);
            __m128i high = _mm_srai_epi32(_mm_unpackhi_epi16(x, x), 16);
            _mm_stream_ps(dst + k, _mm_mul_ps(_mm_cvtepi32_ps(low), factors));
            _mm_stream_ps(dst + k + 4, _mm_mul_ps(_mm_cvtepi32_ps(high), factors));
        }
    }
#endif
    for (; k < n; k++) {
        int16_t value;
        memcpy(&value, src + 2 * k, 2);
        dst[k] = (float)value * factor;
    }
}

struct layout {
    size_t n_channels, n_samples, n_parts; /* of a block, and blocks of a window */
    size_t itemsize;                       /* of stored values */
    float factor;                          /* from int16 to float32; 0 to copy values */
    int compressed, verify;
};

static size_t block_size(const struct layout *l)
{
    return l->n_channels * l->n_samples * l->itemsize;
}

static size_t window_size(const struct layout *l)
{
    return l->n_channels * l->n_samples * l->n_parts * (l->factor ? sizeof(float) : l->itemsize);
}

/* Write a block as one part of a window. */
static void write_part(const uint8_t *block, uint8_t *window, size_t part, const struct layout *l)
{
    size_t row = l->n_samples * l->itemsize, part_row = window_size(l) / l->n_channels / l->n_parts;
    for (size_t channel = 0; channel < l->n_channels; channel++) {
        const uint8_t *from = block + channel * row;
        uint8_t *to = window + (channel * l->n_parts + part) * part_row;
        if (l->factor)
            scale_row(from, (float *)to, l->n_samples, l->factor);
        else
            memcpy(to, from, row);
    }
}

enum { CRC = 4 }; /* bytes of a checksum, behind every chunk */

struct job {
    int folder;           /* negative if the bytes are there already */
    const char *name;     /* of the shard, below the folder */
    int64_t begin;        /* of the bytes to read, in the shard */
    uint8_t *content;     /* where they go, or are */
    size_t n_content;
    const int64_t *spans; /* of the chunks in the shard, checksums included */
    size_t n_blocks;
    int64_t first;        /* place of the first block in the run */
    const int64_t *targets;
    size_t n_targets;
    uint8_t *out, *scratch;
};

/* Return how many of the bytes of a shard are read without waiting for a disk. */
static size_t read_cached(const struct job *j, int file)
{
#ifdef RWF_NOWAIT
    struct iovec all = {j->content, j->n_content};
    ssize_t n = preadv2(file, &all, 1, (off_t)j->begin, RWF_NOWAIT);
    return n > 0 ? (size_t)n : 0; /* what is wrong, if anything, the next read says */
#else
    (void)j, (void)file;
    return 0;
#endif
}

/* Read the bytes of a shard; return null or what is wrong, with `*error` from the system, and
   whether a disk had to be waited for. */
static const char *read_shard(const struct job *j, int *error, int *waited)
{
    size_t done;
    /* not through a link, and without waiting for a pipe's other end */
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

/* Fill windows from consecutive blocks; return null, or what is wrong with block `*number`. */
static const char *decode(const struct job *j, const struct layout *l, size_t *number)
{
    size_t size = block_size(l), window = window_size(l), first = 0;
    for (size_t k = 0; k < j->n_blocks; k++) {
        const uint8_t *block = j->content + (j->spans[2 * k] - j->begin);
        size_t n = (size_t)(j->spans[2 * k + 1] - j->spans[2 * k]) - CRC;
        int64_t place = j->first + (int64_t)k;
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
        /* targets are sorted by where they begin */
        while (first < j->n_targets && j->targets[2 * first + 1] <= place - (int64_t)l->n_parts)
            first++;
        for (size_t t = first; t < j->n_targets && j->targets[2 * t + 1] <= place; t++)
            write_part(block, j->out + (size_t)j->targets[2 * t] * window,
                       (size_t)(place - j->targets[2 * t + 1]), l);
    }
#ifdef __x86_64__
    _mm_sfence();
#endif
    return NULL;
}

/* Return whether everything lies within its buffer. */
static int fits(const struct job *j, const struct layout *l, size_t n_out, size_t n_scratch)
{
    int64_t end = j->begin + (int64_t)j->n_content;
    if ((l->itemsize != 2 && l->itemsize != 4) || (l->factor && l->itemsize != 2) || j->begin < 0 ||
        n_scratch / 4 < block_size(l))
        return 0;
    for (size_t k = 0; k < j->n_blocks; k++)
        if (j->spans[2 * k] < j->begin || j->spans[2 * k + 1] > end ||
            j->spans[2 * k + 1] - j->spans[2 * k] < CRC)
            return 0;
    for (size_t k = 0; k < j->n_targets; k++)
        if (j->targets[2 * k] < 0 || (size_t)j->targets[2 * k] >= n_out / window_size(l) ||
            (k > 0 && j->targets[2 * k + 1] < j->targets[2 * k - 1]))
            return 0;
    return 1;
}

PyDoc_STRVAR(fill_doc,
"fill(folder, name, begin, content, spans, first, targets, out, scratch, shape, itemsize, scale,\n"
"     compressed, verify)\n--\n\n"
"Read consecutive blocks of a shard into all windows that hold them.\n\n"
"Parameters\n----------\n"
"folder : int\n    Descriptor of a folder; -1 if the bytes were read already.\n"
"name : str\n    Shard below it.\n"
"begin : int\n    First byte of the shard to read.\n"
"content : bytes-like\n    What is read goes there, as much as has room; or what was read.\n"
"spans : ndarray of int64, shape (block, 2)\n"
"    Where chunks begin and end in the shard, checksums included.\n"
"first : int\n    Place of the first block in its run.\n"
"targets : ndarray of int64, shape (window, 2)\n"
"    Row of `out`, and the place in the run where the window begins; sorted by that.\n"
"out : ndarray, C-contiguous, shape (window, channel, sample)\n"
"scratch : writable bytes-like\n    Room for four blocks.\n"
"shape : (int, int, int)\n    Channels, samples of a block, blocks of a window.\n"
"itemsize : {2, 4}\n    Bytes of a stored value.\n"
"scale : float\n    Factor from int16 to float32; 0 to copy values as they are stored.\n"
"compressed : bool\n    Whether chunks are Blosc's.\n"
"verify : bool\n    Whether checksums are verified.\n\n"
"Returns\n-------\n"
"bool or (int, str)\n    Whether a disk had to be waited for. Or which block has what wrong, -1 for the\n"
"    file; UNKNOWN if it is compressed in a way that only Blosc itself can decode.");

static PyObject *py_fill(PyObject *module, PyObject *args)
{
    PyObject *bytes;
    Py_buffer content, spans, targets, out, scratch;
    Py_ssize_t shape[3], itemsize;
    long long begin, first;
    struct layout l;
    struct job j;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "isLOy*Ly*w*w*(nnn)nfpp:fill", &j.folder, &j.name, &begin,
                          &bytes, &spans, &first, &targets, &out, &scratch, &shape[0], &shape[1],
                          &shape[2], &itemsize, &l.factor, &l.compressed, &l.verify))
        return NULL;
    if (PyObject_GetBuffer(bytes, &content, j.folder < 0 ? PyBUF_SIMPLE : PyBUF_WRITABLE))
        goto release;
    l.n_channels = (size_t)shape[0], l.n_samples = (size_t)shape[1], l.n_parts = (size_t)shape[2];
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
    return PyModule_AddStringConstant(m, "UNKNOWN", UNKNOWN);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_kernel",
    .m_doc = "From the chunks of a shard to windows, without the interpreter's lock.",
    .m_size = 0, .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
