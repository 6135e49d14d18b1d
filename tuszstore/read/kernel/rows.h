/* Converts stored values to rows: scaled channels, or sums of some of them, with offset and limit.

   Each operation is one of float32, in the order in which rows.py does it with NumPy: the file is
   compiled without contraction to fused multiply-adds, so both give the same bits. */

#ifndef TUSZSTORE_ROWS_H
#define TUSZSTORE_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* values at any address, aligned or not */
typedef int16_t __attribute__((aligned(1), may_alias)) short_at;
typedef float __attribute__((aligned(1), may_alias)) float_at;

#ifdef __x86_64__
/* Whether writes bypass the caches, which a batch exceeds: cache lines are then not read before they
   are written. On the processors below such writes take 1.3 times as long, since a core can have
   fewer of them in progress. */
static int bypass = 1;

static void find_bypass(void)
{
    bypass = !(__builtin_cpu_is("skylake-avx512") || __builtin_cpu_is("cascadelake"));
}

static inline void put(float_at *dst, __m128 v, int past)
{
    if (past)
        _mm_stream_ps((float *)dst, v);
    else
        _mm_store_ps((float *)dst, v);
}
#endif

/* Write int16 values as float32, multiplied by a factor. */
static void scale_row(const uint8_t *src, float_at *dst, size_t n, float factor)
{
    const short_at *values = (const short_at *)src;
    size_t k = 0;
#ifdef __x86_64__
    const int past = bypass;
    if (((uintptr_t)dst & 3) == 0) {
        __m128 factors = _mm_set1_ps(factor);
        for (; k < n && ((uintptr_t)(dst + k) & 15); k++)
            dst[k] = (float)values[k] * factor;
        for (; k + 8 <= n; k += 8) {
            __m128i x = _mm_loadu_si128((const __m128i *)(src + 2 * k));
            __m128i low = _mm_srai_epi32(_mm_unpacklo_epi16(x, x), 16);
            __m128i high = _mm_srai_epi32(_mm_unpackhi_epi16(x, x), 16);
            put(dst + k, _mm_mul_ps(_mm_cvtepi32_ps(low), factors), past);
            put(dst + k + 4, _mm_mul_ps(_mm_cvtepi32_ps(high), factors), past);
        }
    }
#endif
    for (; k < n; k++)
        dst[k] = (float)values[k] * factor;
}

enum { TILE = 1024 }; /* samples summed at once, which stay in the first-level cache */

struct rows {
    size_t n_sums, n_shared, n_channels, n_terms, n_recordings;
    const int32_t *starts, *channels;
    const float *factors, *offsets, *limits;
    const int64_t *recordings; /* of each window of the batch */
    size_t n_windows;
    float *shared; /* space for a tile of each shared sum */
};

#define INLINE static inline __attribute__((always_inline))

/* Set or increase a sum by one or two terms, whose values are int16 or float. */
#define DEFINE_TERMS(name, A, B)                                                                   \
    INLINE void set_##name(float *restrict t, const A *a, float f, const B *b, float g, size_t n)  \
    {                                                                                              \
        for (size_t k = 0; k < n; k++)                                                             \
            t[k] = (float)a[k] * f + (float)b[k] * g;                                              \
    }                                                                                              \
    INLINE void add_##name(float *restrict t, const A *a, float f, const B *b, float g, size_t n)  \
    {                                                                                              \
        for (size_t k = 0; k < n; k++)                                                             \
            t[k] = t[k] + (float)a[k] * f + (float)b[k] * g;                                       \
    }
#define DEFINE_TERM(name, A)                                                                       \
    INLINE void set_##name(float *restrict t, const A *a, float f, size_t n)                       \
    {                                                                                              \
        for (size_t k = 0; k < n; k++)                                                             \
            t[k] = (float)a[k] * f;                                                                \
    }                                                                                              \
    INLINE void add_##name(float *restrict t, const A *a, float f, size_t n)                       \
    {                                                                                              \
        for (size_t k = 0; k < n; k++)                                                             \
            t[k] = t[k] + (float)a[k] * f;                                                         \
    }
