/* POSIX: clock, cores, threads. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif

#include "base/platform.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

#define STACK_BYTES ((size_t)2 << 20)

/* ---- Clock and cores -------------------------------------------------------------------------------------------- */

double axm_seconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int32_t axm_usable_cores(void)
{
    long cores = 0;
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) cores = CPU_COUNT(&set);
#endif
    if (cores < 1) cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > INT16_MAX ? INT16_MAX : (int32_t)cores;
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

struct axm_mutex {
    axm_allocator *allocator;
    pthread_mutex_t mutex;
};

int32_t axm_mutex_new(axm_allocator *allocator, axm_mutex **out)
{
    axm_mutex *mutex = axm_alloc(allocator, sizeof *mutex);
    if (mutex == NULL) return ACTMAX_ERROR_NO_MEMORY;
    mutex->allocator = allocator;
    if (pthread_mutex_init(&mutex->mutex, NULL) != 0) {
        axm_free(allocator, mutex);
        return axm_no_memory(sizeof *mutex, "a lock");
    }
    *out = mutex;
    return ACTMAX_OK;
}

void axm_mutex_free(axm_mutex *mutex)
{
    if (mutex == NULL) return;
    pthread_mutex_destroy(&mutex->mutex);
    axm_free(mutex->allocator, mutex);
}

void axm_mutex_lock(axm_mutex *mutex)
{
    pthread_mutex_lock(&mutex->mutex);
}

void axm_mutex_unlock(axm_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->mutex);
}

struct axm_condition {
    axm_allocator *allocator;
    pthread_cond_t condition;
};

int32_t axm_condition_new(axm_allocator *allocator, axm_condition **out)
{
    axm_condition *condition = axm_alloc(allocator, sizeof *condition);
    if (condition == NULL) return ACTMAX_ERROR_NO_MEMORY;
    condition->allocator = allocator;
    if (pthread_cond_init(&condition->condition, NULL) != 0) {
        axm_free(allocator, condition);
        return axm_no_memory(sizeof *condition, "a thread's waiting place");
    }
    *out = condition;
    return ACTMAX_OK;
}

void axm_condition_free(axm_condition *condition)
{
    if (condition == NULL) return;
    pthread_cond_destroy(&condition->condition);
    axm_free(condition->allocator, condition);
}

void axm_condition_wait(axm_condition *condition, axm_mutex *mutex)
{
    pthread_cond_wait(&condition->condition, &mutex->mutex);
}

void axm_condition_wake_all(axm_condition *condition)
{
    pthread_cond_broadcast(&condition->condition);
}

struct axm_thread {
    axm_allocator *allocator;
    pthread_t thread;
    void (*run)(void *context);
    void *context;
};

static void *thread_main(void *argument)
{
    const axm_thread *thread = argument;
    thread->run(thread->context);
    return NULL;
}

int32_t axm_thread_new(axm_allocator *allocator, void (*run)(void *context), void *context, axm_thread **out)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    axm_thread *thread = axm_alloc(allocator, sizeof *thread);
    if (thread == NULL) return ACTMAX_ERROR_NO_MEMORY;
    *thread = (axm_thread){.allocator = allocator, .run = run, .context = context};
    int error = pthread_attr_init(&attributes);
    if (error == 0) {
        pthread_attr_setstacksize(&attributes, STACK_BYTES); /* some systems give very little */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits it */
        error = pthread_create(&thread->thread, &attributes, thread_main, thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (error != 0) {
        axm_free(allocator, thread);
        return axm_fail(ACTMAX_ERROR_NO_MEMORY, "out of memory: a thread could not be started; use fewer threads (option threads)");
    }
    *out = thread;
    return ACTMAX_OK;
}

void axm_thread_join(axm_thread *thread)
{
    if (thread == NULL) return;
    pthread_join(thread->thread, NULL);
    axm_free(thread->allocator, thread);
}
