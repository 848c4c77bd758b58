// Runs a program to which the kernel refuses some calls, as sandboxes do:
//     refuse no-link | no-set-id | no-attributes | no-removal-of-directories COMMAND…
// Or one call, with EPERM or as if the kernel did not have it:
//     refuse statx | renameat2 | syncfs EPERM | ENOSYS COMMAND…
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter program[64];
static unsigned short length;

static void add(struct sock_filter instruction) { program[length++] = instruction; }

// The call fails with this error; if bits are given, only where one of them is in this argument.
static void refuse(int number, int error, int argument, unsigned bits) {
  add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
  add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, bits ? 3 : 1));
  if (bits) {
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * argument));
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
  }
  add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

static const struct { const char *name; int number; } single[] = {
  {"statx", SYS_statx}, {"renameat2", SYS_renameat2}, {"syncfs", SYS_syncfs},
};

static int fail(const char *what) { return perror(what), 125; }

int main(int argc, char **argv) {
  if (argc < 3) return fputs("refuse WHAT COMMAND\n", stderr), 125;
  const char *what = argv[1];
  char **command = argv + 2;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return fail("no_new_privs");
  if (!strcmp(what, "no-removal-of-directories")) {
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_REMOVE_DIR};
    int rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0)) return fail("landlock");
    close(rules);
  } else {
    if (!strcmp(what, "no-link")) {
#ifdef SYS_link
      refuse(SYS_link, EPERM, 0, 0);
#endif
      refuse(SYS_linkat, EPERM, 0, 0);
    } else if (!strcmp(what, "no-set-id")) {
#ifdef SYS_chmod
      refuse(SYS_chmod, EPERM, 1, 06000);
#endif
      refuse(SYS_fchmod, EPERM, 1, 06000);
      refuse(SYS_fchmodat, EPERM, 2, 06000);
    } else if (!strcmp(what, "no-attributes")) {
      int calls[] = {SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_getxattr, SYS_lgetxattr,
                     SYS_fgetxattr, SYS_setxattr,   SYS_lsetxattr,  SYS_fsetxattr};
      for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) refuse(calls[i], EPERM, 0, 0);
    } else {
      const int error = !strcmp(argv[2], "EPERM") ? EPERM : !strcmp(argv[2], "ENOSYS") ? ENOSYS : 0;
      for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (error && !strcmp(what, single[i].name)) refuse(single[i].number, error, 0, 0);
      if (length == 0 || argc < 4) return fputs("refuse what?\n", stderr), 125;
      command++;
    }
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    struct sock_fprog filter = {length, program};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) return fail("seccomp");
  }
  execvp(command[0], command);
  return fail(command[0]);
}
