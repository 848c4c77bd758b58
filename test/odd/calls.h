/* The calls, each done below unless a rule spoils it. */

static void finish(const struct fuse_in_header *in, const struct rule *rule, int result) {
  answer(in->unique, answered_error(rule, result < 0 ? errno : 0), NULL, 0);
}

static int is_too_long(const struct fuse_in_header *in, const char *name) {
  if (strlen(name) <= (size_t)traits.name_max) return 0;
  answer(in->unique, ENAMETOOLONG, NULL, 0);
  return 1;
}

/* The answer to what gives an entry; `more` is what else create answers. */
static void answer_entry(const struct fuse_in_header *in, uint64_t id, const struct fuse_open_out *more) {
  struct { struct fuse_entry_out entry; struct fuse_open_out open; } out = {.entry.nodeid = id};
  if (id == 0 || attributes_of(id, &out.entry.attr) < 0) return answer(in->unique, errno, NULL, 0);
  if (more != NULL) out.open = *more;
  answer(in->unique, 0, &out, more != NULL ? sizeof out : sizeof out.entry);
}

/* The answer where something was made, or an error is to say that it was not. */
static void answer_made(const struct fuse_in_header *in, const struct rule *rule, int result, const char *name) {
  int error = answered_error(rule, result < 0 ? errno : 0);
  if (error != 0) return answer(in->unique, error, NULL, 0);
  answer_entry(in, find_node(in->nodeid, name), NULL);
}

