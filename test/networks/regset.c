/*
 * Lets User-Mode-Linux 6.1 run on processors whose floating-point state is larger than its buffer: the kernel of this
 * machine refuses a shorter one. Preloaded into UML; it reads and writes the whole state, and gives UML the first part.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { xstate = 0x202, largest = 1 << 15, features_at = 512 };

/* The state of AMX (tile configuration and data), which UML never sets. */
static const uint64_t tiles = 3ULL << 17;

static long whole(enum __ptrace_request request, long pid, struct iovec *all) {
  return syscall(SYS_ptrace, request, pid, (void *)xstate, all);
}

static long read_state(long pid, struct iovec *wanted) {
  static __thread unsigned char state[largest] __attribute__((aligned(64)));
  struct iovec all = {state, sizeof state};
  if (whole(PTRACE_GETREGSET, pid, &all) < 0) return -1;
  if (wanted->iov_len > all.iov_len) wanted->iov_len = all.iov_len;
  memcpy(wanted->iov_base, state, wanted->iov_len);
  return 0;
}

static long write_state(long pid, const struct iovec *given) {
  static __thread unsigned char state[largest] __attribute__((aligned(64)));
  struct iovec all = {state, sizeof state};
  uint64_t features;
  if (whole(PTRACE_GETREGSET, pid, &all) < 0) return -1;
  memset(state, 0, all.iov_len);
  memcpy(state, given->iov_base, given->iov_len < all.iov_len ? given->iov_len : all.iov_len);
  memcpy(&features, state + features_at, sizeof features);
  features &= ~tiles;
  memcpy(state + features_at, &features, sizeof features);
  return whole(PTRACE_SETREGSET, pid, &all) < 0 ? -1 : 0;
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  long pid = va_arg(arguments, long);
  void *address = va_arg(arguments, void *), *data = va_arg(arguments, void *);
  va_end(arguments);
  if (address == (void *)xstate && request == PTRACE_GETREGSET) return read_state(pid, data);
  if (address == (void *)xstate && request == PTRACE_SETREGSET) return write_state(pid, data);
  const int peeks = request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER;
  long word = 0, result = syscall(SYS_ptrace, request, pid, address, peeks ? (void *)&word : data);
  if (!peeks || result < 0) return result;
  errno = 0;
  return word;
}
