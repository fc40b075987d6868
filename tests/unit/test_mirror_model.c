/* test_mirror_model.c - random changes against a naive model, and readers beside a writer. */
#include "mirror_kit.h"

#include <pthread.h>

/* --- random changes against a naive model --- */

#define MODEL_IDS 400
#define MODEL_OPS 6

struct model_item {
	uint64_t version, tomb;
	char code[8];
	bool there;
	unsigned ops[MODEL_OPS];
	enum op_kind kinds[MODEL_OPS];
	size_t op_count;
};

static char *model_text(struct model_item *items)
{
	struct buf b = { 0 };
	buf_putc(&b, '[');
	for (int64_t id = 1; id < MODEL_IDS; id++) {
		struct model_item *it = &items[id];
		bool show = it->there;
		int64_t at = (int64_t)it->version * 1000000;
		char status[16] = "Operativa";
		for (size_t i = 0; i < it->op_count; i++) {
			show = show && it->kinds[i] == OP_UPDATE;
			snprintf(status, sizeof(status), "s%u", it->ops[i]);
			at = (int64_t)it->ops[i] * 1000;
		}
		if (!show)
			continue;
		struct fields f = kit_fields(it->code, status);
		struct row *row = row_new(id, NO_OP, it->version, at, it->op_count > 0, &f);
		if (b.len > 1)
			buf_putc(&b, ',');
		buf_put(&b, row->json, row->json_len);
		row_unref(&row);
	}
	buf_putc(&b, ']');
	return buf_take(&b, NULL);
}

static void model_row(struct changes *c, struct model_item *it, int64_t id)
{
	uint64_t version = 1 + (uint64_t)(rand() % 40);
	char code[8];
	snprintf(code, sizeof(code), "v%u", (unsigned)version);
	add_row(c, id, version, code);
	if ((it->there && version < it->version) || version <= it->tomb)
		return;
	it->there = true;
	it->version = version;
	it->tomb = 0;
	snprintf(it->code, sizeof(it->code), "%s", code);
}

static void model_delete(struct changes *c, struct model_item *it, int64_t id)
{
	uint64_t version = 1 + (uint64_t)(rand() % 40);
	changes_delete(c, id, version, false);
	if (version <= it->tomb || (it->there && version <= it->version))
		return;
	it->there = false;
	it->tomb = version;
}

static void model_queue(struct changes *c, struct model_item *it, int64_t id, unsigned n)
{
	char status[16];
	if (it->op_count == MODEL_OPS)
		return;
	enum op_kind kind = rand() % 4 == 0 ? OP_DELETE : OP_UPDATE;
	snprintf(status, sizeof(status), "s%u", n);
	add_op(c, kind, n, id, 0, status);
	it->ops[it->op_count] = n;
	it->kinds[it->op_count++] = kind;
}

static void model_done(struct changes *c, struct model_item *it)
{
	if (it->op_count == 0)
		return;
	size_t done = 1 + (size_t)rand() % it->op_count;
	struct opid ops[MODEL_OPS];
	for (size_t i = 0; i < done; i++)
		ops[i] = kit_id(it->ops[i]);
	changes_done(c, ops, done, NO_OP, 0);
	it->op_count -= done;
	memmove(it->ops, it->ops + done, it->op_count * sizeof(it->ops[0]));
	memmove(it->kinds, it->kinds + done, it->op_count * sizeof(it->kinds[0]));
}

static void model_change(struct changes *c, struct model_item *items, unsigned n)
{
	int64_t id = 1 + rand() % (MODEL_IDS - 1);
	int dice = rand() % 10;
	if (dice < 5)
		model_row(c, &items[id], id);
	else if (dice < 7)
		model_delete(c, &items[id], id);
	else if (dice < 8)
		model_queue(c, &items[id], id, n);
	else
		model_done(c, &items[id]);
}

static void test_random_changes_match_a_naive_model(void **state)
{
	const char *given = getenv("MIRROR_SEED");
	unsigned seed =
		given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_wall_us();
	struct model_item *items = mem_zero(MODEL_IDS, sizeof(*items));
	struct mirror_view *held = NULL;
	char *held_text = NULL;
	print_message("MIRROR_SEED=%u\n", seed);
	srand(seed);
	for (unsigned n = 1; n <= 20000; n++) {
		struct changes c = { 0 };
		model_change(&c, items, n);
		log_next(*state, &c);
		if (n % 500 != 0)
			continue;
		char *expected = model_text(items), *text = kit_text(*state);
		assert_text(text, expected);
		if (held != NULL) {
			char *again = kit_view_text(held);
			assert_text(again, held_text);
			free(again);
		}
		struct mirror *loaded = reload(*state);
		mirror_free(&loaded);
		mirror_view_unref(&held);
		held = mirror_view(*state);
		free(held_text);
		held_text = text;
		free(expected);
	}
	mirror_view_unref(&held);
	free(held_text);
	free(items);
}

/* --- threads --- */

struct crowd {
	struct mirror *m;
	atomic_bool stop;
};

static void *read_views(void *arg)
{
	struct crowd *crowd = arg;
	while (!atomic_load(&crowd->stop)) {
		size_t count, bytes;
		struct mirror_view *v = mirror_view(crowd->m);
		struct list_query q = { .limit = 7, .after = 100 };
		struct list_page page;
		free(mirror_view_array(v, &count, &bytes));
		mirror_view_list(v, &q, &page);
		list_page_free(&page);
		q.needle = (char *)(uintptr_t) "v1";
		q.needle_len = 2;
		mirror_view_list(v, &q, &page);
		list_page_free(&page);
		char *one = kit_view_text(v), *two = kit_view_text(v);
		assert_text(one, two);
		free(one);
		free(two);
		mirror_view_unref(&v);
	}
	return NULL;
}

static void test_readers_hold_views_while_a_writer_applies(void **state)
{
	struct crowd crowd = { .m = *state };
	struct model_item *items = mem_zero(MODEL_IDS, sizeof(*items));
	pthread_t readers[3];
	atomic_init(&crowd.stop, false);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_views, &crowd), 0);
	srand(1);
	for (unsigned n = 1; n <= 4000; n++) {
		struct changes c = { 0 };
		model_change(&c, items, n);
		log_next(*state, &c);
	}
	atomic_store(&crowd.stop, true);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	char *expected = model_text(items), *text = kit_text(*state);
	assert_text(text, expected);
	free(expected);
	free(text);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_random_changes_match_a_naive_model),
		WITH(test_readers_hold_views_while_a_writer_applies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
