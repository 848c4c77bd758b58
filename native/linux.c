/* The calls on Linux: one system call each, by its number. `setproject` reads first; long attributes are read twice. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "operations.h"

/* Calls by number take their arguments in registers: on these machines each of them has 64 bits. */
_Static_assert(sizeof(long) == 8, "Only for machines of 64 bits");

static int fd_of(const struct link *link) { return (int)link->numbers[0]; }

/* A path, and the descriptor of the directory where it begins. */
struct place {
  int fd;
  const char *path;
};

/*
 * The protocol names a file in an open directory by a path such as /proc/self/fd/7/file. That is the path "file" in the
 * directory 7, which the kernel finds sooner without /proc.
 */
static struct place place_of(const char *path) {
  static const char before[] = "/proc/self/fd/";
  const struct place as_given = {AT_FDCWD, path};
  if (strncmp(path, before, sizeof before - 1) != 0) return as_given;
  const char *number = path + sizeof before - 1;
  const size_t digits = strspn(number, "0123456789");
  if (digits == 0 || digits > 9 || (digits > 1 && number[0] == '0') || number[digits] != '/') return as_given;
  const char *rest = number + digits + 1;
  return *rest == '\0' || *rest == '/' ? as_given : (struct place){atoi(number), rest};
}

/* A number that is no open descriptor is a name that /proc does not have. */
static int64_t result_at(struct place place, int64_t result) {
  const bool may_lack = result == -1 && errno == EBADF && place.fd != AT_FDCWD;
  if (may_lack && syscall(SYS_fcntl, place.fd, F_GETFD) == -1) errno = ENOENT;
  return result;
}

/* A call by one path. */
static int64_t call_at(long number, const struct link *link, int flags, unsigned mode) {
  const struct place at = place_of(link->texts[0]);
  return result_at(at, syscall(number, at.fd, at.path, flags, mode));
}

/* A call by two paths. */
static int64_t call_at_both(long number, const struct link *link, unsigned flags) {
  const struct place from = place_of(link->texts[0]), to = place_of(link->texts[1]);
  return result_at(from, result_at(to, syscall(number, from.fd, from.path, to.fd, to.path, flags)));
}

/* open(2), always with O_CLOEXEC. */
static int64_t call_open(struct link *link) {
  return call_at(SYS_openat, link, (int)link->numbers[0] | O_CLOEXEC, (unsigned)link->numbers[1]);
}

/* close(2): one that a signal interrupted has closed its descriptor too, and must not be repeated. */
static int64_t call_close(struct link *link) {
  const int64_t result = syscall(SYS_close, fd_of(link));
  return result == -1 && errno == EINTR ? 0 : result;
}

/* write(2): possibly fewer bytes than given; ftruncate(2) */
static int64_t call_write(struct link *link) { return syscall(SYS_write, fd_of(link), link->bytes, link->length); }
static int64_t call_ftruncate(struct link *link) { return syscall(SYS_ftruncate, fd_of(link), link->numbers[1]); }

/* fsync(2), fdatasync(2), syncfs(2) */
static int64_t call_fsync(struct link *link) { return syscall(SYS_fsync, fd_of(link)); }
static int64_t call_fdatasync(struct link *link) { return syscall(SYS_fdatasync, fd_of(link)); }
static int64_t call_syncfs(struct link *link) { return syscall(SYS_syncfs, fd_of(link)); }

/* makedev(3): device numbers as stat(2) gives them. */
static int64_t device_of(uint64_t major, uint64_t minor) {
  return (int64_t)((major & 0xfff) << 8 | (major & ~UINT64_C(0xfff)) << 32 | (minor & 0xff) |
                   (minor & ~UINT64_C(0xff)) << 12);
}

/* False if the time is not within the 292 years before and after 1970. */
static bool read_time(const struct statx_timestamp *time, int64_t *into) {
  return !__builtin_mul_overflow(time->tv_sec, INT64_C(1000000000), into) &&
         !__builtin_add_overflow(*into, time->tv_nsec, into);
}

/* statx(2); EOVERFLOW also if a time has more than 64 bits in nanoseconds. */
static int64_t status_at(struct place at, int flags, struct status *into) {
  struct statx found = {0};
  if (syscall(SYS_statx, at.fd, at.path, flags, STATX_BASIC_STATS | STATX_BTIME, &found) == -1) return -1;
  *into = (struct status){
      .mode = found.stx_mode, .nlink = found.stx_nlink, .uid = found.stx_uid, .gid = found.stx_gid,
      .size = (double)found.stx_size, .attributes = (double)found.stx_attributes,
      .dev = device_of(found.stx_dev_major, found.stx_dev_minor), .ino = (int64_t)found.stx_ino,
  };
  if (read_time(&found.stx_atime, &into->atime) && read_time(&found.stx_mtime, &into->mtime) &&
      read_time(&found.stx_ctime, &into->ctime) && read_time(&found.stx_btime, &into->birthtime))
    return 0;
  errno = EOVERFLOW;
  return -1;
}

