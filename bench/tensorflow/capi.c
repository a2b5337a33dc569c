/* A SavedModel called through TensorFlow's C API and nothing else: the limit that the engine is held against.
 *
 *   cc -O2 -o capi capi.c -ldl
 *   capi LIBRARY FOLDER INPUT OUTPUT SECONDS DIM…      INPUT and OUTPUT as tensors (x:0), DIM… the shape of float32 rows
 *
 * Prints microseconds of processor time of a call. Each call makes its input tensor over the same memory, and frees what came out, as a
 * program that serves would have to. One thread, as Landfall's default has it.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { void *operation; int index; } Output;

static void *library;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void *function(const char *name) {
    void *found = dlsym(library, name);
    if (!found) fail(name, dlerror());
    return found;
}

#define FUNCTION(result, name, ...) result (*name)(__VA_ARGS__) = function("TF_" #name)

static void keep(void *data, size_t length, void *argument) { (void)data; (void)length; (void)argument; }

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int count, char **words) {
    if (count < 7) fail("usage", "capi LIBRARY FOLDER INPUT OUTPUT SECONDS DIM...");
    library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("dlopen", dlerror());
    FUNCTION(void *, NewStatus, void);
    FUNCTION(int, GetCode, void *);
    FUNCTION(const char *, Message, void *);
    FUNCTION(void *, NewSessionOptions, void);
    FUNCTION(void, SetConfig, void *, const void *, size_t, void *);
    FUNCTION(void *, NewGraph, void);
    FUNCTION(void *, LoadSessionFromSavedModel, void *, const void *, const char *, const char *const *, int, void *, void *, void *);
    FUNCTION(void *, GraphOperationByName, void *, const char *);
    FUNCTION(void *, NewTensor, int, const int64_t *, int, void *, size_t, void (*)(void *, size_t, void *), void *);
    FUNCTION(void, DeleteTensor, void *);
    FUNCTION(void, SessionRun, void *, const void *, const Output *, void *const *, int, const Output *, void **, int, const void *const *, int, void *, void *);

    void *status = NewStatus(), *options = NewSessionOptions(), *graph = NewGraph();
    /* ConfigProto: intra_op_parallelism_threads 1, inter_op_parallelism_threads -1 (the caller's thread). */
    const uint8_t config[] = {0x10, 1, 0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    SetConfig(options, config, sizeof config, status);
    const char *tags[] = {"serve"};
    void *session = LoadSessionFromSavedModel(options, NULL, words[2], tags, 1, graph, NULL, status);
    if (GetCode(status)) fail(words[2], Message(status));

    Output ends[2];
    for (int end = 0; end < 2; end++) {
        char name[1024];
        snprintf(name, sizeof name, "%s", words[3 + end]);
        char *colon = strchr(name, ':');
        ends[end].index = colon ? atoi(colon + 1) : 0;
        if (colon) *colon = 0;
        ends[end].operation = GraphOperationByName(graph, name);
        if (!ends[end].operation) fail(name, "no such operation");
    }
    int rank = count - 6;
    int64_t dims[8];
    size_t elements = 1;
    for (int axis = 0; axis < rank && axis < 8; axis++) {
        dims[axis] = atoll(words[6 + axis]);
        elements *= (size_t)dims[axis];
    }
    float *rows = aligned_alloc(64, (elements * sizeof(float) + 63) / 64 * 64);
    for (size_t element = 0; element < elements; element++) rows[element] = (float)(element * 7919 % 997);

    double length = atof(words[5]), took = 0;
    for (int round = 0; round < 2; round++) {
        /* The first round warms up. */
        double end = round ? length : 0.2, started = seconds_of(CLOCK_MONOTONIC), before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        long runs = 0;
        do {
            void *input = NewTensor(1, dims, rank, rows, elements * sizeof(float), keep, NULL), *output = NULL;
            SessionRun(session, NULL, &ends[0], &input, 1, &ends[1], &output, 1, NULL, 0, NULL, status);
            if (GetCode(status)) fail("run", Message(status));
            DeleteTensor(output);
            DeleteTensor(input);
            runs++;
        } while (seconds_of(CLOCK_MONOTONIC) - started < end);
        took = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - before) * 1e6 / (double)runs;
    }
    printf("%.3f\n", took);
    return 0;
}
