/*
 * temp_directory.h - directories for a test program, all gone when it ends. Failures are Check's.
 */
#pragma once

#define TEMP_DIRECTORY_SIZE 128

/* Once in main(), before and after all tests: tests run in processes of their own, which may
   die. */
void temp_directories_start(void);
void temp_directories_stop(void);

/* A new and empty one. */
void temp_directory_new(char out[TEMP_DIRECTORY_SIZE]);
