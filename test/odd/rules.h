/* What the filesystem is told to do wrong, and the list of what was asked of it. mount.ts writes the commands. */
#include <ctype.h>
#include <regex.h>
#include <strings.h>

struct rule {
  char call[16];
  regex_t path;
  /* Waits until this call has been made of such a path. */
  char since_call[16];
  regex_t since_path;
  int waits;
  long nth, times, seen;
  /* The answer: an error, or 0 for a success that does nothing. */
  int error;
  /* Whether the call is performed before that is answered. */
  int after;
  /* Whether a rename that is not performed removes the new name. */
  int removes;
  /* What is answered instead of what is there (listxattr, getxattr); NULL if nothing is. */
  char *data;
  size_t size;
  struct rule *next;
};

/* How the whole filesystem differs from the one below. */
static struct {
  long name_max;
  long lag;   /* seconds that its clock is behind */
  long grain; /* seconds that its times are multiples of */
  long path_inodes;
  long ignore_case;
  long wrong_size;     /* how many answers tell the size of a file wrongly that was linked */
  long rounding;       /* whether a rename rounds the time of what it moves to seconds */
  long no_replacing;   /* whether no name is renamed over another */
  long mode, uid, gid; /* what every file seems to have; -1: its own */
} traits;

static struct rule *rules;
static char *calls;
static size_t calls_length;

static void note(const char *call, const char *path, const char *other) {
  size_t more = strlen(call) + strlen(path) + strlen(other) + 4;
  calls = realloc(calls, calls_length + more);
  if (calls == NULL) fail("realloc");
  calls_length += sprintf(calls + calls_length, "%s %s%s%s\n", call, path, *other ? " " : "", other);
}

static int fits(const char *wanted, const regex_t *pattern, const char *call, const char *path, const char *other) {
  if (strcmp(wanted, call) != 0) return 0;
  return regexec(pattern, path, 0, NULL, 0) == 0 || (*other && regexec(pattern, other, 0, NULL, 0) == 0);
}

/* Notes a call, and gives the rule by which it goes wrong; NULL if it goes right. A rename has two paths. */
static struct rule *spoiled(const char *call, const char *path, const char *other) {
  struct rule *found = NULL;
  note(call, path, other);
  for (struct rule *rule = rules; rule != NULL; rule = rule->next) {
    if (rule->waits) {
      if (fits(rule->since_call, &rule->since_path, call, path, other)) rule->waits = 0;
      continue;
    }
    if (!fits(rule->call, &rule->path, call, path, other)) continue;
    rule->seen++;
    if (found == NULL && rule->seen >= rule->nth && rule->seen < rule->nth + rule->times) found = rule;
  }
  return found;
}

static int is_performed(const struct rule *rule) {
  return rule == NULL || rule->after;
}

/* The error to answer, where the call itself, if it was made, ended with `error`. */
static int answered_error(const struct rule *rule, int error) {
  return rule == NULL || (rule->after && error) ? error : rule->error;
}

static void decode(char *text) {
  char *to = text;
  for (; *text; text++) {
    unsigned value;
    if (*text == '%' && sscanf(text + 1, "%2x", &value) == 1) *to++ = value, text += 2;
    else *to++ = *text;
  }
  *to = 0;
}

static void set_field(struct rule *rule, const char *key, char *value) {
  if (strcmp(key, "call") == 0) snprintf(rule->call, sizeof rule->call, "%s", value);
  if (strcmp(key, "path") == 0) regcomp(&rule->path, value, REG_EXTENDED | REG_NOSUB);
  if (strcmp(key, "since_call") == 0) snprintf(rule->since_call, sizeof rule->since_call, "%s", value), rule->waits = 1;
  if (strcmp(key, "since_path") == 0) regcomp(&rule->since_path, value, REG_EXTENDED | REG_NOSUB);
  if (strcmp(key, "nth") == 0) rule->nth = atol(value);
  if (strcmp(key, "times") == 0) rule->times = atol(value);
  if (strcmp(key, "error") == 0) rule->error = atol(value);
  if (strcmp(key, "after") == 0) rule->after = atol(value);
  if (strcmp(key, "removes") == 0) rule->removes = atol(value);
  if (strcmp(key, "data") == 0) {
    rule->size = strlen(value) / 2;
    rule->data = calloc(1, rule->size + 1);
    for (size_t i = 0; i < rule->size; i++) sscanf(value + 2 * i, "%2hhx", (unsigned char *)rule->data + i);
  }
}

static void set_trait(const char *key, long value) {
  if (strcmp(key, "nameMax") == 0) traits.name_max = value;
  if (strcmp(key, "lag") == 0) traits.lag = value;
  if (strcmp(key, "grain") == 0) traits.grain = value;
  if (strcmp(key, "pathInodes") == 0) traits.path_inodes = value;
  if (strcmp(key, "ignoreCase") == 0) traits.ignore_case = value;
  if (strcmp(key, "wrongSize") == 0) traits.wrong_size = value;
  if (strcmp(key, "rounding") == 0) traits.rounding = value;
  if (strcmp(key, "noReplacing") == 0) traits.no_replacing = value;
  if (strcmp(key, "mode") == 0) traits.mode = value;
  if (strcmp(key, "uid") == 0) traits.uid = value;
  if (strcmp(key, "gid") == 0) traits.gid = value;
}

/* "fail key=value …", "trait key=value …", "forget" (the rules and the list of calls); values are percent-encoded. */
static void command(char *text) {
  char *rest, *word = strtok_r(text, " \n", &rest);
  struct rule *rule = NULL;
  if (word == NULL) return;
  if (strcmp(word, "forget") == 0) rules = NULL, calls_length = 0;
  if (strcmp(word, "fail") == 0) {
    if ((rule = calloc(1, sizeof *rule)) == NULL) fail("calloc");
    rule->nth = rule->times = 1;
    regcomp(&rule->since_path, "", REG_EXTENDED | REG_NOSUB);
  }
  while ((word = strtok_r(NULL, " \n", &rest)) != NULL) {
    char *value = strchr(word, '=');
    if (value == NULL) continue;
    *value++ = 0;
    decode(value);
    if (rule != NULL) set_field(rule, word, value);
    else set_trait(word, atol(value));
  }
  if (rule == NULL) return;
  rule->next = rules;
  rules = rule;
}
