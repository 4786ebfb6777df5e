/* test_api_tokens.c - whose a token is, and files that are refused without repeating them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/util.h"
#include "services/order/front_door/api_tokens.h"
#include "suite.h"

#define ALICE "alice-0123456789abcdef"
#define BOB "bob-0123456789abcdef"

static int read_text(const char *text, struct api_tokens **ret, struct error *err)
{
    char path[] = "/tmp/api-tokens.XXXXXX";
    int fd = mkstemp(path), r;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    r = api_tokens_read(path, ret, err);
    unlink(path);
    return r;
}

static void assert_client(const struct api_tokens *tokens, const char *authorization,
                          const char *expected)
{
    const char *client = api_tokens_client(tokens, authorization);

    if (expected == NULL)
        ck_assert_ptr_null(client);
    else
        ck_assert_str_eq(client, expected);
}

START_TEST(a_token_names_its_client)
{
    CLEANUP(api_tokens_cleanup) struct api_tokens *tokens = NULL;

    ck_assert_int_eq(
        read_text("# whose\n\nalice:" ALICE "\n  bob " BOB " \nbob:" BOB "-new", &tokens, NULL), 0);
    assert_client(tokens, "Bearer " ALICE, "alice");
    assert_client(tokens, "bearer  " BOB, "bob");
    assert_client(tokens, "Bearer " BOB "-new", "bob");
}
END_TEST

START_TEST(what_is_not_exactly_a_token_is_nobodys)
{
    static const char *const wrong[] = {NULL,
                                        "",
                                        "Bearer",
                                        "Bearer ",
                                        ALICE,
                                        "Basic " ALICE,
                                        "Bearer alice-0123456789abcde",
                                        "Bearer " ALICE "x",
                                        "Bearer " ALICE " x",
                                        "Bearer alice"};
    CLEANUP(api_tokens_cleanup) struct api_tokens *tokens = NULL;
    char longest[1000] = "Bearer ";

    memset(longest + strlen(longest), 'a', 900);
    ck_assert_int_eq(read_text("alice:" ALICE "\n", &tokens, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_client(tokens, wrong[i], NULL);
    assert_client(tokens, longest, NULL);
}
END_TEST

START_TEST(a_file_that_is_wrong_is_refused_and_not_repeated)
{
    static const char *const wrong[] = {"",
                                        "# nothing\n",
                                        "hunter2\n",
                                        "alice:hunter2\n",
                                        "a b c:0123456789abcdef\n",
                                        "ali/ce:hunter2-0123456789\n",
                                        ":hunter2-0123456789\n",
                                        "alice:hunter2-0123456789\x01\n"};
    struct api_tokens *tokens;
    struct error err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(read_text(wrong[i], &tokens, &err) == -EINVAL, "%s", wrong[i]);
        ck_assert_ptr_null(tokens);
        ck_assert_msg(strstr(err.text, "hunter2") == NULL, "%s", err.text);
    }
    ck_assert_int_eq(api_tokens_read("/no/such/file", &tokens, &err), -ENOENT);
    ck_assert_int_eq(api_tokens_read("", &tokens, &err), 0);
    ck_assert_ptr_null(tokens);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api tokens");
    TCase *tcase = tcase_create("api tokens");

    tcase_add_test(tcase, a_token_names_its_client);
    tcase_add_test(tcase, what_is_not_exactly_a_token_is_nobodys);
    tcase_add_test(tcase, a_file_that_is_wrong_is_refused_and_not_repeated);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
