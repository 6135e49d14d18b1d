/* CRC-32C, the checksum of chunks. */

#ifndef TUSZSTORE_CRC32C_H
#define TUSZSTORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

/* The instruction has a latency of three cycles and a throughput of one per cycle. So the checksums
   of three stretches of a chunk are computed at the same time, and combined (Gopal et al., "Fast CRC
   Computation for iSCSI Polynomial Using CRC32 Instruction", 2011). */

enum { STRETCH = 4096 };

static uint32_t crc_table[256];    /* of a byte, for processors without the instruction */
static uint32_t crc_past[4][256];  /* of each byte of a checksum, after STRETCH zero bytes */

#if defined(__x86_64__)
#define WITH_CRC __attribute__((target("sse4.2")))
#else
#define WITH_CRC
#endif

WITH_CRC static inline uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
#if defined(__x86_64__)
    return _mm_crc32_u8(crc, byte);
#elif defined(__ARM_FEATURE_CRC32)
    return __crc32cb(crc, byte);
#else
    return crc >> 8 ^ crc_table[(crc ^ byte) & 255];
#endif
}

WITH_CRC static inline uint32_t crc_word(uint32_t crc, const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
#if defined(__x86_64__)
    return (uint32_t)_mm_crc32_u64(crc, word);
#elif defined(__ARM_FEATURE_CRC32)
    return __crc32cd(crc, word);
#else
    for (int k = 0; k < 8; k++)
        crc = crc_byte(crc, p[k]);
    return crc;
#endif
}

static inline uint32_t crc_skip(uint32_t crc)
{
    return crc_past[0][crc & 255] ^ crc_past[1][crc >> 8 & 255] ^ crc_past[2][crc >> 16 & 255] ^
           crc_past[3][crc >> 24];
}

WITH_CRC static uint32_t crc32c(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xFFFFFFFF;
    for (; n >= 3 * STRETCH; p += 3 * STRETCH, n -= 3 * STRETCH) {
        uint32_t second = 0, third = 0;
        for (size_t k = 0; k < STRETCH; k += 8) {
            crc = crc_word(crc, p + k);
            second = crc_word(second, p + k + STRETCH);
            third = crc_word(third, p + k + 2 * STRETCH);
        }
        crc = crc_skip(crc_skip(crc) ^ second) ^ third;
    }
    for (; n >= 8; p += 8, n -= 8)
        crc = crc_word(crc, p);
    for (; n > 0; p++, n--)
        crc = crc_byte(crc, *p);
    return ~crc;
}

static void crc_init(void)
{
    static const uint8_t zeros[8];
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
        crc_table[n] = crc;
    }
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = (uint32_t)1 << bit;
        for (int k = 0; k < STRETCH; k += 8)
            crc = crc_word(crc, zeros);
        for (uint32_t n = 0; n < 256; n++) /* a checksum is linear in the bits of its start value */
            if (n >> bit % 8 & 1)
                crc_past[bit / 8][n] ^= crc;
    }
}

#endif
