/* Work that several threads share, task by task.

   Every thread runs the same program: a sequence of phases, each of so many tasks. Whoever comes takes the next tasks,
   and nobody begins a phase before all tasks of the one before it are done. A thread that comes late, or never, costs
   nothing but its help; only one that is held up in the middle of a run is waited for, and has the core if it needs
   it. */

#ifndef NEOCARET_PHASES_H
#define NEOCARET_PHASES_H

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

/* Looks at a number that another thread changes, before it is given a core: longer than most runs take. */
#define PATIENCE 20000

#define PHASES_A_LAYER 5
#define MOST_PHASES 4096

struct phase {
    int32_t taken, done;
};

struct team {
    int32_t open;   /* whether there is work */
    int32_t inside; /* how many threads are at it */
    struct phase phases[MOST_PHASES];
};

static inline void wait_a_little(int *looks) {
    PAUSE();
    if (++*looks % PATIENCE == 0)
        GIVE_WAY();
}

static inline void open_team(struct team *team, int phases) {
    for (int phase = 0; phase < phases; phase++)
        team->phases[phase] = (struct phase){0, 0};
    __atomic_store_n(&team->open, 1, __ATOMIC_SEQ_CST);
}

/* Returns once no other thread is at work. */
static inline void close_team(struct team *team) {
    __atomic_store_n(&team->open, 0, __ATOMIC_SEQ_CST);
    for (int looks = 0; __atomic_load_n(&team->inside, __ATOMIC_SEQ_CST);)
        wait_a_little(&looks);
}

/* Tells whether there is work; who is told so must leave. */
static inline int enter(struct team *team) {
    __atomic_fetch_add(&team->inside, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->open, __ATOMIC_SEQ_CST))
        return 1;
    __atomic_fetch_sub(&team->inside, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static inline void leave(struct team *team) { __atomic_fetch_sub(&team->inside, 1, __ATOMIC_SEQ_CST); }

/* Neighbouring tasks that one thread does. */
struct run {
    int first, end;
};

/* Takes the next tasks of a phase: half of a fair share of what is left, so that a thread reads on for long, and
   nobody waits for long at the end. Tells whether there were any; if not, all are done. */
static inline int next_run(struct team *team, int phase, int tasks, int threads, struct run *run) {
    struct phase *own = &team->phases[phase];
    int32_t taken = __atomic_load_n(&own->taken, __ATOMIC_RELAXED);
    while (taken < tasks) {
        const int share = (tasks - taken) / (2 * threads), count = share > 1 ? share : 1;
        if (__atomic_compare_exchange_n(&own->taken, &taken, taken + count, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            *run = (struct run){taken, taken + count};
            return 1;
        }
    }
    for (int looks = 0; __atomic_load_n(&own->done, __ATOMIC_ACQUIRE) < tasks;)
        wait_a_little(&looks);
    return 0;
}

static inline void run_done(struct team *team, int phase, struct run run) {
    __atomic_fetch_add(&team->phases[phase].done, run.end - run.first, __ATOMIC_ACQ_REL);
}

#endif
