/* How a matrix stands in memory, in the order in which it is read.

   Two vectors of outputs make a block. In it stands, step by step through the inputs, what a multiplication takes at
   once: the outputs of the one and of the other, with 1 input each in float32, 2 in bfloat16 and 4 in int8. Zeros fill
   the last block and the last step.

   I inputs, O outputs. */

#ifndef NEOCARET_PACKING_H
#define NEOCARET_PACKING_H

#include <stddef.h>
#include <string.h>

#include "pass.h"

/* Numbers of 32 bits in a register. */
#if defined(__AVX512F__)
#define LANES 16
#else
#define LANES 8
#endif
#define BLOCK (2 * LANES)

static inline int inputs_a_step(int form) { return form == FLOAT32 ? 1 : form == BFLOAT16 ? 2 : 4; }

static inline int steps_of(int form, int inputs) {
    int each = inputs_a_step(form);
    return (inputs + each - 1) / each;
}

static inline int blocks_of(int outputs) { return (outputs + BLOCK - 1) / BLOCK; }

static size_t packed_bytes(int form, int outputs, int inputs) {
    return (size_t)blocks_of(outputs) * (size_t)steps_of(form, inputs) * BLOCK * 4;
}

/* Place a matrix's numbers (O x I) so; `to` has room for all blocks. */
static void pack_matrix(int form, int outputs, int inputs, const void *from, void *to) {
    const int each = inputs_a_step(form), whole = inputs / each;
    const size_t steps = (size_t)steps_of(form, inputs), step = BLOCK * 4, width = 4 / (size_t)each;
    memset(to, 0, packed_bytes(form, outputs, inputs));
    for (int output = 0; output < outputs; output++) {
        char *lane = (char *)to + ((size_t)(output / BLOCK) * steps * BLOCK + (size_t)(output % BLOCK)) * 4;
        const char *row = (const char *)from + (size_t)output * (size_t)inputs * width;
        for (int place = 0; place < whole; place++, lane += step, row += 4)
            memcpy(lane, row, 4);
        if (inputs % each)
            memcpy(lane, row, (size_t)(inputs % each) * width);
    }
}

#endif
