/* The least a media server can spend: N RTP legs, each a connected UDP socket of its own on loopback. Every 20 ms one
 * packet is received, decoded and searched for DTMF on each leg, and a frame of a recording is encoded and sent.
 *
 *   legs --legs N --peer PORT --secs S [--cpu C]
 *
 * Prints the local port of every leg, one a line, then an empty line; runs S seconds; prints a line of JSON. */
#define _GNU_SOURCE
#include "dsp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { PACKET = 12 + FRAME, ROW = 256, CLIP = 8000 };
static const int64_t TICK = 20000000;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void sleep_till(int64_t t) {
    struct timespec s = {t / 1000000000LL, t % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, 0) == EINTR) {}
}
static void die(const char *what) {
    perror(what);
    exit(1);
}
static void *zeroed(size_t size) {
    void *p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!p) die("memory");
    return memset(p, 0, size);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"legs", 1, 0, 'n'}, {"peer", 1, 0, 'p'}, {"secs", 1, 0, 's'}, {"cpu", 1, 0, 'c'}, {0}};
    int n = 0, peer = 0, secs = 0, cpu = -1;
    for (int c; (c = getopt_long(argc, argv, "", options, 0)) >= 0;) switch (c) {
        case 'n': n = atoi(optarg); break;
        case 'p': peer = atoi(optarg); break;
        case 's': secs = atoi(optarg); break;
        case 'c': cpu = atoi(optarg); break;
        default: return 2;
        }
    if (n < 4 || n % 4 || n > 20000 || peer < 1 || peer > 65535 || secs < 1 || secs > 60) {
        fprintf(stderr, "usage: legs --legs N --peer PORT --secs S [--cpu C]; N a multiple of 4, S up to 60\n");
        return 2;
    }
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set)) die("cpu");
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    dsp_init();
    int *fd = zeroed(n * sizeof *fd), *at = zeroed(n * sizeof *at);
    uint16_t *seq = zeroed(n * sizeof *seq);
    uint8_t *rx = zeroed((size_t)n * ROW), *tx = zeroed((size_t)n * ROW);
    int16_t *pcm = zeroed((size_t)n * FRAME * 2), clip[CLIP];
    struct dtmf *detectors = zeroed(n * sizeof *detectors);
    memset(rx, 0xff, (size_t)n * ROW);
    for (int i = 0; i < CLIP; i++) clip[i] = (int16_t)(8000 * sin(2 * M_PI * 440 * i / 8000));

    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(peer), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < n; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (fd[i] < 0 || bind(fd[i], (void *)&a, sizeof a) || connect(fd[i], (void *)&to, sizeof to)) die("socket");
        if (getsockname(fd[i], (void *)&a, &size)) die("getsockname");
        printf("%d\n", ntohs(a.sin_port));
        at[i] = i % (CLIP / FRAME) * FRAME;
        tx[(size_t)i * ROW] = 0x80;
        uint32_t ssrc = htonl(i + 1);
        memcpy(tx + (size_t)i * ROW + 8, &ssrc, 4);
    }
    printf("\n");
    fflush(stdout);
    mlockall(MCL_CURRENT);

    uint64_t received = 0, sent = 0, late = 0, digits = 0;
    int64_t worst = 0;
    int64_t due = now() + TICK, end = due + secs * 1000000000LL;
    for (; due < end; due += TICK) {
        sleep_till(due);
        int64_t behind = now() - due;
        late += behind > 5000000;
        worst = behind > worst ? behind : worst;
        for (int i = 0; i < n; i++) received += recv(fd[i], rx + (size_t)i * ROW, ROW, 0) > 0;
        for (int i = 0; i < n; i += 4) {
            for (int l = i; l < i + 4; l++) ulaw_decode(rx + (size_t)l * ROW + 12, pcm + (size_t)l * FRAME);
            dtmf_4legs(detectors + i, pcm + (size_t)i * FRAME);
            for (int l = i; l < i + 4; l++) {
                ulaw_encode(clip + at[l], tx + (size_t)l * ROW + 12);
                at[l] = (at[l] + FRAME) % CLIP;
            }
        }
        for (int i = 0; i < n; i++) {
            uint8_t *p = tx + (size_t)i * ROW;
            uint16_t q = htons(seq[i]);
            uint32_t t = htonl(seq[i]++ * FRAME);
            memcpy(p + 2, &q, 2);
            memcpy(p + 4, &t, 4);
            sent += send(fd[i], p, PACKET, 0) == PACKET;
        }
    }
    for (int i = 0; i < n; i++) digits += detectors[i].digits;
    printf("{\"received\": %lu, \"sent\": %lu, \"late\": %lu, \"digits\": %lu, \"worst_ms\": %.2f}\n", received, sent, late,
           digits, worst / 1e6);
    return 0;
}
