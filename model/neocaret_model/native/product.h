/* Products of a few rows with a packed matrix: each weight is read once, for all rows, in the order of memory.

   An output is summed up in the order of the inputs, in one lane, however many rows there are and wherever the block
   begins: a row's result does not depend on the rows beside it.

   R rows, I inputs, O outputs. */

#ifndef NEOCARET_PRODUCT_H
#define NEOCARET_PRODUCT_H

#include "packing.h"
#include "vectors.h"

#define LARGEST 127
#define AHEAD 1024 /* words of 32 bits, of weights */
#define LINE 16    /* words of a cache line */

#if defined(__AVX512F__)
#define MOST_ROWS 12 /* 24 of 32 registers hold sums */
#define DOUBLE_ROWS 4
#else
#define MOST_ROWS 6 /* 12 of 16 */
#define DOUBLE_ROWS 3
#endif

/* Rows as a form multiplies them: R x `words` numbers of 32 bits. */
struct panel {
    int32_t rows, words;
    uint32_t *values;
    float *largest; /* R, of int8 */
};

/* 32-bit words that a row takes: bfloat16 without instructions of its own is multiplied as float32. */
INLINE int words_of(int form, int inputs) {
#if !defined(__AVX512BF16__)
    if (form == BFLOAT16)
        return 2 * steps_of(form, inputs);
#endif
    return steps_of(form, inputs);
}

/* Of what has an infinite number or none in it, no number: it must show in the result. */
static float largest_of(const float *from, int count) {
    floats largest = all(0), poison = all(0);
    for (int begin = 0; begin < count; begin += LANES) {
        floats some = all(0);
        memcpy(&some, from + begin, sizeof(float) * (size_t)(count - begin < LANES ? count - begin : LANES));
        poison += some * 0.0f;
        some = where(some < 0.0f, -some, some);
        largest = where(some > largest, some, largest);
    }
    float result = 0;
    for (int lane = 0; lane < LANES; lane++)
        result = largest[lane] > result ? largest[lane] : result;
    return result + sum_of(poison);
}

static void pack_row(const struct matrix *matrix, struct panel *panel, int row, const float *from) {
    const int inputs = matrix->inputs;
    uint32_t *words = panel->values + (size_t)row * panel->words;
    words[panel->words - 1] = 0; /* what is beyond the inputs */
    if (matrix->form == INT8) {
        const float largest = largest_of(from, inputs);
        const float steps = largest > 0 ? LARGEST / largest : 0;
        uint8_t *to = (uint8_t *)words;
        /* The instruction multiplies unsigned numbers with signed ones: 128 more, and the row's sum is less later. */
        for (int i = 0; i < inputs; i++)
            to[i] = (uint8_t)((int)(from[i] * steps + 12582912.0f - 12582912.0f) + 128);
        panel->largest[row] = largest;
        return;
    }
#if defined(__AVX512BF16__)
    if (matrix->form == BFLOAT16) {
        uint16_t *to = (uint16_t *)words;
        for (int i = 0; i < inputs; i++)
            to[i] = bfloat_of(from[i]);
        return;
    }
#endif
    memcpy(words, from, sizeof(float) * (size_t)inputs);
}

INLINE words one_of_all(uint32_t word) { return word - (words){0}; }

/* Add to LANES sums what one row's next inputs give. */
INLINE words multiplied(const int form, words sums, words weights, const uint32_t *row, int step) {
    if (form == FLOAT32)
        return (words)((floats)sums + (floats)weights * (floats)one_of_all(row[step]));
    if (form == BFLOAT16) {
#if defined(__AVX512BF16__)
        return (words)_mm512_dpbf16_ps((__m512)sums, (__m512bh)weights, (__m512bh)one_of_all(row[step]));
#else
        const floats even = (floats)sums + (floats)(weights << 16) * (floats)one_of_all(row[2 * step]);
        return (words)(even + (floats)(weights & 0xffff0000u) * (floats)one_of_all(row[2 * step + 1]));
#endif
    }
#if defined(__AVX512VNNI__)
    return (words)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)one_of_all(row[step]), (__m512i)weights);
