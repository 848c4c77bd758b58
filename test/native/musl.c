/*
 * What the C++ library of Debian needs beyond what musl has, as a stand-in for the loader of glibc, which that library
 * is linked with. With it a JavaScript engine that was built for musl runs where only Debian's packages are: to try the
 * native part, and for nothing else. Exceptions of C++ do not work.
 */
#include <locale.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

unsigned arc4random(void) {
  unsigned number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
  return number;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library) {
  (void)destroy, (void)object, (void)library;
  return 0;
}

char __libc_single_threaded = 0;

int _dl_find_object(void *address, void *found) {
  (void)address, (void)found;
  return -1;
}

int __cpu_indicator_init(void) { return 0; }

struct { unsigned vendor, type, subtype, features[1]; } __cpu_model;
