-- adopt: give an entry that came without an operation id (the Python backend's, or an unreadable
-- one) its id in place, under the lease; a readable one is marked and logged like any other.
-- ARGV: token, epoch, instance, nonce, list, index, old entry, new entry (whole), operation, and
--   for a readable one: kind (c u d) and item key, else '' and ''. It has no number: it is older
--   than all that have one.
if redis.call('GET', 'sync:lease') ~= ARGV[1] then
	return redis.error_reply('LEASE lost')
end
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[2] then
	return redis.error_reply('EPOCH changed')
end
if redis.call('LINDEX', ARGV[5], ARGV[6]) ~= ARGV[7] then
	return redis.error_reply('STALE the entry moved')
end
redis.call('LSET', ARGV[5], ARGV[6], ARGV[8])
redis.call('HSET', 'items:ops', ARGV[9], '-')
if ARGV[10] == '' then
	return 0
end
local marker = redis.call('HGET', 'items:pending:ids', ARGV[11])
local waits = marker and redis.call('HGET', 'items:ops', string.sub(marker, 2))
if not (waits and string.match(waits, ' [1-9]')) then
	redis.call('HSET', 'items:pending:ids', ARGV[11], ARGV[10] .. ARGV[9])
end
local seq = redis.call('HINCRBY', 'items:log', 'seq', 1)
redis.call('XADD', 'items:changes', seq .. '-0', 'by', ARGV[3], 'n', ARGV[4],
	'c', '[{"t":"op","entry":' .. ARGV[8] .. '}]')
return seq
