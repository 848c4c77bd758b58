/* The calls of open files and directories, and those of extended attributes. */

static void open_node(const struct fuse_in_header *in, const struct fuse_open_in *open_in) {
  struct fuse_open_out out = {.open_flags = 0};
  if (in->nodeid == CONTROL) {
    out.open_flags = FOPEN_DIRECT_IO;
    return answer(in->unique, 0, &out, sizeof out);
  }
  int is_directory = in->opcode == FUSE_OPENDIR;
  struct rule *rule = spoiled(is_directory ? "opendir" : "open", node_path(in->nodeid), "");
  if (rule != NULL && rule->error) return answer(in->unique, rule->error, NULL, 0);
  int flags = open_in->flags & ~(O_APPEND | O_NOFOLLOW | O_DIRECT | O_CREAT | O_EXCL);
  int fd = open(reach(in->nodeid), flags | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0));
  if (fd < 0) return answer(in->unique, errno, NULL, 0);
  DIR *directory = is_directory ? fdopendir(fd) : NULL;
  out.fh = is_directory ? (uint64_t)(uintptr_t)directory : (uint64_t)fd;
  answer(in->unique, 0, &out, sizeof out);
}

static void create(const struct fuse_in_header *in, const struct fuse_create_in *create_in) {
  const char *name = (const char *)(create_in + 1);
  mode_t mode = create_in->mode & ~create_in->umask & 07777;
  if (is_too_long(in, name)) return;
  struct rule *rule = spoiled("create", child_path(in->nodeid, name), "");
  int fd = 0, error = 0;
  if (is_performed(rule)) {
    int flags = create_in->flags & ~(O_APPEND | O_NOFOLLOW | O_DIRECT);
    fd = openat(nodes[in->nodeid].fd, spelt(in->nodeid, name), flags | O_CREAT | O_CLOEXEC, mode);
    error = fd < 0 ? errno : 0;
    if (fd >= 0) give(in, name, mode);
  }
  if (rule != NULL && error == 0) error = rule->error ? rule->error : EIO;
  if (error) {
    if (fd > 0) close(fd);
    return answer(in->unique, error, NULL, 0);
  }
  struct fuse_open_out more = {.fh = fd};
  answer_entry(in, find_node(in->nodeid, name), &more);
}

static char buffer[MAX_WRITE];

static void read_file(const struct fuse_in_header *in, const struct fuse_read_in *read_in) {
  if (in->nodeid == CONTROL) {
    size_t rest = read_in->offset < calls_length ? calls_length - read_in->offset : 0;
    return answer(in->unique, 0, calls + read_in->offset, rest < read_in->size ? rest : read_in->size);
  }
  struct rule *rule = spoiled("read", node_path(in->nodeid), "");
  if (rule != NULL) return answer(in->unique, rule->error, NULL, 0);
  ssize_t size = pread(read_in->fh, buffer, read_in->size, read_in->offset);
  if (size < 0) return answer(in->unique, errno, NULL, 0);
  answer(in->unique, 0, buffer, size);
}

static void write_file(const struct fuse_in_header *in, const struct fuse_write_in *write_in) {
  struct fuse_write_out out = {.size = write_in->size};
  const char *data = (const char *)(write_in + 1);
  if (in->nodeid == CONTROL) {
    char *text = strndup(data, write_in->size);
    command(text);
    free(text);
    return answer(in->unique, 0, &out, sizeof out);
  }
  struct rule *rule = spoiled("write", node_path(in->nodeid), "");
  if (rule != NULL && rule->error) return answer(in->unique, rule->error, NULL, 0);
  ssize_t size = rule != NULL ? write_in->size : pwrite(write_in->fh, data, write_in->size, write_in->offset);
  if (size < 0) return answer(in->unique, errno, NULL, 0);
  out.size = size;
  answer(in->unique, 0, &out, sizeof out);
}

