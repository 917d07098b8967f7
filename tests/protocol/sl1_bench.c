#include "tests/protocol/sl1_bench.h"

#include <stdio.h>
#include <string.h>

#include "sim/machine/resin.h"
#include "sim/wire/digest.h"

static struct buffer credentials;

/* "Authorization: Digest …" for the challenge of the last answer. */
void sl1_authorize(struct firmware *printer, const char *method, const char *target,
                   const char *password)
{
    struct digest_challenge challenge;
    const char *line = strstr(buffer_text(&printer->reply), "WWW-Authenticate: ");
    assert_non_null(line);
    line += strlen("WWW-Authenticate: ");
    assert_true(
        digest_challenge_parse(&challenge, (struct slice){line, strcspn(line, "\r")}, NULL));
    buffer_clear(&credentials);
    buffer_append_text(&credentials, "Authorization: ");
    digest_authorization(&credentials, &challenge, "maker", password, method, target, "cafe", 1);
    buffer_append_text(&credentials, "\r\n");
    digest_challenge_free(&challenge);
}

const char *sl1_ask(struct firmware *printer, const char *method, const char *target,
                    const char *headers, const char *body)
{
    struct buffer all = {0};
    firmware_ask_bare(printer, "GET", "/api/version", NULL, NULL);
    assert_int_equal(printer->status, 401);
    sl1_authorize(printer, method, target, link_face_password(printer->face));
    buffer_format(&all, "%s%s", buffer_text(&credentials), headers == NULL ? "" : headers);
    const char *answer = firmware_ask_bare(printer, method, target, buffer_text(&all), body);
    buffer_free(&all);
    return answer;
}

const char *sl1_credentials(void)
{
    return buffer_text(&credentials);
}

void sl1_forget(void)
{
    buffer_free(&credentials);
}

const struct sl1_written sl1_part = {.printer_model = "SL1",
                                     .layers = 20,
                                     .width = 100,
                                     .height = 100,
                                     .white = 50,
                                     .exposure_s = 2,
                                     .exposure_first_s = 25,
                                     .used_ml = 0.01};

void sl1_begin(struct firmware *printer)
{
    firmware_begin(printer, "sl1", 0);
}

void sl1_end(struct firmware *printer)
{
    firmware_end(printer);
    sl1_forget();
}

void sl1_put(struct firmware *printer, const char *path)
{
    assert_int_equal(machine_put_file(printer->machine, path, sl1_content(&sl1_part)), STORAGE_OK);
}

int sl1_json(struct firmware *printer, const char *method, const char *target, const char *body)
{
    sl1_ask(printer, method, target, "Accept: application/json\r\n", body);
    return printer->status;
}

void sl1_refused(struct firmware *printer, int status, const char *code, const char *method,
                 const char *target, const char *body)
{
    sl1_json(printer, method, target, body);
    if (printer->status != status || strstr(firmware_body(printer), code) == NULL) {
        fail_msg("%s %s: %d %s, expected %d %s", method, target, printer->status,
                 firmware_body(printer), status, code);
    }
}

bool sl1_there(struct firmware *printer, const char *path)
{
    const char *below;
    const struct storage *storage = machine_storage_of(printer->machine, path, &below);
    return storage != NULL && storage_find(storage, below) != NULL;
}

void sl1_open_part(struct firmware *printer)
{
    sl1_put(printer, "/local/part.sl1");
    assert_int_equal(
        sl1_json(printer, "POST", "/api/files/local/part.sl1", "{\"command\":\"select\"}"), 204);
    firmware_run(printer, 10);
    assert_int_equal(machine_resin_phase(printer->machine), RESIN_CONFIRM);
}

const char sl1_form_type[] = "Content-Type: multipart/form-data; boundary=xx\r\n"
                             "Accept: application/json\r\n";

int sl1_post_folder(struct firmware *printer, const char *path, const char *name)
{
    char form[512];
    snprintf(form, sizeof form,
             "--xx\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n%s\r\n"
             "--xx\r\nContent-Disposition: form-data; name=\"foldername\"\r\n\r\n%s\r\n--xx--\r\n",
             path, name);
    sl1_ask(printer, "POST", "/api/files/local", sl1_form_type, form);
    return printer->status;
}
