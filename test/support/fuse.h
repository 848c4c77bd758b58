/*
 * What a filesystem of a test needs to speak the protocol of linux/fuse.h itself: no library is needed, and answers can be
 * held back or be wrong. Included by test/crash/disk.c and test/odd/odd.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_WRITE = 1 << 20 };

static int fuse;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void answer(uint64_t unique, int error, const void *data, size_t size) {
  struct fuse_out_header head = {.len = sizeof head + size, .error = -error, .unique = unique};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)data, size}};
  /* ENOENT: the one who asked was interrupted, and does not wait any more. */
  if (writev(fuse, parts, size ? 2 : 1) < 0 && errno != ENOENT) fail("answer");
}

/*
 * Mounts the filesystem as a type, such as "fuse.sshfs", with a source, and says so on standard output. It ends with the
 * process that started it.
 */
static void mount_fuse(const char *type, const char *source, const char *directory, const char *more) {
  char options[200];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) fail("/dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0%s", fuse, more);
  if (mount(source, directory, type, MS_NOSUID | MS_NODEV, options) < 0) fail("mount");
  puts("ready");
  fflush(stdout);
}

static void answer_start(const struct fuse_in_header *in, const struct fuse_init_in *init, uint32_t more_flags) {
  struct fuse_init_out out = {
    .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_readahead = init->max_readahead,
    .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES | more_flags,
    .max_background = 64, .congestion_threshold = 64,
    .max_write = MAX_WRITE, .time_gran = 1, .max_pages = MAX_WRITE / 4096,
  };
  answer(in->unique, 0, &out, sizeof out);
}

typedef void (*Serve)(const struct fuse_in_header *in, const void *body);

/* Serves one request; false once it is unmounted. */
static int serve_next(Serve serve) {
  static char request[MAX_WRITE + 8192] __attribute__((aligned(8)));
  if (read(fuse, request, sizeof request) > 0) serve((void *)request, request + sizeof(struct fuse_in_header));
  else if (errno == ENODEV) return 0;
  else if (errno != EINTR && errno != EAGAIN && errno != ENOENT) fail("read");
  return 1;
}
