/* test_mirror_list.c - the list as readers see it: bytes, pages, cursors, filters, search, views.
 */
#include "mirror_kit.h"

#define MANY 1000

static void fill(struct mirror *m, int64_t first, int64_t last, int64_t step)
{
	struct changes c = { 0 };
	for (int64_t id = first; id <= last; id += step) {
		char code[16];
		snprintf(code, sizeof(code), "PC-%lld", (long long)(id % 10));
		add_row(&c, id, 1, code);
	}
	log_next(m, &c);
}

static char *page_text(struct mirror_view *v, const struct list_query *q, struct list_page *page)
{
	struct buf b = { 0 };
	mirror_view_list(v, q, page);
	for (size_t i = 0; i < page->piece_count; i++)
		buf_put(&b, page->pieces[i].iov_base, page->pieces[i].iov_len);
	assert_int_equal(b.len, page->bytes);
	return buf_take(&b, NULL);
}

/* Turn all pages with this query: their rows joined, and how many there were. */
static char *all_pages(struct mirror_view *v, struct list_query q, size_t *pages)
{
	struct buf b = { 0 };
	*pages = 0;
	buf_putc(&b, '[');
	do {
		struct list_page page;
		char *text = page_text(v, &q, &page);
		if (page.count > 0 && b.len > 1)
			buf_putc(&b, ',');
		buf_puts(&b, text);
		free(text);
		assert_true(page.count <= q.limit);
		q.after = page.next;
		list_page_free(&page);
		(*pages)++;
	} while (q.after != 0);
	buf_putc(&b, ']');
	return buf_take(&b, NULL);
}

static struct list_query filter(size_t column, const char *text)
{
	struct list_query q = { 0 };
	q.filter[column] = (struct field){ mem_string(text), (uint32_t)strlen(text), true };
	return q;
}

static size_t total_of(struct mirror *m, struct list_query *q)
{
	struct mirror_view *v = mirror_view(m);
	struct list_page page;
	mirror_view_list(v, q, &page);
	size_t total = page.total;
	list_page_free(&page);
	mirror_view_unref(&v);
	return total;
}

static size_t found(struct mirror *m, const char *needle)
{
	struct list_query q = { 0 };
	q.needle = text_fold(needle, strlen(needle), &q.needle_len);
	size_t total = total_of(m, &q);
	list_query_free(&q);
	return total;
}

/* --- bytes --- */

static void test_empty_array(void **state)
{
	char *text = kit_text(*state);
	assert_text(text, "[]");
	free(text);
}

static void test_array_is_the_rows_joined_by_commas(void **state)
{
	struct buf b = { 0 };
	fill(*state, 1, MANY, 1);
	buf_putc(&b, '[');
	for (int64_t id = 1; id <= MANY; id++) {
		struct row *row = mirror_get(*state, id);
		if (id > 1)
			buf_putc(&b, ',');
		buf_put(&b, row->json, row->json_len);
		row_unref(&row);
	}
	buf_putc(&b, ']');
	char *text = kit_text(*state);
	assert_text(text, b.bytes);
	free(text);
	buf_free(&b);
}

static void test_array_of_100000_has_few_pieces(void **state)
{
	size_t count, bytes;
	fill(*state, 1, 100000, 1);
	struct mirror_view *v = mirror_view(*state);
	free(mirror_view_array(v, &count, &bytes));
	assert_true(count <= 800);
	assert_int_equal(mirror_view_items(v), 100000);
	mirror_view_unref(&v);
}

static void test_ids_come_ascending_whatever_the_order_of_arrival(void **state)
{
	struct mirror *other = kit_mirror();
	fill(*state, 1, 2000, 1);
	fill(other, 2, 2000, 2);
	for (int64_t id = 1999; id > 0; id -= 2)
		fill(other, id, id, 1);
	char *one = kit_text(*state), *two = kit_text(other);
	assert_text(one, two);
	free(one);
	free(two);
	mirror_free(&other);
}

