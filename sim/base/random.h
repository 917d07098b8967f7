#ifndef HOTBED_BASE_RANDOM_H
#define HOTBED_BASE_RANDOM_H

#include <stdint.h>

/* A seeded source of random numbers (xoshiro256**, public domain algorithm by Blackman and Vigna):
 * the only one in sim/, so that a seed repeats a run. */
struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);

/* A source that depends on the seed of a run and a number alone: printer k is the same whatever
 * else runs. */
struct random random_of(uint64_t seed, uint64_t stream);
/* The same for somebody with a name, at an instant: what he draws is the same whoever else draws.
 */
struct random random_named(uint64_t seed, const char *name, int64_t now_us);

uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random,
                      uint64_t bound);       /* 0 .. bound-1, unbiased; bound > 0 */
double random_unit(struct random *random);   /* [0, 1) */
double random_normal(struct random *random); /* mean 0, deviation 1 */

#endif
