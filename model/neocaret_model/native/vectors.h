/* Some numbers at a time, by the vector extensions that GCC and Clang share: as many as a register of the
   processor holds, or two on ARM. Of longer ones compilers make poor code. */

#ifndef NEOCARET_VECTORS_H
#define NEOCARET_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "packing.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * LANES)));

INLINE floats all(float value) { return value - (floats){0}; }

INLINE floats load(const float *from) {
    floats vector;
    memcpy(&vector, from, sizeof vector);
    return vector;
}

INLINE void store(float *to, floats vector) { memcpy(to, &vector, sizeof vector); }

/* bfloat16 is the upper half of a float32. */
INLINE floats load_bfloats(const uint16_t *from) {
    /* GCC widens by halves where it is not told. */
#if defined(__AVX512F__)
    return (floats)((words)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from)) << 16);
#elif defined(__AVX2__)
    return (floats)((words)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)) << 16);
#else
    halves upper;
    memcpy(&upper, from, sizeof upper);
    return (floats)(__builtin_convertvector(upper, words) << 16);
#endif
}

INLINE float float_of(uint16_t upper) {
    uint32_t bits = (uint32_t)upper << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To the nearest, of two as near to the even one; what is no number stays none. */
INLINE uint16_t bfloat_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

INLINE float sum_of(floats vector) {
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++)
        sum += vector[lane];
    return sum;
}

#if defined(__clang__)
#define CHOSEN(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CHOSEN(a, b, ...) __builtin_shuffle(a, b, (ints){__VA_ARGS__})
#endif

/* Transposed additions: lanes of `a` and `b` in turns, in groups of 1, 2, 4 and 8. */
#if LANES == 16
INLINE floats add_ones(floats a, floats b) {
    return CHOSEN(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
           CHOSEN(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
}

INLINE floats add_twos(floats a, floats b) {
    return CHOSEN(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
           CHOSEN(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}

INLINE floats add_fours(floats a, floats b) {
    return CHOSEN(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
           CHOSEN(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
}

INLINE floats add_eights(floats a, floats b) {
    return CHOSEN(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           CHOSEN(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
#else
INLINE floats add_ones(floats a, floats b) {
    return CHOSEN(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + CHOSEN(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

INLINE floats add_twos(floats a, floats b) {
    return CHOSEN(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + CHOSEN(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

INLINE floats add_fours(floats a, floats b) {
    return CHOSEN(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + CHOSEN(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
}
#endif

/* The sums of eight vectors' lanes, in LANES / 8 places each. */
INLINE floats eight_sums(const floats vectors[8]) {
    floats twos[4], fours[2];
    for (int i = 0; i < 4; i++)
        twos[i] = add_ones(vectors[2 * i], vectors[2 * i + 1]);
    for (int i = 0; i < 2; i++)
        fours[i] = add_twos(twos[2 * i], twos[2 * i + 1]);
    return add_fours(fours[0], fours[1]);
}

/* Lane i becomes the sum of vector i: as many additions as vectors, less one. */
INLINE floats sums_of(const floats vectors[LANES]) {
#if LANES == 16
    return add_eights(eight_sums(vectors), eight_sums(vectors + 8));
#else
    return eight_sums(vectors);
#endif
}

/* Where `condition` has ones. */
INLINE floats where(ints condition, floats yes, floats no) {
    return (floats)((condition & (ints)yes) | (~condition & (ints)no));
}

/* e to the power of each lane, to 2 units in the last place; of less than -87, and of what is no number, nearly 0.
   Cephes' expf: the power of two next to it, times a polynomial of what is left. */
INLINE floats exp_of(floats x) {
    x = where(x > all(-87.0f), x, all(-87.0f));
    x = where(x < all(88.0f), x, all(88.0f));
    const floats shift = all(12582912.0f); /* 1.5 * 2^23: what is added to it is rounded to a whole number */
    floats shifted = x * 1.44269504088896341f + shift;
    floats power = shifted - shift;
    x = x - power * 0.693359375f;
    x = x + power * 2.12194440e-4f;
    floats y = all(1.9875691500e-4f);
    y = y * x + 1.3981999507e-3f;
    y = y * x + 8.3334519073e-3f;
    y = y * x + 4.1665795894e-2f;
    y = y * x + 1.6666665459e-1f;
    y = y * x + 5.0000001201e-1f;
    y = y * (x * x) + x + 1.0f;
    ints exponent = (ints)shifted - 0x4b400000;
    return (floats)((ints)y + (exponent << 23));
}

#endif
