/*
 * Runs a program and spoils one of its system calls on files.
 *
 *     spoil LOG PREFIX... CUT... -- COMMAND...
 *
 * Looked at are the calls, of all threads and children, on paths and descriptors that begin with a PREFIX; "/proc/self/fd/N/name" is
 * the name in that directory. The program itself says from when to when, by asking for a file below /untorn-spoil (there is none):
 *
 *     /untorn-spoil/look                    only looks
 *     /untorn-spoil/error=ERRNO/NTH/CALL    the NTH such call from now on fails with that error; it is not made, but for a close
 *     /untorn-spoil/keep=COUNT/NTH/CALL     it is asked for only so many bytes; -1: for all but the last
 *     /untorn-spoil/fill=ERRNO/NTH/CALL     it writes one byte, and the next such calls fail with that error: a disk that is full
 *     /untorn-spoil/late=ERRNO/NTH/CALL     it is made, and fails with that error all the same, as it can on a network filesystem
 *     /untorn-spoil/kill/NTH/CALL           the process is killed instead of it, and the program with it
 *     /untorn-spoil/before=SIGNAL/NTH/CALL  the program gets the signal before it; a thread that is not the main one waits until that ends
 *     /untorn-spoil/beside=SIGNAL/NTH/CALL  the same, but it waits only until the main thread looks at files, or says "go"
 *     /untorn-spoil/after=SIGNAL/NTH/CALL   the program gets the signal when it is made; the thread waits until the main one says "go"
 *     /untorn-spoil/go                      the thread that waits goes on
 *     /untorn-spoil/ask                     before each call the thread waits for what descriptor 5 answers
 *     /untorn-spoil/end                     no more
 *
 * Who is asked reads a line of the call's name and its paths, each after a tab and a letter: "p" if it is given by name, "f" if by a
 * descriptor. The answer is a byte: "g" to go on; "f" to fail it, and all that follow until the next order, with EIO: as if the process
 * had been killed before it, and is not; "k" to kill the program.
 *
 * A CALL is the call's name and a path, as "openat /tmp/file"; a path ends after a CUT, where temporary names become random. The log has
 * a line for each: "NTH CALL", with a "!" before the one that was spoiled; and "end". Calls are counted by what they do, whatever
 * thread makes them, so that the same one is met each time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "orders.h"
#include "registers.h"
#include "watched.h"

enum { channel = 5 };
static pid_t program, late; /* the thread whose call is made, and is then said to have failed */
static pid_t held;          /* the thread that waits */
enum { WAIT = -1 };

/* What happened to other threads while one waited for an answer, and has to wait for it too. */
static struct happening {
  pid_t thread;
  int status;
} later[256];
static int laters;

/* The next path that the call works on, from its argument `*at` on, and how it is given: 'p', 'f', or 0 if there is none. */
static char next_path(pid_t thread, const struct call *call, word *const arguments[], int *at, char *path) {
  char given[PATH_MAX], how;
  int directory = AT_FDCWD;
  while ((how = call->arguments[*at])) {
    word value = *arguments[(*at)++];
    if (how == 'd') directory = (int)value;
    else if (how == 'f') return descriptor_path(thread, (int)value, "", path), how;
    else if (how == 'p') {
      copy_string(thread, value, given);
      resolve(thread, directory, given, path);
      return how;
    }
  }
  return 0;
}

/* Whether the call works on a file that is looked at; `path` is it, or the last of its paths. */
static int concerns(pid_t thread, const struct call *call, word *const arguments[], char *path) {
  for (int at = 0; next_path(thread, call, arguments, &at, path);) {
    if (is_watched(path) || !strncmp(path, marker, sizeof marker - 1)) return 1;
  }
  return 0;
}

static int is(const char *name) {
  return !strcmp(fault, name);
}

/* The program gets a signal. It hears of it when its main thread has nothing else to do; others wait meanwhile. */
static int interrupt(pid_t thread) {
  kill(program, fault_value);
  if (thread == program) return PTRACE_CONT;
  held = thread;
  return WAIT;
}

static void release(void) {
  if (held) ptrace(PTRACE_CONT, held, 0, 0);
  held = 0;
}

static pid_t process_of(pid_t thread) {
  char path[64], line[256];
  int process = thread;
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  FILE *status = fopen(path, "re");
  while (status && fgets(line, sizeof line, status)) if (sscanf(line, "Tgid: %d", &process) == 1) break;
  if (status) fclose(status);
  return process;
}

