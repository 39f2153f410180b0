/* Counts the calls by which a process changes files below watched paths, and at the n-th of them
 * kills the process, or from it on lets the disk be full.
 *
 * Loaded with LD_PRELOAD, so that Python's, SQLite's and every other library's calls of libc pass
 * through here. A write that is killed has written its first half. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char watched[8192]; /* prefixes of paths, parted by colons */
static long seen, at;
static int is_full, is_on;

void crash_watch(const char *prefixes, long n, int full) {
    snprintf(watched, sizeof watched, "%s", prefixes);
    seen = 0, at = n, is_full = full, is_on = 1;
}
long crash_seen(void) { is_on = 0; return seen; }

static int is_watched(const char *path) {
    for (const char *p = watched; *p;) {
        size_t n = strcspn(p, ":");
        if (n && strncmp(path, p, n) == 0) return 1;
        p += n + (p[n] == ':');
    }
    return 0;
}
static int fd_path(int fd, char *out, size_t size) {
    char link[64];
    if (fd == AT_FDCWD) return getcwd(out, size) != NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, size - 1);
    if (n < 0) return 0;
    out[n] = 0;
    return 1;
}
static int watched_fd(int fd) {
    char path[PATH_MAX];
    return is_on && fd_path(fd, path, sizeof path) && is_watched(path);
}
static int watched_at(int dir, const char *path) {
    char base[PATH_MAX], whole[2 * PATH_MAX];
    if (!is_on || !path) return 0;
    if (path[0] == '/') return is_watched(path);
    if (!fd_path(dir, base, sizeof base)) return 0;
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return is_watched(whole);
}
/* Count a call; say whether the disk is to be full for it. */
static int counts(int needs_room) {
    long n = __sync_add_and_fetch(&seen, 1);
    if (!at || n < at) return 0;
    if (!is_full) kill(getpid(), SIGKILL), pause();
    if (needs_room) errno = ENOSPC;
    return needs_room;
}
static int dies_next(void) { return at && !is_full && seen + 1 == at; }

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *b, size_t n) {
    REAL(write);
    if (watched_fd(fd)) { if (dies_next()) real(fd, b, n / 2); if (counts(1)) return -1; }
    return real(fd, b, n);
}
#define PWRITE(name, off) ssize_t name(int fd, const void *b, size_t n, off o) { REAL(name); \
    if (watched_fd(fd)) { if (dies_next()) real(fd, b, n / 2, o); if (counts(1)) return -1; } \
    return real(fd, b, n, o); }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
ssize_t writev(int fd, const struct iovec *v, int n) {
    REAL(writev);
    if (watched_fd(fd) && counts(1)) return -1;
    return real(fd, v, n);
}
#define SENDFILE(name, off) ssize_t name(int out, int in, off *o, size_t n); \
    ssize_t name(int out, int in, off *o, size_t n) { REAL(name); \
    if (watched_fd(out)) { if (dies_next()) real(out, in, o, n / 2); if (counts(1)) return -1; } \
    return real(out, in, o, n); }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)
ssize_t copy_file_range(int in, off64_t *i, int out, off64_t *o, size_t n, unsigned flags) {
    REAL(copy_file_range);
    if (watched_fd(out) && counts(1)) return -1;
    return real(in, i, out, o, n, flags);
}
#define OF_FD(name, room, decl, args) int name decl { REAL(name); \
    if (watched_fd(fd) && counts(room)) return -1; return real args; }
OF_FD(fsync, 0, (int fd), (fd))
OF_FD(fdatasync, 0, (int fd), (fd))
OF_FD(ftruncate, 0, (int fd, off_t n), (fd, n))
OF_FD(ftruncate64, 0, (int fd, off64_t n), (fd, n))
#define OF_PATH(name, room, dir, decl, args) int name decl { REAL(name); \
    if (watched_at(dir, path) && counts(room)) return -1; return real args; }
OF_PATH(unlink, 0, AT_FDCWD, (const char *path), (path))
OF_PATH(unlinkat, 0, dir, (int dir, const char *path, int f), (dir, path, f))
OF_PATH(rmdir, 0, AT_FDCWD, (const char *path), (path))
OF_PATH(mkdir, 1, AT_FDCWD, (const char *path, mode_t m), (path, m))
OF_PATH(mkdirat, 1, dir, (int dir, const char *path, mode_t m), (dir, path, m))
#define OF_TWO(name, da, db, decl, args) int name decl { REAL(name); \
    if ((watched_at(da, a) || watched_at(db, b)) && counts(0)) return -1; return real args; }
OF_TWO(rename, AT_FDCWD, AT_FDCWD, (const char *a, const char *b), (a, b))
OF_TWO(renameat, da, db, (int da, const char *a, int db, const char *b), (da, a, db, b))
OF_TWO(renameat2, da, db, (int da, const char *a, int db, const char *b, unsigned f),
       (da, a, db, b, f))
OF_TWO(link, AT_FDCWD, AT_FDCWD, (const char *a, const char *b), (a, b))
#define CHANGES(flags) ((flags) & (O_CREAT | O_TRUNC))
#define OPEN(name) int name(const char *path, int flags, ...) { REAL(name); \
    va_list v; va_start(v, flags); mode_t m = va_arg(v, mode_t); va_end(v); \
    if (CHANGES(flags) && watched_at(AT_FDCWD, path) && counts((flags & O_CREAT) && \
        access(path, F_OK))) return -1; \
    return real(path, flags, m); }
OPEN(open)
OPEN(open64)
#define OPENAT(name) int name(int dir, const char *path, int flags, ...) { REAL(name); \
    va_list v; va_start(v, flags); mode_t m = va_arg(v, mode_t); va_end(v); \
    if (CHANGES(flags) && watched_at(dir, path) && counts((flags & O_CREAT) && \
        faccessat(dir, path, F_OK, 0))) return -1; \
    return real(dir, path, flags, m); }
OPENAT(openat)
OPENAT(openat64)