/* Gives what the superuser made to the one who asked. */
static void give(const struct fuse_in_header *in, const char *name, mode_t mode) {
  struct stat above, made;
  int at = nodes[in->nodeid].fd;
  if (fstatat(at, "", &above, AT_EMPTY_PATH) < 0 || fstatat(at, name, &made, AT_SYMLINK_NOFOLLOW) < 0) return;
  gid_t gid = above.st_mode & S_ISGID ? above.st_gid : in->gid;
  if (made.st_uid == in->uid && made.st_gid == gid) return;
  if (fchownat(at, name, in->uid, gid, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(made.st_mode)) return;
  if ((mode & (S_ISUID | S_ISGID)) != 0 && fchmodat(at, name, made.st_mode & 07777, 0) < 0) perror("chmod");
}

static void look_up(const struct fuse_in_header *in, const char *name) {
  if (in->nodeid == ROOT && strcmp(name, CONTROL_NAME) == 0) return answer_entry(in, CONTROL, NULL);
  if (is_too_long(in, name)) return;
  struct rule *rule = spoiled("lookup", child_path(in->nodeid, name), "");
  if (rule != NULL && rule->error) return answer(in->unique, rule->error, NULL, 0);
  answer_entry(in, find_node(in->nodeid, spelt(in->nodeid, name)), NULL);
}

static void forget_several(const struct fuse_batch_forget_in *all) {
  const struct fuse_forget_one *one = (const void *)(all + 1);
  for (uint32_t i = 0; i < all->count; i++) forget(one[i].nodeid, one[i].nlookup);
}

static void answer_attributes(const struct fuse_in_header *in) {
  struct fuse_attr_out out = {0};
  if (attributes_of(in->nodeid, &out.attr) < 0) return answer(in->unique, errno, NULL, 0);
  answer(in->unique, 0, &out, sizeof out);
}

static void get_attributes(const struct fuse_in_header *in) {
  struct rule *rule = in->nodeid == CONTROL ? NULL : spoiled("stat", node_path(in->nodeid), "");
  if (rule != NULL && rule->error) return answer(in->unique, rule->error, NULL, 0);
  answer_attributes(in);
}

static int change(const struct fuse_in_header *in, const struct fuse_setattr_in *set) {
  const char *file = reach(in->nodeid);
  if (set->valid & (FATTR_UID | FATTR_GID)) {
    uid_t uid = set->valid & FATTR_UID ? set->uid : (uid_t)-1;
    gid_t gid = set->valid & FATTR_GID ? set->gid : (gid_t)-1;
    if (fchownat(nodes[in->nodeid].fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0) return -1;
  }
  if (set->valid & FATTR_MODE && chmod(file, set->mode & 07777) < 0) return -1;
  if (set->valid & FATTR_SIZE) {
    if ((set->valid & FATTR_FH ? ftruncate(set->fh, set->size) : truncate(file, set->size)) < 0) return -1;
  }
  if (set->valid & (FATTR_ATIME | FATTR_MTIME)) {
    struct timespec times[2] = {{set->atime, set->atimensec}, {set->mtime, set->mtimensec}};
    times[0].tv_sec += traits.lag, times[1].tv_sec += traits.lag;
    if (!(set->valid & FATTR_ATIME)) times[0].tv_nsec = UTIME_OMIT;
    else if (set->valid & FATTR_ATIME_NOW) times[0].tv_nsec = UTIME_NOW;
    if (!(set->valid & FATTR_MTIME)) times[1].tv_nsec = UTIME_OMIT;
    else if (set->valid & FATTR_MTIME_NOW) times[1].tv_nsec = UTIME_NOW;
    if (utimensat(AT_FDCWD, file, times, 0) < 0) return -1;
  }
  return 0;
}

static void set_attributes(const struct fuse_in_header *in, const struct fuse_setattr_in *set) {
  const char *call = set->valid & (FATTR_UID | FATTR_GID) ? "chown" : set->valid & FATTR_MODE ? "chmod" :
    set->valid & FATTR_SIZE ? "truncate" : "utimens";
  if (in->nodeid == CONTROL) return answer_attributes(in);
  struct rule *rule = spoiled(call, node_path(in->nodeid), "");
  int result = is_performed(rule) ? change(in, set) : 0;
  if (answered_error(rule, result < 0 ? errno : 0)) return finish(in, rule, result);
  answer_attributes(in);
}

static void read_link(const struct fuse_in_header *in) {
  char target[PATH_MAX];
  struct rule *rule = spoiled("readlink", node_path(in->nodeid), "");
  ssize_t length = readlinkat(nodes[in->nodeid].fd, "", target, sizeof target);
  if (rule != NULL || length < 0) return finish(in, rule, length);
  answer(in->unique, 0, target, length);
}

static void make_link(const struct fuse_in_header *in, const char *name, const char *target) {
  if (is_too_long(in, name)) return;
  struct rule *rule = spoiled("symlink", child_path(in->nodeid, name), "");
  int result = is_performed(rule) ? symlinkat(target, nodes[in->nodeid].fd, name) : 0;
  if (result == 0) give(in, name, 0);
  answer_made(in, rule, result, name);
}

static void make_node(const struct fuse_in_header *in, const struct fuse_mknod_in *made) {
  const char *name = (const char *)(made + 1);
  mode_t mode = made->mode & ~made->umask;
  if (is_too_long(in, name)) return;
  struct rule *rule = spoiled("mknod", child_path(in->nodeid, name), "");
  int result = is_performed(rule) ? mknodat(nodes[in->nodeid].fd, spelt(in->nodeid, name), mode, made->rdev) : 0;
  if (result == 0) give(in, name, mode);
  answer_made(in, rule, result, name);
}

static void make_directory(const struct fuse_in_header *in, const struct fuse_mkdir_in *made) {
  const char *name = (const char *)(made + 1);
  mode_t mode = made->mode & ~made->umask;
  if (is_too_long(in, name)) return;
  struct rule *rule = spoiled("mkdir", child_path(in->nodeid, name), "");
  int result = is_performed(rule) ? mkdirat(nodes[in->nodeid].fd, spelt(in->nodeid, name), mode) : 0;
  if (result == 0) give(in, name, mode);
  answer_made(in, rule, result, name);
}

static void remove_name(const struct fuse_in_header *in, const char *given, const char *call, int flags) {
  const char *name = spelt(in->nodeid, given);
  struct rule *rule = spoiled(call, child_path(in->nodeid, name), "");
  int result = is_performed(rule) ? unlinkat(nodes[in->nodeid].fd, name, flags) : 0;
  if (result == 0 && is_performed(rule)) name_gone(in->nodeid, name);
  finish(in, rule, result);
}

static void rename_name(const struct fuse_in_header *in, uint64_t directory, uint32_t flags, const char *old) {
  const char *from = spelt(in->nodeid, old), *given = old + strlen(old) + 1;
  if (is_too_long(in, given)) return;
  /* Where only the case changes it is one file, which gets the new spelling. */
  const char *to = strcasecmp(old, given) == 0 && in->nodeid == directory ? given : spelt(directory, given);
  struct rule *rule = spoiled("rename", child_path(in->nodeid, from), child_path(directory, to));
  int result = 0;
  if (traits.no_replacing && faccessat(nodes[directory].fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) errno = EPERM, result = -1;
  else if (is_performed(rule)) {
    struct stat moved;
    if (traits.rounding && fstatat(nodes[in->nodeid].fd, from, &moved, AT_SYMLINK_NOFOLLOW) == 0) {
      struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = moved.st_mtim.tv_sec}};
      utimensat(nodes[in->nodeid].fd, from, times, AT_SYMLINK_NOFOLLOW);
    }
    result = renameat2(nodes[in->nodeid].fd, from, nodes[directory].fd, to, flags);
    if (result == 0 && (flags & RENAME_EXCHANGE) == 0) name_moved(in->nodeid, from, directory, to);
  } else if (rule->removes && unlinkat(nodes[directory].fd, to, 0) == 0) name_gone(directory, to);
  finish(in, rule, result);
}

static void link_name(const struct fuse_in_header *in, const struct fuse_link_in *link) {
  const char *name = (const char *)(link + 1);
  char from[PATH_MAX];
  if (is_too_long(in, name)) return;
  path_of(link->oldnodeid, from);
  struct rule *rule = spoiled("link", from, child_path(in->nodeid, name));
  int result = 0;
  if (is_performed(rule)) result = linkat(AT_FDCWD, reach(link->oldnodeid), nodes[in->nodeid].fd, name, AT_SYMLINK_FOLLOW);
  if (result == 0) nodes[link->oldnodeid].wrong = traits.wrong_size;
  answer_made(in, rule, result, name);
}

#include "open-calls.h"
