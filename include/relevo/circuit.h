/* circuit.h - is a server usable? One circuit per server, shared by all threads.
 *
 * Opens when a connection is refused or falls silent, not on errors of a statement, and when one is
 * cut only if no new one can be had; answers go the other way at once while it is open. Only the
 * probe closes it. Lock-free reads, any thread.
 */
#ifndef RELEVO_CIRCUIT_H
#define RELEVO_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

#include "relevo/log.h"

struct circuit;

struct circuit *circuit_new(const char *name, enum log_tag tag); /* open: not known to be up yet */
void circuit_free(struct circuit **c);
bool circuit_up(const struct circuit *c);
/* Opens it; logs one line only when it was closed. */
void circuit_trip(struct circuit *c, const char *why);
/* The probe found the server well; logs when it was open. It asked after `seen` switches: one that
 * was opened since stays open. */
void circuit_close(struct circuit *c, uint64_t seen);
/* Counts how often it was closed or opened; moves with every switch. */
uint64_t circuit_switches(const struct circuit *c);
/* clock_mono_ms() of the last switch; 0: none yet. */
int64_t circuit_switched_ms(const struct circuit *c);
/* The probe has an answer, be it good or bad, to what it asked at `asked_ms` (clock_mono_ms). */
void circuit_probed(struct circuit *c, int64_t asked_ms);
int64_t circuit_probed_ms(const struct circuit *c); /* -1: none yet */
/* Wait until the circuit is closed, a switch happens, or the deadline (clock_mono_ms): true if up.
 */
bool circuit_wait_up(struct circuit *c, int64_t deadline_ms);
/* Call `wake(ctx)` after every switch (from the thread that switched). Set before threads start. */
void circuit_on_switch(struct circuit *c, void (*wake)(void *ctx), void *ctx);

#endif
