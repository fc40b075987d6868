-- publish: put a snapshot of the mirror and its hash in place, only ever forward.
-- ARGV: epoch, position, hash, how many log entries before it to keep, '1' to replace the snapshot
--   of the same position, from which byte on it differs from the one that is there, length and hash
--   of that one ('' to put all of it), the scratch key that holds the bytes ('' if they follow), how
--   many bytes, the bytes.
-- Returns the position, or false if another snapshot is there than the one described, or one that
-- a check found damaged: then nothing is built on it. Also if the scratch key is not what was put
-- there.
local scratch = ARGV[9]
local function forget()
	if scratch ~= '' then
		redis.call('UNLINK', scratch)
	end
end
local function refuse(reason)
	forget()
	return redis.error_reply(reason)
end
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[1] then
	return refuse('EPOCH changed')
end
local position = tonumber(ARGV[2])
local present = tonumber(redis.call('HGET', 'items:log', 'snap') or '-1')
if present > position or (present == position and ARGV[5] ~= '1') then
	return refuse('STALE a later snapshot is there')
end
if ARGV[8] ~= '' then
	if redis.pcall('STRLEN', 'items:cache') ~= tonumber(ARGV[7]) or
		redis.pcall('GET', 'items:cache:hash') ~= ARGV[8] or
		redis.call('HEXISTS', 'items:log', 'damaged') == 1 then
		forget()
		return false
	end
	local bytes = ARGV[11]
	if scratch ~= '' then
		bytes = redis.call('GET', scratch)
		forget()
		if not bytes or #bytes ~= tonumber(ARGV[10]) then
			return false
		end
	end
	redis.call('SETRANGE', 'items:cache', ARGV[6], bytes)
elseif scratch == '' then
	redis.call('SET', 'items:cache', ARGV[11])
elseif redis.call('STRLEN', scratch) ~= tonumber(ARGV[10]) then
	forget()
	return false
else
	redis.call('UNLINK', 'items:cache')
	redis.call('RENAME', scratch, 'items:cache')
	redis.call('PERSIST', 'items:cache')
end
redis.call('SET', 'items:cache:hash', ARGV[3])
redis.call('HSET', 'items:log', 'snap', position)
if ARGV[8] == '' then
	redis.call('HDEL', 'items:log', 'damaged')
end
local oldest = position - tonumber(ARGV[4])
if oldest > 0 then
	redis.call('XTRIM', 'items:changes', 'MINID', '~', oldest .. '-0')
end
return position
