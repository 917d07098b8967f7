#ifndef HOTBED_MACHINE_CHAMBER_H
#define HOTBED_MACHINE_CHAMBER_H

#include <stdint.h>

/* The air around a bed in a box (printer-models.md 6, 9.6): warmed by the bed, cooled by the room
 * and by fans. In closed form: between two changes of bed, room or fans it is one curve. The bed
 * that it sees goes exponentially to where the real one is going, so that it need not be asked how
 * far that has come; against the air's own 18 minutes the difference is small. */
struct chamber {
    int64_t at_us; /* what follows holds then */
    double air_c, bed_c;
    double bed_to_c, bed_tau_s;
    double room_c, fan; /* 0..1 */
};

void chamber_init(struct chamber *chamber, double room_c, int64_t now_us);
double chamber_air_c(const struct chamber *chamber, int64_t now_us);

/* Each takes effect at `now_us`, which is never before that of an earlier call. */
void chamber_set_bed(struct chamber *chamber, double to_c, double tau_s, int64_t now_us);
void chamber_set_room(struct chamber *chamber, double room_c, int64_t now_us);
void chamber_set_fan(struct chamber *chamber, double fan, int64_t now_us);

#endif
