/* test_fold_text.c - case folding: beyond ASCII, growing characters, invalid input, any locale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/row.h"

static void assert_folds(const char *text, const char *expected)
{
	size_t len;
	char *folded = text_fold(text, strlen(text), &len);

	assert_non_null(folded);
	assert_string_equal(folded, expected);
	assert_int_equal(len, strlen(expected));
	free(folded);
}

static void ascii_letters_become_small(void **state)
{
	(void)state;
	assert_folds("Ab@[Z`z{19", "ab@[z`z{19");
}

static void letters_beyond_ascii_become_small(void **state)
{
	(void)state;
	assert_folds("\xc3\x91\xc3\x9a\xd0\x96", "\xc3\xb1\xc3\xba\xd0\xb6");
}

static void final_sigma_is_sigma(void **state)
{
	(void)state;
	assert_folds("\xce\xa3\xcf\x83\xcf\x82", "\xcf\x83\xcf\x83\xcf\x83");
}

static void a_letter_may_grow(void **state)
{
	(void)state;
	assert_folds("\xc8\xba\xc8\xba\xc8\xba", "\xe2\xb1\xa5\xe2\xb1\xa5\xe2\xb1\xa5");
}

static void characters_without_case_stay(void **state)
{
	(void)state;
	assert_folds("\xe2\x82\xac\xf0\x9f\x98\x80\xe6\xbc\xa2",
		     "\xe2\x82\xac\xf0\x9f\x98\x80\xe6\xbc\xa2");
}

static void empty_text_folds_to_empty(void **state)
{
	(void)state;
	assert_folds("", "");
}

static void invalid_utf8_has_no_folding(void **state)
{
	size_t len = 7;

	(void)state;
	assert_null(text_fold("a\xff", 2, &len));
	assert_null(text_fold("\xc3", 1, &len));
	assert_int_equal(len, 7);
}

static void the_process_locale_does_not_matter(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_ALL, "C"));
	assert_folds("\xc3\x89I", "\xc3\xa9i");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ascii_letters_become_small),
		cmocka_unit_test(letters_beyond_ascii_become_small),
		cmocka_unit_test(final_sigma_is_sigma),
		cmocka_unit_test(a_letter_may_grow),
		cmocka_unit_test(characters_without_case_stay),
		cmocka_unit_test(empty_text_folds_to_empty),
		cmocka_unit_test(invalid_utf8_has_no_folding),
		cmocka_unit_test(the_process_locale_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
