/*
 * System calls that Node.js does not have, and several calls in one trip to the thread pool.
 *
 * The module has one function, chain(links, callback), and the numbers of its operations. A link is an array: the
 * number of an operation, then its arguments. The calls of a chain are made in order, up to the first that fails. With
 * a callback they are made in one job of the thread pool, otherwise at once. The outcome is an array: the errno of the
 * link that failed, or 0; then the results of the links before it. A descriptor of -1 stands for the one that the
 * latest "open" of the same chain returned.
 *
 * There is no policy in here: no decision between two calls, and no second attempt. Only a call that a signal
 * interrupted before it did anything (EINTR) is made again, as libuv does.
 *
 * Everything is read before the first call is made: a chain that is refused makes none. Paths and names are strings or
 * bytes without a null. Bytes that are written stay in the caller's memory, which is held until the job has ended;
 * memory that can be resized is refused. A status is found in `statuses`.
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

enum { most_links = 256, most_statuses = 16 };

/* One call of a chain, with the memory of its arguments and of its result. */
struct step {
  struct link link;
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
 * What is kept for a thread of the program (an environment): memory for statuses, and the descriptors that it has
 * opened here. Node closes what a worker thread left open, but knows only its own descriptors.
 */
struct thread {
  napi_ref statuses;
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
  if (thread->statuses != NULL) napi_delete_reference(env, thread->statuses);
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
  bool is_array = false;
  napi_typedarray_type type = napi_int8_array;
  size_t offset = 0;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(env, value, &type, length, bytes, buffer, &offset) != napi_ok ||
      type != napi_uint8_array)
    return refuse(env, "Bytes are not a Uint8Array");
  return true;
}

/* A path or a name is copied, with a null at its end. */
static bool read_string(napi_env env, napi_value value, char **into, size_t *length) {
  if (napi_get_value_string_utf8(env, value, NULL, 0, length) != napi_ok) return refuse(env, "A path cannot be read");
  *into = malloc(*length + 1);
  if (*into == NULL) return refuse_for_memory(env);
  return napi_get_value_string_utf8(env, value, *into, *length + 1, length) == napi_ok ||
         refuse(env, "A path cannot be read");
}

static bool read_name_bytes(napi_env env, napi_value value, char **into, size_t *length) {
  void *bytes = NULL;
  napi_value buffer = NULL;
  if (!find_bytes(env, value, &buffer, &bytes, length)) return false;
  *into = calloc(1, *length + 1);
  if (*into == NULL) return refuse_for_memory(env);
  if (bytes != NULL) memcpy(*into, bytes, *length);
  return true;
}

static bool read_text(napi_env env, napi_value value, char **into) {
  napi_valuetype type = napi_undefined;
  size_t length = 0;
  if (napi_typeof(env, value, &type) != napi_ok) return refuse(env, "A path cannot be read");
  const bool is_read = type == napi_string ? read_string(env, value, into, &length)
                                           : read_name_bytes(env, value, into, &length);
  return is_read && (strlen(*into) == length || refuse(env, "A path has a null in it"));
}

static bool has_no(napi_env env, napi_value object, const char *property) {
  napi_value value = NULL;
  bool is_true = true;
  return napi_get_named_property(env, object, property, &value) == napi_ok &&
         napi_coerce_to_bool(env, value, &value) == napi_ok && napi_get_value_bool(env, value, &is_true) == napi_ok &&
         !is_true;
}

/* Bytes that a call uses where they are: `find_held` reads their address later. */
static bool hold_bytes(napi_env env, napi_value value, napi_ref *held) {
  size_t length = 0;
  void *bytes = NULL;
  napi_value buffer = NULL;
  if (!find_bytes(env, value, &buffer, &bytes, &length)) return false;
  /* An ArrayBuffer has one of these properties, a SharedArrayBuffer the other. */
  if (!has_no(env, buffer, "resizable") || !has_no(env, buffer, "growable"))
    return refuse(env, "Memory that can be resized is not written from");
  return napi_create_reference(env, value, 1, held) == napi_ok || refuse(env, "Bytes cannot be held");
}

static bool find_held(napi_env env, struct step *step) {
  napi_value value = NULL, buffer = NULL;
  bool is_detached = true;
  if (napi_get_reference_value(env, step->held, &value) != napi_ok || value == NULL ||
      !find_bytes(env, value, &buffer, &step->link.bytes, &step->link.length))
    return refuse(env, "Bytes are gone");
  return (napi_is_detached_arraybuffer(env, buffer, &is_detached) == napi_ok && !is_detached) ||
         refuse(env, "Memory that was transferred is not written from");
}

