-- found: begin a new epoch of the log after Redis came up empty or lost its memory.
-- ARGV: epoch, hash of the snapshot, metadata (JSON, '' none), the epoch that is to end ('' none),
--   the scratch key that holds the snapshot ('' if its bytes follow), how many bytes, the bytes.
-- The pending lists stay as they are: what they hold is still to be done.
-- STALE: another epoch has begun, or the scratch key is not what was put there.
local present = redis.call('HGET', 'items:log', 'epoch') or ''
local lost = ARGV[5] ~= '' and redis.call('STRLEN', ARGV[5]) ~= tonumber(ARGV[6])
if present ~= ARGV[4] or lost then
	if ARGV[5] ~= '' then
		redis.call('UNLINK', ARGV[5])
	end
	return redis.error_reply(lost and 'STALE the pieces of the snapshot were lost' or
		'STALE another epoch has begun')
end
redis.call('DEL', 'items:changes', 'items:log')
redis.call('HSET', 'items:log', 'epoch', ARGV[1], 'seq', 0, 'snap', 0)
if ARGV[5] == '' then
	redis.call('SET', 'items:cache', ARGV[7])
else
	redis.call('UNLINK', 'items:cache')
	redis.call('RENAME', ARGV[5], 'items:cache')
	redis.call('PERSIST', 'items:cache')
end
redis.call('SET', 'items:cache:hash', ARGV[2])
if ARGV[3] ~= '' then
	redis.call('SET', 'sync:metadata', ARGV[3])
end
return 0
