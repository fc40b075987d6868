-- wrk: POST /items with a body that is never the same twice; says how many answers were no 2xx.
local threads = 0
function setup(thread)
	threads = threads + 1
	thread:set('thread_id', threads)
end

-- The request is put together once, but for a number of fixed width: wrk shall not be what we
-- measure.
local sent, before, after = 0
function init()
	local body = string.format('{"code":"PC-%d-@@@@@@@@@@","type":"Computadora",'
		.. '"status":"Operativa","area":"Sala 1","acquisition_date":"2024-01-01"}', thread_id)
	local whole = wrk.format('POST', '/items', { ['Content-Type'] = 'application/json' }, body)
	before, after = whole:match('^(.-)@+(.*)$')
end
function request()
	sent = sent + 1
	return before .. string.format('%010d', sent) .. after
end

function done(summary)
	io.write(string.format('bad %d\n', summary.errors.status + summary.errors.connect
		+ summary.errors.read + summary.errors.write + summary.errors.timeout))
end
