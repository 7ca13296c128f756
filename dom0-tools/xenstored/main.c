// vellum-xenstored
#include "xenstored/server.h"

int main(int argc, char **argv)
{
    return server_main(argc, argv);
}
