/* The registers of a thread that stands before or after a system call: for spoil.c. */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined __x86_64__
#define ARGUMENTS(r) {&(r).rdi, &(r).rsi, &(r).rdx, &(r).r10, &(r).r8, &(r).r9}
#define RESULT(r) (r).rax
#define NUMBER(r) (r).orig_rax
#elif defined __aarch64__
#define ARGUMENTS(r) {&(r).regs[0], &(r).regs[1], &(r).regs[2], &(r).regs[3], &(r).regs[4], &(r).regs[5]}
#define RESULT(r) (r).regs[0]
#define NUMBER(r) (r).regs[8]
#else
#error "this processor's registers are not known here"
#endif

static struct user_regs_struct registers(pid_t thread) {
  struct user_regs_struct found = {0};
  struct iovec place = {&found, sizeof found};
  ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &place);
  return found;
}

static void set_registers(pid_t thread, struct user_regs_struct *changed) {
  struct iovec place = {changed, sizeof *changed};
  ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &place);
}

static void set_number(pid_t thread, struct user_regs_struct *changed, long number) {
#if defined __aarch64__
  int call = number;
  struct iovec place = {&call, sizeof call};
  ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &place);
#endif
  NUMBER(*changed) = number;
  set_registers(thread, changed);
}
