/*
 * System calls that Node.js does not have, and several calls in one trip to the thread pool.
 *
 * The module has one function, chain(callback, ...links), and the numbers of its operations. A link is four arguments:
 * the number of an operation, and the three that an operation takes at most. The calls of a chain are made in order, up
 * to the first that fails. With a callback they are made in one job of the thread pool; if it is undefined, at once. A
 * descriptor of -1 stands for the one that the latest "open" of the same chain returned.
 *
 * The outcome is in `outcome`, memory that JavaScript sees, until the next chain has one. Bytes that links returned are
 * in an array of Buffers, without those that are empty: that is what chain() returns and what the callback is called
 * with, or undefined if there are none.
 *
 * There is no policy in here: no decision between two calls, and no second attempt. Only a call that a signal
 * interrupted before it did anything (EINTR) is made again, as libuv does.
 *
 * Everything is read before the first call is made: a chain that is refused makes none. Paths and names are strings or
 * bytes without a null. Bytes that are written stay in the caller's memory, which is held until the job has ended;
 * memory that can be resized is refused.
 *
 * What is opened here has to be closed here, since a list of it is kept for each thread.
 *
 * Linux calls are made by number, with syscall(2), so that one file works with every C library.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "operations.h"

enum { most_links = 256, most_statuses = 16, values_of_link = 4 };

/* How many links have succeeded, the errno of the next one or 0, the results of those, and their statuses in order. */
struct outcome {
  double done, error, results[most_links];
  struct status statuses[most_statuses];
};

/* One call of a chain, with the memory of its arguments and of its result. */
struct step {
  struct link link;
  /* The bytes that it writes; and what holds them while a job uses them. */
  napi_value given;
  napi_ref held;
};

struct job {
  napi_async_work work;
  napi_ref callback;
  size_t count;
  /* How many links have succeeded, and why the next one failed. */
  size_t done;
  int error;
  struct step steps[];
};

/* ---- Descriptors of a thread ---- */

/*
 * What is kept for a thread of the program (an environment): memory for outcomes, and the descriptors that it has
 * opened here. Node closes what a worker thread left open, but knows only its own descriptors.
 */
struct thread {
  napi_ref outcome;
  size_t count;
  int *list;
};

static void note_opened(struct thread *thread, int fd) {
  int *list = realloc(thread->list, (thread->count + 1) * sizeof *list);
  if (list == NULL) return; /* It would stay open if the thread were ended. */
  thread->list = list;
  list[thread->count++] = fd;
}

static void note_closed(struct thread *thread, int fd) {
  for (size_t i = thread->count; i-- > 0;)
    if (thread->list[i] == fd) {
      thread->list[i] = thread->list[--thread->count];
      return;
    }
}

/* Notes what a chain has opened and closed. */
static void note_descriptors(struct thread *thread, const struct job *job) {
  for (size_t i = 0; i < job->done; i++) {
    const struct link *link = &job->steps[i].link;
    if (link->operation->effect == opens_descriptor) note_opened(thread, (int)link->result);
    if (link->operation->effect == closes_descriptor) note_closed(thread, (int)link->numbers[0]);
  }
  /* A close that failed has closed its descriptor all the same (close(2)). */
  if (job->error != 0 && job->steps[job->done].link.operation->effect == closes_descriptor)
    note_closed(thread, (int)job->steps[job->done].link.numbers[0]);
}

static void end_thread(napi_env env, void *data, void *hint) {
  (void)hint;
  struct thread *thread = data;
  if (thread->outcome != NULL) napi_delete_reference(env, thread->outcome);
  for (size_t i = 0; i < thread->count; i++) close_descriptor(thread->list[i]);
  free(thread->list);
  free(thread);
}

/* ---- Making the calls ---- */

static void make_calls(struct job *job) {
  int64_t opened = -1;
  for (; job->done < job->count; job->done++) {
    struct link *link = &job->steps[job->done].link;
    const struct operation *operation = link->operation;
    if (operation->kinds[0] == descriptor_kind && link->numbers[0] == -1) link->numbers[0] = opened;
    do {
      errno = 0;
      link->result = operation->call(link);
    } while (link->result == -1 && errno == EINTR);
    if (link->result == -1) {
      job->error = errno;
      return;
    }
    if (operation->effect == opens_descriptor) opened = link->result;
    if (operation->effect == closes_descriptor && link->numbers[0] == opened) opened = -1;
  }
}

/* ---- Reading the arguments ---- */

