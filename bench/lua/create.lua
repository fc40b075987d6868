-- wrk: POST /items with a body that is never the same twice; says how many answers were no 2xx.
local thread_id, sent = 0, 0
local threads = 0
function setup(thread)
	threads = threads + 1
	thread:set('thread_id', threads)
end
function request()
	sent = sent + 1
	local body = string.format('{"code":"PC-%d-%d","type":"Computadora","status":"Operativa",'
		.. '"area":"Sala 1","acquisition_date":"2024-01-01"}', thread_id, sent)
	return wrk.format('POST', '/items', { ['Content-Type'] = 'application/json' }, body)
end
function done(summary)
	io.write(string.format('bad %d\n', summary.errors.status + summary.errors.connect
		+ summary.errors.read + summary.errors.write + summary.errors.timeout))
end
