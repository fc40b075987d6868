-- append: put one entry of changes at the end of the log.
-- ARGV: epoch, instance, nonce, changes (JSON array), then triples: operation, record (JSON), ttl s.
-- Returns the entry's sequence number.
-- A row of ours that comes while an operation waits on its item was under way when that was queued.
-- It is kept in `items:overtaken`, so that the drain does not take it for somebody else's.
if redis.call('HGET', 'items:log', 'epoch') ~= ARGV[1] then
	return redis.error_reply('EPOCH changed')
end
local seq = redis.call('HINCRBY', 'items:log', 'seq', 1)
redis.call('XADD', 'items:changes', seq .. '-0', 'by', ARGV[2], 'n', ARGV[3], 'c', ARGV[4])
if redis.call('HLEN', 'items:pending:ids') > 0 then
	for _, change in ipairs(cjson.decode(ARGV[4])) do
		local item = change.t == 'row' and not change.foreign and change.item
		local key = item and string.format('%.0f', item.id)
		if key and redis.call('HEXISTS', 'items:pending:ids', key) == 1 then
			redis.call('HSET', 'items:overtaken', key,
				string.format('%.0f %s', item.version, item.updated_at))
		end
	end
end
for i = 5, #ARGV, 3 do
	redis.call('SET', 'items:done:' .. ARGV[i], ARGV[i + 1], 'EX', ARGV[i + 2])
end
return seq
