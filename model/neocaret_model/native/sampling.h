/* A token sampled by its logits: document n-grams, penalty, temperature and top-p, as in the engine's `sampling.py`,
   which says what each of them is, and `nucleus.py`, of whose bucket sort this is the compiled form.

   V vocabulary, C candidates. */

#ifndef NEOCARET_SAMPLING_H
#define NEOCARET_SAMPLING_H

#include <math.h>
#include <stdlib.h>

#include "choice.h"
#include "vectors.h"

#define NEAR_ENOUGH 9.0f /* nats below the likeliest token: it takes 8,000 tokens so far down to weigh as much as it */
#define FEW 256          /* candidates that are sorted sooner than all tokens are counted into buckets */
#define BUCKETS 2048
#define BUCKETS_A_NAT 128
#define APART 4    /* additions or comparisons of which none waits for the one before it */
#define SUMMED 512 /* numbers that are summed up in float32; sums of blocks are in float64 */

struct candidate {
    double sum; /* of the weights up to and including its own */
    float logit;
    int32_t token;
};

struct nucleus {
    float *logits;  /* V, scaled, the largest of which is 0 */
    float *weights; /* V, their exponentials */
    struct candidate *candidates;
    int count; /* C */
    double total;
};

static size_t sampling_scratch(int vocabulary) {
    return (size_t)vocabulary * (sizeof(struct candidate) + 2 * sizeof(float));
}

INLINE floats larger_of(floats one, floats other) { return where(one > other, one, other); }

/* Of what is no number, none is the largest. */
static float maximum_of(const float *values, int count) {
    floats most[APART] = {all(-INFINITY), all(-INFINITY), all(-INFINITY), all(-INFINITY)};
    int place = 0;
    for (; place + APART * LANES <= count; place += APART * LANES)
        for (int each = 0; each < APART; each++)
            most[each] = larger_of(load(values + place + each * LANES), most[each]);
    for (; place + LANES <= count; place += LANES)
        most[0] = larger_of(load(values + place), most[0]);
    most[0] = larger_of(larger_of(most[0], most[1]), larger_of(most[2], most[3]));
    float largest = -INFINITY;
    for (int lane = 0; lane < LANES; lane++)
        largest = most[0][lane] > largest ? most[0][lane] : largest;
    for (; place < count; place++)
        largest = values[place] > largest ? values[place] : largest;
    return largest;
}

/* A bit for each lane, of a comparison's result. */
INLINE uint32_t bits_of(ints condition) {
#if defined(__AVX512F__)
    return _mm512_movepi32_mask((__m512i)condition);
#elif defined(__AVX2__)
    return (uint32_t)_mm256_movemask_ps((__m256)condition);
#else
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++)
        bits |= (uint32_t)(condition[lane] & 1) << lane;
    return bits;
#endif
}

static float exp_of_one(float value) { return exp_of(all(value))[0]; }

/* What the exponentials of all logits come to, as a logarithm; not finite where a logit is no number, or infinite. */
static double log_sum_exp(const float *logits, int count) {
    const float largest = maximum_of(logits, count);
    double total = 0;
    ints none = (ints){0};
    for (int begin = 0; begin < count; begin += SUMMED) {
        const int end = count - begin < SUMMED ? count : begin + SUMMED;
        floats sums = all(0);
        int place = begin;
        for (; place + LANES <= end; place += LANES) {
            const floats some = load(logits + place);
            none |= some != some;
            sums += exp_of(some - largest);
        }
        total += sum_of(sums);
        for (; place < end; place++) {
            none[0] |= -(logits[place] != logits[place]);
            total += exp_of_one(logits[place] - largest);
        }
    }
    return bits_of(none) ? NAN : largest + log(total);
}

/* Adds to the network's probability of some tokens what the document's n-grams weigh. */
static void add_ngrams(const struct choice *asked, double normaliser, float *logits) {
    for (int each = 0; each < asked->mixed; each++) {
        float *logit = logits + asked->mixed_tokens[each];
        const double added = normaliser + log(asked->weight * asked->masses[each]), own = *logit;
        *logit = (float)(added > own ? added + log1p(exp(own - added)) : own + log1p(exp(added - own)));
    }
}