#else
    return sums;
#endif
}

INLINE words load_words(const uint32_t *from) {
    words vector;
    memcpy(&vector, from, sizeof vector);
    return vector;
}

/* What is written out for each row: compilers keep sums in registers only where each has a name of its own. */
#if MOST_ROWS == 12
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define EACH_DOUBLE_ROW(DO) DO(0) DO(1) DO(2) DO(3)
#else
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#define EACH_DOUBLE_ROW(DO) DO(0) DO(1) DO(2)
#endif
#define BEGUN(row) words a##row = {0}, b##row = {0};
#define BEGUN_BESIDE(row) words c##row = {0}, d##row = {0};
#define ADDED_UP(row)                                                                                                  \
    if (row < rows) {                                                                                                  \
        a##row = multiplied(form, a##row, a, values + row * (size_t)stride, step);                                     \
        b##row = multiplied(form, b##row, b, values + row * (size_t)stride, step);                                     \
    }
#define ADDED_UP_BESIDE(row)                                                                                           \
    if (row < rows) {                                                                                                  \
        c##row = multiplied(form, c##row, c, values + row * (size_t)stride, step);                                     \
        d##row = multiplied(form, d##row, d, values + row * (size_t)stride, step);                                     \
    }
#define TOLD(row)                                                                                                      \
    if (row < rows)                                                                                                    \
        sums[0][row][0] = a##row, sums[0][row][1] = b##row;
#define TOLD_BESIDE(row)                                                                                               \
    if (row < rows)                                                                                                    \
        sums[1][row][0] = c##row, sums[1][row][1] = d##row;

/* The processor's own prefetching falls behind where there are several rows. */
INLINE void fetch_ahead(const uint32_t *weights) {
    for (int line = 0; line < BLOCK; line += LINE)
        __builtin_prefetch(weights + AHEAD + line);
}

/* A block times some rows, or two blocks, one beside the other so that sums do not wait for each other. */
INLINE void multiply_blocks(const int form, const int blocks, const int rows, const uint32_t *weights, int steps,
                            const uint32_t *values, int stride, words sums[2][MOST_ROWS][2]) {
    const uint32_t *beside = weights + (size_t)steps * BLOCK;
    EACH_ROW(BEGUN)
    EACH_DOUBLE_ROW(BEGUN_BESIDE)
    for (int step = 0; step < steps; step++, weights += BLOCK, beside += BLOCK) {
        fetch_ahead(weights);
        const words a = load_words(weights), b = load_words(weights + LANES);
        EACH_ROW(ADDED_UP)
        if (blocks == 2) {
            fetch_ahead(beside);
            const words c = load_words(beside), d = load_words(beside + LANES);
            EACH_DOUBLE_ROW(ADDED_UP_BESIDE)
        }
    }
    EACH_ROW(TOLD)
    if (blocks == 2) {
        EACH_DOUBLE_ROW(TOLD_BESIDE)
    }
}

#define CASE(count)                                                                                                    \
    case count:                                                                                                        \
        multiply_blocks(form, blocks, count, weights, steps, values, stride, sums);                                    \
        break;

INLINE void multiply_rows(const int form, const int blocks, int rows, const uint32_t *weights, int steps,
                          const uint32_t *values, int stride, words sums[2][MOST_ROWS][2]) {
    switch (rows) {
        CASE(1)
        CASE(2)
        CASE(3)
#if DOUBLE_ROWS > 3
        CASE(4)
#endif
    default:
        break;
    }
    if (blocks == 1)
        switch (rows) {
#if DOUBLE_ROWS < 4
            CASE(4)
#endif
            CASE(5)
            CASE(6)
#if MOST_ROWS > 6
            CASE(7)
            CASE(8)
            CASE(9)
            CASE(10)
            CASE(11)
            CASE(12)
#endif
        default:
            break;
        }
}

#undef CASE

