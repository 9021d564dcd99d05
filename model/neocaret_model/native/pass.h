/* What Python hands over: a network's weights, the tokens of a pass, and where their keys and values are.

   The structures of `library.py` are these, member by member.

   T tokens, D width, L layers, H heads, C columns of keys and values, E numbers a head (D = H E), O outputs, V
   vocabulary, P positions. */

#ifndef NEOCARET_PASS_H
#define NEOCARET_PASS_H

#include <stdint.h>

/* Of a matrix's numbers. */
enum form { FLOAT32, BFLOAT16, INT8 };

struct matrix {
    int32_t form, outputs, inputs, unused;
    const void *packed;  /* as many blocks as hold all outputs, zeros beyond them */
    const float *scales; /* O, of int8 */
    const int32_t *sums; /* O, of int8: of a row's values */
    const float *bias;   /* O, or null */
};

struct norm {
    const float *weight, *bias; /* D */
};

struct layer {
    int32_t window, unused; /* positions that a token sees, itself included */
    struct norm before_attention;
    struct matrix qkv, out;
    struct norm before_expansion;
    struct matrix expand, contract;
};

struct network {
    int32_t width, heads, layers, bfloat16; /* the last: whether keys and values are bfloat16 */
    float epsilon;
    int32_t unused;
    const struct layer *layer;
    const void *tokens;    /* V x D, in the format of keys and values */
    const void *positions; /* P x D, as the tokens */
    struct norm norm;
    struct matrix head;
};

/* Tokens that continue one prefix, in the order of their columns. */
struct part {
    void *keys, *values;      /* L x H x C x E */
    int64_t capacity;         /* C */
    int32_t prefix;           /* columns that all rows see */
    int32_t begin;            /* the column of its first token */
    int32_t first_token;      /* which of a pass's tokens that is */
    int32_t tokens;           /* T */
    const int32_t *rows;      /* of each column behind the prefix: whose it is; -1: nobody's */
    const int32_t *positions; /* of each column behind the prefix */
};

/* Some tokens, from one layer to another. */
struct pass {
    int32_t tokens, parts;
    int32_t first_layer, end_layer;
    int32_t threads, unused;
    const struct part *part;
    const int32_t *ids;       /* T, the tokens; null where `hidden` holds something already */
    const int32_t *positions; /* T, theirs */
    float *hidden;            /* T x D, before and after */
    float *logits;            /* T x V, or null */
    char *scratch;            /* as many bytes as `scratch_bytes` tells */
};

#endif