/* Fewer bytes than were asked for. Of several buffers only the first is left. */
static void keep(pid_t thread, const struct call *call, struct user_regs_struct *now, word *const arguments[], int some) {
  const char *buffers = strchr(call->arguments, 'v'), *count = strchr(call->arguments, 'n');
  struct iovec first = {0};
  word asked = 0;
  if (buffers) {
    copy_from(thread, *arguments[buffers - call->arguments], &first, sizeof first);
    asked = first.iov_len;
  } else if (count) asked = *arguments[count - call->arguments];
  word kept = some < 0 ? asked - 1 : (word)some;
  if (kept > asked) kept = asked;
  if (kept == 0) {
    RESULT(*now) = 0;
    set_number(thread, now, -1);
  } else if (buffers) {
    *arguments[1] = (word)first.iov_base;
    *arguments[2] = kept;
    set_number(thread, now, call->number == __NR_writev ? __NR_write : __NR_pwrite64);
  } else {
    if (count) *arguments[count - call->arguments] = kept;
    set_registers(thread, now);
  }
}

/* Returns how the thread goes on. */
static int spoil(pid_t thread, const struct call *call, struct user_regs_struct *now, word *const arguments[]) {
  int first = !spoiled;
  spoiled = 1;
  if (is("before") || is("beside")) return interrupt(thread);
  if (is("kill")) kill(process_of(thread), SIGKILL), kill(program, SIGKILL);
  else if (is("keep")) keep(thread, call, now, arguments, fault_value);
  else if (is("fill") && first) keep(thread, call, now, arguments, 1);
  else if (call->number == __NR_close || is("late") || is("after")) {
    /* A close that reports an error has closed the descriptor. */
    late = thread;
    return PTRACE_SYSCALL;
  } else {
    RESULT(*now) = -fault_value;
    set_number(thread, now, -1);
  }
  return PTRACE_CONT;
}

/* Without what would end the line or a path in it. */
static char *printable(char *path) {
  for (char *at = path; *at; at++) if ((unsigned char)*at < ' ') *at = '?';
  return path;
}

static void go_on(pid_t thread, int status);

/* Which of the calls that are looked at a thread is about to make; CALLS if it is another one, or works on other files. */
static int watched_call(pid_t thread, struct user_regs_struct *now, char *path) {
  word *const arguments[] = ARGUMENTS(*now);
  int at = 0;
  while (at < CALLS && calls[at].number != (long)NUMBER(*now)) at++;
  return at < CALLS && concerns(thread, &calls[at], arguments, path) ? at : CALLS;
}

static int is_watched_stop(pid_t thread, int status) {
  char path[PATH_MAX] = "";
  if (status >> 16 != PTRACE_EVENT_SECCOMP) return 0;
  struct user_regs_struct now = registers(thread);
  return watched_call(thread, &now, path) < CALLS;
}

