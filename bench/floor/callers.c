/* N callers on one socket: load for a media server that tells its legs apart by their own ports. Each caller sends a
 * packet every 20 ms, and what comes back is counted.
 *
 *   callers --secs S [--cpu C] [--packets FILE --size BYTES] [--pacing] [--answer] [--beeps FILE]
 *
 * Prints its own port; reads the server's ports from standard input, one a line, until end of file; sends for S
 * seconds, the callers spread evenly over the 20 ms; prints a line of JSON.
 *
 * What is sent is mu-law, a speech-like tone and now and then a key in band; with --packets it is the datagrams of a
 * file, BYTES each, the n-th of them by every caller in its n-th frame. With --pacing the time between the packets
 * of each port is taken, by the system's receive timestamps. With --answer nobody calls: whatever comes is answered
 * by a packet, so that legs may come and go. With --beeps callers hum as softly as can be, but for one loud packet a
 * second, each at another time; FILE gets a line for each of them, "s CALLER NANOSECONDS", when it is sent, and
 * "r CALLER NANOSECONDS" for each packet that is loud after one that was not, when it came, by the system's receive
 * timestamp. Times are of the monotonic clock. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { FRAME = 160, HEAD = 12, PACKET = HEAD + FRAME, MAX = 20000, SLOTS = 20, BATCH = 512, SECOND = 50, ROOM = 2048 };
enum { PORTS = 65536, BIN = 10, BINS = 20000, SKIP = 50 }; /* of deviations: bins of 10 us; the first packets do not count */
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
static uint8_t packets[BATCH][ROOM], inbox[BATCH][ROOM];
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_v[BATCH], in_v[BATCH];
static struct sockaddr_in to[MAX], from[BATCH];
static union { char room[CMSG_SPACE(sizeof(struct timespec))]; struct cmsghdr align; } control[BATCH];
static uint32_t sent_by[PORTS], heard_of[PORTS];
static int64_t heard_at[PORTS];
static uint64_t deviations[BINS + 1], measured;
static uint8_t *file;
static long file_packets;
static int file_size, pacing, answering, fd;
static uint64_t sent, received, octets, voiced;
static uint8_t hum[FRAME], was_loud[PORTS];
static uint16_t caller_of[PORTS];
static FILE *beeps;

/* Caller i: a key of 100 ms every 4 s, each caller at another time; otherwise a tone of its own phase. */
static const uint8_t *audio(int i, uint32_t frame) {
    if (beeps) return (frame + 7u * i) % SECOND ? hum : key;
    uint32_t t = (frame + 7u * i) % (4 * SECOND);
    return t < 5 ? key + t * FRAME : talk + (t + i) % SECOND * FRAME;
}

/* The next packet of caller i into place k of the batch. */
static void make(int k, int i, struct sockaddr_in *address) {
    uint32_t frame = sent_by[i]++, t = htonl(frame * FRAME), ssrc = htonl(0x52000000u + i);
    uint8_t *p = packets[k];
    out[k].msg_hdr.msg_name = address;
    out[k].msg_hdr.msg_namelen = sizeof *address;
    if (file) {
        out_v[k] = (struct iovec){file + frame % file_packets * file_size, file_size};
        return;
    }
    out_v[k] = (struct iovec){p, PACKET};
    p[0] = 0x80, p[1] = frame == 0 ? 0x80 : 0, p[2] = frame >> 8, p[3] = frame;
    memcpy(p + 4, &t, 4);
    memcpy(p + 8, &ssrc, 4);
    const uint8_t *says = audio(i, frame);
    memcpy(p + HEAD, says, FRAME);
    if (beeps && says == key) fprintf(beeps, "s %d %ld\n", i, (long)now());
}

static void flush(int k) {
    for (int done = 0; done < k;) {
        int r = sendmmsg(fd, out + done, k - done, 0);
        if (r <= 0) { done++; continue; } /* a port nobody listens on (yet) */
        done += r, sent += r;
    }
}

/* When a packet came, by the system's receive timestamp: not when we had time for it. 0 if it has none. */
static int64_t came(int k) {
    int64_t at = 0;
    struct msghdr *h = &in[k].msg_hdr;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            at = t.tv_sec * 1000000000LL + t.tv_nsec;
        }
    return at;
}

/* How far the time since the packet before lies from 20 ms. */
static void pace(int k, int port) {
    int64_t at = came(k);
    if (heard_of[port]++ >= SKIP && at) {
        int64_t off = llabs(at - heard_at[port] - TICK) / 1000 / BIN;
        deviations[off > BINS ? BINS : off]++;
        measured++;
    }
    heard_at[port] = at;
}

/* Note when a loud packet came that follows one that was not. */
static void beep(int k, int size, int port) {
    int loud = 0;
    for (int i = HEAD; i < size && (inbox[k][1] & 0x7f) == 0; i++) loud |= (inbox[k][i] & 0x7f) < 0x40;
    if (loud && !was_loud[port]) {
        struct timespec t;
        int64_t at = came(k), mono = now();
        clock_gettime(CLOCK_REALTIME, &t);
        int64_t ago = at ? t.tv_sec * 1000000000LL + t.tv_nsec - at : 0;
        fprintf(beeps, "r %d %ld\n", caller_of[port], (long)(mono - ago));
    }
    was_loud[port] = loud;
}

static double share(double part) {
    uint64_t rest = measured ? (uint64_t)(part * (measured - 1)) : 0, bin = 0;
    while (bin < BINS && deviations[bin] <= rest) rest -= deviations[bin++];
    return (bin + 1) * BIN / 1000.0;
}

