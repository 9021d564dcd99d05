/* Attention of some tokens to one prefix and to what stands behind it in the same buffer.

   All tokens of the prefix are seen, but for those that a window leaves behind; of the columns behind it, a token sees
   those of its own row up to its own position. Keys and values are read once for several queries.

   T tokens, C columns, H heads, E numbers a head. */

#ifndef NEOCARET_ATTENTION_H
#define NEOCARET_ATTENTION_H

#include "pass.h"
#include "vectors.h"

#if defined(__AVX512F__)
#define MOST_QUERIES 6 /* times four vectors of sums, in 32 registers */
#else
#define MOST_QUERIES 2
#endif
#define VECTORS 4 /* of a head's numbers that are summed up at once */

/* Where queries come from and results go to, T x `stride` each. */
struct heads {
    const float *queries;
    float *results;
    int64_t query_stride, result_stride;
    int32_t size, bfloat16; /* E, and whether keys and values are bfloat16 */
};

INLINE int rounded_up(int count) { return (count + LANES - 1) / LANES * LANES; }

/* A column's E numbers as float32, zeros behind them. */
INLINE void widen(const void *from, size_t place, int size, int bfloat16, float *to) {
    int done = 0;
    if (bfloat16) {
        const uint16_t *numbers = (const uint16_t *)from + place;
        for (; done + LANES <= size; done += LANES)
            store(to + done, load_bfloats(numbers + done));
        for (; done < size; done++)
            to[done] = float_of(numbers[done]);
    } else {
        memcpy(to, (const float *)from + place, sizeof(float) * (size_t)size);
        done = size;
    }
    for (; done < rounded_up(size); done++)
        to[done] = 0;
}

static void narrow(const float *from, int size, int bfloat16, void *to, size_t place) {
    if (!bfloat16) {
        memcpy((float *)to + place, from, sizeof(float) * (size_t)size);
        return;
    }
    for (int each = 0; each < size; each++)
        ((uint16_t *)to)[place + each] = bfloat_of(from[each]);
}

INLINE floats products_of(const float *columns, const float *query, int padded) {
    floats sums[LANES];
#pragma GCC unroll 16
    for (int column = 0; column < LANES; column++)
        sums[column] = load(columns + (size_t)column * padded) * load(query);
    for (int begin = LANES; begin < padded; begin += LANES) {
        const floats some = load(query + begin);
#pragma GCC unroll 16
        for (int column = 0; column < LANES; column++)
            sums[column] += load(columns + (size_t)column * padded + begin) * some;
    }
    return sums_of(sums);
}

/* Hide what a query does not see, and turn its scores of the columns from `first` to `end` into shares of 1. */
static void masked_softmax(const struct part *part, int window, int token, int first, int end, float *scores) {
    const int own = part->begin - part->prefix + token;
    const int position = part->positions[own], row = part->rows[own];
    for (int column = first; column < part->prefix && column <= position - window; column++)
        scores[column - first] = -INFINITY;
    for (int column = part->prefix; column < end; column++) {
        const int other = column - part->prefix, there = part->positions[other];
        if (part->rows[other] != row || there > position || there <= position - window)
            scores[column - first] = -INFINITY;
    }
    const int count = end - first;
    for (int beyond = count; beyond < rounded_up(count); beyond++)
        scores[beyond] = -INFINITY;
    floats largest = load(scores), sums = all(0);
    for (int begin = LANES; begin < count; begin += LANES)
        largest = where(load(scores + begin) > largest, load(scores + begin), largest);
    float most = largest[0];
    for (int lane = 1; lane < LANES; lane++)
        most = largest[lane] > most ? largest[lane] : most;
    for (int begin = 0; begin < count; begin += LANES) {
        const floats score = load(scores + begin);
        /* What is no number stays none. */
        const floats weight = where(score == all(-INFINITY), all(0), exp_of(score - most) + (score - score));
        sums += weight;
        store(scores + begin, weight);
    }
    const float share = 1.0f / sum_of(sums);
    for (int begin = 0; begin < count; begin += LANES)
        store(scores + begin, load(scores + begin) * share);
}

/* The values of `count` columns, `VECTORS` or fewer vectors of them, by the shares of some queries. */
INLINE void add_weighted(const int queries, const int vectors, const float *values, int padded, int count,
                         const float *shares, size_t stride, float *sums) {
    floats own[MOST_QUERIES][VECTORS];
    for (int query = 0; query < queries; query++)
        for (int vector = 0; vector < vectors; vector++)
            own[query][vector] = load(sums + (size_t)query * padded + vector * LANES);
    for (int column = 0; column < count; column++) {
        floats value[VECTORS];
#pragma GCC unroll 4
        for (int vector = 0; vector < vectors; vector++)
            value[vector] = load(values + (size_t)column * padded + vector * LANES);
#pragma GCC unroll 6
        for (int query = 0; query < queries; query++) {
            const floats share = all(shares[query * stride + column]);
#pragma GCC unroll 4
            for (int vector = 0; vector < vectors; vector++)
                own[query][vector] += value[vector] * share;
        }
    }
    for (int query = 0; query < queries; query++)
        for (int vector = 0; vector < vectors; vector++)
            store(sums + (size_t)query * padded + vector * LANES, own[query][vector]);
}

#define CASE(queries)                                                                                                  \
    case queries:                                                                                                      \
        add_weighted(queries, vectors, values, padded, count, shares, stride, sums);                                   \
        break;

