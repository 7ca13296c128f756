#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "vl/vl.h"
#include "vl/table.h"

struct vl_table {
    const struct vl_column *columns;
    size_t count;
    size_t last; // that is shown as text
    struct json *json;
};

struct vl_table *vl_table_new(const struct vl_column *columns, size_t count, bool json)
{
    struct vl_table *table = vl_alloc(sizeof(*table));

    *table = (struct vl_table){.columns = columns, .count = count};
    if (json) {
        table->json = json_new();
        json_array(table->json, NULL);
        return table;
    }
    for (size_t i = 0; i < count; i++)
        if (columns[i].title)
            table->last = i;
    for (size_t i = 0; i < count; i++)
        if (columns[i].title)
            printf("%s%*s", i ? " " : "",
                   i == table->last && columns[i].width < 0 ? 0 : columns[i].width,
                   columns[i].title);
    putchar('\n');
    return table;
}

static void put_text(const struct vl_column *column, bool last, va_list *arguments)
{
    int width = last && column->width < 0 ? 0 : column->width;

    if (!column->title)
        (void)va_arg(*arguments, const char *); // text, as all that can be hidden
    else if (column->kind == VL_TEXT)
        printf("%*s", width, va_arg(*arguments, const char *));
    else if (column->kind == VL_NUMBER)
        printf("%*lld", width, (long long)va_arg(*arguments, int64_t));
    else
        printf("%*.1f", width, va_arg(*arguments, double));
}

static void put_json(struct json *json, const struct vl_column *column, va_list *arguments)
{
    if (column->kind == VL_TEXT)
        json_string(json, column->key, va_arg(*arguments, const char *));
    else if (column->kind == VL_NUMBER)
        json_number(json, column->key, va_arg(*arguments, int64_t));
    else
        json_decimal(json, column->key, va_arg(*arguments, double));
}

void vl_table_row(struct vl_table *table, ...)
{
    va_list arguments;

    va_start(arguments, table);
    if (table->json)
        json_map(table->json, NULL);
    for (size_t i = 0; i < table->count; i++) {
        if (table->json) {
            put_json(table->json, &table->columns[i], &arguments);
            continue;
        }
        if (i && table->columns[i].title)
            putchar(' ');
        put_text(&table->columns[i], i == table->last, &arguments);
    }
    if (table->json)
        json_end_map(table->json);
    else
        putchar('\n');
    va_end(arguments);
}

int vl_print_json(struct json *json)
{
    char *text = json_finish(json);

    if (!text)
        return vl_complain("out of memory");
    fputs(text, stdout);
    free(text);
    return VL_OK;
}

void vl_table_end(struct vl_table *table)
{
    if (table->json) {
        json_end_array(table->json);
        if (vl_print_json(table->json))
            exit(VL_FAILED);
    }
    free(table);
}
