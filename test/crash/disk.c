/*
 * A disk that writes down all that happens to it.
 *
 *     disk DIRECTORY IMAGE LOG
 *
 * Mounts a filesystem on DIRECTORY with two files: "disk" holds what IMAGE holds, for a loop device with direct I/O over
 * it; what is written to "mark" goes into LOG only. Every write to "disk" is logged with its data. The loop device
 * says that it has a volatile cache and no FUA, so that the kernel turns every flush and every FUA write into an fsync
 * of the file (blk-flush.c), which is logged too: the approach of dm-log-writes (Documentation/admin-guide/device-mapper/
 * log-writes.rst), which not every kernel has.
 *
 * What a flush covers: a write is answered only when no other request waits, so that writes that a filesystem sends at
 * once are under way together, as on a disk with a queue. A flush covers only the writes that were answered before
 * it came in. Its record says how many those are.
 *
 * Ends when unmounted.
 */
#define _GNU_SOURCE
#include <poll.h>
#include "../support/fuse.h"

enum { ROOT = FUSE_ROOT_ID, DISK, MARK };
enum { MAX_HELD = 256 };

/* A record of the log: this head, and `length` bytes. recording-log.ts reads it. */
struct record {
  uint32_t type; /* 1 write, 2 flush, 3 mark */
  uint32_t length;
  uint64_t value; /* write: where on the disk; flush: how many writes it covers */
};

static int image, log_file;
static uint64_t disk_size, answered;
static struct { uint64_t unique; uint32_t size; } held[MAX_HELD];
static int held_count;

static void answer_held(void) {
  for (int i = 0; i < held_count; i++) {
    struct fuse_write_out out = {.size = held[i].size};
    answered++; /* Before the answer: who gets it may flush at once. */
    answer(held[i].unique, 0, &out, sizeof out);
  }
  held_count = 0;
}

static void append(uint32_t type, uint64_t value, const void *data, uint32_t length) {
  struct record record = {type, length, value};
  struct iovec parts[] = {{&record, sizeof record}, {(void *)data, length}};
  if (writev(log_file, parts, length ? 2 : 1) != (ssize_t)(sizeof record + length)) fail("log");
}

static void attributes(uint64_t node, struct fuse_attr *attr) {
  memset(attr, 0, sizeof *attr);
  attr->ino = node;
  attr->mode = node == ROOT ? S_IFDIR | 0700 : S_IFREG | 0600;
  attr->nlink = 1;
  attr->size = node == DISK ? disk_size : 0;
  attr->blksize = 4096;
}

static void look_up(const struct fuse_in_header *in, const char *name) {
  uint64_t node = strcmp(name, "disk") == 0 ? DISK : strcmp(name, "mark") == 0 ? MARK : 0;
  struct fuse_entry_out out = {.nodeid = node, .entry_valid = 3600, .attr_valid = 3600};
  if (node == 0) return answer(in->unique, ENOENT, NULL, 0);
  attributes(node, &out.attr);
  answer(in->unique, 0, &out, sizeof out);
}

static void get_attributes(const struct fuse_in_header *in) {
  struct fuse_attr_out out = {.attr_valid = 3600};
  attributes(in->nodeid, &out.attr);
  answer(in->unique, 0, &out, sizeof out);
}

static void open_node(const struct fuse_in_header *in) {
  /* Without the kernel's cache: a mark is in the log once its write(2) has returned. */
  struct fuse_open_out out = {.fh = in->nodeid, .open_flags = FOPEN_DIRECT_IO};
  answer(in->unique, 0, &out, sizeof out);
}

static void read_disk(const struct fuse_in_header *in, const struct fuse_read_in *read) {
  static char buffer[MAX_WRITE];
  ssize_t size = in->nodeid == DISK ? pread(image, buffer, read->size, read->offset) : 0;
  if (size < 0) return answer(in->unique, errno, NULL, 0);
  answer(in->unique, 0, buffer, size);
}

static void write_node(const struct fuse_in_header *in, const struct fuse_write_in *write) {
  const void *data = write + 1;
  if (in->nodeid != DISK) {
    struct fuse_write_out out = {.size = write->size};
    append(3, 0, data, write->size);
    return answer(in->unique, 0, &out, sizeof out);
  }
  if (pwrite(image, data, write->size, write->offset) != (ssize_t)write->size) return answer(in->unique, EIO, NULL, 0);
  append(1, write->offset, data, write->size);
  if (held_count == MAX_HELD) answer_held();
  held[held_count].unique = in->unique;
  held[held_count++].size = write->size;
}

static void serve(const struct fuse_in_header *in, const void *body) {
  switch (in->opcode) {
    case FUSE_INIT: return answer_start(in, body, FUSE_ASYNC_DIO);
    case FUSE_LOOKUP: return look_up(in, body);
    case FUSE_GETATTR: case FUSE_SETATTR: return get_attributes(in);
    case FUSE_OPEN: return open_node(in);
    case FUSE_READ: return read_disk(in, body);
    case FUSE_WRITE: return write_node(in, body);
    case FUSE_FSYNC:
      append(2, answered, NULL, 0);
      return answer(in->unique, 0, NULL, 0);
    case FUSE_FLUSH: case FUSE_RELEASE: return answer(in->unique, 0, NULL, 0);
    case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: return;
    /* No discards and no punching of zeroes: the block layer then writes zeroes, which are logged. */
    default: return answer(in->unique, ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  struct stat status;
  if (argc != 4) return 2;
  image = open(argv[2], O_RDWR | O_CLOEXEC);
  log_file = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (image < 0 || log_file < 0 || fstat(image, &status) < 0) fail("open");
  disk_size = status.st_size;
  mount_fuse("fuse", "disk", argv[1], "");
  do {
    struct pollfd waiting = {.fd = fuse, .events = POLLIN};
    if (held_count > 0 && poll(&waiting, 1, 0) == 0) answer_held();
  } while (serve_next(serve));
}
