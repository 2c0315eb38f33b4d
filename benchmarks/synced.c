/* Counts how often a process has data made durable: to be preloaded.
 *
 * SYNCED names a file of eight bytes, which has the number in this machine's own byte order.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t *count;
static int (*all)(int), (*data)(int);

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("SYNCED");
  int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
  void *found = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  all = dlsym(RTLD_NEXT, "fsync");
  data = dlsym(RTLD_NEXT, "fdatasync");
  if (found == MAP_FAILED || !all || !data) abort();
  count = found;
  close(file);
}

int fsync(int file) {
  __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
  return all(file);
}

int fdatasync(int file) {
  __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
  return data(file);
}
