// Preloaded into a process: files below FAULT_FOLDER behave as on a bad disk while a file of this name is in FAULT_CONTROL:
//   slow  each sync takes as many milliseconds longer as the file says, each write a hundredth of that
//   full  writes that would make a file longer, or that go into it, fail with ENOSPC; every other one after half of it was written
//   fail  syncs fail with EIO, as of a disk that is going away
// A control file that is not there costs one access(2) a call.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static const char *folder, *control;

__attribute__((constructor)) static void begin(void) {
  folder = getenv("FAULT_FOLDER");
  control = getenv("FAULT_CONTROL");
}

static void *original(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (!function) abort();
  return function;
}

/** The number in the control file, at least 1; 0: there is none. */
static int is_on(const char *fault) {
  if (!folder || !control) return 0;
  char path[PATH_MAX], text[16] = {0};
  snprintf(path, sizeof path, "%s/%s", control, fault);
  if (access(path, F_OK) != 0) return 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  int number = count > 0 ? atoi(text) : 1;
  return number > 0 ? number : 1;
}

static int is_below(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t count = readlink(link, path, sizeof path - 1);
  size_t length = strlen(folder);
  return count > (ssize_t)length && strncmp(path, folder, length) == 0 && path[length] == '/';
}

static void pause_us(long us) {
  struct timespec pause = {us / 1000000, us % 1000000 * 1000};
  nanosleep(&pause, NULL);
}

static int writes;

#define WRITE_AT(name, offset_type)                                                             \
  ssize_t name(int descriptor, const void *bytes, size_t length, offset_type offset) {          \
    ssize_t (*real)(int, const void *, size_t, offset_type) = original(#name);                  \
    int slow = is_on("slow");                                                                   \
    if (slow && is_below(descriptor)) pause_us(slow * 10L);                                     \
    if (!is_on("full") || !is_below(descriptor)) return real(descriptor, bytes, length, offset); \
    if (__atomic_add_fetch(&writes, 1, __ATOMIC_RELAXED) % 2 == 0 && length > 1)                \
      return real(descriptor, bytes, length / 2, offset);                                       \
    errno = ENOSPC;                                                                             \
    return -1;                                                                                  \
  }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

static int synced(const char *name, int descriptor) {
  int (*real)(int) = original(name);
  int slow = is_on("slow");
  if (slow && is_below(descriptor)) pause_us(slow * 1000L);
  if (is_on("fail") && is_below(descriptor)) {
    errno = EIO;
    return -1;
  }
  return real(descriptor);
}
int fsync(int descriptor) { return synced("fsync", descriptor); }
int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }
