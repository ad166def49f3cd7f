/* A disk that fails, as a library that is loaded before libc (LD_PRELOAD).
 *
 * It counts the calls of a process that change files under FAULT_ROOT (and those that open them), makes the FAULT_AT-th go
 * wrong in the way that FAULT_KIND names, and keeps in FAULT_SIDE what a power cut would leave: the content of each file as
 * it was last synced, by inode, and the names in each folder as they were last synced (`dir`, the rule of POSIX) and as they
 * were at the last sync of anything (`odir`, as file systems with one journal have it). After a failed sync the pages that
 * were not on the disk count as clean: a later sync "succeeds" and does not write them, unless they were written again.
 *
 * Every process of a node is run with it, so that they share one image; only the one with FAULT_AT is disturbed. The folder
 * has to be on tmpfs, whose inode numbers are not used twice. Files that end in `-shm` or `.log` are not looked at.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define REAL(name) ((__typeof__(&name))real_##name)
#define NEXT(name) (real_##name = dlsym(RTLD_NEXT, #name))

static void *real_open64, *real_openat64, *real_write, *real_pwrite64, *real_writev, *real_pwritev64, *real_fsync, *real_fdatasync,
    *real_ftruncate64, *real_rename, *real_renameat, *real_unlink, *real_unlinkat, *real_rmdir, *real_link, *real_linkat,
    *real_mkdir, *real_mkdirat, *real_posix_fallocate64, *real_fallocate64, *real_copy_file_range, *real_sendfile64;

static char root[PATH_MAX], side[PATH_MAX - 64];
static size_t root_length;
static long at = 0, count = 0;
static int sticky = 0, logging = 0, lock_file = -1, struck = 0;
static char kind[32], match_class[16], match_path[256]; /* only calls of this class and part are counted, if set */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside = 0; /* within the shim's own work: nothing is counted */

/* Where a call that the libc does not see (renameat2, made directly) was let through by us. */
#define MAGIC 0x504f5254

static void trapped(int, siginfo_t *, void *);

static void trap_direct_renames(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAGIC, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSYS, &action, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("fault shim: seccomp");
        _exit(99);
    }
}

__attribute__((constructor)) static void begin(void) {
    NEXT(open64); NEXT(openat64); NEXT(write); NEXT(pwrite64); NEXT(writev); NEXT(pwritev64); NEXT(fsync); NEXT(fdatasync);
    NEXT(ftruncate64); NEXT(rename); NEXT(renameat); NEXT(unlink); NEXT(unlinkat); NEXT(rmdir); NEXT(link); NEXT(linkat);
    NEXT(mkdir); NEXT(mkdirat); NEXT(posix_fallocate64); NEXT(fallocate64); NEXT(copy_file_range); NEXT(sendfile64);
    const char *folder = getenv("FAULT_ROOT"), *beside = getenv("FAULT_SIDE");
    if (!folder || !beside) return;
    snprintf(root, sizeof root, "%s/", folder);
    snprintf(side, sizeof side, "%s", beside);
    if (getenv("FAULT_AT")) at = atol(getenv("FAULT_AT"));
    if (getenv("FAULT_KIND")) snprintf(kind, sizeof kind, "%s", getenv("FAULT_KIND"));
    if (getenv("FAULT_CLASS")) snprintf(match_class, sizeof match_class, "%s", getenv("FAULT_CLASS"));
    if (getenv("FAULT_PATH")) snprintf(match_path, sizeof match_path, "%s", getenv("FAULT_PATH"));
    sticky = getenv("FAULT_STICKY") != NULL;
    logging = getenv("FAULT_LOG") != NULL;
    /* What this process starts (a filter) is not disturbed. */
    unsetenv("FAULT_AT");
    unsetenv("FAULT_LOG");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", side);
    lock_file = REAL(open64)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_file < 0) return;
    root_length = strlen(root);
    trap_direct_renames();
}

static void enter(void) {
    inside++;
    pthread_mutex_lock(&mutex);
    flock(lock_file, LOCK_EX);
}

static void leave(void) {
    flock(lock_file, LOCK_UN);
    pthread_mutex_unlock(&mutex);
    inside--;
}

/* Names */

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

/* The folder itself is one of ours: what is named in it has to be synced too. */
static int ours(const char *path) {
    if (root_length && strlen(path) == root_length - 1 && !strncmp(path, root, root_length - 1)) return 1;
    return root_length && !strncmp(path, root, root_length) && !ends_with(path, "-shm") && !ends_with(path, ".log");
}