static void read_directory(const struct fuse_in_header *in, const struct fuse_read_in *read_in) {
  struct rule *rule = spoiled("readdir", node_path(in->nodeid), "");
  if (rule != NULL) return answer(in->unique, rule->error, NULL, 0);
  DIR *directory = (DIR *)(uintptr_t)read_in->fh;
  size_t filled = 0;
  struct dirent *found;
  if (read_in->offset == 0) rewinddir(directory);
  else seekdir(directory, read_in->offset);
  while ((found = readdir(directory)) != NULL) {
    size_t length = strlen(found->d_name);
    struct fuse_dirent *entry = (void *)(buffer + filled);
    size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
    if (filled + size > read_in->size) break;
    memset(entry, 0, size);
    entry->ino = traits.path_inodes ? hash(child_path(in->nodeid, found->d_name)) : found->d_ino;
    entry->off = telldir(directory);
    entry->namelen = length;
    entry->type = found->d_type;
    memcpy(entry->name, found->d_name, length);
    filled += size;
  }
  answer(in->unique, 0, buffer, filled);
}

static void sync_file(const struct fuse_in_header *in, const struct fuse_fsync_in *sync_in, const char *call) {
  int is_directory = in->opcode == FUSE_FSYNCDIR;
  int fd = is_directory ? dirfd((DIR *)(uintptr_t)sync_in->fh) : (int)sync_in->fh;
  struct rule *rule = spoiled(call, node_path(in->nodeid), "");
  finish(in, rule, is_performed(rule) ? fsync(fd) : 0);
}

static void flush_file(const struct fuse_in_header *in) {
  finish(in, in->nodeid == CONTROL ? NULL : spoiled("close", node_path(in->nodeid), ""), 0);
}

static void release(const struct fuse_in_header *in, const struct fuse_release_in *release_in) {
  if (in->opcode == FUSE_RELEASEDIR) closedir((DIR *)(uintptr_t)release_in->fh);
  else if (in->nodeid != CONTROL) close(release_in->fh);
  answer(in->unique, 0, NULL, 0);
}

static void tell_size(const struct fuse_in_header *in) {
  struct fuse_statfs_out out = {0};
  struct statvfs found;
  struct rule *rule = spoiled("statfs", node_path(in->nodeid), "");
  int result = fstatvfs(nodes[ROOT].fd, &found);
  if (rule != NULL || result < 0) return finish(in, rule, result);
  out.st.blocks = found.f_blocks, out.st.bfree = found.f_bfree, out.st.bavail = found.f_bavail;
  out.st.files = found.f_files, out.st.ffree = found.f_ffree;
  out.st.bsize = found.f_bsize, out.st.frsize = found.f_frsize, out.st.namelen = traits.name_max;
  answer(in->unique, 0, &out, sizeof out);
}

static void set_attribute(const struct fuse_in_header *in, const struct fuse_setxattr_in *set) {
  const char *name = (const char *)set + FUSE_COMPAT_SETXATTR_IN_SIZE, *value = name + strlen(name) + 1;
  struct rule *rule = spoiled("setxattr", node_path(in->nodeid), name);
  finish(in, rule, is_performed(rule) ? setxattr(reach(in->nodeid), name, value, set->size, set->flags) : 0);
}

static void remove_attribute(const struct fuse_in_header *in, const char *name) {
  struct rule *rule = spoiled("removexattr", node_path(in->nodeid), name);
  finish(in, rule, is_performed(rule) ? removexattr(reach(in->nodeid), name) : 0);
}

/* The size only, where nothing more was asked for. */
static void answer_value(const struct fuse_in_header *in, uint32_t wanted, const struct rule *rule, const char *value, ssize_t size) {
  struct fuse_getxattr_out out = {0};
  if (rule != NULL && rule->data != NULL) value = rule->data, size = rule->size;
  else if (rule != NULL || size < 0) return finish(in, rule, size);
  out.size = size;
  if (wanted == 0) return answer(in->unique, 0, &out, sizeof out);
  if ((size_t)size > wanted) return answer(in->unique, ERANGE, NULL, 0);
  answer(in->unique, 0, value, size);
}

static void get_attribute(const struct fuse_in_header *in, const struct fuse_getxattr_in *get) {
  const char *name = (const char *)(get + 1);
  struct rule *rule = spoiled("getxattr", node_path(in->nodeid), name);
  ssize_t size = in->nodeid == CONTROL ? (errno = ENODATA, -1) : getxattr(reach(in->nodeid), name, buffer, sizeof buffer);
  answer_value(in, get->size, rule, buffer, size);
}

static void list_attributes(const struct fuse_in_header *in, const struct fuse_getxattr_in *get) {
  struct rule *rule = spoiled("listxattr", node_path(in->nodeid), "");
  answer_value(in, get->size, rule, buffer, in->nodeid == CONTROL ? 0 : listxattr(reach(in->nodeid), buffer, sizeof buffer));
}