static int64_t status_by_path(struct link *link, int flags) {
  const struct place at = place_of(link->texts[0]);
  return result_at(at, status_at(at, flags, &link->status));
}

/* fstat(2), lstat(2), stat(2) */
static int64_t call_fstat(struct link *link) {
  return status_at((struct place){fd_of(link), ""}, AT_EMPTY_PATH, &link->status);
}
static int64_t call_lstat(struct link *link) { return status_by_path(link, AT_SYMLINK_NOFOLLOW); }
static int64_t call_stat(struct link *link) { return status_by_path(link, 0); }

/* statfs(2): the number of the filesystem's type. */
static int64_t call_statfs(struct link *link) {
  struct statfs found = {0};
  return syscall(SYS_statfs, link->texts[0], &found) == -1 ? -1 : (int64_t)(uint32_t)found.f_type;
}

/* rename(2); renameat2(2): it fails with EEXIST if the new name exists, or both names exist before and after. */
#ifndef SYS_renameat /* RISC-V */
#define SYS_renameat SYS_renameat2
#endif
static int64_t call_rename(struct link *link) { return call_at_both(SYS_renameat, link, 0); }
static int64_t call_rename_new(struct link *link) { return call_at_both(SYS_renameat2, link, RENAME_NOREPLACE); }
static int64_t call_exchange(struct link *link) { return call_at_both(SYS_renameat2, link, RENAME_EXCHANGE); }

/* link(2) */
static int64_t call_link(struct link *link) { return call_at_both(SYS_linkat, link, 0); }

/* unlink(2), mkdir(2), rmdir(2) */
static int64_t call_unlink(struct link *link) { return call_at(SYS_unlinkat, link, 0, 0); }
static int64_t call_mkdir(struct link *link) { return call_at(SYS_mkdirat, link, (int)link->numbers[0], 0); }
static int64_t call_rmdir(struct link *link) { return call_at(SYS_unlinkat, link, AT_REMOVEDIR, 0); }

/* fchown(2): -1 leaves the owner or the group as it is. */
static int64_t call_fchown(struct link *link) {
  return syscall(SYS_fchown, fd_of(link), (unsigned)link->numbers[1], (unsigned)link->numbers[2]);
}

/* fchmod(2) */
static int64_t call_fchmod(struct link *link) { return syscall(SYS_fchmod, fd_of(link), (unsigned)link->numbers[1]); }

/* futimens(3): access and modification, in nanoseconds since 1970. */
static int64_t call_futimes(struct link *link) {
  struct { int64_t seconds, nanoseconds; } times[2];
  for (int i = 0; i < 2; i++) {
    int64_t time = link->numbers[1 + i], rest = time % 1000000000;
    times[i].seconds = time / 1000000000 - (rest < 0);
    times[i].nanoseconds = rest < 0 ? rest + 1000000000 : rest;
  }
  return syscall(SYS_utimensat, fd_of(link), NULL, times, 0);
}

/* The entry of a descriptor in proc(5), which leads to this very file, also if it is one of O_PATH. */
struct entry { char path[32]; };

static struct entry entry_of(const struct link *link) {
  struct entry entry;
  snprintf(entry.path, sizeof entry.path, "/proc/self/fd/%d", fd_of(link));
  return entry;
}

/* linkat(2) with AT_SYMLINK_FOLLOW: gives a name to an open file, also to one of O_TMPFILE, which has none. */
static int64_t call_link_open(struct link *link) {
  const struct place to = place_of(link->texts[0]);
  return result_at(to, syscall(SYS_linkat, AT_FDCWD, entry_of(link).path, to.fd, to.path, AT_SYMLINK_FOLLOW));
}

/* ioctl_iflags(2), FS_IOC_GETFLAGS and FS_IOC_SETFLAGS: the attributes that lsattr(1) shows. */
static int64_t call_getflags(struct link *link) {
  unsigned flags = 0;
  return syscall(SYS_ioctl, fd_of(link), FS_IOC_GETFLAGS, &flags) == -1 ? -1 : (int64_t)flags;
}
static int64_t call_setflags(struct link *link) {
  unsigned flags = (unsigned)link->numbers[1];
  return syscall(SYS_ioctl, fd_of(link), FS_IOC_SETFLAGS, &flags);
}

static int64_t get_extended(const struct link *link, struct fsxattr *into) {
  memset(into, 0, sizeof *into);
  return syscall(SYS_ioctl, fd_of(link), FS_IOC_FSGETXATTR, into);
}