static void penalise(const struct choice *asked, float *logits) {
    for (int token = 0; token < asked->vocabulary; token++)
        if (asked->present[token])
            logits[token] = logits[token] > 0 ? logits[token] / asked->penalty : logits[token] * asked->penalty;
}

static void add_candidate(struct nucleus *nucleus, int token) {
    nucleus->candidates[nucleus->count++] = (struct candidate){0, nucleus->logits[token], token};
}

/* Scales the logits, and weighs them; what is near the likeliest becomes a candidate, but for more than FEW. */
static void weigh(struct nucleus *nucleus, int vocabulary, float largest, float temperature) {
    nucleus->total = 0;
    nucleus->count = 0;
    for (int begin = 0; begin < vocabulary; begin += SUMMED) {
        const int end = vocabulary - begin < SUMMED ? vocabulary : begin + SUMMED;
        floats sums = all(0);
        int place = begin;
        for (; place + LANES <= end; place += LANES) {
            const floats scaled = (load(nucleus->logits + place) - largest) / temperature, weights = exp_of(scaled);
            store(nucleus->logits + place, scaled);
            store(nucleus->weights + place, weights);
            sums += weights;
        }
        nucleus->total += sum_of(sums);
        for (; place < end; place++) {
            nucleus->logits[place] = (nucleus->logits[place] - largest) / temperature;
            nucleus->weights[place] = exp_of_one(nucleus->logits[place]);
            nucleus->total += nucleus->weights[place];
        }
        if (maximum_of(nucleus->logits + begin, end - begin) > -NEAR_ENOUGH)
            for (place = begin; place < end && nucleus->count <= FEW; place++)
                if (nucleus->logits[place] > -NEAR_ENOUGH)
                    add_candidate(nucleus, place);
    }
}

/* The likeliest first, of equally likely ones the first. */
static int compared(const void *one, const void *other) {
    const struct candidate *a = one, *b = other;
    if (a->logit != b->logit)
        return a->logit > b->logit ? -1 : 1;
    return a->token < b->token ? -1 : 1;
}

/* Sorts the candidates, and adds up their weights from `before` on. */
static void order(struct nucleus *nucleus, double before) {
    qsort(nucleus->candidates, (size_t)nucleus->count, sizeof(struct candidate), compared);
    for (int each = 0; each < nucleus->count; each++) {
        before += nucleus->weights[nucleus->candidates[each].token];
        nucleus->candidates[each].sum = before;
    }
}

/* The first candidate up to which the weights reach `sum`, or the last one. */
static int reaching(const struct nucleus *nucleus, double sum) {
    int each = 0;
    while (each < nucleus->count - 1 && nucleus->candidates[each].sum < sum)
        each++;
    return each;
}

/* The token of the candidates up to `end` at which the weights exceed `target`. */
static int32_t exceeding(const struct nucleus *nucleus, double target, int end) {
    int each = 0;
    while (each < end && nucleus->candidates[each].sum <= target)
        each++;
    return nucleus->candidates[each].token;
}

INLINE ints buckets_of(floats logits) {
    const floats places = logits * -(float)BUCKETS_A_NAT;
    return __builtin_convertvector(where(places < BUCKETS - 1, places, all(BUCKETS - 1)), ints);
}

static int bucket_of(float logit) { return buckets_of(all(logit))[0]; }

/* Adds up what each bucket's tokens weigh. Neighbours count apart, since most tokens fall in one bucket. */
static void fill_buckets(const struct nucleus *nucleus, int vocabulary, double *masses) {
    double apart[APART][BUCKETS] = {{0}};
    int token = 0;
    for (; token + LANES <= vocabulary; token += LANES) {
        const ints buckets = buckets_of(load(nucleus->logits + token));
        for (int lane = 0; lane < LANES; lane++)
            apart[lane % APART][buckets[lane]] += nucleus->weights[token + lane];
    }
    for (; token < vocabulary; token++)
        apart[0][bucket_of(nucleus->logits[token])] += nucleus->weights[token];
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        masses[bucket] = 0;
        for (int each = 0; each < APART; each++)
            masses[bucket] += apart[each][bucket];
    }
}