/* The last step before the calls, since every other may run code of the program, such as a getter. */
static bool find_all_held(napi_env env, struct job *job) {
  for (size_t i = 0; i < job->count; i++)
    if (job->steps[i].held != NULL && !find_held(env, &job->steps[i])) return false;
  return true;
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
      return hold_bytes(env, value, &step->held);
  }
}

static bool read_step(napi_env env, napi_value given, struct step *step) {
  napi_value value = NULL;
  int64_t number = -1;
  bool is_array = false;
  if (napi_is_array(env, given, &is_array) != napi_ok || !is_array) return refuse(env, "A link is not an array");
  if (napi_get_element(env, given, 0, &value) != napi_ok) return refuse(env, "A link has no operation");
  if (!read_number(env, value, 0, (int64_t)operation_count - 1, &number)) return false;
  step->link.operation = &operations[number];
  size_t numbers = 0, texts = 0;
  for (uint32_t i = 0; operations[number].kinds[i] != '\0'; i++) {
    if (napi_get_element(env, given, i + 1, &value) != napi_ok) return refuse(env, "An argument cannot be read");
    if (!read_argument(env, operations[number].kinds[i], value, step, &numbers, &texts)) return false;
  }
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

/*
 * The memory in which JavaScript finds statuses: those of one chain, in their order, until the next outcome. Making
 * objects of them took longer than the calls. The caller may have transferred it, so it is found each time.
 */
static struct status *find_statuses(napi_env env, const struct thread *thread) {
  napi_value memory = NULL;
  void *bytes = NULL;
  size_t length = 0;
  const bool is_found = napi_get_reference_value(env, thread->statuses, &memory) == napi_ok && memory != NULL &&
                        napi_get_arraybuffer_info(env, memory, &bytes, &length) == napi_ok &&
                        length == most_statuses * sizeof(struct status);
  return is_found ? bytes : NULL;
}

static bool has_room_for_statuses(napi_env env, const struct job *job, const struct thread *thread) {
  uint32_t statuses = 0;
  for (size_t i = 0; i < job->count; i++)
    if (job->steps[i].link.operation->gives == gives_status) statuses++;
  if (statuses > most_statuses) return refuse(env, "A chain has too many statuses");
  return statuses == 0 || find_statuses(env, thread) != NULL || refuse(env, "The memory for statuses is gone");
}

static bool read_steps(napi_env env, napi_value links, struct job *job) {
  napi_value given = NULL;
  for (uint32_t i = 0; i < job->count; i++) {
    if (napi_get_element(env, links, i, &given) != napi_ok) return refuse(env, "A link cannot be read");
    if (!read_step(env, given, &job->steps[i])) return false;
  }
  return true;
}

/* Returns NULL after it has thrown. */
static struct job *read_job(napi_env env, napi_value links, const struct thread *thread) {
  uint32_t count = 0;
  bool is_array = false;
  if (napi_is_array(env, links, &is_array) != napi_ok || !is_array ||
      napi_get_array_length(env, links, &count) != napi_ok || count > most_links) {
    refuse(env, "The links are not an array, or too many");
    return NULL;
  }
  struct job *job = calloc(1, sizeof *job + count * sizeof job->steps[0]);
  if (job == NULL) {
    refuse_for_memory(env);
    return NULL;
  }
  job->count = count;
  if (read_steps(env, links, job) && has_room_for_statuses(env, job, thread)) return job;
  free_job(env, job);
  return NULL;
}

/* ---- Giving the outcome ---- */

static bool give_result(napi_env env, const struct link *link, napi_value *into) {
  switch (link->operation->gives) {
    case gives_number:
      return napi_create_double(env, (double)link->result, into) == napi_ok;
    case gives_bytes:
      return napi_create_buffer_copy(env, (size_t)link->result, link->answer, NULL, into) == napi_ok;
    default:
      return napi_get_undefined(env, into) == napi_ok;
  }
}

static napi_value outcome_of(napi_env env, const struct job *job, const struct thread *thread) {
  napi_value outcome = NULL, value = NULL;
  struct status *statuses = find_statuses(env, thread);
  for (size_t i = 0; i < job->done && statuses != NULL; i++)
    if (job->steps[i].link.operation->gives == gives_status) *statuses++ = job->steps[i].link.status;
  bool is_given = napi_create_array_with_length(env, job->done + 1, &outcome) == napi_ok &&
                  napi_create_int32(env, job->error, &value) == napi_ok &&
                  napi_set_element(env, outcome, 0, value) == napi_ok;
  for (uint32_t i = 0; is_given && i < job->done; i++)
    is_given = give_result(env, &job->steps[i].link, &value) && napi_set_element(env, outcome, i + 1, value) == napi_ok;
  return is_given ? outcome : NULL;
}

/* ---- The function ---- */

static void execute(napi_env env, void *data) { (void)env, make_calls(data); }

/*
 * If the thread that asked has ended, nobody can receive what the chain has opened: `end_thread` closes that. If there
 * is no memory for the outcome, the callback gets undefined.
 */
static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  struct thread *thread = NULL;
  napi_value callback = NULL, receiver = NULL, outcome = NULL;
  if (status != napi_ok) job->error = ECANCELED;
  if (napi_get_instance_data(env, (void **)&thread) == napi_ok && thread != NULL) {
    if (status == napi_ok) note_descriptors(thread, job);
    outcome = outcome_of(env, job, thread);
  }
  const bool is_callable = napi_get_reference_value(env, job->callback, &callback) == napi_ok &&
                           napi_get_undefined(env, &receiver) == napi_ok;
  free_job(env, job);
  if (outcome == NULL) outcome = receiver;
  if (is_callable) napi_call_function(env, receiver, callback, 1, &outcome, NULL);
}

