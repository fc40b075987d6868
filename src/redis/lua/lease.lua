-- lease: who drains and verifies. The fencing token is a counter, so a later holder's is greater;
-- it begins at the time in ms, so that no token comes again after a FLUSHALL.
-- ARGV: take | keep | drop, token (keep, drop) or instance (take), time to live in ms (take, keep).
-- take returns the token, or 0 if another instance holds it (a lease of our own that we lost sight
-- of, say because Redis was away, is taken over: its token is no longer the current one);
-- keep fails with LEASE once it is lost.
local held = redis.call('GET', 'sync:lease')
if ARGV[1] == 'take' then
	if held and redis.call('GET', 'sync:lease:holder') ~= ARGV[2] then
		return 0
	end
	if redis.call('EXISTS', 'sync:fence') == 0 then
		local now = redis.call('TIME')
		redis.call('SET', 'sync:fence', string.format('%.0f',
			now[1] * 1000 + math.floor(now[2] / 1000)))
	end
	local token = redis.call('INCR', 'sync:fence')
	redis.call('SET', 'sync:lease', token, 'PX', ARGV[3])
	redis.call('SET', 'sync:lease:holder', ARGV[2], 'PX', ARGV[3])
	return token
end
if held ~= ARGV[2] then
	return redis.error_reply('LEASE lost')
end
if ARGV[1] == 'keep' then
	redis.call('PEXPIRE', 'sync:lease', ARGV[3])
	redis.call('PEXPIRE', 'sync:lease:holder', ARGV[3])
else
	redis.call('DEL', 'sync:lease', 'sync:lease:holder')
end
return 1
