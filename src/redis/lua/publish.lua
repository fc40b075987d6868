-- publish: put a snapshot of the mirror and its hash in place, only ever forward.
-- ARGV: epoch, position, hash, how many log entries before it to keep, '1' to replace the snapshot
--   of the same position, the scratch key that holds the bytes ('' if they follow), the bytes.
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[1] then
	return redis.error_reply('EPOCH changed')
end
local position = tonumber(ARGV[2])
local present = tonumber(redis.call('HGET', 'items:log', 'snap') or '-1')
if present > position or (present == position and ARGV[5] ~= '1') then
	if ARGV[6] ~= '' then
		redis.call('UNLINK', ARGV[6])
	end
	return redis.error_reply('STALE a later snapshot is there')
end
if ARGV[6] == '' then
	redis.call('SET', 'items:cache', ARGV[7])
else
	redis.call('UNLINK', 'items:cache')
	redis.call('RENAME', ARGV[6], 'items:cache')
	redis.call('PERSIST', 'items:cache')
end
redis.call('SET', 'items:cache:hash', ARGV[3])
redis.call('HSET', 'items:log', 'snap', position)
local oldest = position - tonumber(ARGV[4])
if oldest > 0 then
	redis.call('XTRIM', 'items:changes', 'MINID', '~', oldest .. '-0')
end
return position
