/*
 * What the kernel has looked up: a descriptor (O_PATH) of each file below, by which all is done, and the path by which it was
 * found last, for the rules. A node is known by device and inode, as files are; or by its path, with `pathInodes`.
 */
#include <dirent.h>
#include <limits.h>

enum { ROOT = FUSE_ROOT_ID, CONTROL = 2 };
#define CONTROL_NAME ".odd-control"

struct node {
  int fd;
  dev_t dev;
  ino_t ino;
  uint64_t lookups, parent;
  /* NULL once the name leads elsewhere or nowhere. */
  char *name;
  /* How many answers tell its size wrongly. */
  long wrong;
};

static struct node *nodes;
static uint64_t node_count;

static void path_of(uint64_t id, char *path) {
  char above[PATH_MAX];
  struct node *node = &nodes[id];
  if (id == ROOT) strcpy(path, "");
  else if (node->name == NULL) strcpy(path, "(gone)");
  else {
    path_of(node->parent, above);
    snprintf(path, PATH_MAX, "%s/%s", above, node->name);
  }
}

static const char *child_path(uint64_t parent, const char *name) {
  static char paths[2][PATH_MAX];
  static int turn;
  char above[PATH_MAX];
  path_of(parent, above);
  turn = !turn;
  snprintf(paths[turn], PATH_MAX, "%s/%s", above, name);
  return paths[turn];
}

static const char *node_path(uint64_t id) {
  static char path[PATH_MAX];
  path_of(id, path);
  return path;
}

/* A path that leads to the file below, whatever its name is by now. */
static const char *reach(uint64_t id) {
  static char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", nodes[id].fd);
  return path;
}

static uint64_t hash(const char *path) {
  uint64_t value = 14695981039346656037ULL;
  for (; *path; path++) value = (value ^ (unsigned char)*path) * 1099511628211ULL;
  return value >> 1 | 1 << 8;
}

/* The name as it is spelt on the disk. */
static const char *spelt(uint64_t parent, const char *name) {
  static char found[2][NAME_MAX + 1];
  static int turn;
  struct stat status;
  struct dirent *entry;
  DIR *directory;
  if (!traits.ignore_case || fstatat(nodes[parent].fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0) return name;
  if ((directory = opendir(reach(parent))) == NULL) return name;
  turn = !turn;
  snprintf(found[turn], sizeof found[turn], "%s", name);
  while ((entry = readdir(directory)) != NULL) {
    if (strcasecmp(entry->d_name, name) == 0) strcpy(found[turn], entry->d_name);
  }
  closedir(directory);
  return found[turn];
}

static int is_named(const struct node *node, uint64_t parent, const char *name) {
  return node->name != NULL && node->parent == parent && strcmp(node->name, name) == 0;
}

/* The name leads there no more. */
static void name_gone(uint64_t parent, const char *name) {
  for (uint64_t id = CONTROL + 1; id < node_count; id++) if (is_named(&nodes[id], parent, name)) nodes[id].name = NULL;
}

static void name_moved(uint64_t parent, const char *name, uint64_t new_parent, const char *new_name) {
  name_gone(new_parent, new_name);
  for (uint64_t id = CONTROL + 1; id < node_count; id++) {
    if (!is_named(&nodes[id], parent, name)) continue;
    nodes[id].parent = new_parent;
    nodes[id].name = strdup(new_name);
  }
}

/* Finds or makes the node of a name; 0, with errno, where there is none. */
static uint64_t find_node(uint64_t parent, const char *name) {
  struct stat status;
  int fd = openat(nodes[parent].fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return 0;
  if (fstat(fd, &status) < 0) fail("fstat");
  for (uint64_t id = CONTROL + 1; id < node_count; id++) {
    struct node *node = &nodes[id];
    if (node->fd < 0 || node->dev != status.st_dev || node->ino != status.st_ino) continue;
    if (traits.path_inodes && !is_named(node, parent, name)) continue;
    close(fd);
    if (!is_named(node, parent, name)) node->parent = parent, node->name = strdup(name);
    node->lookups++;
    return id;
  }
  name_gone(parent, name);
  nodes = realloc(nodes, (node_count + 1) * sizeof *nodes);
  if (nodes == NULL) fail("realloc");
  nodes[node_count] = (struct node){fd, status.st_dev, status.st_ino, 1, parent, strdup(name), 0};
  return node_count++;
}

static void start_nodes(const char *below) {
  node_count = CONTROL + 1;
  nodes = calloc(node_count, sizeof *nodes);
  nodes[ROOT].fd = open(below, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (nodes[ROOT].fd < 0) fail(below);
}

static void forget(uint64_t id, uint64_t count) {
  if (id <= CONTROL || id >= node_count || nodes[id].fd < 0) return;
  nodes[id].lookups -= count;
  if (nodes[id].lookups > 0) return;
  close(nodes[id].fd);
  /* Its number is not used again, and its name may be part of a path still. */
  nodes[id].fd = -1;
}

/* As the traits have it. */
static uint64_t seen_time(const struct timespec *time, uint32_t *nanoseconds) {
  long seconds = time->tv_sec - traits.lag;
  *nanoseconds = traits.grain > 0 ? 0 : time->tv_nsec;
  return traits.grain > 0 ? seconds - seconds % traits.grain : seconds;
}

/* What stat(2) is to say of a node; -1, with errno, where that cannot be had. */
static int attributes_of(uint64_t id, struct fuse_attr *attr) {
  struct stat status = {.st_mode = S_IFREG | 0666, .st_nlink = 1, .st_ino = CONTROL};
  memset(attr, 0, sizeof *attr);
  if (id != CONTROL && fstatat(nodes[id].fd, "", &status, AT_EMPTY_PATH) < 0) return -1;
  if (S_ISREG(status.st_mode) && id != CONTROL) {
    if (traits.mode >= 0) status.st_mode = S_IFREG | traits.mode;
    if (traits.uid >= 0) status.st_uid = traits.uid;
    if (traits.gid >= 0) status.st_gid = traits.gid;
  }
  attr->ino = traits.path_inodes && id > CONTROL ? hash(node_path(id)) : status.st_ino;
  attr->size = status.st_size;
  if (nodes[id].wrong > 0) nodes[id].wrong--, attr->size += 48;
  attr->blocks = status.st_blocks;
  attr->atime = seen_time(&status.st_atim, &attr->atimensec);
  attr->mtime = seen_time(&status.st_mtim, &attr->mtimensec);
  attr->ctime = seen_time(&status.st_ctim, &attr->ctimensec);
  attr->mode = status.st_mode;
  attr->nlink = status.st_nlink;
  attr->uid = status.st_uid;
  attr->gid = status.st_gid;
  attr->rdev = status.st_rdev;
  attr->blksize = 4096;
  return 0;
}
