/* GPT-Neo's layers over some tokens, as a program of phases: the whole pass is one call.

   T tokens, D width, L layers, H heads, V vocabulary. Everything between the matrices is float32. */

#ifndef NEOCARET_NETWORK_H
#define NEOCARET_NETWORK_H

#include <float.h>

#include "attention.h"
#include "phases.h"
#include "product.h"

/* What all threads write between two products. */
struct shared {
    float *qkv;      /* T x 3D */
    float *attended; /* T x D */
    float *inner;    /* T x inner */
};

/* A thread's own memory. */
struct own {
    float *row;    /* D or inner */
    float *scores; /* what attention needs */
    struct panel panel;
};

struct work {
    const struct network *network;
    const struct pass *pass;
    struct team *team;
    struct shared shared;
    struct own own;
};

/* What the tokens and their positions stand for: where a pass begins. */
static void embed(const struct network *network, const struct pass *pass) {
    const size_t width = (size_t)network->width;
    for (int token = 0; pass->ids && token < pass->tokens; token++) {
        const size_t one = (size_t)pass->ids[token] * width, other = (size_t)pass->positions[token] * width;
        float *to = pass->hidden + (size_t)token * width;
        for (size_t place = 0; place < width; place++)
            to[place] = network->bfloat16 ? float_of(((const uint16_t *)network->tokens)[one + place]) +
                                                float_of(((const uint16_t *)network->positions)[other + place])
                                          : ((const float *)network->tokens)[one + place] +
                                                ((const float *)network->positions)[other + place];
    }
}

static void layer_norm(const struct norm *norm, const float *from, int width, float epsilon, float *to) {
    floats sums = all(0);
    int place = 0;
    for (; place + LANES <= width; place += LANES)
        sums += load(from + place);
    float sum = sum_of(sums);
    for (int rest = place; rest < width; rest++)
        sum += from[rest];
    const float mean = sum / width;
    sums = all(0);
    for (place = 0; place + LANES <= width; place += LANES) {
        const floats off = load(from + place) - mean;
        sums += off * off;
    }
    sum = sum_of(sums);
    for (int rest = place; rest < width; rest++)
        sum += (from[rest] - mean) * (from[rest] - mean);
    /* Numbers whose squares are none would be scaled to zeros that hide them. */
    const float scale = sum <= FLT_MAX ? 1.0f / sqrtf(sum / width + epsilon) : NAN;
    for (place = 0; place + LANES <= width; place += LANES)
        store(to + place, (load(from + place) - mean) * scale * load(norm->weight + place) + load(norm->bias + place));
    for (; place < width; place++)
        to[place] = (from[place] - mean) * scale * norm->weight[place] + norm->bias[place];
}

/* How many blocks are a task: two can be multiplied at once. */
#define TASK 2

/* A product, by all threads: each brings the rows into the matrix's form for itself once it has a task. */
static void team_product(struct work *work, int phase, const struct matrix *matrix, const struct norm *norm,
                         const float *rows, int count, float *to, enum epilogue epilogue) {
    const int blocks = blocks_of(matrix->outputs), tasks = (blocks + TASK - 1) / TASK;
    struct panel *panel = &work->own.panel;
    panel->rows = count;
    panel->words = words_of(matrix->form, matrix->inputs);
    int packed = 0;
    for (struct run run; next_run(work->team, phase, tasks, work->pass->threads, &run);
         run_done(work->team, phase, run)) {
        for (; packed < count; packed++) {
            const float *row = rows + (size_t)packed * matrix->inputs;
            if (norm) {
                layer_norm(norm, row, matrix->inputs, work->network->epsilon, work->own.row);
                row = work->own.row;
            }
            pack_row(matrix, panel, packed, row);
        }
        const int end = run.end * TASK < blocks ? run.end * TASK : blocks;
        product(matrix, panel, run.first * TASK, end, to, (size_t)matrix->outputs, epilogue);
    }
}

static void attend_head(struct work *work, const struct heads *heads, int number, const struct part *part, int head) {
    const struct network *network = work->network;
    const int width = network->bfloat16 ? 2 : 4;
    const size_t place = ((size_t)number * network->heads + head) * (size_t)part->capacity * heads->size * width;
    struct part own = *part;
    own.keys = (char *)part->keys + place;
    own.values = (char *)part->values + place;
    attend(&own, heads, network->layer[number].window, network->width, (size_t)head, work->own.scores);
}

