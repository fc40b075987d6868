/* test_fold.c - folding against a naive online run of the same operations, in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relevo/fold.h"

#define LENGTH_MAX 5

/* --- building operations --- */

static struct opid opid_of(unsigned n)
{
	struct opid id = { { 0 } };

	id.bytes[12] = (uint8_t)(n >> 24);
	id.bytes[13] = (uint8_t)(n >> 16);
	id.bytes[14] = (uint8_t)(n >> 8);
	id.bytes[15] = (uint8_t)n;
	return id;
}

/* A create gives every column, an update one that depends on `n`. */
static void give_fields(struct operation *op, unsigned n)
{
	struct fields f = { .store = NULL };
	char text[COLUMNS_MAX][40];

	for (size_t i = 0; i < column_count; i++) {
		if (op->kind != OP_CREATE && i != n % column_count)
			continue;
		snprintf(text[i], sizeof(text[i]), "%u-%zu", n, i);
		f.at[i] = (struct field){ .text = text[i],
					  .len = (uint32_t)strlen(text[i]),
					  .present = true };
	}
	fields_copy(&op->fields, &f);
}

static struct operation *make(enum op_kind kind, unsigned id, int64_t item_id, struct opid temp,
			      uint64_t seq)
{
	struct operation *op = operation_new();

	op->id = opid_of(id);
	op->kind = kind;
	op->item_id = item_id;
	op->temp = item_id != 0 ? (struct opid){ { 0 } } : temp;
	op->seq = seq;
	op->accepted_us = (int64_t)seq * 1000;
	if (kind != OP_DELETE)
		give_fields(op, id);
	return op;
}

static int64_t no_final_id(void *ctx, struct opid temp)
{
	(void)ctx;
	(void)temp;
	return 0;
}

static int64_t final_id_7(void *ctx, struct opid temp)
{
	const struct opid *known = ctx;

	return opid_equal(*known, temp) ? 7 : 0;
}

/* --- the naive online run --- */

struct online {
	bool existing, present, created;
	struct fields fields;
	struct operation *accepted[LENGTH_MAX + 1], *refused[LENGTH_MAX + 1];
	size_t accepted_count, refused_count;
};

static void online_run(struct online *o, struct operation *op)
{
	struct fields next;
	bool ok = op->kind == OP_CREATE ? !o->existing && !o->created : o->present;

	if (!ok) {
		o->refused[o->refused_count++] = op;
		return;
	}
	o->accepted[o->accepted_count++] = op;
	o->created |= op->kind == OP_CREATE;
	o->present = op->kind != OP_DELETE;
	if (op->kind == OP_DELETE) {
		fields_free(&o->fields);
		return;
	}
	fields_merge(&next, &o->fields, &op->fields);
	fields_free(&o->fields);
	o->fields = next;
}

static const struct net_effect *effect_with(const struct fold *f, const struct operation *op)
{
	const struct net_effect *found = NULL;

	for (size_t i = 0; i < f->count; i++)
		for (size_t k = 0; k < f->at[i].op_count; k++)
			if (f->at[i].ops[k] == op) {
				assert_null(found);
				found = &f->at[i];
			}
	assert_non_null(found);
	return found;
}

static void check_ops(const struct fold *f, struct operation *const *ops, size_t count,
		      enum net_kind kind)
{
	const struct net_effect *n;

	if (count == 0)
		return;
	n = effect_with(f, ops[0]);
	assert_int_equal(n->kind, kind);
	assert_int_equal(n->op_count, count);
	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(n->ops[i], ops[i]);
	assert_int_equal(n->seq, ops[0]->seq);
	assert_int_equal(n->accepted_us, ops[count - 1]->accepted_us);
}

static void check(const struct fold *f, const struct online *o)
{
	enum net_kind kind = NET_NOTHING;

	if (o->existing)
		kind = o->present ? NET_UPDATE : NET_DELETE;
	else if (o->present)
		kind = NET_CREATE;
	check_ops(f, o->accepted, o->accepted_count, kind);
	check_ops(f, o->refused, o->refused_count, NET_ORPHAN);
	if (o->accepted_count > 0 && o->present)
		assert_true(fields_equal(&effect_with(f, o->accepted[0])->fields, &o->fields));
}

static int rank_of(enum net_kind kind)
{
	return kind == NET_CREATE ? 2 : kind == NET_UPDATE ? 1 : 0;
}

