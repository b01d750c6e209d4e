/* N callers on one socket: load for a media server that tells its legs apart by their own ports. Each caller sends a
 * mu-law packet every 20 ms (speech-like tone, and now and then a key in band) and what comes back is counted.
 *
 *   callers --secs S [--cpu C]
 *
 * Prints its own port; reads the server's ports from standard input, one a line, until end of file; sends for S
 * seconds, the callers spread evenly over the 20 ms; prints a line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { FRAME = 160, PACKET = 12 + FRAME, MAX = 20000, SLOTS = 20, BATCH = 512, SECOND = 50 };
static const int64_t TICK = 20000000;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static void die(const char *what) {
    perror(what);
    exit(1);
}
static uint8_t ulaw(int s) {
    int sign = s < 0 ? 0x80 : 0;
    s = s < 0 ? -s : s;
    s = (s > 32635 ? 32635 : s) + 0x84;
    int e = 31 - __builtin_clz(s) - 7;
    return (uint8_t)~(sign | e << 4 | (s >> (e + 3) & 15));
}

static uint8_t talk[SECOND * FRAME], key[5 * FRAME];
static uint8_t packets[BATCH][PACKET];
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_v[BATCH], in_v[BATCH];
static struct sockaddr_in to[MAX];
static uint8_t inbox[BATCH][2048];
static uint32_t sent_by[MAX];

/* Caller i: a key of 100 ms every 4 s, each caller at another time; otherwise a tone of its own phase. */
static const uint8_t *audio(int i, uint32_t frame) {
    uint32_t t = (frame + 7u * i) % (4 * SECOND);
    return t < 5 ? key + t * FRAME : talk + (t + i) % SECOND * FRAME;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"secs", 1, 0, 's'}, {"cpu", 1, 0, 'c'}, {0}};
    int secs = 0, cpu = -1, n = 0, size = 32 << 20;
    for (int c; (c = getopt_long(argc, argv, "", options, 0)) >= 0;) switch (c) {
        case 's': secs = atoi(optarg); break;
        case 'c': cpu = atoi(optarg); break;
        default: return 2;
        }
    if (secs < 1 || secs > 60) {
        fprintf(stderr, "usage: callers --secs S [--cpu C]; S up to 60\n");
        return 2;
    }
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set)) die("cpu");
    }
    for (int i = 0; i < SECOND * FRAME; i++) talk[i] = ulaw((int)(3000 * sin(2 * M_PI * 400 * i / 8000)));
    for (int i = 0; i < 5 * FRAME; i++)
        key[i] = ulaw((int)(7000 * sin(2 * M_PI * 770 * i / 8000) + 7000 * sin(2 * M_PI * 1336 * i / 8000)));

    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (void *)&a, sizeof a) || getsockname(fd, (void *)&a, &length)) die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (int port; n < MAX && scanf("%d", &port) == 1; n++)
        to[n] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int k = 0; k < BATCH; k++) {
        out_v[k] = (struct iovec){packets[k], PACKET};
        out[k].msg_hdr = (struct msghdr){.msg_iov = out_v + k, .msg_iovlen = 1};
        in_v[k] = (struct iovec){inbox[k], sizeof inbox[k]};
        in[k].msg_hdr = (struct msghdr){.msg_iov = in_v + k, .msg_iovlen = 1};
    }

    uint64_t sent = 0, received = 0, voiced = 0, ticks = 0;
    int64_t due = now() + TICK, end = due + secs * 1000000000LL;
    for (int slot = 0; due < end; due += TICK / SLOTS, slot = (slot + 1) % SLOTS) {
        struct timespec s = {due / 1000000000LL, due % 1000000000LL};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, 0) == EINTR) {}
        ticks += slot == 0;
        int first = (int)((int64_t)n * slot / SLOTS), last = (int)((int64_t)n * (slot + 1) / SLOTS);
        while (first < last) {
            int k = 0;
            for (; k < BATCH && first + k < last; k++) {
                int i = first + k;
                uint32_t frame = sent_by[i]++, t = htonl(frame * FRAME), ssrc = htonl(0x52000000u + i);
                uint8_t *p = packets[k];
                p[0] = 0x80, p[1] = frame == 0 ? 0x80 : 0, p[2] = frame >> 8, p[3] = frame;
                memcpy(p + 4, &t, 4);
                memcpy(p + 8, &ssrc, 4);
                memcpy(p + 12, audio(i, frame), FRAME);
                out[k].msg_hdr.msg_name = to + i;
                out[k].msg_hdr.msg_namelen = sizeof *to;
            }
            for (int done = 0; done < k;) {
                int r = sendmmsg(fd, out + done, k - done, 0);
                if (r <= 0) { done++; continue; } /* a port nobody listens on (yet) */
                done += r, sent += r;
            }
            first += k;
        }
        for (int r = BATCH; r == BATCH;) {
            r = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, 0);
            for (int k = 0; k < r; k++) {
                received++;
                int loud = 0;
                if (in[k].msg_len == PACKET) for (int i = 12; i < PACKET; i += 16) loud |= (inbox[k][i] & 0x7f) < 0x60;
                voiced += loud;
            }
        }
    }
    printf("{\"callers\": %d, \"ticks\": %lu, \"sent\": %lu, \"received\": %lu, \"voiced\": %lu}\n", n, ticks, sent, received, voiced);
    return 0;
}