static const char *within(const char *path) { return strlen(path) < root_length ? "." : path + root_length; }

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return ours(path);
}

/* The absolute name of what is named relative to a folder; links in it are not followed. */
static int absolute(int folder, const char *name, char *path) {
    if (!root_length || !name) return 0;
    if (name[0] == '/') snprintf(path, PATH_MAX, "%s", name);
    else {
        char base[PATH_MAX];
        if (folder == AT_FDCWD) { if (!getcwd(base, sizeof base)) return 0; }
        else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(link, base, sizeof base - 1);
            if (length < 0) return 0;
            base[length] = 0;
        }
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
    }
    return ours(path);
}

/* The image: what a power cut leaves */

static void put(const char *path, const char *bytes, size_t length) {
    char other[PATH_MAX];
    snprintf(other, sizeof other, "%s.new", path);
    int file = REAL(open64)(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (REAL(write)(file, bytes, length) == (ssize_t)length) REAL(rename)(other, path);
    close(file);
}

/* Makes the names in a folder durable. */
static void keep_names(const char *set, int folder) {
    struct stat found;
    if (fstat(folder, &found)) return;
    char link[64], path[PATH_MAX + 64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    DIR *listing = opendir(link);
    if (!listing) return;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (struct dirent *entry; (entry = readdir(listing));) {
        struct stat in;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (fstatat(folder, entry->d_name, &in, AT_SYMLINK_NOFOLLOW)) continue;
        fprintf(out, "%lu %c %o %s\n", (unsigned long)in.st_ino, S_ISDIR(in.st_mode) ? 'd' : S_ISLNK(in.st_mode) ? 'l' : 'f',
                in.st_mode & 07777, entry->d_name);
    }
    fclose(out);
    closedir(listing);
    snprintf(path, sizeof path, "%s/%s/%lu", side, set, (unsigned long)found.st_ino);
    put(path, text, length);
    free(text);
}

static void keep_all_names(const char *path) {
    int folder = REAL(open64)(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    keep_names("odir", folder);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    DIR *listing = opendir(link);
    if (listing) {
        for (struct dirent *entry; (entry = readdir(listing));) {
            if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            char under[PATH_MAX];
            if (snprintf(under, sizeof under, "%s/%s", path, entry->d_name) < (int)sizeof under) keep_all_names(under);
        }
        closedir(listing);
    }
    close(folder);
}

static char *lost_flags(unsigned long inode, size_t pages, size_t *have) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/lost/%lu", side, inode);
    char *flags = calloc(1, pages + 1);
    int file = REAL(open64)(path, O_RDONLY | O_CLOEXEC);
    *have = 0;
    if (file < 0) return flags;
    ssize_t got = read(file, flags, pages);
    *have = got > 0 ? got : 0;
    close(file);
    return flags;
}

static void keep_flags(unsigned long inode, const char *flags, size_t pages) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/lost/%lu", side, inode);
    if (!memchr(flags, 1, pages)) REAL(unlink)(path);
    else put(path, flags, pages);
}

static int any_lost(unsigned long inode) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/lost/%lu", side, inode);
    return !access(path, F_OK);
}

/* A sync of a file. `works`: its pages become durable, but for those that an earlier failed sync lost; otherwise those that
 * are not on the disk are lost from now on, although a later sync will not say so. */
