/*
 * The calls on Windows that Node.js does not have. Paths come as UTF-8, and Windows takes UTF-16.
 *
 * An error of Windows becomes an errno of its C library, which Node.js has in os.constants.errno. What a system or a
 * filesystem does not have fails with EINVAL, ENOSYS or ENOTSUP.
 */
#define _WIN32_WINNT 0x0A00
#define NTDDI_VERSION 0x0A000002
#include <windows.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "operations.h"

/* Shares the file for everything, so that no other program is refused while a call is made. */
enum { with_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

/* FileRenameInfoEx: not every header has it. */
static const FILE_INFO_BY_HANDLE_CLASS rename_info_ex = (FILE_INFO_BY_HANDLE_CLASS)22;

static const size_t before_name = offsetof(FILE_RENAME_INFO, FileName);

/* Where libuv has an errno for an error, it is the same one here; but ERROR_INVALID_FUNCTION is no EISDIR. */
static const struct { int number; DWORD errors[8]; } table[] = {
    {ENOENT, {ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_INVALID_DRIVE, ERROR_INVALID_NAME, ERROR_DIRECTORY,
              ERROR_BAD_NETPATH, ERROR_BAD_NET_NAME}},
    {EPERM, {ERROR_ACCESS_DENIED}},
    {EACCES, {ERROR_NOACCESS}},
    {EBUSY, {ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION}},
    {EEXIST, {ERROR_FILE_EXISTS, ERROR_ALREADY_EXISTS}},
    {ENOTEMPTY, {ERROR_DIR_NOT_EMPTY}},
    {EXDEV, {ERROR_NOT_SAME_DEVICE}},
    {ENOSPC, {ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL}},
    {EROFS, {ERROR_WRITE_PROTECT}},
    {EMFILE, {ERROR_TOO_MANY_OPEN_FILES}},
    {ENOMEM, {ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY}},
    {ENAMETOOLONG, {ERROR_FILENAME_EXCED_RANGE}},
    {EINVAL, {ERROR_INVALID_PARAMETER}},
    {ENOSYS, {ERROR_INVALID_FUNCTION, ERROR_CALL_NOT_IMPLEMENTED, ERROR_INVALID_LEVEL}},
    {ENOTSUP, {ERROR_NOT_SUPPORTED}},
};

static int errno_of(DWORD error) {
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    for (size_t j = 0; table[i].errors[j] != ERROR_SUCCESS; j++)
      if (table[i].errors[j] == error) return table[i].number;
  return EIO;
}

static int64_t result_of(DWORD error) {
  if (error == ERROR_SUCCESS) return 0;
  errno = errno_of(error);
  return -1;
}

/* MultiByteToWideChar: a path behind `before` bytes of zeros. Returns NULL if that cannot be had. */
static void *widen(const char *path, size_t before) {
  const int count = MultiByteToWideChar(CP_UTF8, 0, path, -1, NULL, 0);
  char *memory = count == 0 ? NULL : calloc(1, before + (size_t)count * sizeof(WCHAR));
  if (memory == NULL) SetLastError(ERROR_NOT_ENOUGH_MEMORY);
  else MultiByteToWideChar(CP_UTF8, 0, path, -1, (WCHAR *)(void *)(memory + before), count);
  return memory;
}

/* CreateFileW: a file or a directory that exists; fails if the path could not be had. */
static HANDLE open_existing(const WCHAR *path, DWORD access, DWORD flags) {
  if (path == NULL) return INVALID_HANDLE_VALUE;
  return CreateFileW(path, access, with_all, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | flags, NULL);
}

/* SetFileInformationByHandle, FILE_RENAME_INFO: the new name is the last in it, with a null at its end. */
static bool rename_open(HANDLE file, FILE_RENAME_INFO *to) {
  const size_t length = wcslen(to->FileName) * sizeof(WCHAR);
  to->Flags = FILE_RENAME_FLAG_REPLACE_IF_EXISTS | FILE_RENAME_FLAG_POSIX_SEMANTICS;
  to->FileNameLength = (DWORD)length;
  return SetFileInformationByHandle(file, rename_info_ex, to, (DWORD)(before_name + length + sizeof(WCHAR)));
}

/*
 * SetFileInformationByHandle with FileRenameInfoEx: as rename(2), also if the new name is that of an open file, which
 * keeps its contents for those who have it open. Windows has it since version 10.1607, on NTFS.
 */
static int64_t call_rename(struct link *link) {
  WCHAR *from = widen(link->texts[0], 0);
  FILE_RENAME_INFO *to = widen(link->texts[1], before_name);
  HANDLE file = open_existing(to == NULL ? NULL : from, DELETE | SYNCHRONIZE, FILE_FLAG_OPEN_REPARSE_POINT);
  const bool is_done = file != INVALID_HANDLE_VALUE && rename_open(file, to);
  const DWORD error = is_done ? ERROR_SUCCESS : GetLastError();
  if (file != INVALID_HANDLE_VALUE) CloseHandle(file);
  free(from);
  free(to);
  return result_of(error);
}

/* FlushFileBuffers of a directory: what has been renamed in it is durable then. */
static int64_t call_sync_directory(struct link *link) {
  WCHAR *path = widen(link->texts[0], 0);
  HANDLE directory = open_existing(path, GENERIC_WRITE, 0);
  const bool is_done = directory != INVALID_HANDLE_VALUE && FlushFileBuffers(directory);
  const DWORD error = is_done ? ERROR_SUCCESS : GetLastError();
  if (directory != INVALID_HANDLE_VALUE) CloseHandle(directory);
  free(path);
  return result_of(error);
}

const struct operation operations[] = {
    {"rename", "tt", gives_nothing, no_effect, call_rename},
    {"syncDirectory", "t", gives_nothing, no_effect, call_sync_directory},
};

const size_t operation_count = sizeof operations / sizeof operations[0];

/* Nothing is ever opened. */
void close_descriptor(int fd) { (void)fd; }

/* ---- The functions of Node-API ---- */

/*
 * They are in the program that loads this file, whatever its name: node.exe, electron.exe, bun.exe. An import library
 * would name node.exe, and Windows would look for a file of that name and load it into another program. So the pointers
 * that an import library has for the compiler are here, and are set at the start.
 */
#define EACH_FUNCTION(f) \
  f(napi_call_function) f(napi_create_array) f(napi_create_arraybuffer) f(napi_create_async_work) \
  f(napi_create_buffer_copy) f(napi_create_function) f(napi_create_object) f(napi_create_reference) \
  f(napi_create_string_utf8) f(napi_create_uint32) f(napi_delete_async_work) f(napi_delete_reference) \
  f(napi_get_arraybuffer_info) f(napi_get_cb_info) f(napi_get_instance_data) f(napi_get_named_property) \
  f(napi_get_reference_value) f(napi_get_typedarray_info) f(napi_get_undefined) f(napi_get_value_bigint_int64) \
  f(napi_get_value_bool) f(napi_get_value_double) f(napi_get_value_string_utf8) f(napi_is_detached_arraybuffer) \
  f(napi_is_exception_pending) f(napi_queue_async_work) f(napi_set_element) f(napi_set_instance_data) \
  f(napi_set_named_property) f(napi_throw_error) f(napi_throw_type_error) f(napi_typeof)

#define POINTER(name) FARPROC __imp_##name;
#define ENTRY(name) {#name, &__imp_##name},

EACH_FUNCTION(POINTER)

static const struct { const char *name; FARPROC *pointer; } functions[] = {EACH_FUNCTION(ENTRY)};

/* GetProcAddress. If one is missing, the file is not loaded. */
BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
  (void)self, (void)reserved;
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  const HMODULE program = GetModuleHandleW(NULL);
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    *functions[i].pointer = GetProcAddress(program, functions[i].name);
    if (*functions[i].pointer == NULL) return FALSE;
  }
  return TRUE;
}