/* Every function that reads returns false after it has thrown. */
static bool refuse(napi_env env, const char *message) {
  bool is_pending = true;
  if (napi_is_exception_pending(env, &is_pending) == napi_ok && !is_pending)
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return false;
}

static bool refuse_for_memory(napi_env env) {
  napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "There is no memory for a chain");
  return false;
}

/* NaN is in no range. */
static bool read_number(napi_env env, napi_value value, int64_t least, int64_t most, int64_t *into) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= (double)least && number <= (double)most) ||
      number != (double)(int64_t)number)
    return refuse(env, "A number is not an integer, or out of range");
  *into = (int64_t)number;
  return true;
}

static bool read_nanoseconds(napi_env env, napi_value value, int64_t *into) {
  bool is_lossless = false;
  return (napi_get_value_bigint_int64(env, value, into, &is_lossless) == napi_ok && is_lossless) ||
         refuse(env, "A time is not a bigint of 64 bits");
}

/* The memory of a Uint8Array. */
static bool find_bytes(napi_env env, napi_value value, napi_value *buffer, void **bytes, size_t *length) {
  napi_typedarray_type type = napi_int8_array;
  size_t offset = 0;
  return (napi_get_typedarray_info(env, value, &type, length, bytes, buffer, &offset) == napi_ok &&
          type == napi_uint8_array) ||
         refuse(env, "Bytes are not a Uint8Array");
}