/* Take what has come, at most one batch; how many. */
static int take(void) {
    for (int k = 0; k < BATCH; k++) {
        in[k].msg_hdr.msg_namelen = sizeof from[k];
        in[k].msg_hdr.msg_controllen = sizeof control[k];
    }
    int r = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, 0);
    for (int k = 0; k < r; k++) {
        received++, octets += in[k].msg_len;
        int loud = 0, size = in[k].msg_len, quiet = inbox[k][HEAD];
        for (int i = HEAD; i < size; i += 16)
            loud |= (inbox[k][1] & 0x7f) == 0 && !file ? (inbox[k][i] & 0x7f) < 0x60 : inbox[k][i] != quiet;
        voiced += loud;
        if (pacing) pace(k, ntohs(from[k].sin_port));
        if (beeps) beep(k, size, ntohs(from[k].sin_port));
    }
    return r;
}

/* One packet for each of the r that have come: what was said, in a stream of our own. */
static void answer(int r) {
    int k = 0;
    for (int j = 0; j < r; j++) {
        int port = ntohs(from[j].sin_port), kind = inbox[j][1] & 0x7f, size = in[j].msg_len;
        if (kind > 95 || size < HEAD) continue; /* a key that is sent to us */
        make(k, port, from + j);
        if (kind) {
            packets[k][1] = (packets[k][1] & 0x80) | kind;
            memcpy(packets[k] + HEAD, inbox[j] + HEAD, size - HEAD);
            out_v[k].iov_len = size;
        }
        k++;
    }
    flush(k);
}

static void load_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) die(path);
    long size = ftell(f);
    file_packets = file_size > 0 ? size / file_size : 0;
    if (file_packets < 1) {
        fprintf(stderr, "%s holds no packet of %d bytes\n", path, file_size);
        exit(2);
    }
    rewind(f);
    file = malloc(size);
    if (!file || fread(file, 1, size, f) != (size_t)size) die(path);
    fclose(f);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"secs", 1, 0, 's'}, {"cpu", 1, 0, 'c'}, {"packets", 1, 0, 'p'}, {"size", 1, 0, 'z'},
                                            {"pacing", 0, 0, 't'}, {"answer", 0, 0, 'a'}, {"beeps", 1, 0, 'b'}, {0}};
    int secs = 0, cpu = -1, n = 0, size = 32 << 20;
    const char *path = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, 0)) >= 0;) switch (c) {
        case 's': secs = atoi(optarg); break;
        case 'c': cpu = atoi(optarg); break;
        case 'p': path = optarg; break;
        case 'z': file_size = atoi(optarg); break;
        case 't': pacing = 1; break;
        case 'a': answering = 1; break;
        case 'b': if (!(beeps = fopen(optarg, "w"))) die(optarg); break;
        default: return 2;
        }
    if (secs < 1 || secs > 100000 || (path && (file_size <= HEAD || file_size > ROOM))) {
        fprintf(stderr, "usage: callers --secs S [--cpu C] [--packets FILE --size BYTES] [--pacing] [--answer] "
                        "[--beeps FILE]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever started us has gone: so do we */
    if (path) load_file(path);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set)) die("cpu");
    }
    for (int i = 0; i < FRAME; i++) hum[i] = i / 20 % 2 ? 0xfe : 0x7e; /* the least there is, but not nothing */
    for (int i = 0; i < SECOND * FRAME; i++) talk[i] = ulaw((int)(3000 * sin(2 * M_PI * 400 * i / 8000)));
    for (int i = 0; i < 5 * FRAME; i++)
        key[i] = ulaw((int)(7000 * sin(2 * M_PI * 770 * i / 8000) + 7000 * sin(2 * M_PI * 1336 * i / 8000)));

    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (void *)&a, sizeof a) || getsockname(fd, (void *)&a, &length)) die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    int on = 1;
    if ((pacing || beeps) && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on)) die("timestamps");
    for (int k = 0; k < BATCH; k++) {
        in_v[k] = (struct iovec){inbox[k], sizeof inbox[k]};
        in[k].msg_hdr = (struct msghdr){.msg_iov = in_v + k, .msg_iovlen = 1, .msg_name = from + k};
        if (pacing || beeps) in[k].msg_hdr.msg_control = control + k;
        out[k].msg_hdr = (struct msghdr){.msg_iov = out_v + k, .msg_iovlen = 1};
    }
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (int port; n < MAX && scanf("%d", &port) == 1; n++) {
        to[n] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        caller_of[port & (PORTS - 1)] = n;
    }

    int64_t due = now() + TICK, end = due + secs * 1000000000LL;
    if (answering)
        while (now() < end) {
            struct pollfd p = {.fd = fd, .events = POLLIN};
            if (poll(&p, 1, 100) > 0)
                for (int r = BATCH; r == BATCH;) if ((r = take()) > 0) answer(r);
        }
    for (int slot = 0; due < end && !answering; due += TICK / SLOTS, slot = (slot + 1) % SLOTS) {
        struct timespec s = {due / 1000000000LL, due % 1000000000LL};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, 0) == EINTR) {}
        int first = (int)((int64_t)n * slot / SLOTS), last = (int)((int64_t)n * (slot + 1) / SLOTS);
        while (first < last) {
            int k = 0;
            for (; k < BATCH && first + k < last; k++) make(k, first + k, to + first + k);
            flush(k);
            first += k;
        }
        for (int r = BATCH; r == BATCH;) r = take();
    }
    printf("{\"callers\": %d, \"sent\": %lu, \"received\": %lu, \"octets\": %lu, \"voiced\": %lu", n, sent, received, octets,
           voiced);
    if (pacing)
        printf(", \"intervals\": %lu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"p999_ms\": %.2f, \"worst_ms\": %.2f", measured,
               share(0.5), share(0.99), share(0.999), share(1));
    printf("}\n");
    if (beeps && fclose(beeps)) die("beeps");
    return 0;
}
