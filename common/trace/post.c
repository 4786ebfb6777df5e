/* post.c - see post.h. */
#include "common/trace/post.h"

#define CURL_DISABLE_TYPECHECK /* its macros stand for functions that are linked */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"

/* Loaded when traces are exported, not linked: with its twenty libraries it costs 3 MiB. */
#define LIBRARY "libcurl.so.4"
#define CONNECT_MS_MAX 2000L
/* How long to wait for the network before looking whether it is over. */
#define LOOK_MS 50

/* What is used of it. */
#define CURL_FUNCTIONS(_)                                                                          \
    _(easy_cleanup)                                                                                \
    _(easy_getinfo)                                                                                \
    _(easy_init)                                                                                   \
    _(easy_setopt)                                                                                 \
    _(easy_strerror)                                                                               \
    _(global_init)                                                                                 \
    _(multi_add_handle)                                                                            \
    _(multi_cleanup)                                                                               \
    _(multi_info_read)                                                                             \
    _(multi_init)                                                                                  \
    _(multi_perform)                                                                               \
    _(multi_poll)                                                                                  \
    _(multi_remove_handle)                                                                         \
    _(slist_append)                                                                                \
    _(slist_free_all)

struct curl {
#define FUNCTION(name) __typeof__(&curl_##name) name;
    CURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

struct poster {
    struct curl curl;
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    struct post_answer *answer; /* of the request under way */
};

DEFINE_CLEANUP(poster_cleanup, struct poster, poster_free)

/* It is never unloaded: others may use it, and OpenSSL below it does not like to be. */
static int load(struct curl *curl, struct error *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool complete = library != NULL;

#define LOAD(name)                                                                                 \
    if (complete) {                                                                                \
        *(void **)&curl->name = dlsym(library, "curl_" #name);                                     \
        complete = curl->name != NULL;                                                             \
    }
    CURL_FUNCTIONS(LOAD)
#undef LOAD
    if (!complete)
        return error_set(err, -ENOENT, "traces are exported with libcurl: %s", dlerror());
    return curl->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? 0
               : error_set(err, -ENOMEM, "libcurl does not start");
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct post_answer *answer = ((struct poster *)context)->answer;
    size_t len = size * count, room = sizeof(answer->body) - answer->len;

    if (len < room)
        room = len;
    memcpy(answer->body + answer->len, data, room);
    answer->len += room;
    return len;
}

static int set_up(struct poster *poster, const char *url, struct error *err)
{
    const struct curl *curl = &poster->curl;
    CURL *easy = poster->easy;
    bool done = curl->easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;

    done &= curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    done &= curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;   /* SIGALRM is the stop's */
    done &= curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK; /* no wait for names */
    done &= curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX) == CURLE_OK;
    done &= curl->easy_setopt(easy, CURLOPT_HTTPHEADER, poster->headers) == CURLE_OK;
    done &= curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    done &= curl->easy_setopt(easy, CURLOPT_WRITEDATA, poster) == CURLE_OK;
    return done ? 0 : error_set(err, -EINVAL, "libcurl refuses the settings of a request");
}

int poster_new(const char *url, struct poster **ret, struct error *err)
{
    CLEANUP(poster_cleanup) struct poster *poster = calloc(1, sizeof(*poster));
    int r;

    if (poster == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r = load(&poster->curl, err);
    if (r < 0) {
        free(TAKE_PTR(poster));
        return r;
    }
    poster->easy = poster->curl.easy_init();
    poster->multi = poster->curl.multi_init();
    poster->headers = poster->curl.slist_append(NULL, "Content-Type: application/json");
    if (poster->easy == NULL || poster->multi == NULL || poster->headers == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r = set_up(poster, url, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(poster);
    return 0;
}

void poster_free(struct poster *poster)
{
    if (poster == NULL)
        return;
    if (poster->multi != NULL)
        poster->curl.multi_cleanup(poster->multi);
    if (poster->easy != NULL)
        poster->curl.easy_cleanup(poster->easy);
    poster->curl.slist_free_all(poster->headers);
    free(poster);
}

/* What libcurl says of the request; or that it was given up. */
static CURLcode wait_for_answer(struct poster *poster, bool (*is_over)(void *context),
                                void *context)
{
    const struct curl *curl = &poster->curl;
    int running = 1, left;
    CURLMsg *message;

    while (curl->multi_perform(poster->multi, &running) == CURLM_OK && running > 0) {
        if (is_over(context))
            return CURLE_ABORTED_BY_CALLBACK;
        if (curl->multi_poll(poster->multi, NULL, 0, LOOK_MS, NULL) != CURLM_OK)
            return CURLE_FAILED_INIT;
    }
    message = curl->multi_info_read(poster->multi, &left);
    return message != NULL && message->msg == CURLMSG_DONE ? message->data.result
                                                           : CURLE_FAILED_INIT;
}

void poster_send(struct poster *poster, const char *body, size_t len, int64_t timeout_ms,
                 bool (*is_over)(void *context), void *context, struct post_answer *ret)
{
    const struct curl *curl = &poster->curl;
    curl_off_t retry_after_s = 0;
    CURLcode code = CURLE_FAILED_INIT;

    ret->status = 0;
    ret->retry_after_s = 0;
    ret->len = 0;
    poster->answer = ret;
    if (curl->easy_setopt(poster->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
        curl->easy_setopt(poster->easy, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
        curl->easy_setopt(poster->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) == CURLE_OK &&
        curl->multi_add_handle(poster->multi, poster->easy) == CURLM_OK) {
        code = wait_for_answer(poster, is_over, context);
        curl->multi_remove_handle(poster->multi, poster->easy);
    }
    ret->reason = curl->easy_strerror(code);
    if (code != CURLE_OK)
        return;
    curl->easy_getinfo(poster->easy, CURLINFO_RESPONSE_CODE, &ret->status);
    curl->easy_getinfo(poster->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    ret->retry_after_s = retry_after_s;
}
