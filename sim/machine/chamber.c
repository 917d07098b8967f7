#include "sim/machine/chamber.h"

#include <math.h>

/* [set] in printer-models.md 9.6 */
static const double AIR_J_PER_K = 3000;
static const double BED_W_PER_K = 1 / 1.2;
static const double ROOM_W_PER_K = 1 / 0.5, ROOM_FULL_W_PER_K = 1 / 0.12; /* fans off, full */

void chamber_init(struct chamber *chamber, double room_c, int64_t now_us)
{
    *chamber = (struct chamber){.at_us = now_us,
                                .air_c = room_c,
                                .bed_c = room_c,
                                .bed_to_c = room_c,
                                .bed_tau_s = 1,
                                .room_c = room_c};
}

static double seconds_since(const struct chamber *chamber, int64_t now_us)
{
    return (double)(now_us - chamber->at_us) / 1e6;
}

static double bed_c(const struct chamber *chamber, double h)
{
    return chamber->bed_to_c + (chamber->bed_c - chamber->bed_to_c) * exp(-h / chamber->bed_tau_s);
}

/* C*A' = gb*(B - A) - gr*(A - room) with B going exponentially to its end. */
double chamber_air_c(const struct chamber *chamber, int64_t now_us)
{
    double h = seconds_since(chamber, now_us);
    double room_w_per_k = ROOM_W_PER_K + (ROOM_FULL_W_PER_K - ROOM_W_PER_K) * chamber->fan;
    double sum = BED_W_PER_K + room_w_per_k;
    double end_c = (BED_W_PER_K * chamber->bed_to_c + room_w_per_k * chamber->room_c) / sum;
    double rate = sum / AIR_J_PER_K, bed_rate = 1 / chamber->bed_tau_s;
    double fades = exp(-h * rate), bed_fades = exp(-h * bed_rate);
    double both =
        fabs(rate - bed_rate) < 1e-9 * rate ? h * fades : (bed_fades - fades) / (rate - bed_rate);
    double push = (chamber->bed_c - chamber->bed_to_c) * BED_W_PER_K / AIR_J_PER_K;
    return end_c + (chamber->air_c - end_c) * fades + push * both;
}

static void settle(struct chamber *chamber, int64_t now_us)
{
    double air_c = chamber_air_c(chamber, now_us);
    chamber->bed_c = bed_c(chamber, seconds_since(chamber, now_us));
    chamber->air_c = air_c;
    chamber->at_us = now_us;
}

void chamber_set_bed(struct chamber *chamber, double to_c, double tau_s, int64_t now_us)
{
    settle(chamber, now_us);
    chamber->bed_to_c = to_c;
    chamber->bed_tau_s = tau_s;
}

void chamber_set_room(struct chamber *chamber, double room_c, int64_t now_us)
{
    settle(chamber, now_us);
    chamber->room_c = room_c;
}

void chamber_set_fan(struct chamber *chamber, double fan, int64_t now_us)
{
    settle(chamber, now_us);
    chamber->fan = fan;
}
