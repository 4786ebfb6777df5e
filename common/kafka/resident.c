/* resident.c - see resident.h. Linux only: /proc and madvise(2). */
#include "common/kafka/resident.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"

#define MAPS_LINE_SIZE 4352
#define STATM_SIZE 128

/* LMDB does not tell where its map is, unless it is fixed; the kernel does. */
static void *find_map(int fd)
{
    char line[MAPS_LINE_SIZE];
    unsigned long start, inode;
    struct stat status;
    void *map = NULL;
    FILE *file = fopen("/proc/self/maps", "r");

    if (file == NULL)
        return NULL;
    if (fstat(fd, &status) == 0)
        while (map == NULL && fgets(line, sizeof(line), file) != NULL)
            if (sscanf(line, "%lx-%*x %*s %*x %*s %lu", &start, &inode) == 2 &&
                inode == status.st_ino)
                map = (void *)start;
    fclose(file);
    return map;
}

void resident_open(struct resident *resident, int fd)
{
    resident->map = find_map(fd);
    resident->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void resident_close(struct resident *resident)
{
    close_fd(&resident->statm_fd);
}

/* Read again from its beginning, an open file of /proc tells what is so now. */
static size_t file_bytes(const struct resident *resident)
{
    char text[STATM_SIZE];
    unsigned long shared;
    ssize_t size = pread(resident->statm_fd, text, sizeof(text) - 1, 0);

    if (size <= 0)
        return 0;
    text[size] = '\0';
    if (sscanf(text, "%*u %*u %lu", &shared) != 1)
        return 0;
    return shared * (size_t)sysconf(_SC_PAGESIZE);
}

void resident_trim(const struct resident *resident, size_t size)
{
    if (resident->map != NULL && file_bytes(resident) > RESIDENT_BYTES_MAX)
        (void)madvise(resident->map, size, MADV_DONTNEED); /* advice: a refusal changes nothing */
}
