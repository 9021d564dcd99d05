/* What Python asks of a choice, and what it gets: the structure of `choice.py`, member by member.

   V vocabulary. */

#ifndef NEOCARET_CHOICE_H
#define NEOCARET_CHOICE_H

#include <stdint.h>

struct choice {
    const float *logits;         /* of all tokens that the network knows */
    int32_t all, vocabulary;     /* how many those are; how many of them may be taken: V */
    float temperature;           /* 0: the likeliest token is taken */
    float penalty;               /* of those present */
    double top_p;                /* below 1 */
    double weight;               /* times all masses */
    double point;                /* from 0 up to 1: which share of the nucleus lies before the token */
    const int32_t *mixed_tokens; /* that the document's n-grams name */
    const double *masses;        /* what they weigh beside the network's 1 for all tokens */
    const uint8_t *present;      /* V, or null without a penalty */
    char *scratch;               /* as many bytes as `choice_bytes` tells */
    int32_t mixed;               /* how many tokens are mixed */
    int32_t token;               /* returned */
    double normaliser;           /* returned: the log-sum-exp of all logits */
};

#endif
