/* One level: compiled with LEVEL, what its table is called, and NAME, what users read. */

#include "level.h"
#include "network.h"
#include "sampling.h"

const struct level LEVEL = {
    .name = NAME,
#if defined(__AVX512VNNI__)
    .multiplies_int8 = 1,
#endif
    .packed_bytes = packed_bytes,
    .pack_matrix = pack_matrix,
    .scratch_bytes = scratch_bytes,
    .phases_of = phases_of,
    .embed = embed,
    .run_pass = run_pass,
    .sampling_scratch = sampling_scratch,
    .sample = sample,
};