static void test_random_puts_and_removals_keep_order_and_sizes(void **state)
{
	static bool there[6000];
	memset(there, 0, sizeof(there));
	srand(7);
	uint64_t version = 1;
	for (int round = 0; round < 20; round++) {
		struct changes c = { 0 };
		int likely = round % 4 == 3 ? 9 : 3;
		for (int i = 0; i < 3000; i++) {
			int64_t id = 1 + rand() % 5999;
			version += 2;
			there[id] = rand() % 10 >= likely;
			if (there[id])
				add_row(&c, id, version, "X");
			else
				changes_delete(&c, id, version + 1, false);
		}
		log_next(*state, &c);
		struct buf b = { 0 };
		buf_putc(&b, '[');
		for (int64_t id = 1; id < 6000; id++) {
			struct row *row = mirror_get(*state, id);
			assert_int_equal(row != NULL, there[id]);
			if (row != NULL && b.len > 1)
				buf_putc(&b, ',');
			if (row != NULL)
				buf_put(&b, row->json, row->json_len);
			row_unref(&row);
		}
		buf_putc(&b, ']');
		char *text = kit_text(*state);
		assert_text(text, b.bytes);
		free(text);
		buf_free(&b);
	}
}

static void test_list_shrinks_to_nothing(void **state)
{
	fill(*state, 1, MANY, 1);
	for (int64_t id = 1; id <= MANY; id++)
		log_delete(*state, id, 2);
	char *text = kit_text(*state);
	assert_text(text, "[]");
	free(text);
}

/* --- the sum --- */

static struct list_sum sum_of(struct mirror *m)
{
	struct mirror_view *v = mirror_view(m);
	struct list_sum sum = mirror_view_sum(v);
	mirror_view_unref(&v);
	return sum;
}

#define assert_same_sum(a, b)  assert_memory_equal((a).half, (b).half, sizeof((a).half))
#define assert_other_sum(a, b) assert_memory_not_equal((a).half, (b).half, sizeof((a).half))

static void test_sum_is_the_same_whatever_the_way_there(void **state)
{
	struct mirror *other = kit_mirror();
	fill(*state, 1, MANY, 1);
	fill(other, 2, MANY, 2);
	for (int64_t id = MANY - 1; id > 0; id -= 2)
		fill(other, id, id, 1);
	log_row(*state, 5, 2, "CHANGED");
	log_row(other, 5, 2, "CHANGED");
	log_row(other, MANY + 1, 1, "gone");
	assert_other_sum(sum_of(*state), sum_of(other));
	log_delete(other, MANY + 1, 2);
	assert_same_sum(sum_of(*state), sum_of(other));
	mirror_free(&other);
}

static void test_sum_moves_with_whatever_is_shown(void **state)
{
	struct list_sum last = sum_of(*state), now;
	for (unsigned step = 0; step < 6; step++) {
		switch (step) {
		case 0:
			log_row(*state, 1, 1, "A");
			break;
		case 1:
			log_row(*state, 1, 2, "A");
			break;
		case 2:
			log_op(*state, OP_UPDATE, 1, 1, 0, "Rota");
			break;
		case 3:
			log_op(*state, OP_CREATE, 2, 0, 0, "Rota");
			break;
		case 4:
			log_op(*state, OP_DELETE, 3, 1, 0, NULL);
			break;
		default:
			log_done(*state, 2, 7);
		}
		now = sum_of(*state);
		assert_other_sum(now, last);
		last = now;
	}
}

static struct mirror *two_creates(unsigned first, unsigned second)
{
	struct mirror *m = kit_mirror();
	for (unsigned n = 1; n <= 2; n++) {
		struct changes c = { 0 };
		struct operation *o = kit_op(OP_CREATE, n, 0, 0, "n");
		o->seq = n == 1 ? first : second;
		changes_queued(&c, o);
		operation_unref(&o);
		log_next(m, &c);
	}
	return m;
}

