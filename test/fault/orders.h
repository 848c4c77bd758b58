/* What the spoiler is asked for, and what it writes down: for spoil.c. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char marker[] = "/untorn-spoil/";
static const char *const *words; /* prefixes, and what begins with no slash: cuts */
static int log_file;

/* What is asked for now, and the calls since then, each with a zero at its end. */
static int looking, spoiled, nth, fault_value;
static char fault[64], wanted[PATH_MAX + 64];
static char seen[1 << 20];
static size_t seen_size;

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static void note(const char *line) {
  if (write(log_file, line, strlen(line)) < 0) fail("log");
}

static int is_watched(const char *path) {
  for (const char *const *word = words; *word; word++) if (**word == '/' && !strncmp(path, *word, strlen(*word))) return 1;
  return 0;
}

static void obey(const char *order) {
  int length = 0;
  looking = strcmp(order, "end") != 0;
  if (!looking) note("end\n");
  seen_size = spoiled = fault_value = 0;
  *wanted = 0;
  if (sscanf(order, "%63[^/]/%d/%n", fault, &nth, &length) != 2) return;
  strcpy(wanted, order + length);
  char *value = strchr(fault, '=');
  if (value) fault_value = atoi(value + 1), *value = 0;
}

/* How many such calls there were, with this one. */
static int number_of(const char *call) {
  int number = 1;
  size_t size = strlen(call) + 1;
  for (const char *one = seen; one < seen + seen_size; one += strlen(one) + 1) number += !strcmp(one, call);
  if (seen_size + size > sizeof seen) fail("too many calls");
  memcpy(seen + seen_size, call, size);
  seen_size += size;
  return number;
}

/* Without what is random, or may have changed meanwhile. */
static void shorten(char *path) {
  char *deleted = strstr(path, " (deleted)");
  if (deleted) *deleted = 0;
  for (const char *const *word = words; *word; word++) {
    char *found = **word == '/' ? NULL : strstr(path, *word);
    if (found) found[strlen(*word)] = 0;
  }
}