/* ioctl_xfs_fsgetxattr(2): the project, for quotas; and flags, of which FS_XFLAG_PROJINHERIT belongs to it. */
static int64_t call_getproject(struct link *link) {
  struct fsxattr found;
  return get_extended(link, &found) == -1 ? -1 : (int64_t)found.fsx_projid;
}
static int64_t call_getxflags(struct link *link) {
  struct fsxattr found;
  return get_extended(link, &found) == -1 ? -1 : (int64_t)found.fsx_xflags;
}

/* ioctl_xfs_fsgetxattr(2), FS_IOC_FSSETXATTR: project and flags; what else is in the structure stays as it is. */
static int64_t call_setproject(struct link *link) {
  struct fsxattr changed;
  if (get_extended(link, &changed) == -1) return -1;
  changed.fsx_projid = (unsigned)link->numbers[1];
  changed.fsx_xflags = (unsigned)link->numbers[2];
  return syscall(SYS_ioctl, fd_of(link), FS_IOC_FSSETXATTR, &changed);
}

/* Enough for most of them, and for each: XATTR_SIZE_MAX, XATTR_LIST_MAX. The kernel takes memory for as much, too. */
static const size_t attribute_bytes[] = {512, 1 << 16};

/* The value of an attribute, or the names of all. */
static int64_t read_attributes(struct link *link, const char *name) {
  const struct entry entry = entry_of(link);
  int64_t result = -1;
  for (size_t i = 0; i < 2 && result == -1 && (i == 0 || errno == ERANGE); i++) {
    free(link->answer);
    link->answer = malloc(attribute_bytes[i]);
    if (link->answer == NULL) errno = ENOMEM;
    else if (name == NULL) result = syscall(SYS_listxattr, entry.path, link->answer, attribute_bytes[i]);
    else result = syscall(SYS_getxattr, entry.path, name, link->answer, attribute_bytes[i]);
  }
  return result;
}

/* listxattr(2): the names, each with a null at its end; getxattr(2), setxattr(2), removexattr(2) */
static int64_t call_listxattr(struct link *link) { return read_attributes(link, NULL); }
static int64_t call_getxattr(struct link *link) { return read_attributes(link, link->texts[0]); }
static int64_t call_setxattr(struct link *link) {
  return syscall(SYS_setxattr, entry_of(link).path, link->texts[0], link->bytes, link->length, 0);
}
static int64_t call_removexattr(struct link *link) {
  return syscall(SYS_removexattr, entry_of(link).path, link->texts[0]);
}

const struct operation operations[] = {
    {"open", "tii", gives_number, opens_descriptor, call_open},
    {"close", "d", gives_nothing, closes_descriptor, call_close},
    {"write", "db", gives_number, no_effect, call_write},
    {"ftruncate", "ds", gives_nothing, no_effect, call_ftruncate},
    {"fsync", "d", gives_nothing, no_effect, call_fsync},
    {"fdatasync", "d", gives_nothing, no_effect, call_fdatasync},
    {"syncfs", "d", gives_nothing, no_effect, call_syncfs},
    {"fstat", "d", gives_status, no_effect, call_fstat},
    {"lstat", "t", gives_status, no_effect, call_lstat},
    {"stat", "t", gives_status, no_effect, call_stat},
    {"statfs", "t", gives_number, no_effect, call_statfs},
    {"rename", "tt", gives_nothing, no_effect, call_rename},
    {"renameNew", "tt", gives_nothing, no_effect, call_rename_new},
    {"exchange", "tt", gives_nothing, no_effect, call_exchange},
    {"link", "tt", gives_nothing, no_effect, call_link},
    {"unlink", "t", gives_nothing, no_effect, call_unlink},
    {"mkdir", "ti", gives_nothing, no_effect, call_mkdir},
    {"rmdir", "t", gives_nothing, no_effect, call_rmdir},
    {"fchown", "dii", gives_nothing, no_effect, call_fchown},
    {"fchmod", "di", gives_nothing, no_effect, call_fchmod},
    {"futimes", "dnn", gives_nothing, no_effect, call_futimes},
    {"listxattr", "d", gives_bytes, no_effect, call_listxattr},
    {"getxattr", "dt", gives_bytes, no_effect, call_getxattr},
    {"setxattr", "dtb", gives_nothing, no_effect, call_setxattr},
    {"removexattr", "dt", gives_nothing, no_effect, call_removexattr},
    {"linkOpen", "dt", gives_nothing, no_effect, call_link_open},
    {"getflags", "d", gives_number, no_effect, call_getflags},
    {"setflags", "di", gives_nothing, no_effect, call_setflags},
    {"getproject", "d", gives_number, no_effect, call_getproject},
    {"getxflags", "d", gives_number, no_effect, call_getxflags},
    {"setproject", "dii", gives_nothing, no_effect, call_setproject},
};

const size_t operation_count = sizeof operations / sizeof operations[0];

void close_descriptor(int fd) { syscall(SYS_close, fd); }