static void sync_file(int fd, int works) {
    struct stat found;
    if (fstat(fd, &found)) return;
    if (S_ISDIR(found.st_mode)) {
        if (!works) return;
        keep_names("dir", fd);
        char pair[PATH_MAX + 64], other[PATH_MAX];
        snprintf(pair, sizeof pair, "%s/pair/%lu", side, (unsigned long)found.st_ino);
        ssize_t length = readlink(pair, other, sizeof other - 1);
        if (length > 0) {
            /* A rename between two folders is one step of a journal: both or neither. */
            other[length] = 0;
            int folder = REAL(open64)(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (folder >= 0) { keep_names("dir", folder); close(folder); }
        }
    } else if (S_ISREG(found.st_mode)) {
        int from = fd, opened = -1;
        /* Not opened anew where it can be read: a close would drop the locks that the process holds on it. */
        if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            from = opened = REAL(open64)(link, O_RDONLY | O_CLOEXEC);
            if (from < 0) return;
        }
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/ino/%lu", side, (unsigned long)found.st_ino);
        int image = REAL(open64)(path, works ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
        size_t pages = (found.st_size + PAGE - 1) / PAGE, have;
        char *flags = lost_flags(found.st_ino, pages, &have);
        char now[PAGE], then[PAGE];
        for (size_t page = 0; page < pages; page++) {
            ssize_t got = pread(from, now, PAGE, (off_t)page * PAGE);
            if (got <= 0) break;
            if (works) {
                if (!flags[page]) REAL(pwrite64)(image, now, got, (off_t)page * PAGE);
            } else {
                ssize_t had = image < 0 ? -1 : pread(image, then, PAGE, (off_t)page * PAGE);
                if (had < got || memcmp(now, then, got)) flags[page] = 1;
            }
        }
        if (works && ftruncate(image, found.st_size)) perror("fault shim: image");
        if (!works) keep_flags(found.st_ino, flags, pages);
        free(flags);
        if (image >= 0) close(image);
        if (opened >= 0) close(opened);
    }
    if (works) {
        char top[PATH_MAX];
        snprintf(top, sizeof top, "%.*s", (int)root_length - 1, root);
        keep_all_names(top);
    }
}

/* What was written anew is dirty again, and the next sync that works writes it. */
static void wrote(int fd, off_t from, ssize_t length) {
    struct stat found;
    if (length <= 0 || fstat(fd, &found) || !any_lost(found.st_ino)) return;
    size_t pages = (found.st_size + PAGE - 1) / PAGE, have;
    char *flags = lost_flags(found.st_ino, pages, &have);
    for (size_t page = from / PAGE; page <= (size_t)(from + length - 1) / PAGE && page < pages; page++) flags[page] = 0;
    keep_flags(found.st_ino, flags, pages);
    free(flags);
}

static void note_pair(const char *from, const char *to) {
    char a[PATH_MAX], b[PATH_MAX], pair[PATH_MAX + 64];
    snprintf(a, sizeof a, "%s", from);
    snprintf(b, sizeof b, "%s", to);
    *strrchr(a, '/') = 0;
    *strrchr(b, '/') = 0;
    struct stat at_a, at_b;
    if (!strcmp(a, b) || stat(a, &at_a) || stat(b, &at_b)) return;
    snprintf(pair, sizeof pair, "%s/pair/%lu", side, (unsigned long)at_a.st_ino);
    REAL(unlink)(pair);
    if (symlink(b, pair)) perror("fault shim: pair");
    snprintf(pair, sizeof pair, "%s/pair/%lu", side, (unsigned long)at_b.st_ino);
    REAL(unlink)(pair);
    if (symlink(a, pair)) perror("fault shim: pair");
}

/* Faults */

enum { GO_ON, FAIL, SHORT, KILL_HALF, KILL_AFTER };

static void note(const char *name, const char *path, int hit) {
    if (!logging && !hit) return;
    char file[PATH_MAX + 64], line[PATH_MAX + 128];
    snprintf(file, sizeof file, "%s/%s", side, hit ? "struck" : "calls");
    int length = snprintf(line, sizeof line, "%ld %s %s\n", count, name, within(path));
    int out = REAL(open64)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) return;
    if (REAL(write)(out, line, length) < 0) perror("fault shim: log");
    close(out);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

static int error_of(void) {
    if (!strcmp(kind, "enospc")) return ENOSPC;
    if (!strcmp(kind, "edquot")) return EDQUOT;
    if (!strcmp(kind, "emfile")) return EMFILE;
    return EIO;
}

/* The part of a node that a file belongs to; as `part_of` in faults.py. */
static void part_of(const char *path, char *part) {
    const char *first = strchr(path, '/'), *second = first ? strchr(first + 1, '/') : NULL;
    *part = 0;
    if (!second) return;
    if (strncmp(first, "/store/", 7)) snprintf(part, 256, "%.*s", (int)(second - path + 1), path);
    else if (!strncmp(second, "/spool", 6) && (!second[6] || second[6] == '/')) snprintf(part, 256, "store/spool");
    else snprintf(part, 256, "%.*s", (int)strcspn(second + 1, "/"), second + 1);
}

/* What is to become of this call, which is counted. `name` is its class: open, create, write, sync, or another change. */
static int strike(const char *name, const char *path) {
    char part[256];
    part_of(within(path), part);
    int counted = !*match_class || (!strcmp(match_class, name) && !strcmp(match_path, part));
    note(name, path, 0);
    if (counted) count++;
    else if (!(sticky && struck)) return GO_ON;
    if (!at || count < at || ((count > at || !counted) && !(sticky && struck))) return GO_ON;
    int is_write = !strcmp(name, "write"), is_open = !strcmp(name, "open") || !strcmp(name, "create");
    /* From then on: only what a full or broken disk refuses; what is only read goes on. */
    int first = !struck;
    if (!first && !strcmp(name, "open")) return GO_ON;
    if (!first && !strcmp(name, "unlink") && strcmp(kind, "eio")) return GO_ON;
    if (first) { struck = 1; note(name, path, 1); }
    if (!strcmp(kind, "kill")) die();
    if (!strcmp(kind, "killafter")) return KILL_AFTER;
    if (!strcmp(kind, "killhalf")) return is_write ? KILL_HALF : KILL_AFTER;
    if (!strcmp(kind, "short")) {
        if (is_write && first) { sticky = 1; snprintf(kind, sizeof kind, "shorted"); return SHORT; }
        errno = EIO;
        return FAIL;
    }
    if (!strcmp(kind, "shorted")) {
        /* What follows a short write finds the disk full, once. */
        if (!is_write) return GO_ON;
        sticky = 0;
        errno = ENOSPC;
        return FAIL;
    }
    if (!strcmp(kind, "emfile") && !is_open) return GO_ON;
    errno = error_of();
    return FAIL;
}

#define SKIP (inside || !root_length)

static int create_mode(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; }

static int opened(int folder, const char *name, int flags, int mode) {
    char path[PATH_MAX];
    if (SKIP || !absolute(folder, name, path)) return REAL(openat64)(folder, name, flags, mode);
    enter();
    int what = strike(flags & (O_CREAT | O_TRUNC) ? "create" : "open", path), why = errno;
    int result = what == FAIL ? -1 : REAL(openat64)(folder, name, flags, mode);
    if (what != FAIL) why = errno;
    if (what >= KILL_HALF) die();
    leave();
    errno = why;
    return result;
}

int open64(const char *name, int flags, ...) { va_list rest; va_start(rest, flags); int mode = create_mode(flags, rest); va_end(rest); return opened(AT_FDCWD, name, flags, mode); }
int open(const char *name, int flags, ...) { va_list rest; va_start(rest, flags); int mode = create_mode(flags, rest); va_end(rest); return opened(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat64(int folder, const char *name, int flags, ...) { va_list rest; va_start(rest, flags); int mode = create_mode(flags, rest); va_end(rest); return opened(folder, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { va_list rest; va_start(rest, flags); int mode = create_mode(flags, rest); va_end(rest); return opened(folder, name, flags | O_LARGEFILE, mode); }

/* `HALF` does half of the write; `WHERE` is where it begins. */
#define WRITING(fd, length, WHERE, WHOLE, HALF) \
    char path[PATH_MAX]; \
    if (SKIP || !path_of(fd, path)) return WHOLE; \
    enter(); \
    off_t where = WHERE; \
    int what = strike("write", path), why = errno; \
    ssize_t result = what == FAIL ? -1 : (what == SHORT || what == KILL_HALF) && (length) > 1 ? HALF : WHOLE; \
    if (what != FAIL) why = errno; \
    wrote(fd, where, result); \
    if (what >= KILL_HALF) die(); \
    leave(); \
    errno = why; \
    return result;

static off_t here(int fd) {
    if (fcntl(fd, F_GETFL) & O_APPEND) { struct stat found; return fstat(fd, &found) ? 0 : found.st_size; }
    off_t where = lseek(fd, 0, SEEK_CUR);
    return where < 0 ? 0 : where;
}

ssize_t write(int fd, const void *bytes, size_t length) { WRITING(fd, length, here(fd), REAL(write)(fd, bytes, length), REAL(write)(fd, bytes, length / 2)) }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t to) { WRITING(fd, length, to, REAL(pwrite64)(fd, bytes, length, to), REAL(pwrite64)(fd, bytes, length / 2, to)) }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t to) { return pwrite64(fd, bytes, length, to); }
ssize_t writev(int fd, const struct iovec *parts, int number) { WRITING(fd, number, here(fd), REAL(writev)(fd, parts, number), REAL(writev)(fd, parts, number / 2)) }
ssize_t pwritev64(int fd, const struct iovec *parts, int number, off64_t to) { WRITING(fd, number, to, REAL(pwritev64)(fd, parts, number, to), REAL(pwritev64)(fd, parts, number / 2, to)) }
ssize_t pwritev(int fd, const struct iovec *parts, int number, off_t to) { return pwritev64(fd, parts, number, to); }
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags) { WRITING(out, length, to ? *to : here(out), REAL(copy_file_range)(in, from, out, to, length, flags), REAL(copy_file_range)(in, from, out, to, length / 2, flags)) }
ssize_t sendfile64(int out, int in, off64_t *from, size_t length) { WRITING(out, length, here(out), REAL(sendfile64)(out, in, from, length), REAL(sendfile64)(out, in, from, length / 2)) }
ssize_t sendfile(int out, int in, off_t *from, size_t length) { return sendfile64(out, in, from, length); }

static int synced(int fd) {
    char path[PATH_MAX];
    struct stat found;
    /* What has no name any more, or is nothing that we look at, is not there after a power cut anyway. */
    if (SKIP || !path_of(fd, path) || fstat(fd, &found)) return 0;
    enter();
    int what = strike("sync", path), why = errno;
    sync_file(fd, what != FAIL);
    if (what >= KILL_HALF) die();
    leave();
    errno = why;
    return what == FAIL ? -1 : 0;
}

/* The disk beneath is memory: there is nothing to sync but the image. */
int fsync(int fd) { return synced(fd); }
int fdatasync(int fd) { return synced(fd); }
int syncfs(int fd) { (void)fd; return 0; }
void sync(void) {}

/* Another change of one name or file: `DO` does it. */
#define CHANGING(name, known, DO, AFTER) \
    char path[PATH_MAX]; \
    if (SKIP || !(known)) return DO; \
    enter(); \
    int what = strike(name, path), why = errno; \
    int result = what == FAIL ? -1 : DO; \
    if (what != FAIL) why = errno; \
    if (result == 0) { AFTER; } \
    if (what >= KILL_HALF) die(); \
    leave(); \
    errno = why; \
    return result;

int ftruncate64(int fd, off64_t length) { CHANGING("truncate", path_of(fd, path), REAL(ftruncate64)(fd, length), (void)0) }
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
int unlink(const char *name) { CHANGING("unlink", absolute(AT_FDCWD, name, path), REAL(unlink)(name), (void)0) }
int unlinkat(int folder, const char *name, int flags) { CHANGING("unlink", absolute(folder, name, path), REAL(unlinkat)(folder, name, flags), (void)0) }
int rmdir(const char *name) { CHANGING("unlink", absolute(AT_FDCWD, name, path), REAL(rmdir)(name), (void)0) }
int mkdir(const char *name, mode_t mode) { CHANGING("mkdir", absolute(AT_FDCWD, name, path), REAL(mkdir)(name, mode), (void)0) }
int mkdirat(int folder, const char *name, mode_t mode) { CHANGING("mkdir", absolute(folder, name, path), REAL(mkdirat)(folder, name, mode), (void)0) }
int linkat(int a, const char *from, int b, const char *to, int flags) { CHANGING("link", absolute(b, to, path), REAL(linkat)(a, from, b, to, flags), (void)0) }
int link(const char *from, const char *to) { CHANGING("link", absolute(AT_FDCWD, to, path), REAL(link)(from, to), (void)0) }

static int renamed(int a, const char *from, int b, const char *to, unsigned flags) {
    char source[PATH_MAX];
#define RENAME (int)syscall(SYS_renameat2, a, from, b, to, flags, MAGIC)
    CHANGING("rename", absolute(b, to, path) && absolute(a, from, source), RENAME, note_pair(source, path))
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return renamed(a, from, b, to, flags); }

static void trapped(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    int before = errno;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    int result = renamed(registers[REG_RDI], (const char *)registers[REG_RSI], registers[REG_RDX], (const char *)registers[REG_R10], registers[REG_R8]);
    registers[REG_RAX] = result < 0 ? -errno : result;
    errno = before;
}

/* It returns its error instead of setting errno. */
int posix_fallocate64(int fd, off64_t from, off64_t length) {
    char path[PATH_MAX];
    if (SKIP || !path_of(fd, path)) return REAL(posix_fallocate64)(fd, from, length);
    enter();
    int what = strike("allocate", path), result = what == FAIL ? errno : REAL(posix_fallocate64)(fd, from, length);
    if (what >= KILL_HALF) die();
    leave();
    return result;
}
int posix_fallocate(int fd, off_t from, off_t length) { return posix_fallocate64(fd, from, length); }
int fallocate64(int fd, int mode, off64_t from, off64_t length) { CHANGING("allocate", path_of(fd, path), REAL(fallocate64)(fd, mode, from, length), (void)0) }
int fallocate(int fd, int mode, off_t from, off_t length) { return fallocate64(fd, mode, from, length); }
