/* Work that several threads share, piece by piece.

   Every thread runs the same program: a sequence of shifts, each of so many pieces. Whoever comes takes the next pieces,
   and nobody begins a shift before all pieces of the one before it are done. A thread that comes late, or never, costs
   nothing but its help; only one that is held up in the middle of a piece is waited for, and has the core if it needs
   it. */

#ifndef NEOCARET_SHIFTS_H
#define NEOCARET_SHIFTS_H

#include <stdint.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE()
#endif

#if defined(_WIN32)
#include <windows.h>
#define GIVE_WAY() SwitchToThread()
#else
#include <sched.h>
#define GIVE_WAY() sched_yield()
#endif

/* Looks at a number that another thread changes, before it is given a core: longer than a piece takes. */
#define PATIENCE 20000

#define SHIFTS_A_LAYER 5
#define MOST_SHIFTS 4096

struct shift {
    int32_t taken, done;
};

struct crew {
    int32_t open;   /* whether there is work */
    int32_t inside; /* how many threads are at it */
    struct shift shifts[MOST_SHIFTS];
};

static inline void wait_a_little(int *looks) {
    PAUSE();
    if (++*looks % PATIENCE == 0)
        GIVE_WAY();
}

static inline void open_crew(struct crew *crew, int shifts) {
    for (int shift = 0; shift < shifts; shift++)
        crew->shifts[shift] = (struct shift){0, 0};
    __atomic_store_n(&crew->open, 1, __ATOMIC_SEQ_CST);
}

/* Returns once no other thread is at work. */
static inline void close_crew(struct crew *crew) {
    __atomic_store_n(&crew->open, 0, __ATOMIC_SEQ_CST);
    for (int looks = 0; __atomic_load_n(&crew->inside, __ATOMIC_SEQ_CST);)
        wait_a_little(&looks);
}

/* Tells whether there is work; who is told so must leave. */
static inline int enter(struct crew *crew) {
    __atomic_fetch_add(&crew->inside, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&crew->open, __ATOMIC_SEQ_CST))
        return 1;
    __atomic_fetch_sub(&crew->inside, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static inline void leave(struct crew *crew) { __atomic_fetch_sub(&crew->inside, 1, __ATOMIC_SEQ_CST); }

/* Neighbouring pieces that one thread does. */
struct run {
    int first, end;
};

/* Takes the next pieces of a shift: half of a fair share of what is left, so that a thread reads on for long, and
   nobody waits for long at the end. Tells whether there were any; if not, all are done. */
static inline int next_run(struct crew *crew, int shift, int pieces, int threads, struct run *run) {
    struct shift *own = &crew->shifts[shift];
    int32_t taken = __atomic_load_n(&own->taken, __ATOMIC_RELAXED);
    while (taken < pieces) {
        const int share = (pieces - taken) / (2 * threads), count = share > 1 ? share : 1;
        if (__atomic_compare_exchange_n(&own->taken, &taken, taken + count, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            *run = (struct run){taken, taken + count};
            return 1;
        }
    }
    for (int looks = 0; __atomic_load_n(&own->done, __ATOMIC_ACQUIRE) < pieces;)
        wait_a_little(&looks);
    return 0;
}

static inline void run_done(struct crew *crew, int shift, struct run run) {
    __atomic_fetch_add(&crew->shifts[shift].done, run.end - run.first, __ATOMIC_ACQ_REL);
}

#endif