static bool queue_job(napi_env env, struct job *job, napi_value callback) {
  napi_value name = NULL;
  const bool is_made = napi_create_reference(env, callback, 1, &job->callback) == napi_ok &&
                       napi_create_string_utf8(env, "untorn", NAPI_AUTO_LENGTH, &name) == napi_ok &&
                       napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) == napi_ok;
  return is_made && find_all_held(env, job) && napi_queue_async_work(env, job->work) == napi_ok;
}

static napi_value call_at_once(napi_env env, struct job *job, struct thread *thread) {
  if (!find_all_held(env, job)) return NULL;
  make_calls(job);
  note_descriptors(thread, job);
  napi_value outcome = outcome_of(env, job, thread);
  if (outcome == NULL) refuse_for_memory(env);
  return outcome;
}

static napi_value chain(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2] = {NULL, NULL}, outcome = NULL;
  napi_valuetype type = napi_undefined;
  struct thread *thread = NULL;
  if (napi_get_cb_info(env, info, &count, given, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, (void **)&thread) != napi_ok || thread == NULL ||
      napi_typeof(env, given[1], &type) != napi_ok || (type != napi_function && type != napi_undefined)) {
    refuse(env, "The callback is not a function");
    return NULL;
  }
  struct job *job = read_job(env, given[0], thread);
  if (job == NULL) return NULL;
  if (type == napi_function) {
    if (queue_job(env, job, given[1])) return NULL;
    refuse(env, "The job cannot be queued");
  } else {
    outcome = call_at_once(env, job, thread);
  }
  free_job(env, job);
  return outcome;
}

static bool export_numbers(napi_env env, napi_value exports) {
  napi_value numbers = NULL, number = NULL;
  bool is_made = napi_create_object(env, &numbers) == napi_ok;
  for (uint32_t i = 0; is_made && i < operation_count; i++)
    is_made = napi_create_uint32(env, i, &number) == napi_ok &&
              napi_set_named_property(env, numbers, operations[i].name, number) == napi_ok;
  return is_made && napi_set_named_property(env, exports, "operations", numbers) == napi_ok;
}

static bool export_statuses(napi_env env, napi_value exports, struct thread *thread) {
  napi_value memory = NULL;
  void *bytes = NULL;
  return napi_create_arraybuffer(env, most_statuses * sizeof(struct status), &bytes, &memory) == napi_ok &&
         napi_create_reference(env, memory, 1, &thread->statuses) == napi_ok &&
         napi_set_named_property(env, exports, "statuses", memory) == napi_ok;
}

NAPI_MODULE_INIT() {
  napi_value function = NULL;
  struct thread *thread = calloc(1, sizeof *thread);
  if (thread == NULL || napi_set_instance_data(env, thread, end_thread, NULL) != napi_ok) {
    free(thread);
    return NULL;
  }
  const bool is_made = export_statuses(env, exports, thread) && export_numbers(env, exports) &&
                       napi_create_function(env, "chain", NAPI_AUTO_LENGTH, chain, NULL, &function) == napi_ok &&
                       napi_set_named_property(env, exports, "chain", function) == napi_ok;
  return is_made ? exports : NULL;
}
