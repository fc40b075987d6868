-- append: put one entry of changes at the end of the log.
-- ARGV: epoch, instance, nonce, changes (JSON array), then triples: operation, record (JSON), ttl s.
-- Returns the entry's sequence number.
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[1] then
	return redis.error_reply('EPOCH changed')
end
local seq = redis.call('HINCRBY', 'items:log', 'seq', 1)
redis.call('XADD', 'items:changes', seq .. '-0', 'by', ARGV[2], 'n', ARGV[3], 'c', ARGV[4])
for i = 5, #ARGV, 3 do
	redis.call('SET', 'items:done:' .. ARGV[i], ARGV[i + 1], 'EX', ARGV[i + 2])
end
return seq
