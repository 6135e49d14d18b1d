/* LZ4 blocks, decoded: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md */

#ifndef TUSZSTORE_LZ4_H
#define TUSZSTORE_LZ4_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Read the rest of a length, which goes on as long as its bytes are 255. */
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

/* Decode one LZ4 block that must give exactly `size` bytes; return 0, or -1 if it is damaged. */
static int lz4_decode(const uint8_t *src, size_t n_src, uint8_t *dst, size_t size)
{
    const uint8_t *p = src, *end = src + n_src;
    uint8_t *out = dst, *stop = dst + size;
    while (p < end) {
        uint8_t token = *p++;
        size_t length = token >> 4;
        if (length == 15 && lz4_length(&p, end, &length))
            return -1;
        if (length > (size_t)(end - p) || length > (size_t)(stop - out))
            return -1;
        memcpy(out, p, length);
        p += length;
        out += length;
        if (p == end) /* the last sequence has literals only */
            return out == stop ? 0 : -1;
        if (end - p < 2)
            return -1;
        size_t offset = p[0] | (size_t)p[1] << 8;
        p += 2;
        length = (token & 15) + 4;
        if ((token & 15) == 15 && lz4_length(&p, end, &length))
            return -1;
        if (offset == 0 || offset > (size_t)(out - dst) || length > (size_t)(stop - out))
            return -1;
        const uint8_t *from = out - offset;
        if (offset == 1) {
            memset(out, *from, length);
            out += length;
            continue;
        }
        /* what is copied may repeat what this copy itself writes */
        while (length > offset) {
            memcpy(out, from, offset);
            out += offset;
            length -= offset;
            offset *= 2;
        }
        memcpy(out, from, length);
        out += length;
    }
    return -1;
}

#endif
