-- wrk: GET one of the first 1,000 items, a different one each time.
local n = 0
function request()
	n = n % 1000 + 1
	return wrk.format('GET', '/items/' .. n)
end
function done(summary)
	io.write(string.format('bad %d\n', summary.errors.status + summary.errors.timeout))
end