/* A path or a name is copied, with a null at its end. */
static bool read_text(napi_env env, napi_value value, char **into) {
  /* Linux takes no path that is longer (PATH_MAX). */
  char usual[4096];
  void *bytes = usual;
  size_t length = 0;
  napi_value buffer = NULL;
  const bool is_string = napi_get_value_string_utf8(env, value, usual, sizeof usual, &length) == napi_ok;
  if (!is_string && !find_bytes(env, value, &buffer, &bytes, &length)) return false;
  /* No character is cut in two, and it has up to four bytes. */
  const bool may_be_cut = is_string && length >= sizeof usual - 4;
  if (may_be_cut && napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
    return refuse(env, "A path cannot be read");
  *into = calloc(1, length + 1);
  if (*into == NULL) return refuse_for_memory(env);
  if (may_be_cut) napi_get_value_string_utf8(env, value, *into, length + 1, &length);
  else if (bytes != NULL) memcpy(*into, bytes, length);
  return strlen(*into) == length || refuse(env, "A path has a null in it");
}

/* An ArrayBuffer has the first of these properties, a SharedArrayBuffer the second. */
static bool has_fixed_size(napi_env env, napi_value buffer) {
  napi_value one = NULL, other = NULL;
  bool is_changeable = true;
  return napi_get_named_property(env, buffer, "resizable", &one) == napi_ok &&
         (napi_get_value_bool(env, one, &is_changeable) == napi_ok ||
          (napi_get_named_property(env, buffer, "growable", &other) == napi_ok &&
           napi_get_value_bool(env, other, &is_changeable) == napi_ok)) &&
         !is_changeable;
}

/* Bytes that a call uses where they are: `find_given` reads their address later. */
static bool read_bytes(napi_env env, napi_value value, napi_value *into) {
  size_t length = 0;
  void *bytes = NULL;
  napi_value buffer = NULL;
  *into = value;
  return find_bytes(env, value, &buffer, &bytes, &length) &&
         (has_fixed_size(env, buffer) || refuse(env, "Memory that can be resized is not written from"));
}

static bool find_given(napi_env env, struct step *step) {
  napi_value buffer = NULL;
  bool is_detached = true;
  if (!find_bytes(env, step->given, &buffer, &step->link.bytes, &step->link.length)) return false;
  return (napi_is_detached_arraybuffer(env, buffer, &is_detached) == napi_ok && !is_detached) ||
         refuse(env, "Memory that was transferred is not written from");
}

static bool read_argument(napi_env env, char kind, napi_value value, struct step *step, size_t *numbers,
                          size_t *texts) {
  switch (kind) {
    case descriptor_kind:
      return read_number(env, value, -1, INT_MAX, &step->link.numbers[(*numbers)++]);
    case number_kind:
      return read_number(env, value, INT32_MIN, UINT32_MAX, &step->link.numbers[(*numbers)++]);
    case size_kind:
      return read_number(env, value, 0, most_size, &step->link.numbers[(*numbers)++]);
    case nanoseconds_kind:
      return read_nanoseconds(env, value, &step->link.numbers[(*numbers)++]);
    case text_kind:
      return read_text(env, value, &step->link.texts[(*texts)++]);
    default:
      return read_bytes(env, value, &step->given);
  }
}

static bool read_step(napi_env env, const napi_value *given, struct step *step) {
  int64_t number = -1;
  if (!read_number(env, given[0], 0, (int64_t)operation_count - 1, &number)) return false;
  step->link.operation = &operations[number];
  size_t numbers = 0, texts = 0;
  for (size_t i = 0; operations[number].kinds[i] != '\0'; i++)
    if (!read_argument(env, operations[number].kinds[i], given[1 + i], step, &numbers, &texts)) return false;
  return true;
}

static void free_job(napi_env env, struct job *job) {
  for (size_t i = 0; i < job->count; i++) {
    struct step *step = &job->steps[i];
    if (step->held != NULL) napi_delete_reference(env, step->held);
    for (size_t text = 0; text < most_texts; text++) free(step->link.texts[text]);
    free(step->link.answer);
  }
  if (job->callback != NULL) napi_delete_reference(env, job->callback);
  if (job->work != NULL) napi_delete_async_work(env, job->work);
  free(job);
}

/* Making objects took longer than the calls. There is no outcome if the caller has transferred its memory. */
static struct outcome *find_outcome(napi_env env, const struct thread *thread) {
  napi_value memory = NULL;
  void *bytes = NULL;
  size_t length = 0;
  const bool is_found = napi_get_reference_value(env, thread->outcome, &memory) == napi_ok && memory != NULL &&
                        napi_get_arraybuffer_info(env, memory, &bytes, &length) == napi_ok &&
                        length == sizeof(struct outcome);
  return is_found ? bytes : NULL;
}

/*
 * Finds all memory that is shared with the program: the last step before the calls, since every other may run code of
 * the program, such as a getter. Returns NULL after it has thrown.
 */
static struct outcome *find_memory(napi_env env, struct job *job, const struct thread *thread) {
  for (size_t i = 0; i < job->count; i++)
    if (job->steps[i].given != NULL && !find_given(env, &job->steps[i])) return NULL;
  struct outcome *outcome = find_outcome(env, thread);
  if (outcome == NULL) refuse(env, "The memory for outcomes is gone");
  return outcome;
}

static bool read_steps(napi_env env, const napi_value *given, struct job *job) {
  size_t statuses = 0;
  for (size_t i = 0; i < job->count; i++) {
    if (!read_step(env, &given[i * values_of_link], &job->steps[i])) return false;
    if (job->steps[i].link.operation->gives == gives_status) statuses++;
  }
  return statuses <= most_statuses || refuse(env, "A chain has too many statuses");
}

/* ---- Giving the outcome ---- */

/* Returns the bytes. Without memory for them no link counts as done: the next steps find out what was. */
static napi_value give_outcome(napi_env env, const struct job *job, struct outcome *outcome) {
  napi_value all = NULL, bytes = NULL;
  uint32_t count = 0;
  bool is_given = true;
  struct status *statuses = outcome->statuses;
  for (size_t i = 0; i < job->done && is_given; i++) {
    const struct link *link = &job->steps[i].link;
    outcome->results[i] = (double)link->result;
    if (link->operation->gives == gives_status) *statuses++ = link->status;
    if (link->operation->gives == gives_bytes && link->result > 0)
      is_given = (count > 0 || napi_create_array(env, &all) == napi_ok) &&
                 napi_create_buffer_copy(env, (size_t)link->result, link->answer, NULL, &bytes) == napi_ok &&
                 napi_set_element(env, all, count++, bytes) == napi_ok;
  }
  outcome->done = is_given ? (double)job->done : 0;
  outcome->error = is_given ? job->error : ENOMEM;
  return is_given ? all : NULL;
}

/* ---- The function ---- */

static void execute(napi_env env, void *data) { (void)env, make_calls(data); }

/* If the thread that asked has ended, nobody can receive what the chain has opened: `end_thread` closes that. */
static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  struct thread *thread = NULL;
  napi_value callback = NULL, receiver = NULL, bytes = NULL;
  if (status != napi_ok) job->error = ECANCELED;
  if (napi_get_instance_data(env, (void **)&thread) == napi_ok && thread != NULL) {
    if (status == napi_ok) note_descriptors(thread, job);
    struct outcome *outcome = find_outcome(env, thread);
    if (outcome != NULL) bytes = give_outcome(env, job, outcome);
  }
  const bool is_callable = napi_get_reference_value(env, job->callback, &callback) == napi_ok &&
                           napi_get_undefined(env, &receiver) == napi_ok;
  free_job(env, job);
  if (bytes == NULL) bytes = receiver;
  if (is_callable) napi_call_function(env, receiver, callback, 1, &bytes, NULL);
}

