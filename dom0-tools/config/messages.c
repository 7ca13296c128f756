#include <stdarg.h>

#include "config/messages.h"

static void say(FILE *out, const struct config_place *place, const char *kind, const char *key,
                const char *format, va_list arguments)
{
    fprintf(out, "%s:", place->source);
    if (place->line)
        fprintf(out, "%u:", place->line);
    fprintf(out, " %s", kind);
    if (key)
        fprintf(out, "%s: ", key);
    vfprintf(out, format, arguments);
    fputc('\n', out);
}

void config_error(struct config_messages *messages, const struct config_place *place,
                  const char *key, const char *format, ...)
{
    va_list arguments;

    messages->errors++;
    va_start(arguments, format);
    say(messages->out, place, "", key, format, arguments);
    va_end(arguments);
}

void config_warn(struct config_messages *messages, const struct config_place *place,
                 const char *key, const char *format, ...)
{
    va_list arguments;

    if (!messages->warnings)
        return;
    va_start(arguments, format);
    say(messages->out, place, "warning: ", key, format, arguments);
    va_end(arguments);
}
