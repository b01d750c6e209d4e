/* What a media server computes per leg and 20 ms at 8 kHz: mu-law decode, DTMF detection, mu-law encode.
 * Written so that gcc turns it into wide SIMD code; this is the floor, not a product: the detector is a plain bank
 * of Goertzel filters (8 tones and their second harmonics) without the refinements of a real one. */
#ifndef DSP_H
#define DSP_H
#include <math.h>
#include <stdint.h>

enum { FRAME = 160 };
typedef float v16 __attribute__((vector_size(64)));
struct dtmf {
    char last, held;
    uint32_t digits;
};

static v16 goertzel_coef; /* 2 cos(2 pi f / 8000) of the 8 tones, then of their second harmonics */

static void dsp_init(void) {
    static const float hz[8] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
    for (int k = 0; k < 8; k++) {
        goertzel_coef[k] = 2 * cosf(2 * (float)M_PI * hz[k] / 8000);
        goertzel_coef[k + 8] = 2 * cosf(4 * (float)M_PI * hz[k] / 8000);
    }
}

static inline void ulaw_decode(const uint8_t *restrict in, int16_t *restrict out) {
    for (int i = 0; i < FRAME; i++) {
        uint16_t u = (uint16_t)(uint8_t)~in[i];
        uint16_t t = (uint16_t)((((u & 0x0f) << 3) + 0x84) << ((u >> 4) & 7)) - 0x84;
        out[i] = (u & 0x80) ? -(int16_t)t : (int16_t)t;
    }
}

static inline void ulaw_encode(const int16_t *restrict in, uint8_t *restrict out) {
    for (int i = 0; i < FRAME; i++) { /* the exponent of a float stands in for counting leading zeros */
        int s = in[i], sign = (s >> 24) & 0x80, m = s < 0 ? -s : s;
        m = m > 32635 ? 32635 : m;
        m += 0x84;
        union { float f; uint32_t u; } c = {.f = (float)m};
        out[i] = (uint8_t)~(sign | ((((c.u >> 23) - 134) & 7) << 4) | ((c.u >> 19) & 0x0f));
    }
}

static inline void dtmf_decide(struct dtmf *d, v16 s1, v16 s2, const int16_t *x) {
    static const char key[] = "123A456B789C*0#D";
    float energy = 0;
    for (int i = 0; i < FRAME; i++) energy += (float)x[i] * x[i];
    v16 p = s1 * s1 + s2 * s2 - goertzel_coef * s1 * s2;
    int r = 0, c = 4;
    for (int k = 1; k < 4; k++) if (p[k] > p[r]) r = k;
    for (int k = 5; k < 8; k++) if (p[k] > p[c]) c = k;
    char hit = 0;
    if (p[r] > 4e8f && p[c] > 4e8f && p[c] < p[r] * 6.3f && p[r] < p[c] * 6.3f &&
        p[r] + p[c] > 0.7f * energy * (FRAME / 2) && p[r + 8] < 0.1f * p[r] && p[c + 8] < 0.1f * p[c])
        hit = key[r * 4 + c - 4];
    if (hit && hit != d->held) { d->held = hit; d->digits++; }
    else if (!hit && !d->last) d->held = 0;
    d->last = hit;
}

/* Four legs at a time: a Goertzel step waits for the one before it, so one leg alone leaves most of the unit idle. */
static inline void dtmf_4legs(struct dtmf *d, const int16_t *restrict x) {
    v16 s1[4] = {{0}}, s2[4] = {{0}}, c = goertzel_coef;
    for (int i = 0; i < FRAME; i++)
#pragma GCC unroll 4
        for (int l = 0; l < 4; l++) {
            v16 t = c * s1[l] - s2[l] + (float)x[i + l * FRAME];
            s2[l] = s1[l];
            s1[l] = t;
        }
    for (int l = 0; l < 4; l++) dtmf_decide(d + l, s1[l], s2[l], x + l * FRAME);
}
#endif