/* Reads the answer. Threads that do something else meanwhile go on: whoever looks at the process finds it running, and not stopped. */
static char answer(void) {
  struct pollfd question = {channel, POLLIN, 0};
  sigset_t none;
  char text;
  sigemptyset(&none);
  for (;;) {
    int status;
    pid_t thread;
    while ((thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
      if (WIFSTOPPED(status) && !is_watched_stop(thread, status)) go_on(thread, status);
      else if (laters == sizeof later / sizeof *later) fail("too much happens during a question");
      else if (WIFSTOPPED(status) || thread == program) later[laters++] = (struct happening){thread, status};
    }
    if (ppoll(&question, 1, NULL, &none) == 1) break;
    if (errno != EINTR) fail("poll");
  }
  if (read(channel, &text, 1) != 1) fail("ask");
  return text;
}

/* Says which call it is, and does what the answer says. */
static int ask(pid_t thread, const struct call *call, struct user_regs_struct *now, word *const arguments[]) {
  char path[PATH_MAX], line[2 * PATH_MAX + 64], answered = 'g', how;
  if (!spoiled) {
    int length = snprintf(line, sizeof line, "%s", call->name);
    for (int at = 0; (how = next_path(thread, call, arguments, &at, path));) length += snprintf(line + length, sizeof line - length, "\t%c%s", how, printable(path));
    line[length++] = '\n';
    if (write(channel, line, length) != length) fail("ask");
    answered = answer();
  }
  if (answered == 'k') kill(program, SIGKILL);
  if (answered == 'f') spoiled = 1, fault_value = EIO;
  /* What is closed is closed also when nothing goes any more. */
  if (spoiled && call->number != __NR_close) RESULT(*now) = -fault_value, set_number(thread, now, -1);
  return PTRACE_CONT;
}

static int before_call(pid_t thread) {
  char path[PATH_MAX] = "", call[PATH_MAX + 64], line[PATH_MAX + 128];
  struct user_regs_struct now = registers(thread);
  word *const arguments[] = ARGUMENTS(now);
  int at = watched_call(thread, &now, path);
  if (at == CALLS) return PTRACE_CONT;
  if (!strncmp(path, marker, sizeof marker - 1)) {
    if (!strcmp(path + sizeof marker - 1, "go")) release();
    else obey(path + sizeof marker - 1);
    return PTRACE_CONT;
  }
  if (thread == program && is("beside")) release();
  if (!looking) return PTRACE_CONT;
  if (!strcmp(fault, "ask")) return ask(thread, &calls[at], &now, arguments);
  shorten(path);
  snprintf(call, sizeof call, "%s %s", calls[at].name, path);
  int number = number_of(call), hit = !strcmp(call, wanted) && (spoiled ? is("fill") : number == nth);
  snprintf(line, sizeof line, "%s%d %s\n", hit ? "!" : "", number, call);
  note(line);
  return hit ? spoil(thread, &calls[at], &now, arguments) : PTRACE_CONT;
}

static int after_call(pid_t thread) {
  late = 0;
  if (is("after")) return interrupt(thread);
  struct user_regs_struct now = registers(thread);
  RESULT(now) = -fault_value;
  set_registers(thread, &now);
  return PTRACE_CONT;
}

/* Only the calls above stop, so that the rest is as fast as ever. */
static void filter_calls(void) {
  struct sock_filter program[CALLS + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (int at = 0; at < CALLS; at++) program[at + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[at].number, CALLS - at, 0);
  program[CALLS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  program[CALLS + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog filter = {CALLS + 3, program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) fail("seccomp");
}

static void interrupts(int signal) {
  (void)signal;
}

static pid_t start(char **command) {
  int gate[2];
  char go;
  /* It comes only while an answer is awaited. */
  struct sigaction interrupting = {.sa_handler = interrupts};
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigaction(SIGCHLD, &interrupting, NULL);
  sigprocmask(SIG_BLOCK, &child_signal, NULL);
  if (pipe2(gate, O_CLOEXEC)) fail("pipe");
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(gate[1]);
    if (read(gate[0], &go, 1) != 1) _exit(125);
    sigprocmask(SIG_UNBLOCK, &child_signal, NULL);
    filter_calls();
    execvp(command[0], command);
    fail(command[0]);
  }
  int options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, child, 0, options)) fail("ptrace");
  if (write(gate[1], "", 1) != 1) fail("pipe");
  close(gate[0]);
  close(gate[1]);
  return child;
}

static void go_on(pid_t thread, int status) {
  int signal = WSTOPSIG(status), event = status >> 16, how = PTRACE_CONT;
  if (event == PTRACE_EVENT_SECCOMP) how = before_call(thread), signal = 0;
  else if (signal == (SIGTRAP | 0x80)) {
    if (thread == late) how = after_call(thread);
    signal = 0;
  } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) how = PTRACE_LISTEN, signal = 0;
  else if (event) signal = 0;
  if (how != WAIT) ptrace(how, thread, 0, signal); /* It may have been killed meanwhile: then there is nobody to go on. */
}

/* What happens next, or happened during a question. */
static pid_t next(int *status) {
  if (laters == 0) return waitpid(-1, status, __WALL);
  struct happening first = later[0];
  memmove(later, later + 1, --laters * sizeof *later);
  *status = first.status;
  return first.thread;
}

int main(int count, char **arguments) {
  int at = 2, status;
  while (at < count && strcmp(arguments[at], "--")) at++;
  if (at + 1 >= count) return fprintf(stderr, "spoil LOG PREFIX... CUT... -- COMMAND...\n"), 125;
  arguments[at] = NULL;
  words = (const char *const *)arguments + 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  log_file = open(arguments[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_file < 0) fail(arguments[1]);
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  program = start(arguments + at + 1);
  for (;;) {
    pid_t thread = next(&status);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) fail("wait");
    if (WIFSTOPPED(status)) go_on(thread, status);
    else if (thread == program) break;
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(WTERMSIG(status), SIG_DFL);
  raise(WTERMSIG(status));
  return 128 + WTERMSIG(status);
}
