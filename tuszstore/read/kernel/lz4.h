/* Decodes LZ4 blocks: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md

   Most copies in bit-shuffled EEG have 4 to 8 bytes. They are made in steps of a fixed size, which
   write more than requested if there is space; the excess is overwritten by the next copy. Nothing
   is read or written outside the given buffers.
 */

#ifndef TUSZSTORE_LZ4_H
#define TUSZSTORE_LZ4_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { STEP = 16, HALF = 8 };

/* The last bytes of a block are literals, and no match begins close to its end: "end of block
   restrictions" of the format, which liblz4 enforces too. */
enum { LAST = 5, LAST_MATCH = 12 };

/* Read the remaining bytes of a length; each byte of 255 is followed by another one. */
static int lz4_length(const uint8_t **p, const uint8_t *end, size_t *length)
{
    uint8_t byte;
    do {
        if (*p == end)
            return -1;
        byte = *(*p)++;
        *length += byte;
    } while (byte == 255);
    return 0;
}

/* Copy `length` bytes, and fewer than STEP in excess. */
static void lz4_copy(uint8_t *out, const uint8_t *from, size_t length)
{
    uint8_t *last = out + length;
    do {
        memcpy(out, from, STEP);
        out += STEP;
        from += STEP;
    } while (out < last);
}

/* Repeat the `offset` < STEP bytes before `out` for `length` bytes, and fewer than STEP in excess. */
static void lz4_repeat(uint8_t *out, size_t offset, size_t length)
{
    const uint8_t *from = out - offset;
    uint8_t *last = out + length;
    if (offset < HALF) {
        for (size_t k = 0; k < HALF; k++)
            out[k] = from[k];
        out += HALF;
        from = out - (offset + HALF - 1) / offset * offset; /* whole periods, of HALF bytes or more */
    }
    for (; out < last; out += HALF, from += HALF)
        memcpy(out, from, HALF);
}

/* Repeat the `offset` bytes before `out` for exactly `length` bytes. */
static void lz4_repeat_exactly(uint8_t *out, size_t offset, size_t length)
{
    const uint8_t *from = out - offset;
    while (length > offset) {
        memcpy(out, from, offset);
        out += offset;
        length -= offset;
        offset *= 2;
    }
    memcpy(out, from, length);
}

/* Decode one LZ4 block that must give exactly `size` bytes; return 0, or -1 if it is damaged. */
static int lz4_decode(const uint8_t *src, size_t n_src, uint8_t *dst, size_t size)
{
    const uint8_t *p = src, *end = src + n_src;
    uint8_t *out = dst, *stop = dst + size;
    while (p < end) {
        uint8_t token = *p++;
        size_t length = token >> 4;
        if (length < 15 && end - p > STEP && stop - out > STEP) {
            memcpy(out, p, STEP);
        } else {
            if (length == 15 && lz4_length(&p, end, &length))
                return -1;
            size_t left = (size_t)(end - p), room = (size_t)(stop - out);
            if (length > left || length > room)
                return -1;
            if (length <= 4 * STEP && left - length >= STEP && room - length >= STEP)
                lz4_copy(out, p, length);
            else
                memcpy(out, p, length);
        }
        p += length;
        out += length;
        if (p == end) /* the last sequence has literals only */
            return out == stop ? 0 : -1;
        /* another sequence follows: fewer bytes than its minimum are no output of a compressor */
        size_t room = (size_t)(stop - out);
        if (end - p < 2 + 1 + LAST || room < LAST_MATCH)
            return -1;
        size_t offset = p[0] | (size_t)p[1] << 8;
        p += 2;
        length = (token & 15) + 4;
        if ((token & 15) == 15 && lz4_length(&p, end, &length))
            return -1;
        if (offset == 0 || offset > (size_t)(out - dst) || length > room - LAST)
            return -1;
        if (offset == 1)
            memset(out, out[-1], length);
        else if (room - length < STEP)
            lz4_repeat_exactly(out, offset, length);
        else if (offset < STEP)
            lz4_repeat(out, offset, length);
        else
            lz4_copy(out, out - offset, length);
        out += length;
    }
    return -1;
}

#endif
