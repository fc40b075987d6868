-- settle: after a transaction of the drain: forget its operations, trim the lists, log the result.
-- ARGV: token, epoch, instance, nonce, changes (JSON array), entries to trim from the head of the
--   create, update and delete list, then three groups, each with its count first:
--   operations: operation, item key, final item key ('' none)
--   records:    operation, record (JSON), ttl in seconds
--   dead:       operation, letter (JSON; '' takes the letter away)
-- Returns the log entry's sequence number, 0 if there were no changes.
if redis.call('GET', 'sync:lease') ~= ARGV[1] then
	return redis.error_reply('LEASE lost')
end
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[2] then
	return redis.error_reply('EPOCH changed')
end
local at = 9
local function group(width, each)
	local count = tonumber(ARGV[at])
	at = at + 1
	for _ = 1, count do
		each(ARGV[at], ARGV[at + 1], ARGV[at + 2])
		at = at + width
	end
end
local ids = 'items:pending:ids'
local moved = {}
group(3, function(op, key, final)
	redis.call('HDEL', 'items:ops', op)
	for _, name in ipairs({ key, final }) do
		local marker = name ~= '' and redis.call('HGET', ids, name)
		if marker and string.sub(marker, 2) == op then
			redis.call('HDEL', ids, name)
			redis.call('HDEL', 'items:overtaken', name)
		end
	end
	if final ~= '' then
		moved[key] = final
	end
end)
for key, final in pairs(moved) do
	local marker = key ~= final and redis.call('HGET', ids, key)
	if marker then
		redis.call('HDEL', ids, key)
		-- what has the final id already is later
		redis.call('HSETNX', ids, final, marker)
	end
end
group(3, function(op, record, ttl)
	redis.call('SET', 'items:done:' .. op, record, 'EX', ttl)
end)
group(2, function(op, letter)
	if letter == '' then
		redis.call('HDEL', 'items:dead', op)
	elseif redis.call('HLEN', 'items:dead') < 10000 then
		-- more are not copied here (LETTERS_SHOWN); housekeeping sees to it that it is the newest
		redis.call('HSET', 'items:dead', op, letter)
	end
end)
for i, list in ipairs({ 'items:pending', 'items:pending_updates', 'items:pending_deletes' }) do
	local count = tonumber(ARGV[5 + i])
	if count > 0 then
		redis.call('LTRIM', list, count, -1)
	end
end
if ARGV[5] == '[]' then
	return 0
end
local seq = redis.call('HINCRBY', 'items:log', 'seq', 1)
redis.call('XADD', 'items:changes', seq .. '-0', 'by', ARGV[3], 'n', ARGV[4], 'c', ARGV[5])
return seq