/* Makes the tokens of a bucket the candidates. */
static void gather(struct nucleus *nucleus, int vocabulary, int bucket, const double *masses) {
    nucleus->count = 0;
    int token = 0;
    for (; token + LANES <= vocabulary; token += LANES)
        for (uint32_t hits = bits_of(buckets_of(load(nucleus->logits + token)) == bucket); hits; hits &= hits - 1)
            add_candidate(nucleus, token + __builtin_ctz(hits));
    for (; token < vocabulary; token++)
        if (bucket_of(nucleus->logits[token]) == bucket)
            add_candidate(nucleus, token);
    order(nucleus, bucket ? masses[bucket - 1] : 0);
}

static int bucket_reaching(const double *masses, double mass) {
    int bucket = 0;
    while (bucket < BUCKETS - 1 && masses[bucket] < mass)
        bucket++;
    return bucket;
}

static int32_t drawn_from_buckets(struct nucleus *nucleus, int vocabulary, double top_p, double point) {
    double masses[BUCKETS];
    fill_buckets(nucleus, vocabulary, masses);
    for (int bucket = 1; bucket < BUCKETS; bucket++)
        masses[bucket] += masses[bucket - 1];
    const double mass = top_p * masses[BUCKETS - 1];
    const int last = bucket_reaching(masses, mass);
    gather(nucleus, vocabulary, last, masses);
    const int end = reaching(nucleus, mass);
    const double target = point * nucleus->candidates[end].sum;
    int bucket = 0;
    while (bucket < last && masses[bucket] <= target)
        bucket++;
    if (bucket == last)
        return exceeding(nucleus, target, end);
    gather(nucleus, vocabulary, bucket, masses);
    return exceeding(nucleus, target, nucleus->count - 1);
}

static int32_t drawn(struct nucleus *nucleus, int vocabulary, double top_p, double point) {
    if (nucleus->count > FEW)
        return drawn_from_buckets(nucleus, vocabulary, top_p, point);
    order(nucleus, 0);
    const double mass = top_p * nucleus->total;
    if (nucleus->candidates[nucleus->count - 1].sum < mass)
        return drawn_from_buckets(nucleus, vocabulary, top_p, point);
    const int end = reaching(nucleus, mass);
    return exceeding(nucleus, point * nucleus->candidates[end].sum, end);
}

static int32_t first_of(const float *logits, int vocabulary, float logit) {
    int token = 0;
    while (token < vocabulary - 1 && logits[token] != logit)
        token++;
    return token;
}

/* Takes a token; where the logits' sum is not finite, none. */
static void sample(struct choice *asked) {
    struct nucleus nucleus = {.candidates = (struct candidate *)asked->scratch};
    nucleus.logits = (float *)(nucleus.candidates + asked->vocabulary);
    nucleus.weights = nucleus.logits + asked->vocabulary;
    asked->normaliser = log_sum_exp(asked->logits, asked->all);
    if (!isfinite(asked->normaliser))
        return;
    memcpy(nucleus.logits, asked->logits, sizeof(float) * (size_t)asked->vocabulary);
    add_ngrams(asked, asked->normaliser, nucleus.logits);
    if (asked->present)
        penalise(asked, nucleus.logits);
    const float largest = maximum_of(nucleus.logits, asked->vocabulary);
    if (asked->temperature == 0 || !isfinite(largest)) {
        asked->token = first_of(nucleus.logits, asked->vocabulary, largest);
        return;
    }
    weigh(&nucleus, asked->vocabulary, largest, asked->temperature);
    asked->token = drawn(&nucleus, asked->vocabulary, asked->top_p, asked->point);
}

#endif
