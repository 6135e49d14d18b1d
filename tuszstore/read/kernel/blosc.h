/* Decodes chunks of Blosc 1 with LZ4 and bit shuffle.

   https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst
 */

#ifndef TUSZSTORE_BLOSC_H
#define TUSZSTORE_BLOSC_H

#include "bitshuffle.h"
#include "lz4.h"

static uint32_t read_u32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

enum { MEMCPYED = 0x02, BIT_SHUFFLE = 0x04, NOT_SPLIT = 0x10, LZ4 = 1, HEADER = 16 };

static const char DAMAGED[] = "cannot be decompressed";
static const char UNKNOWN[] = "unknown";

/* Decode a chunk of exactly `size` bytes; return null, DAMAGED, or UNKNOWN if only Blosc
   itself can decode it. `scratch` has space for twice as many bytes. */
static const char *blosc_decode(const uint8_t *src, size_t n_src, uint8_t *dst, size_t size,
                                size_t itemsize, uint8_t *scratch)
{
    if (n_src < HEADER)
        return DAMAGED;
    unsigned version = src[0], lz4_version = src[1], flags = src[2];
    size_t block = read_u32(src + 8);
    if (read_u32(src + 4) != size || read_u32(src + 12) != n_src)
        return DAMAGED;
    if (version != 2 || lz4_version != 1)
        return UNKNOWN;
    if (block == 0 || block > size)
        return DAMAGED;
    if (flags & MEMCPYED) {
        if (n_src - HEADER != size)
            return DAMAGED;
        memcpy(dst, src + HEADER, size);
        return NULL;
    }
    if (flags >> 5 != LZ4 || !(flags & BIT_SHUFFLE) || src[3] != itemsize)
        return UNKNOWN;
    if (block % itemsize)
        return DAMAGED;
    size_t n_blocks = (size + block - 1) / block;
    if (n_blocks > (n_src - HEADER) / 4)
        return DAMAGED;
    for (size_t k = 0; k < n_blocks; k++) {
        size_t wanted = k + 1 < n_blocks ? block : size - k * block;
        size_t n_streams = flags & NOT_SPLIT || wanted < block ? 1 : itemsize;
        size_t at = read_u32(src + HEADER + 4 * k), n_values = wanted / itemsize;
        size_t length = wanted / n_streams;
        const uint8_t *streams[4];
        for (size_t s = 0; s < n_streams; s++) {
            if (at > n_src || n_src - at < 4)
                return DAMAGED;
            size_t n = read_u32(src + at);
            at += 4;
            if (n > n_src - at)
                return DAMAGED;
            streams[s] = src + at; /* a stream is stored uncompressed if that is not larger */
            if (n != length) {
                if (lz4_decode(src + at, n, scratch + s * length, length))
                    return DAMAGED;
                streams[s] = scratch + s * length;
            }
            at += n;
        }
        uint8_t *out = dst + k * block;
        if (n_values % 8) { /* Blosc does not shuffle these */
            for (size_t s = 0; s < n_streams; s++)
                memcpy(out + s * length, streams[s], length);
            continue;
        }
        for (size_t s = n_streams; s < itemsize; s++)
            streams[s] = streams[0] + s * n_values;
        if (itemsize == 2)
            unshuffle16(streams[0], streams[1], out, n_values);
        else
            unshuffle32(streams, out, n_values, scratch + size);
        /* an incomplete value at the end, in a block that is not split */
        memcpy(out + n_values * itemsize, streams[0] + n_values * itemsize, wanted % itemsize);
    }
    return NULL;
}

#endif
