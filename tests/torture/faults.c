/* Faults at the system calls that change files, or that read them, for benchmarks/torture.
 *
 * Loaded with LD_PRELOAD. After faults_arm() each write, rename, link, unlink, mkdir, rmdir, fsync
 * and opening for writing below a folder is counted, or each read and opening for reading, and one
 * of them fails: the process is killed before it, or in the midst of a write, or the call returns
 * an error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, FAIL_ONCE, FAIL_ALWAYS };
enum { CHANGES, READS };

static int mode = OFF, kind = CHANGES, error_number;
static long at, counted;
static char root[PATH_MAX], log_path[PATH_MAX];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void faults_arm(int new_kind, int new_mode, long number, int error, const char *folder, const char *log) {
    kind = new_kind;
    at = number;
    error_number = error;
    snprintf(root, sizeof root, "%s", folder);
    snprintf(log_path, sizeof log_path, "%s", log);
    __atomic_store_n(&counted, 0, __ATOMIC_SEQ_CST);
    mode = new_mode;
}

long faults_counted(void) { return __atomic_load_n(&counted, __ATOMIC_SEQ_CST); }

static int below(int folder, const char *path) {
    char full[PATH_MAX * 2], link[64];
    size_t n = 0;
    if (path == NULL || path[0] != '/') {
        if (folder == AT_FDCWD) {
            if (getcwd(full, PATH_MAX) == NULL) return 0;
            n = strlen(full);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t got = readlink(link, full, PATH_MAX - 1);
            if (got < 0) return 0;
            n = (size_t)got;
        }
        full[n++] = '/';
    }
    snprintf(full + n, sizeof full - n, "%s", path ? path : "");
    return strncmp(full, root, strlen(root)) == 0;
}

static void note(const char *what) {
    int fd = REAL(open)(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd >= 0) {
        (void)!REAL(write)(fd, what, strlen(what));
        REAL(close)(fd);
    }
}

/* 0: go on; -1: return an error; 1: die, after half of a write */
static int fault_of(int its_kind, const char *what, int folder, const char *path) {
    if (mode == OFF || its_kind != kind || !below(folder, path)) return 0;
    long number = __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST);
    if (mode == COUNT || number < at || (mode != FAIL_ALWAYS && number > at)) return 0;
    if (number == at) note(what);
    if (mode == KILL) return 1;
    errno = error_number;
    return -1;
}

static int fault(const char *what, int folder, const char *path) {
    return fault_of(CHANGES, what, folder, path);
}

static void die(void) { kill(getpid(), SIGKILL); pause(); }

#define GUARD(what, folder, path)                     \
    do {                                              \
        int f = fault(what, folder, path);            \
        if (f > 0) die();                             \
        if (f < 0) return -1;                         \
    } while (0)

#define GUARD_READ(what, folder, path)                \
    do {                                              \
        if (fault_of(READS, what, folder, path) < 0) return -1; \
    } while (0)

ssize_t write(int fd, const void *buffer, size_t size) {
    int f = fault("write", fd, NULL);
    if (f < 0) return -1;
    if (f > 0) {
        (void)!REAL(write)(fd, buffer, size / 2);
        die();
    }
    return REAL(write)(fd, buffer, size);
}

int fsync(int fd) { GUARD("fsync", fd, NULL); return REAL(fsync)(fd); }
int syncfs(int fd) { GUARD("syncfs", fd, NULL); return REAL(syncfs)(fd); }
int ftruncate64(int fd, off64_t size) { GUARD("truncate", fd, NULL); return REAL(ftruncate64)(fd, size); }
int ftruncate(int fd, off_t size) { GUARD("truncate", fd, NULL); return REAL(ftruncate)(fd, size); }
int rename(const char *a, const char *b) { GUARD("rename", AT_FDCWD, b); return REAL(rename)(a, b); }
int renameat2(int x, const char *a, int y, const char *b, unsigned flags) {
    GUARD("exchange", y, b);
    return REAL(renameat2)(x, a, y, b, flags);
}
int link(const char *a, const char *b) { GUARD("link", AT_FDCWD, b); return REAL(link)(a, b); }
int linkat(int x, const char *a, int y, const char *b, int flags) {
    GUARD("link", y, b);
    return REAL(linkat)(x, a, y, b, flags);
}
int symlink(const char *a, const char *b) { GUARD("symlink", AT_FDCWD, b); return REAL(symlink)(a, b); }
int unlink(const char *a) { GUARD("unlink", AT_FDCWD, a); return REAL(unlink)(a); }
int unlinkat(int x, const char *a, int flags) { GUARD("unlink", x, a); return REAL(unlinkat)(x, a, flags); }
int rmdir(const char *a) { GUARD("rmdir", AT_FDCWD, a); return REAL(rmdir)(a); }
int mkdir(const char *a, mode_t m) { GUARD("mkdir", AT_FDCWD, a); return REAL(mkdir)(a, m); }
int mkdirat(int x, const char *a, mode_t m) { GUARD("mkdir", x, a); return REAL(mkdirat)(x, a, m); }

#define OPEN(name)                                                           \
    int name(const char *path, int flags, ...) {                             \
        va_list list;                                                        \
        va_start(list, flags);                                               \
        mode_t m = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
        va_end(list);                                                        \
        if ((flags & O_ACCMODE) != O_RDONLY) GUARD("open", AT_FDCWD, path);  \
        else GUARD_READ("open to read", AT_FDCWD, path);                     \
        return REAL(name)(path, flags, m);                                   \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                         \
    int name(int folder, const char *path, int flags, ...) {                 \
        va_list list;                                                        \
        va_start(list, flags);                                               \
        mode_t m = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(list, mode_t) : 0; \
        va_end(list);                                                        \
        if ((flags & O_ACCMODE) != O_RDONLY) GUARD("open", folder, path);    \
        else GUARD_READ("open to read", folder, path);                       \
        return REAL(name)(folder, path, flags, m);                           \
    }
OPENAT(openat)
OPENAT(openat64)

/* Programs with 64-bit offsets call the second of each pair. */
#define READ(name, ...) ssize_t name(int fd, __VA_ARGS__)
READ(read, void *b, size_t n) { GUARD_READ("read", fd, NULL); return REAL(read)(fd, b, n); }
READ(readv, const struct iovec *v, int n) { GUARD_READ("read", fd, NULL); return REAL(readv)(fd, v, n); }
READ(pread, void *b, size_t n, off_t o) { GUARD_READ("read", fd, NULL); return REAL(pread)(fd, b, n, o); }
READ(pread64, void *b, size_t n, off64_t o) { GUARD_READ("read", fd, NULL); return REAL(pread64)(fd, b, n, o); }
READ(preadv, const struct iovec *v, int n, off_t o) { GUARD_READ("read", fd, NULL); return REAL(preadv)(fd, v, n, o); }
READ(preadv64, const struct iovec *v, int n, off64_t o) { GUARD_READ("read", fd, NULL); return REAL(preadv64)(fd, v, n, o); }
READ(preadv2, const struct iovec *v, int n, off_t o, int f) { GUARD_READ("read", fd, NULL); return REAL(preadv2)(fd, v, n, o, f); }
READ(preadv64v2, const struct iovec *v, int n, off64_t o, int f) { GUARD_READ("read", fd, NULL); return REAL(preadv64v2)(fd, v, n, o, f); }

/* The C library reads for it by itself. */
size_t fread(void *b, size_t size, size_t n, FILE *file) {
    if (fault_of(READS, "read", fileno(file), NULL) < 0) return 0;
    return REAL(fread)(b, size, n, file);
}
