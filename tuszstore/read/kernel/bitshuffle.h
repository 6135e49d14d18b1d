/* Inverts Blosc's bit shuffle, which stores values as planes, one for each bit. */

#ifndef TUSZSTORE_BITSHUFFLE_H
#define TUSZSTORE_BITSHUFFLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t shorts8 __attribute__((vector_size(16)));
typedef uint32_t words4 __attribute__((vector_size(16)));
typedef uint64_t longs2 __attribute__((vector_size(16)));

/* Exchange the bits of `*a` at `mask << shift` with those of `*b` at `mask`. */
static inline void exchange(longs2 *a, longs2 *b, int shift, uint64_t mask)
{
    longs2 difference = ((*a >> shift) ^ *b) & (longs2){mask, mask};
    *b ^= difference;
    *a ^= difference << shift;
}

/* Convert eight vectors, where vector k contains bit k of each byte, to these bytes.

   Bit i of byte j of `planes[k]` becomes bit k of byte j of `rows[i]`: a transpose of 8 x 8 bits
   for each j, by recursive halving (Warren, Hacker's Delight, 7-3). Each vector is a row of bits. */
static inline void transpose_bits(const uint8_t *planes, size_t stride, longs2 rows[8])
{
    for (int k = 0; k < 8; k++)
        memcpy(&rows[k], planes + k * stride, 16);
    for (int k = 0; k < 4; k++)
        exchange(&rows[k], &rows[k + 4], 4, 0x0F0F0F0F0F0F0F0F);
    for (int k = 0; k < 8; k++)
        if (!(k & 2))
            exchange(&rows[k], &rows[k + 2], 2, 0x3333333333333333);
    for (int k = 0; k < 8; k += 2)
        exchange(&rows[k], &rows[k + 1], 1, 0x5555555555555555);
}

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector((type)(a), (type)(b), __VA_ARGS__)
#else
#define SHUFFLE(type, a, b, ...) __builtin_shuffle((type)(a), (type)(b), (type){__VA_ARGS__})
#endif
#define LOW8(a, b)                                                                                 \
    SHUFFLE(bytes16, a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH8(a, b)                                                                                \
    SHUFFLE(bytes16, a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW16(a, b) SHUFFLE(shorts8, a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH16(a, b) SHUFFLE(shorts8, a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW32(a, b) SHUFFLE(words4, a, b, 0, 4, 1, 5)
#define HIGH32(a, b) SHUFFLE(words4, a, b, 2, 6, 3, 7)
#define LOW64(a, b) SHUFFLE(longs2, a, b, 0, 2)
#define HIGH64(a, b) SHUFFLE(longs2, a, b, 1, 3)

/* Write eight columns of eight values, one column after the other. */
static inline void store_columns(const shorts8 v[8], uint8_t *out)
{
    words4 a0 = (words4)LOW16(v[0], v[1]), a1 = (words4)HIGH16(v[0], v[1]);
    words4 a2 = (words4)LOW16(v[2], v[3]), a3 = (words4)HIGH16(v[2], v[3]);
    words4 a4 = (words4)LOW16(v[4], v[5]), a5 = (words4)HIGH16(v[4], v[5]);
    words4 a6 = (words4)LOW16(v[6], v[7]), a7 = (words4)HIGH16(v[6], v[7]);
    longs2 b0 = (longs2)LOW32(a0, a2), b1 = (longs2)HIGH32(a0, a2);
    longs2 b2 = (longs2)LOW32(a1, a3), b3 = (longs2)HIGH32(a1, a3);
    longs2 b4 = (longs2)LOW32(a4, a6), b5 = (longs2)HIGH32(a4, a6);
    longs2 b6 = (longs2)LOW32(a5, a7), b7 = (longs2)HIGH32(a5, a7);
    longs2 c[8] = {LOW64(b0, b4), HIGH64(b0, b4), LOW64(b1, b5), HIGH64(b1, b5),
                   LOW64(b2, b6), HIGH64(b2, b6), LOW64(b3, b7), HIGH64(b3, b7)};
    memcpy(out, c, sizeof c);
}

/* Invert the bit shuffle of `n` values of two bytes; `n` is a multiple of 8.

   `low` has the eight planes of the lower bytes, `high` those of the upper ones, n / 8 bytes each. */
static void unshuffle16(const uint8_t *low, const uint8_t *high, uint8_t *out, size_t n)
{
    size_t stride = n / 8, j = 0;
    longs2 a[8], b[8];
    for (; j + 16 <= stride; j += 16) {
        transpose_bits(low + j, stride, a);
        transpose_bits(high + j, stride, b);
        shorts8 first[8], second[8];
        for (int k = 0; k < 8; k++) {
            first[k] = (shorts8)LOW8(a[k], b[k]);
            second[k] = (shorts8)HIGH8(a[k], b[k]);
        }
        store_columns(first, out + 16 * j);
        store_columns(second, out + 16 * j + 128);
    }
    for (; j < stride; j++)
        for (int i = 0; i < 8; i++) {
            unsigned value = 0;
            for (int k = 0; k < 8; k++)
                value |= (low[k * stride + j] >> i & 1u) << k | (high[k * stride + j] >> i & 1u) << (k + 8);
            out[16 * j + 2 * i] = (uint8_t)value;
            out[16 * j + 2 * i + 1] = (uint8_t)(value >> 8);
        }
}

/* Invert the bit shuffle of `n` values of four bytes; `n` is a multiple of 8. Each of `streams` has
   the eight planes of one byte. `scratch` has space for 4 * n bytes. */
static void unshuffle32(const uint8_t *const streams[4], uint8_t *out, size_t n, uint8_t *scratch)
{
    uint8_t *low = scratch, *high = scratch + 2 * n;
    unshuffle16(streams[0], streams[1], low, n);
    unshuffle16(streams[2], streams[3], high, n);
    for (size_t k = 0; k < n; k++) {
        memcpy(out + 4 * k, low + 2 * k, 2);
        memcpy(out + 4 * k + 2, high + 2 * k, 2);
    }
}

#endif
