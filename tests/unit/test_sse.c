/* test_sse.c - server-sent events as a client reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/http/sse.h"

static void an_event_has_all_its_fields(void **state)
{
	static const char expected[] = "retry: 2000\nid: 1f-7\nevent: status\ndata: {\"a\":1}\n\n";
	struct sse_message *m = sse_message_new(0x1f, 7, "status", "{\"a\":1}");

	(void)state;
	assert_int_equal(m->number, 7);
	assert_int_equal(m->len, sizeof expected - 1);
	assert_memory_equal(m->bytes, expected, m->len);
	sse_message_unref(&m);
	assert_null(m);
}

static void it_lives_as_long_as_somebody_has_it(void **state)
{
	struct sse_message *mine = sse_message_new(1, 1, "status", "{}");
	struct sse_message *yours = sse_message_ref(mine);

	(void)state;
	assert_ptr_equal(mine, yours);
	sse_message_unref(&mine);
	assert_memory_equal(yours->bytes, "retry", 5);
	sse_message_unref(&yours);
	assert_null(sse_message_ref(NULL));
	sse_message_unref(&yours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_all_its_fields),
		cmocka_unit_test(it_lives_as_long_as_somebody_has_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