static void team_attention(struct work *work, int phase, int number) {
    const struct network *network = work->network;
    const struct pass *pass = work->pass;
    const int size = network->width / network->heads;
    const struct heads heads = {
        work->shared.qkv, work->shared.attended, 3 * (int64_t)network->width, network->width, size, network->bfloat16};
    const int tasks = pass->parts * network->heads;
    for (struct run run; next_run(work->team, phase, tasks, pass->threads, &run); run_done(work->team, phase, run))
        for (int task = run.first; task < run.end; task++)
            attend_head(work, &heads, number, &pass->part[task % pass->parts], task / pass->parts);
}

static void run_layer(struct work *work, int number, int phase) {
    const struct layer *layer = &work->network->layer[number];
    const struct pass *pass = work->pass;
    const int count = pass->tokens;
    team_product(work, phase, &layer->qkv, &layer->before_attention, pass->hidden, count, work->shared.qkv, WRITTEN);
    team_attention(work, phase + 1, number);
    team_product(work, phase + 2, &layer->out, 0, work->shared.attended, count, pass->hidden, ADDED);
    team_product(work, phase + 3, &layer->expand, &layer->before_expansion, pass->hidden, count, work->shared.inner,
                 ACTIVATED);
    team_product(work, phase + 4, &layer->contract, 0, work->shared.inner, count, pass->hidden, ADDED);
}

/* Takes some memory of all, aligned to a cache line; with no memory, tells how much there must be. */
static char *carve(char *memory, size_t *taken, size_t bytes) {
    char *part = memory ? memory + *taken : 0;
    *taken += (bytes + 63) / 64 * 64;
    return part;
}

static size_t lay_out_shared(const struct network *network, int tokens, char *memory, struct shared *shared) {
    const size_t row = sizeof(float) * (size_t)tokens;
    size_t taken = 0;
    shared->qkv = (float *)carve(memory, &taken, 3 * row * (size_t)network->width);
    shared->attended = (float *)carve(memory, &taken, row * (size_t)network->width);
    shared->inner = (float *)carve(memory, &taken, row * (size_t)network->layer[0].contract.inputs);
    return taken;
}

static size_t lay_out_own(const struct network *network, int tokens, int columns, char *memory, struct own *own) {
    const int inner = network->layer[0].contract.inputs, widest = inner > network->width ? inner : network->width;
    const int words = words_of(network->layer[0].qkv.form, widest), head = words_of(network->head.form, widest);
    size_t taken = 0;
    own->row = (float *)carve(memory, &taken, sizeof(float) * (size_t)widest);
    own->scores =
        (float *)carve(memory, &taken, sizeof(float) * attention_scratch(network->width / network->heads, columns));
    own->panel.values =
        (uint32_t *)carve(memory, &taken, sizeof(uint32_t) * (size_t)tokens * (size_t)(words > head ? words : head));
    own->panel.largest = (float *)carve(memory, &taken, sizeof(float) * (size_t)tokens);
    return taken;
}

/* How many columns the parts of a pass have at most. */
static int columns_of(const struct pass *pass) {
    int most = 0;
    for (int part = 0; part < pass->parts; part++) {
        const int end = pass->part[part].begin + pass->part[part].tokens;
        most = end > most ? end : most;
    }
    return most;
}

static size_t scratch_bytes(const struct network *network, const struct pass *pass) {
    struct shared shared;
    struct own own;
    return lay_out_shared(network, pass->tokens, 0, &shared) +
           (size_t)pass->threads * lay_out_own(network, pass->tokens, columns_of(pass), 0, &own);
}

static int phases_of(const struct pass *pass) { return (pass->end_layer - pass->first_layer) * PHASES_A_LAYER + 1; }

/* What every thread does, each with its own part of the scratch memory. */
static void run_pass(const struct network *network, const struct pass *pass, struct team *team, int thread) {
    struct work work = {.network = network, .pass = pass, .team = team};
    size_t taken = lay_out_shared(network, pass->tokens, pass->scratch, &work.shared);
    const int columns = columns_of(pass);
    taken += (size_t)thread * lay_out_own(network, pass->tokens, columns, 0, &work.own);
    lay_out_own(network, pass->tokens, columns, pass->scratch + taken, &work.own);
    int phase = 0;
    for (int number = pass->first_layer; number < pass->end_layer; number++, phase += PHASES_A_LAYER)
        run_layer(&work, number, phase);
    if (pass->logits)
        team_product(&work, phase, &network->head, &network->norm, pass->hidden, pass->tokens, pass->logits, WRITTEN);
}

#endif