static void check_order(const struct fold *f)
{
	for (size_t i = 1; i < f->count; i++) {
		int before = rank_of(f->at[i - 1].kind), now = rank_of(f->at[i].kind);

		assert_true(before <= now);
		if (before == now)
			assert_true(f->at[i - 1].seq <= f->at[i].seq);
	}
}

/* --- every order --- */

/* Sequence number `n` of `length` kinds. */
static void sequence(unsigned n, unsigned length, enum op_kind kinds[LENGTH_MAX])
{
	for (unsigned i = 0; i < length; i++, n /= OP_KINDS)
		kinds[i] = (enum op_kind)(n % OP_KINDS);
}

static unsigned power(unsigned length)
{
	unsigned n = 1;

	for (unsigned i = 0; i < length; i++)
		n *= OP_KINDS;
	return n;
}

/* The lists as the drain reads them: creates, updates, deletes. */
static size_t as_lists(struct operation *const *ops, size_t count, struct operation **out)
{
	size_t put = 0;

	for (int kind = 0; kind < OP_KINDS; kind++)
		for (size_t i = 0; i < count; i++)
			if ((int)ops[i]->kind == kind)
				out[put++] = ops[i];
	return put;
}

static bool has_create(const enum op_kind *kinds, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		if (kinds[i] == OP_CREATE)
			return true;
	return false;
}

static void one_sequence(const enum op_kind *kinds, unsigned length, bool existing, bool legacy)
{
	struct operation *ops[LENGTH_MAX] = { NULL }, *lists[LENGTH_MAX] = { NULL };
	struct online online = { .existing = existing, .present = existing };
	struct opid temp = opid_of(1000);
	struct fold fold;

	for (unsigned i = 0; i < length; i++) {
		ops[i] = make(kinds[i], i + 1, existing ? 5 : 0, temp, legacy ? 0 : i + 1);
		if (kinds[i] == OP_CREATE)
			ops[i]->id = temp;
	}
	as_lists(ops, length, lists);
	for (unsigned i = 0; i < length; i++)
		online_run(&online, legacy ? lists[i] : ops[i]);
	fold_operations(&fold, lists, length, no_final_id, NULL);
	check(&fold, &online);
	check_order(&fold);
	fold_free(&fold);
	fields_free(&online.fields);
	for (unsigned i = 0; i < length; i++)
		operation_unref(&ops[i]);
}

static void every_sequence(bool existing, bool legacy)
{
	for (unsigned length = 0; length <= LENGTH_MAX; length++) {
		for (unsigned n = 0; n < power(length); n++) {
			enum op_kind kinds[LENGTH_MAX];

			sequence(n, length, kinds);
			if (!existing || !has_create(kinds, length))
				one_sequence(kinds, length, existing, legacy);
		}
	}
}

static void every_order_on_an_existing_row(void **state)
{
	(void)state;
	every_sequence(true, false);
}

static void every_order_on_an_offline_created_item(void **state)
{
	(void)state;
	every_sequence(false, false);
}

static void legacy_entries_run_by_kind_in_list_order(void **state)
{
	(void)state;
	every_sequence(true, true);
	every_sequence(false, true);
}

/* All sequences of length 4 at once, each on an item of its own, their operations interleaved. */
static void items_interleaved(void **state)
{
	enum { LENGTH = 4, ITEMS = 81 };
	struct operation *ops[ITEMS * LENGTH], *lists[ITEMS * LENGTH];
	struct online online[ITEMS] = { { .existing = false } };
	struct fold fold;
	unsigned count = 0;

	(void)state;
	for (unsigned step = 0; step < LENGTH; step++) {
		for (unsigned item = 0; item < ITEMS; item++) {
			enum op_kind kinds[LENGTH_MAX];
			struct opid temp = opid_of(10000 + item);
			int64_t id;

			sequence(item, LENGTH, kinds);
			id = has_create(kinds, LENGTH) ? 0 : (int64_t)item + 1;
			online[item].existing = id != 0;
			if (step == 0)
				online[item].present = id != 0;
			ops[count] = make(kinds[step], count + 1, id, temp, count + 1);
			if (kinds[step] == OP_CREATE)
				ops[count]->id = temp;
			online_run(&online[item], ops[count]);
			count++;
		}
	}
	as_lists(ops, count, lists);
	fold_operations(&fold, lists, count, no_final_id, NULL);
	for (unsigned item = 0; item < ITEMS; item++) {
		check(&fold, &online[item]);
		fields_free(&online[item].fields);
	}
	check_order(&fold);
	fold_free(&fold);
	for (unsigned i = 0; i < count; i++)
		operation_unref(&ops[i]);
}

