/*
 * A stand for one disk image: a loop device over it, and quick changes between mounts.
 *
 *     stand TYPE OPTIONS DIRECTORY IMAGE [direct]
 *
 * Says "ready DEVICE", then does what the lines of its standard input say, and answers to m and u "ok" or what failed:
 *
 *     l PATH           the log that data comes from
 *     s                keeps what the image holds now as its base
 *     b FROM TO SIZE   bytes of the log become part of the base
 *     r                the image is again as the base, whatever a mounted filesystem has done to it
 *     w FROM TO SIZE   bytes of the log are written to the image
 *     m, u             mounts it (the filesystem replays its journal), unmounts it
 *
 * Everything ends with the standard input: the mount is unmounted, and the loop device clears itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

static int image_file, loop;
static char device[32];
static size_t size;
static char *image, *base, *used; /* used: pages that may differ from zeroes, in the base or in the image */
static const char *log_data;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void set_up_loop(const char *path, int direct) {
  struct loop_config config = {.info.lo_flags = LO_FLAGS_AUTOCLEAR | (direct ? LO_FLAGS_DIRECT_IO : 0)};
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  image_file = open(path, O_RDWR | O_CLOEXEC | (direct ? O_DIRECT : 0));
  if (control < 0 || image_file < 0) fail(path);
  config.fd = image_file;
  for (;;) { /* Others may take the free one first. */
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) fail("loop-control");
    snprintf(device, sizeof device, "/dev/loop%d", number);
    loop = open(device, O_RDWR | O_CLOEXEC);
    if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0) break;
    if (loop >= 0 && errno != EBUSY) fail("LOOP_CONFIGURE");
    if (loop >= 0) close(loop);
  }
  close(control);
}

static void mark_used(size_t from, size_t length) {
  if (length > 0) memset(used + from / PAGE, 1, (from + length - 1) / PAGE - from / PAGE + 1);
}

/* Mapped holes of a tmpfs become pages when they are looked at: only what is in use is. */
static void find_used(void) {
  for (off_t at = 0, end; (at = lseek(image_file, at, SEEK_DATA)) >= 0; at = end) {
    end = lseek(image_file, at, SEEK_HOLE);
    mark_used(at, end - at);
  }
}

static void keep_base(void) {
  image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, image_file, 0);
  base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  used = calloc(size / PAGE + 1, 1);
  if (image == MAP_FAILED || base == MAP_FAILED || used == NULL) fail("mmap");
  find_used();
  for (size_t page = 0; page < size / PAGE; page++)
    if (used[page]) memcpy(base + page * PAGE, image + page * PAGE, PAGE);
}

static void restore(void) {
  find_used();
  for (size_t page = 0; page < size / PAGE; page++)
    if (used[page] && memcmp(image + page * PAGE, base + page * PAGE, PAGE) != 0) memcpy(image + page * PAGE, base + page * PAGE, PAGE);
}

static void copy(char *to, const char *line) {
  size_t from, at, length;
  if (sscanf(line, "%zu %zu %zu", &from, &at, &length) != 3 || at + length > size) exit(2);
  memcpy(to + at, log_data + from, length);
  mark_used(at, length);
}

static void map_log(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) < 0) fail(path);
  log_data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (log_data == MAP_FAILED) fail("mmap");
  close(file);
}

static int unmount(const char *directory) {
  int result = umount2(directory, 0), error = errno;
  /* The device stays open here, so that its cache would survive, and so would what btrfs knows of it. */
  ioctl(loop, BLKFLSBUF, 0);
  int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
  if (control >= 0) {
    struct btrfs_ioctl_vol_args all = {0};
    ioctl(control, BTRFS_IOC_FORGET_DEV, &all);
    close(control);
  }
  errno = error;
  return result;
}

static void report(int result) {
  puts(result == 0 ? "ok" : strerror(errno));
  fflush(stdout);
}

int main(int argc, char **argv) {
  char line[4096];
  struct stat status;
  if (argc < 5) return 2;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  set_up_loop(argv[4], argc > 5);
  if (fstat(image_file, &status) < 0) fail("fstat");
  size = status.st_size;
  printf("ready %s\n", device);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    switch (line[0]) {
      case 'l': map_log(line + 2); break;
      case 's': keep_base(); break;
      case 'b': copy(base, line + 2); break;
      case 'r': restore(); break;
      case 'w': copy(image, line + 2); break;
      case 'm': report(mount(device, argv[3], argv[1], 0, argv[2])); break;
      case 'u': report(unmount(argv[3])); break;
      default: return 2;
    }
  }
  umount2(argv[3], MNT_DETACH);
  return 0;
}
