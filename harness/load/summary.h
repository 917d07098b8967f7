#ifndef HOTBED_LOAD_SUMMARY_H
#define HOTBED_LOAD_SUMMARY_H

#include "harness/load/result.h"
#include "sim/base/buffer.h"

/* What a result says, for people and for other programs. */
void load_summary_text(const struct load_result *result, struct buffer *out);
/* A row a second, with a head line. */
void load_summary_csv(const struct load_result *result, struct buffer *out);
/* A case for each threshold, and for whether the run was complete and its generator fast enough. */
void load_summary_junit(const struct load_result *result, struct buffer *out);
/* The text exposition format of Prometheus, version 0.0.4. */
void load_summary_prometheus(const struct load_result *result, struct buffer *out);
/* How it went in this second, on one line without an end. */
void load_summary_live(const struct load_bin *bin, uint32_t second, uint64_t printers,
                       struct buffer *out);

#endif