static bool hold_given(napi_env env, struct job *job) {
  for (size_t i = 0; i < job->count; i++) {
    struct step *step = &job->steps[i];
    if (step->given != NULL && napi_create_reference(env, step->given, 1, &step->held) != napi_ok) return false;
  }
  return true;
}

static bool queue_job(napi_env env, struct job *job, napi_value callback, const struct thread *thread) {
  napi_value name = NULL;
  const bool is_made = hold_given(env, job) && napi_create_reference(env, callback, 1, &job->callback) == napi_ok &&
                       napi_create_string_utf8(env, "untorn", NAPI_AUTO_LENGTH, &name) == napi_ok &&
                       napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) == napi_ok;
  return (is_made && find_memory(env, job, thread) != NULL && napi_queue_async_work(env, job->work) == napi_ok) ||
         refuse(env, "The job cannot be queued");
}

static napi_value call_at_once(napi_env env, struct job *job, struct thread *thread) {
  struct outcome *outcome = find_memory(env, job, thread);
  if (outcome == NULL) return NULL;
  make_calls(job);
  note_descriptors(thread, job);
  return give_outcome(env, job, outcome);
}

static napi_value chain(napi_env env, napi_callback_info info) {
  napi_value given[1 + most_links * values_of_link], bytes = NULL;
  size_t count = 0;
  napi_valuetype type = napi_undefined;
  struct thread *thread = NULL;
  const bool is_call =
      napi_get_cb_info(env, info, &count, NULL, NULL, NULL) == napi_ok && count % values_of_link == 1 &&
      count <= sizeof given / sizeof given[0] && napi_get_cb_info(env, info, &count, given, NULL, NULL) == napi_ok &&
      napi_typeof(env, given[0], &type) == napi_ok && (type == napi_function || type == napi_undefined) &&
      napi_get_instance_data(env, (void **)&thread) == napi_ok && thread != NULL;
  if (!is_call) {
    refuse(env, "The arguments are not a callback or undefined, and links of four values, at most 256");
    return NULL;
  }
  struct job *job = calloc(1, sizeof *job + count / values_of_link * sizeof job->steps[0]);
  if (job == NULL) {
    refuse_for_memory(env);
    return NULL;
  }
  job->count = count / values_of_link;
  if (read_steps(env, given + 1, job)) {
    if (type == napi_undefined) bytes = call_at_once(env, job, thread);
    else if (queue_job(env, job, given[0], thread)) return NULL;
  }
  free_job(env, job);
  return bytes;
}

static bool export_numbers(napi_env env, napi_value exports) {
  napi_value numbers = NULL, number = NULL;
  bool is_made = napi_create_object(env, &numbers) == napi_ok;
  for (uint32_t i = 0; is_made && i < operation_count; i++)
    is_made = napi_create_uint32(env, i, &number) == napi_ok &&
              napi_set_named_property(env, numbers, operations[i].name, number) == napi_ok;
  return is_made && napi_set_named_property(env, exports, "operations", numbers) == napi_ok;
}

static bool export_outcome(napi_env env, napi_value exports, struct thread *thread) {
  napi_value memory = NULL;
  void *bytes = NULL;
  return napi_create_arraybuffer(env, sizeof(struct outcome), &bytes, &memory) == napi_ok &&
         napi_create_reference(env, memory, 1, &thread->outcome) == napi_ok &&
         napi_set_named_property(env, exports, "outcome", memory) == napi_ok;
}

NAPI_MODULE_INIT() {
  napi_value function = NULL;
  struct thread *thread = calloc(1, sizeof *thread);
  if (thread == NULL || napi_set_instance_data(env, thread, end_thread, NULL) != napi_ok) {
    free(thread);
    return NULL;
  }
  const bool is_made = export_outcome(env, exports, thread) && export_numbers(env, exports) &&
                       napi_create_function(env, "chain", NAPI_AUTO_LENGTH, chain, NULL, &function) == napi_ok &&
                       napi_set_named_property(env, exports, "chain", function) == napi_ok;
  return is_made ? exports : NULL;
}
