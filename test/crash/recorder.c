// Preloaded into a process: appends every change of a file below CRASH_FOLDER to the file CRASH_LOG, in the order in which they
// were made, while the process goes on as always. One record: a header of four 64-bit numbers (kind, file, offset, length), then
// `length` bytes. Kinds are those of recording.ts. A change is recorded before it is made (it may be on the disk from then on), a
// sync after it (what was written before it is on the disk from then on). Mapped memory is not seen: SQLite maps nothing here but
// its index of the log, which is made anew at each opening.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NAME = 1, WRITE, TRUNCATE, SYNC, CREATE, UNLINK, RENAME, SYNC_FOLDER };
enum { FILES_MAX = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_file = -1;
static const char *folder;
static size_t folder_length;
static int file_of[FILES_MAX]; // by descriptor; 0: not below the folder
static int files;              // numbers given so far; each opening of a name has one

__attribute__((constructor)) static void begin(void) {
  folder = getenv("CRASH_FOLDER");
  const char *log = getenv("CRASH_LOG");
  if (!folder || !log) return;
  folder_length = strlen(folder);
  log_file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void *original(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (!function) abort();
  return function;
}

static void append(const void *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    long count = syscall(SYS_write, log_file, (const char *)bytes + done, length - done);
    if (count <= 0) abort();
    done += count;
  }
}

static void record(uint64_t kind, uint64_t file, uint64_t offset, const void *bytes, uint64_t length) {
  uint64_t header[4] = {kind, file, offset, length};
  append(header, sizeof header);
  if (length) append(bytes, length);
}

static const char *below(const char *path) {
  if (log_file < 0 || !path || strncmp(path, folder, folder_length) != 0) return NULL;
  const char *rest = path + folder_length;
  return *rest == '/' ? rest + 1 : *rest == 0 ? rest : NULL;
}

static int known(int descriptor) { return descriptor >= 0 && descriptor < FILES_MAX ? file_of[descriptor] : 0; }

typedef int (*open_function)(const char *, int, ...);

static int opened(const char *function, const char *path, int flags, mode_t mode) {
  open_function real = (open_function)original(function);
  const char *name = below(path);
  if (!name) {
    int descriptor = real(path, flags, mode);
    if (descriptor >= 0 && descriptor < FILES_MAX) file_of[descriptor] = 0;
    return descriptor;
  }
  pthread_mutex_lock(&lock);
  struct stat there;
  int created = (flags & O_CREAT) && stat(path, &there) != 0;
  int descriptor = real(path, flags, mode);
  if (descriptor >= FILES_MAX) abort();
  if (descriptor >= 0) {
    file_of[descriptor] = ++files;
    record(NAME, files, 0, name, strlen(name));
    if (created) record(CREATE, files, 0, NULL, 0);
    else if (flags & O_TRUNC) record(TRUNCATE, files, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  return descriptor;
}

#define OPEN(name)                                     \
  int name(const char *path, int flags, ...) {         \
    va_list rest;                                      \
    va_start(rest, flags);                             \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                      \
    return opened(#name, path, flags, mode);           \
  }
OPEN(open)
OPEN(open64)

int close(int descriptor) {
  int (*real)(int) = original("close");
  if (known(descriptor)) file_of[descriptor] = 0;
  return real(descriptor);
}

static void written(int descriptor, int64_t offset, const void *bytes, size_t length) {
  int file = known(descriptor);
  if (file) record(WRITE, file, offset, bytes, length);
}

#define AT_OFFSET(name, offset_type)                                                       \
  ssize_t name(int descriptor, const void *bytes, size_t length, offset_type offset) {     \
    ssize_t (*real)(int, const void *, size_t, offset_type) = original(#name);             \
    if (!known(descriptor)) return real(descriptor, bytes, length, offset);                \
    pthread_mutex_lock(&lock);                                                             \
    written(descriptor, offset, bytes, length);                                            \
    ssize_t result = real(descriptor, bytes, length, offset);                              \
    pthread_mutex_unlock(&lock);                                                           \
    if (result != (ssize_t)length) abort();                                                \
    return result;                                                                         \
  }
AT_OFFSET(pwrite, off_t)
AT_OFFSET(pwrite64, off64_t)

ssize_t write(int descriptor, const void *bytes, size_t length) {
  ssize_t (*real)(int, const void *, size_t) = original("write");
  if (!known(descriptor)) return real(descriptor, bytes, length);
  pthread_mutex_lock(&lock);
  int64_t end = lseek(descriptor, 0, fcntl(descriptor, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
  written(descriptor, end, bytes, length);
  ssize_t result = real(descriptor, bytes, length);
  pthread_mutex_unlock(&lock);
  if (result != (ssize_t)length) abort();
  return result;
}

// Not used by what is recorded today: whoever begins to use one of them must not be missed.
#define REFUSED(name, ...)                             \
  {                                                    \
    if (known(descriptor)) {                           \
      fprintf(stderr, "recorder: " #name " is not recorded\n"); \
      abort();                                         \
    }                                                  \
    return ((typeof(&name))original(#name))(__VA_ARGS__); \
  }
ssize_t writev(int descriptor, const struct iovec *parts, int count) REFUSED(writev, descriptor, parts, count)
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) REFUSED(pwritev, descriptor, parts, count, offset)
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) REFUSED(pwritev64, descriptor, parts, count, offset)
int posix_fallocate(int descriptor, off_t offset, off_t length) REFUSED(posix_fallocate, descriptor, offset, length)
int posix_fallocate64(int descriptor, off64_t offset, off64_t length) REFUSED(posix_fallocate64, descriptor, offset, length)
int fallocate(int descriptor, int mode, off_t offset, off_t length) REFUSED(fallocate, descriptor, mode, offset, length)
int fallocate64(int descriptor, int mode, off64_t offset, off64_t length) REFUSED(fallocate64, descriptor, mode, offset, length)

#define TRUNCATED(name, offset_type)                                     \
  int name(int descriptor, offset_type length) {                         \
    int (*real)(int, offset_type) = original(#name);                     \
    int file = known(descriptor);                                        \
    if (!file) return real(descriptor, length);                          \
    pthread_mutex_lock(&lock);                                           \
    record(TRUNCATE, file, length, NULL, 0);                             \
    int result = real(descriptor, length);                               \
    pthread_mutex_unlock(&lock);                                         \
    return result;                                                       \
  }
TRUNCATED(ftruncate, off_t)
TRUNCATED(ftruncate64, off64_t)

static int synced(const char *function, int descriptor) {
  int (*real)(int) = original(function);
  int file = known(descriptor);
  int result = real(descriptor);
  if (!file || result != 0) return result;
  struct stat what;
  int is_folder = fstat(descriptor, &what) == 0 && S_ISDIR(what.st_mode);
  pthread_mutex_lock(&lock);
  record(is_folder ? SYNC_FOLDER : SYNC, file, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int fsync(int descriptor) { return synced("fsync", descriptor); }
int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }

int unlink(const char *path) {
  int (*real)(const char *) = original("unlink");
  const char *name = below(path);
  if (!name) return real(path);
  pthread_mutex_lock(&lock);
  record(UNLINK, 0, 0, name, strlen(name));
  int result = real(path);
  pthread_mutex_unlock(&lock);
  return result;
}

int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = original("rename");
  const char *old = below(from), *new = below(to);
  if (!old || !new) return real(from, to);
  size_t length = strlen(old) + 1 + strlen(new);
  char *both = malloc(length + 1);
  sprintf(both, "%s\n%s", old, new);
  pthread_mutex_lock(&lock);
  record(RENAME, 0, 0, both, length);
  int result = real(from, to);
  pthread_mutex_unlock(&lock);
  free(both);
  return result;
}