DEFINE_TERM(short, short_at)
DEFINE_TERM(float, float_at)
DEFINE_TERMS(shorts, short_at, short_at)
DEFINE_TERMS(floats, float_at, float_at)
DEFINE_TERMS(mixed, short_at, float_at)

/* Compute a sum over a tile in `total`; `at` is the tile's first value of channel 0. */
INLINE void sum_terms(const struct rows *r, size_t sum, const float *factors, const uint8_t *at,
                      size_t channel_bytes, int is_float, float *total, size_t n)
{
    size_t term = (size_t)r->starts[sum], end = (size_t)r->starts[sum + 1];
    int begun = 0;
#define SOURCE(k) ((size_t)r->channels[k] < r->n_channels                                          \
        ? at + (size_t)r->channels[k] * channel_bytes                                              \
        : (const uint8_t *)(r->shared + ((size_t)r->channels[k] - r->n_channels) * TILE))
#define IS_FLOAT(k) (is_float || (size_t)r->channels[k] >= r->n_channels)
    for (; term + 2 <= end; term += 2, begun = 1) {
        const uint8_t *a = SOURCE(term), *b = SOURCE(term + 1);
        float f = factors[term], g = factors[term + 1];
        int first = IS_FLOAT(term), second = IS_FLOAT(term + 1);
        if (first != second && (first || !second)) { /* no loop has this order of types */
            if (begun)
                add_float(total, (const float_at *)a, f, n);
            else
                set_float(total, (const float_at *)a, f, n);
            add_short(total, (const short_at *)b, g, n);
        } else if (first) {
            if (begun)
                add_floats(total, (const float_at *)a, f, (const float_at *)b, g, n);
            else
                set_floats(total, (const float_at *)a, f, (const float_at *)b, g, n);
        } else if (second) {
            if (begun)
                add_mixed(total, (const short_at *)a, f, (const float_at *)b, g, n);
            else
                set_mixed(total, (const short_at *)a, f, (const float_at *)b, g, n);
        } else if (begun) {
            add_shorts(total, (const short_at *)a, f, (const short_at *)b, g, n);
        } else {
            set_shorts(total, (const short_at *)a, f, (const short_at *)b, g, n);
        }
    }
    if (term < end) {
        const uint8_t *a = SOURCE(term);
        float f = factors[term];
        if (IS_FLOAT(term)) {
            if (begun)
                add_float(total, (const float_at *)a, f, n);
            else
                set_float(total, (const float_at *)a, f, n);
        } else if (begun) {
            add_short(total, (const short_at *)a, f, n);
        } else {
            set_short(total, (const short_at *)a, f, n);
        }
    }
#undef SOURCE
#undef IS_FLOAT
}

INLINE float finished(float value, float offset, float limit)
{
    value = value + offset;
    value = -limit > value ? -limit : value; /* NaN stays NaN */
    return limit < value ? limit : value;
}

/* Write sums, with offset added, clipped to the limit. */
INLINE void finish(const float *total, float_at *dst, size_t n, float offset, float limit)
{
    size_t k = 0;
#ifdef __x86_64__
    const int past = bypass;
    if (((uintptr_t)dst & 3) == 0) {
        __m128 o = _mm_set1_ps(offset), high = _mm_set1_ps(limit), low = _mm_set1_ps(-limit);
        for (; k < n && ((uintptr_t)(dst + k) & 15); k++)
            dst[k] = finished(total[k], offset, limit);
        for (; k + 4 <= n; k += 4) {
            __m128 v = _mm_add_ps(_mm_loadu_ps(total + k), o);
            put(dst + k, _mm_min_ps(high, _mm_max_ps(low, v)), past);
        }
    }
#endif
    for (; k < n; k++)
        dst[k] = finished(total[k], offset, limit);
}

/* Write a sum over a tile. */
typedef void write_sum(const struct rows *r, size_t sum, const float *factors, const uint8_t *at,
                       size_t channel_bytes, int is_float, float_at *dst, size_t n, float offset,
                       float limit);

