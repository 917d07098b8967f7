#ifndef HOTBED_TESTS_SL1_BENCH_H
#define HOTBED_TESTS_SL1_BENCH_H

#include "tests/machine/sl1_writer.h"
#include "tests/protocol/firmware_bench.h"

/* Requests to the server of an SL1, which wants a digest with qop. */

/* Makes "Authorization: Digest …" for the challenge of the last answer. */
void sl1_authorize(struct firmware *printer, const char *method, const char *target,
                   const char *password);
const char *sl1_credentials(void); /* that line, until the next */
/* Asks for a challenge first; the whole answer. */
const char *sl1_ask(struct firmware *printer, const char *method, const char *target,
                    const char *headers, const char *body);
void sl1_forget(void); /* at the end of a test */

/* A small project, and tests that go over the whole of the server. */
extern const struct sl1_written sl1_part;
extern const char sl1_form_type[]; /* headers of a form whose boundary is xx */
void sl1_begin(struct firmware *printer);
void sl1_end(struct firmware *printer);
void sl1_put(struct firmware *printer, const char *path); /* the small project */
int sl1_json(struct firmware *printer, const char *method, const char *target, const char *body);
/* Asks, and expects the status and the firmware's number of an error. */
void sl1_refused(struct firmware *printer, int status, const char *code, const char *method,
                 const char *target, const char *body);
bool sl1_there(struct firmware *printer, const char *path);
/* Makes a folder by the form that the web interface sends; the status. */
int sl1_post_folder(struct firmware *printer, const char *path, const char *name);
void sl1_open_part(struct firmware *printer); /* on its screen, waiting to be confirmed */

#endif