static void test_sum_tells_the_places_of_the_rows(void **state)
{
	struct mirror *one = two_creates(1, 2), *other = two_creates(2, 1);
	(void)state;
	assert_other_sum(sum_of(one), sum_of(other));
	mirror_free(&one);
	mirror_free(&other);
}

/* --- views --- */

static void test_view_does_not_change_with_the_mirror(void **state)
{
	fill(*state, 1, MANY, 1);
	struct mirror_view *v = mirror_view(*state);
	uint64_t generation = mirror_view_generation(v);
	char *before = kit_view_text(v);
	log_row(*state, 5, 2, "CHANGED");
	log_delete(*state, 700, 2);
	log_op(*state, OP_CREATE, 3, 0, 0, "n");
	char *after = kit_view_text(v), *now = kit_text(*state);
	assert_text(before, after);
	assert_string_not_equal(now, before);
	assert_int_equal(mirror_view_generation(v), generation);
	assert_int_equal(mirror_view_position(v).seq, 1);
	mirror_view_unref(&v);
	free(before);
	free(after);
	free(now);
}

static void test_view_outlives_the_mirror(void **state)
{
	struct mirror *m = kit_mirror();
	fill(m, 1, 10, 1);
	struct mirror_view *v = mirror_view(m);
	mirror_free(&m);
	char *text = kit_view_text(v);
	assert_non_null(strstr(text, "\"id\":10,"));
	free(text);
	mirror_view_unref(&v);
	(void)state;
}

static bool stop_at_three(void *ctx, struct row *row)
{
	int64_t *sum = ctx;
	*sum += row->id;
	return row->id < 3;
}

static void test_each_goes_in_order_until_told_to_stop(void **state)
{
	int64_t sum = 0;
	fill(*state, 1, 10, 1);
	struct mirror_view *v = mirror_view(*state);
	mirror_view_each(v, stop_at_three, &sum);
	assert_int_equal(sum, 6);
	mirror_view_unref(&v);
}

static bool count_row(void *ctx, struct row *row)
{
	size_t *count = ctx;
	(*count)++;
	return row != NULL;
}

static void test_each_leaves_out_rows_without_a_final_id(void **state)
{
	size_t count = 0;
	fill(*state, 1, 3, 1);
	log_op(*state, OP_CREATE, 3, 0, 0, "n");
	struct mirror_view *v = mirror_view(*state);
	mirror_view_each(v, count_row, &count);
	assert_int_equal(count, 3);
	mirror_view_unref(&v);
}

/* --- pages --- */

static void test_pages_of_every_size_give_the_whole_list(void **state)
{
	static const unsigned sizes[] = { 1, 2, 7, 255, 256, 257, 511, 512, 999, 1000 };
	fill(*state, 1, MANY - 2, 1);
	log_op(*state, OP_CREATE, 8, 0, 0, "n");
	log_op(*state, OP_CREATE, 9, 0, 0, "m");
	char *whole = kit_text(*state);
	struct mirror_view *v = mirror_view(*state);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t pages;
		char *text = all_pages(v, (struct list_query){ .limit = sizes[i] }, &pages);
		assert_text(text, whole);
		assert_int_equal(pages, (MANY + sizes[i] - 1) / sizes[i]);
		free(text);
	}
	mirror_view_unref(&v);
	free(whole);
}

static void test_page_after_every_id_begins_with_the_next(void **state)
{
	fill(*state, 2, 1200, 2);
	struct mirror_view *v = mirror_view(*state);
	for (uint64_t after = 1; after < 1200; after++) {
		struct list_query q = { .limit = 1, .after = after };
		struct list_page page;
		char start[32];
		char *text = page_text(v, &q, &page);
		snprintf(start, sizeof(start), "{\"id\":%llu,",
			 (unsigned long long)(after / 2 * 2 + 2));
		assert_memory_equal(text, start, strlen(start));
		assert_int_equal(page.total, 600);
		free(text);
		list_page_free(&page);
	}
	mirror_view_unref(&v);
}