INLINE void add_weighted_vectors(int queries, const int vectors, const float *values, int padded, int count,
                                 const float *shares, size_t stride, float *sums) {
    switch (queries) {
        CASE(1)
        CASE(2)
#if MOST_QUERIES > 2
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
#endif
    default:
        break;
    }
}

#undef CASE

static void add_weighted_columns(int queries, const float *values, int padded, int count, const float *shares,
                                 size_t stride, float *sums) {
    int begin = 0;
    for (; begin + VECTORS * LANES <= padded; begin += VECTORS * LANES)
        add_weighted_vectors(queries, VECTORS, values + begin, padded, count, shares, stride, sums + begin);
    for (; begin < padded; begin += LANES)
        add_weighted_vectors(queries, 1, values + begin, padded, count, shares, stride, sums + begin);
}

/* Numbers of float32 that `attend` needs for itself. */
static size_t attention_scratch(int size, int columns) {
    const size_t padded = (size_t)rounded_up(size);
    return LANES * padded + 2 * MOST_QUERIES * padded + MOST_QUERIES * (size_t)rounded_up(columns);
}

/* Sixteen columns or fewer as float32, in place where they stand so already. */
INLINE const float *widened(const struct heads *heads, const void *from, size_t place, int count, float *scratch) {
    const int size = heads->size, padded = rounded_up(size);
    if (!heads->bfloat16 && size == padded && count == LANES)
        return (const float *)from + place;
    for (int column = 0; column < LANES; column++)
        if (column < count)
            widen(from, place + (size_t)column * size, size, heads->bfloat16, scratch + (size_t)column * padded);
        else
            memset(scratch + (size_t)column * padded, 0, sizeof(float) * (size_t)padded);
    return scratch;
}

/* The next sixteen columns: the processor's own prefetching falls behind where there are several queries. */
INLINE void fetch_columns(const struct heads *heads, const void *from, size_t place) {
    const size_t width = heads->bfloat16 ? 2 : 4, next = (place + (size_t)LANES * heads->size) * width;
    for (size_t byte = 0; byte < LANES * (size_t)heads->size * width; byte += 64)
        __builtin_prefetch((const char *)from + next + byte);
}

/* Let up to MOST_QUERIES of a part's tokens, from `token` on, attend to the columns from `first` to `end`. */
static void attend_some(const struct part *part, const struct heads *heads, int window, int token, int queries,
                        int first, int end, size_t head, float *scratch) {
    const int size = heads->size, padded = rounded_up(size);
    const size_t stride = (size_t)rounded_up(end - first);
    float *columns = scratch, *query = columns + LANES * padded, *sums = query + MOST_QUERIES * padded;
    float *scores = sums + MOST_QUERIES * padded;
    const size_t place = (size_t)first * size;
    memset(query, 0, sizeof(float) * 2 * MOST_QUERIES * (size_t)padded);
    for (int each = 0; each < queries; each++)
        memcpy(query + (size_t)each * padded,
               heads->queries + (part->first_token + token + each) * heads->query_stride + head * size,
               sizeof(float) * (size_t)size);
    for (int begin = 0; begin < end - first; begin += LANES) {
        const int count = end - first - begin < LANES ? end - first - begin : LANES;
        fetch_columns(heads, part->keys, place + (size_t)begin * size);
        const float *keys = widened(heads, part->keys, place + (size_t)begin * size, count, columns);
        for (int each = 0; each < queries; each++)
            store(scores + each * stride + begin, products_of(keys, query + (size_t)each * padded, padded));
    }
    for (int each = 0; each < queries; each++)
        masked_softmax(part, window, token + each, first, end, scores + each * stride);
    for (int begin = 0; begin < end - first; begin += LANES) {
        const int count = end - first - begin < LANES ? end - first - begin : LANES;
        fetch_columns(heads, part->values, place + (size_t)begin * size);
        const float *values = widened(heads, part->values, place + (size_t)begin * size, count, columns);
        add_weighted_columns(queries, values, padded, count, scores + begin, stride, sums);
    }
    for (int each = 0; each < queries; each++)
        memcpy(heads->results + (part->first_token + token + each) * heads->result_stride + head * size,
               sums + (size_t)each * padded, sizeof(float) * (size_t)size);
}

/* Write the keys and values of a part's tokens for one head of one layer, and let the tokens attend.

   `part->keys` and `part->values` point to this layer's and head's columns here; a token's key stands `width` numbers
   behind its query, and its value as many behind that. */
static void attend(const struct part *part, const struct heads *heads, int window, int width, size_t head,
                   float *scratch) {
    const int size = heads->size;
    for (int token = 0; token < part->tokens; token++) {
        const float *query = heads->queries + (part->first_token + token) * heads->query_stride + head * size;
        const size_t place = (size_t)(part->begin + token) * size;
        narrow(query + width, size, heads->bfloat16, part->keys, place);
        narrow(query + 2 * width, size, heads->bfloat16, part->values, place);
    }
    for (int token = 0, queries; token < part->tokens; token += queries) {
        queries = part->tokens - token < MOST_QUERIES ? part->tokens - token : MOST_QUERIES;
        int earliest = INT32_MAX;
        for (int each = 0; each < queries; each++) {
            const int position = part->positions[part->begin - part->prefix + token + each];
            earliest = position < earliest ? position : earliest;
        }
        int first = earliest - window + 1;
        first = first < 0 ? 0 : first > part->prefix ? part->prefix : first;
        attend_some(part, heads, window, token, queries, first, part->begin + token + queries, head, scratch);
    }
}

#endif