INLINE void write_any_sum(const struct rows *r, size_t sum, const float *factors,
                          const uint8_t *at, size_t channel_bytes, int is_float, float_at *dst,
                          size_t n, float offset, float limit)
{
    float total[TILE];
    sum_terms(r, sum, factors, at, channel_bytes, is_float, total, n);
    finish(total, dst, n, offset, limit);
}

/* Write rows of a part of a block.

   `src` is the first value of the part in channel 0, and `dst` the first value of row 0. */
INLINE void write_sums(const struct rows *r, size_t recording, const uint8_t *src,
                       size_t channel_bytes, size_t itemsize, float_at *dst, size_t row_samples,
                       size_t n, write_sum *write)
{
    size_t n_rows = r->n_sums - r->n_shared;
    int is_float = itemsize == 4;
    if (r->n_recordings == 1)
        recording = 0;
    const float *factors = r->factors + recording * r->n_terms;
    const float *offsets = r->offsets + recording * n_rows;
    for (size_t k = 0; k < n; k += TILE) {
        size_t count = n - k < TILE ? n - k : TILE;
        const uint8_t *at = src + k * itemsize;
        for (size_t s = 0; s < r->n_shared; s++)
            sum_terms(r, s, factors, at, channel_bytes, is_float, r->shared + s * TILE, count);
        for (size_t row = 0; row < n_rows; row++)
            write(r, r->n_shared + row, factors, at, channel_bytes, is_float,
                  dst + row * row_samples + k, count, offsets[row], r->limits[row]);
    }
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256 load_short(const short_at *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)p)));
}

AVX2 static inline __m256 load_float(const float_at *p)
{
    return _mm256_loadu_ps((const float *)p);
}

AVX2 static inline __m256 finished_avx2(__m256 v, float offset, float limit)
{
    v = _mm256_add_ps(v, _mm256_set1_ps(offset));
    return _mm256_min_ps(_mm256_set1_ps(limit), _mm256_max_ps(_mm256_set1_ps(-limit), v));
}

AVX2 static inline void put_avx2(float_at *dst, __m256 v, int past)
{
    if (past)
        _mm256_stream_ps((float *)dst, v);
    else
        _mm256_store_ps((float *)dst, v);
}

/* Compute and write a sum of one or two terms, without a buffer. */
#define DEFINE_DIRECT(name, A, B, load_a, load_b)                                                  \
    AVX2 static void direct_##name(float_at *dst, const A *a, float f, const B *b, float g,        \
                                   size_t n, float offset, float limit)                            \
    {                                                                                              \
        const int past = bypass;                                                                   \
        size_t k = 0;                                                                              \
        for (; k < n && ((uintptr_t)(dst + k) & 31); k++)                                          \
            dst[k] = finished((float)a[k] * f + (float)b[k] * g, offset, limit);                   \
        for (; k + 8 <= n; k += 8) {                                                               \
            __m256 v = _mm256_mul_ps(load_a(a + k), _mm256_set1_ps(f));                            \
            v = _mm256_add_ps(v, _mm256_mul_ps(load_b(b + k), _mm256_set1_ps(g)));                 \
            put_avx2(dst + k, finished_avx2(v, offset, limit), past);                              \
        }                                                                                          \
        for (; k < n; k++)                                                                         \
            dst[k] = finished((float)a[k] * f + (float)b[k] * g, offset, limit);                   \
    }
#define DEFINE_DIRECT_ONE(name, A, load_a)                                                         \
    AVX2 static void direct_##name(float_at *dst, const A *a, float f, size_t n, float offset,     \
                                   float limit)                                                    \
    {                                                                                              \
        const int past = bypass;                                                                   \
        size_t k = 0;                                                                              \
        for (; k < n && ((uintptr_t)(dst + k) & 31); k++)                                          \
            dst[k] = finished((float)a[k] * f, offset, limit);                                     \
        for (; k + 8 <= n; k += 8) {                                                               \
            __m256 v = _mm256_mul_ps(load_a(a + k), _mm256_set1_ps(f));                            \
            put_avx2(dst + k, finished_avx2(v, offset, limit), past);                              \
        }                                                                                          \
        for (; k < n; k++)                                                                         \
            dst[k] = finished((float)a[k] * f, offset, limit);                                     \
    }
