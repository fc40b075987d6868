-- accept: queue operations in the pending lists, mark their items, log the changes.
-- ARGV: epoch, instance, nonce, limit, then six values an operation: operation, kind (c u d),
--   item key, expected marker of that item ('' none, '*' or '+' any), entry without `seq` and brace,
--   fingerprint ('-' none).
-- Entries are numbered by `items:order`, which a new epoch does not set back.
-- Returns {seq (0: nothing was logged), verdict, ..}: a verdict is `ok`, `full`, `stale` (the
--   item's marker is not the expected one: catch up and decide again), `moved` (the temporary
--   item has its final id), `dup:FINGERPRINT` (this operation waits already), `done` (this keyed
--   operation is applied already). With marker '*' what is known to be accepted is put back: it is
--   neither moved nor done, the drain finds out. With '+' too, unless its record says that it is done.
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[1] then
	return redis.error_reply('EPOCH changed')
end
local lists = { c = 'items:pending', u = 'items:pending_updates', d = 'items:pending_deletes' }
local limit = tonumber(ARGV[4])
local waiting = redis.call('LLEN', lists.c) + redis.call('LLEN', lists.u)
	+ redis.call('LLEN', lists.d)
local seq = tonumber(redis.call('HGET', 'items:log', 'seq')) + 1
local changes, verdicts = {}, {}

local function verdict(op, kind, key, expected, fingerprint)
	local again = expected == '*' or expected == '+'
	local known = redis.call('HGET', 'items:ops', op)
	if known then
		return 'dup:' .. known
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

for i = 5, #ARGV, 6 do
	local op, kind, key = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local said = verdict(op, kind, key, ARGV[i + 3], ARGV[i + 5])
	if said == 'ok' then
		local entry = ARGV[i + 4] .. ',"seq":' .. redis.call('INCR', 'items:order') .. '}'
		redis.call('RPUSH', lists[kind], entry)
		redis.call('HSET', 'items:pending:ids', key, kind .. op)
		redis.call('HSET', 'items:ops', op, ARGV[i + 5])
		redis.call('HDEL', 'items:dead', op)
		changes[#changes + 1] = '{"t":"op","entry":' .. entry .. '}'
		waiting = waiting + 1
	end
	verdicts[#verdicts + 1] = said
end
if #changes == 0 then
	return { 0, unpack(verdicts) }
end
redis.call('HSET', 'items:log', 'seq', seq)
redis.call('XADD', 'items:changes', seq .. '-0', 'by', ARGV[2], 'n', ARGV[3],
	'c', '[' .. table.concat(changes, ',') .. ']')
return { seq, unpack(verdicts) }
