/* The calls that a chain can make: what each takes and gives. */
#ifndef UNTORN_OPERATIONS_H
#define UNTORN_OPERATIONS_H

#include <stddef.h>
#include <stdint.h>

/* What an argument is. A number has 32 bits, with a sign or without; a size is one that JavaScript can tell exactly. */
enum { descriptor_kind = 'd', number_kind = 'i', size_kind = 's', nanoseconds_kind = 'n' };
enum { text_kind = 't', bytes_kind = 'b' };

enum { most_numbers = 3, most_texts = 2 };

#define most_size ((INT64_C(1) << 53) - 1)

enum gives { gives_nothing, gives_number, gives_status, gives_bytes };

enum effect { no_effect, opens_descriptor, closes_descriptor };

/* What stat(2) tells: first what fits a double, then what does not; times in nanoseconds since 1970. */
struct status {
  double mode, nlink, uid, gid, size, attributes;
  int64_t dev, ino, atime, mtime, ctime, birthtime;
};

/* One call: its arguments, and its result, which is -1 if it failed. */
struct link {
  const struct operation *operation;
  int64_t numbers[most_numbers];
  char *texts[most_texts];
  void *bytes;
  size_t length;
  int64_t result;
  struct status status;
  /* Bytes that the call returned; freed with the job. */
  void *answer;
};

/* `kinds` has a letter for each argument. The call sets errno if it fails. */
struct operation {
  const char *name;
  const char *kinds;
  enum gives gives;
  enum effect effect;
  int64_t (*call)(struct link *);
};

extern const struct operation operations[];
extern const size_t operation_count;

void close_descriptor(int fd);

#endif
