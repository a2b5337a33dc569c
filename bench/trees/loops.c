/* Loops around the libraries' own functions, so that a call from Python is not in the time of a row. */
#include <stddef.h>
#include <stdint.h>

/* A row of LightGBM: LGBM_BoosterPredictForMatSingleRowFast(config, row, length, result). */
typedef int (*lightgbm_row)(void *, const void *, int64_t *, double *);

void lightgbm_rows(lightgbm_row predict, void *config, const float *rows, int64_t count, int64_t width, double *out) {
    int64_t length;
    for (int64_t i = 0; i < count; i++) predict(config, rows + i * width, &length, out + i);
}

/* A row of XGBoost: XGBoosterPredictFromDense on an array interface, which names the row's address. */
typedef int (*xgboost_row)(void *, const char *, const char *, void *, const uint64_t **, uint64_t *, const float **);

void xgboost_rows(xgboost_row predict, void *booster, char **interfaces, const char *config, int64_t count, double *out) {
    const uint64_t *shape;
    uint64_t dims;
    const float *result;
    for (int64_t i = 0; i < count; i++) {
        predict(booster, interfaces[i], config, NULL, &shape, &dims, &result);
        out[i] = result[0];
    }
}

/* A row of what tl2cgen compiles: predict(entries, margin, result); a missing value is −1. */
typedef union { int missing; float value; } entry;
typedef void (*compiled_row)(entry *, int, float *);

void compiled_rows(compiled_row predict, const float *rows, int64_t count, int64_t width, double *out) {
    entry entries[4096];
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < width; j++) {
            const float x = rows[i * width + j];
            if (x != x) entries[j].missing = -1;
            else entries[j].value = x;
        }
        float result;
        predict(entries, 1, &result);
        out[i] = result;
    }
}
