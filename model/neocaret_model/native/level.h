/* What is compiled once for each level of a processor's instructions. */

#ifndef NEOCARET_LEVEL_H
#define NEOCARET_LEVEL_H

#include <stddef.h>

struct network;
struct pass;
struct team;
struct choice;

struct level {
    const char *name;
    int multiplies_int8;
    size_t (*packed_bytes)(int form, int outputs, int inputs);
    void (*pack_matrix)(int form, int outputs, int inputs, const void *from, void *to);
    size_t (*scratch_bytes)(const struct network *, const struct pass *);
    int (*phases_of)(const struct pass *);
    void (*embed)(const struct network *, const struct pass *);
    void (*run_pass)(const struct network *, const struct pass *, struct team *, int thread);
    size_t (*sampling_scratch)(int vocabulary);
    void (*sample)(struct choice *);
};

#endif
