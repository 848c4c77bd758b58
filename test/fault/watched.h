/* Which system calls work on files, and on which: for spoil.c. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef unsigned long long word;

/* What the arguments are: d a directory for the path that follows, p a path, f a descriptor, n a count of bytes, v an array of buffers. */
#define CALL(name, arguments) {#name, __NR_##name, arguments}
static const struct call {
  const char *name;
  long number;
  const char *arguments;
} calls[] = {
  CALL(openat, "dp"), CALL(openat2, "dp"), CALL(close, "f"), CALL(read, "f"), CALL(pread64, "f"), CALL(readv, "f"), CALL(preadv, "f"),
  CALL(write, "f-n"), CALL(pwrite64, "f-n"), CALL(writev, "fv"), CALL(pwritev, "fv"), CALL(lseek, "f"), CALL(fsync, "f"),
  CALL(fdatasync, "f"), CALL(sync_file_range, "f"), CALL(syncfs, "f"), CALL(ftruncate, "f"), CALL(truncate, "p"), CALL(fallocate, "f"),
  CALL(fstat, "f"), CALL(newfstatat, "dp"), CALL(statx, "dp"), CALL(statfs, "p"), CALL(fstatfs, "f"), CALL(faccessat, "dp"),
  CALL(faccessat2, "dp"), CALL(readlinkat, "dp"), CALL(getdents64, "f"), CALL(renameat2, "dpdp"), CALL(linkat, "dpdp"),
  CALL(unlinkat, "dp"), CALL(symlinkat, "-dp"), CALL(mkdirat, "dp"), CALL(mknodat, "dp"), CALL(fchmod, "f"), CALL(fchmodat, "dp"),
  CALL(fchown, "f"), CALL(fchownat, "dp"), CALL(utimensat, "dp"), CALL(getxattr, "p"), CALL(lgetxattr, "p"), CALL(fgetxattr, "f"),
  CALL(setxattr, "p"), CALL(lsetxattr, "p"), CALL(fsetxattr, "f"), CALL(listxattr, "p"), CALL(llistxattr, "p"), CALL(flistxattr, "f"),
  CALL(removexattr, "p"), CALL(lremovexattr, "p"), CALL(fremovexattr, "f"), CALL(flock, "f"), CALL(copy_file_range, "f-f-n"),
  CALL(sendfile, "ff-n"), CALL(splice, "f-f-n"), CALL(inotify_add_watch, "-p"),
#if defined __x86_64__
  CALL(open, "p"), CALL(creat, "p"), CALL(stat, "p"), CALL(lstat, "p"), CALL(access, "p"), CALL(readlink, "p"), CALL(rename, "pp"),
  CALL(link, "pp"), CALL(unlink, "p"), CALL(symlink, "-p"), CALL(mkdir, "p"), CALL(rmdir, "p"), CALL(chmod, "p"), CALL(chown, "p"),
  CALL(lchown, "p"), CALL(mknod, "p"), CALL(utime, "p"), CALL(utimes, "p"), CALL(futimesat, "dp"), CALL(renameat, "dpdp"),
#endif
};
enum { CALLS = sizeof calls / sizeof *calls };

static ssize_t copy_from(pid_t thread, word from, void *into, size_t size) {
  struct iovec here = {into, size}, there = {(void *)from, size};
  return process_vm_readv(thread, &here, 1, &there, 1, 0);
}

/* Page by page: what follows the string may not be there. */
static void copy_string(pid_t thread, word from, char *into) {
  size_t have = 0;
  while (have < PATH_MAX - 1) {
    size_t size = 4096 - (from + have) % 4096;
    if (size > PATH_MAX - 1 - have) size = PATH_MAX - 1 - have;
    ssize_t copied = copy_from(thread, from + have, into + have, size);
    if (copied <= 0) break;
    have += copied;
    if (memchr(into + have - copied, 0, copied)) return;
  }
  into[have] = 0;
}

/* Where a link below /proc/THREAD leads, and what follows. */
static void follow(pid_t thread, const char *link, const char *rest, char *into) {
  char path[64], target[PATH_MAX];
  snprintf(path, sizeof path, "/proc/%d/%s", thread, link);
  ssize_t length = readlink(path, target, sizeof target - 1);
  target[length < 0 ? 0 : length] = 0;
  snprintf(into, PATH_MAX, "%.2040s%s%.2040s", target, *rest && *rest != '/' ? "/" : "", rest);
}

static void descriptor_path(pid_t thread, int fd, const char *rest, char *into) {
  char link[32];
  snprintf(link, sizeof link, "fd/%d", fd);
  follow(thread, fd == AT_FDCWD ? "cwd" : link, rest, into);
}

static void resolve(pid_t thread, int directory, char *path, char *into) {
  int fd, length = 0;
  if (sscanf(path, "/proc/self/fd/%d%n", &fd, &length) == 1 && (path[length] == '/' || path[length] == 0)) descriptor_path(thread, fd, path + length, into);
  else if (*path == '/') strcpy(into, path);
  else descriptor_path(thread, directory, path, into);
}
