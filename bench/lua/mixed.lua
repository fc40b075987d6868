-- wrk: creates, reads, lists, patches, deletes and bad requests; about 600 items stay.
-- FIRST: the greatest id so far (environment).
local n, created = 0, tonumber(os.getenv('FIRST') or '0')
local json = { ['Content-Type'] = 'application/json' }
function request()
	n = n + 1
	local kind, id = n % 10, math.max(1, created - n % 300)
	if kind == 0 then
		created = created + 1
		return wrk.format('POST', '/items', json, string.format(
			'{"code":"M-%d","type":"Monitor","status":"Operativa","area":"Sala %d"}', n, n % 7))
	elseif kind == 1 then
		return wrk.format('PATCH', '/items/' .. id, json, '{"status":"Rota ' .. n .. '"}')
	elseif kind == 2 and created > 600 then
		return wrk.format('DELETE', '/items/' .. created - 600)
	elseif kind == 3 then
		return wrk.format('POST', '/items', json, '{"code":"","color":1}')
	elseif kind == 4 then
		return wrk.format('GET', '/items?limit=100&status=Operativa')
	elseif kind == 5 then
		return wrk.format('GET', '/items?limit=50&q=sala%20' .. n % 7)
	end
	return wrk.format('GET', '/items/' .. id)
end
