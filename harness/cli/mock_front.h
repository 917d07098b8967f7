#ifndef HOTBED_CLI_MOCK_FRONT_H
#define HOTBED_CLI_MOCK_FRONT_H

#include "harness/net/real.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* Where a mock server listens in real time: by our own codec, which can send any bytes, or by
 * libmicrohttpd, which is somebody else's implementation. */
struct mock_front;

enum mock_codec { MOCK_CODEC_MICROHTTPD, MOCK_CODEC_WIRE };

/* `at` is an address and a port, 0 for a free one, which is written back. Files NULL: no TLS. */
struct mock_front *mock_front_new(struct real_driver *driver, enum mock_codec codec,
                                  struct endpoint *at, const struct http_service *service,
                                  const char *certificate_file, const char *key_file,
                                  struct error *error);
void mock_front_destroy(struct mock_front *front); /* NULL is fine */

/* "127.0.0.1:8080" or "[::1]:0". */
bool mock_front_address(struct endpoint *at, const char *text, struct error *error);

#endif