static void test_page_behind_the_end_is_empty(void **state)
{
	struct list_query q = { .limit = 5, .after = 3 };
	struct list_page page;
	fill(*state, 1, 3, 1);
	struct mirror_view *v = mirror_view(*state);
	mirror_view_list(v, &q, &page);
	assert_int_equal(page.count, 0);
	assert_int_equal(page.bytes, 0);
	assert_int_equal(page.next, 0);
	assert_int_equal(page.total, 3);
	list_page_free(&page);
	mirror_view_unref(&v);
}

static void test_limit_zero_gives_all_behind_the_cursor(void **state)
{
	struct list_query q = { .after = 10 };
	struct list_page page;
	fill(*state, 1, MANY, 1);
	struct mirror_view *v = mirror_view(*state);
	mirror_view_list(v, &q, &page);
	assert_int_equal(page.count, MANY - 10);
	assert_int_equal(page.next, 0);
	list_page_free(&page);
	mirror_view_unref(&v);
}

static void test_cursor_outlives_its_item(void **state)
{
	struct list_query q = { .limit = 2 };
	struct list_page page;
	fill(*state, 1, 5, 1);
	struct mirror_view *v = mirror_view(*state);
	mirror_view_list(v, &q, &page);
	q.after = page.next;
	list_page_free(&page);
	mirror_view_unref(&v);
	log_delete(*state, 2, 2);
	v = mirror_view(*state);
	char *text = page_text(v, &q, &page);
	assert_non_null(strstr(text, "{\"id\":3,"));
	assert_int_equal(page.count, 2);
	free(text);
	list_page_free(&page);
	mirror_view_unref(&v);
}

static void test_cursor_text_round_trip(void **state)
{
	static const uint64_t cursors[] = { 1, 255, 1000000, (uint64_t)1 << 63, UINT64_MAX };
	(void)state;
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		char text[CURSOR_SIZE];
		uint64_t back;
		cursor_format(cursors[i], text);
		assert_true(cursor_parse(text, &back));
		assert_true(back == cursors[i]);
	}
}

static void test_cursor_refuses_what_it_never_wrote(void **state)
{
	static const char *const bad[] = {
		"",
		"c",
		"5",
		"c000000000000000",
		"c0000000000000000",
		"c000000000000000A",
		"c000000000000000g",
		"d0000000000000001",
		"c00000000000000012",
		"c0000000000000001 ",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t cursor = 42;
		assert_false(cursor_parse(bad[i], &cursor));
		assert_int_equal(cursor, 42);
	}
}

/* --- filters and search --- */

static void test_exact_filter_counts_all_matches(void **state)
{
	struct list_query q = filter(0, "PC-3");
	struct list_page page;
	fill(*state, 1, MANY, 1);
	q.limit = 10;
	struct mirror_view *v = mirror_view(*state);
	char *text = page_text(v, &q, &page);
	assert_int_equal(page.total, MANY / 10);
	assert_int_equal(page.count, 10);
	assert_non_null(strstr(text, "{\"id\":93,"));
	assert_null(strstr(text, "PC-4"));
	free(text);
	list_page_free(&page);
	mirror_view_unref(&v);
	list_query_free(&q);
}

static void test_exact_filter_does_not_match_a_part(void **state)
{
	struct list_query q = filter(0, "PC");
	fill(*state, 1, 20, 1);
	assert_int_equal(total_of(*state, &q), 0);
	list_query_free(&q);
}

