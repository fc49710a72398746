/* Counts the calls by which a process changes files below one folder, and has the n-th of them be
 * its last, or fail. Loaded before libc (LD_PRELOAD), it sees what Python and DuckDB do alike. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static volatile long count, target = -1;
static volatile int failure; /* an errno; 0 to kill */
static int events = -1;      /* where the names of steps are written */

void shim_arm(const char *path, long nth, int error, int log) {
    snprintf(folder, sizeof folder, "%s", path);
    count = 0;
    failure = error;
    events = log;
    target = nth;
}

long shim_count(void) { return count; }

/* 1 if this call is to fail. Of a step that fails, all later ones fail too: a full disk stays full. */
static int step(const char *call, const char *path) {
    static ssize_t (*real_write)(int, const void *, size_t);
    if (!folder[0] || !path || strncmp(path, folder, strlen(folder)) != 0) return 0;
    long number = __sync_add_and_fetch(&count, 1);
    if (events >= 0) {
        char line[PATH_MAX + 32];
        if (!real_write) real_write = dlsym(RTLD_NEXT, "write");
        int size = snprintf(line, sizeof line, "%s %s\n", call, path + strlen(folder));
        if (size > 0 && real_write(events, line, size) < 0) return 0;
    }
    if (target < 0 || number < target) return 0;
    if (!failure) kill(getpid(), SIGKILL);
    errno = failure;
    return failure != 0;
}

static const char *path_of(int descriptor, char *buffer) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(name, buffer, PATH_MAX - 1);
    if (size < 0) return NULL;
    buffer[size] = 0;
    return buffer;
}

#define DESCRIPTOR(type, name, call, declared, passed)                        \
    type name declared {                                                      \
        static type(*real) declared;                                          \
        char buffer[PATH_MAX];                                                \
        if (!real) real = dlsym(RTLD_NEXT, #name);                            \
        if (folder[0] && step(call, path_of(fd, buffer))) return -1;          \
        return real passed;                                                   \
    }

#define PATHS(name, call, path, declared, passed)                             \
    int name declared {                                                       \
        static int(*real) declared;                                           \
        if (!real) real = dlsym(RTLD_NEXT, #name);                            \
        if (folder[0] && step(call, path)) return -1;                         \
        return real passed;                                                   \
    }

DESCRIPTOR(ssize_t, write, "write", (int fd, const void *data, size_t size), (fd, data, size))
DESCRIPTOR(ssize_t, pwrite, "write", (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
DESCRIPTOR(ssize_t, pwrite64, "write", (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
DESCRIPTOR(ssize_t, writev, "write", (int fd, const struct iovec *parts, int number), (fd, parts, number))
DESCRIPTOR(int, fsync, "fsync", (int fd), (fd))
DESCRIPTOR(int, fdatasync, "fsync", (int fd), (fd))
DESCRIPTOR(int, ftruncate, "truncate", (int fd, off_t size), (fd, size))
DESCRIPTOR(int, ftruncate64, "truncate", (int fd, off64_t size), (fd, size))
PATHS(rename, "rename", from, (const char *from, const char *to), (from, to))
PATHS(renameat, "rename", to, (int a, const char *from, int b, const char *to), (a, from, b, to))
PATHS(link, "link", to, (const char *from, const char *to), (from, to))
PATHS(unlink, "unlink", path, (const char *path), (path))
PATHS(mkdir, "mkdir", path, (const char *path, mode_t mode), (path, mode))
