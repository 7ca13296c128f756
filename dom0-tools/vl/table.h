// Tables that a command prints: columns of text as xl's, or one JSON array with a map a row.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum vl_kind {
    VL_TEXT,    // const char *
    VL_NUMBER,  // int64_t
    VL_DECIMAL, // double, one digit after the point
};

struct vl_column {
    const char *title; // NULL: not shown as text; for VL_TEXT alone
    const char *key;   // in JSON
    int width;         // negative: to the left
    enum vl_kind kind;
};

struct vl_table;

// With `json`, rows are collected; otherwise the titles are printed at once, and each row when it
// comes.
struct vl_table *vl_table_new(const struct vl_column *columns, size_t count, bool json);

// One argument for each column, of its kind's type.
void vl_table_row(struct vl_table *table, ...);

// Prints what is left and frees the table.
void vl_table_end(struct vl_table *table);

// Prints JSON made with common/json.h and frees it. Returns an exit code.
struct json;
int vl_print_json(struct json *json);