/* --- single cases --- */

static void temporary_and_final_id_are_one_item(void **state)
{
	struct opid temp = opid_of(500);
	struct operation *ops[] = { make(OP_UPDATE, 1, 0, temp, 1), make(OP_UPDATE, 2, 7, temp, 2),
				    make(OP_DELETE, 3, 0, temp, 3) };
	struct fold fold;

	(void)state;
	fold_operations(&fold, ops, 3, final_id_7, &temp);
	assert_int_equal(fold.count, 1);
	assert_int_equal(fold.at[0].kind, NET_DELETE);
	assert_int_equal(fold.at[0].item_id, 7);
	assert_true(opid_is_zero(fold.at[0].temp));
	assert_int_equal(fold.at[0].op_count, 3);
	fold_free(&fold);
	for (size_t i = 0; i < 3; i++)
		operation_unref(&ops[i]);
}

static void unknown_temporary_items_are_orphans(void **state)
{
	struct opid temp = opid_of(500), other = opid_of(501);
	struct operation *ops[] = { make(OP_UPDATE, 1, 0, other, 1),
				    make(OP_DELETE, 2, 0, other, 2) };
	struct fold fold;

	(void)state;
	fold_operations(&fold, ops, 2, final_id_7, &temp);
	assert_int_equal(fold.count, 1);
	assert_int_equal(fold.at[0].kind, NET_ORPHAN);
	assert_int_equal(fold.at[0].item_id, 0);
	assert_true(opid_equal(fold.at[0].temp, other));
	fold_free(&fold);
	operation_unref(&ops[0]);
	operation_unref(&ops[1]);
}

static void base_is_the_first_known_and_attempt_the_greatest(void **state)
{
	struct opid none = { { 0 } };
	struct operation *ops[] = { make(OP_UPDATE, 1, 5, none, 3), make(OP_UPDATE, 2, 5, none, 1),
				    make(OP_UPDATE, 3, 5, none, 2) };
	struct fold fold;

	(void)state;
	ops[0]->base_version = 9;
	ops[0]->base_updated_us = 90;
	ops[2]->base_version = 8;
	ops[2]->base_updated_us = 80;
	ops[2]->attempt = 2;
	ops[0]->attempt = 1;
	fold_operations(&fold, ops, 3, no_final_id, NULL);
	assert_int_equal(fold.count, 1);
	assert_int_equal(fold.at[0].base_version, 8);
	assert_int_equal(fold.at[0].base_updated_us, 80);
	assert_int_equal(fold.at[0].attempt, 2);
	assert_int_equal(fold.at[0].seq, 1);
	assert_int_equal(fold.at[0].accepted_us, 3000);
	fold_free(&fold);
	for (size_t i = 0; i < 3; i++)
		operation_unref(&ops[i]);
}

static void legacy_entries_come_before_ours(void **state)
{
	struct opid none = { { 0 } };
	struct operation *ops[] = { make(OP_UPDATE, 1, 5, none, 40),
				    make(OP_UPDATE, 6, 5, none, 0) };
	struct fold fold;

	(void)state;
	fold_operations(&fold, ops, 2, no_final_id, NULL);
	assert_int_equal(fold.count, 1);
	assert_ptr_equal(fold.at[0].ops[0], ops[1]);
	assert_string_equal(fold.at[0].fields.at[1].text, "1-1");
	fold_free(&fold);
	operation_unref(&ops[0]);
	operation_unref(&ops[1]);
}

static void nothing_folds_to_nothing(void **state)
{
	struct fold fold;

	(void)state;
	fold_operations(&fold, NULL, 0, no_final_id, NULL);
	assert_int_equal(fold.count, 0);
	fold_free(&fold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_on_an_existing_row),
		cmocka_unit_test(every_order_on_an_offline_created_item),
		cmocka_unit_test(legacy_entries_run_by_kind_in_list_order),
		cmocka_unit_test(items_interleaved),
		cmocka_unit_test(temporary_and_final_id_are_one_item),
		cmocka_unit_test(unknown_temporary_items_are_orphans),
		cmocka_unit_test(base_is_the_first_known_and_attempt_the_greatest),
		cmocka_unit_test(legacy_entries_come_before_ours),
		cmocka_unit_test(nothing_folds_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
