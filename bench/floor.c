/*
 * The floor: what each workload costs with no more system calls than it needs, on a temporary file of a fixed name.
 * Usage: floor rewrite|files FOLDER COUNT SIZE full|off CHUNK THREADS. Prints milliseconds.
 * Content number i is SIZE times the letter 'a' + i % 26, as in content.js.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int directory, full, count, threads;
static size_t size, chunk;
static pthread_barrier_t barrier;

static void check(int ok, const char *what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static int open_new(const char *name, const char *content) {
  int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  check(fd >= 0, "open");
  for (size_t done = 0; done < size;) {
    size_t left = size - done;
    ssize_t n = write(fd, content + (chunk == size ? done : 0), left < chunk ? left : chunk);
    check(n > 0, "write");
    done += (size_t)n;
  }
  return fd;
}

/* One file, again and again: each version durable before the next begins. */
static void rewrite(char **contents) {
  for (int i = 0; i < count; i++) {
    int fd = open_new(".temporary", contents[i % 26]);
    if (full) check(fsync(fd) == 0, "fsync");
    check(close(fd) == 0, "close");
    check(renameat(directory, ".temporary", directory, "state") == 0, "rename");
    if (full) check(fsync(directory) == 0, "fsync directory");
  }
}

struct part {
  pthread_t thread;
  int first;
  char **contents;
};

/* New files, a share of them for each thread: all written, then all synced, then all renamed, then one directory sync. */
static void *files(void *argument) {
  struct part *part = argument;
  int *fds = malloc(sizeof(int) * (size_t)count);
  char from[64], to[64];
  for (int i = part->first; i < count; i += threads) {
    snprintf(from, sizeof from, ".temporary-%d", i);
    fds[i] = open_new(from, part->contents[i % 26]);
    if (!full) check(close(fds[i]) == 0, "close");
  }
  pthread_barrier_wait(&barrier);
  for (int i = part->first; full && i < count; i += threads) {
    check(fsync(fds[i]) == 0, "fsync");
    check(close(fds[i]) == 0, "close");
  }
  pthread_barrier_wait(&barrier);
  for (int i = part->first; i < count; i += threads) {
    snprintf(from, sizeof from, ".temporary-%d", i);
    snprintf(to, sizeof to, "file-%d", i);
    check(renameat(directory, from, directory, to) == 0, "rename");
  }
  free(fds);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  directory = open(argv[2], O_RDONLY | O_DIRECTORY);
  check(directory >= 0, "open directory");
  count = atoi(argv[3]);
  size = strtoull(argv[4], NULL, 10);
  full = strcmp(argv[5], "full") == 0;
  chunk = strtoull(argv[6], NULL, 10);
  threads = atoi(argv[7]);
  if (chunk == 0 || chunk > size) chunk = size;
  char *contents[26];
  for (int i = 0; i < 26 && i < count; i++) {
    contents[i] = malloc(chunk);
    memset(contents[i], 'a' + i, chunk);
  }
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  if (strcmp(argv[1], "rewrite") == 0) rewrite(contents);
  else {
    struct part parts[64];
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
      parts[i] = (struct part){ .first = i, .contents = contents };
      check(pthread_create(&parts[i].thread, NULL, files, &parts[i]) == 0, "pthread_create");
    }
    for (int i = 0; i < threads; i++) pthread_join(parts[i].thread, NULL);
    if (full) check(fsync(directory) == 0, "fsync directory");
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.6f\n", (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
  return 0;
}