static void multiply_form(int form, int blocks, int rows, const uint32_t *weights, int steps, const uint32_t *values,
                          int stride, words sums[2][MOST_ROWS][2]) {
    if (form == FLOAT32 && blocks == 2)
        multiply_rows(FLOAT32, 2, rows, weights, steps, values, stride, sums);
    else if (form == FLOAT32)
        multiply_rows(FLOAT32, 1, rows, weights, steps, values, stride, sums);
    else if (form == BFLOAT16 && blocks == 2)
        multiply_rows(BFLOAT16, 2, rows, weights, steps, values, stride, sums);
    else if (form == BFLOAT16)
        multiply_rows(BFLOAT16, 1, rows, weights, steps, values, stride, sums);
    else if (blocks == 2)
        multiply_rows(INT8, 2, rows, weights, steps, values, stride, sums);
    else
        multiply_rows(INT8, 1, rows, weights, steps, values, stride, sums);
}

/* What becomes of an output once it is summed up. */
enum epilogue { WRITTEN, ADDED, ACTIVATED };

/* GELU as GPT-2 has it: x / 2 (1 + tanh(u)) is x times the logistic function of 2u. */
INLINE floats gelu(floats x) {
    const floats twice = (x + x * x * x * 0.044715f) * (2.0f * 0.79788456080286535588f);
    return x / (1.0f + exp_of(-twice));
}

INLINE void apply_epilogue(floats result, float *to, int count, enum epilogue epilogue) {
    float old[LANES] = {0};
    if (epilogue == ACTIVATED)
        result = gelu(result);
    if (epilogue == ADDED) {
        memcpy(old, to, sizeof(float) * (size_t)count);
        result += load(old);
    }
    if (count == LANES)
        store(to, result);
    else
        memcpy(to, &result, sizeof(float) * (size_t)count);
}

/* What a vector of outputs has of its own. */
struct outputs {
    floats scales, bias;
    ints less;
    int count;
};

INLINE struct outputs outputs_of(const struct matrix *matrix, int output) {
    const int left = matrix->outputs - output, count = left < LANES ? left : LANES;
    const size_t bytes = count > 0 ? sizeof(float) * (size_t)count : 0;
    struct outputs own = {all(0), all(0), (ints){0}, count};
    if (matrix->form == INT8) {
        memcpy(&own.less, matrix->sums + output, bytes);
        memcpy(&own.scales, matrix->scales + output, bytes);
        own.less *= 128;
        own.scales *= 1.0f / LARGEST;
    }
    if (matrix->bias)
        memcpy(&own.bias, matrix->bias + output, bytes);
    return own;
}

/* Some blocks' outputs of all rows: `to` is R x O, `stride` numbers a row. */
static void product(const struct matrix *matrix, const struct panel *panel, int first, int end, float *to,
                    size_t stride, enum epilogue epilogue) {
    const int steps = steps_of(matrix->form, matrix->inputs);
    words sums[2][MOST_ROWS][2];
    for (int block = first, blocks; block < end; block += blocks) {
        const uint32_t *weights = (const uint32_t *)matrix->packed + (size_t)block * steps * BLOCK;
        blocks = panel->rows <= DOUBLE_ROWS && block + 1 < end ? 2 : 1;
        for (int row = 0, rows; row < panel->rows; row += rows) {
            rows = panel->rows - row < MOST_ROWS ? panel->rows - row : MOST_ROWS;
            multiply_form(matrix->form, blocks, rows, weights, steps, panel->values + (size_t)row * panel->words,
                          panel->words, sums);
            for (int vector = 0; vector < 2 * blocks; vector++) {
                const int output = block * BLOCK + vector * LANES;
                const struct outputs own = outputs_of(matrix, output);
                for (int each = 0; each < rows && own.count > 0; each++) {
                    const words sum = sums[vector / 2][each][vector % 2];
                    floats result = (floats)sum;
                    if (matrix->form == INT8)
                        result = __builtin_convertvector((ints)sum - own.less, floats) * own.scales *
                                 panel->largest[row + each];
                    apply_epilogue(result + own.bias, to + (size_t)(row + each) * stride + output, own.count, epilogue);
                }
            }
        }
    }
}

#endif
