-- accept: queue operations in the pending lists, mark their items, log the changes.
-- ARGV: epoch, instance, nonce, limit, until when in microseconds of this server's clock ('' any
--   time; STALE later, nothing is done), then seven values an operation: operation, kind (c u d),
--   item key, expected marker of that item ('' none, '*', '+' or '#N' any), entry without `seq` and
--   brace, fingerprint ('-' none), its number ('' it gets one; one that had none has '0').
-- Numbers give the order of acceptance. They are microseconds of this server's clock, or one above
--   the last one, `items:order`, so those that come after a loss of memory are above those before
--   it, and what is put back keeps its place.
-- Returns {seq (0: nothing was logged), verdict, ..}: a verdict is `ok:NUMBER`, `full`, `stale` (the
--   item's marker is not the expected one: catch up and decide again), `moved` (the temporary
--   item has its final id), `dup:FINGERPRINT` (this operation waits already), `done` (this keyed
--   operation is applied already). With marker '*' what is known to be accepted is put back: it is
--   neither moved nor done, the drain finds out. With '+' too, unless its record says that it is done.
-- '#N' retries a dead letter, as its attempt N: `taken` if a retry or the script `discard` took that
--   letter before. That is known for longer than a retry that has read the letter is on its way.
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[1] then
	return redis.error_reply('EPOCH changed')
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if ARGV[5] ~= '' and now > tonumber(ARGV[5]) then
	return redis.error_reply('STALE nobody waits for the answer any more')
end
local lists = { c = 'items:pending', u = 'items:pending_updates', d = 'items:pending_deletes' }
local limit = tonumber(ARGV[4])
local waiting = redis.call('LLEN', lists.c) + redis.call('LLEN', lists.u)
	+ redis.call('LLEN', lists.d)
local seq = tonumber(redis.call('HGET', 'items:log', 'seq')) + 1
local last = tonumber(redis.call('GET', 'items:order') or '') or 0
local changes, verdicts = {}, {}
local TAKEN = 'items:dead:taken:'

local function number_of(given)
	local number = tonumber(given)
	if not number then
		number = math.max(last + 1, now)
	end
	last = math.max(last, number)
	return number
end

-- Does one that was accepted later wait on the item already?
local function is_late(key, number)
	local marker = redis.call('HGET', 'items:pending:ids', key)
	local waits = marker and redis.call('HGET', 'items:ops', string.sub(marker, 2))
	return waits and tonumber(string.match(waits, ' (%d+)$') or 0) > number
end

local function attempt_of(expected)
	return tonumber(string.match(expected, '^#(%d+)$') or '')
end

local function verdict(op, kind, key, expected, fingerprint, attempt)
	local again = expected == '*' or expected == '+' or attempt
	local known = redis.call('HGET', 'items:ops', op)
	if known then
		return 'dup:' .. string.match(known, '^%S*')
	end
	if attempt and (tonumber(redis.call('GET', TAKEN .. op) or '') or 0) >= attempt then
		return 'taken'
	end
	if waiting >= limit then
		return 'full'
	end
	if (expected == '+' or (not again and fingerprint ~= '-'))
		and redis.call('EXISTS', 'items:done:' .. op) == 1 then
		return 'done'
	end
	if kind ~= 'c' and not again then
		if string.sub(key, 1, 8) == 'pending_'
			and redis.call('EXISTS', 'items:done:' .. string.sub(key, 9)) == 1 then
			return 'moved'
		end
		local marker = redis.call('HGET', 'items:pending:ids', key) or ''
		if marker ~= expected then
			return 'stale'
		end
	end
	return 'ok'
end

for i = 6, #ARGV, 7 do
	local op, kind, key = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local attempt = attempt_of(ARGV[i + 3])
	local said = verdict(op, kind, key, ARGV[i + 3], ARGV[i + 5], attempt)
	if said == 'ok' then
		local number = number_of(ARGV[i + 6])
		local digits = string.format('%.0f', number)
		local entry = ARGV[i + 4] .. (number > 0 and ',"seq":' .. digits or '') .. '}'
		redis.call('RPUSH', lists[kind], entry)
		if not is_late(key, number) then
			redis.call('HSET', 'items:pending:ids', key, kind .. op)
		end
		redis.call('HSET', 'items:ops', op, ARGV[i + 5] .. ' ' .. digits)
		redis.call('HDEL', 'items:dead', op)
		if attempt then
			redis.call('SET', TAKEN .. op, attempt, 'EX', 86400)
		end
		changes[#changes + 1] = '{"t":"op","entry":' .. entry .. '}'
		waiting = waiting + 1
		said = 'ok:' .. digits
	end
	verdicts[#verdicts + 1] = said
end
if #changes == 0 then
	return { 0, unpack(verdicts) }
end
redis.call('SET', 'items:order', string.format('%.0f', last))
redis.call('HSET', 'items:log', 'seq', seq)
redis.call('XADD', 'items:changes', seq .. '-0', 'by', ARGV[2], 'n', ARGV[3],
	'c', '[' .. table.concat(changes, ',') .. ']')
return { seq, unpack(verdicts) }
