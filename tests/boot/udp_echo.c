// Sends back every datagram that comes to port 7, for ever.
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(7)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0) {
        perror("udp_echo: port 7");
        return 1;
    }
    for (;;) {
        struct sockaddr_in from;
        socklen_t length = sizeof(from);
        char data[65536];
        ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);

        if (n >= 0)
            sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, length);
    }
}