static void test_filters_are_joined_by_and(void **state)
{
	struct list_query q = filter(0, "PC-3");
	fill(*state, 1, 100, 1);
	log_op(*state, OP_UPDATE, 5, 13, 0, "Rota");
	q.filter[2] = (struct field){ mem_string("Rota"), 4, true };
	assert_int_equal(total_of(*state, &q), 1);
	list_query_free(&q);
}

static void test_filtered_pages_give_every_match_once(void **state)
{
	struct list_query q = filter(0, "PC-3");
	size_t pages, one_page;
	fill(*state, 1, MANY, 1);
	struct mirror_view *v = mirror_view(*state);
	q.limit = MANY;
	char *whole = all_pages(v, q, &one_page);
	assert_int_equal(one_page, 1);
	q.limit = 10;
	char *text = all_pages(v, q, &pages);
	assert_text(text, whole);
	assert_int_equal(pages, 10);
	free(text);
	free(whole);
	mirror_view_unref(&v);
	list_query_free(&q);
}

static void test_search_ignores_case_beyond_ascii(void **state)
{
	log_row(*state, 1, 1, "ÑANDÚ Straße ΣΟΦΟΣ");
	assert_int_equal(found(*state, "ñandú"), 1);
	assert_int_equal(found(*state, "ÑaNdÚ s"), 1);
	assert_int_equal(found(*state, "σοφος"), 1);
	assert_int_equal(found(*state, "nandu"), 0);
}

static void test_search_looks_into_every_data_field(void **state)
{
	log_row(*state, 1, 1, "ABC");
	assert_int_equal(found(*state, "abc"), 1);
	assert_int_equal(found(*state, "COMPUTA"), 1);
	assert_int_equal(found(*state, "operativa"), 1);
	assert_int_equal(found(*state, "sala 1"), 1);
}

static void test_search_leaves_out_id_and_version(void **state)
{
	log_row(*state, 777, 888, "A");
	assert_int_equal(found(*state, "777"), 0);
	assert_int_equal(found(*state, "888"), 0);
}

static void test_search_does_not_match_across_fields(void **state)
{
	log_row(*state, 1, 1, "ABC");
	assert_int_equal(found(*state, "abccomputadora"), 0);
}

static void test_empty_search_matches_all(void **state)
{
	fill(*state, 1, 9, 1);
	assert_int_equal(found(*state, ""), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_empty_array),
		WITH(test_array_is_the_rows_joined_by_commas),
		WITH(test_array_of_100000_has_few_pieces),
		WITH(test_ids_come_ascending_whatever_the_order_of_arrival),
		WITH(test_random_puts_and_removals_keep_order_and_sizes),
		WITH(test_list_shrinks_to_nothing),
		WITH(test_sum_is_the_same_whatever_the_way_there),
		WITH(test_sum_moves_with_whatever_is_shown),
		WITH(test_sum_tells_the_places_of_the_rows),
		WITH(test_view_does_not_change_with_the_mirror),
		WITH(test_view_outlives_the_mirror),
		WITH(test_each_goes_in_order_until_told_to_stop),
		WITH(test_each_leaves_out_rows_without_a_final_id),
		WITH(test_pages_of_every_size_give_the_whole_list),
		WITH(test_page_after_every_id_begins_with_the_next),
		WITH(test_page_behind_the_end_is_empty),
		WITH(test_limit_zero_gives_all_behind_the_cursor),
		WITH(test_cursor_outlives_its_item),
		WITH(test_cursor_text_round_trip),
		WITH(test_cursor_refuses_what_it_never_wrote),
		WITH(test_exact_filter_counts_all_matches),
		WITH(test_exact_filter_does_not_match_a_part),
		WITH(test_filters_are_joined_by_and),
		WITH(test_filtered_pages_give_every_match_once),
		WITH(test_search_ignores_case_beyond_ascii),
		WITH(test_search_looks_into_every_data_field),
		WITH(test_search_leaves_out_id_and_version),
		WITH(test_search_does_not_match_across_fields),
		WITH(test_empty_search_matches_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
