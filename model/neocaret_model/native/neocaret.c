/* What Python calls: the level that this processor has, packing, passes, and choices. */

#include <stddef.h>
#include <stdint.h>

#include "choice.h"
#include "level.h"
#include "pass.h"
#include "phases.h"

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* To be raised with every change to what Python sees of this. */
#define INTERFACE 4

/* Who is called to help may be here before the pass is: some microseconds. */
#define MOST_TRIES 256

#if defined(__x86_64__)
#include <cpuid.h>

extern const struct level avx2_level, avx512_level, bfloat16_level;
static const struct level *const LEVELS[] = {&avx2_level, &avx512_level, &bfloat16_level};

static uint64_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* How many of the levels the processor has, and the system saves the registers of. */
static int levels_here(void) {
    uint32_t a, b, c, d, more;
    const uint32_t fma = 1u << 12, movbe = 1u << 22, xsave = 1u << 27, f16c = 1u << 29;
    const uint32_t bmi = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8, lzcnt = 1u << 5;
    const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31, vnni = 1u << 11;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (fma | movbe | xsave | f16c)) != (fma | movbe | xsave | f16c))
        return 0;
    const uint64_t saved = saved_registers();
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & lzcnt) || (saved & 0x6) != 0x6)
        return 0;
    if (!__get_cpuid_count(7, 0, &more, &b, &c, &d) || (b & (bmi | avx2 | bmi2)) != (bmi | avx2 | bmi2))
        return 0;
    if ((b & avx512) != avx512 || !(c & vnni) || (saved & 0xe6) != 0xe6)
        return 1;
    if (more < 1 || !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & 1u << 5))
        return 2;
    return 3;
}
#else
extern const struct level plain_level;
static const struct level *const LEVELS[] = {&plain_level};

static int levels_here(void) { return 1; }
#endif

/* A pass that is under way, for those who help. */
struct job {
    const struct level *level;
    const struct network *network;
    const struct pass *pass;
    struct team team;
};

EXPORTED int neocaret_interface(void) { return INTERFACE; }

EXPORTED int neocaret_levels(void) { return levels_here(); }

EXPORTED const char *neocaret_level_name(int level) { return LEVELS[level]->name; }

EXPORTED int neocaret_multiplies_int8(int level) { return LEVELS[level]->multiplies_int8; }

/* How many bytes a matrix takes once it is packed. */
EXPORTED size_t neocaret_packed_bytes(int level, int form, int outputs, int inputs) {
    return LEVELS[level]->packed_bytes(form, outputs, inputs);
}

/* Place a matrix's numbers (O x I) as passes of this level read them. */
EXPORTED void neocaret_pack(int level, int form, int outputs, int inputs, const void *from, void *to) {
    LEVELS[level]->pack_matrix(form, outputs, inputs, from, to);
}

EXPORTED size_t neocaret_job_bytes(void) { return sizeof(struct job); }

EXPORTED int neocaret_most_layers(void) { return (MOST_PHASES - 1) / PHASES_A_LAYER; }

EXPORTED size_t neocaret_scratch_bytes(int level, const struct network *network, const struct pass *pass) {
    return LEVELS[level]->scratch_bytes(network, pass);
}

/* Run a pass to its end, beside those who help. `job` is memory of zeros at first, and one pass's at a time. */
EXPORTED void neocaret_run(struct job *job, int level, const struct network *network, const struct pass *pass) {
    job->level = LEVELS[level];
    job->network = network;
    job->pass = pass;
    job->level->embed(network, pass);
    open_team(&job->team, job->level->phases_of(pass));
    job->level->run_pass(network, pass, &job->team, 0);
    close_team(&job->team);
}

/* Help with the pass under way, or about to begin, as thread 1 or a higher one of those that the pass counts. */
EXPORTED void neocaret_help(struct job *job, int thread) {
    int entered = 0;
    for (int tries = 0; tries < MOST_TRIES && !(entered = enter(&job->team)); tries++)
        PAUSE();
    if (!entered)
        return;
    if (thread < job->pass->threads)
        job->level->run_pass(job->network, job->pass, &job->team, thread);
    leave(&job->team);
}

EXPORTED size_t neocaret_choice_bytes(int level, int vocabulary) { return LEVELS[level]->sampling_scratch(vocabulary); }

/* Take a token. */
EXPORTED void neocaret_choose(int level, struct choice *choice) { LEVELS[level]->sample(choice); }
