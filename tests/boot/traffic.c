// Traffic whose every byte is checked, by TCP and UDP, between machines of a test.
//
//   traffic serve PORT                     serves both until it is ended
//   traffic tcp ADDRESS PORT KILOBYTES     sends so many, gets as many back
//   traffic udp ADDRESS PORT DATAGRAMS     of all sizes, each sent until it is echoed
//   traffic offload DEVICE on|off          checksums, scatter-gather and segmentation of a network
//   device
//
// What is sent depends on its place in the stream, so that nothing can be lost, repeated or swapped
// unseen. Clients end with status 0 if all was right.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK        65536
#define DATAGRAM_MAX 4000 // some are sent in fragments
#define ECHO_MS      1000
#define TRIES        200

// Of <linux/ethtool.h> and <linux/sockios.h>, which the C library of static programs comes without.
#define SIOCETHTOOL     0x8946
#define ETHTOOL_STXCSUM 0x17
#define ETHTOOL_SSG     0x19
#define ETHTOOL_STSO    0x1f
#define ETHTOOL_SGSO    0x24
#define ETHTOOL_SGRO    0x2c

struct ethtool_value {
    uint32_t cmd, data;
};

struct order {
    uint64_t seed, up, down; // bytes to the server, and back
};

struct datagram {
    uint64_t seed;
    uint32_t number, length;
};

static void die(const char *what)
{
    fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

// The stream of `seed` from `offset` on, a multiple of 8.
static void fill(uint8_t *to, size_t length, uint64_t seed, uint64_t offset)
{
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = mix(seed + (offset + i) / 8);

        memcpy(to + i, &word, length - i < 8 ? length - i : 8);
    }
}

static void send_all(int fd, const void *from, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, (const char *)from + done, length - done, MSG_NOSIGNAL);

        if (n <= 0)
            die("send");
        done += (size_t)n;
    }
}

static void receive_all(int fd, void *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = recv(fd, (char *)to + done, length - done, 0);

        if (n == 0)
            errno = ECONNRESET;
        if (n <= 0)
            die("receive");
        done += (size_t)n;
    }
}

static void send_stream(int fd, uint64_t seed, uint64_t bytes)
{
    static uint8_t data[CHUNK];

    for (uint64_t done = 0; done < bytes; done += CHUNK) {
        size_t size = bytes - done < CHUNK ? (size_t)(bytes - done) : CHUNK;

        fill(data, size, seed, done);
        send_all(fd, data, size);
    }
}

static void check_stream(int fd, uint64_t seed, uint64_t bytes)
{
    static uint8_t data[CHUNK], wanted[CHUNK];

    for (uint64_t done = 0; done < bytes; done += CHUNK) {
        size_t size = bytes - done < CHUNK ? (size_t)(bytes - done) : CHUNK;

        receive_all(fd, data, size);
        fill(wanted, size, seed, done);
        if (memcmp(data, wanted, size)) {
            fprintf(stderr, "traffic: WRONG bytes after %llu\n", (unsigned long long)done);
            exit(1);
        }
    }
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

    if (host && inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "traffic: no address: %s\n", host);
        exit(2);
    }
    return address;
}

// --- server ---

static void serve_stream(int fd)
{
    struct order order;

    receive_all(fd, &order, sizeof(order));
    check_stream(fd, order.seed, order.up);
    send_stream(fd, ~order.seed, order.down);
    receive_all(fd, &order, 1); // he has got it all
    exit(0);
}

static bool datagram_is_right(const uint8_t *data, size_t length)
{
    uint8_t wanted[DATAGRAM_MAX];
    struct datagram head;

    memcpy(&head, data, sizeof(head));
    if (length < sizeof(head) || length != head.length || length > DATAGRAM_MAX)
        return false;
    fill(wanted, length - sizeof(head), head.seed + head.number * 1000ULL, 0);
    return !memcmp(wanted, data + sizeof(head), length - sizeof(head));
}

static void echo(int fd)
{
    uint8_t data[DATAGRAM_MAX];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

    if (n >= (ssize_t)sizeof(struct datagram) && !datagram_is_right(data, (size_t)n))
        fprintf(stderr, "traffic: WRONG datagram of %zd bytes\n", n); // and no echo
    else if (n > 0)
        sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, size);
}

