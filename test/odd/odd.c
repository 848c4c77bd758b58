/*
 * A filesystem that misbehaves on command.
 *
 *     odd DIRECTORY BELOW
 *
 * Shows on DIRECTORY what is in BELOW, and does there what it is asked to, but for the calls that a rule spoils (rules.h): those
 * fail, before or after they were done, or succeed and do nothing. Rules are written to the file .odd-control in its root, which
 * no listing shows; reading it gives the calls that were made. Nothing is cached: every look of a program reaches it.
 *
 * It speaks the protocol of linux/fuse.h itself, and ends when it is unmounted.
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include "../support/fuse.h"
#include "rules.h"
#include "nodes.h"
#include "calls.h"

static void serve(const struct fuse_in_header *in, const void *body) {
  const char *name = body;
  switch (in->opcode) {
    case FUSE_INIT: return answer_start(in, body, FUSE_POSIX_ACL | FUSE_DONT_MASK);
    case FUSE_LOOKUP: return look_up(in, name);
    case FUSE_FORGET: return forget(in->nodeid, ((const struct fuse_forget_in *)body)->nlookup);
    case FUSE_BATCH_FORGET: return forget_several(body);
    case FUSE_GETATTR: return get_attributes(in);
    case FUSE_SETATTR: return set_attributes(in, body);
    case FUSE_READLINK: return read_link(in);
    case FUSE_SYMLINK: return make_link(in, name, name + strlen(name) + 1);
    case FUSE_MKNOD: return make_node(in, body);
    case FUSE_MKDIR: return make_directory(in, body);
    case FUSE_UNLINK: return remove_name(in, name, "unlink", 0);
    case FUSE_RMDIR: return remove_name(in, name, "rmdir", AT_REMOVEDIR);
    case FUSE_RENAME: {
      const struct fuse_rename_in *to = body;
      return rename_name(in, to->newdir, 0, (const char *)(to + 1));
    }
    case FUSE_RENAME2: {
      const struct fuse_rename2_in *to = body;
      return rename_name(in, to->newdir, to->flags, (const char *)(to + 1));
    }
    case FUSE_LINK: return link_name(in, body);
    case FUSE_OPEN: case FUSE_OPENDIR: return open_node(in, body);
    case FUSE_CREATE: return create(in, body);
    case FUSE_READ: return read_file(in, body);
    case FUSE_WRITE: return write_file(in, body);
    case FUSE_READDIR: return read_directory(in, body);
    case FUSE_FSYNC: return sync_file(in, body, "fsync");
    case FUSE_FSYNCDIR: return sync_file(in, body, "fsyncdir");
    case FUSE_FLUSH: return flush_file(in);
    case FUSE_RELEASE: case FUSE_RELEASEDIR: return release(in, body);
    case FUSE_STATFS: return tell_size(in);
    case FUSE_SETXATTR: return set_attribute(in, body);
    case FUSE_GETXATTR: return get_attribute(in, body);
    case FUSE_LISTXATTR: return list_attributes(in, body);
    case FUSE_REMOVEXATTR: return remove_attribute(in, name);
    case FUSE_INTERRUPT: return;
    default: return answer(in->unique, ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  struct rlimit limit;
  if (argc != 5) return 2;
  traits.mode = traits.uid = traits.gid = -1;
  traits.name_max = NAME_MAX;
  umask(0);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) limit.rlim_cur = limit.rlim_max, setrlimit(RLIMIT_NOFILE, &limit);
  start_nodes(argv[2]);
  mount_fuse(argv[3], argv[4], argv[1], ",allow_other,default_permissions");
  while (serve_next(serve));
}
