// The net exerciser: pings, and datagrams that are to come back as they were sent.
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/net/ip.h"
#include "frontends/reference/shell.h"

#define OUR_PORT  4000
#define PATIENCE  (5 * NS_PER_S)
#define WINDOW    16u // datagrams under way
#define LOST_MOST 10u // of a hundred

static struct ip ip;
static struct {
    uint64_t returned, wrong;
} flood;

static uint8_t byte_of(uint32_t number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static size_t size_of(uint32_t number)
{
    return sizeof(number) + (number * 97) % (IP_UDP_MOST - sizeof(number) + 1);
}

// A datagram has its number first, which tells what must follow.
static void make_datagram(uint8_t *data, uint32_t number)
{
    memcpy(data, &number, sizeof(number));
    for (size_t i = sizeof(number); i < size_of(number); i++)
        data[i] = byte_of(number, i);
}

static void returned(struct ip *from, uint32_t address, uint16_t port, const uint8_t *data,
                     size_t bytes)
{
    uint32_t number;
    bool right = bytes >= sizeof(number);

    if (right) {
        memcpy(&number, data, sizeof(number));
        right = bytes == size_of(number);
    }
    for (size_t i = sizeof(number); right && i < bytes; i++)
        right = data[i] == byte_of(number, i);
    flood.returned++;
    flood.wrong += !right;
}

// Waits for room on the ring, which the back end may be slow to give back.
static int send_echo(uint16_t number, const uint8_t *data, size_t bytes)
{
    uint64_t end = clock_after(PATIENCE);
    int error;

    while ((error = ip_send_echo(&ip, number, data, bytes)) == -XEN_EAGAIN && clock_now() < end)
        wait_on(&ip.net.progress, clock_after(NS_PER_MS));
    return error;
}

static int ping(unsigned count)
{
    static uint8_t data[IP_UDP_MOST];
    uint64_t ns = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned seen = ip.echoes;
        size_t bytes = i * 61 % sizeof(data);
        uint64_t start = clock_now();
        int error;

        error = send_echo((uint16_t)i, data, bytes);
        if (error)
            return error;
        if (!WAIT_FOR(&ip.net.progress, ip.echoes != seen || ip.net.broken,
                      clock_after(PATIENCE)) ||
            ip.net.broken) {
            print("net: ping %u of %lu bytes: no answer\n", i, bytes);
            return -XEN_ETIMEDOUT;
        }
        ns += clock_now() - start;
    }
    print("BENCH ping: %u, %lu us each\n", count, ns / NS_PER_US / count);
    return 0;
}

static bool may_send(uint32_t sent)
{
    return sent - flood.returned < WINDOW || ip.net.broken;
}

static int send_flood(unsigned count)
{
    static uint8_t data[IP_UDP_MOST];
    uint32_t lost = 0;

    for (uint32_t i = 0; i < count; i++) {
        int error;

        if (!WAIT_FOR(&ip.net.progress, may_send(i - lost), clock_after(PATIENCE))) {
            lost = i - (uint32_t)flood.returned; // given up
            if (lost * 100 > count * LOST_MOST)
                return -XEN_ETIMEDOUT;
        }
        make_datagram(data, i);
        while ((error = ip_send_udp(&ip, OUR_PORT, UDP_ECHO, data, size_of(i))) == -XEN_EAGAIN)
            wait_on(&ip.net.progress, clock_after(PATIENCE));
        if (error)
            return error;
    }
    WAIT_FOR(&ip.net.progress, flood.returned + lost >= count || ip.net.broken,
             clock_after(PATIENCE));
    return 0;
}

// To somebody's echo service.
static int echo(unsigned count)
{
    uint64_t start = clock_now(), us;
    int error;

    memset(&flood, 0, sizeof(flood));
    ip.port = OUR_PORT;
    ip.datagram = returned;
    error = send_flood(count);
    us = (clock_now() - start) / NS_PER_US + 1;
    print("BENCH udp_echo: %u datagrams of up to %u bytes, %lu returned, %lu wrong: %lu a second\n",
          count, IP_UDP_MOST, flood.returned, flood.wrong, flood.returned * 1000000 / us);
    if (error)
        return error;
    return flood.wrong || (count - flood.returned) * 100 > count * LOST_MOST ? -XEN_EIO : 0;
}

static void show(void)
{
    const struct net_counters *c = &ip.net.counters;

    print("net: sent %lu (%lu bytes), received %lu (%lu bytes), refused %lu, dropped %lu, bad "
          "%lu%s%s\n",
          c->sent, c->bytes_sent, c->received, c->bytes_received, c->refused, c->dropped, ip.bad,
          ip.net.broken ? ", broken: " : "", ip.net.broken ? ip.net.broken : "");
}

static int serve(uint64_t ms)
{
    print("net: serving for %lu ms\n", ms);
    thread_sleep(ms * NS_PER_MS);
    return 0;
}

COMMAND(net, "HANDLE ADDRESS ping|echo PEER COUNT | HANDLE ADDRESS serve MS",
        "tries device/vif/HANDLE: pings a peer, sends to his UDP echo service, or is one itself")
{
    uint32_t address, peer = 0;
    bool serving = nr_words > 3 && !strcmp(words[3], "serve");
    unsigned count;
    int error;

    if (nr_words < 5 || !ip_parse(words[2], &address) || (!serving && !ip_parse(words[4], &peer)))
        return -XEN_EINVAL;
    count = (unsigned)word_number(nr_words, words, serving ? 4 : 5, 20);
    error = ip_open(&ip, (unsigned)word_number(nr_words, words, 1, 0), address);
    if (error)
        return error;
    if (!serving)
        error = ip_resolve(&ip, peer, 20 * NS_PER_S);
    if (!error)
        error = serving                     ? serve(count)
                : !strcmp(words[3], "ping") ? ping(count ? count : 1)
                : !strcmp(words[3], "echo") ? echo(count)
                                            : -XEN_EINVAL;
    show();
    ip_close(&ip);
    return error;
}