DEFINE_DIRECT_ONE(short, short_at, load_short)
DEFINE_DIRECT_ONE(float, float_at, load_float)
DEFINE_DIRECT(shorts, short_at, short_at, load_short, load_short)
DEFINE_DIRECT(floats, float_at, float_at, load_float, load_float)
DEFINE_DIRECT(mixed, short_at, float_at, load_short, load_float)

AVX2 static void write_sum_avx2(const struct rows *r, size_t sum, const float *factors,
                                const uint8_t *at, size_t channel_bytes, int is_float,
                                float_at *dst, size_t n, float offset, float limit)
{
    size_t term = (size_t)r->starts[sum], n_terms = (size_t)r->starts[sum + 1] - term;
    size_t first = (size_t)r->channels[term];
    size_t second = n_terms == 2 ? (size_t)r->channels[term + 1] : first;
    if (n_terms > 2 || first >= r->n_channels || ((uintptr_t)dst & 3)) {
        write_any_sum(r, sum, factors, at, channel_bytes, is_float, dst, n, offset, limit);
        return;
    }
    const uint8_t *a = at + first * channel_bytes;
    const uint8_t *b = second < r->n_channels
                           ? at + second * channel_bytes
                           : (const uint8_t *)(r->shared + (second - r->n_channels) * TILE);
    float f = factors[term];
    if (n_terms == 1) {
        if (is_float)
            direct_float(dst, (const float_at *)a, f, n, offset, limit);
        else
            direct_short(dst, (const short_at *)a, f, n, offset, limit);
        return;
    }
    float g = factors[term + 1];
    if (is_float)
        direct_floats(dst, (const float_at *)a, f, (const float_at *)b, g, n, offset, limit);
    else if (second < r->n_channels)
        direct_shorts(dst, (const short_at *)a, f, (const short_at *)b, g, n, offset, limit);
    else
        direct_mixed(dst, (const short_at *)a, f, (const float_at *)b, g, n, offset, limit);
}

AVX2 static void write_sums_avx2(const struct rows *r, size_t recording, const uint8_t *src,
                                 size_t channel_bytes, size_t itemsize, float_at *dst,
                                 size_t row_samples, size_t n)
{
    write_sums(r, recording, src, channel_bytes, itemsize, dst, row_samples, n, write_sum_avx2);
}
#endif

static void write_sum_plain(const struct rows *r, size_t sum, const float *factors,
                            const uint8_t *at, size_t channel_bytes, int is_float, float_at *dst,
                            size_t n, float offset, float limit)
{
    write_any_sum(r, sum, factors, at, channel_bytes, is_float, dst, n, offset, limit);
}

static void write_sums_plain(const struct rows *r, size_t recording, const uint8_t *src,
                             size_t channel_bytes, size_t itemsize, float_at *dst,
                             size_t row_samples, size_t n)
{
    write_sums(r, recording, src, channel_bytes, itemsize, dst, row_samples, n, write_sum_plain);
}

/* The faster version that this processor supports. */
static void (*write_rows)(const struct rows *, size_t, const uint8_t *, size_t, size_t, float_at *,
                          size_t, size_t) = write_sums_plain;

static void rows_init(void)
{
#ifdef __x86_64__
    find_bypass();
    if (__builtin_cpu_supports("avx2"))
        write_rows = write_sums_avx2;
#endif
}

/* Return whether all references of rows are valid. */
static int rows_fit(const struct rows *r)
{
    if (r->n_sums <= r->n_shared || r->n_recordings < 1 || r->starts[0] != 0 ||
        (size_t)r->starts[r->n_sums] != r->n_terms)
        return 0;
    for (size_t s = 0; s < r->n_sums; s++) {
        size_t known = r->n_channels + (s < r->n_shared ? 0 : r->n_shared);
        if (r->starts[s] < 0 || r->starts[s + 1] <= r->starts[s] ||
            (size_t)r->starts[s + 1] > r->n_terms)
            return 0;
        for (int32_t k = r->starts[s]; k < r->starts[s + 1]; k++)
            if (r->channels[k] < 0 || (size_t)r->channels[k] >= known)
                return 0;
    }
    return 1;
}

#endif
