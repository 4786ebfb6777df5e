/* resident.c - see resident.h. Linux only: /proc and madvise(2). */
#include "common/kafka/resident.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPS_LINE_SIZE 4352

/* LMDB does not tell where its map is, unless it is fixed; the kernel does. */
void *resident_find_map(int fd)
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

static size_t resident_file_bytes(void)
{
    unsigned long shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %*u %lu", &shared) != 1)
        shared = 0;
    fclose(file);
    return shared * (size_t)sysconf(_SC_PAGESIZE);
}

void resident_trim(void *map, size_t size)
{
    if (map != NULL && resident_file_bytes() > RESIDENT_BYTES_MAX)
        (void)madvise(map, size, MADV_DONTNEED); /* advice: a refusal changes nothing */
}