static void serve(const char *port)
{
    struct sockaddr_in any = address_of(NULL, port);
    struct pollfd fds[2] = {{.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN},
                            {.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN}};
    int yes = 1;

    signal(SIGCHLD, SIG_IGN);
    setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    for (int i = 0; i < 2; i++)
        if (bind(fds[i].fd, (struct sockaddr *)&any, sizeof(any)))
            die("bind");
    if (listen(fds[0].fd, 8))
        die("listen");
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[0].revents & POLLIN) {
            int fd = accept(fds[0].fd, NULL, NULL);

            if (fd >= 0 && fork() == 0)
                serve_stream(fd);
            close(fd);
        }
        if (fds[1].revents & POLLIN)
            echo(fds[1].fd);
    }
    die("poll");
}

// --- clients ---

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void exchange(const char *host, const char *port, uint64_t kilobytes)
{
    struct sockaddr_in address = address_of(host, port);
    struct order order = {now_ms() * (uint64_t)getpid(), kilobytes << 10, kilobytes << 10};
    uint64_t start = now_ms(), took;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
        die("connect");
    send_all(fd, &order, sizeof(order));
    send_stream(fd, order.seed, order.up);
    check_stream(fd, ~order.seed, order.down);
    send_all(fd, "", 1);
    took = now_ms() - start;
    printf("tcp %s: %llu kB each way in %llu ms, all right\n", host, (unsigned long long)kilobytes,
           (unsigned long long)took);
}

// Whether an echo of this very datagram comes in time; a wrong one ends the program.
static bool echoed(int fd, const uint8_t *data, size_t length)
{
    uint64_t until = now_ms() + ECHO_MS;
    uint8_t got[DATAGRAM_MAX];

    for (uint64_t now; (now = now_ms()) < until;) {
        struct pollfd events = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (poll(&events, 1, (int)(until - now)) <= 0)
            return false;
        n = recv(fd, got, sizeof(got), 0);
        if (n == (ssize_t)length && !memcmp(got, data, length))
            return true;
        if (n >= 0 &&
            (n < (ssize_t)sizeof(struct datagram) || !datagram_is_right(got, (size_t)n))) {
            fprintf(stderr, "traffic: WRONG echo of %zd bytes\n", n);
            exit(1);
        }
    }
    return false;
}

static void datagrams(const char *host, const char *port, uint32_t count)
{
    struct sockaddr_in address = address_of(host, port);
    struct datagram head = {.seed = now_ms()};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned repeated = 0;
    uint8_t data[DATAGRAM_MAX];

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
        die("connect");
    for (head.number = 0; head.number < count; head.number++) {
        unsigned tries = 0;

        head.length = (uint32_t)sizeof(head) +
                      (uint32_t)(mix(head.number) % (DATAGRAM_MAX - sizeof(head) + 1));
        memcpy(data, &head, sizeof(head));
        fill(data + sizeof(head), head.length - sizeof(head), head.seed + head.number * 1000ULL, 0);
        do {
            if (++tries > TRIES) {
                fprintf(stderr, "traffic: no echo of datagram %u\n", head.number);
                exit(1);
            }
            send(fd, data, head.length, 0);
        } while (!echoed(fd, data, head.length));
        repeated += tries - 1;
    }
    printf("udp %s: %u datagrams echoed, %u times repeated, all right\n", host, count, repeated);
}

// --- devices ---

static void set(int fd, const char *device, uint32_t command, uint32_t value, bool needed)
{
    struct ethtool_value order = {command, value};
    struct ifreq request = {.ifr_data = (char *)&order};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
    if (ioctl(fd, SIOCETHTOOL, &request) && needed)
        die(device);
}

static void set_offload(const char *device, bool on)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (on) {
        set(fd, device, ETHTOOL_STXCSUM, 1, true);
        set(fd, device, ETHTOOL_SSG, 1, true);
        set(fd, device, ETHTOOL_STSO, 1, true);
    } else {
        set(fd, device, ETHTOOL_STSO, 0, true);
        set(fd, device, ETHTOOL_SSG, 0, true);
        set(fd, device, ETHTOOL_STXCSUM, 0, true);
    }
    set(fd, device, ETHTOOL_SGSO, on, false);
    set(fd, device, ETHTOOL_SGRO, on, false);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "serve"))
        serve(argv[2]);
    else if (argc == 5 && !strcmp(argv[1], "tcp"))
        exchange(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    else if (argc == 5 && !strcmp(argv[1], "udp"))
        datagrams(argv[2], argv[3], (uint32_t)strtoul(argv[4], NULL, 10));
    else if (argc == 4 && !strcmp(argv[1], "offload"))
        set_offload(argv[2], !strcmp(argv[3], "on"));
    else
        return 2;
    return 0;
}
