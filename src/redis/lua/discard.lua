-- discard: take a dead letter away, unless a retry has taken it (see accept).
-- ARGV: operation, the attempt that its retry would be.
-- Returns 1, or 0 if it was retried or discarded before. `items:dead:discarded` keeps it until it is
-- forgotten in MySQL too.
local taken = 'items:dead:taken:' .. ARGV[1]
if (tonumber(redis.call('GET', taken) or '') or 0) >= tonumber(ARGV[2]) then
	return 0
end
redis.call('SET', taken, ARGV[2], 'EX', 86400)
redis.call('SADD', 'items:dead:discarded', ARGV[1])
redis.call('HDEL', 'items:dead', ARGV[1])
return 1
